"""What everything that was fitted promises: it comes back from a file as it was, and it shows itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.evidence import FORMATS, Figures
from ceteris.saved import load
from ceteris.showing import COLUMNS, LINES

_VOID = {"br", "hr", "img", "input", "meta", "link", "path", "use", "rect", "stop", "image"}


def check_saved(thing: Any, answer: Callable[[Any], Any]) -> None:
    """Check that something fitted comes back from a file and answers the same, to the bit.

    Parameters
    ----------
    thing : object
        With a method ``save(path)`` whose file `ceteris.load` reads.
    answer : callable
        Takes it and returns what it is for: predictions, effects, an interval. Arrays, frames, numbers, text, or lists
        of these.

    Examples
    --------
    >>> from ceteris import NeuralRegressor
    >>> X, y = np.arange(6.0)[:, None], np.arange(6.0)
    >>> net = NeuralRegressor(members=2, epochs=5, random_state=0).fit(X, y)
    >>> check_saved(net, lambda it: it.predict(X))
    """
    name = type(thing).__name__
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "thing.safetensors"
        before = answer(thing)
        thing.save(path)
        again = load(path)
        assert type(again) is type(thing), f"{name}: a {type(again).__name__} came back from its file"
        assert alike(answer(again), before), f"{name}: it answers differently after it was saved and loaded"
        assert alike(answer(thing), before), f"{name}: it answers differently after it was saved"
        again.save(path)
        assert alike(answer(load(path)), before), f"{name}: it answers differently after it was saved twice"
        _refuses_damage(path, name)


def check_shown(thing: Any, figures: bool = True) -> None:
    """Check that a result says what it is in one screen, in a notebook, in figures.

    Parameters
    ----------
    thing : object
        A result.
    figures : bool
        Whether it must have figures.

    Examples
    --------
    >>> from ceteris.evidence import Check, Section
    >>> from ceteris.showing import AbstractResult
    >>> class Answer(AbstractResult):
    ...     def summary(self):
    ...         return "The answer is 42."
    ...
    ...     def sections(self):
    ...         return (Section("Answer", checks=(Check("asked", None, "Nobody knows the question."),)),)
    >>> check_shown(Answer(), figures=False)
    """
    name = type(thing).__name__
    for text in (repr(thing), str(thing)):
        lines = text.split("\n")
        assert text.strip(), f"{name}: it prints nothing"
        assert len(lines) <= LINES, f"{name}: it prints {len(lines)} lines, more than {LINES}"
        longest = max(map(len, lines))
        assert longest <= COLUMNS, f"{name}: it prints a line of {longest} characters, more than {COLUMNS}"
        assert " object at 0x" not in text, f"{name}: it prints an address"
    _is_html(thing._repr_html_(), name)
    found = thing.figures
    assert isinstance(found, Figures), f"{name}: .figures is a {type(found).__name__}, not Figures"
    assert found or not figures, f"{name}: it has no figures"
    if found:
        assert thing.plot().title == found[0].title, f"{name}: plot() is not the first of its figures"
    with tempfile.TemporaryDirectory() as folder:
        for figure in found[:1]:
            for ending in FORMATS:
                size = figure.save(Path(folder) / f"figure{ending}").stat().st_size
                assert size > 1000, f"{name}: figure {figure.title!r} is empty as {ending}"


def alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same, to the bit; NaN is itself."""
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if isinstance(one, str | bool | None):
        return one == other
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))


def _refuses_damage(path: Path, name: str) -> None:
    """A byte that changed, and an end that is missing, are noticed."""
    whole = path.read_bytes()
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        try:
            load(path)
        except ValueError as error:
            said = str(error)
        else:
            said = "nothing"
        assert said.startswith(f"path: {path}"), f"{name}: a damaged file is refused with {said!r}"


class _Tags(HTMLParser):
    """Follows the tags of a page and what is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def _is_html(text: str, name: str) -> None:
    tags = _Tags()
    tags.feed(text)
    assert "<div" in text, f"{name}: _repr_html_ gives no HTML"
    assert not tags.wrong + tags.open, f"{name}: its HTML does not close {', '.join(tags.wrong + tags.open)}"
    assert "<script" not in text, f"{name}: its HTML holds a script"
