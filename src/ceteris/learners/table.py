"""From any table to numbers: columns, categories, and every complaint about them before training starts.

A data frame of any kind (through narwhals) or an array becomes one matrix: numeric and boolean columns as they
are, a column of labels as one column of zeros and ones per label. Standardisation is done here too, in double
precision: a year or a price level of 1e9 keeps its digits, which single precision would lose.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
from sklearn.utils import check_array

MANY = 50  # a column of more labels than this, most of them seen once, is a name and not a category


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


def read(X: Any) -> Frame:
    """Take a table apart.

    Parameters
    ----------
    X : data frame or array-like of shape (rows, columns)
        Any data frame that narwhals knows (pandas, Polars, PyArrow, ...), a NumPy array, or nested lists.

    Returns
    -------
    Frame

    Examples
    --------
    >>> frame = read([[1.0, "red"], [2.0, "blue"]])
    >>> frame.names, frame.columns[1].tolist()
    (('x0', 'x1'), ['red', 'blue'])
    """
    refuse_twins(X)
    native = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        names = [str(name) for name in native.columns]
        if not names or native.shape[0] == 0:
            check_array(np.empty(native.shape), input_name="X")  # raises: nothing there
        columns = [_from_series(name, column) for name, column in zip(names, native.iter_columns(), strict=True)]
    else:
        if isinstance(X, list | tuple):
            X = np.array(X, object)  # or one label would turn every number into text
        array = check_array(X, dtype=cast(Any, None), ensure_all_finite=False, input_name="X")
        names = [f"x{j}" for j in range(array.shape[1])]
        columns = [_from_array(name, array[:, j]) for j, name in enumerate(names)]
    frame = Frame(tuple(names), tuple(columns))
    refuse_holes(frame)
    return frame


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
    labels = tuple(_labels(name, column) for name, column in zip(frame.names, frame.columns, strict=True))
    constant = tuple(
        name for name, column in zip(frame.names, frame.columns, strict=True) if (column == column[0]).all()
    )
    mean, scale = moments(matrix(frame, labels), weights)
    return Encoding(frame.names, labels, mean, scale), constant


def matrix(frame: Frame, labels: tuple[tuple[str, ...] | None, ...], unseen: str = "error") -> np.ndarray:
    """Return the columns as one matrix, float64: numbers as they are, labels as indicators."""
    parts = [
        column[:, None] if known is None else _indicators(name, column, known, unseen)
        for name, column, known in zip(frame.names, frame.columns, labels, strict=True)
    ]
    return np.concatenate(parts, axis=1)


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


# ------------------------------------------------------------------------------------------ one column


def _from_series(name: str, series: Any) -> np.ndarray:
    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        return _double(series.cast(nw.Float64).to_numpy())
    if kind in (nw.String, nw.Categorical, nw.Enum):
        return _texts(series.to_list())
    if kind == nw.Object:
        return _from_array(name, np.array([*series.to_list(), None], object)[:-1])
    raise TypeError(
        f"X: column {name!r} is of type {kind}, but numbers, booleans and labels are allowed; turn it into one of "
        "these (a date into days since a day)."
    )


def _from_array(name: str, column: np.ndarray) -> np.ndarray:
    if column.dtype.kind in "fiub":
        return _double(column)
    if column.dtype.kind in "US":
        return _texts(column.tolist())
    values = column.tolist()
    strings = sum(isinstance(v, str) for v in values)
    if strings and all(isinstance(v, str) or _missing(v) for v in values):
        return _texts(values)
    odd = {type(v).__name__ for v in values if not isinstance(v, str)} if strings else set()
    try:
        if strings:
            raise TypeError
        return np.array([np.nan if _missing(v) else float(v) for v in values])
    except (TypeError, ValueError):
        odd = odd or {type(v).__name__ for v in values if not isinstance(v, int | float)}
        mixed = "text mixed with " if strings else ""
        raise TypeError(
            f"X: column {name!r} holds {mixed}{', '.join(sorted(odd))}, but its every argument must be a string or "
            "every one a number; convert the column."
        ) from None


def _double(values: np.ndarray) -> np.ndarray:
    return np.array(values, np.float64)


def _texts(values: list[Any]) -> np.ndarray:
    return np.array([None if _missing(v) else str(v) for v in values], object)


def _missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _labels(name: str, column: np.ndarray) -> tuple[str, ...] | None:
    if column.dtype != object:
        return None
    return tuple(sorted(refuse_own_labels(name, column)))


def _indicators(name: str, column: np.ndarray, known: tuple[str, ...], unseen: str) -> np.ndarray:
    fresh = sorted(set(column) - set(known))
    if fresh and unseen == "error":
        some = ", ".join(map(repr, fresh[:3])) + (", ..." if len(fresh) > 3 else "")
        raise ValueError(
            f"X: column {name!r} holds {some}, which was not there in training; give one of {_some(known)}, or set "
            "unseen='ignore' to let such a row count as none of them."
        )
    return (column[:, None] == np.array(known, object)).astype(float)


# -------------------------------------------------------------------------------------------- complaints


def refuse_twins(X: Any) -> None:
    """Raise if two columns of a data frame have the same name, as text and without spaces around it."""
    columns = getattr(X, "columns", None)
    if columns is None or not hasattr(columns, "__iter__"):
        return
    twins = [name for name, count in Counter(str(name).strip() for name in columns).items() if count > 1]
    if twins:
        raise ValueError(f"X: {_some(twins)} names more than one column; give every column its own name.")


def refuse_own_labels(name: str, column: np.ndarray) -> Counter:
    """Return how often each label occurs; raise if most rows have one of their own, as with a name."""
    counts = Counter(column)
    if len(counts) > MANY and len(counts) > len(column) / 2:
        raise ValueError(
            f"X: column {name!r} holds {len(counts)} different labels in {len(column)} rows, so that most rows have "
            "one of their own; drop it or group its labels."
        )
    return counts


def refuse_holes(frame: Frame) -> None:
    """Raise if a value is missing or infinite, naming columns and counts."""
    found = []
    for name, column in zip(frame.names, frame.columns, strict=True):
        if column.dtype == object:
            nan, infinite = sum(v is None for v in column), 0
        else:
            nan, infinite = int(np.isnan(column).sum()), int(np.isinf(column).sum())
        found += [f"{count} {what} in {name!r}" for count, what in ((nan, "NaN"), (infinite, "inf")) if count]
    if found:
        raise ValueError(
            f"X: there are missing or infinite values ({_some(found, quote=False)}), but every value must be a finite "
            "number or a label; impute them or drop these rows."
        )


def _some(items: Any, most: int = 8, quote: bool = True) -> str:
    shown = [repr(item) if quote else item for item in list(items)[:most]]
    return ", ".join(shown) + (f" and {len(items) - most} more" if len(items) > most else "")
