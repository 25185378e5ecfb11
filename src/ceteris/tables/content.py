"""What a column is: a quantity or a category to learn from, or a name, a date, a text that is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ceteris.tables.numbers import ONE, are_codes, is_number

ROWS = 20  # with up to so many rows, labels that are all different may be a category
MANY = 50  # a column of more labels than this, most of them seen once, is a name and not a category
MOST = 1_000  # more labels than this are no category
WHOLE = 2**53  # whole numbers above are not all held in double precision
MIXED = 10  # so many numbers among labels are a column of numbers with text in it

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:1[5-9]|2[0-2])\d\d"
_NAME = r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*\.?"
_TIME = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?"
_ZONE = r" ?(?:Z|UTC|[+-]\d\d:?\d\d)?"
_DATES = (
    rf"{_YEAR}([-/.]){_MONTH}\1{_DAY}",
    rf"{_DAY}([-/.]){_MONTH}\1(?:{_YEAR}|\d\d)",
    rf"{_MONTH}([-/.]){_DAY}\1(?:{_YEAR}|\d\d)",
    rf"{_DAY}[-. ]*{_NAME}[-., ]*{_YEAR}",
    rf"{_NAME} +{_DAY},? +{_YEAR}",
    rf"(?:{_NAME}[- ]?{_YEAR}|{_YEAR}[- ]?{_NAME})",
    rf"{_YEAR}-?(?:[mM]{_MONTH}|[qQ][1-4]|[hH][12]|[wW][0-5]?\d)",
    rf"{_YEAR}-(?:0[1-9]|1[0-2])",
)
DATES = tuple(re.compile(rf"{form}(?:[T ,]+{_TIME}{_ZONE})?", re.IGNORECASE) for form in _DATES)
TIME = re.compile(_TIME)
IDS = {"id", "ids", "uid", "uuid", "guid", "pid", "hid", "hhid", "caseid", "idno", "idnr", "pidp", "persnr"}
COUNTERS = {"index", "idx", "row", "rows", "rowname", "rownames", "nr", "no", "num", "obs", "case", "key", "serial",
            "lfdnr", "respondent", "person", "unnamed"}  # fmt: skip


def are_dates(labels: Sequence[str]) -> bool:
    """Whether all labels are dates or times of one form.

    Examples
    --------
    >>> are_dates(["2020-01-31", "2020-02-01"]), are_dates(["31.12.2019", "01.01.2020"]), are_dates(["01jan2020"])
    (True, True, True)
    >>> are_dates(["2020q1", "2020q2"]), are_dates(["08:30", "17:15"]), are_dates(["1-2", "3-4"])
    (True, True, False)
    """
    forms = [form for form in (*DATES, TIME) if labels and form.fullmatch(labels[0])]
    return any(all(form.fullmatch(label) for label in labels) for form in forms)


def why_text_is_left_out(labels: Sequence[str], counts: np.ndarray) -> str:
    """Return what a column of labels is if it is not a category, else nothing.

    Parameters
    ----------
    labels : sequence of str
        Distinct.
    counts : int array
        How often each occurs.

    Examples
    --------
    >>> why_text_is_left_out([f"P{i}" for i in range(30)], np.ones(30, int))
    'labels that are all different, as those of an identifier'
    >>> why_text_is_left_out(["red", "blue"], np.array([3, 4]))
    ''
    """
    distinct, rows = len(labels), int(counts.sum())
    if are_dates(labels):
        return f"dates or times, such as {labels[0]!r}"
    numbers = [] if are_codes(labels) else [label for label in labels if is_number(label)]
    if len(numbers) >= max(MIXED, distinct / 2):
        return _mixture(labels, numbers)
    return why_labels_are_left_out(distinct, rows)


def why_labels_are_left_out(distinct: int, rows: int) -> str:
    """Return what a column is whose labels are so many in so many rows, or nothing if they are a category.

    Examples
    --------
    >>> why_labels_are_left_out(60, 100), why_labels_are_left_out(60, 1000)
    ('60 different labels in 100 rows, as names or free text do', '')
    """
    if distinct == rows and rows > ROWS:
        return "labels that are all different, as those of an identifier"
    if distinct > MANY and distinct > rows / 2:
        return f"{distinct:,} different labels in {rows:,} rows, as names or free text do"
    if distinct > MOST:
        return f"{distinct:,} different labels, more than categories do"
    return ""


def _mixture(labels: Sequence[str], numbers: Sequence[str]) -> str:
    """What a column holds in which some labels are numbers, or all are, but in two ways."""
    odd = next((label for label in labels if not is_number(label)), None)
    if odd is not None:
        return f"numbers and text, such as {numbers[0]!r} and {_short(odd)}"
    ways = [next((n for n in numbers if not ONE[mark].fullmatch(n)), numbers[0]) for mark in ".,"]
    return f"numbers written in two ways, such as {ways[0]!r} and {ways[1]!r}"


def why_numbers_are_left_out(name: Any, column: pd.Series) -> str:
    """Return what a column of numbers is if it is not a quantity, else nothing.

    Examples
    --------
    >>> why_numbers_are_left_out("respondent_id", pd.Series([1017, 1002, 1055]))
    'whole numbers that are all different, under the name of an identifier'
    >>> why_numbers_are_left_out("age", pd.Series([17, 18, 19])), why_numbers_are_left_out("id", pd.Series([0.5, 1.5]))
    ('', '')
    """
    if column.dtype.kind in "iu" and column.abs().max() > WHOLE and column.is_unique:
        return "long numbers that are all different, as those of an identifier"
    if column.dtype.kind == "f" and is_broken(column.to_numpy()[:100]):
        return ""  # most quantities are told by their first rows
    values = column.dropna().to_numpy(dtype=float)
    if len(values) < 3 or not np.isfinite(values).all() or (values != np.round(values)).any():
        return ""
    if _are_days(values):
        return f"days as numbers, such as {values[0]:.0f}"
    words = set(re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", str(name)).lower()))
    if not words & (IDS | COUNTERS) or len(np.unique(values)) < len(values):
        return ""
    if words & IDS or values.max() - values.min() + 1 == len(values):
        return "whole numbers that are all different, under the name of an identifier"
    return ""


def is_broken(values: np.ndarray) -> bool:
    """Whether some finite number is not whole.

    Examples
    --------
    >>> is_broken(np.array([1.0, np.nan])), is_broken(np.array([1.0, 2.5]))
    (False, True)
    """
    with np.errstate(invalid="ignore"):
        return bool((np.isfinite(values) & (values != np.round(values))).any())


def _are_days(values: np.ndarray) -> bool:
    """Whether all numbers are days such as 20200131."""
    if values.min() < 15_000_101 or values.max() > 22_001_231 or len(np.unique(values)) < 3:
        return False
    month, day = values // 100 % 100, values % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _short(label: str) -> str:
    return repr(label if len(label) <= 30 else label[:29] + "…")
