"""What is random in a tree, compiled: which rows it sees, and which covariates a node tries.

Whoever changes this file must touch ``grow`` and ``walk``, since numba keeps what it has compiled by the file of the
caller alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

OUT, SPLIT, ESTIMATE, BOTH = 0, 1, 2, 3  # what a tree does with a row

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@njit(cache=True, nogil=True)
def _mix(z: Any) -> Any:
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@njit(cache=True, nogil=True)
def stream(seed: Any, number: Any, purpose: Any) -> Any:
    """State of a generator of its own (SplitMix64) for each seed, tree or bag, and purpose."""
    state = np.empty(1, np.uint64)
    state[0] = _mix(_mix(_mix(np.uint64(seed) + _GOLDEN) + np.uint64(number) * _GOLDEN) + np.uint64(purpose))
    return state


@njit(cache=True, nogil=True)
def _uniform(state: Any) -> Any:
    state[0] += _GOLDEN
    return np.float64(_mix(state[0]) >> _S11) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def _poisson(state: Any, mean: float) -> Any:
    count, product, bound = 0, _uniform(state), np.exp(-mean)
    while product > bound:
        count += 1
        product *= _uniform(state)
    return count


@njit(cache=True, nogil=True)
def draw_states(seed: int, tree: int, bag: int, units: int, share: float, honest: float) -> Any:
    """What a tree does with each unit (a row, or a cluster of rows): OUT, SPLIT, ESTIMATE or BOTH; shape (units,).

    The trees of a little bag draw from one half of the units, a tree that is alone from all. Nothing is stored: the
    states are drawn anew whenever they are needed.
    """
    states = np.zeros(units, np.uint8)
    half = units // 2 if bag > 1 else units
    take = min(max(round(share * units), 2), half)
    shared, own = stream(seed, tree // bag, 1), stream(seed, tree, 2)
    left, open_half, open_take = units, half, take
    split = take if honest == 0 else min(max(round((1 - honest) * take), 1), take - 1)
    inside, open_split = half, split
    for i in range(units):  # choose exactly `half` of the units, of them `take`, and of those `split`, in order
        if _uniform(shared) * left < open_half:
            open_half -= 1
            if _uniform(own) * inside < open_take:
                if honest == 0:
                    states[i] = BOTH
                elif _uniform(own) * open_take < open_split:
                    states[i] = SPLIT
                    open_split -= 1
                else:
                    states[i] = ESTIMATE
                open_take -= 1
            inside -= 1
        left -= 1
    return states


@njit(cache=True, nogil=True)
def draw_features(state: Any, p: int, candidates: float) -> Any:
    """Covariates to try at a node: as many as a Poisson variable says, one at least, at most all p."""
    count = min(max(_poisson(state, candidates), 1), p)
    order = np.arange(p)
    for i in range(count):
        j = i + int(_uniform(state) * (p - i))
        order[i], order[j] = order[j], order[i]
    return order[:count]
