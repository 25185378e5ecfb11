"""The one loop. It iterates a pure step in compiled chunks and knows nothing of what is being learnt."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray
from threadpoolctl import ThreadpoolController

from ceteris.engine.algorithm import AbstractAlgorithm, State
from ceteris.engine.checkpoint import is_gone, load
from ceteris.engine.chunk import (
    advance_batched,
    advance_looped,
    evaluate,
    read_batched,
    read_looped,
    start,
    start_shapes,
)
from ceteris.engine.devices import Digits, Precision, Setting, cast, checked_mesh, digits_of, of_all, placed
from ceteris.engine.devices import precision as in_precision
from ceteris.engine.ensemble import Ensemble, batched, stack, take
from ceteris.engine.feed import Feed, Feeding
from ceteris.engine.monitors import AbstractJudge, AbstractRecorder, Checkpoint, StopWhen
from ceteris.engine.run import Fit, Status
from ceteris.keys import fast
from ceteris.stopping import Deferred, deferred


def fit(
    algorithm: AbstractAlgorithm | Ensemble,
    key: PRNGKeyArray,
    *,
    steps: int,
    every: int = 100,
    monitors: Sequence[AbstractJudge | AbstractRecorder | Callable[[Fit], Any]] = (),
    feed: Feed | None = None,
    model: Any = None,
    resume: Fit | str | Path | None = None,
    precision: Precision | None = None,
    mesh: Mesh | None = None,
) -> Fit:
    """Iterate an algorithm's step.

    Steps run in compiled chunks of ``every``; the host is touched only in between, where monitors look on.
    Randomness is a function of the key and the step number alone, so that neither the size of the chunks nor
    a stop and a resume changes the weights, to the bit.

    Parameters
    ----------
    algorithm : AbstractAlgorithm or Ensemble
    key : PRNG key
        Decides everything random.
    steps : int
        How many steps in total, those before a resume included.
    every : int
        Steps per chunk: how often monitors look on and held-out metrics are read.
    monitors : sequence
        Judges (they may stop members and choose a model), recorders (progress, checkpoints), or plain functions
        of the `Fit` so far that return which members to stop. What the step rule and the sampler of such a `Fit`
        remember is gone once the run goes on; its model stays.
    feed : callable, optional
        ``feed(step, n)`` returns the data of ``n`` steps from ``step`` on, arrays with leading axis ``n``, on the host
        or on devices. ``feed(step, n, model)`` is given the model as it is before these steps, to act in a world
        outside; with ``every=1`` it is the model of each step.
    model : optional
        Start from this model instead of a fresh one (leading member axis for an ensemble).
    resume : Fit, path of a checkpoint, or "if there", optional
        Go on from here; algorithm, key and monitors must be as they were. "if there" takes the file of the
        `Checkpoint` among the monitors where it exists, and begins anew where it does not.
    precision : {"single", "double", "mixed", "half"} or Digits, optional
        Cast the algorithm's arrays and compute in this precision. "mixed" keeps weights in single precision and takes
        gradients in bfloat16, "half" keeps the weights in bfloat16 too.
    mesh : jax.sharding.Mesh, optional
        Run on all devices of a mesh. Its axes say what is divided: "data" the points of each batch, "weights" the
        weights as well (and the points along it), "members" those of an ensemble.

    Returns
    -------
    Fit

    Notes
    -----
    On Ctrl-C and on SIGTERM the run ends after the chunk under way, with a checkpoint if one is kept, and is returned
    as interrupted; a second signal ends it at once. Among several processes every one calls `fit` with the same
    arguments, and the first of them writes.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, equinox as eqx, optax
    >>> from ceteris.recipe import Descend, Fixed, Loss
    >>> def away(model, batch, key): return (model - batch) ** 2, {}
    >>> def zero(key): return jnp.array(0.0)
    >>> mean = Descend(zero, Loss(away), Fixed(jnp.array(3.0)), eqx.Partial(optax.sgd, 0.1))
    >>> result = fit(mean, jax.random.key(0), steps=50)
    >>> round(float(result.model), 3), result.sentence
    (3.0, 'The run took all the steps it was given.')
    """
    for name, given, least in (("steps", steps, 0), ("every", every, 1)):
        if not isinstance(given, int | np.integer) or given < least:
            raise ValueError(f"fit: {name} is {given!r}, but must be a whole number of at least {least}; give one.")
    watchers = tuple(m if isinstance(m, AbstractJudge | AbstractRecorder) else StopWhen(m) for m in monitors)
    judges = tuple(m for m in watchers if isinstance(m, AbstractJudge))
    recorders = tuple(m for m in watchers if isinstance(m, AbstractRecorder))
    mesh = checked_mesh(mesh, algorithm.n if isinstance(algorithm, Ensemble) else None)
    setting = Setting(digits_of(precision), mesh)
    # factorisations inside a batched program are many and small: BLAS threads would fight XLA's own for the cores
    with in_precision(precision), _threads().limit(limits=1, user_api="blas"):
        algorithm, model = cast(algorithm, precision), cast(model, precision)
        begin = functools.partial(_begin, algorithm, fast(key), judges, model, setting)
        return _run(algorithm, begin, _found(resume, recorders), key, steps, every, feed, judges, recorders, setting)


def _run(algorithm, begin, resume, key, steps, every, feed, judges, recorders, setting: Setting) -> Fit:
    run = _opened(begin, resume, key, judges, setting)  # named here only: the first weights are let go
    _refuse_disagreement(steps, every, run.tick)
    looped = isinstance(algorithm, Ensemble) and not batched(algorithm, run.state.model)
    if setting.mesh is not None:
        algorithm, run, looped = *_on_mesh(algorithm, run, setting.mesh), False
    for recorder in recorders:
        recorder.open(run, steps)
    feeding = Feeding(feed, every, steps, setting.mesh)
    with deferred() as signals:
        try:
            while run.tick < steps and np.any(run.status == Status.RUNNING) and not _asked_to_end(signals):
                stop = min(run.tick + every, steps)
                fed = feeding.between(run.tick, stop, run)
                if looped:
                    outcomes = advance_looped(algorithm, run, stop, every, fed, setting)
                    feeding.prepare(stop)
                    outcome = read_looped(algorithm, run, outcomes, stop - run.tick)
                else:
                    outcome = advance_batched(algorithm, run, stop, every, fed, setting)
                    feeding.prepare(stop)  # while the device works
                    outcome = read_batched(algorithm, outcome, stop - run.tick)
                run = _after(run, stop, outcome)  # what was given to the chunk is gone
                run = _judge(run, judges)
                for recorder in recorders:
                    recorder.record(run)
        except KeyboardInterrupt:
            if is_gone(run):  # a second signal, in the middle of a chunk
                raise
            run = _interrupted(run, "Stopped from the keyboard.")
        except OSError as error:
            run = _interrupted(run, f"Stopped because a monitor could not write or the feed could not read: {error}.")
            warnings.warn(run.note, RuntimeWarning, stacklevel=3)
        finally:
            for recorder in recorders:
                recorder.close()
    if signals.sentence and run.tick < steps:
        run = _interrupted(run, signals.sentence)
    status = np.where(run.status == Status.RUNNING, Status.FINISHED, run.status)
    return replace(run, status=status, best=_choose(run, judges))


@functools.cache
def _threads() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  XLA factorises with its BLAS, which is limited only if it is there already

    return ThreadpoolController()  # looking for the libraries takes a millisecond


# ------------------------------------------------------------------------------------------- before the first step


def _begin(algorithm, key, judges, model, setting: Setting, shapes_only: bool = False) -> Fit:
    single = not isinstance(algorithm, Ensemble)
    keys = key if single else algorithm.keys(key)
    if shapes_only:
        state = start_shapes(algorithm, keys, model, setting)
    elif single or algorithm.how != "loop" or setting.mesh is not None:
        algorithm, keys, model = placed((algorithm, keys, model), setting.mesh)
        state = start(algorithm, keys, model, setting)
    else:
        one = lambda i: start(algorithm.member(i), keys[i], take(model, np.asarray(i)), setting)
        state = stack([one(i) for i in range(algorithm.n)])
    run = Fit(state, np.full(() if single else (algorithm.n,), Status.RUNNING), 0, keys, digits=setting.digits)
    if judges:
        names = tuple(eqx.filter_eval_shape(evaluate, algorithm, state, keys))
        return replace(run, memories=tuple(judge.init(run, names) for judge in judges))
    return run


def _opened(begin, resume, key, judges, setting: Setting) -> Fit:
    if resume is None:
        return begin()
    if not isinstance(resume, Fit):
        return _reopen(load(resume, begin(shapes_only=True), setting.digits), key, len(judges), setting.digits)
    resume = replace(resume, state=State(resume.state.model, *jax.tree.map(_copied, resume.state[1:])))
    return _reopen(resume, key, len(judges), setting.digits)


def _on_mesh(algorithm, run: Fit, mesh: Mesh):
    like = "members" if (members := isinstance(algorithm, Ensemble)) else "weights"
    if members:
        algorithm = eqx.tree_at(lambda a: a.each, algorithm, placed(algorithm.each, mesh, like))
    state = State(
        placed(run.state.model, mesh, like),
        placed(run.state.optimiser, mesh, like),
        placed(run.state.sampler, mesh, like if members else "whole"),
    )
    return placed(algorithm, mesh), replace(run, state=state, key=placed(run.key, mesh, like if members else "whole"))


def _found(resume, recorders):
    """Return what to resume from, None for a fresh start."""
    if resume != "if there":
        return resume
    checkpoints = [recorder for recorder in recorders if isinstance(recorder, Checkpoint)]
    if not checkpoints:
        raise ValueError('fit: resume is "if there", but no Checkpoint is among the monitors; add one.')
    return checkpoints[0].path if checkpoints[0].path.exists() else None


def _reopen(run: Fit, key, judges: int, digits: Digits | None) -> Fit:
    given = jr.key_data(key if run.status.ndim == 0 else jr.split(key, run.status.size))
    if not np.array_equal(given, jr.key_data(run.key)):
        raise ValueError("fit: key differs from the key of the run to resume; pass the key it was started with.")
    if len(run.memories) != judges:
        raise ValueError(
            f"fit: the run to resume had {len(run.memories)} judging monitors, but {judges} are given; pass the same."
        )
    if digits and run.digits and digits != run.digits:
        raise ValueError(f"fit: precision is {digits}, but the run to resume has {run.digits}; resume it in its own.")
    paused = np.isin(run.status, (Status.FINISHED, Status.INTERRUPTED))
    return replace(run, status=np.where(paused, Status.RUNNING, run.status), best=None, note="")


def _copied(a):
    return jnp.copy(a) if eqx.is_array(a) else a  # the caller's own Fit must outlive this run


def _refuse_disagreement(*numbers: int) -> None:
    told = of_all(np.asarray(numbers))
    if np.any(told != told[0]):
        raise ValueError(
            f"fit: the processes disagree: steps, every and the first step are {told.tolist()}; give every process the "
            "same arguments and the same checkpoint."
        )


# --------------------------------------------------------------------------------------------------- between chunks


def _after(run: Fit, stop: int, outcome) -> Fit:
    state, status, log, reading = outcome
    reading = {"step": np.asarray(stop), **reading}
    return replace(
        run,
        state=state,
        status=np.asarray(status),
        tick=stop,
        logs=(*run.logs, log),
        readings=(*run.readings, {name: np.asarray(value)[None] for name, value in reading.items()}),
    )


def _judge(run: Fit, judges) -> Fit:
    memories = []
    for judge, memory in zip(judges, run.memories, strict=True):
        memory, stop, status = judge.judge(run, memory)
        memories.append(memory)
        run = replace(run, status=np.where(stop & (run.status == Status.RUNNING), status, run.status))
    return replace(run, memories=tuple(memories))


def _choose(run: Fit, judges) -> Any:
    chosen = [judge.choose(run, memory) for judge, memory in zip(judges, run.memories, strict=True)]
    return next((model for model in reversed(chosen) if model is not None), None)


def _asked_to_end(signals: Deferred) -> bool:
    return bool(np.any(of_all(np.asarray(signals.heard))))  # one process that is asked to end ends them all


def _interrupted(run: Fit, note: str) -> Fit:
    return replace(run, status=np.where(run.status == Status.RUNNING, Status.INTERRUPTED, run.status), note=note)
