"""Numbers that are written as text: with thousands set apart, a decimal comma, a unit, or a sign for a missing one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ceteris.tables.scan import SIGNS, WORDS

GAPS = {",": "commas", ".": "points", " ": "spaces", "\u00a0": "spaces", "\u202f": "spaces", "'": "apostrophes",
        "\u2019": "apostrophes"}  # fmt: skip
UNITS = ("%", "€", "$", "£", "¥")
EXACT = 15  # digits that a number in double precision holds
MISSING = frozenset(("", *WORDS, *SIGNS))


def _pattern(decimal: str) -> str:
    point = re.escape(decimal)
    gaps = "|".join(
        rf"(?:{re.escape(gap)}\d{{3}})+(?:{point}\d+)?" for gap in GAPS if gap != decimal
    )  # one sort of gap in a number
    plain = rf"(?:\d+{point}\d*|{point}\d+|0|[1-9]\d*)(?:[eE][+-]?\d+)?"  # 007 is a code
    return rf"[+-]?(?:[1-9]\d{{0,2}}(?:{gaps})|{plain}|inf|Inf)"


PATTERNS = {decimal: _pattern(decimal) for decimal in ".,"}
ALL = {decimal: re.compile(rf"(?:{form}\n)*+") for decimal, form in PATTERNS.items()}
ONE = {decimal: re.compile(form) for decimal, form in PATTERNS.items()}


@dataclass(frozen=True)
class Written:
    """The distinct labels of a column of numbers: the numbers as text, and which labels stand for a missing one."""

    numbers: list[str]
    missing: np.ndarray
    unit: str
    point: bool
    comma: bool

    @property
    def marked(self) -> bool:
        """Whether some number has a point or comma in it."""
        return any("." in number or "," in number for number in self.numbers)


def written(labels: Sequence[str]) -> Written | None:
    """Take labels for numbers, or return None if they are none.

    Parameters
    ----------
    labels : sequence of str
        Distinct, without spaces around them.

    Examples
    --------
    >>> found = written(["1,000", "12,500", "-"])
    >>> found.point, found.comma, found.missing.tolist()
    (True, True, [False, False, True])
    >>> written(["1,5", "2.5"]) is None, written(["12 %", "3 %"]).unit
    (True, '%')
    """
    missing = np.array([label in MISSING for label in labels], bool)
    found = [label.replace("\u2212", "-") for label, gone in zip(labels, missing, strict=True) if not gone]
    unit = _unit(found)
    if unit:
        found = [number.replace(unit, "").strip() for number in found]
    if not found or any("\n" in number for number in found):
        return None
    joined = "\n".join(found) + "\n"
    point, comma = (ALL[decimal].fullmatch(joined) is not None for decimal in ".,")
    return Written(found, missing, unit, point, comma) if point or comma else None


def _unit(numbers: Sequence[str]) -> str:
    for unit in UNITS:
        if numbers and all(n.count(unit) == 1 and (n.startswith(unit) or n.endswith(unit)) for n in numbers):
            return unit
    return ""


def unpadded(labels: Sequence[str]) -> list[str]:
    """Return labels without the zeros that a number does not need.

    Examples
    --------
    >>> unpadded(["007", "-01.5", "0"])
    ['7', '-1.5', '0']
    """
    return [re.sub(r"^([+-]?)0+(?=\d)", r"\1", label) for label in labels]


def are_codes(labels: Sequence[str]) -> bool:
    """Whether labels are of digits, all equally many, and some begin with a zero, as postal codes do.

    Examples
    --------
    >>> are_codes(["01067", "80331"]), are_codes(["10115", "80331"])
    (True, False)
    """
    found = [label for label in labels if label not in MISSING]
    if not found or not all(len(label) == len(found[0]) > 1 and label.isdigit() for label in found):
        return False
    return any(label[0] == "0" for label in found)


def is_number(label: str) -> bool:
    """Whether a label is a number, however it is written."""
    return any(one.fullmatch(label) for one in ONE.values())


def gaps_of(numbers: Sequence[str], decimal: str) -> str:
    """Return what sets thousands apart, or nothing."""
    joined = "".join(numbers)
    return next((gap for gap in GAPS if gap != decimal and gap in joined), "")


def values_of(numbers: Sequence[str], decimal: str) -> np.ndarray:
    """Return the numbers, as integers if all are and none is too long.

    Examples
    --------
    >>> values_of(["1.000", "-2.500"], ","), values_of(["1.000,5"], ",")
    (array([ 1000, -2500]), array([1000.5]))
    """
    table = str.maketrans({gap: None for gap in GAPS if gap != decimal} | {decimal: "."})
    plain = [number.translate(table) for number in numbers]
    whole = all(number.lstrip("+-").isdigit() and len(number) <= EXACT for number in plain)
    return np.array([int(n) for n in plain], np.int64) if whole else np.array([float(n) for n in plain])


def contradiction(numbers: Sequence[str], decimal: str) -> tuple[str, str] | None:
    """Return two numbers that cannot both be of one hand: one such as 1,5, and 1,000 that would be written 1.

    A column that drops zeros at the end has no number with three decimals of which the last is one; there the mark may
    set thousands apart.

    Examples
    --------
    >>> contradiction(["1,5", "1,000"], ","), contradiction(["1,5", "1,125"], ",")
    (('1,000', '1,5'), None)
    """
    doubtful = re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(decimal)}\d\d0")
    odd = next((number for number in numbers if doubtful.fullmatch(number)), None)
    if odd is None:
        return None
    lengths = {number: len(number.rpartition(decimal)[2]) for number in numbers if decimal in number}
    other = next((number for number, length in lengths.items() if length != 3), None)
    return None if other is None else (odd, other)
