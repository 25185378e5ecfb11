"""Whether a path is that of a table, asked before anything is imported that reads one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXTS = (".csv", ".tsv", ".tab", ".txt")
PARQUETS = (".parquet", ".pq")


def table_file(path: Any) -> Path:
    """Return the path of a file that may hold a table, or say in one sentence why it does not.

    Examples
    --------
    >>> table_file("survey.csv")
    Traceback (most recent call last):
    FileNotFoundError: data: there is no file survey.csv; give the path of a CSV or Parquet file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"data: there is no file {path}; give the path of a CSV or Parquet file.")
    if path.suffix.lower() not in TEXTS + PARQUETS:
        raise ValueError(f"data: {path} ends in {path.suffix!r}; give a .csv or .parquet file.")
    return path
