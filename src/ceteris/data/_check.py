"""The three questions every generator and loader asks of its arguments."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Integral


def pick(argument: str, given: str, allowed: Iterable[str]) -> str:
    """Return `given` if it is allowed; otherwise say what is, and what was probably meant."""
    allowed = tuple(allowed)
    if given in allowed:
        return given
    near = difflib.get_close_matches(str(given), allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "; choose one of them."
    raise ValueError(f"{argument} is {given!r}, but it must be one of {', '.join(allowed)}{hint}")


def whole(argument: str, given: int, least: int) -> int:
    """Return `given` if it is a whole number of at least `least`."""
    if isinstance(given, Integral) and not isinstance(given, bool) and given >= least:
        return int(given)
    raise ValueError(f"{argument} is {given!r}, but it must be a whole number of at least {least}; pass such a number.")
