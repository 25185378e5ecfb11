"""Where a model's formulas hold: on the paths that training begins with, and on those of random outputs.

A policy in the making is no solution yet, so that a model must bear more than its equilibrium. Two groups of paths set
out from ``start``: under the policy that training begins with (linear where the model names a steady state that rests,
else raw outputs of zero), and under the same with random numbers added to its raw outputs, anew each period. What is
not finite in the first group stops `solve`; the second shows what it may meet on its way, and in which state.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.model import Model, actions, count_outputs, flat, move, residuals, start_states
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import Linear, compiled_quickly, expectation
from ceteris.equilibrium.simulate import is_sound, luck_of, shocks_of, where
from ceteris.results import Check

PATHS, PERIODS = 32, 24
EXAMINED = 64  # of the states on the paths, where residuals and their derivatives are worked out
MOST_LOST = 0.5  # share of the states that may be outside the domain where training begins
SHOWN = 4  # numbers of a vector that a sentence shows
MEND = {
    "action": "bound it in actions",
    "state": "bound it in actions or move",
    "equation": "bound what it depends on in actions, or let admissible(s) exclude such states",
}
MEETS = {
    "action": "stops if its policy comes there",
    "state": "starts such a path again",
    "equation": "stops if its policy comes there",
}


class Beginning(eqx.Module):
    """Raw outputs of the policy that training begins with, the same numbers added in every state."""

    linear: Linear | None
    added: Array

    def __call__(self, x: Any) -> Array:
        rows = jax.tree.leaves(x)[0].shape[:-1]
        given = self.added.reshape(-1, self.added.shape[-1])
        added = given[np.arange(math.prod(rows)) % len(given)].reshape(*rows, given.shape[-1])
        return added if self.linear is None else self.linear(x) + added


class Walk(NamedTuple):
    """Paths under some policy: leaves (periods, paths, ...), and whether tomorrow is finite and admissible."""

    states: Point
    raw: Array
    actions: Point
    after: Point
    sound: Array


class Group(NamedTuple):
    """One group of paths, and what was found at some of its states, leaves (n, ...)."""

    walk: Walk
    states: Point
    actions: Point
    residuals: Point
    gradient: np.ndarray


def check_points(model: Model, rule: Rule, linear: Linear | None, key: Array) -> list[Check]:
    """Finite actions, successors, residuals and derivatives, and a transition that stays in the model's domain."""
    scales = {"begins": 0.0, "random": 1.0}
    groups = {name: _group(model, rule, linear, key, scale) for name, scale in scales.items()}
    begins, random = groups["begins"], groups["random"]
    pairs = lambda pick: (pick(begins), pick(random))
    return [
        finite("actions are finite", "action", *pairs(lambda g: (g.walk.states, g.walk.actions))),
        finite("tomorrow is finite", "state", *pairs(lambda g: (g.walk.states, g.walk.after))),
        in_domain(begins.walk, random.walk),
        finite("residuals are finite", "equation", *pairs(lambda g: (g.states, g.residuals))),
        smooth(begins, random),
    ]


def _group(model: Model, rule: Rule, linear: Linear | None, key: Array, scale: float) -> Group:
    """Walk, and examine some of the states."""
    walk = jax.tree.map(np.asarray, _walk(model, linear, key, np.asarray(scale)))
    flat_ = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), (walk.states, walk.raw))
    later = np.linspace(PATHS, PATHS * PERIODS - 1, EXAMINED - PATHS).astype(int)
    chosen = np.concatenate([np.arange(PATHS), later])  # every start, and states of all periods and paths
    states, raw = jax.device_put(jax.tree.map(lambda a: a[chosen], flat_))
    return Group(walk, *jax.tree.map(np.asarray, (states, *_examine(model, linear, rule, states, raw, key))))


@compiled_quickly
def _walk(model: Model, linear: Linear | None, key: Array, scale: Array) -> Walk:
    """Paths on which a state that is not finite or not admissible is replaced by a new start, as `solve` does."""
    first, key = jax.random.split(key)
    n, m = PATHS, count_outputs(model)
    rows = jax.eval_shape(lambda s: jax.vmap(model.inputs)(s), start := start_states(model, first, n))
    shape = (n, *jax.tree.leaves(rows)[0].shape[1:-1], m)

    def period(states, key):
        outputs, luck, fresh = jax.random.split(key, 3)
        added = scale * jax.random.normal(outputs, shape)
        raw = jax.vmap(lambda s, r: Beginning(linear, r)(model.inputs(s)))(states, added)
        a = jax.vmap(lambda s, r: actions(model, r, s))(states, raw)
        drawn = luck_of(model.shocks(), luck, (n,))
        after = jax.vmap(lambda s, a, e: move(model, s, a, shocks_of(model, s, e)), axis_size=n)(states, a, drawn)
        sound = jax.vmap(lambda s: is_sound(model, s))(after)
        return where(~sound, start_states(model, fresh, n), after), Walk(states, added, a, after, sound)

    return jax.lax.scan(period, start, jax.random.split(key, PERIODS))[1]


@compiled_quickly
def _examine(model: Model, linear: Linear | None, rule: Rule, states: Point, raw: Array, key: Array) -> Any:
    """Actions, residuals and their derivatives in raw outputs, a state at a time: there may be many agents."""
    still = Beginning(linear, jnp.zeros(raw.shape[1:]))

    def found(s, raw):
        a = actions(model, Beginning(linear, raw)(model.inputs(s)), s)
        return a, residuals(model, s, a, expectation(model, still, s, a, rule, key))

    def one(given):
        s, raw = given
        total = lambda raw: jnp.sum(flat(found(s, raw)[1]))
        return *found(s, raw), jax.grad(total)(raw)

    return jax.lax.map(one, (states, raw), batch_size=16)


# ------------------------------------------------------------------------------------------------------- in words


def finite(name: str, kind: str, begins: tuple[Point, Point], random: tuple[Point, Point]) -> Check:
    """Whether something is finite in both groups, each given as states and what was found there."""
    share, told = _not_finite(kind, *begins)
    if told:
        told += f": so at {_percent(share)} of the states where training begins. `solve` stops there; {MEND[kind]}."
        return Check(name, False, told, value=1 - share, bar=1.0)
    share, told = _not_finite(kind, *random)
    if told:
        told += f": so at {_percent(share)} of the states at random raw outputs, at none where training begins. "
        told += f"`solve` {MEETS[kind]}; {MEND[kind]}."
        return Check(name, None, told, value=1 - share, bar=1.0)
    return Check(name, True, f"Every {kind} is finite where training begins and at random raw outputs.")


def in_domain(begins: Walk, random: Walk) -> Check:
    """Whether paths stay where the model admits them, and what is positive at every start stays so."""
    name = "the transition stays in its domain"
    share, free = float(begins.sound.mean()), float(random.sound.mean())
    how = (
        f"{_percent(share)} of the successors where training begins are admissible, {_percent(free)} at random outputs"
    )
    if min(share, free) == 1:
        how = "Every successor is admissible, where training begins and at random raw outputs"
    passed, told = True, ""
    if crossing := _turns_negative(begins) or _turns_negative(random):
        passed, told = None, f" But {crossing}"
    elif min(share, free) < 1:
        which = begins if share < 1 else random
        passed = True if share == 1 and free > MOST_LOST else None
        told = f" One step out: {_step(which, np.argwhere(~which.sound)[0])}."
    if min(share, free) < 1:
        told += " `solve` starts a path again that is not finite or not admissible, and counts it."
    passed = False if share <= MOST_LOST else passed
    return Check(name, passed, f"{how}.{told}", value=share, bar=MOST_LOST)


def smooth(begins: Group, random: Group) -> Check:
    """Whether derivatives are finite in both groups."""
    name, advice = "gradients are finite", "look for a root or power of zero, or a jnp.where with an infinite branch."
    for group, passed in ((begins, False), (random, None)):
        bad = np.flatnonzero(~np.isfinite(group.gradient.reshape(EXAMINED, -1)).all(1))
        sound = [i for i in bad if all(np.isfinite(v[i]).all() for _, v in group.residuals.items())]
        if sound or (bad.size and passed is False):  # where a residual is not finite its own check has said so
            where_ = in_words(group.states, (sound or bad)[0])
            how = "where training begins" if passed is False else "at random raw outputs"
            return Check(name, passed, f"A derivative of the residuals is not finite at {where_}, {how}; {advice}")
    return Check(name, True, "Derivatives of the residuals with respect to raw outputs are finite.")


def _not_finite(kind: str, states: Point, found: Point) -> tuple[float, str]:
    """The share of states at which something is not finite, and the first part of a sentence that shows one."""
    lead = jax.tree.leaves(states)[0].shape[: 2 if kind != "equation" else 1]
    for label, value in found.items():
        bad = np.argwhere(~np.isfinite(value).reshape(*lead, -1).all(-1))
        if len(bad):
            at = tuple(bad[0])
            shown = _number(np.asarray(value)[at])
            return len(bad) / math.prod(lead), f"{kind} {label!r} is {shown} at {in_words(states, at)}"
    return 0.0, ""


def _turns_negative(walk: Walk) -> str:
    """The first state that is positive at every start and is not on the way, in words; empty where there is none."""
    for label, value in walk.states.items():
        if not np.issubdtype(value.dtype, np.floating) or not (value[0] > 0).all():
            continue
        bad = np.argwhere((walk.after[label] < 0).reshape(PERIODS, PATHS, -1).any(-1))
        if len(bad):
            return (
                f"{label}, positive in every start, becomes negative: {_step(walk, bad[0])}. `solve` takes that for a "
                f"state like any other; if it is none, bound it in actions, or let admissible(s) return s.{label} > 0."
            )
    return ""


def _step(walk: Walk, at: Any) -> str:
    return f"from {in_words(walk.states, tuple(at))} to {in_words(walk.after, tuple(at))}"


def in_words(point: Point, at: Any) -> str:
    """One of many points, by names and values.

    Examples
    --------
    >>> in_words(Point("state", {"k": np.array([6.0, 0.25]), "z": np.zeros((2, 9))}), 1)
    'k = 0.25, z = [0, 0, 0, 0, …]'
    """
    return ", ".join(f"{label} = {_number(np.asarray(value)[at])}" for label, value in point.items())


def _number(value: np.ndarray) -> str:
    numbers = [f"{v:.4g}" for v in np.ravel(value)[:SHOWN]]
    return numbers[0] if value.ndim == 0 else f"[{', '.join(numbers)}{', …' if value.size > SHOWN else ''}]"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
