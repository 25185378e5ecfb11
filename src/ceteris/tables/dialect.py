"""How a text table is written: what separates its fields, what marks its decimals, what its first row says."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ceteris.arguments import one_of
from ceteris.tables.source import QUOTE, Source, single_byte, valid_utf8

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
DECIMALS = {".": "points", ",": "commas"}
NAMED = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "\\t": "\t", "point": "."}
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a byte order mark", "cp1252": "Windows-1252 (it is not UTF-8)",
             "latin-1": "Latin-1 (it is not UTF-8)", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
             "utf-32-le": "UTF-32", "utf-32-be": "UTF-32"}  # fmt: skip
SAMPLE = 1 << 18  # bytes that a first guess is made from; all rows are then held against it


@dataclass(frozen=True)
class Dialect:
    """How the fields of a text table are written."""

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    newline: str = "\n"

    @property
    def sentence(self) -> str:
        """What was recognised, if it is not the plain default."""
        said = []
        if self.separator != ",":
            said.append(f"fields are separated by {SEPARATORS[self.separator]}")
        if self.decimal != ".":
            said.append(f"decimals are marked by {DECIMALS[self.decimal]}")
        if self.encoding != "utf-8":
            said.append(f"the encoding is {ENCODINGS[self.encoding]}")
        return f"Recognised: {'; '.join(said)}." if said else ""


@dataclass(frozen=True)
class Opening:
    """The first row of a file: names as they are written, and where the rows begin."""

    header: tuple[str, ...]
    separator: str
    rows: Source
    line: int
    notes: tuple[str, ...] = ()


def choose(argument: str, given: str | None, allowed: dict[str, str]) -> str | None:
    """Return a separator or decimal mark that was asked for, by itself or by name."""
    return None if given is None else one_of(argument, NAMED.get(given, given), allowed)


def open_rows(source: Source, given: str | None) -> Opening:
    """Find the separator and the first row of a file; leading comments are passed over."""
    sample = b"".join(block for block, _ in zip(source.blocks(SAMPLE), range(1), strict=False))
    if not sample.strip():
        raise ValueError(
            f"data: {source.path} cannot be read as a table (No columns to parse from file); check the file."
        )
    source, sample, line, notes, hint = _pass_over(source, sample)
    encoding = source.encoding if valid_utf8(sample) else single_byte(sample)
    text = sample.decode(encoding, "replace")
    separator = given or hint or _separator(text, source, line)
    header = next(_records(text, separator), (0, []))[1]
    length, lines = _first(sample)
    return Opening(tuple(header), separator, with_encoding(source, encoding).after(length), line + lines, tuple(notes))


def _pass_over(source: Source, sample: bytes) -> tuple[Source, bytes, int, list[str], str | None]:
    """Leave out empty lines, comments and the line by which a spreadsheet is told the separator."""
    line, notes, hint = 1, [], None
    lines = sample.split(b"\n")
    comments = _comments(lines)
    while True:
        first, _, rest = sample.partition(b"\n")
        word = first.strip().strip(b'"').lower()
        if word.startswith(b"sep=") and line == 1 and word[4:5].decode("latin-1") in {*SEPARATORS, ""}:
            hint = word[4:5].decode("latin-1") or "\t"
        elif comments and word:
            comments -= 1
            notes.append(line)
        elif word or not rest:
            break
        source, sample, line = source.after(len(first) + 1), rest, line + 1
    said = [f"{len(notes)} line(s) beginning with # before the names are left out as comments."] if notes else []
    return source, sample, line, said, hint


def _comments(lines: list[bytes]) -> int:
    """Return how many leading lines begin with # and are no row of names: the row after them has other fields."""
    filled = [line for line in lines if line.strip()]
    n = next((i for i, line in enumerate(filled) if not line.startswith(b"#")), len(filled))
    if n != 1:
        return n
    fields = lambda line: max((line.count(s.encode()) for s in SEPARATORS), default=0)
    return 0 if len(filled) > 1 and fields(filled[0]) == fields(filled[1]) > 0 else 1


def _first(sample: bytes) -> tuple[int, int]:
    """Return bytes and lines of the first record, which may hold line ends within quotation marks."""
    end, lines = 0, 0
    while True:
        end, lines = sample.find(b"\n", end) + 1, lines + 1
        if end == 0:
            return len(sample), lines
        if sample.count(b'"', 0, end) % 2 == 0:
            return end, lines


# ------------------------------------------------------------------------------------------------ separators


def _separator(text: str, source: Source, line: int) -> str:
    """Return the separator by which all rows have as many fields as the first; refuse where two are."""
    counts = {mark: [len(row) for _, row in _records(text, mark)] for mark in SEPARATORS}
    several = {mark: found for mark, found in counts.items() if found and found[0] > 1}
    even = [mark for mark, found in several.items() if _even(found)]
    if len(even) > 1:
        even = [mark for mark in even if ragged(source, mark, counts[mark][0], line) is None]
    if len(even) > 1:
        found = " and ".join(f"{SEPARATORS[mark]} ({counts[mark][0]} columns)" for mark in even)
        raise ValueError(
            f"data: {source.path} can be read as separated by {found}, and every row agrees with either; say which by "
            "separator (--separator)."
        )
    if even:
        return even[0]
    if several:  # no separator fits all rows: take the one that fits most of them, and let the rows be refused
        share = {mark: Counter(found)[found[0]] / len(found) for mark, found in several.items()}
        return max(share, key=lambda mark: (share[mark], -list(SEPARATORS).index(mark)))
    return next((mark for mark, found in counts.items() if set(found) == {1}), ",")


def _even(counts: list[int]) -> bool:
    """Whether rows have as many fields as the first, or all of them one more, which may be an empty one."""
    return set(counts[1:]) in ({counts[0]}, {counts[0] + 1}, set())


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error:  # an enormous field: what is wrong with it is said by the look at all rows
        return


def ragged(source: Source, separator: str, expected: int, line: int = 1) -> tuple[int, int] | None:
    """Return line and number of fields of the first row with another number of fields than expected.

    Parameters
    ----------
    source : Source
    separator : str
    expected : int
    line : int
        The number of the first line.
    """
    with source.text() as file:
        reader = csv.reader(file, delimiter=separator)
        before = 0
        try:
            for row in reader:
                if row and len(row) != expected and not (len(row) == 1 and not row[0].strip()):
                    return line + before, len(row)
                before = reader.line_num
        except csv.Error as error:
            raise ValueError(f"data: {source.path} has no readable row in line {line + before} ({error}).") from None
    return None


# ------------------------------------------------------------------------------------------------ decimals


def written_with(source: Source, separator: str, mark: str) -> bool:
    """Whether some field is a number in which a mark can only be the decimal one: 1,5 or 0,125, not 1,125.

    Examples
    --------
    >>> from pathlib import Path
    >>> text = lambda fields: Source(Path(), held=fields)
    >>> written_with(text(b"1,125;2"), ";", ","), written_with(text(b"1,125;2,5"), ";", ",")
    (False, True)
    """
    between = re.escape(separator).encode() + rb"\r\n" if mark != separator else b""  # else only in quotation marks
    begin, end = rb'["%s][ ]?[+-]?' % between, rb'(?=[ ]?["%s])' % between
    point, other = re.escape(mark).encode(), re.escape("," if mark == "." else ".").encode()
    forms = rb"(?:(?:0|\d{4,})?%s\d+|\d+%s(?:\d{1,2}|\d{4,})|[1-9]\d{0,2}(?:%s\d{3})+%s\d+)"
    pattern = re.compile(begin + forms % (point, point, other, point) + end)
    may = _quoted_numbers if mark == separator else lambda block: mark.encode() in block
    return any(may(block) and pattern.search(b"\n" + block) for block in source.blocks())


def _quoted_numbers(block: bytes) -> bool:
    """Whether some quotation mark is followed by what a number begins with; a quick look before a slow one."""
    if QUOTE not in block:
        return False
    x = np.frombuffer(block, np.uint8)
    after = x[1:][x[:-1] == 34]
    return bool(((after - np.uint8(48) < 10) | np.isin(after, (32, 43, 45))).any())


def with_encoding(source: Source, encoding: str) -> Source:
    """Return a file with the encoding that all its bytes are of, if it is not yet known that they are not UTF-8."""
    if source.held is not None or encoding in ("utf-8", source.encoding):
        return source
    if source.written == "utf-8-sig":
        raise ValueError(f"data: {source.path} begins as UTF-8 does, but holds bytes that are none; save it as UTF-8.")
    return replace(source, encoding=encoding, written=encoding)
