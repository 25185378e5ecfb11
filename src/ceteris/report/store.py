"""Sections as files: CSV for numbers, SVG for figures, JSON for the rest; each replaced in one step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceteris.drawing import PAGES, svg
from ceteris.files import replace_file
from ceteris.outlets import file_name, report_csv, writable
from ceteris.report.stored import sentence

if TYPE_CHECKING:
    import pandas as pd

    from ceteris.evidence import Check, Figure, Section, Table


class Counter:
    """Numbers the tables and figures of a run, so that equal titles get different files."""

    def __init__(self) -> None:
        self.count = 0

    def name(self, title: str) -> str:
        """Return the next number and the title, in letters every file system takes."""
        self.count += 1
        return f"{self.count:02d}-{file_name(title)}"


def store_section(folder: Path, section: Section, number: Counter) -> dict[str, Any]:
    """Write a section's tables and figures and return the rest, with their file names, for JSON."""
    return {
        "title": section.title,
        "text": section.text,
        "tables": [_store_table(folder, table, number) for table in section.tables],
        "figures": [_store_figure(folder, figure, number) for figure in section.figures],
        "checks": [_store_check(check) for check in section.checks],
    }


def _store_check(check: Check) -> dict[str, Any]:
    number = lambda x: None if x is None else float(x)
    passed = None if check.passed is None else bool(check.passed)
    facts = {"name": check.name, "passed": passed, "sentence": check.sentence}
    return facts | {"value": number(check.value), "bar": number(check.bar)}


def _store_table(folder: Path, table: Table, number: Counter) -> dict[str, Any]:
    path = f"tables/{number.name(table.title)}.csv"
    kinds = _store_frame(folder / path, table.frame)
    return {"title": table.title, "note": table.note, "data": path, "kinds": kinds}


def _store_figure(folder: Path, figure: Figure, number: Counter) -> dict[str, Any]:
    stem = f"figures/{number.name(figure.title)}"
    stored: dict[str, Any] = {"title": figure.title, "caption": figure.caption, "data": f"{stem}.csv"}
    stored |= {"kinds": _store_frame(folder / f"{stem}.csv", figure.data), "error": None}
    for scheme in PAGES:
        try:
            text = svg(figure, scheme)
        except Exception as error:  # a drawing is anybody's code, and the report shows what it raised
            return stored | {"error": sentence(error)}
        replace_file(folder / f"{stem}-{scheme}.svg", text)
        stored[scheme] = f"{stem}-{scheme}.svg"
    return stored


def _store_frame(path: Path, frame: pd.DataFrame) -> list[str]:
    """Write a frame and return each column's kind: number or text."""
    text, kinds = laid_out(frame)
    replace_file(path, text)
    return kinds


def laid_out(frame: pd.DataFrame) -> tuple[str, list[str]]:
    """Return a frame, a meaningful index included, as CSV for people, and each column's kind: number or text."""
    import pandas as pd

    plain = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    frame = frame.copy() if plain else frame.reset_index(names=_index_names(frame), allow_duplicates=True)
    frame.columns = [_label(column) for column in frame.columns]
    is_number = lambda kind: pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
    return report_csv(frame), ["number" if is_number(kind) else "text" for kind in frame.dtypes]


def _index_names(frame: pd.DataFrame) -> list[str]:
    """Names for the index levels that no column bears already; an unnamed level gets a blank heading."""
    taken = {_label(column) for column in frame.columns}
    names = ["" if name is None else writable(str(name)) for name in frame.index.names]
    return [f"{name} (index)" if name in taken else name for name in names]


def _label(column: Any) -> str:
    parts = column if isinstance(column, tuple) else (column,)
    return writable(" · ".join(str(part) for part in parts if str(part)))
