"""What a net sees of a table: standardised numbers, marks of labels and of holes, and knots between which numbers lie.

Everything is measured on the table learnt from, in double precision (see `ceteris.tables.coding`). The matrix has its
numbers first and is filled up with columns of zeros, so that tables of nearly equal width share a compiled program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.tables.coding import Frame, codes_of, indicators, moments
from ceteris.tables.frames import refuse_own_labels, some

FAR = 3.0  # standard deviations from which on a number counts by its logarithm
HEAVY = 2.0  # so many times the scale of its quartiles, a standard deviation is that of a few rows
KEPT, RARE = 64, 5  # labels of a column that are told apart, the most frequent ones; of many, rows that each must have
FEW = 12  # labels of a column that are told apart however rare
INPUTS = 600  # steps between knots of all columns together, at most


@dataclass(frozen=True)
class InputColumn:
    """How a column becomes columns of the matrix.

    Attributes
    ----------
    name : str
    labels : tuple of str, optional
        Those that are told apart; None for a column of numbers.
    others : bool
        Whether labels beside these were there, which count as one.
    holes : bool
        Whether values were missing, which is marked.
    mean, scale : float
        Of numbers; the scale of a constant column is infinite, so that whatever it holds later counts for nothing.
    """

    name: str
    labels: tuple[str, ...] | None
    others: bool
    holes: bool
    mean: float
    scale: float

    @property
    def marks(self) -> int:
        """Columns of zeros and ones."""
        return (0 if self.labels is None else len(self.labels) + self.others) + self.holes


@dataclass(frozen=True)
class Inputs:
    """From the columns of a table to the matrix that a net takes.

    Attributes
    ----------
    columns : tuple of InputColumn
    centre : array, shape (marks,)
        Mean of each column of zeros and ones; their scale is 1/2.
    low, slope : array, shape (numbers, steps)
        A number z counts by how far it has come in each step between two knots, ``clip((z - low) * slope, 0, 1)``;
        the slope is zero where a column has fewer knots than others.
    """

    columns: tuple[InputColumn, ...]
    centre: np.ndarray
    low: np.ndarray
    slope: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the table."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.low) + filled_up(len(self.centre))

    def __call__(self, frame: Frame, unseen: str = "error") -> np.ndarray:
        """Return the matrix, float32 of shape (rows, width).

        Parameters
        ----------
        frame : Frame
        unseen : {"error", "ignore"}
            Whether labels and holes of a kind that was not there are refused, or count as none of those known.
        """
        x = np.zeros((frame.rows, self.width), np.float32)
        at, mark = 0, len(self.low)
        for column, values in zip(self.columns, frame.columns, strict=True):
            if column.labels is None:
                x[:, at] = compressed((values - column.mean) / column.scale)
                at += 1
            if column.marks:
                x[:, mark : mark + column.marks] = marks(column, values, unseen)
                mark += column.marks
            if not column.holes and unseen == "error":
                refuse_new_holes(column.name, values)
        x[:, len(self.low) : mark] = (x[:, len(self.low) : mark] - self.centre) / 0.5
        return np.nan_to_num(x, copy=False)

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        numbers = sum(column.labels is None for column in self.columns)
        scales = np.array([[column.mean, 1 / column.scale] for column in self.columns if column.scale != 0])
        if len(scales) < len(self.columns) or not np.isfinite(scales).all() or (scales[:, 1:] < 0).any():
            raise ValueError("a mean and a positive scale are needed for each column")
        fits = self.low.ndim == 2 and self.low.shape == self.slope.shape and len(self.low) == filled_up(numbers)
        if not fits or self.centre.shape != (sum(column.marks for column in self.columns),):
            raise ValueError("its columns, marks and knots do not fit together")
        if not all(np.isfinite(a).all() for a in (self.centre, self.low, self.slope)):
            raise ValueError("its marks and knots are not all finite")
        if any(column.labels is not None and len(set(column.labels)) < len(column.labels) for column in self.columns):
            raise ValueError("a label is given twice")


def learn_inputs(frame: Frame, weights: np.ndarray, steps: int) -> tuple[Inputs, tuple[str, ...]]:
    """Learn labels, holes, scales and knots from a table.

    Parameters
    ----------
    frame : Frame
        Its numbers may be NaN and its labels None, where they are missing.
    weights : array, shape (rows,)
        Positive weight of each row.
    steps : int
        Steps between knots for each column of numbers, at most; fewer where columns are many or hold few values.

    Returns
    -------
    inputs : Inputs
    constant : tuple of str
        Columns that hold one value only.

    Examples
    --------
    >>> from ceteris.tables.coding import read
    >>> inputs, constant = learn_inputs(read([[1.0, "red"], [3.0, "blue"]]), np.ones(2), steps=4)
    >>> inputs(read([[2.5, "blue"]]))[0, :6].tolist(), constant
    ([0.5, 0.0, 0.0, 0.0, 1.0, -1.0], ())
    """
    columns = tuple(_column(name, values, weights) for name, values in zip(frame.names, frame.columns, strict=True))
    constant = tuple(
        column.name for column in columns
        if (np.isinf(column.scale) if column.labels is None else len(column.labels) + column.others < 2)
        and not column.holes
    )  # fmt: skip
    share = weights / weights.sum()
    centre = np.zeros(sum(column.marks for column in columns))
    at = 0
    for column, values in zip(columns, frame.columns, strict=True):
        if column.marks:
            centre[at : at + column.marks] = share @ marks(column, values, "ignore")
            at += column.marks
    numbers = [(c, v) for c, v in zip(columns, frame.columns, strict=True) if c.labels is None]
    steps = min(steps, INPUTS // max(len(numbers), 1))
    low = np.zeros((filled_up(len(numbers)), steps if steps > 1 else 0))
    slope = np.zeros_like(low)
    for j, (column, values) in enumerate(numbers):
        knots = knots_of(compressed((values - column.mean) / column.scale), low.shape[1])
        low[j, : len(knots) - 1], slope[j, : len(knots) - 1] = knots[:-1], 1 / np.diff(knots)
    return Inputs(columns, centre, low, slope), constant


def _column(name: str, values: np.ndarray, weights: np.ndarray) -> InputColumn:
    if values.dtype == object:
        counts = refuse_own_labels("X", name, [v for v in values if v is not None])
        most = [label for label, _ in counts.most_common(KEPT)]
        kept = most if len(counts) <= FEW else [label for label in most if counts[label] >= RARE]
        holes = bool(sum(counts.values()) < len(values))
        return InputColumn(name, tuple(sorted(kept)), len(kept) < len(counts), holes, 0.0, 1.0)
    seen = np.isfinite(values)
    if not seen.any():
        return InputColumn(name, None, False, True, 0.0, np.inf)
    (mean,), (scale,) = moments(values[seen, None], weights[seen])
    low, middle, high = np.quantile(values[seen], [0.25, 0.5, 0.75])
    quartiles = high / 1.349 - low / 1.349  # of a normal column its standard deviation
    if np.isfinite(scale) and scale > HEAVY * quartiles > 0:
        mean, scale = middle, quartiles
    return InputColumn(name, None, False, bool(not seen.all()), float(mean), float(scale))


def marks(column: InputColumn, values: np.ndarray, unseen: str) -> np.ndarray:
    """Return the columns of zeros and ones of a column of the table, (rows, marks): its labels, others, missing."""
    if column.labels is None:
        return np.isnan(values)[:, None].astype(float)
    codes = codes_of("X", column.name, values, column.labels, "ignore" if column.others else unseen)
    missing = np.array([v is None for v in values])
    if column.others:
        codes[(codes < 0) & ~missing] = len(column.labels)
    if column.holes:
        codes[missing] = len(column.labels) + column.others
    return indicators(codes, column.marks)


def refuse_new_holes(name: str, values: np.ndarray) -> None:
    """Raise if values are missing in a column that had none in the table learnt from."""
    missing = sum(v is None for v in values) if values.dtype == object else int(np.isnan(values).sum())
    if missing:
        raise ValueError(
            f"X: column {some([name])} has {missing} missing values, but had none in the table learnt from; impute "
            "them, or learn with unseen='ignore'."
        )


def compressed(z: np.ndarray) -> np.ndarray:
    """Return standardised numbers that are as they were up to `FAR`, and grow by their logarithm from there on.

    Examples
    --------
    >>> compressed(np.array([-1.0, 3.0, 1e6])).round(1).tolist()
    [-1.0, 3.0, 16.8]
    """
    with np.errstate(invalid="ignore"):
        beyond = np.maximum(np.abs(z) - FAR, 0.0)
    return np.clip(z, -FAR, FAR) + np.sign(z) * np.log1p(beyond)


def knots_of(z: np.ndarray, steps: int) -> np.ndarray:
    """Return so many quantiles and one, or all values where there are fewer; none of a column of two values.

    Examples
    --------
    >>> knots_of(np.arange(101.0), 4).tolist(), knots_of(np.array([0.0, 1.0, 0.0]), 4).tolist()
    ([0.0, 25.0, 50.0, 75.0, 100.0], [0.0])
    """
    z = z[np.isfinite(z)]
    if steps < 2 or not len(z):
        return np.zeros(1)
    values = np.unique(z)
    if len(values) < 3:
        return values[:1]
    knots = values if len(values) <= steps + 1 else np.unique(np.quantile(z, np.linspace(0, 1, steps + 1)))
    apart = np.append(True, np.diff(knots) > 1e-6 * (knots[-1] - knots[0]))
    return knots[apart]


def filled_up(columns: int) -> int:
    """Round a number of columns up: to a multiple of 4, 16 or 64, at most a quarter or so more.

    Examples
    --------
    >>> [filled_up(n) for n in (0, 3, 10, 30, 100, 1000)]
    [0, 4, 12, 32, 112, 1024]
    """
    unit = 4 if columns <= 16 else 16 if columns <= 256 else 64
    return -(-columns // unit) * unit
