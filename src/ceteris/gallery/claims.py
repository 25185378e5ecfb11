"""What an item of the gallery says of itself: its source, what was published, and which check is held against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Claim(NamedTuple):
    """Something that was published, and the check of ours that is held against it.

    Parameters
    ----------
    where : str
        Table, figure or section of the source.
    published : str
        Its number, or in words what it shows.
    check : str
        Name of the check whose sentence says what ours is.
    full : bool
        Whether only the full version has this check.
    """

    where: str
    published: str
    check: str
    full: bool = False


@dataclass(frozen=True)
class Item:
    """One item of the gallery.

    Parameters
    ----------
    name : str
        What is typed.
    title : str
        The same in words.
    source : str
        Author, year, and the table or figure.
    published : str
        What was published: numbers, a picture, a formula or nothing that could be compared.
    left_out : str
        What the quick version leaves out; empty where it leaves out nothing.
    seconds : (float, float)
        CPU seconds of the quick and of the full version on two cores, programs compiled anew. Measured, but for the
        full version of ``symmetry``, which is estimated from rows of its benchmark.
    claims : tuple of Claim
        Shown beside ours, in this order.
    """

    name: str
    title: str
    source: str
    published: str
    left_out: str
    seconds: tuple[float, float]
    claims: tuple[Claim, ...] = ()
