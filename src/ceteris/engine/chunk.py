"""The compiled inside of the loop: many steps in one program, for one run or for all members of an ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.engine.ensemble import Ensemble, stack, take
from ceteris.engine.status import Status

if TYPE_CHECKING:
    from ceteris.engine.fit import Fit


def _start(algorithm, key, phase, model):
    return _per_member(algorithm, lambda a, key, model: a.init(jr.fold_in(key, 2 * phase), model), key, model)


# the state before the first step. Run once, so compiled fast rather than to run fast: random draws are most of it,
# and this halves what a user waits for
_quickly: Any = {"compiler_options": {"xla_backend_optimization_level": 0}}
start = eqx.filter_jit(_start, **_quickly)


def start_shapes(algorithm, key, phase, model):
    """Return the shapes of the state before the first step."""
    return eqx.filter_eval_shape(_start, algorithm, key, phase, model)


@eqx.filter_jit
def evaluate(algorithm, state, key):
    """Return held-out metrics."""
    return _per_member(algorithm, lambda a, state, key: a.evaluate(state, key), state, key)


@eqx.filter_jit
def _advance(algorithm, state, status, key, phase, span, every, feed):
    """Take the steps ``span[0] <= t < span[1]``; compiled once for all spans of at most ``every`` steps."""
    one = lambda a, state, status, key: _chunk(a, state, status, key, phase, span, every, feed)
    return _per_member(algorithm, one, state, status, key)


def _per_member(algorithm, function, *arguments):
    if not isinstance(algorithm, Ensemble):
        return function(algorithm, *arguments)
    lifted = lambda each, *arguments: function(eqx.combine(each, algorithm.shared), *arguments)
    return eqx.filter_vmap(lifted)(algorithm.each, *arguments)


def _chunk(algorithm, state, status, key, phase, span, every, feed):
    key = jr.fold_in(key, 2 * phase + 1)
    arrays, static = eqx.partition(state, eqx.is_array)

    def step(tick, arrays):
        fed = jax.tree.map(lambda a: a[tick - span[0]], feed)
        new, info = algorithm.step(eqx.combine(arrays, static), jr.fold_in(key, tick), fed)
        return eqx.filter(new, eqx.is_array), info

    step = eqx.filter_closure_convert(step, span[0], arrays)  # traced once, used for the shapes and in the loop
    shapes = eqx.filter_eval_shape(step, span[0], arrays)[1]
    log = jax.tree.map(lambda a: jnp.zeros((every, *a.shape), a.dtype), shapes)

    def body(tick, carry):
        arrays, status, log = carry
        new, info = step(tick, arrays)
        active = status == Status.RUNNING
        sound = jnp.isfinite(info["loss"]) & _still_finite(new.model, arrays.model)
        arrays = jax.tree.map(lambda a, b: jnp.where(active & sound, a, b), new, arrays)
        log = jax.tree.map(lambda rows, a: rows.at[tick - span[0]].set(_unless_stopped(active, a)), log, info)
        return arrays, jnp.where(active & ~sound, int(Status.NONFINITE), status), log

    arrays, status, log = jax.lax.fori_loop(span[0], span[1], body, (arrays, status, log))
    state = eqx.combine(arrays, static)
    return state, status, log, algorithm.evaluate(state, jr.fold_in(key, -span[1]))


def advance_batched(algorithm, run: Fit, stop: int, every: int, feed: Any):
    """Take the steps up to ``stop``, all members in one program."""
    span = jnp.asarray([run.tick, stop])
    state, status, log, reading = _advance(
        algorithm, run.state, jnp.asarray(run.status), run.key, run.phase, span, every, feed
    )
    log, reading = jax.device_get((log, reading))
    steps_first = (lambda a: a.T) if isinstance(algorithm, Ensemble) else (lambda a: a)
    return state, status, {name: steps_first(a)[: stop - run.tick] for name, a in log.items()}, reading


def advance_looped(ensemble: Ensemble, run: Fit, stop: int, every: int, feed):
    """Members one after the other; the stopped ones cost nothing."""
    span = jnp.asarray([run.tick, stop])
    outcomes: list[Any] = [None] * ensemble.n
    everyone = ensemble.each, run.state, jnp.asarray(run.status), run.key
    for i in np.flatnonzero(run.status == Status.RUNNING):
        each, state, status, key = take(everyone, jnp.asarray(i))
        one = eqx.combine(each, ensemble.shared)
        outcomes[i] = _advance(one, state, status, key, run.phase, span, every, feed)
    example = next(outcome for outcome in outcomes if outcome is not None)
    blank = jax.tree.map(lambda a: jnp.full_like(a, jnp.nan if eqx.is_inexact_array(a) else 0), example[2:])
    kept = [
        outcome or (take(run.state, jnp.asarray(i)), jnp.asarray(run.status[i]), *blank)
        for i, outcome in enumerate(outcomes)
    ]
    state, status = stack([outcome[:2] for outcome in kept])
    log, reading = jax.device_get([[outcome[k] for outcome in kept] for k in (2, 3)])
    members_last = lambda rows: {name: np.stack([row[name] for row in rows], axis=-1) for name in rows[0]}
    log = {name: a[: stop - run.tick] for name, a in members_last(log).items()}
    return state, status, log, members_last(reading)


def _still_finite(new, old):
    """Whether no number that was finite has ceased to be (a mask of -inf may stay)."""
    floats = lambda tree: jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    pairs = zip(floats(new), floats(old), strict=True)
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(a) | ~jnp.isfinite(b)) for a, b in pairs]))


def _unless_stopped(active, value):
    return jnp.where(active, value, jnp.nan) if jnp.issubdtype(value.dtype, jnp.inexact) else value
