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
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from ceteris.arguments import one_of, probability, whole

Folds = list[tuple[np.ndarray, np.ndarray]]

FOLDS = 5
CV = {
    "auto": "'groups' or 'time' where these are given; else stratified folds for classes, plain folds for numbers",
    "kfold": "shuffled folds",
    "stratified": "shuffled folds with the class shares of the whole",
    "rolling": "a training window of fixed length that moves forward in time",
    "expanding": "a training window that grows forward in time",
    "groups": "folds of whole groups, with like class shares; the test part is of other groups",
    "time": "the same as 'expanding', in the order of `time`",
}
FORWARD = ("rolling", "expanding", "time")


@dataclass(frozen=True)
class TableRows:
    """Some rows of a table: X (n, columns), y (n,), weights (n,) or None, and where they stood in the whole.

    Where the table is cut by groups or time, the numbers of their groups, or moments, (n,) too.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    place: np.ndarray
    group: np.ndarray | None = None
    moment: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: np.ndarray) -> TableRows:
        """Return the rows at these positions."""
        X = self.X.iloc[index] if hasattr(self.X, "iloc") else self.X[index]
        own = {"weight": self.weight, "group": self.group, "moment": self.moment}
        own = {name: None if values is None else values[index] for name, values in own.items()}
        return replace(self, X=X, y=self.y[index], place=self.place[index], **own)


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


def splitter(cv: Any, task: str, seed: int, cut_by: str | None = None) -> Any:
    """Return the scikit-learn splitter that `cv` asks for.

    Parameters
    ----------
    cv : str, int or splitter
        A key of `CV`, a number of folds, or any object with ``split`` and ``get_n_splits``.
    task : {'regression', 'classification'}
        Decides what 'auto' and a number mean.
    seed : int
        Shuffles the rows of 'kfold' and 'stratified', and the groups.
    cut_by : {'groups', 'time'}, optional
        Which of them is given.

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
    cv = cut_by if cut_by and cv == "auto" else cv
    _refuse_other_cut(cv, cut_by)
    if cv == "stratified" and task == "regression":
        raise ValueError("cv='stratified' needs classes, but the task is regression: use cv='kfold'.")
    if cv in FORWARD:
        return TimeSeriesSplit(count)
    if cv == "groups":
        kind = GroupKFold if task == "regression" else StratifiedGroupKFold
        return kind(count, shuffle=True, random_state=seed)
    kind = StratifiedKFold if cv == "stratified" or (cv == "auto" and task == "classification") else KFold
    return kind(count, shuffle=True, random_state=seed)


def _refuse_other_cut(cv: str, cut_by: str | None) -> None:
    """Refuse folds that would tear groups apart, or mix past and future, and those without what they need."""
    fits = {"groups": ("groups",), "time": FORWARD}
    if cut_by and cv not in fits[cut_by]:
        raise ValueError(
            f"cv is {cv!r}, but {cut_by} is given, so that it must be {' or '.join(map(repr, fits[cut_by]))}; leave cv "
            f"out, or {cut_by}."
        )
    if cv in fits and not cut_by:
        raise ValueError(f"cv is {cv!r}, but {cv} is not given; name the column of X that holds it: {cv}='...'.")


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
        cut = _between_moments(rows, n - int(np.ceil(test_size * n)))
        index = np.arange(n)[:cut], np.arange(n)[cut:]
    elif rows.group is not None:
        tested = _whole_groups(rows.group, test_size, seed)
        index = np.flatnonzero(~tested), np.flatnonzero(tested)
    else:
        strata = rows.y if task == "classification" else None
        _enough_to_split(n, test_size, strata)
        index = train_test_split(np.arange(n), test_size=test_size, stratify=strata, random_state=seed)
        index = np.sort(index[0]), np.sort(index[1])
    return rows.take(index[0]), Sealed(rows.take(index[1]))


def _between_moments(rows: TableRows, cut: int) -> int:
    """Return where the last rows begin: at the first row of a moment, where rows have moments."""
    if rows.moment is None:
        return cut
    begins = np.flatnonzero(np.diff(rows.moment)) + 1
    if not len(begins):
        raise ValueError("time is the same in all rows, but the test part is what comes last; give a time that passes.")
    return int(begins[np.abs(begins - cut).argmin()])


def _whole_groups(group: np.ndarray, test_size: float, seed: int) -> np.ndarray:
    """Return which rows are in the test part, (n,): groups drawn until they hold about the share of the rows asked."""
    drawn = np.random.default_rng(seed).permutation(np.unique(group))
    held = np.cumsum([np.sum(group == one) for one in drawn])
    count = 1 + np.abs(held[:-2] - test_size * len(group)).argmin()  # two groups at least are left for the folds
    return np.isin(group, drawn[:count])


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
    folds = _cut(train, cv, window)
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


def _cut(train: TableRows, cv: Any, window: bool) -> Folds:
    """Cut rows, or whole moments of several rows each."""
    moment = train.moment
    units = np.arange(len(train)) if moment is None else np.unique(moment)
    if moment is None:
        grouped = {} if train.group is None else {"groups": train.group}
        folds = [(np.asarray(a), np.asarray(b)) for a, b in cv.split(train.X, train.y, **grouped)]
    else:
        folds = list(cv.split(units))
    if window:
        folds = [(a[-len(folds[0][0]) :], b) for a, b in folds]
    if moment is None:
        return folds
    rows = lambda index: np.flatnonzero(np.isin(moment, units[index]))
    return [(rows(a), rows(b)) for a, b in folds]


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
    grouped = {} if train.group is None else {"groups": train.group}
    needed = cv.get_n_splits(train.X, train.y, **grouped) + isinstance(cv, TimeSeriesSplit)
    for what, units in (("groups", train.group), ("moments", train.moment)):
        there = needed if units is None else len(np.unique(units))
        if there < needed:
            raise ValueError(
                f"cv cuts the {what} to learn from into {needed} parts, but there are {there}: use "
                f"{'cv=' + str(there) if what == 'groups' else 'TimeSeriesSplit(' + str(max(there - 1, 2)) + ')'}."
            )
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
