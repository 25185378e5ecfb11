"""Read a table of any dialect, and say what was recognised, converted and left out; nothing is assumed in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ceteris.tables.columns import settle
from ceteris.tables.file import PARQUETS, table_file
from ceteris.tables.options import Options
from ceteris.tables.parquet import read_parquet
from ceteris.tables.table import ReadTable
from ceteris.tables.text import read_text


def read_table(
    path: Any,
    types: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
    id: Sequence[str] = (),
    *,
    separator: str | None = None,
    decimal: str | None = None,
    needed: Sequence[str] = (),
    options: Options | None = None,
) -> ReadTable:
    r"""Read a CSV or Parquet file, or say in one sentence why it is not a table to learn from.

    Separator (comma, semicolon, tab, vertical bar), decimal mark, thousands set apart, encoding and signs for missing
    values are recognised, from all rows. Identifiers, dates and free text are left out.

    Parameters
    ----------
    path : path
        Of a .csv, .tsv, .tab, .txt, .parquet or .pq file.
    types : mapping of column to kind, optional
        "number" or "category" for what a column is to be; "date", "text" or "id" leave it out.
    ignore, id : sequence of str
        Columns to leave out, as unwanted and as identifiers.
    separator, decimal : str, optional
        Where these cannot be told.
    needed : sequence of str
        Columns that are never left out, such as the target.
    options : Options, optional
        All of these in one.

    Returns
    -------
    ReadTable
        Its ``frame`` is what to learn from, its ``sentences`` say how it was read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "survey.csv"
    >>> _ = path.write_text("person_id;income;kind\n17;1.000,5;a\n11;-;b\n29;2.500,0;a\n")
    >>> table = read_table(path)
    >>> table.frame["income"].tolist(), list(table.left_out)
    ([1000.5, nan, 2500.0], ['person_id'])
    >>> print(table.sentences[0])
    Recognised: fields are separated by semicolons; decimals are marked by commas.
    """
    path = table_file(path)
    if options is None:
        options = Options(dict(types or {}), _names(ignore), _names(id), _names(needed), separator, decimal)
    raw = read_parquet(path) if path.suffix.lower() in PARQUETS else read_text(path, options)
    return settle(raw, options, path)


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
