"""The folder of a solution in the making: whose question it works on, how far it has come, and how long it took.

::

    question.json           the fingerprint of the question: model, its code, every argument, versions
    progress.safetensors    the policies after the last phase and after the best, and what each phase reached
    phase-N.safetensors     a checkpoint within phase N, while that runs, and phase-N.safetensors.history
    clock.json              seconds of all sessions so far

A folder with another question is refused; a killed run goes on where the last checkpoint was, to the same bits.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ceteris.engine import AbstractRecorder, Checkpoint, Progress, save_weights
from ceteris.equilibrium.model import Model, parameters
from ceteris.files import folder_lock, forget, read_arrays, read_json, refuse_non_finite, replace_file
from ceteris.files.trees import filled
from ceteris.fingerprint import class_parts, described, differences, packages
from ceteris.outlets import say, terminal

QUESTION, PROGRESS, CLOCK = "question.json", "progress.safetensors", "clock.json"
OFTEN = 15.0  # seconds between two checkpoints
PACKAGES = ("ceteris", "jax", "equinox", "optax")


def question_of(model: Model, **arguments: Any) -> dict[str, str]:
    """Return the fingerprint of what is asked: every argument, the model's code and calibration, and versions."""
    values = {**{f"parameter {name}": value for name, value in parameters(model).items()}, **arguments}
    texts = {name: described(value) for name, value in values.items()}
    return {**texts, **class_parts(type(model), Model), **packages(PACKAGES)}


def refuse_another(folder: Path, question: Mapping[str, str]) -> None:
    """Raise if a folder holds the work on another question; says what differs and what to do."""
    path = folder / QUESTION
    if not path.is_file():
        if has_work(folder):
            raise ValueError(
                f"out: {folder} holds work, but not on what question ({QUESTION} is missing); name another folder, or "
                "remove that one."
            )
        return
    found = differences(read_json(path, dict), question)
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        raise ValueError(
            f"out: {folder} holds the work on another question: {'; '.join(found[:3])}{more}. Name another folder, or "
            "remove that one to begin anew (`ceteris solve` does so with --fresh)."
        )


class Stopwatch(AbstractRecorder):
    """Write down now and then how long all sessions have taken together."""

    def __init__(self, work: Work):
        self.work, self._written = work, time.monotonic()

    def open(self, run, steps):
        self.work.write_clock()

    def record(self, run):
        if time.monotonic() - self._written >= OFTEN:
            self.work.write_clock()
            self._written = time.monotonic()

    def close(self):
        self.work.write_clock()


def error_in_words(loss: float, tolerance: float) -> str:
    """The loss of a phase, a mean square, as an error beside the tolerance.

    Examples
    --------
    >>> error_in_words(4e-8, 1e-6), error_in_words(-1e-9, 1e-6)
    ('error 2.0e-04 (wanted 1e-06)', 'loss -1e-09 (wanted error 1e-06)')
    """
    if not loss >= 0:  # a product of two draws estimates a square, and may be below zero
        return f"loss {loss:.3g} (wanted error {tolerance:.0e})"
    return f"error {loss**0.5:.1e} (wanted {tolerance:.0e})"


@contextmanager
def stage(words: str, progress: bool) -> Iterator[None]:
    """Say what happens, where that is wanted, and how long it took.

    Examples
    --------
    >>> with stage("Simulating 1,000 periods", progress=True):
    ...     pass
    Simulating 1,000 periods ... 0.0 s
    """
    begun = time.monotonic()
    if progress:
        print(terminal(words), end=" ... ", flush=True)
    try:
        yield
    except BaseException:
        if progress:
            say("stopped")
        raise
    took = time.monotonic() - begun
    if progress:
        say(f"{took:.0f} s" if took >= 10 else f"{took:.1f} s")


@dataclass
class Work:
    """One session's hold of a folder; without a folder nothing is kept, and all else is the same.

    Attributes
    ----------
    folder : Path, optional
    progress : bool
        Whether to say what happens.
    before : (float, float)
        Seconds on the clock and of the processor that earlier sessions took.
    """

    folder: Path | None
    progress: bool
    before: tuple[float, float] = (0.0, 0.0)
    begun: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.process_time()))

    @classmethod
    @contextmanager
    def on(cls, folder: Path | None, question: Mapping[str, str], progress: bool) -> Iterator[Work]:
        """Hold the folder for this question alone; refuse it if it holds another, or another process holds it."""
        if folder is None:
            yield cls(None, progress)
            return
        refuse_another(folder, question)
        with folder_lock(folder):
            refuse_another(folder, question)  # again: what was there may have changed until the lock was ours
            replace_file(folder / QUESTION, json.dumps(dict(question), indent=1))
            yield cls(folder, progress, read_clock(folder))

    def spent(self) -> tuple[float, float]:
        """Seconds on the clock, and of the processor, of all sessions."""
        return (self.before[0] + time.monotonic() - self.begun[0], self.before[1] + time.process_time() - self.begun[1])

    def write_clock(self) -> None:
        """Keep `spent` for later sessions."""
        if self.folder is not None:
            seconds, cpu = self.spent()
            replace_file(self.folder / CLOCK, json.dumps({"seconds": seconds, "cpu": cpu}))

    def monitors(self, phase: int, name: str, tolerance: float) -> list[Any]:
        """Progress, checkpoints and the clock of one phase."""
        read = lambda loss: error_in_words(loss, tolerance)
        watchers: list[Any] = [Progress(f"{phase + 1} {name}", read=read)] if self.progress else []
        if self.folder is None:
            return watchers
        return [*watchers, Checkpoint(self._checkpoint(phase), seconds=OFTEN), Stopwatch(self)]

    def resume(self, phase: int) -> Path | None:
        """The checkpoint of a phase that was interrupted."""
        path = None if self.folder is None else self._checkpoint(phase)
        return path if path is not None and path.exists() else None

    def _checkpoint(self, phase: int) -> Path:
        return Path(self.folder or ".") / f"phase-{phase}.safetensors"

    def keep(self, arrays: Any, facts: dict[str, Any]) -> None:
        """Save what the phases that ended hand on; their checkpoints have served."""
        if self.folder is None:
            return
        save_weights(self.folder / PROGRESS, arrays, facts)
        self.write_clock()
        self._forget(len(facts["log"]))

    def reopen(self, like: Any) -> tuple[Any, dict[str, Any]] | None:
        """What `keep` saved last, arrays in the shapes of ``like``; None if no phase has ended."""
        path = None if self.folder is None else self.folder / PROGRESS
        if path is None or not path.exists():
            return None
        held, facts = read_arrays(path, "weights")
        refuse_non_finite(path, held)
        for name, allows in SCHEMA.items():
            if name not in facts or not allows(facts[name]):
                raise ValueError(f"out: {path} was edited: its {name} cannot be used; remove {self.folder}.")
        if not facts["best"] < len(facts["log"]) == len(facts["rules"]) - 1:
            raise ValueError(f"out: {path} was edited: its parts do not fit together; remove {self.folder}.")
        arrays = filled(path, held, model=like)["model"]
        self._forget(len(facts["log"]))
        return arrays, facts

    def _forget(self, phases: int) -> None:
        """Remove checkpoints of phases that have ended; a kill may have left one."""
        for phase in range(phases):
            forget(self._checkpoint(phase))


ENTRY: dict[str, type] = {
    "phase": str, "steps": int, "loss": float, "mean": float, "max": float, "where": str, "states": int,
    "sentence": str, "ended": str,
}  # fmt: skip


def is_log(log: Any) -> bool:
    """Whether this is a list of what phases reached, each with what is told of it and nothing else."""
    return isinstance(log, list) and bool(log) and all(isinstance(e, dict) and _is_entry(e) for e in log)


def _is_entry(entry: dict[str, Any]) -> bool:
    return set(entry) == set(ENTRY) and all(type(entry[name]) is kind for name, kind in ENTRY.items())


SCHEMA: dict[str, Any] = {
    "log": is_log,
    "rules": lambda value: isinstance(value, list) and all(isinstance(rule, dict) for rule in value),
    "said": lambda value: isinstance(value, list) and all(isinstance(line, str) for line in value),
    "best": lambda value: type(value) is int and value >= 0,
}


def read_clock(folder: Path) -> tuple[float, float]:
    """Seconds that earlier sessions in a folder took, on the clock and of the processor."""
    path = folder / CLOCK
    if not path.is_file():
        return 0.0, 0.0
    facts = read_json(path, dict)
    values = [facts.get(name) for name in ("seconds", "cpu")]
    if not all(isinstance(value, int | float) and 0 <= value < 1e12 for value in values):
        raise ValueError(f"out: {path} was edited: it does not hold two times in seconds; remove the file.")
    return float(values[0]), float(values[1])  # pyright: ignore[reportArgumentType]


def has_work(folder: Path) -> bool:
    """Whether there is work in a folder to go on with."""
    return (folder / PROGRESS).exists() or any(folder.glob("phase-*.safetensors"))


def clear_work(folder: Path) -> None:
    """Remove the work in a folder, and only what is of this module."""
    with folder_lock(folder):
        checkpoints = [path for end in ("", ".history") for path in folder.glob(f"phase-*.safetensors{end}")]
        for path in [folder / QUESTION, folder / PROGRESS, folder / CLOCK, *checkpoints]:
            path.unlink(missing_ok=True)
