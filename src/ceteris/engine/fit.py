"""The one loop. It iterates a pure step in compiled chunks and knows nothing of what is being learnt."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray
from threadpoolctl import threadpool_limits

from ceteris.engine.algorithm import AbstractAlgorithm, State
from ceteris.engine.chunk import advance_batched, advance_looped, evaluate, start, start_shapes
from ceteris.engine.ensemble import Ensemble, batched, stack, take
from ceteris.engine.monitors import AbstractJudge, AbstractRecorder, StopWhen
from ceteris.engine.precision import Precision, cast
from ceteris.engine.precision import precision as in_precision
from ceteris.engine.status import Status, describe
from ceteris.keys import fast

Feed = Callable[[int, int], Any]


class Then(eqx.Module):
    """Step rules taken one after the other; build it with `then`."""

    phases: tuple[AbstractAlgorithm | Ensemble, ...]


def then(*phases: AbstractAlgorithm | Ensemble) -> Then:
    """Run one step rule, then hand its model to the next (Adam, then Levenberg-Marquardt).

    ``fit(then(a, b), key, steps=(2000, 50))`` gives each phase its own number of steps. Where a monitor keeps
    the best model of a phase, that is the one handed on.
    """
    sizes = {phase.n if isinstance(phase, Ensemble) else None for phase in phases}
    if len(phases) < 2 or len(sizes) > 1:
        raise ValueError("then: needs two or more phases, all single or all ensembles of the same number of members.")
    return Then(phases)


@dataclass(frozen=True)
class Fit:
    """Where a run stands: everything `fit` needs to go on, and what it has seen so far.

    Attributes
    ----------
    state : State
        As after the last step; arrays have a leading member axis for an `Ensemble`.
    status : int array, shape () or (members,)
        Values of `Status`.
    tick : int
        Steps taken in the current phase.
    phase : int
        Which step rule of a `then` is running; 0 otherwise.
    key : PRNG key(s)
        As given (one per member for an ensemble).
    logs, readings : tuple of dict
        Chunks of ``info`` and of held-out metrics; see `history` and `metrics`.
    memories : tuple
        What each monitor remembers.
    best : model, optional
        What a monitor chose to keep instead of the last model.
    note : str
        What went wrong outside the computation, such as a full disk.
    """

    state: State
    status: np.ndarray
    tick: int
    phase: int
    key: PRNGKeyArray
    logs: tuple[dict[str, np.ndarray], ...] = ()
    readings: tuple[dict[str, np.ndarray], ...] = ()
    memories: tuple[Any, ...] = ()
    best: Any = None
    note: str = ""

    @property
    def model(self) -> Any:
        """The fitted model: the best one where a monitor kept it, else the last."""
        return self.state.model if self.best is None else self.best

    @property
    def history(self) -> dict[str, np.ndarray]:
        """What every step reported, arrays of shape (steps,) or (steps, members); NaN once a member has stopped."""
        return _concatenate(self.logs)

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """Held-out metrics and the number of steps ("step") at which they were read."""
        return _concatenate(self.readings)

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        return " ".join(filter(None, [describe(self.status), self.note]))

    @property
    def ok(self) -> bool:
        """Whether every member ended well."""
        return not self.note and all(Status(int(s)).healthy for s in self.status.ravel())

    def member(self, i: int) -> Any:
        """Return the fitted model of ensemble member ``i``."""
        return take(self.model, jnp.asarray(i))


def fit(
    algorithm: AbstractAlgorithm | Ensemble | Then,
    key: PRNGKeyArray,
    *,
    steps: int | Sequence[int],
    every: int = 100,
    monitors: Sequence[AbstractJudge | AbstractRecorder | Callable[[Fit], Any]] = (),
    feed: Feed | None = None,
    model: Any = None,
    resume: Fit | str | Path | None = None,
    precision: Precision | None = None,
) -> Fit:
    """Iterate an algorithm's step.

    Steps run in compiled chunks of ``every``; the host is touched only in between, where monitors look on.
    Randomness is a function of the key and the step number alone, so that neither the size of the chunks nor
    a stop and a resume changes the weights, to the bit.

    Parameters
    ----------
    algorithm : AbstractAlgorithm, Ensemble, or the result of `then`
    key : PRNG key
        Decides everything random.
    steps : int, or one int per phase of a `then`
        How many steps in total, those before a resume included.
    every : int
        Steps per chunk: how often monitors look on and held-out metrics are read.
    monitors : sequence
        Judges (they may stop members and choose a model), recorders (progress, checkpoints), or plain functions
        of the `Fit` so far that return which members to stop.
    feed : callable, optional
        ``feed(step, n)`` returns the host data of ``n`` steps from ``step`` on, arrays with leading axis ``n``.
    model : optional
        Start from this model instead of a fresh one (leading member axis for an ensemble).
    resume : Fit or path of a checkpoint, optional
        Go on from here; algorithm, key and monitors must be as they were.
    precision : {"single", "double"}, optional
        Cast the algorithm's arrays and compute in this precision.

    Returns
    -------
    Fit

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
    key = fast(key)
    phases = algorithm.phases if isinstance(algorithm, Then) else (algorithm,)
    budget = (steps,) if isinstance(steps, int) else tuple(steps)
    if len(budget) != len(phases) or min(budget) < 0:
        raise ValueError(
            f"fit: steps is {steps!r}, but {len(phases)} non-negative number(s) of steps are needed, one per phase."
        )
    if every < 1:
        raise ValueError(f"fit: every is {every}, but a chunk has at least one step.")
    watchers = tuple(m if isinstance(m, AbstractJudge | AbstractRecorder) else StopWhen(m) for m in monitors)
    judges = tuple(m for m in watchers if isinstance(m, AbstractJudge))
    recorders = tuple(m for m in watchers if isinstance(m, AbstractRecorder))
    # factorisations inside a batched program are many and small: BLAS threads would fight XLA's own for the cores
    with in_precision(precision), threadpool_limits(1, user_api="blas"):
        phases = cast(phases, precision)
        if resume is None:
            run = _begin(phases[0], key, 0, judges, cast(model, precision))
        elif isinstance(resume, Fit):
            run = _reopen(resume, key, len(judges))
        else:
            from ceteris.engine.checkpoint import load  # checkpoint needs Fit: the import is mutual

            # an algorithm may need the model it is handed in its first phase to know the shapes of its state
            given = lambda phase: cast(model, precision) if phase == 0 else None
            template = lambda phase: _begin(phases[phase], key, phase, judges, given(phase), shapes_only=True)
            run = _reopen(load(resume, template, len(phases)), key, len(judges))
        while True:
            run = _run_phase(phases[run.phase], run, budget[run.phase], every, feed, judges, recorders)
            last = run.phase + 1 == len(phases)
            if last or np.any(run.status == Status.INTERRUPTED):
                return run
            run = _next_phase(phases[run.phase + 1], run, key, judges)


# ------------------------------------------------------------------------------------------------ phases


def _run_phase(algorithm, run: Fit, steps: int, every: int, feed: Feed | None, judges, recorders) -> Fit:
    for recorder in recorders:
        recorder.open(run, steps)
    advance = advance_batched
    if isinstance(algorithm, Ensemble) and not batched(algorithm, run.state.model):
        advance = advance_looped
    try:
        while run.tick < steps and np.any(run.status == Status.RUNNING):
            stop = min(run.tick + every, steps)
            fed = None if feed is None else _padded(feed(run.tick, stop - run.tick), every)
            run = _judge(_after(run, stop, advance(algorithm, run, stop, every, fed)), judges)
            for recorder in recorders:
                recorder.record(run)
    except KeyboardInterrupt:
        run = _interrupted(run, "Stopped from the keyboard.")
    except OSError as error:
        run = _interrupted(run, f"Stopped because a monitor could not write: {error}.")
        warnings.warn(run.note, RuntimeWarning, stacklevel=3)
    finally:
        for recorder in recorders:
            recorder.close()
    status = np.where(run.status == Status.RUNNING, Status.FINISHED, run.status)
    return replace(run, status=status, best=_choose(run, judges))


def _begin(algorithm, key, phase, judges, model=None, shapes_only: bool = False) -> Fit:
    single = not isinstance(algorithm, Ensemble)
    keys = key if single else algorithm.keys(key)
    begin = start_shapes if shapes_only else start
    if single or algorithm.how != "loop" or shapes_only:
        state = begin(algorithm, keys, phase, model)
    else:
        state = stack(
            [start(algorithm.member(i), keys[i], phase, take(model, jnp.asarray(i))) for i in range(algorithm.n)]
        )
    shape = () if single else (algorithm.n,)
    run = Fit(state, np.full(shape, Status.RUNNING), 0, phase, keys)
    if judges:
        names = tuple(eqx.filter_eval_shape(evaluate, algorithm, state, keys))
        run = replace(run, memories=tuple(judge.init(run, names) for judge in judges))
    return run


def _next_phase(algorithm, run: Fit, key, judges) -> Fit:
    fresh = _begin(algorithm, key, run.phase + 1, judges, run.model)
    lost = np.isin(run.status, (Status.NONFINITE, Status.DIVERGED))  # these stay stopped, and are reported
    return replace(fresh, status=np.where(lost, run.status, fresh.status), logs=run.logs, readings=run.readings)


def _reopen(run: Fit, key, judges: int) -> Fit:
    given = jr.key_data(key if run.status.ndim == 0 else jr.split(key, run.status.size))
    if not np.array_equal(given, jr.key_data(run.key)):
        raise ValueError("fit: key differs from the key of the run to resume; pass the key it was started with.")
    if len(run.memories) != judges:
        raise ValueError(
            f"fit: the run to resume had {len(run.memories)} judging monitors, but {judges} are given; pass the same."
        )
    paused = np.isin(run.status, (Status.FINISHED, Status.INTERRUPTED))
    return replace(run, status=np.where(paused, Status.RUNNING, run.status), best=None, note="")


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


def _interrupted(run: Fit, note: str) -> Fit:
    return replace(run, status=np.where(run.status == Status.RUNNING, Status.INTERRUPTED, run.status), note=note)


def _padded(feed, every: int):
    pad = lambda a: np.concatenate([a, np.repeat(a[-1:], every - len(a), axis=0)]) if len(a) < every else np.asarray(a)
    return jax.tree.map(pad, feed)


def _concatenate(chunks: tuple[dict[str, np.ndarray], ...]) -> dict[str, np.ndarray]:
    """Join chunks along the step axis; a quantity that a later phase does not report is NaN there."""
    names = dict.fromkeys(name for chunk in chunks for name in chunk)

    def column(chunk, name):
        return chunk[name] if name in chunk else np.full(next(iter(chunk.values())).shape, np.nan)

    return {name: np.concatenate([column(chunk, name) for chunk in chunks]) for name in names}
