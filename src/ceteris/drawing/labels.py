r"""The texts of a figure on their way to the page: every character shows, and none of them can lose the picture.

What comes from the data (the name of a column, a label) is shown as it is: its dollar signs are dollar signs. What the
drawing itself writes may be mathematics, such as ``$\beta$``, where matplotlib can read it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.category import StrCategoryFormatter
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter

from ceteris.outlets import label

if TYPE_CHECKING:
    import pandas as pd

SIZES = ((60, 12), (30, 5), (15, 2), (8, 1))  # characters of a line, and lines; the first that leaves room is taken
SURE = (30, 3)  # for which there is room in any figure
LEAST = 0.4  # of the size that axes would have without any text
_MATHS = re.compile(r"[^$]*(?:\$[^\s$](?:[^$]*[^\s$])?\$(?!\d)[^$]*)+")  # pairs that hug what they enclose
_Change = Callable[[str], str]


def settle(canvas: Any, data: pd.DataFrame) -> None:
    """Make every text of a figure fit to be shown, after it is drawn on and before it is rendered.

    Parameters
    ----------
    canvas : matplotlib.figure.Figure
    data : DataFrame
        What was drawn.
    """
    is_math = _math_of(data)
    slots = [*_artists(canvas), *_ticks(canvas)]
    below = any(_has_words(axes.xaxis) for axes in canvas.axes)
    for most, lines in SIZES:
        change = lambda text, most=most, lines=lines: label(text, most, lines, lambda line: is_math(text, line))
        for _, write in slots:
            write(change)
        if (not below and all(_is_small(change(text)) for text, _ in slots)) or _has_room(canvas):
            return


def _is_small(text: str) -> bool:
    lines = text.split("\n")
    return len(lines) <= SURE[1] and max(map(len, lines)) <= SURE[0]


def _artists(canvas: Any) -> Iterator[tuple[str, Callable[[_Change], None]]]:
    """Each text on the figure, and how to write a changed one in its place."""
    for artist in canvas.findobj(Text):
        text = artist.get_text()
        yield text, lambda change, artist=artist, text=text: artist.set_text(change(text))


def _ticks(canvas: Any) -> Iterator[tuple[str, Callable[[_Change], None]]]:
    """The longest text beside each axis that words stand at, and how to have all of them changed.

    Matplotlib writes these when it renders; the labels of numbers are its own, and are left alone.
    """
    for axis in (axis for axes in canvas.axes for axis in axes._axis_map.values()):
        for formatter, set_formatter, which in (
            (axis.get_major_formatter(), axis.set_major_formatter, "major"),
            (axis.get_minor_formatter(), axis.set_minor_formatter, "minor"),
        ):
            if isinstance(formatter, FixedFormatter | FuncFormatter | StrCategoryFormatter):
                shown = _Changed(formatter)
                set_formatter(shown)
                texts = [tick.get_text() for tick in axis.get_ticklabels(which=which)]
                yield max(texts, key=len, default=""), shown.use


class _Changed(Formatter):
    """What another formatter writes, changed."""

    def __init__(self, inner: Formatter) -> None:
        self.inner, self.change = inner, str

    def use(self, change: _Change) -> None:
        self.change = change

    def set_axis(self, axis: Any) -> None:
        super().set_axis(axis)
        self.inner.set_axis(axis)

    def __call__(self, x: Any, pos: int | None = None) -> str:
        return self.change(self.inner(x, pos))

    def format_ticks(self, values: Any) -> list[str]:
        return [self.change(text) for text in self.inner.format_ticks(values)]

    def get_offset(self) -> str:
        return self.change(self.inner.get_offset())

    def set_locs(self, locs: Any) -> None:
        self.inner.set_locs(locs)


def _has_room(canvas: Any) -> bool:
    """Whether the texts leave the axes their share of the figure; words that would overlap below it are slanted."""
    said = _lay_out(canvas)
    if crowded := [axes.xaxis for axes in canvas.axes if _overlaps(axes.xaxis)]:
        for word in (word for axis in crowded for word in axis.get_ticklabels()):
            word.set(rotation=30, ha="right", rotation_mode="anchor")
        said = _lay_out(canvas)
    placed = [(axes.get_position(original=True), axes.get_subplotspec()) for axes in canvas.axes]
    pairs = [(box, spec.get_position(canvas)) for box, spec in placed if spec is not None]
    narrow = any(box.width < LEAST * whole.width or box.height < LEAST * whole.height for box, whole in pairs)
    return not narrow and "collapsed" not in said


def _lay_out(canvas: Any) -> str:
    """Place everything; return what matplotlib complains of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        canvas.draw_without_rendering()
    return " ".join(str(warning.message) for warning in said)


def _has_words(axis: Any) -> bool:
    return isinstance(axis.get_major_formatter(), _Changed)


def _overlaps(axis: Any) -> bool:
    """Whether words beside an axis run into each other."""
    if not _has_words(axis):
        return False
    words = [word for word in axis.get_ticklabels() if word.get_text() and word.get_rotation() == 0]
    boxes = sorted((box.x0, box.x1) for box in (word.get_window_extent() for word in words))
    return any(one[1] > next_[0] for one, next_ in pairwise(boxes))


def _math_of(data: pd.DataFrame) -> Callable[[str, str], bool]:
    """Return what tells of a line of a text whether it is mathematics."""
    known: list[str] = []

    def is_math(text: str, line: str) -> bool:
        if not known:
            known.extend(["$$", *_with_dollars(data)])
        short = len(line) <= 5 * SIZES[0][0]
        return short and not any(part in text for part in known) and bool(_MATHS.fullmatch(line)) and _parses(line)

    return is_math


def _with_dollars(data: pd.DataFrame) -> set[str]:
    """Names and labels of the data that hold a dollar sign."""
    axes = [part for axis in (data.columns, data.index) for name in axis for part in _parts(name)]
    cells = [
        value for name, kind in enumerate(data.dtypes) if kind.kind not in "biufcmM" for value in data.iloc[:, name]
    ]
    return {text for text in [*axes, *cells] if isinstance(text, str) and "$" in text}


def _parts(name: Any) -> tuple[Any, ...]:
    return name if isinstance(name, tuple) else (name,)


def _parses(line: str) -> bool:
    """Whether matplotlib can set a line as mathematics; it raises when it draws one that it cannot."""
    try:
        MathTextParser("path").parse(line)
    except (ValueError, RecursionError):
        return False
    return True
