"""What looks on between two chunks: judges decide, recorders write down.

A judge has a memory (a pytree, saved with every checkpoint) and may stop members or choose which model to keep.
A recorder only has effects: a progress bar, a checkpoint, an event log. Both see the `Fit` so far.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ceteris.engine.checkpoint import by_first, is_gone, save
from ceteris.engine.devices import agreed, first_process
from ceteris.engine.run import Fit, Status
from ceteris.files import GrowingFile


class AbstractJudge(abc.ABC):
    """Decides, from the run so far, which members go on and which model to keep."""

    @abc.abstractmethod
    def init(self, run: Fit, metrics: tuple[str, ...]) -> Any:
        """Return what to remember at the start; ``metrics`` are the held-out metrics there will be."""

    @abc.abstractmethod
    def judge(self, run: Fit, memory: Any) -> tuple[Any, Any, Status]:
        """Return the new memory, which members to stop (bool, per member), and why."""

    @abc.abstractmethod
    def choose(self, run: Fit, memory: Any) -> Any:
        """Return the model to keep, or None for the last."""


class AbstractRecorder(abc.ABC):
    """Writes down where a run stands; never changes it. An ``OSError`` stops the run cleanly."""

    @abc.abstractmethod
    def open(self, run: Fit, steps: int) -> None:
        """Prepare, before the first step; the place to refuse what cannot work."""

    @abc.abstractmethod
    def record(self, run: Fit) -> None:
        """Note one chunk."""

    @abc.abstractmethod
    def close(self) -> None:
        """Finish, also after an error."""


# ------------------------------------------------------------------------------------------------ judges


@dataclass(frozen=True)
class EarlyStopping(AbstractJudge):
    """Stop a member whose held-out metric has not improved for ``patience`` chunks, and keep its best model.

    Parameters
    ----------
    metric : str
        A held-out metric (of ``evaluate``) or, for lack of one, a quantity of ``info`` averaged over the chunk.
    patience : int
        Chunks without improvement.
    least : float
        Improvements smaller than this do not count.
    """

    metric: str = "heldout"
    patience: int = 10
    least: float = 0.0

    def init(self, run, metrics):
        if self.metric not in (*metrics, "loss"):
            known = ", ".join((*metrics, "loss"))
            raise ValueError(
                f"EarlyStopping: metric is {self.metric!r}, but the algorithm reports {known}; name one of these."
            )
        return np.full(run.status.shape, np.inf), np.zeros(run.status.shape, int), run.state.model

    def judge(self, run, memory):
        best, waited, model = memory
        value = latest(run, self.metric)
        better = (value < best - self.least) & (run.status == Status.RUNNING)
        waited = np.where(better, 0, waited + 1)
        memory = np.where(better, value, best), waited, _where(jax.device_put(better), run.state.model, model)
        return memory, waited >= self.patience, Status.STOPPED_EARLY

    def choose(self, run, memory):
        return memory[2]


@dataclass(frozen=True)
class StopWhen(AbstractJudge):
    """Stop members of which ``reached(run)`` is true (bool, per member; None for nobody); a plain function will do."""

    reached: Callable[[Fit], Any]

    def init(self, run, metrics):
        return ()

    def judge(self, run, memory):
        stop = self.reached(run)
        return memory, np.zeros(run.status.shape, bool) if stop is None else np.asarray(stop), Status.REACHED

    def choose(self, run, memory):
        return None


def target(below: float, metric: str = "loss") -> StopWhen:
    """Stop a member once a metric (or the loss, averaged over the chunk) is at or below a value."""
    return StopWhen(lambda run: latest(run, metric) <= below)


def latest(run: Fit, name: str) -> np.ndarray:
    """Return the last reading of a metric, or the mean over the last chunk of what the steps reported."""
    if name in run.readings[-1]:
        return run.readings[-1][name][0]
    if name not in run.logs[-1]:
        known = ", ".join(dict.fromkeys([*run.readings[-1], *run.logs[-1]]))
        raise ValueError(f"metric is {name!r}, but this run reports {known}; name one of these.")
    return run.logs[-1][name].mean(axis=0)


@eqx.filter_jit
def _where(better, new, old):
    def pick(a, b):
        return jnp.where(better.reshape(better.shape + (1,) * (a.ndim - better.ndim)), a, b) if eqx.is_array(a) else a

    return jax.tree.map(pick, new, old)


# --------------------------------------------------------------------------------------------- recorders


class Progress(AbstractRecorder):
    """A progress bar with loss, speed, what compiling took, and time left; off a terminal, a line now and then.

    Parameters
    ----------
    title : str
        What is running.
    seconds : float
        Off a terminal, at most one line in so many seconds.
    read : callable
        How the last loss is told.
    """

    def __init__(
        self, title: str = "training", seconds: float = 10.0, read: Callable[[float], str] = "loss {:.3g}".format
    ):
        self.title, self.seconds, self.read = title, seconds, read

    def open(self, run, steps):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._steps, self._first, self._compiled = steps, run.tick, None
        self._spoke = self._began = time.monotonic()
        console = Console(stderr=True, quiet=not first_process())
        self._print = lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)
        self._bar = None
        if console.is_terminal:
            what, said = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[said]}"))
            self._bar = Bar(what, BarColumn(), MofNCompleteColumn(), said, TimeRemainingColumn(), console=console)
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=steps, completed=run.tick, said="compiling")

    def record(self, run):
        now, done = time.monotonic(), run.tick - self._first
        self._compiled = self._compiled or (done, now - self._began)
        said, each = pace(done, now - self._began, *self._compiled)
        said = self.read(float(np.nanmedian(run.logs[-1]["loss"][-1]))) + said
        if run.status.ndim:
            said += f", {int(np.sum(run.status == Status.RUNNING))} of {run.status.size} members running"
        if self._bar is not None:
            self._bar.update(self._task, completed=run.tick, said=said)
        elif now - self._spoke >= self.seconds or run.tick == self._steps:
            self._spoke = now
            left = f", {each * (self._steps - run.tick):.0f} s left" if each and run.tick < self._steps else ""
            self._print(f"{self.title}: {run.tick} of {self._steps} steps, {said}{left}")

    def close(self):
        if self._bar is not None:
            self._bar.stop()


def pace(steps: int, seconds: float, first: int, until: float) -> tuple[str, float]:
    """Tell how fast steps go and what compiling took, the ``first`` of them ending at ``until``; and seconds of one."""
    if steps == first:
        return f", {until:.0f} s with compiling" * (until >= 1), 0.0
    compiling = until - first * (each := max((seconds - until) / (steps - first), 1e-9))
    speed = f", {1 / each:.{int(each > 0.1)}f} steps/s" if each < 1 else f", {each:.1f} s a step"
    return speed + f", compiled in {compiling:.1f} s" * (compiling >= 1), each


class Checkpoint(AbstractRecorder):
    """Save the run, atomically, at most every ``seconds`` and when the run ends or is stopped.

    A kill at any moment leaves the last complete checkpoint. Resume with ``fit(..., resume=path)``. From the second
    save on there is a file ``<path>.history`` beside it, which only grows: keep the two together.
    """

    def __init__(self, path: str | Path, seconds: float = 30.0):
        self.path = Path(path)
        self.seconds = seconds

    def open(self, run, steps):
        self._file = by_first(lambda: GrowingFile(self.path))
        self._steps, self._due = steps, None
        self._saved = time.monotonic()

    def record(self, run):
        over = run.tick >= self._steps or not np.any(run.status == Status.RUNNING)
        self._due = run
        if agreed(time.monotonic() - self._saved >= self.seconds) or over:
            self._save(run)

    def close(self):
        if self._due is not None and not is_gone(self._due):  # gone if an error ended the chunk that followed
            self._save(self._due)

    def _save(self, run):
        self._due = None  # first, so that a disk that is full is not written to again
        save(self.path, run, self._file)
        self._saved = time.monotonic()


class TensorBoard(AbstractRecorder):
    """Write losses and metrics as a TensorBoard event log (extra: ``pip install 'ceteris[tensorboard]'``)."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise ImportError(
                "TensorBoard: the package tensorboard is missing; pip install 'ceteris[tensorboard]'."
            ) from error
        self._make = Writer

    def open(self, run, steps):
        self._writer = self._make(str(self.folder)) if first_process() else None

    def record(self, run):
        if self._writer is not None:
            for name, rows in {**run.logs[-1], **run.readings[-1]}.items():
                if name != "step":
                    self._writer.add_scalar(name, float(np.nanmean(rows[-1])), run.tick)
            self._writer.flush()

    def close(self):
        if self._writer is not None:
            self._writer.close()
