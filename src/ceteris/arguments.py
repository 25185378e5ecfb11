"""What an argument may be, asked before any work starts: one sentence says what it is, what it must be and what to do.

A function asks about one argument at a time (`one_of`, `whole`, `number`); `check` asks about all the settings of an
estimator at once. The sentence is the same everywhere: "level is 2, but must be a number above 0 and below 1; give one,
such as 0.95."
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 30  # names that a sentence lists


@dataclass(frozen=True)
class Rule:
    """What a value must be, in words that follow "must be", and the test of it."""

    words: str
    holds: Callable[[Any], bool]

    def or_none(self) -> Rule:
        """Allow None too."""
        return Rule(f"None or {self.words}", lambda value: value is None or self.holds(value))

    def or_several(self, of: str, least: int = 0) -> Rule:
        """Allow a tuple of at least so many of them too, one for each of something."""

        def holds(given: Any) -> bool:
            several = isinstance(given, list | tuple)
            return len(given) >= least and all(map(self.holds, given)) if several else self.holds(given)

        return Rule(f"{self.words} or a tuple of such, one per {of}", holds)


def a_whole_number(least: int = 1, most: float = math.inf) -> Rule:
    """Return the rule of whole numbers between two, both included."""
    words = f"a whole number of at least {least}" + (f" and at most {most}" if most < math.inf else "")
    return Rule(words, lambda v: isinstance(v, Integral) and not isinstance(v, bool) and least <= int(v) <= most)


def a_number(
    *, above: float | None = None, least: float | None = None, below: float | None = None, most: float | None = None
) -> Rule:
    """Return the rule of numbers between two; `least` and `most` are themselves allowed."""
    limits = (("above", above), ("of at least", least), ("below", below), ("at most", most))
    words = " and ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)

    def holds(value: Any) -> bool:
        if isinstance(value, bool | str):
            return False
        try:
            v = float(value)
        except (TypeError, ValueError):
            return False
        enough = math.isfinite(v) and (above is None or v > above) and (least is None or v >= least)
        return enough and (below is None or v < below) and (most is None or v <= most)

    return Rule(f"a number {words}".rstrip(), holds)


COUNT, SHARE = a_whole_number(), a_number(least=0, below=1)
LIKELY, PROBABILITIES = a_number(above=0, most=1), a_number(least=0, most=1)
POSITIVE, NOT_NEGATIVE, INSIDE = a_number(above=0), a_number(least=0), a_number(above=0, below=1)
WIDTHS = Rule(
    "a tuple of one or more whole numbers of at least 1, one per hidden layer",
    lambda given: isinstance(given, list | tuple) and len(given) > 0 and all(map(COUNT.holds, given)),
)
SETTINGS = {  # a setting of an estimator or generator that has one of these names follows its rule
    **dict.fromkeys(("members", "epochs", "steps", "batch_size", "patience", "width", "depth", "latent"), COUNT),
    **dict.fromkeys(("components", "iterations", "donors", "pool", "dimensions", "window", "negative"), COUNT),
    **dict.fromkeys(("critic_moves", "draws"), COUNT),
    **dict.fromkeys(("dropout", "corruption", "validation"), SHARE),
    "rate": POSITIVE,
    "weight_decay": NOT_NEGATIVE,
    "widths": WIDTHS,
}


def require(argument: str, given: Any, rule: Rule, do: str = "give one") -> Any:
    """Return what was given if it follows the rule; otherwise say what it must be, and what to do.

    Examples
    --------
    >>> require("NeuralRegressor: patience", 0, COUNT)
    Traceback (most recent call last):
    ValueError: NeuralRegressor: patience is 0, but must be a whole number of at least 1; give one.
    """
    if rule.holds(given):
        return given
    raise ValueError(f"{argument} is {shown(given)}, but must be {rule.words}; {do}.")


def whole(argument: str, given: Any, least: int = 1, most: float = math.inf, such_as: int | None = None) -> int:
    """Return a whole number between two, both included.

    Examples
    --------
    >>> whole("folds", 1, least=2, such_as=5)
    Traceback (most recent call last):
    ValueError: folds is 1, but must be a whole number of at least 2; give one, such as 5.
    """
    return int(require(argument, given, a_whole_number(least, most), _example(such_as)))


def number(argument: str, given: Any, such_as: float | None = None, **limits: float | None) -> Any:
    """Return a number within limits, which are those of `a_number`.

    Examples
    --------
    >>> number("level", 2, above=0, below=1, such_as=0.95)
    Traceback (most recent call last):
    ValueError: level is 2, but must be a number above 0 and below 1; give one, such as 0.95.
    """
    return require(argument, given, a_number(**limits), _example(such_as))


def probability(argument: str, given: Any, such_as: float = 0.95) -> Any:
    """Return a number strictly between 0 and 1, such as the level of an interval."""
    return require(argument, given, INSIDE, _example(such_as))


def one_of(argument: str, given: Any, allowed: Iterable[T], kind: str = "one of") -> T:
    """Return the one that was given of those allowed; otherwise list them, and say which was probably meant.

    Examples
    --------
    >>> one_of("rule", "adma", ("sgd", "adam"))
    Traceback (most recent call last):
    ValueError: rule is 'adma', but must be one of sgd, adam; did you mean 'adam'?
    >>> one_of("target", "q", ("x", "yield"), kind="a column of the data:")
    Traceback (most recent call last):
    ValueError: target is 'q', but must be a column of the data: x, yield; choose one of them.
    """
    allowed = tuple(allowed)
    if getattr(given, "ndim", 0) == 0 and given in allowed:
        return given
    near = nearest(given, allowed)
    do = f"did you mean {near!r}?" if near else "choose one of them."
    raise ValueError(f"{argument} is {shown(given)}, but must be {kind} {listed(allowed)}; {do}")


def choose(argument: str, name: object, options: Mapping[str, T]) -> T:
    """Return the option of this name.

    Examples
    --------
    >>> choose("colour", "red", {"red": 1, "blue": 2})
    1
    """
    return options[one_of(argument, name, options)]  # pyright: ignore[reportArgumentType]


def nearest(given: Any, allowed: Iterable[Any]) -> str:
    """Return the name that was probably meant, or nothing.

    Examples
    --------
    >>> nearest("Capitl", ["capital", "labour"]), nearest("zzz", ["capital"])
    ('capital', '')
    """
    names = {str(name).lower(): str(name) for name in allowed}
    return next((names[near] for near in get_close_matches(str(given).lower(), names, n=1)), "")


def as_many(argument: str, given: Sized, count: int, of: str) -> None:
    """Raise unless there is one for each of something.

    Examples
    --------
    >>> as_many("names", ["a"], 2, of="parameter")
    Traceback (most recent call last):
    ValueError: names holds 1, but must hold 2, one for each parameter; give as many.
    """
    if len(given) != count:
        raise ValueError(f"{argument} holds {len(given)}, but must hold {count}, one for each {of}; give as many.")


def check(settings: Any, **others: Rule) -> None:
    """Hold all settings of an estimator or generator against `SETTINGS` and others; those open by default may be None.

    Examples
    --------
    >>> @dataclass
    ... class Smoother:
    ...     width: int = 3
    ...     rate: float | None = None
    >>> check(Smoother(rate=-1.0))
    Traceback (most recent call last):
    ValueError: Smoother: rate is -1.0, but must be None or a number above 0; give one.
    """
    rules = SETTINGS | others
    for name, parameter in inspect.signature(type(settings)).parameters.items():
        if name in rules:
            rule = rules[name].or_none() if parameter.default is None else rules[name]
            require(f"{type(settings).__name__}: {name}", getattr(settings, name), rule)


def shown(given: Any) -> str:
    """Return a value as it is written, but cut where it is long."""
    text = repr(given.item() if hasattr(given, "item") and getattr(given, "ndim", 1) == 0 else given)
    return text if len(text) <= 80 else f"{text[:77]}..."


def listed(names: Iterable[Any]) -> str:
    """Return names in a row, but not too many.

    Examples
    --------
    >>> listed(range(32))[-21:]
    '27, 28, 29 and 2 more'
    """
    names = [str(name) if re.search(r"\w", str(name)) else repr(name) for name in names]
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def _example(such_as: Any) -> str:
    return "give one" if such_as is None else f"give one, such as {such_as}"
