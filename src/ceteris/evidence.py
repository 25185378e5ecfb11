"""What a report shows beside estimates: checks, tables, figures, and sections of them. Part of `ceteris.results`.

A figure carries the numbers it shows, so that a reader can download them and a test can check them without looking at
pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas as pd


@dataclass(frozen=True)
class Check:
    """One claim about a result, with the evidence for it.

    Parameters
    ----------
    name : str
        What is checked, in a few words.
    passed : bool or None
        Whether the claim holds; None if it could not be judged.
    sentence : str
        What was found and, where the check failed, what to do about it.
    value, bar : float, optional
        The measured figure and the threshold it is held against.

    Examples
    --------
    >>> Check("held-out fit", True, "R² on the test rows is 0.91.", value=0.91, bar=0.0).verdict
    'pass'
    """

    name: str
    passed: bool | None
    sentence: str
    value: float | None = None
    bar: float | None = None

    @property
    def verdict(self) -> str:
        """One of 'pass', 'fail' and 'not judged'."""
        return {True: "pass", False: "fail", None: "not judged"}[self.passed]


@dataclass(frozen=True)
class Table:
    """A data frame with a title and a note under it."""

    title: str
    frame: pd.DataFrame
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture as a function of the numbers it shows.

    Parameters
    ----------
    title, caption : str
        What is drawn, and what to see in it.
    data : DataFrame
        Every number in the picture.
    draw : callable
        ``draw(figure, data)`` draws ``data`` on an empty ``matplotlib.figure.Figure``.
    size : (float, float)
        Width and height in inches.
    """

    title: str
    caption: str
    data: pd.DataFrame
    draw: Callable[[matplotlib.figure.Figure, pd.DataFrame], None]
    size: tuple[float, float] = (6.4, 4.0)


@dataclass(frozen=True)
class Section:
    """One part of a report: a title, some paragraphs, and the evidence.

    Parameters
    ----------
    title : str
        Heading.
    text : str
        Paragraphs separated by blank lines; plain text.
    tables, figures, checks : tuple
        Shown in this order below the text.
    """

    title: str
    text: str = ""
    tables: tuple[Table, ...] = field(default=())
    figures: tuple[Figure, ...] = field(default=())
    checks: tuple[Check, ...] = field(default=())
