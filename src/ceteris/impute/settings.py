"""The parameters of the imputers, refused before any work starts where they make no sense."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any


def check(imputer: Any) -> None:
    """Raise on the first parameter that is not allowed, saying what is."""
    defaults = inspect.signature(type(imputer)).parameters
    for parameter, value in imputer.get_params(deep=False).items():
        if parameter in RULES:
            allowed, test = RULES[parameter]
            can_be_open = defaults[parameter].default is None
            if not (test(value) or (can_be_open and value is None)):
                allowed = f"None or {allowed}" if can_be_open else allowed
                raise ValueError(f"{type(imputer).__name__}: {parameter} is {value!r}, but must be {allowed}.")


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _widths(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(map(_whole, value))


_COUNT = ("a whole number of at least 1", _whole)
_SHARE = ("a number of at least 0 and below 1", lambda v: _number(v) and 0 <= v < 1)
RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("members", "width", "depth", "components", "iterations", "donors", "pool"), _COUNT),
    **dict.fromkeys(("epochs", "batch_size", "latent"), _COUNT),
    **dict.fromkeys(("dropout", "corruption"), _SHARE),
    "widths": ("a tuple of one or more whole numbers of at least 1", _widths),
    "rate": ("a number above 0", lambda v: _number(v) and v > 0),
    "weight_decay": ("a number of at least 0", lambda v: _number(v) and v >= 0),
}
