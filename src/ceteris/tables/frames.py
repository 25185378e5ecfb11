"""Columns by name from any data frame, or by role from arrays: numbers as float64, labels as objects.

Every complaint about what a column holds is made here, before any work starts: dates, text mixed with numbers, names
given twice, missing values, rows in another order. Domains add those that only they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ceteris.arguments import Rule, listed, one_of

SEVERAL = (list, tuple, set, np.ndarray)  # what is several things, and no number or label
MANY = 50  # a column of more labels than this, most of them seen once, is a name and not a category


@dataclass(frozen=True)
class RoleColumn:
    """What was given for a role: its name, and the values, float64 or objects (labels, None where missing)."""

    role: str
    name: str
    values: np.ndarray
    named: bool = True

    @property
    def known(self) -> str | None:
        """The name, if the user gave it."""
        return self.name if self.named else None

    @property
    def label(self) -> str:
        """Role and name."""
        return self.role if self.role == self.name else f"{self.role} ({self.name!r})"


class Roles:
    """Columns by name from a data frame, or by role from arrays."""

    def __init__(self, data: Any) -> None:
        self.frame = None
        self.indices: list[tuple[str, Any]] = []
        if data is None:
            return
        import narwhals.stable.v1 as nw

        index = self._index("data", data)
        if hasattr(index, "has_duplicates") and cast(Any, index).has_duplicates:
            twice = int(cast(Any, index).duplicated().sum())
            raise ValueError(
                f"data: {twice} rows repeat a label of the index, but each row needs its own; call "
                "data.reset_index(drop=True) if the rows are distinct, or drop the copies."
            )
        refuse_twins("data", data)
        frame = nw.from_native(data, eager_only=True, pass_through=True)
        if not isinstance(frame, nw.DataFrame):
            raise TypeError(
                f"data is of type {type(data).__name__}, but must be a data frame (pandas, Polars, PyArrow, ...); pass "
                "arrays as y=, d= and x= without data."
            )
        self.frame = frame

    def _index(self, role: str, given: Any) -> Any:
        """Return the index of rows, if there is one, after checking that it is that of what was given before."""
        index = getattr(given, "index", None)
        if index is None or not hasattr(index, "equals"):
            return None
        self.indices.append((role, index))
        refuse_indices(self.indices)
        return index

    def column(self, role: str, given: Any) -> RoleColumn:
        """Return the one column given for a role."""
        found = self.matrix(role, given)
        if len(found) != 1:
            raise ValueError(f"{role}: {len(found)} columns were given, but exactly one is allowed; name one.")
        return found[0]

    def matrix(self, role: str, given: Any, keep_labels: bool = False) -> list[RoleColumn]:
        """Return the columns given for a role, by names or as arrays."""
        if given is None:
            return []
        names = [given] if isinstance(given, str) else given
        if self.frame is not None and isinstance(names, list | tuple) and all(isinstance(n, str) for n in names):
            twins = [name for name, count in Counter(names).items() if count > 1]
            if twins:
                raise ValueError(f"{role}: {some(twins)} is named twice, but may be once; name each column once.")
            return [self._named(role, name, keep_labels) for name in names]
        if self.frame is None and isinstance(given, str):
            raise TypeError(f"{role} is a name, {given!r}, but there is no data; pass data, or {role} as an array.")
        self._index(role, given)
        return _from_arrays(role, given, keep_labels)

    def clusters(self, given: Any) -> list[RoleColumn]:
        """Return the columns of at most two sets of clusters."""
        if given is None:
            return []
        several = isinstance(given, list | tuple) and len(given) and not np.isscalar(given[0])
        parts = given if several or (self.frame is not None and isinstance(given, list | tuple)) else [given]
        columns = [c for part in parts for c in self.matrix("cluster", part, keep_labels=True)]
        if len(columns) > 2:
            raise ValueError(f"cluster: {len(columns)} sets were given, but two are the most; merge some of them.")
        return columns

    def _named(self, role: str, name: str, keep_labels: bool) -> RoleColumn:
        assert self.frame is not None
        one_of(role, name, self.frame.columns, kind="a column of the data:")
        return RoleColumn(role, name, values_of(role, name, self.frame[name], keep_labels))


def values_of(role: str, name: str, series: Any, keep_labels: bool = False) -> np.ndarray:
    """Return a series of narwhals as float64 (NaN where missing), or as objects if it holds text.

    Parameters
    ----------
    role, name : str
        Begin a complaint.
    series : Series of narwhals
    keep_labels : bool
        Labels of any kind are asked for: numbers among them stay as they are.
    """
    import narwhals.stable.v1 as nw

    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        kept = keep_labels and series.to_numpy().dtype.kind in "iub"
        return series.to_numpy() if kept else np.asarray(series.cast(nw.Float64).to_numpy(), float)
    if kind in (nw.String, nw.Categorical, nw.Enum, nw.Object):
        return plain(role, name, as_objects(series.to_list()), keep_labels)
    raise wrong_type(role, name, kind)


def plain(role: str, name: str, values: np.ndarray, keep_labels: bool = False) -> np.ndarray:
    """Return an array of one column in the same way."""
    if values.dtype.kind in "fiub":
        return values if keep_labels else values.astype(float, copy=False)
    if values.dtype.kind in "mM":
        raise wrong_type(role, name, values.dtype)
    labels = [None if is_missing(v) else v for v in values.tolist()]
    kinds = {type(v) for v in labels if v is not None}
    if keep_labels or (kinds and all(issubclass(kind, str) for kind in kinds)):
        return as_objects(labels)
    try:
        if any(issubclass(kind, str) for kind in kinds) or (bool in kinds and len(kinds) > 1):
            raise TypeError
        return np.array([np.nan if v is None else float(v) for v in labels])
    except (TypeError, ValueError):
        several = next((kind.__name__ for kind in kinds if issubclass(kind, SEVERAL)), None)
        if several is not None:
            raise TypeError(
                f"{role}: column {name!r} holds a {several} in a cell, but each must hold one number or one label; "
                "spread it over columns, or drop it."
            ) from None
        mixture = " mixed with ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(
            f"{role}: column {name!r} holds {mixture}, but its every argument must be a string or every one a number; "
            "convert the column."
        ) from None


def wrong_type(role: str, name: Any, kind: Any, besides: str = "") -> TypeError:
    """Return the complaint about a column that holds neither numbers nor labels, such as one of dates."""
    return TypeError(
        f"{role}: column {name!r} is of type {kind}, but must hold numbers, booleans or labels; turn it into one of "
        f"these (a date into days since a day){besides}."
    )


def _from_arrays(role: str, given: Any, keep_labels: bool) -> list[RoleColumn]:
    names = [str(name) for name in getattr(given, "columns", ())]
    if names:
        inner = Roles(given)
        return [inner._named(role, name, keep_labels) for name in names]
    if getattr(given, "name", None) is not None and np.ndim(given) == 1:
        names = [str(given.name)]
    array = np.asarray(given)
    if array.dtype.kind == "U" and isinstance(given, list | tuple):
        array = np.array(given, object)  # or one label would turn every number into text
    if array.ndim not in (1, 2):
        raise ValueError(f"{role} has {array.ndim} dimensions, but must have one or two; reshape it.")
    wide = array[:, None] if array.ndim == 1 else array
    numbered = [f"{role}{j}" for j in range(wide.shape[1])] if role == "x" or wide.shape[1] > 1 else [role]
    named, names = bool(names), names or numbered
    return [RoleColumn(role, name, plain(role, name, wide[:, j], keep_labels), named) for j, name in enumerate(names)]


def as_objects(values: Iterable[Any]) -> np.ndarray:
    """Return an array of objects, whatever they are: a list of lists is one dimension of lists."""
    return np.array([*values, None], object)[:-1]


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN or what pandas writes for them."""
    if isinstance(value, float | np.floating):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def numbers(columns: Sequence[RoleColumn]) -> np.ndarray:
    """Return columns of numbers as a matrix (n, k); text is refused."""
    for column in columns:
        if column.values.dtype == object:
            seen = some(sorted({str(value) for value in column.values})[:2])
            raise TypeError(f"{column.label} holds text ({seen}), but must hold numbers; code it as numbers.")
    return np.stack([column.values for column in columns], axis=1).astype(float, copy=False)


def finite(
    role: str, given: Any, shape: tuple[int | None, ...] = (), within: Rule | None = None, do: str = "correct them"
) -> np.ndarray:
    """Return an array of finite numbers; text, another shape, and numbers that break a rule are refused.

    Parameters
    ----------
    role : str
        Begins a complaint.
    given : array-like
    shape : tuple, optional
        What it must be; None where any length will do.
    within : Rule, optional
        What the smallest and the largest number must be.
    do : str
        What to do if they are not.

    Examples
    --------
    >>> from ceteris.arguments import INSIDE
    >>> finite("share", [0.5, 2.0], (None,), INSIDE)
    Traceback (most recent call last):
    ValueError: share runs from 0.5 to 2, but must be a number above 0 and below 1 everywhere; correct them.
    """
    try:
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{role} holds text, but must hold numbers; code it as numbers.") from None
    if shape and (array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True))):
        wanted = ", ".join(name if n is None else str(n) for n, name in zip(shape, "nk", strict=False))
        wanted = f"({wanted},)" if len(shape) == 1 else f"({wanted})"
        raise ValueError(f"{role} has shape {array.shape}, but must have {wanted}; reshape it.")
    nan, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    if nan or infinite:
        raise ValueError(
            f"{role} holds {nan} missing (NaN) and {infinite} infinite (inf) values, but must hold finite numbers; "
            "impute them or drop these rows."
        )
    if within is not None and array.size and not (within.holds(array.min()) and within.holds(array.max())):
        raise ValueError(
            f"{role} runs from {array.min():g} to {array.max():g}, but must be {within.words} everywhere; {do}."
        )
    return array


# -------------------------------------------------------------------------------------------- complaints


def refuse_indices(given: Sequence[tuple[str, Any]]) -> None:
    """Refuse series and frames of one length whose rows have other labels, or the same in another order.

    Rows are put together by position, which is wrong where labels say otherwise.
    """
    for role, index in given:
        first, other = given[0]
        if len(index) == len(other) and not index.equals(other):
            raise ValueError(
                f"{role}: its rows are labelled otherwise than those of {first} (index {index[0]}, ... against "
                f"{other[0]}, ...), and they would be put together by position; bring both into one order, such as by "
                f"{role}.loc[{first}.index], or pass arrays ({role}.to_numpy()) if the order is right."
            )


def same_labels(**given: Any) -> None:
    """Refuse pandas objects, by role, whose rows are labelled differently; what has no labels goes by position.

    Examples
    --------
    >>> import pandas as pd
    >>> same_labels(scores=pd.Series([1.0, 2.0]), tau_hat=[3.0, 4.0])
    """
    indices = ((role, getattr(values, "index", None)) for role, values in given.items())
    refuse_indices([(role, index) for role, index in indices if hasattr(index, "equals")])


def refuse_twins(role: str, frame: Any) -> None:
    """Raise if two columns of a data frame have the same name, as text and without spaces around it."""
    columns = getattr(frame, "columns", ())
    counts = Counter(str(name).strip() for name in columns) if hasattr(columns, "__iter__") else {}
    twins = [name for name, count in counts.items() if count > 1]
    if twins:
        raise ValueError(f"{role}: {some(twins)} names more than one column, but must name one; rename the others.")


def refuse_own_labels(role: str, name: Any, column: Sequence[Any] | np.ndarray) -> Counter:
    """Return how often each label occurs; raise if most rows have one of their own, as with a name."""
    counts = Counter(column)
    if len(counts) > MANY and len(counts) > len(column) / 2:
        raise ValueError(
            f"{role}: column {name!r} holds {len(counts)} different labels in {len(column)} rows, so that most rows "
            "have one of their own; drop it or group its labels."
        )
    return counts


def refuse_holes(role: str, columns: Iterable[tuple[str, np.ndarray]]) -> None:
    """Raise if a value is missing or infinite, naming columns and counts."""
    found = []
    for name, values in columns:
        if values.dtype == object:
            nan, infinite = sum(v is None for v in values), 0
        elif values.dtype.kind != "f" or np.isfinite(values).all():
            continue
        else:
            nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        found += [f"{count} {what} in {name}" for count, what in ((nan, "NaN"), (infinite, "inf")) if count]
    if found:
        raise ValueError(
            f"{role}: there are missing or infinite values ({listed(found)}), but every value must be a finite number "
            "or a label; impute them or drop these rows."
        )


def some(names: Iterable[Any]) -> str:
    """Return names in quotation marks, but not too many."""
    return listed(repr(name) for name in names)
