"""Simulated economies, and the states at which a model is solved and judged."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.equilibrium.model import Model, move, start_states, steady_state
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import act, advance, compiled_by_size
from ceteris.equilibrium.shocks import AbstractShock, Markov, Normal
from ceteris.equilibrium.symmetry import Idiosyncratic
from ceteris.keys import UNROLLED

SEGMENT = 60  # periods that one call of the compiled simulation goes at most
Luck = dict[str, Any]


class Paths(NamedTuple):
    """A simulation: leaves (periods, paths, ...), the states after it, and how many paths had to start again."""

    states: Point
    actions: Point
    definitions: Point
    last: Point
    repairs: Array


def fit_to_go_on(model: Model, s: Point) -> Array:
    """Whether a state is finite and admissible."""
    finite = [jnp.all(jnp.isfinite(value)) for _, value in s.items()]
    return jnp.all(jnp.stack(finite)) & model.admissible(s)


# --------------------------------------------------------------------------------------------------- what is random


def luck_of(shocks: dict[str, AbstractShock], source: Array | np.random.Generator, shape: tuple[int, ...]) -> Luck:
    """What decides the shocks in states of a ``shape``: numbers that `happening` reads.

    Drawn from a key or, outside compiled code, from NumPy's generator: a place that draws takes long to compile.
    """
    host = isinstance(source, np.random.Generator)
    sources: Any = len(shocks) * [source] if host else jr.split(source, len(shocks)) if len(shocks) > 1 else [source]

    def drawn(shock, source):
        if isinstance(shock, Normal | Idiosyncratic):
            size = (*shape, *shock.shape)
            return source.standard_normal(size) if host else jr.normal(source, size)
        if isinstance(shock, Markov):
            return source.random(shape) if host else jr.uniform(source, shape)
        return source.integers(2**32, size=shape, dtype=np.uint32) if host else jr.bits(source, shape, np.uint32)

    return {name: drawn(shock, one) for (name, shock), one in zip(shocks.items(), sources, strict=False)}


def happening(model: Model, s: Point, luck: Luck) -> Point:
    """The shocks that luck stands for in one state."""

    def one(shock, given):
        if isinstance(shock, Markov):
            up_to = jnp.cumsum(jnp.asarray(shock.transition)[s[shock.state]])
            return jnp.minimum(jnp.sum(given > up_to), shock.n - 1)
        return given if isinstance(shock, Normal | Idiosyncratic) else shock.draw(s, jr.key(given, impl=UNROLLED))

    return Point("shock", {name: one(shock, luck[name]) for name, shock in model.shocks().items()})


# ------------------------------------------------------------------------------------------------- period by period


def one_period(model: Model, policy: Any, states: Point, luck: Luck, spare: Point) -> tuple[Point, Array, Point]:
    """Many paths one period later; which of them were lost; and with a spare state in place of each that was."""
    n = jax.tree.leaves(states)[0].shape[0]
    one = lambda s, given: advance(model, policy, s, happening(model, s, given))
    after = jax.vmap(one, axis_size=n)(states, luck)
    sound, lost = restarted(model, after, spare)
    return after, lost, sound


def restarted(model: Model, states: Point, spare: Point) -> tuple[Point, Array]:
    """The states, with spare ones in place of those from which nothing can go on, and which these are."""
    lost = ~jax.vmap(lambda s: fit_to_go_on(model, s))(states)
    return where(lost, spare, states), lost


def where(chosen: Array, new: Point, old: Point) -> Point:
    """Of many states the new one where it is chosen, else the old one, whose types stay."""
    pick = lambda new, old: jnp.where(chosen.reshape(-1, *[1] * (old.ndim - 1)), new.astype(old.dtype), old)
    return jax.tree.map(pick, new, old)


def next_period(model: Model, policy: Any, states: Point, key: Array) -> Point:
    """Many paths one period later; all that is random comes from the key."""
    n, (luck, fresh) = jax.tree.leaves(states)[0].shape[0], jr.split(key)
    luck, spare = luck_of(model.shocks(), luck, (n,)), start_states(model, fresh, n)
    return one_period(model, policy, states, luck, spare)[2]


def walk(model: Model, policy: Any, states: Point, key: Array, periods: int) -> tuple[Point, Point]:
    """Simulate and keep the states only: (last, leaves (periods, paths, ...))."""
    period = lambda states, key: (next_period(model, policy, states, key), states)
    return jax.lax.scan(period, states, jr.split(key, periods))


def spaced(model: Model, policy: Any, states: Point, key: Array, n: int, spacing: int) -> tuple[Point, Point]:
    """``n`` states on the paths from some, ``spacing`` periods apart, and where these end; for use in compiled code."""
    visits = -(-n // jax.tree.leaves(states)[0].shape[0])
    last, seen = walk(model, policy, states, key, visits * spacing)
    return jax.tree.map(lambda a: a[spacing - 1 :: spacing].reshape(-1, *a.shape[2:])[:n], seen), last


@eqx.filter_jit
def settle(model: Model, policy: Any, states: Point, key: Array, periods: int) -> Point:
    """Simulate and keep only where the paths end."""
    return jax.lax.fori_loop(0, periods, lambda t, s: next_period(model, policy, s, jr.fold_in(key, t)), states)


@compiled_by_size
def follow(
    model: Model, policy: Any, states: Point, luck: Luck, spare: Point, periods: Any, guard: Any
) -> tuple[Point, Point, Array]:
    """At most `SEGMENT` periods of paths whose luck is given: (last, leaves (SEGMENT, paths, ...), which were lost).

    One program for all simulations of a solution: how many periods, and whether a lost path goes on from a spare state,
    is not compiled in. Beyond ``periods`` all is zero.
    """

    def period(t, carry):
        states, seen, lost = carry
        given, others = jax.tree.map(lambda a: a[t], luck), jax.tree.map(lambda a: jnp.roll(a, t, 0), spare)
        after, gone, sound = one_period(model, policy, states, given, others)
        after = jax.tree.map(lambda new, old: jnp.where(guard, new, old), sound, after)
        seen = jax.tree.map(lambda rows, a: rows.at[t].set(a), seen, after)
        return after, seen, lost.at[t].set(gone)

    nothing = jax.tree.map(lambda a: jnp.zeros((SEGMENT, *a.shape), a.dtype), states)
    lost = jnp.zeros((SEGMENT, jax.tree.leaves(states)[0].shape[0]), bool)
    return jax.lax.fori_loop(0, periods, period, (jax.tree.map(jnp.asarray, states), nothing, lost))


@eqx.filter_jit
def record(model: Model, policy: Any, states: Point, key: Array, periods: int, guard: bool = True) -> Paths:
    """Simulate and keep everything.

    ``guard=False`` never starts a path again: what explodes is seen to explode.
    """
    n = jax.tree.leaves(states)[0].shape[0]

    def period(states, key):
        luck, fresh = jr.split(key)
        a = jax.vmap(lambda s: act(model, policy, s))(states)
        d = jax.vmap(lambda s, a: as_point("definition", model.definitions(s, a)))(states, a)
        luck = luck_of(model.shocks(), luck, (n,))
        one = lambda s, a, given: move(model, s, a, happening(model, s, given))
        following = jax.vmap(one)(states, a, luck)
        sound, lost = restarted(model, following, start_states(model, fresh, n))
        return (sound if guard else following), (states, a, d, lost.sum())

    last, (s, a, d, repairs) = jax.lax.scan(period, states, jr.split(key, periods))
    return Paths(s, a, d, last, repairs.sum())


# ------------------------------------------------------------------------------- states that no path need come to


def mixed(model: Model, visited: Point, spare: Point, dice: Array, box_share: float, rest_share: float) -> Point:
    """Visited states (n, ...), some of them replaced: a share by states from the box, one by states around the rest.

    ``spare`` are as many of the model's own starts, ``dice`` uniform numbers, (n, 1 + `entries`).
    """
    place, points = dice[:, 0], visited
    if box_share > 0:
        points = where(place < box_share, in_box(model, spare, dice[:, 1:]), points)
    if rest_share > 0:
        points = where(place > 1 - rest_share, rest_states(model, visited, spare), points)
    return points


def entries(states: Point) -> int:
    """How many numbers one of many states has."""
    return sum(int(np.prod(a.shape[1:])) for a in jax.tree.leaves(states))


def box_states(model: Model, key: Array, n: int) -> Point:
    """States spread evenly over the model's box; what the box does not name is as ``start`` drew it."""
    start, spread = jr.split(key)
    states = start_states(model, start, n)
    return in_box(model, states, jr.uniform(spread, (n, entries(states))))


def in_box(model: Model, states: Point, dice: Array) -> Point:
    """The states, with uniform numbers (n, `entries`) spread over the model's box in place of what it names."""
    box = model.box()
    if box is None:
        raise ValueError(
            f"states: {type(model).__name__} has no box(); write one, {{name: (low, high)}}, or choose states='path'."
        )
    drawn, start = {}, 0
    for name, value in states.items():
        size = int(np.prod(value.shape[1:]))
        if name in box:
            low, high = box[name]
            uniform = dice[:, start : start + size].reshape(value.shape).astype(value.dtype)
            drawn[name] = low + (jnp.asarray(high) - low) * uniform
        start += size
    return states.replace(**drawn)


def rest_states(model: Model, visited: Point, spare: Point) -> Point:
    """States around the steady state: as the visited ones lie around their mean, but twice as far.

    States of a chain are as they were visited, and what the model does not admit is a spare state.
    """
    rest = steady_state(model)
    if rest is None:
        raise ValueError(
            f"rest_share: {type(model).__name__} has no steady_state(); write one, or choose rest_share=0."
        )
    around = {}
    for name, value in rest.items():
        if jnp.issubdtype(visited[name].dtype, jnp.inexact):
            around[name] = value + 2 * (visited[name] - visited[name].mean(0))
    return restarted(model, visited.replace(**around), spare)[0]
