"""A table with holes, taken apart and put together again: what is in a column, and every complaint about it.

Inside, columns are sorted by name, so that no result depends on their order. A hole is NaN; labels are codes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types as kinds_of

from ceteris.arguments import one_of
from ceteris.tables.coding import codes_of
from ceteris.tables.frames import MANY, plain, refuse_twins, wrong_type
from ceteris.tables.magnitude import refuse_extremes

KINDS = ("continuous", "binary", "ordinal", "categorical", "ignore")
MOST_LEVELS = 1_000  # a net gets a number for each label of a column, and one for each pair of labels of two
FEW = 12  # an integer column of up to so many values is ordinal


@dataclass(frozen=True, eq=False)
class Column:
    """What is known of a column from the table learnt from.

    Attributes
    ----------
    name : label of the column
    kind : one of `KINDS`, but for "ignore"
    levels : tuple
        The values that a column of labels takes, in order; empty for a continuous one.
    whole : bool
        Whether a continuous column holds integers only.
    bounds : (float, float)
        What a continuous column can be.
    """

    name: Any
    kind: str
    levels: tuple[Any, ...] = ()
    whole: bool = False
    bounds: tuple[float, float] = (-np.inf, np.inf)

    @property
    def continuous(self) -> bool:
        """Whether the column holds quantities rather than labels."""
        return self.kind == "continuous"


@dataclass(frozen=True, eq=False)
class Holes:
    """A table as numbers: ``values`` of shape (rows, columns), NaN where nothing was observed, columns by name."""

    columns: tuple[Column, ...]
    values: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Where the holes are, shape (rows, columns)."""
        return np.isnan(self.values)


def learn(
    table: pd.DataFrame, types: Mapping[Any, str] | None = None, bounds: Mapping[Any, tuple[float, float]] | None = None
) -> Holes:
    """Find out what the columns hold, and refuse or warn of what cannot be imputed.

    Parameters
    ----------
    table : DataFrame
    types : mapping of column to kind, optional
        One of `KINDS` instead of what is inferred; "ignore" carries a column along untouched and unused.
    bounds : mapping of column to (lowest, highest), optional
        For continuous columns; by default a column without negative values stays without.

    Examples
    --------
    >>> holes = learn(pd.DataFrame({"b": ["no", None, "yes"], "a": [1.5, 2.5, 3.5]}))
    >>> [(column.name, column.kind) for column in holes.columns], holes.values.tolist()
    ([('a', 'continuous'), ('b', 'binary')], [[1.5, 0.0], [2.5, nan], [3.5, 1.0]])
    """
    types, bounds = dict(types or {}), dict(bounds or {})
    _refuse_shape(table)
    for argument, names in (("types", types), ("bounds", bounds)):
        for name in names:
            one_of(argument, name, table.columns, kind="a column of the table:")
    for name, kind in types.items():
        one_of(f"types: the kind of {name!r}", kind, KINDS)
    found, parts = [], []
    for name in sorted(table.columns, key=lambda name: (str(name), str(type(name)))):
        if types.get(name) == "ignore":
            continue
        column = _describe(table[name], types.get(name), bounds.get(name))
        if column is not None:
            found.append(column)
            parts.append(_numbers(table[name], column))
    if not found:
        raise ValueError("X: there is no column to work on; give one that holds numbers, booleans or categories.")
    holes = Holes(tuple(found), np.column_stack(parts))
    _warn_of_emptiness(holes)
    _warn_of_copies(holes)
    return holes


def read(table: pd.DataFrame, columns: tuple[Column, ...]) -> Holes:
    """Read another table by what was learnt from the first."""
    lacking = [column.name for column in columns if column.name not in table.columns]
    if lacking:
        raise ValueError(f"X: the columns {lacking} are lacking, which the table learnt from has; add them.")
    for column in columns:
        _refuse_content(table[column.name])
    return Holes(columns, np.column_stack([_numbers(table[column.name], column) for column in columns]))


def complete(table: pd.DataFrame, holes: Holes, values: np.ndarray) -> pd.DataFrame:
    """Fill the holes of a table; everything observed, the index, the types and the order of columns stay.

    Parameters
    ----------
    table : DataFrame
    holes : Holes
        The table as it was read.
    values : array, shape (rows, columns)
        Quantities, and codes of labels; only those in holes are used.
    """
    filled = {}
    for j, column in enumerate(holes.columns):
        rows = np.flatnonzero(holes.missing[:, j])
        if len(rows):
            filled[column.name] = _filled(table[column.name], column, rows, values[rows, j])
    return _with_columns(table, filled)


# -------------------------------------------------------------------------------------------- one column


def _describe(series: Any, kind: str | None, bounds: tuple[float, float] | None) -> Column | None:
    """What a column holds; None for an identifier, which is left out."""
    _refuse_content(series)
    observed = series.dropna()
    if observed.empty:
        raise ValueError(
            f"X: column {series.name!r} has no observed value, so that nothing can be learnt about it; drop it, or "
            'pass types={...: "ignore"}.'
        )
    numeric = _is_numeric(series)
    distinct = _levels(series)
    kind = kind or _infer(series, numeric, distinct)
    if kind == "continuous" and not numeric:
        raise ValueError(
            f"types: column {series.name!r} is to be continuous, but it holds {series.dtype}; convert it to numbers."
        )
    if bounds is not None and kind != "continuous":
        raise ValueError(f"bounds: column {series.name!r} is {kind}, but only a continuous column has bounds.")
    if kind == "continuous":
        return _quantity(series.name, observed.to_numpy(dtype=float), bounds)
    if kind == "binary" and len(distinct) > 2:
        raise ValueError(f"types: column {series.name!r} is to be binary, but it takes {len(distinct)} values.")
    if _is_identifier(observed, distinct, numeric):
        _refuse_hole_in_identifier(series)
        return None
    _refuse_categories(series, len(observed), distinct)
    return Column(series.name, kind, distinct)


def _infer(series: Any, numeric: bool, distinct: tuple[Any, ...]) -> str:
    if len(distinct) <= 2:
        return "binary"
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "ordinal" if series.dtype.ordered else "categorical"
    if not numeric:
        return "categorical"
    integers = all(float(value).is_integer() for value in distinct[: FEW + 1])
    return "ordinal" if len(distinct) <= FEW and integers else "continuous"


def _levels(series: Any) -> tuple[Any, ...]:
    """The distinct observed values, in the order of the categories or sorted."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        seen = set(series.cat.codes.unique())
        return tuple(label for code, label in enumerate(series.cat.categories) if code in seen)
    return tuple(sorted(series.dropna().unique().tolist()))


def _quantity(name: Any, observed: np.ndarray, bounds: tuple[float, float] | None) -> Column:
    refuse_extremes("X", name, observed)
    whole = bool((observed == np.round(observed)).all())
    low, high = bounds or ((0.0, np.inf) if observed.min() >= 0 else (-np.inf, np.inf))
    if not low < high or observed.min() < low or observed.max() > high:
        raise ValueError(
            f"bounds: ({low:g}, {high:g}) was given for column {name!r}, but its values run from {observed.min():g} to "
            f"{observed.max():g}; the bounds must hold them all."
        )
    return Column(name, "continuous", whole=whole, bounds=(float(low), float(high)))


def _numbers(series: Any, column: Column) -> np.ndarray:
    """The column as floats: quantities, or codes of its levels; NaN for a hole."""
    if column.continuous:
        return series.to_numpy(dtype=float, na_value=np.nan)
    labels = series.astype(object).where(series.notna(), None)
    codes = codes_of("X", column.name, labels, column.levels)
    return np.where(codes < 0, np.nan, codes)


def _filled(series: Any, column: Column, rows: np.ndarray, values: np.ndarray) -> pd.Series:
    if not column.continuous:
        drawn: Any = [column.levels[int(code)] for code in values]
    else:
        drawn = np.round(values) if column.whole else values
        if kinds_of.is_integer_dtype(series.dtype) and kinds_of.is_extension_array_dtype(series.dtype):
            limits = np.iinfo(series.dtype.numpy_dtype)
            drawn = np.clip(drawn, limits.min, limits.max)
        if column.whole and (kinds_of.is_integer_dtype(series.dtype) or series.dtype == object):
            drawn = drawn.astype(np.int64)
        if isinstance(series.dtype, np.dtype) and series.dtype.kind == "f":
            drawn = drawn.astype(series.dtype)
    array = series.array.copy()
    array[rows] = np.array(drawn, dtype=object) if series.dtype == object else drawn
    return pd.Series(array, index=series.index, name=series.name)


def _with_columns(table: pd.DataFrame, filled: dict[Any, pd.Series]) -> pd.DataFrame:
    out = table.copy()
    for name, series in filled.items():
        out[name] = series
    return out


def _is_numeric(series: Any) -> bool:
    if kinds_of.is_bool_dtype(series.dtype) or isinstance(series.dtype, pd.CategoricalDtype):
        return False
    if series.dtype == object:
        return all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in series.dropna())
    return kinds_of.is_numeric_dtype(series.dtype)


def _is_identifier(observed: Any, distinct: tuple[Any, ...], numeric: bool) -> bool:
    return not numeric and len(distinct) > MANY and 2 * len(distinct) > len(observed)


# -------------------------------------------------------------------------------------------- complaints


def as_frame(X: Any) -> pd.DataFrame:
    """Return X as a pandas data frame: any frame that narwhals knows, or an array with columns x0, x1, ..."""
    if isinstance(X, pd.DataFrame):
        return X
    import narwhals.stable.v1 as nw

    native = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        return native.to_pandas()
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(f"X has shape {array.shape}, but must have (rows, columns); reshape it.")
    return pd.DataFrame(array, columns=pd.Index([f"x{j}" for j in range(array.shape[1])]))


def _refuse_shape(table: pd.DataFrame) -> None:
    if len(table) < 2 or table.shape[1] == 0:
        raise ValueError(
            f"X has {len(table)} row(s) and {table.shape[1]} column(s), but must have 2 rows at least; give more."
        )
    refuse_twins("X", table)


def _refuse_content(series: Any) -> None:
    if kinds_of.is_datetime64_any_dtype(series.dtype) or kinds_of.is_timedelta64_dtype(series.dtype):
        raise wrong_type("X", series.name, series.dtype, ', or pass types={...: "ignore"}')
    if series.dtype == object:
        plain("X", series.name, series.to_numpy())  # complains of dates, and of text mixed with numbers
    numeric = kinds_of.is_float_dtype(series.dtype) or (series.dtype == object and _is_numeric(series))
    if numeric and np.isinf(series.to_numpy(dtype=float, na_value=np.nan)).any():
        raise ValueError(
            f"X: column {series.name!r} holds infinite values; replace them, by missing values if nothing is known."
        )


def refuse_many_levels(columns: tuple[Column, ...]) -> None:
    """Raise where a column takes more labels than a net can learn to tell apart."""
    for column in columns:
        if len(column.levels) > MOST_LEVELS:
            raise ValueError(
                f"X: column {column.name!r} takes {len(column.levels):,} labels, but must take {MOST_LEVELS:,} at most "
                'for a net; merge rare ones, or pass types={...: "ignore"}.'
            )


def _refuse_hole_in_identifier(series: Any) -> None:
    if series.isna().any():
        raise ValueError(
            f"X: column {series.name!r} has a label of its own in nearly every row, as a name has, and holes, which "
            'cannot be guessed; drop it, or pass types={...: "ignore"}.'
        )
    warnings.warn(
        f"X: column {series.name!r} has a label of its own in nearly every row, as a name has, and is not used; pass "
        'types={...: "ignore"} to say so.',
        UserWarning,
        stacklevel=5,
    )


def _refuse_categories(series: Any, observed: int, distinct: tuple[Any, ...]) -> None:
    declared = len(series.cat.categories) if isinstance(series.dtype, pd.CategoricalDtype) else len(distinct)
    if declared > len(series):
        raise ValueError(
            f"X: column {series.name!r} has {declared} categories for {len(series)} rows; merge categories, or remove "
            "those that are not used."
        )
    if series.isna().any() and declared > len(distinct):
        warnings.warn(
            f"X: {declared - len(distinct)} categories of column {series.name!r} are never observed, so that none of "
            "its holes will be filled with them; merge or remove them.",
            UserWarning,
            stacklevel=5,
        )


def _warn_of_emptiness(holes: Holes) -> None:
    if not holes.missing.any():
        warnings.warn("X: there are no missing values, so that there is nothing to impute.", UserWarning, stacklevel=4)
    empty = int(holes.missing.all(1).sum())
    if empty:
        warnings.warn(
            f"X: {empty} row(s) have no observed value and are drawn from what the other rows look like; drop them if "
            "they carry nothing.",
            UserWarning,
            stacklevel=4,
        )


def _warn_of_copies(holes: Holes) -> None:
    first: dict[bytes, Any] = {}
    for column, values in zip(holes.columns, holes.values.T, strict=True):
        of = first.setdefault(values.tobytes(), column.name) if column.continuous else column.name
        if of != column.name and np.isnan(values).any():
            warnings.warn(
                f"X: column {column.name!r} is a copy of {of!r}, holes included, and what is drawn for the one will "
                'differ from what is drawn for the other; drop it, or pass types={...: "ignore"}.',
                UserWarning,
                stacklevel=4,
            )
