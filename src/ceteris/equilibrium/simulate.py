"""Simulated economies, and the states at which a model is solved and judged.

On the way to a solution shocks are drawn on the host, and all simulations share one compiled program, whatever their
length: what a solution waits for is compiling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.engine.ensemble import take
from ceteris.equilibrium.model import Model, move, start_states, steady_state
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import act, advance, compiled_by_size, compiled_quickly
from ceteris.equilibrium.shocks import AbstractShock, Idiosyncratic, Markov, Normal
from ceteris.keys import UNROLLED

SEGMENT = 60  # periods that one call of the compiled simulation goes at most
BLOCK = 100  # starts that are drawn at once: one program, whatever their number in the end
Luck = dict[str, Any]


class Paths(NamedTuple):
    """A simulation: leaves (periods, paths, ...), the states after it, and how many paths had to start again."""

    states: Point
    actions: Point
    definitions: Point
    last: Point
    repairs: Array


def is_sound(model: Model, s: Point) -> Array:
    """Whether a state is finite and admissible."""
    finite = [jnp.all(jnp.isfinite(value)) for _, value in s.items()]
    return jnp.all(jnp.stack(finite)) & model.admissible(s)


# --------------------------------------------------------------------------------------------------- what is random


def luck_of(shocks: dict[str, AbstractShock], source: Array | np.random.Generator, shape: tuple[int, ...]) -> Luck:
    """What decides the shocks in states of a ``shape``: numbers that `shocks_of` reads.

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


def shocks_of(model: Model, s: Point, luck: Luck) -> Point:
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
    one = lambda s, given: advance(model, policy, s, shocks_of(model, s, given))
    after = jax.vmap(one, axis_size=n)(states, luck)
    sound, lost = restarted(model, after, spare)
    return after, lost, sound


def restarted(model: Model, states: Point, spare: Point) -> tuple[Point, Array]:
    """The states, with spare ones in place of those from which nothing can go on, and which these are."""
    lost = ~jax.vmap(lambda s: is_sound(model, s))(states)
    return where(lost, spare, states), lost


def where(chosen: Array, new: Point, old: Point) -> Point:
    """Take the new state where it is chosen, else the old one, whose types stay."""
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
        one = lambda s, a, given: move(model, s, a, shocks_of(model, s, given))
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


# --------------------------------------------------------------------------------------- economies on their way

_start_block, _mixed = compiled_quickly(start_states), compiled_quickly(mixed)


class Economies(NamedTuple):
    """One economy, or many with a leading axis on every array, somewhere on the way to their solution."""

    model: Model
    policy: Any
    states: Point
    members: int | None = None

    @property
    def axis(self) -> int:
        """The axis of every array that comes after that of the members."""
        return 0 if self.members is None else 1

    def member(self, i: int) -> Economies:
        """One of the economies, alone."""
        if self.members is None:
            return self
        return Economies(*take((self.model, self.policy, self.states), jnp.asarray(i)))

    def shocks(self) -> dict[str, AbstractShock]:
        """The shocks of one of the economies: all have the same."""
        if self.members is None:
            return self.model.shocks()
        return jax.tree.map(lambda a: np.asarray(a)[0] if eqx.is_array(a) else a, self.model).shocks()

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
        one = lambda model, policy, states, key: _start_block(model, key, BLOCK)
        blocks = [self.each(one, self.keys(own)) for own in keys.apart(key, -(-n // BLOCK))]
        joined = lambda *a: np.concatenate(a, self.axis)[(slice(None),) * self.axis + (slice(n),)]
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
    axis, shocks, generators, seen = economies.axis, economies.shocks(), economies.generators(key), []
    n = jax.tree.leaves(economies.states)[0].shape[axis]
    for start in range(0, periods, SEGMENT):
        length = min(SEGMENT, periods - start)
        filled = lambda a: np.concatenate([a, np.zeros((SEGMENT - len(a), *a.shape[1:]), a.dtype)])
        draw = lambda rng: jax.tree.map(filled, luck_of(shocks, rng, (length, n)))  # noqa: B023
        one = lambda *a: follow(*a, np.asarray(length), np.asarray(True))  # noqa: B023
        spare = economies.starts(keys.folded(key, start), n)
        last, segment, _ = economies.each(one, economies.drawn(draw, generators), spare)
        economies = economies._replace(states=last)
        seen.append(jax.tree.map(lambda a: np.asarray(a)[(slice(None),) * axis + (slice(length),)], segment))  # noqa: B023
    return jax.tree.map(lambda *a: np.concatenate(a, axis), *seen), economies.states


def sampled(
    economies: Economies, key: Array, n: int, spacing: int = 5, box_share: float = 0.0, rest_share: float = 0.0
) -> tuple[Point, Point]:
    """``n`` states, visited, from the box and around the steady state, and where the simulation ended."""
    axis = economies.axis
    visits = -(-n // jax.tree.leaves(economies.states)[0].shape[axis])
    seen, last = simulated(economies, key, visits * spacing)
    all_members = (slice(None),) * axis

    def thinned(a):
        kept = a[(*all_members, slice(spacing - 1, None, spacing))]
        return kept.reshape(*a.shape[:axis], -1, *a.shape[axis + 2 :])[(*all_members, slice(n))]

    visited = jax.device_put(jax.tree.map(thinned, seen))
    if box_share or rest_share:
        key = keys.folded(key, 1)
        shape = (n, 1 + entries(visited if axis == 0 else jax.tree.map(lambda a: a[0], visited)))
        dice = economies.drawn(lambda rng: rng.random(shape), economies.generators(key))
        mix = lambda model, policy, *given: _mixed(model, *given, box_share, rest_share)
        visited = economies._replace(states=visited).each(mix, economies.starts(key, n), dice)
    return visited, last


# ------------------------------------------------------------------------------- paths that set out from the start


def along_paths(model: Model, policy: Any, key: Array, paths: int, periods: int) -> Point:
    """States of new paths from the model's start, leaves (periods, paths, ...)."""
    start, simulate = jr.split(key)
    return walk(model, policy, start_states(model, start, paths), simulate, periods)[1]


def picked(visited: Point, key: Array, n: int, members: int | None = None) -> Point:
    """At most ``n`` of the states on some paths, leaves (n, ...): as many of every member, from the same places."""
    lead = () if members is None else (members,)
    flat = jax.tree.map(lambda a: np.asarray(a).reshape(*lead, -1, *a.shape[len(lead) + 2 :]), visited)
    rng = np.random.default_rng(np.asarray(jr.key_data(key)))  # on the host: nothing to compile
    rows = rng.permutation(jax.tree.leaves(flat)[0].shape[len(lead)])[:n]
    return jax.device_put(jax.tree.map(lambda a: np.take(a, rows, len(lead)), flat))


def set_out(economies: Economies, key: Array, paths: int, periods: int) -> Point:
    """States of new paths under the economies' policies: leaves (periods, paths, ...), members first."""
    one = lambda model, policy, _, key: _along(model, policy, key, paths, periods)
    return economies.each(one, economies.keys(key))


_along = compiled_quickly(along_paths)
