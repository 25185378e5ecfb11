"""What the door asks of every public class that is fitted or is a result: a tiny one, and what it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """How to make a tiny thing, and what must be the same once it was saved and read again.

    Attributes
    ----------
    make : callable
        ``make()`` fits it, in a second or two.
    answer : callable
        ``answer(thing)`` returns what it is for: predictions, effects, an interval.
    figures : bool
        Whether it must have figures.
    """

    make: Callable[[], Any]
    answer: Callable[[Any], Any]
    figures: bool = True
