"""Columns by name from any data frame, or by role from arrays: numbers as float64, labels as objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np


@dataclass(frozen=True)
class Column:
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
    def said(self) -> str:
        """Role and name."""
        return self.role if self.role == self.name else f"{self.role} ({self.name!r})"


class Table:
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
        columns = getattr(data, "columns", None)
        if columns is not None and len({str(name) for name in columns}) < len(columns):
            names = [str(name) for name in columns]
            twins = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"data: {', '.join(map(repr, twins))} name several columns; give each its own name.")
        frame = nw.from_native(data, eager_only=True, pass_through=True)
        if not isinstance(frame, nw.DataFrame):
            raise TypeError(
                f"data: {type(data).__name__} given; a data frame (pandas, Polars, PyArrow, ...) is allowed; for "
                "arrays pass them as y=, d= and x= without data."
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

    def column(self, role: str, given: Any) -> Column:
        """Return the one column given for a role."""
        found = self.matrix(role, given)
        if len(found) != 1:
            raise ValueError(f"{role}: {len(found)} columns given; exactly one is allowed; name one.")
        return found[0]

    def matrix(self, role: str, given: Any, keep_labels: bool = False) -> list[Column]:
        """Return the columns given for a role, by names or as arrays."""
        if given is None:
            return []
        names = [given] if isinstance(given, str) else given
        if self.frame is not None and isinstance(names, list | tuple) and all(isinstance(n, str) for n in names):
            twins = sorted({name for name in names if list(names).count(name) > 1})
            if twins:
                raise ValueError(f"{role}: {', '.join(map(repr, twins))} given twice; name each column once.")
            return [self._named(role, name, keep_labels) for name in names]
        if self.frame is None and isinstance(given, str):
            raise TypeError(f"{role}: the name {given!r} given without data; pass a data frame, or {role} as an array.")
        self._index(role, given)
        return _from_arrays(role, given, keep_labels)

    def clusters(self, given: Any) -> list[Column]:
        """Return the columns of at most two sets of clusters."""
        if given is None:
            return []
        several = isinstance(given, list | tuple) and len(given) and not np.isscalar(given[0])
        parts = given if several or (self.frame is not None and isinstance(given, list | tuple)) else [given]
        columns = [c for part in parts for c in self.matrix("cluster", part, keep_labels=True)]
        if len(columns) > 2:
            raise ValueError(f"cluster: {len(columns)} sets given; one and two are allowed; merge some of them.")
        return columns

    def _named(self, role: str, name: str, keep_labels: bool) -> Column:
        assert self.frame is not None
        if name not in self.frame.columns:
            import difflib

            near = difflib.get_close_matches(name, self.frame.columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(str, self.frame.columns[:20]))}."
            raise ValueError(f"{role}: the data have no column {name!r}; {hint}")
        series = self.frame[name]
        kind = series.dtype
        if kind.is_numeric() or str(kind) == "Boolean":
            values = series.to_numpy()
            if values.dtype == np.float64 or (keep_labels and values.dtype.kind in "iub"):
                return Column(role, name, values)
            return Column(role, name, np.array(values if values.dtype.kind in "iubf" else series.to_list(), float))
        if kind.is_temporal():
            raise TypeError(f"{role}: column {name!r} holds dates; turn them into numbers, such as days since a day.")
        return Column(role, name, _plain(role, name, np.array([*series.to_list(), None], object)[:-1], keep_labels))


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


def _from_arrays(role: str, given: Any, keep_labels: bool) -> list[Column]:
    names = [str(name) for name in getattr(given, "columns", ())]
    if names:
        inner = Table(given)
        return [inner._named(role, name, keep_labels) for name in names]
    if getattr(given, "name", None) is not None and np.ndim(given) == 1:
        names = [str(given.name)]
    array = np.asarray(given)
    if array.dtype.kind == "U" and isinstance(given, list | tuple):
        array = np.array(given, object)  # or one label would turn every number into text
    if array.ndim not in (1, 2):
        raise ValueError(f"{role}: an array of {array.ndim} dimensions given; one or two are allowed.")
    wide = array[:, None] if array.ndim == 1 else array
    numbered = [f"{role}{j}" for j in range(wide.shape[1])] if role == "x" or wide.shape[1] > 1 else [role]
    named, names = bool(names), names or numbered
    return [Column(role, name, _plain(role, name, wide[:, j], keep_labels), named) for j, name in enumerate(names)]


def _plain(role: str, name: str, values: np.ndarray, keep_labels: bool) -> np.ndarray:
    """Numbers as float64; labels as objects, None where one is missing."""
    if values.dtype.kind in "fiub":
        return values if keep_labels else values.astype(float)
    listed = values.tolist()
    labels = [None if v is None or v != v or str(v) in ("nan", "<NA>", "NaT") else v for v in listed]
    if not keep_labels and not any(isinstance(v, str) for v in labels):
        try:
            return np.array([np.nan if v is None else float(v) for v in labels])
        except (TypeError, ValueError):
            kind = next(type(v).__name__ for v in labels if v is not None)
            raise TypeError(f"{role}: column {name!r} holds {kind}; numbers, booleans and text are allowed.") from None
    return np.array([*labels, None], object)[:-1]


def numbers(columns: Sequence[Column]) -> np.ndarray:
    """Return columns of numbers as a matrix (n, k); text is refused."""
    for column in columns:
        if column.values.dtype == object:
            raise TypeError(f"{column.said} holds text; numbers are allowed; code it as numbers.")
    return np.stack([column.values for column in columns], axis=1).astype(float, copy=False)
