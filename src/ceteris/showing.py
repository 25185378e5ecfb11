"""What every result does: it prints one screen, shows itself in a notebook, has figures, is saved, writes a report."""

from __future__ import annotations

import abc
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceteris.arguments import nearest
from ceteris.evidence import Check, Figure, Figures, Section
from ceteris.files.objects import save_object
from ceteris.outlets import brief, prose, screen

if TYPE_CHECKING:
    import pandas as pd

LINES, COLUMNS, ROWS = 25, 120, 12  # of a screen, and of a table on it


class AbstractResult(abc.ABC):
    """A result says what it is in one screen and shows the evidence in sections; all else follows from these two.

    A class adds ``summary`` and ``sections``, and where these take long, ``glance``.
    """

    @abc.abstractmethod
    def summary(self) -> str:
        """Return one screen of text, 25 lines at most; its first line says what this is."""

    @abc.abstractmethod
    def sections(self) -> tuple[Section, ...]:
        """Return what a report shows."""

    def glance(self) -> Section:
        """Return what a notebook shows below the heading; quick, as it is asked for by looking."""
        return next(iter(self.sections()), Section(""))

    @property
    def figures(self) -> Figures:
        """All figures, by number or by title."""
        return Figures(figure for section in self.sections() for figure in section.figures)

    def plot(self, title: str | None = None) -> Figure:
        """Return a figure, which a notebook shows; elsewhere ``.show()`` or ``.save("name.pdf")`` it.

        Parameters
        ----------
        title : str, optional
            One of ``figures.titles``; by default the first.
        """
        figures = self.figures
        if title is None:
            if not figures:
                raise ValueError(f"plot: there is no figure of a {type(self).__name__}; look at its summary().")
            return figures[0]
        if title not in figures.titles:
            near = nearest(title, figures.titles)
            do = f"did you mean {near!r}?" if near else "choose one of them."
            there = ", ".join(map(repr, figures.titles)) or "none, as there are none"
            raise ValueError(f"title is {title!r}, but must be one of {there}; {do}")
        return figures[title]

    def report(self, folder: str | Path) -> Path:
        """Write a report with all tables, figures and checks into a folder.

        Parameters
        ----------
        folder : path
            New, empty, or that of an earlier report; anything else is refused.

        Returns
        -------
        Path
            The HTML page.
        """
        from ceteris.report import Run, report

        name = type(self).__name__
        with Run.create(folder, f"{name}.report({str(folder)!r})", self._settings(), self._seed()) as run:
            run.write(self.sections())
        return report(folder)

    def save(self, path: str | Path) -> Path:
        """Save into one file, from which ``ceteris.load(path)`` reads it again; nothing is pickled."""
        return save_object(path, self)

    def _settings(self) -> Mapping[str, Any]:
        """Return what a report says of how this was made."""
        return {}

    def _seed(self) -> int:
        return 0

    def _repr_html_(self) -> str:
        from ceteris.report.fragment import fragment

        return fragment(self.summary().split("\n", 1)[0], self.glance())

    def __repr__(self) -> str:
        return self.summary()

    def __str__(self) -> str:
        return self.summary()


def screenful(
    heading: str, facts: Iterable[str] = (), table: pd.DataFrame | None = None, checks: Iterable[Check] = ()
) -> str:
    """Return a summary of one screen: what it is, sentences, the first rows of a table, the checks that failed.

    Parameters
    ----------
    heading : str
        What it is, in one line.
    facts : iterable of str
        Sentences, each on a line of its own.
    table : DataFrame, optional
        Its index is shown where it is no plain count.
    checks : iterable of Check
        Those that failed are said, with a "!".

    Examples
    --------
    >>> print(screenful("A fit on 9 rows.", ["R² is 0.1."], checks=[Check("fit", False, "R² is low; add columns.")]))
    A fit on 9 rows.
    R² is 0.1.
    ! fit: R² is low; add columns.
    """
    lines = [brief(prose(heading), COLUMNS), *(line for fact in facts for line in _wrapped(fact))]
    lines += [] if table is None else _rows(table)
    failed = [f"! {check.name}: {check.sentence}" for check in checks if check.passed is False]
    below = [line for text in failed for line in _wrapped(text, "  ")]
    room = LINES - len(below)
    if len(lines) > room > 1:
        lines = [*lines[: room - 1], "…"]
    return "\n".join([*lines, *below][:LINES])


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(prose(text), COLUMNS, subsequent_indent=indent, break_on_hyphens=False)


def _rows(table: pd.DataFrame) -> list[str]:
    """The first rows of a table and as many of its columns as a screen is wide."""
    plain, shown = type(table.index).__name__ == "RangeIndex", table.head(ROWS)
    while True:
        lines = screen(shown, index=not plain, na_rep="", float_format="{:.4g}".format).split("\n")
        if max(map(len, lines)) <= COLUMNS or shown.shape[1] < 2:
            break
        shown = shown.iloc[:, :-1]
    counts = len(table) - len(shown), table.shape[1] - shown.shape[1]
    pairs = zip(counts, ("row", "column"), strict=True)
    left = [f"{count:,} more {what}{'s' * (count > 1)}" for count, what in pairs if count]
    return [*(brief(line, COLUMNS) for line in lines), *([f"… and {' and '.join(left)}"] if left else [])]
