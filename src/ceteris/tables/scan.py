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
BORDER, ZERO, DIGIT, SIGN, LETTER = 1, 2, 3, 4, 5  # classes of bytes
PAD = 6  # bytes after a block that may be looked at


@dataclass
class Seen:
    """What was found.

    Attributes
    ----------
    separators, lines : int
        Those outside quotation marks; a line without fields counts too.
    zeros : set of int
        Columns in which a number begins with a zero that a number does not need, as in a postal code.
    rounds : set of int
        Columns with a field such as 1,250, in a file with decimal commas.
    encoding : str
        "utf-8", or the one that all bytes are of.
    """

    separators: int = 0
    lines: int = 0
    zeros: set[int] = field(default_factory=set)
    rounds: set[int] = field(default_factory=set)
    encoding: str = "utf-8"


def scan(source: Source, separator: str, decimal: str, line: int = 1) -> Seen:
    """Look at all records of a file; ``line`` is the number of the first."""
    seen, kinds, table = Seen(), set(), _classes(separator)
    for block in source.blocks():
        if b"\0" in block:
            raise ValueError(f"data: {source.path} has zero bytes, so that it is no text; save it as CSV in UTF-8.")
        if not valid_utf8(block):
            kinds.add(single_byte(block))
        look(seen, block, separator, decimal, table, f"data: {source.path}", line)
        line += int(np.count_nonzero(np.frombuffer(block, np.uint8) == 10))
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
    left, table = {*WORDS, *SIGNS}, _classes(separator)
    for block in source.blocks():
        left -= _marks(block, table, left)
    return {*WORDS, *SIGNS} - left


def _marks(block: bytes, table: bytes, wanted: set[str]) -> set[str]:
    """Return which marks are fields of a block of whole records."""
    x, kind = _padded(block, table)
    n = len(x) - PAD
    begin = (kind[: n - 1] == BORDER) & ((kind[1:n] == SIGN) | (kind[1:n] == LETTER))
    end = kind[2 : n + 1] == BORDER
    alone = x[1:n][begin & end]
    found = {sign for sign in wanted if len(sign) == 1 and (alone == ord(sign)).any()}
    longer = (kind[1:n] == LETTER) | (kind[2 : n + 1] == SIGN)  # no number begins with two signs
    places = np.flatnonzero(begin & longer & ~end) + 1
    for mark in (mark for mark in wanted if len(mark) > 1):
        fits = places
        for shift, letter in enumerate(mark):
            fits = fits[x[fits + shift] == ord(letter)]
        if (kind[fits + len(mark)] == BORDER).any():
            found.add(mark)
    return found


def look(seen: Seen, block: bytes, separator: str, decimal: str, table: bytes, where: str, line: int) -> None:
    r"""Add what is in one block of whole records.

    Examples
    --------
    >>> seen = Seen()
    >>> look(seen, b'01067,-\n"a,b",2\n', ",", ".", _classes(","), "data", 2)
    >>> seen.separators, seen.lines, seen.zeros
    (2, 2, {0})
    """
    x, kind = _padded(block, table)
    n = len(x) - PAD
    second = kind[2 : n + 1]
    zeros = ((kind[: n - 1] == BORDER) & (kind[1:n] == ZERO) & ((second == ZERO) | (second == DIGIT))).any()
    rounds = decimal == "," and ((x[: n - 1] == 44) & (kind[3 : n + 2] == ZERO) & (kind[4 : n + 3] == BORDER)).any()
    if not (zeros or rounds or QUOTE in block):
        seen.separators += int(np.count_nonzero(x == ord(separator)))
        seen.lines += int(np.count_nonzero(x == 10)) - 1 - PAD
        return
    parts, ends = _borders_outside(x, separator, where, line)
    seen.separators += int(np.count_nonzero(parts))
    seen.lines += int(np.count_nonzero(ends & (x == 10))) - 1 - PAD
    if zeros or rounds:
        _find_columns(seen, x, parts, ends, rounds)


def _padded(block: bytes, table: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of a block, with line ends around, and the class of each."""
    padded = b"\n" + block + b"\n" * PAD
    return np.frombuffer(padded, np.uint8), np.frombuffer(padded.translate(table), np.uint8)


def _classes(separator: str) -> bytes:
    """Return the class of each byte: what ends a field, a zero, another digit, a sign, the first letter of a word."""
    kinds = np.zeros(256, np.uint8)
    for letters, kind in (
        (f'{separator}\r\n"', BORDER),
        ("0", ZERO),
        ("123456789", DIGIT),
        ("-.?", SIGN),
        ("Nn#<", LETTER),
    ):
        kinds[[ord(letter) for letter in letters]] = kind
    return kinds.tobytes()


def _borders_outside(x: np.ndarray, separator: str, where: str, line: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where separators and line ends are that are not within quotation marks."""
    parts, ends, quotes = x == ord(separator), (x == 10) | (x == 13), x == 34
    if not quotes.any():
        return parts, ends
    inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)).view(bool)
    _refuse_stray(x, quotes, inside, parts | ends, where, line)
    return parts & ~inside, ends & ~inside


def _find_columns(seen: Seen, x: np.ndarray, parts: np.ndarray, ends: np.ndarray, rounds: bool) -> None:
    n = len(x) - PAD
    at = lambda mask, shift: mask[shift : n - 1 + shift]
    digit, borders = (x - np.uint8(48)) < 10, parts | ends | (x == 34)
    zeros = at(borders, 0) & (at(x, 1) == 48) & at(digit, 2)
    seen.zeros |= _columns(parts, ends, np.flatnonzero(zeros))
    if rounds:
        found = (at(x, 0) == 44) & at(digit, 1) & at(digit, 2) & (at(x, 3) == 48) & at(borders, 4)
        seen.rounds |= _columns(parts, ends, np.flatnonzero(found))


def _columns(parts: np.ndarray, ends: np.ndarray, places: np.ndarray) -> set[int]:
    """Return which columns the fields are in that these places are in or just before."""
    separators, lines = np.flatnonzero(parts), np.flatnonzero(ends)
    start = lines[np.searchsorted(lines, places, side="right") - 1]
    column = np.searchsorted(separators, places, side="right") - np.searchsorted(separators, start)
    return set(np.unique(column).tolist())


def _refuse_stray(x: np.ndarray, quotes: np.ndarray, inside: np.ndarray, borders: np.ndarray, where: str, line: int):
    """Raise where a quotation mark opens in mid-field, or something follows the one that closes."""
    opens, closes = np.flatnonzero(quotes & inside), np.flatnonzero(quotes & ~inside)
    fits = borders | quotes
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
