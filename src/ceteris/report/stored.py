"""A run folder read back: what its files say is checked before a page is made of it, and no path leads outside."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ceteris.files import read_json
from ceteris.outlets import prose, read_csv
from ceteris.report.numbers import number
from ceteris.report.svg import filtered

SCHEMES = ("light", "dark")


class Foreign(ValueError):
    """A drawing holds what no drawing of ours does."""


def read_facts(path: Path) -> dict[str, Any]:
    """Read ``run.json``, or say what is wrong with it."""
    facts = read_json(path, dict)
    _refuse_wrong(path, "its", facts, FACTS)
    return facts


def read_sections(path: Path) -> list[dict[str, Any]]:
    """Read ``sections.json``, or say what is wrong with it."""
    sections = read_json(path, list)
    for section in sections:
        _refuse_wrong(path, "a section's", section, SECTION)
        for part, shape in (("table", TABLE), ("figure", FIGURE), ("check", CHECK)):
            for item in section[f"{part}s"]:
                _refuse_wrong(path, f"a {part}'s", item, shape)
        for figure in section["figures"]:
            if figure["error"] is None:
                _refuse_wrong(path, "a figure's", figure, DRAWN)
    return sections


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file that lies in a run folder, or refuse one that does not, by name or by a link.

    Examples
    --------
    >>> inside(Path("run"), "../secret.csv")
    Traceback (most recent call last):
    ValueError: folder: run names a file '../secret.csv', which is not one of its own; make the report again from a ...
    """
    parts = PurePosixPath(name).parts
    path = folder / name if "\0" not in name else folder
    plain = len(parts) == 2 and parts[0] in ("tables", "figures") and not set("\\:\0") & set(name) and ".." not in parts
    if not plain or not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"folder: {folder} names a file {name[:80]!r}, which is not one of its own; make the report again from a "
            "folder that you trust, or run the command again."
        )
    if not path.is_file():
        raise FileNotFoundError(f"folder: {folder} lacks its file {name}; restore it or run the command again.")
    return path


def refuse_damaged(folder: Path, stored: Mapping[str, Any]) -> None:
    """Raise unless the numbers of a table or a figure can be read and have as many columns as were stored."""
    path = inside(folder, stored["data"])
    try:
        rows = read_csv(path.read_bytes().decode("utf-8"))
        if rows and len(rows[0]) == len(stored["kinds"]):
            for row in rows[1:]:
                [number(cell) for cell, kind in zip(row, stored["kinds"], strict=False) if kind == "number"]
            return
        reason = f"{len(rows[0]) if rows else 0} columns where {len(stored['kinds'])} were stored"
    except (csv.Error, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
    raise ValueError(
        f"folder: {path} cannot be read ({reason}): it was cut off or edited; restore it from a copy or run the "
        "command again."
    )


def drawing(folder: Path, name: str) -> str:
    """Return the text of a drawing of this run, filtered, or say why it is not shown."""
    path = inside(folder, name)
    try:
        return filtered(path.read_bytes().decode("utf-8"))
    except ValueError as error:
        raise Foreign(
            f"The file {name} was not drawn by ceteris, or was damaged ({error}), and is not shown; run the command "
            "again."
        ) from None


def checked(folder: Path, sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sections as a page shows them: every file looked at, a drawing that does not pass as one that failed.

    Raises
    ------
    ValueError
        If a file is not one of the run's own, or its numbers are damaged.
    """
    for section in sections:
        for table in section["tables"]:
            refuse_damaged(folder, table)
        for figure in section["figures"]:
            refuse_damaged(folder, figure)
            if figure["error"] is None:
                try:
                    figure["drawings"] = {scheme: drawing(folder, figure[scheme]) for scheme in SCHEMES}
                except Foreign as error:
                    figure["error"] = str(error)
    return sections


# ----------------------------------------------------------------------------------------------- what is written


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _verdict(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _duration(value: Any) -> bool:
    return value is None or (_number(value) and math.isfinite(value))


def _time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value) is not None
    except (TypeError, ValueError):
        return False


def _a(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _kinds(value: Any) -> bool:
    return isinstance(value, list) and all(kind in ("number", "text") for kind in value)


Shape = dict[str, Callable[[Any], bool]]
FACTS: Shape = {
    "command": _text, "config": _a(dict), "seed": _a(int), "status": _text, "started": _time, "seconds": _duration,
    "versions": _a(dict), "hardware": _a(dict),
}  # fmt: skip
SECTION: Shape = {"title": _text, "text": _text, "tables": _a(list), "figures": _a(list), "checks": _a(list)}
TABLE: Shape = {"title": _text, "note": _text, "data": _text, "kinds": _kinds}
FIGURE: Shape = {
    "title": _text, "caption": _text, "data": _text, "kinds": _kinds, "error": lambda x: x is None or _text(x)
}  # fmt: skip
DRAWN: Shape = {scheme: _text for scheme in SCHEMES}
CHECK: Shape = {"name": _text, "passed": _verdict, "sentence": _text, "value": _number, "bar": _number}


def _refuse_wrong(path: Path, what: str, value: Any, shape: Shape) -> None:
    held = value if isinstance(value, dict) else {}
    absent = [name for name in shape if name not in held]
    wrong = absent or [name for name, fits in shape.items() if not fits(held[name])]
    if wrong:
        found = "missing" if absent else f"{held[wrong[0]]!r:.60}"
        raise ValueError(
            f"folder: {path} was edited: {what} {wrong[0]!r} is {found}, which no run writes; restore it from a copy "
            "or run the command again."
        )


def sentence(error: BaseException | None) -> str:
    """Return an error as one line: its kind and its message.

    Examples
    --------
    >>> sentence(ValueError("Too long.")), sentence(KeyboardInterrupt())
    ('ValueError: Too long.', 'KeyboardInterrupt')
    """
    text = prose(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
