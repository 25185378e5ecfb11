"""The parameters of a learner, refused before any work starts where they make no sense."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from ceteris.nets import choose
from ceteris.recipe import KINDS


def check(learner: Any) -> None:
    """Raise on the first parameter that is not allowed, saying what is."""
    name = type(learner).__name__
    given = learner.get_params(deep=False)
    for parameter, (allowed, test) in RULES.items():
        if parameter in given and not test(given[parameter]):
            raise ValueError(f"{name}: {parameter} is {given[parameter]!r}, but must be {allowed}.")
    choose("optimiser", learner.optimiser, KINDS)
    choose("unseen", learner.unseen, {"error": None, "ignore": None})


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _decays(value: Any) -> bool:
    several = list(value) if isinstance(value, list | tuple) else [value]
    return bool(several) and all(_number(v) and v >= 0 for v in several)


def _widths(value: Any) -> bool:
    return _whole(value) or (isinstance(value, list | tuple) and all(map(_whole, value)))


RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "widths": ("a whole number of at least 1 or a tuple of such, one per hidden layer", _widths),
    "dropout": ("a number of at least 0 and below 1", lambda v: _number(v) and 0 <= v < 1),
    "rate": ("None or a number above 0", lambda v: v is None or (_number(v) and v > 0)),
    "weight_decay": ("None, a number of at least 0, or a tuple of such", lambda v: v is None or _decays(v)),
    "batch_size": ("None or a whole number of at least 1", lambda v: v is None or _whole(v)),
    "epochs": ("None or a whole number of at least 1", lambda v: v is None or _whole(v)),
    "patience": ("a whole number of at least 1", _whole),
    "validation": ("a number of at least 0 and below 1", lambda v: _number(v) and 0 <= v < 1),
    "members": ("a whole number of at least 1", _whole),
}
