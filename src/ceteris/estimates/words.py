"""An estimate on one screen and in a section of a report, and how many digits its numbers need."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.estimates.about import AbstractDetails, AbstractPooled
from ceteris.estimates.figures import coefficients
from ceteris.evidence import Check, Section, Table
from ceteris.outlets import prose, screen, shorten

if TYPE_CHECKING:
    import pandas as pd

LINES, WIDTH, ROWS = 25, 110, 12  # of a screen; rows of its table
DIGITS, MOST_DIGITS, LARGE = 3, 8, 1e7
RATIOS = ("t", "P>|t|")  # columns without a unit


def lines_of(text: str, first: str = "", later: str = "") -> list[str]:
    """A paragraph as lines of a screen."""
    return textwrap.wrap(prose(text), WIDTH, initial_indent=first, subsequent_indent=later)


def one_screen(above: Sequence[str], frame: pd.DataFrame, below: str, checks: Sequence[Check], digits: int) -> str:
    """Paragraphs, the first rows of a table, a line, and the sentences of the checks that failed.

    Examples
    --------
    >>> import pandas as pd
    >>> print(one_screen(["Means"], pd.DataFrame({"mean": [1.5]}, index=["x"]), "n = 2", [], 2))
    Means
       mean
    x  1.50
    n = 2
    """
    shown = frame if len(frame) <= ROWS + 1 else frame.head(ROWS)
    plain = {name: lambda value: number(value, min(digits, DIGITS)) for name in RATIOS if name in frame}
    table = screen(shown, float_format=lambda value: number(value, digits), formatters=plain).split("\n")
    if len(shown) < len(frame):
        table.append(f"... and {len(frame) - len(shown)} more: frame() has all of them")
    found = [line for text in above for line in lines_of(shorten(prose(text), 2 * WIDTH))] + table + [below]
    failed = [lines_of(check.sentence, "! ", "  ") for check in checks if check.passed is False]
    for i, told in enumerate(failed):
        left = len(failed) - i
        if len(found) + len(told) + (left > 1) > LINES:
            return "\n".join([*found, f"! and {left} more checks that failed: diagnostics() has all of them"])
        found += told
    return "\n".join(found)


def number(value: float, digits: int) -> str:
    """A number with so many digits behind the point; a very large one in the notation of science."""
    if not np.isfinite(value):
        return "" if np.isnan(value) else f"{value:.0f}"
    return f"{value:.{digits}e}" if abs(value) >= LARGE else f"{value:.{digits}f}"


def digits_for(errors: Any) -> int:
    """Three digits behind the point, or as many as the smallest standard error needs for two of its own.

    Examples
    --------
    >>> digits_for([0.25, 1.0]), digits_for([0.000123])
    (3, 5)
    """
    known = np.abs(np.asarray(errors, dtype=float))
    known = known[np.isfinite(known) & (known > 0)]
    if not len(known):
        return DIGITS
    return int(np.clip(1 - np.floor(np.log10(known.min())), DIGITS, MOST_DIGITS))


def answer(estimate: Any, level: float = 0.95) -> Section:
    """The estimand, its formula, what has to be believed, the numbers, their figures, and the checks."""
    import pandas as pd

    about = estimate.about
    rests = " ".join(f"({i}) {sentence}" for i, sentence in enumerate(about.assumptions, 1))
    text = [about.estimand, about.formula, f"It rests on: {rests}" if rests else "", about.interval]
    notes = [f"{estimate.n} rows; intervals of {100 * level:g} %.", about.standard_errors]
    if estimate.clusters:
        counts = ", ".join(str(len(np.unique(groups))) for groups in estimate.clusters)
        notes.insert(1, f"Standard errors are robust to clusters ({counts}).")
    low, high = estimate.conf_int(level).T
    own = pd.DataFrame({"label": estimate.names, "estimate": estimate.point, "low": low, "high": high})
    drawn = estimate.details.figures(estimate) if isinstance(estimate.details, AbstractDetails) else ()
    table = Table("Estimate", estimate.frame(level), " ".join(filter(None, notes)))
    title, text = about.method or "Estimate", "\n\n".join(filter(None, text))
    below = estimate.details.tables(level) if isinstance(estimate.details, AbstractPooled) else ()
    return Section(title, text, (table, *below), (*drawn, coefficients(own, level=level)), estimate.checks)
