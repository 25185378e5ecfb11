"""Which runs there are, and how they ended: on one screen."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ceteris.outlets import CELL, brief, shorten
from ceteris.report.run import Run

MOST = 20  # runs that are shown unless all are asked for
HEADINGS = ("run", "started", "status", "checks", "command")
NARROWER = (("status", 24), ("command", 40), ("run", 34), ("status", 12), ("command", 12), ("run", 16))  # in this order
UNCUT = 3_000  # columns where nobody looks on, so that what is searched for is found whole


def list_runs(root: str | Path = "runs") -> list[Run]:
    """Find the runs in a folder and in its folders, oldest first.

    Parameters
    ----------
    root : path
        Searched two levels deep.

    Returns
    -------
    list of Run
        One whose ``run.json`` cannot be read has only the fact ``status``.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(
            f"root: {root} is not a folder; give one with run folders in it, or make one by `ceteris demo`."
        )
    found = {path.parent for level in ("", "*/", "*/*/") for path in root.glob(f"{level}run.json")}
    runs = [_open_or_say(folder) for folder in sorted(found)]
    return sorted(runs, key=lambda run: str(run.facts.get("started", "")))


def runs_table(root: str | Path = "runs", most: int | None = MOST, width: int | None = None) -> str:
    """Return the runs of a folder as lines for a terminal, the newest first, or a sentence where there are none.

    Parameters
    ----------
    root : path
        As for `list_runs`.
    most : int or None
        How many are shown; None for all of them.
    width : int, optional
        Characters of a line; by default those of the terminal, or all there are where the output is no terminal.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("first", "second"):
    ...     with Run.create(root / name, f"ceteris demo --out {name}", {}, seed=0):
    ...         pass
    >>> print(runs_table(root, most=1).splitlines()[-1])
    … and 1 more; `ceteris runs --all` lists them all.
    """
    runs = list_runs(root)[::-1]
    if not runs:
        return f"No runs in {root}; `ceteris demo` makes one."
    rows = [_cells(run) for run in runs[:most]]
    lines = in_columns(HEADINGS, rows, width or _width())
    left = len(runs) - len(rows)
    return "\n".join([*lines, *([f"… and {left} more; `ceteris runs --all` lists them all."] if left else [])])


def in_columns(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table: columns as wide as what they hold, narrower where the screen would not hold them.

    Examples
    --------
    >>> in_columns(("run", "command"), [("a", "ceteris demo --out runs/a")], 24)
    ['run  command', 'a    ceteris demo…runs/a']
    """
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for name, least in NARROWER:
        over = sum(widths) + 2 * (len(widths) - 1) - width
        if over > 0 and name in headings:
            j = headings.index(name)
            widths[j] = max(widths[j] - over, min(widths[j], least))
    line = lambda row: "  ".join(shorten(cell, w).ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
    return [line(headings), *map(line, rows)]


def _cells(run: Run) -> tuple[str, ...]:
    started = str(run.facts.get("started", ""))[:16].replace("T", " ")
    facts = (run.folder, started, run.facts.get("status", ""), _tally(run), run.facts.get("command", ""))
    return tuple(brief(fact, CELL) for fact in facts)


def _tally(run: Run) -> str:
    """Count a run's checks; a damaged list of sections is said, not raised, so that the others are listed."""
    try:
        passed = [check["passed"] is True for section in run.sections for check in section["checks"]]
    except (ValueError, TypeError, KeyError):
        return "unreadable"
    return f"{sum(passed)}/{len(passed)} passed" if passed else ""


def _width() -> int:
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return UNCUT


def _open_or_say(folder: Path) -> Run:
    try:
        return Run.open(folder)
    except (ValueError, OSError) as error:
        return Run(folder, {"status": f"unreadable: {error}"})
