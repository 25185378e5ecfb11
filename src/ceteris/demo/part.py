"""What each part of the demonstration hands over."""

from __future__ import annotations

from typing import NamedTuple

from ceteris.evidence import Figure, Section


class Part(NamedTuple):
    """One of the five jobs.

    Parameters
    ----------
    question : str
        What was asked, in a few words.
    answer : str
        What came out, in a sentence.
    figure : Figure
        The one worth looking at.
    sections : tuple of Section
        What the report shows of it; the figure is in the first.
    own : str
        How to do this with data or a model of one's own.
    """

    question: str
    answer: str
    figure: Figure
    sections: tuple[Section, ...]
    own: str
