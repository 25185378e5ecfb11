"""Which rows are learnt from, which choose between learners, and which are seen once.

The test part is cut off first and sealed: `Sealed.open` hands it out once and raises ever after, so that no
learner can be chosen, tuned or refitted on it. The folds cut the rest; they are indices, made once, and every
learner gets the same.

References
----------
Supervised-learning chapter of the course notes (source 004), sections 3.3.1 and 3.3.2. Hyndman, R. J. and
Athanasopoulos, G. (2021). Forecasting: Principles and Practice, 3rd edition, section 5.10 (rolling origin).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit, train_test_split

from ceteris.arguments import one_of, probability, whole

Folds = list[tuple[np.ndarray, np.ndarray]]

FOLDS = 5
CV = {
    "auto": "stratified folds for classes, plain folds for numbers",
    "kfold": "shuffled folds",
    "stratified": "shuffled folds with the class shares of the whole",
    "rolling": "a training window of fixed length that moves forward in time",
    "expanding": "a training window that grows forward in time",
}


@dataclass(frozen=True)
class TableRows:
    """Some rows of a table: X (n, columns), y (n,), weights (n,) or None, and where they stood in the whole."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: np.ndarray) -> TableRows:
        """Return the rows at these positions."""
        X = self.X.iloc[index] if hasattr(self.X, "iloc") else self.X[index]
        weight = None if self.weight is None else self.weight[index]
        return replace(self, X=X, y=self.y[index], weight=weight, place=self.place[index])


class Sealed:
    """Rows that can be looked at once.

    Parameters
    ----------
    rows : TableRows
        Kept out of reach until `open`.

    Examples
    --------
    >>> sealed = Sealed(TableRows(np.zeros((2, 1)), np.array([1.0, 2.0]), None, np.arange(2)))
    >>> len(sealed), sealed.open().y.tolist()
    (2, [1.0, 2.0])
    >>> sealed.open()
    Traceback (most recent call last):
    ...
    RuntimeError: The test part has been opened before: it judges the learners once, after the choice among them...
    """

    def __init__(self, rows: TableRows):
        self._rows: TableRows | None = rows
        self._count = len(rows)

    def __len__(self) -> int:
        return self._count

    def open(self) -> TableRows:
        """Hand the rows out, the first time; raise RuntimeError afterwards."""
        if self._rows is None:
            raise RuntimeError(
                "The test part has been opened before: it judges the learners once, after the choice among them; "
                "split afresh with other data for a second opinion."
            )
        rows, self._rows = self._rows, None
        return rows


def splitter(cv: Any, task: str, seed: int) -> Any:
    """Return the scikit-learn splitter that `cv` asks for.

    Parameters
    ----------
    cv : str, int or splitter
        A key of `CV`, a number of folds, or any object with ``split`` and ``get_n_splits``.
    task : {'regression', 'classification'}
        Decides what 'auto' and a number mean.
    seed : int
        Shuffles the rows of 'kfold' and 'stratified'.

    Examples
    --------
    >>> splitter(3, "classification", 0)
    StratifiedKFold(n_splits=3, random_state=0, shuffle=True)
    """
    if hasattr(cv, "split") and hasattr(cv, "get_n_splits"):
        return cv
    count = FOLDS
    if isinstance(cv, Integral) and not isinstance(cv, bool):
        cv, count = "auto", whole("cv", cv, least=2)
    if not isinstance(cv, str):
        raise TypeError(
            f"cv is of type {type(cv).__name__}, but it must be a number of folds, an object with split and "
            f"get_n_splits, or one of {', '.join(CV)}: pass one of these."
        )
    one_of("cv", cv, CV)
    if cv == "stratified" and task == "regression":
        raise ValueError("cv='stratified' needs classes, but the task is regression: use cv='kfold'.")
    if cv in ("rolling", "expanding"):
        return TimeSeriesSplit(count)
    kind = StratifiedKFold if cv == "stratified" or (cv == "auto" and task == "classification") else KFold
    return kind(count, shuffle=True, random_state=seed)


def hold_out(rows: TableRows, test_size: float, task: str, ordered: bool, seed: int) -> tuple[TableRows, Sealed]:
    """Cut off the test part.

    Parameters
    ----------
    rows : TableRows
        The whole table.
    test_size : float in (0, 1)
        Share of the rows to seal.
    task : {'regression', 'classification'}
        Classes keep their shares in both parts.
    ordered : bool
        Rows are in the order of time: the last ones are sealed.
    seed : int
        Draws the rows otherwise.

    Returns
    -------
    train : TableRows
    test : Sealed
    """
    probability("test_size", test_size, such_as=0.2)
    n = len(rows)
    if ordered:
        cut = n - int(np.ceil(test_size * n))
        index = np.arange(n)[:cut], np.arange(n)[cut:]
    else:
        strata = rows.y if task == "classification" else None
        _enough_to_split(n, test_size, strata)
        index = train_test_split(np.arange(n), test_size=test_size, stratify=strata, random_state=seed)
        index = np.sort(index[0]), np.sort(index[1])
    return rows.take(index[0]), Sealed(rows.take(index[1]))


def make_folds(train: TableRows, cv: Any, window: bool, classes: np.ndarray | None) -> Folds:
    """Cut the training part into folds and see that every learner can be fitted and judged on each.

    Parameters
    ----------
    train : TableRows
        Without the test part.
    cv : splitter
        From `splitter`.
    window : bool
        Cut every training window to the length of the first ('rolling').
    classes : array of shape (K,) or None
        All classes of the whole table; None in a regression.

    Returns
    -------
    list of (train, validation) index arrays into the rows of `train`
    """
    _enough_rows(train, cv, classes)
    folds = [(np.asarray(a), np.asarray(b)) for a, b in cv.split(train.X, train.y)]
    if window:
        folds = [(a[-len(folds[0][0]) :], b) for a, b in folds]
    for number, (a, b) in enumerate(folds, 1):
        if classes is None and (len(b) < 2 or np.ptp(train.y[b]) == 0):
            raise ValueError(
                f"y is constant on the validation rows of fold {number} of {len(folds)}, so R² is undefined there: "
                "use fewer folds."
            )
        missing = [] if classes is None else np.setdiff1d(classes, train.y[a])
        if len(missing):
            raise ValueError(
                f"y has no row of class {missing[0]!s} among the training rows of fold {number} of {len(folds)}: use "
                "fewer folds, cv='stratified' if the rows are in no order of time, or merge the class with another."
            )
    return folds


def _enough_to_split(n: int, test_size: float, strata: np.ndarray | None) -> None:
    """Refuse what train_test_split cannot cut: each class needs a row on either side."""
    if strata is None:
        return
    names, counts = np.unique(strata, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            f"y has one row of class {names[counts.argmin()]!s}, but every class needs a row to learn from and one to "
            "test on: merge the class with another or drop it."
        )
    test = int(np.ceil(test_size * n))
    if min(test, n - test) < len(names):
        raise ValueError(
            f"test_size={test_size} of {n} rows leaves {min(test, n - test)} in one part, fewer than the {len(names)} "
            "classes: give a share nearer to a half, or more rows."
        )


def _enough_rows(train: TableRows, cv: Any, classes: np.ndarray | None) -> None:
    """Refuse fewer rows than folds, and classes rarer than folds where the folds are stratified."""
    needed = cv.get_n_splits(train.X, train.y) + isinstance(cv, TimeSeriesSplit)
    if len(train) < needed:
        raise ValueError(
            f"cv cuts the training rows into {needed} parts, but there are {len(train)} training rows: use fewer folds "
            "or more rows."
        )
    if classes is None or not isinstance(cv, StratifiedKFold):
        return
    names, counts = np.unique(train.y, return_counts=True)
    if counts.min() < needed:
        raise ValueError(
            f"y has {counts.min()} training rows of class {names[counts.argmin()]!s}, fewer than the {needed} folds: "
            f"use cv={max(counts.min(), 2)} or less, or merge the class with another."
        )
