"""Where a run stands, how each of its members ended, and what it has seen so far."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ceteris.engine.algorithm import State
from ceteris.engine.devices import Digits
from ceteris.engine.ensemble import take


class Status(enum.IntEnum):
    """What happened to a run; `Status.sentence` says it in words.

    Examples
    --------
    >>> Status.NONFINITE.sentence
    'stopped because its loss or a weight became non-finite; finite weights from before are kept'
    """

    RUNNING = 0
    FINISHED = 1
    STOPPED_EARLY = 2
    REACHED = 3
    NONFINITE = 5
    INTERRUPTED = 6

    @property
    def sentence(self) -> str:
        """What happened, as the second half of a sentence."""
        return _SENTENCES[self]

    @property
    def healthy(self) -> bool:
        """Whether the weights can be used without a second thought."""
        return self not in (Status.NONFINITE, Status.INTERRUPTED)


_SENTENCES = {
    Status.RUNNING: "is still running",
    Status.FINISHED: "took all the steps it was given",
    Status.STOPPED_EARLY: "stopped early because the held-out metric no longer improved",
    Status.REACHED: "stopped because it reached its target",
    Status.NONFINITE: "stopped because its loss or a weight became non-finite; finite weights from before are kept",
    Status.INTERRUPTED: "was interrupted before it took all its steps; its weights so far are kept",
}


def describe(status: np.ndarray) -> str:
    """Sum up the status of a run, or of every member of an ensemble, in one sentence.

    Parameters
    ----------
    status : int array, shape () or (members,)
        Values of `Status`.

    Examples
    --------
    >>> describe(np.array([1, 1, 3]))
    '2 of 3 members: took all the steps it was given. 1 of 3 members: stopped because it reached its target.'
    """
    if status.ndim == 0:
        return f"The run {Status(int(status)).sentence}."
    values, counts = np.unique(status, return_counts=True)
    return " ".join(
        f"{count} of {status.size} members: {Status(int(value)).sentence}."
        for value, count in zip(values, counts, strict=True)
    )


@dataclass(frozen=True, repr=False)
class Fit:
    """Where a run stands: everything `fit` needs to go on, and what it has seen so far.

    Attributes
    ----------
    state : State
        As after the last step; arrays have a leading member axis for an `Ensemble`.
    status : int array, shape () or (members,)
        Values of `Status`.
    tick : int
        Steps taken.
    key : PRNG key(s)
        As given (one per member for an ensemble).
    logs, readings : tuple of dict
        Chunks of ``info`` and of held-out metrics; see `history` and `metrics`.
    memories : tuple
        What each monitor remembers.
    best : model, optional
        What a monitor chose to keep instead of the last model.
    digits : Digits, optional
        In how many digits it computes; None if the arrays as they are decide.
    note : str
        What went wrong outside the computation, such as a full disk.
    """

    state: State
    status: np.ndarray
    tick: int
    key: PRNGKeyArray
    logs: tuple[dict[str, np.ndarray], ...] = ()
    readings: tuple[dict[str, np.ndarray], ...] = ()
    memories: tuple[Any, ...] = ()
    best: Any = None
    digits: Digits | None = None
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

    def __repr__(self) -> str:
        read = {name: values[-1] for name, values in {**self.metrics, **self.history}.items() if name != "step"}
        means = (f"{name}: {np.nanmean(v):.4g}" for name, v in list(read.items())[:20] if np.isfinite(v).any())
        return "\n".join([f"Fit: {self.tick:,} steps. {self.sentence}", *means])

    def member(self, i: int) -> Any:
        """Return the fitted model of ensemble member ``i``."""
        return take(self.model, jnp.asarray(i))


def _concatenate(chunks: tuple[dict[str, np.ndarray], ...]) -> dict[str, np.ndarray]:
    """Join chunks along the step axis; what a chunk does not report is NaN there."""
    names = dict.fromkeys(name for chunk in chunks for name in chunk)

    def column(chunk, name):
        return chunk[name] if name in chunk else np.full(next(iter(chunk.values())).shape, np.nan)

    return {name: np.concatenate([column(chunk, name) for chunk in chunks]) for name in names}
