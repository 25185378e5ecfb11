"""What is learnt of each text: a class, several classes, or numbers; each is a task with outputs of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import as_many, shown
from ceteris.learners.target import classes, numbers, refuse_one_class


@dataclass(frozen=True)
class TextTask:
    """One question about a text.

    Attributes
    ----------
    name : str
    labels : array, shape (K,), or None
        Possible answers, in order; None where the answer is a number.
    mean, scale : float
        Of numbers: what is learnt is (y - mean) / scale.
    """

    name: str
    labels: Any
    mean: float = 0.0
    scale: float = 1.0

    @property
    def outputs(self) -> int:
        """Logits, or one for a number."""
        return 1 if self.labels is None else len(self.labels)

    def coded(self, y: np.ndarray) -> np.ndarray:
        """Return answers as numbers of labels, or standardised."""
        if self.labels is None:
            return (y - self.mean) / self.scale
        place = {label: k for k, label in enumerate(self.labels.tolist())}
        return np.array([place[label] for label in y.tolist()])


@dataclass(frozen=True)
class TextTarget:
    """All that is asked of a text.

    Attributes
    ----------
    tasks : tuple of TextTask
    kind : {"classes", "labels", "tasks", "numbers"}
        One class; several labels that each hold or do not; several questions with classes of their own; numbers.
    """

    tasks: tuple[TextTask, ...]
    kind: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """Outputs of each task."""
        return tuple(task.outputs for task in self.tasks)

    def coded(self, columns: list[np.ndarray]) -> np.ndarray:
        """Return answers as numbers, shape (n, tasks)."""
        return np.stack([task.coded(y) for task, y in zip(self.tasks, columns, strict=True)], axis=1).astype(float)

    def split(self, z: np.ndarray) -> list[np.ndarray]:
        """Return the outputs of each task, z of shape (..., outputs)."""
        return np.split(z, np.cumsum(self.sizes)[:-1], axis=-1)


def read_classes(y: Any, rows: int) -> tuple[TextTarget, list[np.ndarray]]:
    """Return what is to be learnt from labels, and the labels of each task.

    Parameters
    ----------
    y : array-like
        A label for each text; or a matrix of zeros and ones, a column for each label that may hold; or a data frame, a
        column of labels for each question.
    rows : int

    Examples
    --------
    >>> read_classes(["up", "down"], 2)[0].kind, read_classes([[0, 1], [1, 1], [1, 0]], 3)[0].kind
    ('classes', 'labels')
    """
    names = [str(name) for name in y.columns] if hasattr(y, "columns") else None
    matrix = np.asarray(y.to_numpy() if isinstance(y, pd.DataFrame) else y, None if names is None else object)
    if matrix.ndim != 2 or matrix.shape[1] == 1:
        column = classes(matrix[:, 0] if matrix.ndim == 2 else y, rows)
        return TextTarget((_task("y", column),), "classes"), [column]
    as_many("y", matrix, rows, of="text")
    binary = all(value in (0, 1) for value in matrix.ravel().tolist())
    if names is None and not binary:
        bad = next(value for value in matrix.ravel().tolist() if value not in (0, 1))
        raise ValueError(
            f"y holds {shown(bad)}, but a matrix must hold 0 and 1, whether each label holds; give a data frame, a "
            "column for each question, or one label for each text."
        )
    names = names or [str(k) for k in range(matrix.shape[1])]
    columns = [matrix[:, k].astype(int) if binary else classes(matrix[:, k], rows) for k in range(len(names))]
    tasks = tuple(_task(name, column) for name, column in zip(names, columns, strict=True))
    return TextTarget(tasks, "labels" if binary else "tasks"), columns


def _task(name: str, column: np.ndarray) -> TextTask:
    labels = np.unique(column)
    try:
        refuse_one_class(labels)
    except ValueError as error:
        raise ValueError(str(error).replace("y:", f"y: {name}:", 1) if name != "y" else str(error)) from None
    return TextTask(name, labels)


def read_numbers(y: Any, rows: int) -> tuple[TextTarget, list[np.ndarray]]:
    """Return what is to be learnt from numbers, one or several for each text, and each of them.

    Examples
    --------
    >>> target, columns = read_numbers([1.0, 3.0], 2)
    >>> target.coded(columns).ravel().tolist()
    [-1.0, 1.0]
    """
    names = [str(name) for name in y.columns] if hasattr(y, "columns") else None
    matrix = numbers(y, rows, several=True)
    names = names or (["y"] if matrix.shape[1] == 1 else [str(k) for k in range(matrix.shape[1])])
    tasks = []
    for name, column in zip(names, matrix.T, strict=True):
        if np.ptp(column) == 0:
            raise ValueError(
                f"y: {name} is {column[0]:g} for all texts, but must vary; check how the texts were chosen."
            )
        tasks.append(TextTask(name, None, float(column.mean()), float(column.std())))
    return TextTarget(tuple(tasks), "numbers"), list(matrix.T)
