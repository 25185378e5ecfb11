"""One look at every byte of a text table, for what a parser does not say: what it skips, fills in or rounds.

A parser raises for a row with too many fields and fills one with too few; as many separators as rows need then mean
that every row has all its fields. Whole blocks are compared, so that the look costs a fraction of the parsing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ceteris.tables.source import QUOTE, Source, single_byte, valid_utf8

WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>")  # missing in every column
SIGNS = ("-", "--", ".", "..", "?", "None", "none")  # missing in a column of numbers, else a label
PAD = 6  # bytes after a block that may be looked at


@dataclass
class Seen:
    """What was found.

    Attributes
    ----------
    separators, lines : int
        Those outside quotation marks; a line without fields counts too.
    empty : int
        Fields without anything in them; -1 if they were not counted, in files of other line ends or quoted fields.
    zeros : set of int
        Columns in which a number begins with a zero that a number does not need, as in a postal code.
    rounds : set of int
        Columns with a field such as 1,250, in a file with decimal commas.
    encoding : str
        "utf-8", or the one that all bytes are of.
    """

    separators: int = 0
    lines: int = 0
    empty: int = 0
    zeros: set[int] = field(default_factory=set)
    rounds: set[int] = field(default_factory=set)
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Block:
    """Whole records as an array of bytes, with line ends before and after, and where these and separators are.

    ``quoted`` says whether there are quotation marks, ``other`` whether there are those or carriage returns.
    """

    x: np.ndarray
    separators: np.ndarray
    lines: np.ndarray
    borders: np.ndarray
    quoted: bool
    other: bool

    @property
    def places(self) -> int:
        """How many places have a byte before them and enough after them."""
        return len(self.x) - PAD - 1

    def at(self, mask: np.ndarray, shift: int) -> np.ndarray:
        """A mask seen from the place before each byte."""
        return mask[shift : self.places + shift]


def block_of(raw: bytes, separator: str) -> Block:
    """Find what ends a field in a block of whole records, within quotation marks too."""
    x = np.frombuffer(b"\n" + raw + b"\n" * PAD, np.uint8)
    separators, lines = x == ord(separator), x == 10
    borders, quoted = separators | lines, QUOTE in raw
    if quoted:
        borders |= x == 34
    returns = b"\r" in raw
    if returns:
        borders |= x == 13
    return Block(x, separators, lines, borders, quoted, quoted or returns)


def scan(source: Source, separator: str, decimal: str, line: int = 1) -> Seen:
    """Look at all records of a file; ``line`` is the number of the first."""
    seen, kinds = Seen(), set()
    for raw in source.blocks():
        if b"\0" in raw:
            raise ValueError(f"data: {source.path} has zero bytes, so that it is no text; save it as CSV in UTF-8.")
        if not valid_utf8(raw):
            kinds.add(single_byte(raw))
        block = block_of(raw, separator)
        look(seen, block, decimal, f"data: {source.path}", line)
        line += int(np.count_nonzero(block.lines)) - 1 - PAD
    seen.encoding = "latin-1" if "latin-1" in kinds else "cp1252" if kinds else source.encoding
    return seen


def marks_in(source: Source, separator: str) -> set[str]:
    r"""Return which fields of a file stand for a missing value, the empty one aside.

    Examples
    --------
    >>> from pathlib import Path
    >>> sorted(marks_in(Source(Path(), held=b'1,NA,-3\n"-",.5,2\n'), ","))
    ['-', 'NA']
    """
    left = {*WORDS, *SIGNS}
    for raw in source.blocks():
        left -= _marks(block_of(raw, separator), left)
    return {*WORDS, *SIGNS} - left


def _marks(block: Block, wanted: set[str]) -> set[str]:
    """Return which marks are fields of a block of whole records."""
    x, at = block.x, block.at
    sign, letter = _any_of(x, "-.?"), _any_of(x, "Nn#<")
    begin = at(block.borders, 0)
    alone = at(x, 1)[begin & at(sign, 1) & at(block.borders, 2)]
    found = {mark for mark in wanted if len(mark) == 1 and (alone == ord(mark)).any()}
    longer = begin & (at(letter, 1) | (at(sign, 1) & at(sign, 2)))  # no number begins with two signs
    places = np.flatnonzero(longer) + 1
    for mark in (mark for mark in wanted if len(mark) > 1):
        fits = places
        for shift, symbol in enumerate(mark):
            fits = fits[x[fits + shift] == ord(symbol)]
        if block.borders[fits + len(mark)].any():
            found.add(mark)
    return found


def _any_of(x: np.ndarray, symbols: str) -> np.ndarray:
    found = x == ord(symbols[0])
    for symbol in symbols[1:]:
        found |= x == ord(symbol)
    return found


def look(seen: Seen, block: Block, decimal: str, where: str, line: int) -> None:
    r"""Add what is in one block.

    Examples
    --------
    >>> seen = Seen()
    >>> look(seen, block_of(b'01067,-\n"a,b",2\n', ","), ".", "data", 2)
    >>> seen.separators, seen.lines, seen.zeros
    (2, 2, {0})
    """
    x, at = block.x, block.at
    parts, lines = block.separators, block.lines
    if block.quoted:
        inside = np.bitwise_xor.accumulate((x == 34).view(np.uint8)).view(bool)
        _refuse_stray(block, inside, where, line)
        parts, lines = parts & ~inside, lines & ~inside
    seen.separators += int(np.count_nonzero(parts))
    seen.lines += int(np.count_nonzero(lines)) - 1 - PAD
    _count_empty(seen, block)
    zeros = at(block.borders, 0) & (at(x, 1) == 48)
    if zeros.any():
        zeros &= at(x - np.uint8(48), 2) < 10
        seen.zeros |= _columns(parts, lines, np.flatnonzero(zeros)) if zeros.any() else set()
    if decimal == ",":
        _find_rounds(seen, block, parts, lines)


def _count_empty(seen: Seen, block: Block) -> None:
    if seen.empty < 0 or block.other:
        seen.empty = -1
        return
    at, lines = block.at, block.lines
    pairs = np.count_nonzero(at(block.borders, 0) & at(block.borders, 1))
    seen.empty += int(pairs) - int(np.count_nonzero(at(lines, 0) & at(lines, 1)))


def _find_rounds(seen: Seen, block: Block, parts: np.ndarray, lines: np.ndarray) -> None:
    x, at = block.x, block.at
    found = (at(x, 0) == 44) & (at(x, 3) == 48) & at(block.borders, 4)
    if found.any():
        digit = (x - np.uint8(48)) < 10
        found &= at(digit, 1) & at(digit, 2)
        seen.rounds |= _columns(parts, lines, np.flatnonzero(found))


def _columns(parts: np.ndarray, ends: np.ndarray, places: np.ndarray) -> set[int]:
    """Return which columns the fields are in that these places are in or just before."""
    separators, lines = np.flatnonzero(parts), np.flatnonzero(ends)
    start = lines[np.searchsorted(lines, places, side="right") - 1]
    column = np.searchsorted(separators, places, side="right") - np.searchsorted(separators, start)
    return set(np.unique(column).tolist())


def _refuse_stray(block: Block, inside: np.ndarray, where: str, line: int) -> None:
    """Raise where a quotation mark opens in mid-field, or something follows the one that closes."""
    x, quotes, fits = block.x, block.x == 34, block.borders
    opens, closes = np.flatnonzero(quotes & inside), np.flatnonzero(quotes & ~inside)
    wrong = np.concatenate([opens[~fits[opens - 1]], closes[~fits[closes + 1]]])
    line_of = lambda place: line + int(np.count_nonzero(x[1:place] == 10))
    if len(wrong):
        raise ValueError(
            f"{where} has a quotation mark in mid-field in line {line_of(wrong.min())}, so that it is not clear "
            "where the field ends; double it and put the whole field in quotation marks, or remove it."
        )
    if len(opens) > len(closes):
        raise ValueError(
            f"{where} cannot be read as a table (the quotation mark opened in line {line_of(opens[-1])} is still open "
            "at the EOF, the end of the file); check the file."
        )
