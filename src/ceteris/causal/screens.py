"""What a result prints: a heading, a few facts, the checks that failed; on one screen whatever the names are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from ceteris.outlets import brief, prose
from ceteris.results import Check, Estimate

LINES, WIDTH = 24, 110
NAME = 30  # characters of a name in a sentence


def page(title: str, facts: Mapping[str, str], checks: Sequence[Check] = (), below: Iterable[str] = ()) -> str:
    """Return a title, one line or more for each fact, what stands below them, and what became of the checks.

    Parameters
    ----------
    title : str
    facts : mapping of str to str
        What is said, by what it is about; empty ones are left out.
    checks : sequence of Check
        Those that failed are spelt out.
    below : iterable of str
        Lines as they are, such as those of a tree.

    Examples
    --------
    >>> print(page("A forest", {"rows": "1,000", "trees": "500"}, [Check("fit", False, "R² is 0; fit again.")]))
    A forest
      rows   1,000
      trees  500
      checks 0 of 1 passed
    ! R² is 0; fit again.
    """
    said = {label: text for label, text in facts.items() if text}
    if checks and said:
        said["checks"] = f"{sum(check.passed is True for check in checks)} of {len(checks)} passed"
    room = max(map(len, said), default=0)
    lines = [brief(title, WIDTH)]
    for label, text in said.items():
        lines += wrapped(text, f"  {label:<{room}} ", " " * (room + 3))
    lines += [brief(line, WIDTH) if len(line) > WIDTH else line for line in below]
    failed = [line for check in checks if check.passed is False for line in wrapped(check.sentence, "! ", "  ")]
    return "\n".join([*cut(lines, LINES - min(len(failed), 8)), *cut(failed, 8)])


def wrapped(text: object, first: str = "", later: str = "") -> list[str]:
    """Return a sentence as lines of at most ``WIDTH`` characters."""
    found = textwrap.wrap(prose(text), WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
    return found or [first.rstrip()]


def cut(lines: Sequence[str], most: int) -> list[str]:
    """Return at most so many lines; the last says how many more there are."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"… and {len(lines) - most + 1} more lines"]


def counted(number: int, what: str) -> str:
    """Return a number and its noun.

    Examples
    --------
    >>> counted(1, "leaf"), counted(3, "row")
    ('1 leaf', '3 rows')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def estimated(found: Estimate, which: int = 0) -> str:
    """Return one of the estimates in words.

    Examples
    --------
    >>> import numpy as np
    >>> estimated(Estimate(np.array([1.0]), np.array([[1.0], [-1.0]]), ("mean",)))
    '1, standard error 0.71, 95 % interval [-0.386, 2.39]'
    """
    low, high = found.conf_int()[which]
    return f"{found.point[which]:.3g}, standard error {found.se[which]:.2g}, 95 % interval [{low:.3g}, {high:.3g}]"
