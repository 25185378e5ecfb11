"""Why a run, or one member of an ensemble, stopped. Status is a value with a sentence, never silence."""

from __future__ import annotations

import enum

import numpy as np


class Status(enum.IntEnum):
    """What happened to a run; `Status.sentence` says it in words.

    Examples
    --------
    >>> Status.NONFINITE.sentence
    'stopped because its loss or a weight became non-finite; its last finite weights are kept'
    """

    RUNNING = 0
    FINISHED = 1
    STOPPED_EARLY = 2
    REACHED = 3
    DIVERGED = 4
    NONFINITE = 5
    INTERRUPTED = 6

    @property
    def sentence(self) -> str:
        """What happened, as the second half of a sentence."""
        return _SENTENCES[self]

    @property
    def healthy(self) -> bool:
        """Whether the weights can be used without a second thought."""
        return self not in (Status.DIVERGED, Status.NONFINITE, Status.INTERRUPTED)


_SENTENCES = {
    Status.RUNNING: "is still running",
    Status.FINISHED: "took all the steps it was given",
    Status.STOPPED_EARLY: "stopped early because the held-out metric no longer improved",
    Status.REACHED: "stopped because it reached its target",
    Status.DIVERGED: "stopped because its loss grew far above its best value",
    Status.NONFINITE: "stopped because its loss or a weight became non-finite; its last finite weights are kept",
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
