"""What the command says about the items of the gallery: all of them, one that begins, one that has ended."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from ceteris.gallery.items import ITEMS, Item

if TYPE_CHECKING:
    from ceteris.results import Section

INDENT = 23  # columns; the longest name has 21
FOOT = (
    "Run one with `ceteris gallery NAME`, or its quick version with `ceteris gallery NAME --quick`. Times are CPU time "
    "of a first run on two cores, quick and full; a second one compiles nothing."
)


def listing(width: int | None = None) -> str:
    """Return all items: what is typed, the title, CPU time and the source.

    Parameters
    ----------
    width : int, optional
        Columns; by default those of the terminal, between 60 and 100.
    """
    width = width or max(min(shutil.get_terminal_size((100, 24)).columns, 100), 60)
    return "\n".join([*(_entry(item, width) for item in ITEMS.values()), "", *wrap(FOOT, width)])


def _entry(item: Item, width: int) -> str:
    lines = [line for text in (f"{item.title} ({spent(item)})", item.source) for line in wrap(text, width - INDENT)]
    return "\n".join(f"{'' if i else item.name:<{INDENT}}{line}" for i, line in enumerate(lines))


def spent(item: Item) -> str:
    """CPU time of the quick and the full version, in words.

    Examples
    --------
    >>> from dataclasses import replace
    >>> spent(replace(ITEMS["gan"], seconds=(20, 600))), spent(replace(ITEMS["curves"], seconds=(10, 10)))
    ('20 s quick, 10 min full', '10 s')
    """
    quick, full = map(_time, item.seconds)
    return f"{quick} quick, {full} full" if item.left_out else full


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 300 else f"{seconds / 60:.0f} min"


def begun(item: Item, quick: bool) -> str:
    """What is said when an item starts: what it is, what the quick version leaves out, how long it takes."""
    lines = [item.title, f"Source: {item.source}.", *omitted(item, quick)]
    return "\n".join(
        [*lines, f"This takes about {_time(item.seconds[0 if quick else 1])} of CPU time, the first time."]
    )


def omitted(item: Item, quick: bool) -> list[str]:
    """Return the sentence on what the quick version leaves out, if this is one.

    Examples
    --------
    >>> omitted(ITEMS["gan"], quick=True)
    ['--quick leaves out: 8 of 10 starts, 700 of 1,500 rounds.']
    >>> omitted(ITEMS["curves"], quick=True), omitted(ITEMS["gan"], quick=False)
    (['--quick leaves out nothing here.'], [])
    """
    if not quick:
        return []
    return [f"--quick leaves out: {item.left_out}." if item.left_out else "--quick leaves out nothing here."]


def judged(found: Sequence[Section]) -> str:
    """Say how many checks passed, and which did not.

    Examples
    --------
    >>> from ceteris.results import Check, Section
    >>> both = (Check("peak", True, "At 1."), Check("descent", False, "The error stays at 0.5."))
    >>> print(judged([Section("Two", checks=both)]))
    1 of 2 checks passed.
    fail: descent. The error stays at 0.5.
    """
    checks = [check for section in found for check in section.checks]
    others = [f"{check.verdict}: {check.name}. {check.sentence}" for check in checks if not check.passed]
    return "\n".join([f"{len(checks) - len(others)} of {len(checks)} checks passed.", *others])
