"""Decide what the columns of a file are: numbers from text, categories, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ceteris.tables import numbers
from ceteris.tables.content import (
    MOST,
    are_dates,
    why_labels_are_left_out,
    why_numbers_are_left_out,
    why_text_is_left_out,
)
from ceteris.tables.dialect import DECIMALS, choose
from ceteris.tables.options import Options
from ceteris.tables.parquet import each_column, is_time
from ceteris.tables.scan import SIGNS
from ceteris.tables.table import Raw, ReadTable, sentence_of

OVERRIDE = "A column that is left out is used if it is said what it is: --types COLUMN=number or COLUMN=category."


def settle(raw: Raw, options: Options, path: Path) -> ReadTable:
    """Return the table to learn from, with a sentence for everything that is not plain."""
    options.refuse_unknown(tuple(raw.frame.columns))
    reasons = {name: options.reason(name) for name in raw.frame if options.reason(name)}
    looks = {name: Look(raw.frame[name], options.types.get(name)) for name in raw.frame
             if name not in reasons and _is_text(raw.frame[name])}  # fmt: skip
    mark = _decimal(raw, looks, f"data: {path}", options.decimal)
    columns, said = {}, []
    for name in raw.frame:
        if name in reasons:
            continue
        column, reason, sentences = _settle(name, raw.frame[name], looks.get(name), mark, options, f"data: {path}")
        columns[name], reasons[name] = column, reason
        said += sentences if not reason or name in options.needed else []
    reasons = {name: reasons[name] for name in raw.frame}
    doubts = {name: reason for name, reason in reasons.items() if reason and name in options.needed}
    left = {name: reason for name, reason in reasons.items() if reason and name not in options.needed}
    frame = pd.DataFrame({name: column for name, column in columns.items() if name not in left}, index=raw.frame.index)
    first = [raw.dialect.sentence] if raw.dialect is not None and raw.dialect.sentence else []
    sentences = (*first, *raw.notes, *said, *(sentence_of(name, why) for name, why in left.items()))
    if any("asked for by" not in why for why in left.values()):
        sentences += (OVERRIDE,)
    if frame.shape[1] == 0:
        raise ValueError(f"data: {path} has no column to learn from ({' '.join(sentences)}); say what one is by types.")
    return ReadTable(frame, left, doubts, raw.again, sentences, tuple(raw.frame.columns), raw.titles, raw.dialect, path)


def survey_parquet(path: Path, options: Options) -> tuple[dict[str, str], list[str]]:
    """Return which columns of a Parquet file that is too large to be held are left out and why, and the sentences.

    Numbers written as text are left out too: a file that is completed part by part keeps its types.
    """
    left, said, names = {}, [], []
    for name, column in each_column(path):
        names.append(name)
        reason = options.reason(name)
        look = Look(column, options.types.get(name)) if not reason and _is_text(column) else None
        if look is not None and look.numbers:
            reason = "numbers written as text"
        elif not reason:
            _, reason, _ = _settle(name, column, look, ".", options, f"data: {path}")
        if reason and name not in options.needed:
            left[name] = reason
            said.append(sentence_of(name, reason))
    options.refuse_unknown(names)
    return left, said


class Look:
    """What the labels of a column of text are; the labels themselves only where they are few."""

    def __init__(self, column: Any, kind: str | None):
        codes, found = pd.factorize(column)
        self.codes = codes if len(found) <= MOST else None
        self.found = found if len(found) <= MOST else None
        self.reason = ""
        self.point = self.comma = self.marked = False
        self.example = ""
        if kind == "category":
            return
        if kind is None and len(found) > MOST:
            self.reason = _reason_of_many(found, int((codes >= 0).sum()))
            if self.reason:
                return
        self._weigh(_stripped(found), kind)

    def _weigh(self, labels: list[str], kind: str | None) -> None:
        """Find out whether labels are numbers, and with which decimal mark."""
        found = numbers.written(numbers.unpadded(labels) if kind == "number" else labels)
        if found is not None:
            self.point, self.comma, self.marked = found.point, found.comma, found.marked
            self.example = next((n for n in found.numbers if "," in n or "." in n), "")

    @property
    def numbers(self) -> bool:
        """Whether all labels are numbers."""
        return self.point or self.comma


def _reason_of_many(found: Any, rows: int) -> str:
    """Why a column of very many labels is left out; nothing if it may be one of numbers, which takes a closer look."""
    some = _stripped(found[:MOST])
    if numbers.written(some) is not None or are_dates(some) or sum(map(numbers.is_number, some)) >= len(some) / 2:
        return ""
    return why_labels_are_left_out(len(found), rows)


def _stripped(found: Any) -> list[str]:
    return [str(label).strip() for label in found]


def _is_text(column: Any) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "iufbmM":
        return False
    return pd.api.types.infer_dtype(column, skipna=True) == "string"


def _labels(column: Any, look: Look) -> tuple[np.ndarray, list[str], list[str]]:
    """Return the code of each row (-1 for a missing value), and the labels without and with spaces around them."""
    kept: Any = (look.codes, look.found) if look.codes is not None else pd.factorize(column)
    codes, found = kept
    raw = [str(label) for label in found]
    return codes, [label.strip() for label in raw], raw


def _decimal(raw: Raw, looks: dict[str, Look], where: str, given: str | None) -> str:
    """Return the decimal mark of all numbers written as text; refuse where columns disagree or none can tell."""
    if given is not None:
        return raw.dialect.decimal if raw.dialect is not None else str(choose("decimal", given, DECIMALS))
    shown = {mark: [raw.native[mark]] if mark in raw.native else [] for mark in DECIMALS}
    for name, look in looks.items():
        if look.marked and look.point != look.comma:
            shown["." if look.point else ","].append(name)
    if shown["."] and shown[","]:
        raise ValueError(
            f"{where} has decimal points in column {shown['.'][0]!r} and decimal commas in column {shown[','][0]!r}; "
            "write both alike, or leave one of them out by ignore (--ignore)."
        )
    found = next((mark for mark, names in shown.items() if names), None)
    native = raw.dialect.decimal if raw.dialect is not None else "."
    found = "," if native == "," and found is None else found
    doubtful = found == "," and native == "." and raw.doubtful is not None
    if (found is not None and not doubtful) or raw.dialect is None or raw.dialect.separator == ",":
        return found or "."
    open_ = next(((name, look.example) for name, look in looks.items() if look.marked), None)
    open_ = open_ or ((raw.doubtful, "1.234") if raw.doubtful is not None else None)
    if open_ is None:
        return "."
    raise ValueError(
        f"{where}, column {open_[0]!r}, has numbers such as {open_[1]}, in which the mark may be a decimal one or set "
        "thousands apart, and no other number of the file tells; say which mark is the decimal one by decimal "
        "(--decimal)."
    )


def _settle(name: str, column: Any, look: Look | None, mark: str, options: Options,
            where: str) -> tuple[pd.Series, str, list[str]]:  # fmt: skip
    """Return a column as it is to be used, why it is left out if it is, and what is said of it."""
    kind = options.types.get(name)
    if look is None:
        return _settle_other(name, column, kind, where)
    if look.reason:
        return column, look.reason, []
    codes, labels, raw = _labels(column, look)
    if look.point if mark == "." else look.comma:
        labels = numbers.unpadded(labels) if kind == "number" else labels
        values, said = _converted(name, codes, labels, mark, where)
        values = pd.Series(values, index=column.index, name=name)
        return values, "" if kind == "number" else _doubt(name, values, labels, kind), said
    if kind == "number":
        odd = next((label for label in labels if label not in numbers.MISSING and not _fits(label, mark)), labels[0])
        raise ValueError(
            f"types: column {name!r} is to be numbers, but holds {odd!r}; correct it, or call it category."
        )
    said = [] if labels == raw else [f"Spaces around labels of {name!r} are left out."]
    column = (
        column
        if labels == raw
        else pd.Series(_decode(labels, codes), index=column.index, name=name).astype(column.dtype)
    )
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    reason = "" if kind == "category" else why_text_is_left_out(labels, counts)
    if not reason:
        if kind is None and numbers.are_codes(labels):
            said.append(f"Column {name!r} is read as labels: its numbers begin with zeros, as codes do.")
        signs = [sign for sign in SIGNS if sign in labels]
        if signs:
            said.append(f"In {name!r} {signs[0]!r} is a label like the others.")
        said += _constant(name, labels, column)
    return column, reason, said


def _fits(label: str, mark: str) -> bool:
    return numbers.ONE[mark].fullmatch(label) is not None


def _decode(labels: Sequence[str], codes: np.ndarray) -> np.ndarray:
    return np.array([*labels, None], object)[codes]


def _doubt(name: str, values: pd.Series, labels: list[str], kind: str | None) -> str:
    """Why numbers from text are left out: identifiers, also such that a number would not hold."""
    long = max(map(len, labels)) > numbers.EXACT and all(label.isdigit() for label in labels)
    if long and len(labels) == len(values) and values.notna().all():
        return "long numbers that are all different, as those of an identifier"
    return why_numbers_are_left_out(name, values)


def _settle_other(name: str, column: pd.Series, kind: str | None, where: str) -> tuple[pd.Series, str, list[str]]:
    """Settle a column that is not text, as `_settle` does one of text."""
    if is_time(column):
        return column, "dates or times", []
    if column.isna().all():
        return column, "no value at all", []
    if kind == "category" and not isinstance(column.dtype, pd.CategoricalDtype):
        return column.map(str, na_action="ignore").astype(object), "", []
    if column.dtype.kind not in "iuf":
        return column, "", []
    reason = "" if kind == "number" else why_numbers_are_left_out(name, column)
    return column, reason, [] if reason else _constant_number(name, column)


def _constant_number(name: str, column: Any) -> list[str]:
    values = column.to_numpy()
    if column.dtype.kind in "iu" and values[0] != values[-1]:
        return []
    low, high = column.min(), column.max()
    return [f"Column {name!r} is constant ({low:g})."] if low == high else []


def _constant(name: str, labels: list[str], column: pd.Series) -> list[str]:
    return [f"Column {name!r} is constant ({labels[0]!r})."] if len(labels) == 1 and column.notna().all() else []


def _converted(name: str, codes: np.ndarray, labels: list[str], mark: str, where: str) -> tuple[np.ndarray, list[str]]:
    """Return the numbers that a column of text holds, and a sentence about how they are written."""
    found = numbers.written(labels)
    assert found is not None  # `Look` has seen that they are numbers
    odd = numbers.contradiction(found.numbers, mark) if mark == "," else None
    if odd is not None:
        raise ValueError(
            f"{where}, column {name!r}, holds {odd[0]!r} and {odd[1]!r}, so that the comma may set thousands apart "
            "or mark decimals; write one of them otherwise."
        )
    plain = numbers.values_of(found.numbers, mark)
    gone = bool(found.missing.any() or (codes < 0).any())
    values = np.full(len(labels) + 1, np.nan) if gone else np.zeros(len(labels) + 1, plain.dtype)
    values[:-1][~found.missing] = plain
    return values[codes], _how(name, found, labels, mark)


def _how(name: str, found: numbers.Written, labels: list[str], mark: str) -> list[str]:
    gap = numbers.gaps_of(found.numbers, mark)
    ways = [f"{numbers.GAPS[gap]} set thousands apart"] if gap else []
    ways += ["decimals are marked by commas"] if mark == "," and any("," in n for n in found.numbers) else []
    ways += [f"{found.unit!r} is the unit"] if found.unit else []
    gone = sorted(set(np.array(labels, object)[found.missing]) - {""})
    ways += [f"{', '.join(map(repr, gone))} means missing"] if gone else []
    return [f"Column {name!r} is read as numbers" + (f": {'; '.join(ways)}." if ways else " written as text.")]
