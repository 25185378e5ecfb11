"""Randomisation inference: how unusual a statistic is among the assignments that could have been drawn.

Under Fisher's sharp null hypothesis the effect on every unit is zero, so the outcomes would have been the same under
any other assignment d* that the design could have drawn. The p-value is the share of assignments whose statistic is at
least as extreme as the one observed:

    exact     p = #{d* : T(d*) ≥ T(d)} / #{d*}
    sampled   p = (1 + #{draws : T(d*) ≥ T(d)}) / (1 + draws), which is valid for any number of draws

The design may permute within strata, and whole clusters instead of units. Under a constant effect τ the outcomes
y - τd would be the same under any assignment, and the τ that are not rejected are a confidence interval. Since the
difference in means of y - τd is linear in τ, that interval comes in closed form (`randomisation_interval`).

References
----------
Fisher (1935), The Design of Experiments. Phipson and Smyth (2010), "Permutation p-values should never be zero".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, prod

import numpy as np

from ceteris.arguments import one_of, probability

MOST = 200_000  # assignments that are enumerated; beyond it they are sampled
SIDES = ("two-sided", "greater", "less")


@dataclass(frozen=True)
class PermutationTest:
    """Statistic observed, its p-value, its values under other assignments, and whether these are all there are."""

    statistic: float
    p_value: float
    draws: np.ndarray
    exact: bool


def difference_in_means(y: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Mean of the treated minus mean of the others, for assignments d of shape (..., n); shape (...)."""
    treated = d.sum(axis=-1)
    return d @ y / treated - (1 - d) @ y / (d.shape[-1] - treated)


def permutation_test(
    y: np.ndarray,
    d: np.ndarray,
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray] = difference_in_means,
    *,
    strata: Sequence | np.ndarray | None = None,
    cluster: Sequence | np.ndarray | None = None,
    alternative: str = "two-sided",
    exact: bool | None = None,
    draws: int = 9_999,
    seed: int = 0,
) -> PermutationTest:
    """Test that the treatment has no effect on any unit.

    Parameters
    ----------
    y : array, shape (n,)
    d : array, shape (n,)
        Zeros and ones; the number treated (in each stratum) is held fixed.
    statistic : callable
        ``statistic(y, d)`` for assignments d of shape (..., n); returns shape (...).
    strata, cluster : array, shape (n,), optional
        Units are permuted within strata; whole clusters are permuted.
    alternative : 'two-sided', 'greater' or 'less'
        'two-sided' compares absolute values.
    exact : bool, optional
        Enumerate all assignments; None does so where there are at most 200,000.
    draws, seed : int
        Number and seed of the assignments sampled otherwise.

    Examples
    --------
    Fisher's tea: all four right, one chance in 70.

    >>> y = np.array([1.0, 1, 1, 1, 0, 0, 0, 0])
    >>> test = permutation_test(y, y, alternative="greater")
    >>> test.exact, len(test.draws), round(test.p_value * 70, 10)
    (True, 70, 1.0)
    """
    y, d = np.asarray(y, dtype=float), np.asarray(d, dtype=float)
    one_of("alternative", alternative, SIDES)
    assignments, exact = assign(d, strata, cluster, exact, draws, seed)
    observed = float(statistic(y, d))
    values = np.concatenate([np.atleast_1d(statistic(y, part)) for part in _parts(assignments)])
    fold = {"two-sided": np.abs, "greater": lambda v: v, "less": lambda v: -v}[alternative]
    # rounding must not decide about ties, which are common in small samples
    slack = 1e-12 * max(1.0, float(np.abs(values).max()))
    hits = int((fold(values) >= fold(np.asarray(observed)) - slack).sum())
    p = hits / len(values) if exact else (1 + hits) / (1 + len(values))
    return PermutationTest(observed, p, values, exact)


def randomisation_interval(
    y: np.ndarray,
    d: np.ndarray,
    *,
    level: float = 0.95,
    strata: Sequence | np.ndarray | None = None,
    cluster: Sequence | np.ndarray | None = None,
    exact: bool | None = None,
    draws: int = 9_999,
    seed: int = 0,
) -> tuple[float, float]:
    """The constant effects that the difference in means does not reject, at (1 - level)/2 on each side.

    For an assignment d* with difference A* in y and B* < 1 in d, the test of τ counts it as at least as large as the
    observed difference A exactly if τ ≥ (A - A*) / (1 - B*). The limits are quantiles of these ratios.

    Examples
    --------
    >>> low, high = randomisation_interval(np.array([5.0, 6, 7, 8, 1, 2, 3, 4]), np.array([1, 1, 1, 1, 0, 0, 0, 0]))
    >>> round(low, 6), round(high, 6)
    (1.0, 7.0)
    """
    y, d = np.asarray(y, dtype=float), np.asarray(d, dtype=float)
    probability("level", level)
    assignments, exact = assign(d, strata, cluster, exact, draws, seed)
    parts = list(_parts(assignments))
    a = np.concatenate([difference_in_means(y, part) for part in parts])
    b = np.concatenate([difference_in_means(d, part) for part in parts])
    other = b < 1 - 1e-12  # the assignment itself is always counted
    turn = np.sort((difference_in_means(y, d) - a[other]) / (1 - b[other]))
    own = int((~other).sum()) if exact else 1 + int((~other).sum())
    total = len(b) + (0 if exact else 1)
    # p(τ) = (own + #{turn ≤ τ}) / total: keep τ from the first turn that lifts p above α/2
    spare = int(np.floor((1 - level) / 2 * total + 1e-9)) - own
    if spare < 0:
        return -np.inf, np.inf
    return float(turn[spare]), float(turn[-1 - spare])


def assign(
    d: np.ndarray,
    strata: Sequence | np.ndarray | None = None,
    cluster: Sequence | np.ndarray | None = None,
    exact: bool | None = None,
    draws: int = 9_999,
    seed: int = 0,
) -> tuple[np.ndarray, bool]:
    """Assignments that the design could have drawn, shape (m, n), and whether these are all of them."""
    d = np.asarray(d, dtype=float)
    if not np.isin(d, (0.0, 1.0)).all() or d.min() == d.max():
        raise ValueError("d must hold zeros and ones, at least one of each, but does not; recode the treatment.")
    place, first = _units(d, cluster)
    own = d[first]
    blocks = np.zeros(len(first), dtype=int) if strata is None else _blocks(strata, place, first)
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    count = prod(comb(len(m), int(own[m].sum())) for m in members)
    if exact and count > MOST:
        raise ValueError(f"exact: {count:,} assignments are possible; at most {MOST:,} are enumerated; sample them.")
    exact = count <= MOST if exact is None else exact
    found = _all(own, members, count) if exact else _sample(own, members, draws, np.random.default_rng(seed))
    return found[:, place], exact


def _units(d: np.ndarray, cluster: Sequence | np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """For each row its unit of assignment, and for each unit its first row."""
    if cluster is None:
        return np.arange(len(d)), np.arange(len(d))
    labels, first, place = np.unique(np.asarray(cluster), return_index=True, return_inverse=True)
    mixed = np.flatnonzero(d != d[first][place])
    if len(mixed):
        raise ValueError(f"cluster: the treatment varies within {labels[place[mixed[0]]]}; permute rows instead.")
    return place, first


def _blocks(strata: Sequence | np.ndarray, place: np.ndarray, first: np.ndarray) -> np.ndarray:
    labels, blocks = np.unique(np.asarray(strata), return_inverse=True)
    mixed = np.flatnonzero(blocks != blocks[first][place])
    if len(mixed):
        raise ValueError(f"strata: a cluster lies in more than one, such as {labels[blocks[mixed[0]]]}; merge them.")
    return blocks[first]


def _all(own: np.ndarray, members: list[np.ndarray], count: int) -> np.ndarray:
    out = np.zeros((count, len(own)))
    choices = [itertools.combinations(m, int(own[m].sum())) for m in members]
    for row, chosen in enumerate(itertools.product(*choices)):
        out[row, list(itertools.chain.from_iterable(chosen))] = 1.0
    return out


def _sample(own: np.ndarray, members: list[np.ndarray], draws: int, rng: np.random.Generator) -> np.ndarray:
    out = np.empty((draws, len(own)))
    for m in members:
        out[:, m] = rng.permuted(np.broadcast_to(own[m], (draws, len(m))), axis=1)
    return out


def _parts(assignments: np.ndarray, rows: int = 4096) -> Sequence[np.ndarray]:
    return [assignments[i : i + rows] for i in range(0, len(assignments), rows)]
