"""Which classes and functions a file may name, and how: lists, beside which nothing is imported for a file's sake."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from typing import Any

from ceteris.files.estimators import EXTERNAL, check_made

# Packages whose classes a file may name, and parts of our own that it may not: they hold folders, processes or the
# screen, nothing fitted.
OPEN = ("ceteris", "equinox.nn")
CLOSED = ("cli", "doctor", "files", "gallery", "programs", "report", "scratch", "stopping", "testing")
# Functions that a file may name: they compute, and nothing else. (All of jax.numpy would not do: it can read files.)
FUNCTIONS = re.compile(
    r"ceteris\.((nets|stats)\.[\w.]+|causal\.structural):\w+|"
    r"sklearn\.metrics\._(classification|ranking|regression):\w+|"
    r"jax\._src\.nn\.functions:\w+|jax\.numpy:(tanh|sin|cos|exp|log1p|abs|square)"
)
_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def name_of_function(value: Any, where: str) -> str:
    """Return how a function is called in a file; one that a file may not name is refused."""
    module, name = value.__module__ or "", value.__qualname__
    if not FUNCTIONS.fullmatch(f"{module}:{name}"):
        raise TypeError(
            f"save: {where} is the function {name} of {module or 'nowhere'}, which no file can hold; give it by its "
            "name where names are allowed, or fit with what the package offers."
        )
    return f"{module}:{name}"


def name_of_class(kind: type, where: str = "it") -> str:
    """Return how a class is called in a file; one of another package is refused."""
    if not _is_open(kind.__module__) or "<" in kind.__qualname__:
        raise TypeError(
            f"save: {where} is a {kind.__name__} of {kind.__module__}, not of ceteris or scikit-learn, so that load "
            "would not know it; fit with one that is, or save what you need of it."
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def _is_open(module: str) -> bool:
    home = [*module.split("."), ""]
    return module.startswith(tuple(f"{name}." for name in OPEN)) and not (home[0] == "ceteris" and home[1] in CLOSED)


def name_of_external(kind: type, where: str) -> str:
    """Return how a class of scikit-learn is called in a file; one that is not on its list is refused."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    try:
        check_made(name, kind)
    except ValueError as error:
        raise TypeError(f"save: {where} {error}; fit with another learner, or save what you need of it.") from None
    return name


def _checked(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{str(name)[:60]!r} is no name of a class or function")
    return name


def _found(module: str, name: str) -> Any:
    """Return what a module holds under a name with dots."""
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except ImportError:
        raise ValueError(f"there is no {module[:60]}") from None


def class_of(name: Any) -> type:
    """Return the class that a file names."""
    module, _, attribute = _checked(name).partition(":")
    if not _is_open(module):
        raise ValueError(f"{name[:60]} is not a class that a file may name")
    kind = _found(module, attribute)
    if not isinstance(kind, type) or kind.__module__ != module or inspect.isabstract(kind):
        raise ValueError(f"{name[:60]} is not a class that a file may name")
    return kind


def external_of(name: Any) -> type:
    """Return the class of scikit-learn that a file names."""
    module, _, attribute = _checked(name).partition(":")
    if module.split(".")[0] not in EXTERNAL:
        raise ValueError(f"{name[:60]} is of a package that a file may not name")
    kind = _found(module, attribute)
    check_made(name, kind)
    return kind


def function_of(name: Any) -> Any:
    """Return the function that a file names."""
    module, _, attribute = _checked(name).partition(":")
    found = _found(module, attribute) if FUNCTIONS.fullmatch(name) else None
    if isinstance(found, type) or not callable(found) or getattr(found, "__module__", "") != module:
        raise ValueError(f"{name[:60]} is not a function that a file may name")
    return found
