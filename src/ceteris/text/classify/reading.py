"""Texts as they come: lists, series, columns; each must be one, with something in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ceteris.arguments import shown


def read_texts(name: str, given: Any) -> list[str]:
    """Return texts as a list of strings.

    Parameters
    ----------
    name : str
        For messages.
    given : list, Series, array or data frame of one column

    Examples
    --------
    >>> read_texts("X", ("up", "down"))
    ['up', 'down']
    >>> read_texts("X", ["up", " "])
    Traceback (most recent call last):
    ValueError: X: number 1 (from 0) is empty, but must hold text; drop it, or write what stands for nothing.
    """
    texts = as_list(name, given)
    for place, text in enumerate(texts):
        if isinstance(text, str):
            if not text.strip():
                raise ValueError(
                    f"{name}: number {place} (from 0) is empty, but must hold text; drop it, or write what stands for "
                    "nothing."
                )
        else:
            missing = text is None or text is not text or text != text
            do = "drop it or fill it in" if missing else "write it as text"
            raise TypeError(f"{name}: number {place} (from 0) is {shown(text)}, but must be a text; {do}.")
    return texts


def as_list(name: str, given: Any, what: str = "texts") -> list[Any]:
    """Return what was given as a list with something in it; one string is not a list of texts."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        kind = "one string" if isinstance(given, str) else shown(given)
        raise TypeError(f"{name}: {kind} was given, but a list of {what} is needed; put it into a list.")
    columns = getattr(given, "columns", None)
    if columns is not None:
        if len(columns) != 1:
            raise ValueError(
                f"{name} has {len(columns)} columns, but must have one, of {what}; choose it, such as data['text']."
            )
        given = given[columns[0]]  # pyright: ignore[reportIndexIssue]
    if isinstance(given, np.ndarray) and given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    found = list(getattr(given, "tolist", lambda: given)())
    if not found:
        raise ValueError(f"{name} holds none, but must hold at least one of the {what}; give one.")
    return found
