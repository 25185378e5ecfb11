"""Simulated economies, and the states at which a model is solved and judged."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.equilibrium.model import Model, move, start_states, steady_state
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import act, advance
from ceteris.equilibrium.shocks import draw
from ceteris.recipe.samplers import AbstractSampler


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


def one_period(model: Model, policy: Any, states: Point, key: Array) -> tuple[Point, Point]:
    """One period for many paths; a path that left the admissible set starts again. Returns (tomorrow, today)."""
    shocks, fresh = jr.split(key)
    n = jax.tree.leaves(states)[0].shape[0]
    following = jax.vmap(lambda s, k: advance(model, policy, s, draw(model.shocks(), s, k)))(
        states, jr.split(shocks, n)
    )
    return restarted(model, following, fresh)[0], states


def restarted(model: Model, states: Point, key: Array) -> tuple[Point, Array]:
    """The states, with fresh ones in place of those from which nothing can go on, and which these are."""
    n = jax.tree.leaves(states)[0].shape[0]
    lost = ~jax.vmap(lambda s: fit_to_go_on(model, s))(states)
    fresh = start_states(model, key, n)
    pick = lambda new, old: jnp.where(lost.reshape(-1, *[1] * (old.ndim - 1)), new.astype(old.dtype), old)
    return jax.tree.map(pick, fresh, states), lost


@eqx.filter_jit
def walk(model: Model, policy: Any, states: Point, key: Array, periods: int) -> tuple[Point, Point]:
    """Simulate and keep the states only: (last, leaves (periods, paths, ...))."""
    return jax.lax.scan(lambda s, k: one_period(model, policy, s, k), states, jr.split(key, periods))


@eqx.filter_jit
def settle(model: Model, policy: Any, states: Point, key: Array, periods: int) -> Point:
    """Simulate and keep only where the paths end."""
    step = lambda t, s: one_period(model, policy, s, jr.fold_in(key, t))[0]
    return jax.lax.fori_loop(0, periods, step, states)


@eqx.filter_jit
def record(model: Model, policy: Any, states: Point, key: Array, periods: int, guard: bool = True) -> Paths:
    """Simulate and keep everything.

    ``guard=False`` never starts a path again: what explodes is seen to explode.
    """
    n = jax.tree.leaves(states)[0].shape[0]

    def period(states, key):
        shocks, fresh = jr.split(key)
        a = jax.vmap(lambda s: act(model, policy, s))(states)
        d = jax.vmap(lambda s, a: as_point("definition", model.definitions(s, a)))(states, a)
        keys = jr.split(shocks, n)
        following = jax.vmap(lambda s, a, k: move(model, s, a, draw(model.shocks(), s, k)))(states, a, keys)
        sound, lost = restarted(model, following, fresh)
        return (sound if guard else following), (states, a, d, lost.sum())

    last, (s, a, d, repairs) = jax.lax.scan(period, states, jr.split(key, periods))
    return Paths(s, a, d, last, repairs.sum())


def box_states(model: Model, key: Array, n: int) -> Point:
    """States spread evenly over the model's box; what the box does not name is as ``start`` drew it."""
    box = model.box()
    if box is None:
        raise ValueError(
            f"states: {type(model).__name__} has no box(); write one, {{name: (low, high)}}, or choose states='path'."
        )
    start, spread = jr.split(key)
    states = start_states(model, start, n)
    drawn = {}
    for i, (name, (low, high)) in enumerate(box.items()):
        uniform = jr.uniform(jr.fold_in(spread, i), states[name].shape, states[name].dtype)
        drawn[name] = low + (jnp.asarray(high) - low) * uniform
    return states.replace(**drawn)


def rest_states(model: Model, visited: Point, key: Array) -> Point:
    """States around the steady state: as the visited ones lie around their mean, but twice as far.

    States of a chain are as they were visited, and what the model does not admit is as ``start`` drew it.
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
    return restarted(model, visited.replace(**around), key)[0]


def mixed(model: Model, visited: Point, key: Array, box_share: float, rest_share: float) -> Point:
    """Visited states (n, ...), some of them replaced: a share by states from the box, one by states around the rest."""
    n = jax.tree.leaves(visited)[0].shape[0]
    which, box, rest = jr.split(key, 3)
    place, points = jr.uniform(which, (n,)), visited

    def swap(chosen: Array, new: Point, old: Point) -> Point:
        pick = lambda new, old: jnp.where(chosen.reshape(-1, *[1] * (old.ndim - 1)), new.astype(old.dtype), old)
        return jax.tree.map(pick, new, old)

    if box_share > 0:
        points = swap(place < box_share, box_states(model, box, n), points)
    if rest_share > 0:
        points = swap(place > 1 - rest_share, rest_states(model, visited, rest), points)
    return points


class Visited(AbstractSampler):
    """Algorithm 1 of 001: simulate ``horizon`` periods on ``paths`` tracks under the current policy and learn there.

    A share of each batch may come from the box instead, and another from around the steady state.
    """

    model: Model
    paths: int = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    updates: int = eqx.field(static=True)
    epochs: int = eqx.field(static=True, default=1)
    box_share: float = eqx.field(static=True, default=0.0)
    rest_share: float = eqx.field(static=True, default=0.0)
    first: Point | None = None

    def init(self, model, key):
        return start_states(self.model, key, self.paths) if self.first is None else self.first

    def draw(self, model, memory, key, feed):
        policy = jax.tree.map(lambda a: jax.lax.stop_gradient(a) if eqx.is_array(a) else a, model)
        simulate, shuffle, mix = jr.split(key, 3)
        memory, visited = walk(self.model, policy, memory, simulate, self.horizon)
        n = self.horizon * self.paths
        points = jax.tree.map(lambda a: a.reshape(n, *a.shape[2:]), visited)
        points = mixed(self.model, points, mix, self.box_share, self.rest_share)
        order = jax.vmap(lambda k: jr.permutation(k, n))(jr.split(shuffle, self.epochs)).ravel()
        size = n * self.epochs // self.updates
        batches = lambda a: a[order[: size * self.updates]].reshape(self.updates, size, *a.shape[1:])
        return jax.tree.map(batches, points), memory
