"""Economies on the way to their solution, and the states that they come to.

Shocks are drawn on the host and all simulations share one compiled program, whatever their length: what a solution
waits for is compiling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.equilibrium.model import Model, start_states
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import compiled_quickly
from ceteris.equilibrium.simulate import SEGMENT, entries, follow, luck_of, mixed

BLOCK = 100  # starts that are drawn at once: one program, whatever their number in the end
_block = compiled_quickly(start_states)
_mixed = compiled_quickly(mixed)


class Economies(NamedTuple):
    """One economy, or many with a leading axis on every array, somewhere on the way to their solution."""

    model: Model
    policy: Any
    states: Point
    members: int | None = None

    def each(self, f: Callable[..., Any], *extra: Any) -> Any:
        """``f(model, policy, states, *extra)`` for the one economy, or for every one of the many."""
        if self.members is None:
            return f(self.model, self.policy, self.states, *extra)
        return eqx.filter_vmap(f, in_axes=eqx.if_array(0))(self.model, self.policy, self.states, *extra)

    def keys(self, key: Array) -> Array:
        """The key, or one for every member."""
        return key if self.members is None else jr.split(key, self.members)

    def starts(self, key: Array, n: int) -> Point:
        """``n`` of the model's own starts, leaves (n, ...), members first where there are many."""
        one = lambda model, policy, states, key: _block(model, key, BLOCK)
        blocks = [self.each(one, self.keys(jr.fold_in(key, i))) for i in range(-(-n // BLOCK))]
        axis = 0 if self.members is None else 1
        joined = lambda *a: np.concatenate(a, axis)[(slice(None),) * axis + (slice(n),)]
        return jax.device_put(jax.tree.map(joined, *blocks))

    def generators(self, key: Array) -> list[np.random.Generator]:
        """A generator on the host for every member."""
        words = np.asarray(jr.key_data(self.keys(key)))
        return [np.random.default_rng(row) for row in words.reshape(self.members or 1, -1)]

    def drawn(self, draw: Callable[[np.random.Generator], Any], generators: list[np.random.Generator]) -> Any:
        """What ``draw`` makes of each generator, arrays on the device, members first where there are many."""
        each = [draw(generator) for generator in generators]
        return jax.device_put(each[0] if self.members is None else jax.tree.map(lambda *a: np.stack(a), *each))


def starts_of(model: Model, key: Array, n: int) -> Point:
    """``n`` of a model's starts, leaves (n, ...)."""
    return Economies(model, None, None).starts(key, n)  # type: ignore[arg-type]


def simulated(economies: Economies, key: Array, periods: int) -> tuple[Point, Point]:
    """States on the economies' paths, leaves (periods, paths, ...) on the host, and the last; members come first."""
    axis = 0 if economies.members is None else 1
    n = jax.tree.leaves(economies.states)[0].shape[axis]
    shocks, generators, seen = shocks_of(economies), economies.generators(key), []
    for start in range(0, periods, SEGMENT):
        length = min(SEGMENT, periods - start)
        filled = lambda a: np.concatenate([a, np.zeros((SEGMENT - len(a), *a.shape[1:]), a.dtype)])
        draw = lambda rng: jax.tree.map(filled, luck_of(shocks, rng, (length, n)))  # noqa: B023
        one = lambda *a: follow(*a, np.asarray(length), np.asarray(True))  # noqa: B023
        spare = economies.starts(jr.fold_in(key, start), n)
        last, segment, _ = economies.each(one, economies.drawn(draw, generators), spare)
        economies = economies._replace(states=last)
        seen.append(jax.tree.map(lambda a: np.asarray(a)[(slice(None),) * axis + (slice(length),)], segment))  # noqa: B023
    return jax.tree.map(lambda *a: np.concatenate(a, axis), *seen), economies.states


def sampled(
    economies: Economies, key: Array, n: int, spacing: int = 5, box_share: float = 0.0, rest_share: float = 0.0
) -> tuple[Point, Point]:
    """``n`` states, visited, from the box and around the steady state, and where the simulation ended."""
    axis = 0 if economies.members is None else 1
    visits = -(-n // jax.tree.leaves(economies.states)[0].shape[axis])
    seen, last = simulated(economies, key, visits * spacing)
    all_members = (slice(None),) * axis

    def thinned(a):
        kept = a[(*all_members, slice(spacing - 1, None, spacing))]
        return kept.reshape(*a.shape[:axis], -1, *a.shape[axis + 2 :])[(*all_members, slice(n))]

    visited = jax.device_put(jax.tree.map(thinned, seen))
    if box_share or rest_share:
        key = jr.fold_in(key, 1)
        shape = (n, 1 + entries(visited if axis == 0 else jax.tree.map(lambda a: a[0], visited)))
        dice = economies.drawn(lambda rng: rng.random(shape), economies.generators(key))
        mix = lambda model, policy, *given: _mixed(model, *given, box_share, rest_share)
        visited = economies._replace(states=visited).each(mix, economies.starts(key, n), dice)
    return visited, last


def shocks_of(economies: Economies) -> dict[str, Any]:
    """The shocks of one of the economies: all have the same."""
    if economies.members is None:
        return economies.model.shocks()
    return jax.tree.map(lambda a: np.asarray(a)[0] if eqx.is_array(a) else a, economies.model).shocks()
