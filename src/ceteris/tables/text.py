"""Text files: from bytes to columns of plain numbers and columns of text, every row held against the first."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ceteris.tables.content import is_broken
from ceteris.tables.dialect import (
    DECIMALS,
    SEPARATORS,
    Dialect,
    Opening,
    choose,
    open_rows,
    ragged,
    with_encoding,
    written_with,
)
from ceteris.tables.header import names_of
from ceteris.tables.options import Options
from ceteris.tables.scan import SIGNS, WORDS, marks_in, scan
from ceteris.tables.source import Source, open_source
from ceteris.tables.table import Raw


def read_text(path: Path, options: Options) -> Raw:
    """Read a text file of any dialect; raise where rows are not alike."""
    separator = choose("separator", options.separator, SEPARATORS)
    decimal = choose("decimal", options.decimal, DECIMALS)
    opening = open_rows(open_source(path), separator)
    width = _refuse_uneven(opening, path)
    names, notes = names_of((*opening.header, *[""] * (width - len(opening.header))), f"data: {path}")
    mark = decimal or ("," if written_with(opening.rows, opening.separator, ",") else ".")
    seen = scan(opening.rows, opening.separator, mark, opening.line)
    rows = with_encoding(opening.rows, seen.encoding)
    parse = partial(_parse, rows, opening.separator, mark, width)
    labelled = {names.index(name) for name, kind in options.types.items() if kind == "category" and name in names}
    text = labelled | seen.zeros | seen.rounds
    frame = _numbers(parse, text, partial(_refuse_ragged, opening, rows, width, path))
    if seen.separators != (width - 1) * len(frame):
        _refuse_ragged(opening, rows, width, path)
        raise ValueError(f"data: {path} has rows that cannot be told apart; check its quotation marks and line ends.")
    missing = sum(int(frame[place].isna().sum()) for place in frame if frame[place].dtype.kind not in "iu")
    marks = marks_in(rows, opening.separator) if missing and missing != seen.empty else set()
    _read_texts(frame, parse, text, marks)
    form = Dialect(opening.separator, mark, rows.written, _newline(opening.rows))
    titles = {names[0]: ""} if not opening.header[0].strip() else {}
    raw = _finish(frame, names, parse, form, titles, [*opening.notes, *notes])
    raw.notes += _sentences(raw.frame, marks, seen.lines - len(frame))
    raw.native, raw.doubtful = _evidence(raw.frame, opening, mark, decimal)
    return raw


def _refuse_uneven(opening: Opening, path: Path) -> int:
    """Return how many fields the rows have: as many as there are names, or one more that is always empty."""
    names = len(opening.header)
    with opening.rows.text() as file:
        first = next((row for row in csv.reader(file, delimiter=opening.separator) if any(row)), None)
    if first is None:
        raise ValueError(f"data: {path} has 0 rows and {names} columns; give a table with rows.")
    if len(first) == names + 1 and ragged(opening.rows, opening.separator, names + 1) is None:
        if not first[-1].strip() and _last_is_empty(opening):
            return names + 1
        raise ValueError(
            f"data: {path} has {names} names in its first row, but every row has {names + 1} fields; name all columns "
            "(also one that holds names of rows), and put a number or text that holds the separator in quotation marks."
        )
    if len(first) != names:
        _refuse_ragged(opening, opening.rows, names, path)
    return names


def _last_is_empty(opening: Opening) -> bool:
    with opening.rows.open() as file:
        ends = (line.rstrip() if opening.separator != "\t" else line.rstrip(b"\r\n ") for line in file)
        return all(line.endswith(opening.separator.encode()) for line in ends if line)


def _refuse_ragged(opening: Opening, rows: Source, width: int, path: Path) -> None:
    """Raise for the first row with another number of fields than the names, naming its line."""
    found = ragged(rows, opening.separator, width, opening.line)
    if found is not None:
        line, count = found
        mark = SEPARATORS[opening.separator]
        raise ValueError(
            f"data: {path} has {count} field(s) in line {line}, but {width} names in its first row (fields are "
            f"separated by {mark}); correct that line, and put a field that holds the separator in quotation marks."
        )


# ------------------------------------------------------------------------------------------------ parsing


def _parse(rows: Source, separator: str, decimal: str, width: int, use: Sequence[int] | None = None,
           text: Iterable[int] = (), missing: Any = WORDS) -> pd.DataFrame:  # fmt: skip
    """Read columns by their places; those of ``text`` as text, with missing values for ``missing`` and empty fields."""
    use = range(width) if use is None else use
    text = set(text)
    with rows.open() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # columns of several sorts are read again as text
        return pd.read_csv(
            file, sep=separator, decimal=decimal, header=None, names=list(range(width)), index_col=False,
            usecols=None if len(use) == width else list(use), dtype={place: str for place in text},
            keep_default_na=False, na_filter=missing is not None, encoding=rows.encoding,
            na_values={j: ["", *(WORDS if j in text else missing or ())] for j in use},
        )  # fmt: skip


def _numbers(parse: Callable, text: set[int], refuse: Callable) -> Any:
    """Read all columns, for a start with all signs for missing values that a column of numbers may have."""
    try:
        return parse(text=text, missing=WORDS + SIGNS)
    except pd.errors.ParserError as error:
        refuse()
        raise ValueError(f"data: the file cannot be read as a table ({error}); check it.") from None


def _read_texts(frame: Any, parse: Callable, text: set[int], marks: set[str]) -> None:
    """Read columns again that are text: truth values, several sorts, or signs that may be labels."""
    again = [place for place in frame if place not in text and _again(frame[place], marks)]
    if again:
        fresh = parse(use=again, text=again)
        for place in again:
            frame[place] = fresh[place]


def _again(column: Any, marks: set[str]) -> bool:
    if column.dtype.kind in "iuf":
        return False
    if column.dtype.kind == "b" or pd.api.types.infer_dtype(column, skipna=True) != "string":
        return True
    return bool(marks.intersection(SIGNS)) and column.hasnans


def _finish(frame: Any, names: Sequence[str], parse: Callable, form: Dialect, titles: dict,
            notes: list[str]) -> Raw:  # fmt: skip
    """Leave out columns without a name, which must be empty, and rows without a value."""
    places = {name: place for place, name in enumerate(names) if name}
    nameless = [place for place, name in enumerate(names) if not name]
    if any(frame[place].notna().any() for place in nameless):
        raise ValueError(
            f"data: column {nameless[0] + 1} has no name, but holds values; give every column a name in the first row."
        )
    if nameless:
        notes.append("Separators at the end of the rows are left out: nothing follows them.")
    frame = frame[list(places.values())]
    frame.columns = list(places)
    keep = _filled(frame)
    if keep is not None:
        frame = frame[keep].reset_index(drop=True)
        notes.append(f"{int((~keep).sum()):,} row(s) without any value are left out.")
    if frame.empty:
        raise ValueError(f"data: the file has {len(frame)} rows and {frame.shape[1]} columns; give a table with rows.")

    def again(wanted: Sequence[str]) -> pd.DataFrame:
        use = [places[name] for name in wanted]
        text: Any = parse(use=use, text=use, missing=None)
        text = text if keep is None else text[keep].reset_index(drop=True)
        return text.rename(columns={places[name]: name for name in wanted})[list(wanted)]

    return Raw(frame, again, form, titles, notes)


def _filled(frame: pd.DataFrame) -> np.ndarray | None:
    """Return which rows hold a value, or None if all do."""
    empty = np.ones(len(frame), bool)
    for name in frame:
        empty &= frame[name].isna().to_numpy()
        if not empty.any():
            return None
    return ~empty


def _newline(rows: Source) -> str:
    with rows.open() as file:
        return "\r\n" if file.readline().endswith(b"\r\n") else "\n"


# ------------------------------------------------------------------------------------------------ what is said


def _sentences(frame: Any, found: set[str], empty: int) -> list[str]:
    said = [f"{empty:,} empty line(s) are left out."] if empty else []
    numbers = [name for name in frame if frame[name].dtype.kind == "f" and frame[name].isna().any()]
    if found and numbers:
        marks = ", ".join(map(repr, sorted(found)))
        listed = ", ".join(repr(name) for name in numbers[:8]) + (", …" if len(numbers) > 8 else "")
        said.append(f"In columns of numbers {marks} and empty fields are missing values (there are some in {listed}).")
    words = found.intersection(WORDS)
    labels = [name for name in frame if frame[name].dtype.kind not in "iuf" and frame[name].isna().any()]
    if words and labels:
        marks, listed = ", ".join(map(repr, sorted(words))), ", ".join(map(repr, labels[:8]))
        said.append(f"In columns of labels {marks} and empty fields are missing values (there are some in {listed}).")
    return said


def _evidence(frame: Any, opening: Opening, mark: str, given: str | None) -> tuple[dict[str, str], str | None]:
    """Return which column of plain numbers shows the decimal mark, and one that leaves it open."""
    fractions = next(
        (name for name in frame if frame[name].dtype.kind == "f" and is_broken(frame[name].to_numpy())), None
    )
    if fractions is None or given is not None:
        return {}, None
    if mark == "," or opening.separator != ";" or written_with(opening.rows, opening.separator, "."):
        return {mark: fractions}, None
    return {}, fractions
