"""Parquet files, which know the types of their columns; strings in them are looked at as those of a text file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.tables.header import refuse_twins
from ceteris.tables.table import Raw


def read_parquet(path: Path) -> Raw:
    """Read a Parquet file, or say why it cannot be read."""
    try:
        frame: Any = pd.read_parquet(path)
    except ImportError:
        raise ImportError(f"data: reading {path} needs pyarrow; `pip install pyarrow`, or save it as CSV.") from None
    except (ValueError, OSError) as error:
        raise ValueError(f"data: {path} cannot be read as a table ({error}); check the file.") from None
    frame.columns = [str(column).strip() for column in frame.columns]
    refuse_twins(list(frame.columns), f"data: {path}")
    if frame.empty:
        raise ValueError(f"data: {path} has {len(frame)} rows and {frame.shape[1]} columns; give a table with rows.")
    return Raw(frame, lambda names: frame[list(names)])


def is_time(column: Any) -> bool:
    """Whether a column is of a type for dates or times.

    Examples
    --------
    >>> is_time(pd.Series(pd.to_datetime(["2020-01-31"]))), is_time(pd.Series([1.0]))
    (True, False)
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return True
    return pd.api.types.infer_dtype(column, skipna=True) in ("date", "datetime", "time", "timedelta", "period")


def each_column(path: Path) -> Iterator[tuple[str, pd.Series]]:
    """Yield the columns of a Parquet file, of which only one is held at a time."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    names = list(file.schema_arrow.names)
    refuse_twins([name.strip() for name in names], f"data: {path}")
    metadata = file.schema_arrow.pandas_metadata or {}
    index = {name for name in metadata.get("index_columns", ()) if isinstance(name, str)}
    for name in names:
        if name not in index:
            yield name, file.read(columns=[name]).to_pandas(ignore_metadata=False).reset_index(drop=True)[name]
