"""What a class says of its fields, held against what a file says: names, types, and what the class itself checks."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from ceteris.version import __version__


def filled(kind: type, items: tuple[Any, ...] | None, values: dict[str, Any]) -> Any:
    """Return an object of a class with its fields filled, and refuse what the class cannot hold.

    A class that can say more than its annotations about what fits together has a method ``_check_loaded``, which raises
    a ValueError with the rest of a sentence.

    Examples
    --------
    >>> from ceteris.evidence import Check
    >>> filled(Check, None, {"name": "fit", "passed": None, "sentence": "Nobody looked."}).verdict
    'not judged'
    >>> filled(Check, None, {"name": "fit", "passed": 1.5, "sentence": ""})
    Traceback (most recent call last):
    ValueError: passed of a Check is a float, which it cannot be
    """
    found = object.__new__(kind) if items is None else tuple.__new__(kind, items)
    for name, value in _as_the_class_has(kind, values).items():
        object.__setattr__(found, name, value)
    check = getattr(found, "_check_loaded", None)
    if check is not None:
        try:
            check()
        except (AttributeError, IndexError, KeyError) as error:
            raise ValueError(f"the parts of a {kind.__name__} do not fit together ({error})") from None
    return found


def _as_the_class_has(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields, those that an older version did not have at their default; raise if they are not its own."""
    hints = _hints(kind)
    for name, value in values.items():
        own = inspect.getattr_static(kind, name, None)
        if not name.isidentifier() or name.startswith("__") or inspect.isroutine(own) or isinstance(own, property):
            raise ValueError(f"{kind.__name__} has no field {name[:60]!r}")
        if not fits(value, hints.get(name, Any)):
            raise ValueError(f"{name} of a {kind.__name__} is a {type(value).__name__}, which it cannot be")
    if not dataclasses.is_dataclass(kind):
        return values
    known = {field.name: field for field in dataclasses.fields(kind)}
    fitted = {name for name in values if name.endswith("_")}
    for name in sorted(set(values) - set(known) - fitted):
        raise ValueError(f"{kind.__name__} has no field {name[:60]!r} in ceteris {__version__}")
    return {**_defaults(kind, known, set(values)), **values}


def _defaults(kind: type, known: Mapping[str, Any], given: set[str]) -> dict[str, Any]:
    found = {}
    for name, field in known.items():
        if name in given or not field.init:
            continue
        if field.default is not dataclasses.MISSING:
            found[name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[name] = field.default_factory()
        else:
            raise ValueError(f"{kind.__name__} lacks {name!r}")
    return found


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a class's fields, as far as they can be told at run time."""
    found: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        there = vars(sys.modules.get(one.__module__, typing))
        for name, hint in vars(one).get("__annotations__", {}).items():
            try:
                found[name] = eval(hint, dict(there)) if isinstance(hint, str) else hint  # our own source, no file's
            except Exception:
                found[name] = Any  # imported for type checkers only
    return found


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; of types that cannot be told at run time everything is.

    Examples
    --------
    >>> fits((1, "a"), tuple[int, str]), fits((1, "a"), tuple[str, ...]), fits(None, int | None), fits(True, int)
    (True, False, True, False)
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is None or hint is type(None):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _each_fits(value, inner)
    if origin in (list, collections.abc.Sequence):
        return isinstance(value, list | tuple) and all(fits(one, inner[0]) for one in value)
    if origin in (dict, collections.abc.Mapping):
        return isinstance(value, dict) and all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
    if origin is collections.abc.Callable or hint is collections.abc.Callable:
        return callable(value)
    if hint is float:
        return isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int | np.integer) and not isinstance(value, bool)
    if hint is np.ndarray:
        return hasattr(value, "dtype") and hasattr(value, "shape")
    ours = isinstance(hint, type) and hint.__module__.split(".")[0] in ("builtins", "ceteris", "pandas")
    return isinstance(value, hint) if ours else True


def _each_fits(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(fits(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(fits(*pair) for pair in zip(values, hints, strict=True))
