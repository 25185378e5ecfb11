"""What went wrong in a model's own functions, in the model's language: which method, which line, what to write instead.

A model is traced: its functions are run once, on states, actions and parameters that stand for any number. What asks
for the number itself (NumPy, ``math``, ``float``, a Python ``if``) fails with an error that speaks of tracers.
"""

from __future__ import annotations

import linecache
import re
import site
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
from jax import errors

from ceteris.outlets import shorten

MODELS, OURS = str(Path(__file__).parent / "models"), str(Path(__file__).parents[1])
_PATHS = sysconfig.get_paths()
THEIRS = tuple({_PATHS["stdlib"], _PATHS["purelib"], _PATHS["platlib"], *site.getsitepackages(), "<frozen"})
TRACED = (
    errors.ConcretizationTypeError, errors.TracerArrayConversionError, errors.TracerIntegerConversionError,
    errors.NonConcreteBooleanIndexError, errors.UnexpectedTracerError,
)  # fmt: skip
UNKNOWN = "but states, actions and parameters have no values yet while a model is compiled"
WIDE = 80  # characters of code that are shown


class Place(NamedTuple):
    """A line of a model's code: the function it is in, its number, its text, and the part of it that failed."""

    function: str
    number: int
    line: str
    code: str


@contextmanager
def in_the_models_words() -> Iterator[None]:
    """Raise what a model's functions raise with method and line; what has nothing to do with them is let through.

    Examples
    --------
    >>> import jax
    >>> with in_the_models_words():
    ...     jax.jit(lambda k: 1.0 if k > 2 else 0.0)(3.0)
    Traceback (most recent call last):
    ...
    TypeError: <lambda>, line 2: `k > 2` must be true or false, but states, actions and parameters have no values yet...
    """
    try:
        yield
    except Exception as error:  # whatever a user's function raises
        place = place_of(error)
        if place is None:
            raise
        told = f"{place.function}, line {place.number}"
        if is_of_tracing(error):  # its own text is a page about tracers
            raise TypeError(f"{told}: {of_tracing(error, place)}.") from None
        kind = TypeError if isinstance(error, TypeError) else ValueError
        words = " ".join(str(error).split()) or type(error).__name__
        code = f" (`{place.code}`)" if place.code else ""
        raise kind(f"{told}{code}: {words}") from error


def place_of(error: BaseException) -> Place | None:
    """The innermost line that ran of a user's code, or of a model of the library; None where none did."""
    walked = zip(traceback.walk_tb(error.__traceback__), traceback.extract_tb(error.__traceback__), strict=True)
    found = None
    for (frame, _), summary in walked:
        file = summary.filename
        if file.startswith(MODELS) or not file.startswith((OURS, *THEIRS)):
            found = frame.f_code.co_qualname, summary
    if found is None:
        return None
    name, summary = found
    whole = linecache.getline(summary.filename, summary.lineno or 0)
    last = summary.end_colno if summary.end_lineno == summary.lineno else None
    code = whole.encode()[summary.colno or 0 : last].decode(errors="replace")
    parts = name.split(".<locals>.")  # of functions within functions, the method is told
    method = next((part for part in reversed(parts) if "." in part), parts[0])
    return Place(method, summary.lineno or 0, whole.strip(), shorten(code.strip(), WIDE))


def is_of_tracing(error: BaseException | None) -> bool:
    """Whether something asked for a number that is not known yet; NumPy may have said it in other words."""
    while error is not None:
        if isinstance(error, TRACED) or (isinstance(error, TypeError | ValueError) and "Tracer" in str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def of_tracing(error: BaseException, place: Place) -> str:
    """What a line asked for that is not known yet, and what to write instead."""
    code, line = place.code or place.line, place.line
    shown = f"`{code}`" if code else "this line"
    foreign = re.search(r"\b(np|numpy|math)\.(\w+)", code) or re.search(r"\b(np|numpy|math)\.(\w+)", line)
    if isinstance(error, errors.TracerBoolConversionError):
        return f"{shown} must be true or false, {UNKNOWN}; {_instead_of_truth(code, line)}"
    if isinstance(error, errors.UnexpectedTracerError):
        return f"{shown} uses a value that was kept from another call, in self or a global; return it instead"
    if isinstance(error, errors.NonConcreteBooleanIndexError):
        return f"{shown} chooses some entries, {UNKNOWN}; keep all and write jnp.where(condition, array, 0)"
    if isinstance(error, errors.TracerIntegerConversionError):
        return f"{shown} needs a whole number, {UNKNOWN}; let sizes be int fields, and index with jnp.asarray(...)[i]"
    if found := re.search(r"\b(float|int|bool)\(|\.(item|tolist)\(", code):
        return f"{shown} asks for the number, {UNKNOWN}; leave {(found[1] or found[2])}(...) out"
    if foreign:
        name = foreign[2] if hasattr(jnp, foreign[2]) else "..."
        return f"{shown} calls {foreign[1]}.{foreign[2]}, which wants numbers, {UNKNOWN}; write jnp.{name}"
    return f"{shown} asks for a number, {UNKNOWN}; write it with jax.numpy alone"


def _instead_of_truth(code: str, line: str) -> str:
    """What to write instead of a decision."""
    if found := re.search(r"\b(min|max)\(", code):
        return f"write jnp.{found[1]}imum"
    if line.startswith("while "):
        return "write jax.lax.while_loop, or a fixed number of rounds"
    if line.startswith("assert "):
        return "leave it out, or let admissible(s) say it"
    if re.search(r"[<>]=?[^<>=]*[<>]", code) or re.search(r"\b(and|or|not)\b", code):
        return "write &, | and ~ between comparisons in brackets, and jnp.where(condition, a, b) for `if`"
    return "write jnp.where(condition, a, b) instead of `if`"
