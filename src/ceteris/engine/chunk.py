"""The compiled inside of the loop: many steps in one program, for one run or for all members of an ensemble."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.engine.algorithm import State
from ceteris.engine.devices import Setting, at_work, kept, kept_in_place
from ceteris.engine.ensemble import Ensemble, stack, take
from ceteris.engine.run import Fit, Status


def _start(algorithm, key, model, setting):
    def one(a, key, model):
        state = a.init(jr.fold_in(key, 0), model)
        if setting.digits is not None and model is None:  # as a model that is given would be
            state = a.init(jr.fold_in(key, 0), kept(state.model))
        return _in_place(state)

    with at_work(setting):
        return _per_member(algorithm, one, key, model)


# run once, so compiled fast rather than to run fast: random draws are most of it, and this halves what a user waits for
_quickly: Any = {"compiler_options": {"xla_backend_optimization_level": 0}}
start = eqx.filter_jit(_start, **_quickly)


def start_shapes(algorithm, key, model, setting):
    """Return the shapes of the state before the first step."""
    return eqx.filter_eval_shape(_start, algorithm, key, model, setting)


@eqx.filter_jit  # its shapes are asked for at every fit
def evaluate(algorithm, state, key):
    """Return held-out metrics."""
    return _per_member(algorithm, lambda a, state, key: a.evaluate(state, key), state, key)


@eqx.filter_jit(donate="all-except-first")
def _advance(kept, given):
    """Take the steps ``span[0] <= t < span[1]``; compiled once for all spans of at most ``every`` steps.

    What the step rule and the sampler remember is given, not lent: a replay buffer is changed where it lies.
    """
    algorithm, model, status, key, span, every, feed, setting = kept
    one = lambda a, model, given, status, key: _chunk(a, State(model, *given), status, key, span, every, feed, setting)
    return _per_member(algorithm, one, model, given, status, key)


def _per_member(algorithm, function, *arguments):
    if not isinstance(algorithm, Ensemble):
        return function(algorithm, *arguments)
    lifted = lambda each, *arguments: function(eqx.combine(each, algorithm.shared), *arguments)
    return eqx.filter_vmap(lifted)(algorithm.each, *arguments)


def _chunk(algorithm, state, status, key, span, every, feed, setting):
    key = jr.fold_in(key, 1)
    arrays, static = eqx.partition(state, eqx.is_array)

    def step(tick, arrays):
        fed = jax.tree.map(lambda a: a[tick - span[0]], feed)
        with at_work(setting):
            new, info = algorithm.step(eqx.combine(arrays, static), jr.fold_in(key, tick), fed)
        return eqx.filter(new, eqx.is_array), jax.tree.map(_logged, info)

    step = eqx.filter_closure_convert(step, span[0], arrays)  # traced once, used for the shapes and in the loop
    after, shapes = eqx.filter_eval_shape(step, span[0], arrays)
    _refuse_changed(arrays, after, shapes)
    log = jax.tree.map(lambda a: jnp.zeros((every, *a.shape), a.dtype), shapes)

    def body(tick, carry):
        arrays, log = carry
        new, info = step(tick, arrays)
        with at_work(setting):
            new = _in_place(new)
        return new, jax.tree.map(lambda rows, a: rows.at[tick - span[0]].set(a), log, info)

    new, log = jax.lax.fori_loop(span[0], span[1], body, (arrays, log))
    # whether all is finite is asked once a chunk: asked at every step it would cost small nets a quarter of their speed
    ticks = jnp.arange(every)
    lost = ~jnp.isfinite(log["loss"]) & (ticks < span[1] - span[0])
    active = status == Status.RUNNING
    sound = ~lost.any() & _still_finite(new.model, arrays.model)
    model = jax.tree.map(lambda a, b: jnp.where(active & sound, a, b), new.model, arrays.model)
    arrays, status = new._replace(model=model), jnp.where(active & ~sound, int(Status.NONFINITE), status)
    until_lost = active & (ticks <= jnp.min(jnp.where(lost, ticks, every)))
    log = jax.tree.map(lambda rows: _unless_stopped(until_lost, rows), log)
    state = eqx.combine(arrays, static)
    with at_work(setting):
        reading = kept_in_place(algorithm.evaluate(state, jr.fold_in(key, -span[1])), "whole")
        return state, kept_in_place(status, "whole"), kept_in_place(log, "whole"), reading


def _in_place(state):
    """Keep the weights and what the step rule remembers divided among devices as they are."""
    model, optimiser = kept_in_place(state[:2], "weights")
    return State(model, optimiser, kept_in_place(state.sampler, "whole"))


def _refuse_changed(before, after, info):
    """Refuse a step that returns a state of other types or shapes than it was given, or reports no loss."""
    if "loss" not in info:
        raise ValueError(f"algorithm: its step reports {', '.join(info) or 'nothing'}, but info['loss'] is needed.")
    for name, a in info.items():
        if a.shape:
            raise ValueError(f"algorithm: its step reports {name} of shape {a.shape}, but only scalars are logged.")
    named = lambda tree: {jax.tree_util.keystr(path): a for path, a in jax.tree_util.tree_leaves_with_path(tree)}
    old, new = named(before), named(after)
    for name in [*old, *new]:
        a, b = old.get(name), new.get(name)
        if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
            said = lambda x: "nothing" if x is None else f"{x.dtype}{list(x.shape)}"
            raise ValueError(
                f"algorithm: its step turns state{name} from {said(a)} into {said(b)}, but a state keeps its types and "
                "shapes; convert what the step returns."
            )


def advance_batched(algorithm, run: Fit, stop: int, every: int, feed: Any, setting: Setting):
    """Take the steps up to ``stop``, all members in one program; returns before they are done."""
    span = np.asarray([run.tick, stop])
    kept = (algorithm, run.state.model, np.asarray(run.status), run.key, span, every, feed, setting)
    return _advance(kept, run.state[1:])


def read_batched(algorithm, outcome, steps: int):
    """Wait for the outcome, and return it with logs of shape (steps,) or (steps, members)."""
    state, status, log, reading = outcome
    status, log, reading = jax.device_get((status, log, reading))
    steps_first = (lambda a: a.T) if isinstance(algorithm, Ensemble) else (lambda a: a)
    return state, status, {name: steps_first(a)[:steps] for name, a in log.items()}, reading


def advance_looped(ensemble: Ensemble, run: Fit, stop: int, every: int, feed, setting: Setting):
    """Members one after the other; the stopped ones cost nothing."""
    span = np.asarray([run.tick, stop])
    outcomes: list[Any] = [None] * ensemble.n
    everyone = ensemble.each, run.state, np.asarray(run.status), run.key
    for i in np.flatnonzero(run.status == Status.RUNNING):
        each, state, status, key = take(everyone, np.asarray(i))
        one = eqx.combine(each, ensemble.shared)
        outcomes[i] = _advance((one, state.model, status, key, span, every, feed, setting), state[1:])
    return outcomes


def read_looped(ensemble: Ensemble, run: Fit, outcomes, steps: int):
    """Wait for the outcomes of all members, and return them together."""
    example = next(outcome for outcome in outcomes if outcome is not None)
    blank = jax.tree.map(lambda a: jnp.full_like(a, jnp.nan if eqx.is_inexact_array(a) else 0), example[2:])
    kept = [
        outcome or (take(run.state, np.asarray(i)), np.asarray(run.status[i]), *blank)
        for i, outcome in enumerate(outcomes)
    ]
    state, status = stack([outcome[:2] for outcome in kept])
    log, reading = jax.device_get([[outcome[k] for outcome in kept] for k in (2, 3)])
    members_last = lambda rows: {name: np.stack([row[name] for row in rows], axis=-1) for name in rows[0]}
    return state, status, {name: a[:steps] for name, a in members_last(log).items()}, members_last(reading)


def _still_finite(new, old):
    """Whether no number that was finite has ceased to be (a mask of -inf may stay)."""
    floats = lambda tree: jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    pairs = zip(floats(new), floats(old), strict=True)
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(a) | ~jnp.isfinite(b)) for a, b in pairs]))


def _logged(value):
    """Return what is reported in at least single precision: a loss of eight bits tells little."""
    value = jnp.asarray(value)
    return value.astype(jnp.float32) if jnp.issubdtype(value.dtype, jnp.floating) and value.itemsize < 4 else value


def _unless_stopped(active, value):
    return jnp.where(active, value, jnp.nan) if jnp.issubdtype(value.dtype, jnp.inexact) else value
