"""Choosing an option by its name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def choose(argument: str, name: object, options: Mapping[str, T]) -> T:
    """The option called `name`, or an error that lists the names there are.

    Parameters
    ----------
    argument : str
        What the caller's argument is called; it opens the message.
    name : object
        What was given.
    options : mapping of str
        What is allowed.

    Raises
    ------
    ValueError
        If `name` is not a key of `options`.

    Examples
    --------
    >>> choose("colour", "red", {"red": 1, "blue": 2})
    1
    """
    if isinstance(name, str) and name in options:
        return options[name]
    near = difflib.get_close_matches(str(name).lower(), options, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"{argument}={name!r} is not known: choose one of {', '.join(options)}{hint}")
