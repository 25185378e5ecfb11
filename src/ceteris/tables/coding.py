"""From the columns of a table to numbers and back: labels as codes and indicators, and one standardised matrix.

Standardisation is done here, in double precision: a year or a price level of 1e9 keeps its digits, which single
precision would lose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ceteris.tables.frames import (
    as_objects,
    plain,
    refuse_holes,
    refuse_own_labels,
    refuse_twins,
    some,
    values_of,
)


@dataclass(frozen=True)
class Frame:
    """A table taken apart: one array per column, of floats or of labels (strings)."""

    names: tuple[str, ...]
    columns: tuple[np.ndarray, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0])

    def take(self, which: np.ndarray) -> Frame:
        """Return the rows that a mask marks."""
        return Frame(self.names, tuple(column[which] for column in self.columns))


@dataclass(frozen=True)
class Encoding:
    """How the columns of the table learnt from become the columns of a matrix.

    Attributes
    ----------
    names : tuple of str
        Columns of the table.
    labels : tuple
        Per column None for numbers, else the labels seen, in order.
    mean, scale : array, shape (columns of the matrix,)
        Standardisation; the scale of a constant column is infinite, so that whatever it holds later counts
        for nothing.
    """

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...] | None, ...]
    mean: np.ndarray
    scale: np.ndarray

    def __call__(self, frame: Frame, unseen: str = "error") -> np.ndarray:
        """Return the standardised matrix, float32 of shape (rows, columns of the matrix)."""
        return ((matrix(frame, self.labels, unseen) - self.mean) / self.scale).astype(np.float32)

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        wide = sum(1 if known is None else len(known) for known in self.labels)
        sound = (
            np.isfinite(self.mean).all() and (self.scale > 0).all() and self.mean.shape == self.scale.shape == (wide,)
        )
        if not sound or len(self.names) != len(self.labels):
            raise ValueError("a mean and a positive scale are needed for each column")
        if any(known is not None and len(set(known)) < len(known) for known in self.labels):
            raise ValueError("a label is given twice")

    def inverse(self, x: np.ndarray) -> Any:
        """Return the data frame that a standardised matrix stands for, in its units and with its labels."""
        import pandas as pd

        widths = [1 if labels is None else len(labels) for labels in self.labels]
        raw = x * np.where(np.isfinite(self.scale), self.scale, 0.0) + self.mean
        parts = zip(self.names, self.labels, np.split(raw, np.cumsum(widths)[:-1], axis=1), strict=True)
        return pd.DataFrame({name: part[:, 0] if labels is None else as_objects(labels)[part.argmax(1)]
                             for name, labels, part in parts})  # fmt: skip


def read(X: Any, missing: bool = False) -> Frame:
    """Take a table apart, in the manner of scikit-learn.

    Parameters
    ----------
    X : data frame or array-like of shape (rows, columns)
        Any data frame that narwhals knows (pandas, Polars, PyArrow, ...), a NumPy array, or nested lists.
    missing : bool
        Whether values may be missing: NaN among numbers, None among labels.

    Returns
    -------
    Frame

    Examples
    --------
    >>> frame = read([[1.0, "red"], [2.0, "blue"]])
    >>> frame.names, frame.columns[1].tolist()
    (('x0', 'x1'), ['red', 'blue'])
    """
    import narwhals.stable.v1 as nw
    from sklearn.utils import check_array

    refuse_twins("X", X)
    native = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        names = tuple(str(name) for name in native.columns)
        if not names or native.shape[0] == 0:
            check_array(np.empty(native.shape), input_name="X")  # raises: nothing there
        series = zip(names, native.iter_columns(), strict=True)
        columns = tuple(_texts(s) if _category(s) else values_of("X", name, s) for name, s in series)
    else:
        if isinstance(X, list | tuple):
            X = np.array(X, object)  # or one label would turn every number into text
        array = check_array(X, dtype=cast(Any, None), ensure_all_finite=False, input_name="X")
        names = tuple(f"x{j}" for j in range(array.shape[1]))
        columns = tuple(plain("X", name, array[:, j]) for j, name in enumerate(names))
    refuse_holes("X", ((repr(name), column) for name, column in zip(names, columns, strict=True)), missing)
    return Frame(names, columns)


def _category(series: Any) -> bool:
    import narwhals.stable.v1 as nw

    return series.dtype in (nw.Categorical, nw.Enum)


def _texts(series: Any) -> np.ndarray:
    """Return a category of any kind as text."""
    return as_objects(None if v is None or v != v else str(v) for v in series.to_list())


def encode(frame: Frame, weights: np.ndarray) -> tuple[Encoding, tuple[str, ...]]:
    """Learn the labels and the standardisation of a table.

    Parameters
    ----------
    frame : Frame
    weights : array, shape (rows,)
        Positive weight of each row.

    Returns
    -------
    encoding : Encoding
    constant : tuple of str
        Columns that hold one value only.

    Examples
    --------
    >>> encoding, constant = encode(read([[1.0, "red"], [3.0, "blue"]]), np.ones(2))
    >>> encoding(read([[5.0, "blue"]])), constant
    (array([[ 3.,  1., -1.]], dtype=float32), ())
    """
    columns = list(zip(frame.names, frame.columns, strict=True))
    labels = tuple(labels_of("X", name, column) if column.dtype == object else None for name, column in columns)
    constant = tuple(name for name, column in columns if (column == column[0]).all())
    mean, scale = moments(matrix(frame, labels), weights)
    return Encoding(frame.names, labels, mean, scale), constant


def matrix(frame: Frame, labels: tuple[tuple[str, ...] | None, ...], unseen: str = "error") -> np.ndarray:
    """Return the columns as one matrix, float64: numbers as they are, labels as indicators."""
    parts = [
        column[:, None] if known is None else indicators(codes_of("X", name, column, known, unseen), len(known))
        for name, column, known in zip(frame.names, frame.columns, labels, strict=True)
    ]
    return np.concatenate(parts, axis=1)


def labels_of(role: str, name: Any, column: Sequence[Any] | np.ndarray) -> tuple[Any, ...]:
    """Return the labels of a column in order; raise if most rows have one of their own."""
    return tuple(sorted(refuse_own_labels(role, name, column)))


def codes_of(role: str, name: Any, column: Iterable[Any], known: Iterable[Any], unseen: str = "error") -> np.ndarray:
    """Return the number of each label among those known, -1 where one is missing; ``known[code]`` leads back.

    Parameters
    ----------
    role, name : str
        Begin a complaint.
    column : iterable of labels
        None where one is missing.
    known : iterable of labels
        Those of the table learnt from.
    unseen : {"error", "ignore"}
        Whether other labels are refused, or -1 too.

    Examples
    --------
    >>> codes_of("X", "town", ["b", "a", None], ("a", "b")).tolist()
    [1, 0, -1]
    """
    column, known = list(column), list(known)
    place = {label: code for code, label in enumerate(known)} | {None: -1}
    fresh = sorted({str(label) for label in column if label not in place}) if unseen == "error" else []
    if fresh:
        raise ValueError(
            f"{role}: column {name!r} holds {some(fresh[:3])}, but must hold what it held in the table learnt from, "
            f"{some(known)}; drop these rows, or learn from a table that has such (learners: or unseen='ignore')."
        )
    return np.array([place.get(label, -1) for label in column], int)


def indicators(codes: np.ndarray, count: int) -> np.ndarray:
    """Return a column of zeros and ones for each code, shape (rows, count).

    Examples
    --------
    >>> indicators(np.array([1, 0, -1]), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    """
    return (codes[:, None] == np.arange(count)).astype(float)


def moments(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean and standard deviation of each column; infinite for a constant column.

    Examples
    --------
    >>> mean, scale = moments(np.array([[1.0, 7.0], [3.0, 7.0]]), np.ones(2))
    >>> mean.tolist(), scale.tolist()
    ([2.0, 7.0], [1.0, inf])
    """
    share = weights / weights.sum()
    low, high = x.min(0), x.max(0)
    unit = np.where(high > low, high / 2 - low / 2, 1.0)  # half the range: it cannot overflow
    u = (x / 2 - low / 2) / unit  # in [0, 1]; in these units squares neither overflow nor lose digits
    mean = share @ u
    deviation = np.sqrt(share @ (u - mean) ** 2)
    return low + 2 * (unit * mean), np.where(high > low, 2 * (unit * deviation), np.inf)
