"""What a report shows beside estimates: checks, tables, figures, and sections of them. Part of `ceteris.results`.

A figure carries the numbers it shows, so that a reader can download them and a test can check them without looking at
pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from ceteris.arguments import nearest, one_of
from ceteris.drawing import pdf, png, svg
from ceteris.files import replace_file
from ceteris.outlets import brief, prose, screen

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas as pd

FORMATS = (".pdf", ".png", ".svg")
WIDE = 72  # characters of a title on a screen


@dataclass(frozen=True)
class Check:
    """One claim about a result, with the evidence for it.

    Parameters
    ----------
    name : str
        What is checked, in a few words.
    passed : bool or None
        Whether the claim holds; None if it could not be judged.
    sentence : str
        What was found and, where the check failed, what to do about it.
    value : float, optional
        The measured figure.
    bar : float, optional
        The threshold it is held against.

    Examples
    --------
    >>> Check("held-out fit", True, "R² on the test rows is 0.91.", value=0.91, bar=0.0).verdict
    'pass'
    """

    name: str
    passed: bool | None
    sentence: str
    value: float | None = None
    bar: float | None = None

    @property
    def verdict(self) -> str:
        """One of 'pass', 'fail' and 'not judged'."""
        return {True: "pass", False: "fail", None: "not judged"}[self.passed]

    def __str__(self) -> str:
        return f"{self.verdict}: {prose(self.name)}. {prose(self.sentence)}"


@dataclass(frozen=True, repr=False)
class Table:
    """A data frame with a title and a note under it."""

    title: str
    frame: pd.DataFrame
    note: str = ""

    def __repr__(self) -> str:
        return f"Table({brief(self.title, WIDE)!r}, {len(self.frame)} rows)"

    def __str__(self) -> str:
        return "\n".join([prose(self.title), screen(self.frame), *([prose(self.note)] if self.note else [])])


@dataclass(frozen=True, repr=False)
class Figure:
    """A picture as a function of the numbers it shows; in a notebook it shows itself.

    Parameters
    ----------
    title : str
        What is drawn.
    caption : str
        What to see in it.
    data : DataFrame
        Every number in the picture.
    draw : callable
        ``draw(figure, data)`` draws ``data`` on an empty ``matplotlib.figure.Figure``.
    size : (float, float)
        Width and height in inches.
    """

    title: str
    caption: str
    data: pd.DataFrame
    draw: Callable[[matplotlib.figure.Figure, pd.DataFrame], None]
    size: tuple[float, float] = (6.4, 4.0)

    def save(self, path: str | Path) -> Path:
        """Save the picture; the ending of the name says as what.

        Parameters
        ----------
        path : path
            A name that ends in .pdf or .svg, which can be enlarged, or in .png. The folder is made if it is missing.

        Returns
        -------
        Path
            The file.
        """
        path = Path(path)
        one_of("path: its ending", path.suffix, FORMATS)
        if path.is_dir():
            raise ValueError(f"path: {path} is a folder, but must be a file; name one in it.")
        replace_file(path, {".pdf": pdf, ".png": png, ".svg": svg}[path.suffix](self))
        return path

    def show(self) -> None:
        """Show the picture: in a notebook below the cell, elsewhere as a file that the system opens."""
        if _in_notebook():
            from IPython.display import display  # pyright: ignore[reportMissingImports]

            display(self)
            return
        import tempfile
        import webbrowser

        path = self.save(Path(tempfile.mkdtemp(prefix="ceteris-")) / "figure.png")
        print(f"{prose(self.title)}: {path}")
        webbrowser.open(path.as_uri())

    def _repr_png_(self) -> bytes:
        return png(self)

    def __repr__(self) -> str:
        return f"Figure({brief(self.title, WIDE)!r}, {len(self.data)} rows; .show(), .save('name.pdf'))"


def _in_notebook() -> bool:
    """Whether what is displayed is drawn, not printed."""
    import sys

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and shell.has_trait("kernel")


class Figures(tuple[Figure, ...]):
    """The figures of a result, by number or by title.

    Examples
    --------
    >>> import pandas as pd
    >>> line = Figure("A line", "", pd.DataFrame({"x": [0, 1]}), lambda f, d: f.subplots().plot(d.x))
    >>> figures = Figures([line])
    >>> figures
    Figures: 'A line'
    >>> figures["A line"] is figures[0]
    True
    """

    def __new__(cls, figures: Iterable[Figure] = ()) -> Figures:
        """Collect figures; of several with one title, the title finds the first."""
        return super().__new__(cls, figures)

    @property
    def titles(self) -> tuple[str, ...]:
        """What each is called."""
        return tuple(figure.title for figure in self)

    @overload
    def __getitem__(self, which: SupportsIndex | str) -> Figure: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Figure, ...]: ...
    def __getitem__(self, which: Any) -> Any:
        if not isinstance(which, str):
            return super().__getitem__(which)
        if which not in self.titles:
            near = nearest(which, self.titles)
            there = ", ".join(map(repr, self.titles)) or "there are none"
            hint = f"did you mean {near!r}?" if near else "choose one."
            raise KeyError(f"figure: {which!r} is not among those there are ({there}); {hint}")
        return super().__getitem__(self.titles.index(which))

    def __repr__(self) -> str:
        return "Figures: " + (", ".join(map(repr, self.titles)) or "none")


@dataclass(frozen=True)
class Section:
    """One part of a report: a title, some paragraphs, and the evidence.

    Parameters
    ----------
    title : str
        Heading.
    text : str
        Paragraphs separated by blank lines; plain text.
    tables : tuple of Table
        Shown below the text.
    figures : tuple of Figure
        Shown below the tables.
    checks : tuple of Check
        Shown last.
    """

    title: str
    text: str = ""
    tables: tuple[Table, ...] = field(default=())
    figures: tuple[Figure, ...] = field(default=())
    checks: tuple[Check, ...] = field(default=())
