"""What every result does: it prints one screen, shows itself in a notebook, has figures, is saved, writes a report."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceteris.arguments import nearest
from ceteris.evidence import Figure, Figures, Section
from ceteris.files.objects import save_object


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
