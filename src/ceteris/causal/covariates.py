"""Covariates of new rows by the names of the old ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ceteris.tables.coding import codes_of
from ceteris.tables.frames import RoleColumn, is_missing, numbers, values_of


class Names(tuple[str, ...]):
    """Names of the columns of covariates, and ``labels``: of each column of text those that were learnt from.

    Examples
    --------
    >>> names = Names(["age", "town=b"], {"town": ("a", "b")})
    >>> names, names.labels["town"]
    (('age', 'town=b'), ('a', 'b'))
    """

    labels: Mapping[str, tuple[str, ...]]

    def __new__(cls, names: Iterable[str] = (), labels: Mapping[str, tuple[str, ...]] | None = None) -> Names:
        """Make the tuple."""
        found = super().__new__(cls, names)
        found.labels = labels or {}
        return found


def covariates_at(x: Any, names: tuple[str, ...]) -> np.ndarray:
    """Covariates of new rows, shape (m, p): from a table by name, labels included, or from a matrix of p columns.

    Labels other than those of the old rows are refused where ``names`` are `Names`, which know them.

    Examples
    --------
    >>> import pandas as pd
    >>> covariates_at(pd.DataFrame({"town": ["b", "a"], "age": [30, 40]}), ("age", "town=b"))
    array([[30.,  1.],
           [40.,  0.]])
    """
    if hasattr(x, "columns"):
        import narwhals.stable.v1 as nw

        frame = nw.from_native(x, eager_only=True)
        labels = getattr(names, "labels", {})
        matrix = np.column_stack([_column(frame, name, labels) for name in names])
    else:
        matrix = np.asarray(x, dtype=float)
        matrix = matrix[:, None] if matrix.ndim == 1 and len(names) == 1 else matrix
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise ValueError(
            f"x has shape {np.shape(x)}, but must have {len(names)} columns, in the order {', '.join(names[:10])}."
        )
    if np.isinf(matrix).any():
        raise ValueError("x holds infinite values, but must hold finite or missing ones (NaN); correct them.")
    return matrix


def texts_of(values: Iterable[Any]) -> list[str]:
    """Return labels of any kind as text; a missing one is a label of its own."""
    return [str(None if is_missing(value) else value) for value in values]


def _column(frame: Any, name: str, labels: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    if name in frame.columns:
        return numbers([RoleColumn("x", name, values_of("x", name, frame[name]))])[:, 0]
    column, _, label = name.partition("=")
    if column not in frame.columns:
        raise ValueError(f"x: column {column!r} is missing from the rows given, but was learnt from; add it.")
    texts = texts_of(frame[column].to_list())
    known = labels.get(column, tuple({label: None} | dict.fromkeys(texts)))
    return (codes_of("x", column, texts, known) == known.index(label)).astype(float)
