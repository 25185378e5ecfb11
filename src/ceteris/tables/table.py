"""A table as it was read: what to learn from, what was left out, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ceteris.files import replacing
from ceteris.outlets import data_csv
from ceteris.results import Section, Table
from ceteris.tables.dialect import Dialect
from ceteris.tables.source import MARKS

WHOLE = 2.0**53  # whole numbers above are not all held in double precision
ORDERED = {codec: mark for mark, codec in MARKS.items() if codec != "utf-8-sig"}


@dataclass
class Raw:
    """What a file holds, before it is decided what its columns are.

    Attributes
    ----------
    frame : DataFrame
        Numbers where all fields of a column are plain ones, else text.
    again : callable
        ``again(names)`` returns columns as they are in the file.
    dialect : Dialect or None
        None for Parquet.
    titles : mapping
        Names that the file has otherwise.
    notes : list of str
    native : mapping of decimal mark to column
        A column of plain numbers that shows which mark it is.
    doubtful : column or None
        One of plain numbers in which the mark may set thousands apart.
    """

    frame: pd.DataFrame
    again: Callable[[Sequence[str]], pd.DataFrame]
    dialect: Dialect | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    native: Mapping[str, str] = field(default_factory=dict)
    doubtful: str | None = None


@dataclass(frozen=True, eq=False)
class ReadTable:
    """A table as it was read.

    Attributes
    ----------
    frame : DataFrame
        What to learn from.
    left_out : mapping of column to str
        What the other columns hold.
    doubts : mapping of column to str
        What a column that is needed would have been left out for.
    again : callable
        ``again(names)`` returns columns as they are in the file.
    sentences : tuple of str
        What was recognised, converted and left out; empty for a plain table.
    order : tuple
        All columns as in the file.
    titles : mapping
        Names that the file has otherwise.
    dialect : Dialect or None
        How the file is written; None for Parquet.
    path : Path
    """

    frame: pd.DataFrame
    left_out: Mapping[Any, str]
    doubts: Mapping[Any, str]
    again: Callable[[Sequence[Any]], pd.DataFrame]
    sentences: tuple[str, ...]
    order: tuple[Any, ...]
    titles: Mapping[Any, str]
    dialect: Dialect | None
    path: Path

    @cached_property
    def carried(self) -> pd.DataFrame:
        """The columns that were left out, as they are in the file; they are read when first asked for."""
        return self.again(list(self.left_out)) if self.left_out else pd.DataFrame(index=self.frame.index)

    def section(self) -> Section:
        r"""Return how the table was read as a part of a report.

        Examples
        --------
        >>> import tempfile
        >>> from ceteris.tables import read_table
        >>> path = Path(tempfile.mkdtemp()) / "plain.csv"
        >>> _ = path.write_text("x,y\n1,2\n3,4\n")
        >>> section = read_table(path).section()
        >>> section.title, section.text
        ('How the table was read', '2 rows and 2 columns, as plain CSV.')
        """
        plain = "as plain CSV" if self.dialect is not None else "from Parquet"
        size = f"{_count(len(self.frame), 'row')} and {_count(len(self.order), 'column')}"
        text = "\n\n".join((f"{size}.", *self.sentences)) if self.sentences else f"{size}, {plain}."
        kinds = [self._kind(name) for name in self.order]
        frame = pd.DataFrame({"column": [str(name) for name in self.order], "read as": kinds})
        return Section("How the table was read", text, (Table("Columns", frame),))

    def _kind(self, name: Any) -> str:
        if name in self.left_out:
            return f"left out: {self.left_out[name]}"
        return "numbers" if pd.api.types.is_numeric_dtype(self.frame[name].dtype) else "labels"

    def without(self, names: Sequence[Any], reason: str) -> ReadTable:
        """Return the table with further columns left out for a reason."""
        if not names:
            return self
        said = tuple(sentence_of(name, reason) for name in names)
        return replace(self, frame=self.frame.drop(columns=list(names)),
                       left_out={**self.left_out, **dict.fromkeys(names, reason)},
                       sentences=(*self.sentences, *said))  # fmt: skip

    def whole(self, frame: Any) -> pd.DataFrame:
        """Return rows of `frame` with the columns that were left out, in the order of the file."""
        parts = {name: self._like(frame[name]) if name in frame else self.carried[name] for name in self.order}
        return pd.DataFrame(parts, index=frame.index).rename(columns=dict(self.titles))

    def _like(self, column: Any) -> pd.Series:
        """Return a completed column of whole numbers as such: with holes a text file's are read as floats."""
        if self.dialect is None or column.dtype.kind != "f" or column.hasnans:
            return column
        whole = (column == column.round()) & (column.abs() < WHOLE)
        return column.astype("int64") if whole.all() and self.frame[column.name].hasnans else column

    def write(self, frame: pd.DataFrame, path: Path) -> Path:
        """Write a table as the file is written: beside its name, then under it, so that it is whole or not there."""
        if self.dialect is not None:
            return self.write_text(frame, path)
        with replacing(path) as fresh:
            frame.to_parquet(fresh)
        return path

    def write_text(self, frame: pd.DataFrame, path: Path) -> Path:
        """Write a table as text, with the separator, decimal mark and encoding of the file if it is text."""
        form = self.dialect or Dialect()
        layout = {"sep": form.separator, "decimal": form.decimal, "lineterminator": form.newline}
        mark = ORDERED.get(form.encoding)
        with replacing(path) as fresh:
            if mark is None:
                data_csv(frame, fresh, encoding=form.encoding, **layout)
            else:  # the codec would write no mark, and one with a mark its own order of bytes
                fresh.write_bytes(mark + str(data_csv(frame, **layout)).encode(form.encoding))
        return path


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}" + "s" * (n != 1)


def sentence_of(name: Any, reason: str) -> str:
    """Say that a column is left out."""
    what = reason if "asked for by" not in reason else f"what is not to be used, {reason}"
    return f"Column {name!r} is left out: it holds {what}."


def plain(frame: Any, path: Any) -> ReadTable:
    """Return a data frame as if it were read from a plain file of this name.

    Examples
    --------
    >>> plain(pd.DataFrame({"x": [1.0]}), "t.csv").section().text
    '1 row and 1 column, as plain CSV.'
    """
    path = Path(path)
    form = None if path.suffix.lower() in (".parquet", ".pq") else Dialect()
    return ReadTable(frame, {}, {}, lambda names: frame[list(names)], (), tuple(frame.columns), {}, form, path)
