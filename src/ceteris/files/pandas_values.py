"""Data frames, their columns and their indices as lists of arrays and text, and back."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_EXTENSION = re.compile(
    r"U?Int(8|16|32|64)|Float(32|64)|boolean|string(\[\w+\])?|str|datetime64\[\w+, [\w/+:-]+\]|period\[[\w-]+\]"
)


def is_one(value: Any) -> bool:
    """Whether a value is of pandas: a frame, a series, an index, a column, its type, a time, what is missing."""
    return type(value).__module__.split(".")[0] == "pandas"


def taken(value: Any) -> list[Any]:
    """Take a value of pandas apart: a word, then what `put_together` needs of it.

    Examples
    --------
    >>> import pandas as pd
    >>> taken(pd.RangeIndex(3))
    ['range', 0, 3, 1, None]
    """
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return ["frame", value.columns, value.index, [_column(value.iloc[:, j]) for j in range(value.shape[1])]]
    if isinstance(value, pd.Series):
        return ["series", _column(value), value.index, value.name]
    if isinstance(value, pd.RangeIndex):
        return ["range", value.start, value.stop, value.step, value.name]
    if isinstance(value, pd.MultiIndex):
        return ["multi", list(value.levels), [np.asarray(codes) for codes in value.codes], list(value.names)]
    if isinstance(value, pd.Index):
        return ["index", _column(value), value.name, getattr(value, "freqstr", None)]
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return ["column", _column(value)]
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return ["type", _column(pd.Series([], dtype=value))]
    if isinstance(value, pd.Timestamp | pd.Timedelta) and value is not pd.NaT:
        return [type(value).__name__, value.isoformat()]
    if value is pd.NaT or value is pd.NA:
        return ["missing", str(value)]
    raise TypeError(f"save: a {type(value).__name__} of pandas cannot be saved; give it as a column or a frame.")


def put_together(parts: list[Any]) -> Any:
    """Return the value that `taken` took apart.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": pd.Categorical(["a", None, "b"]), "y": [1.5, 2.0, 3.0]})
    >>> put_together(taken(frame)).equals(frame)
    True
    """
    import pandas as pd

    kind, *held = parts
    if kind == "frame":
        columns, index, each = held
        frame = pd.DataFrame({j: _made(column) for j, column in enumerate(each)}, index=index)
        frame.columns = columns
        return frame
    if kind == "series":
        column, index, name = held
        return pd.Series(_made(column), index=index, name=name)
    if kind == "range":
        return pd.RangeIndex(*held[:3], name=held[3])
    if kind == "multi":
        levels, codes, names = held
        return pd.MultiIndex(levels=levels, codes=codes, names=names)
    if kind == "index":
        column, name, frequency = held
        index = pd.Index(_made(column), name=name)
        return pd.DatetimeIndex(index, freq=str(frequency)) if frequency and index.dtype.kind == "M" else index
    if kind == "column":
        return pd.Series(_made(held[0])).array
    if kind == "type":
        return pd.Series(_made(held[0])).dtype
    if kind in ("Timestamp", "Timedelta"):
        return getattr(pd, kind)(held[0])
    if kind == "missing":
        return {"NaT": pd.NaT, "<NA>": pd.NA}[held[0]]
    raise ValueError(f"{str(kind)[:40]!r} is not a kind of table or column")


def _column(column: Any) -> list[Any]:
    """Take a column apart: a series, an index or an array of pandas."""
    import pandas as pd

    array = column if isinstance(column, pd.api.extensions.ExtensionArray) else column.array
    if isinstance(array, pd.Categorical):
        return ["categorical", array.codes, array.categories, bool(array.ordered)]
    if isinstance(column.dtype, np.dtype):
        return ["plain", column.to_numpy()]
    values = column.astype(str) if isinstance(column.dtype, pd.PeriodDtype) else array.to_numpy(object)
    return ["extension", str(column.dtype), [None if pd.isna(value) else value for value in values]]


def _made(held: list[Any]) -> Any:
    import pandas as pd

    kind, *parts = held
    if kind == "categorical":
        codes, categories, ordered = parts
        return pd.Categorical.from_codes(codes, categories, ordered=ordered)
    if kind == "plain":
        return parts[0]
    name, values = parts
    if kind != "extension" or not _EXTENSION.fullmatch(name):
        raise ValueError(f"{str(name)[:40]!r} is not a type of columns")
    return pd.array(values, dtype=name)
