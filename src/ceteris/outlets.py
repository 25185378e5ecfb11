"""Where text leaves: a label, a column name or a sentence on its way into a page, a table, a figure or a terminal.

Whatever a text holds, it arrives as one line, in one cell, and does nothing there. One notation serves all outlets:

- a line break is shown as ``↵`` and a tab as ``⇥`` (in LaTeX, and in figures the tab, by number);
- other control characters, separators of lines, marks that turn the direction of writing, and halves of surrogate
  pairs are shown by their number, as R writes them: ``<U+202E>``;
- what is too long for its place is cut in the middle: ``beginning…end``.

Different labels stay different, unless one of them writes out such a mark itself or they are alike at both ends.
Files of data are the exception: a CSV file holds every label whole and as it is (see `data_csv`).
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

HEADING, CELL, WORD, PARAGRAPH, SCREEN = 120, 500, 400, 20_000, 60  # characters that each place has room for

_SURROGATES = re.compile("[\ud800-\udfff]")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # controls, among them the escapes of terminals and what some readers take for a line's end
    "\u2028-\u202e\u2066-\u2069"  # separators of lines and paragraphs; marks that turn the direction of writing
    "\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"  # byte order mark; what is no character
)
_BREAKS = str.maketrans({"\n": "↵", "\t": "⇥"})
_LATEX = str.maketrans(
    {sign: "\\" + sign for sign in "&%_#${}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", '"': r"\symbol{34}"}
    | {sign: "{" + sign + "}" for sign in "[]*`"}  # after the end of a row [ and * are its options; ?` is a ligature
)
_MARKDOWN = str.maketrans({sign: "\\" + sign for sign in "\\`*_[]|~$"} | {"&": "&amp;", "<": "&lt;"})
_FORMULA = re.compile(r"'*[\s\x00-\x20\x7f-\xa0\u200b\ufeff]*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def visible(text: object) -> str:
    r"""Return a text as one line in which every character shows.

    Examples
    --------
    >>> print(visible("two\nlines"), visible("a\u2028b"), visible("\x1b[31mred"), visible("\ud800"))
    two↵lines a<U+2028>b <U+001B>[31mred <U+D800>
    """
    return _numbered(str(text).translate(_BREAKS))


def prose(text: object) -> str:
    r"""Return a paragraph as one line: any white space is a space, and no word is too long to be read.

    Examples
    --------
    >>> prose("A  sentence\nand another.")
    'A sentence and another.'
    """
    words = [brief(word, WORD) for word in str(text).split()]
    return shorten(" ".join(words), PARAGRAPH)


def shorten(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters: what is too long loses its middle.

    Examples
    --------
    >>> shorten("a name of many letters", 12), shorten("short", 12)
    ('a name o…ers', 'short')
    """
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return text[: most - 1 - tail] + "…" + text[len(text) - tail :]


def brief(text: object, most: int) -> str:
    r"""Return a text as one line in which every character shows, at most ``most`` of them.

    Examples
    --------
    >>> brief("a name\nof many letters", 12)
    'a name↵o…ers'
    """
    return shorten(visible(_ends(str(text), most)), most)


# ------------------------------------------------------------------------------------------------------------- markup


def html(text: object, most: int = CELL) -> str:
    r"""Return a label for an HTML element or attribute, at most ``most`` characters of it.

    Examples
    --------
    >>> html('<b> & "c"\r')
    '&lt;b&gt; &amp; &quot;c&quot;&lt;U+000D&gt;'
    """
    return escape(brief(text, most))


def html_prose(text: object) -> str:
    """Return a paragraph for an HTML element or attribute."""
    return escape(prose(text))


def latex(text: object) -> str:
    r"""Return a label for a cell of a LaTeX table; characters outside ASCII are left to the reader's TeX.

    Examples
    --------
    >>> print(latex(r"50 % of x_1 \ {y}"), latex("[0, 1)"))
    50 \% of x\_1 \textbackslash{} \{y\} {[}0, 1)
    """
    return _numbered(str(text)).translate(_LATEX)


def latex_table(rows: list[list[str]]) -> str:
    r"""Return a ``tabular`` of rows, the first of which heads the others.

    Examples
    --------
    >>> print(latex_table([["", "x"], ["a_1", "2"]]))
    \begin{tabular}{lr}
    \hline
     & x \\
    \hline
    a\_1 & 2 \\
    \hline
    \end{tabular}
    """
    head, *body = [" & ".join(latex(cell) for cell in row) + r" \\" for row in rows]
    lines = ["\\begin{tabular}{l" + "r" * (len(rows[0]) - 1) + "}", r"\hline", head, r"\hline", *body, r"\hline"]
    return "\n".join([*lines, r"\end{tabular}"])


def markdown(text: object) -> str:
    r"""Return a label for a cell of a Markdown table, as CommonMark and GitHub read it.

    Examples
    --------
    >>> print(markdown("a|b"), markdown("*x*"), markdown("<br>"), markdown("# 1"))
    a\|b \*x\* &lt;br> \# 1
    """
    line = visible(text).translate(_MARKDOWN)
    line = "\\" + line if line.startswith("#") else line
    ends = len(line) - len(line.lstrip(" ")), len(line) - len(line.rstrip(" "))
    return line if ends == (0, 0) else "&#32;" * ends[0] + line.strip(" ") + "&#32;" * (ends[1] if line.strip() else 0)


def markdown_table(rows: list[list[str]]) -> str:
    r"""Return a table of rows, the first of which heads the others.

    Examples
    --------
    >>> print(markdown_table([["", "x"], ["a|b", "2"]]))
    |  | x |
    | --- | ---: |
    | a\|b | 2 |
    """
    cells = [[markdown(cell) for cell in row] for row in rows]
    cells.insert(1, ["---"] + ["---:"] * (len(rows[0]) - 1))
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


# ------------------------------------------------------------------------------------------------------------ screens


def terminal(text: object) -> str:
    r"""Return lines for a terminal: line breaks stay, and no character steers the screen.

    Examples
    --------
    >>> terminal("first\nsecond \x1b[2J")
    'first\nsecond <U+001B>[2J'
    """
    return "\n".join(brief(line, 40 * SCREEN) for line in str(text).split("\n"))


def say(text: object) -> None:
    """Print lines at once."""
    print(terminal(text), flush=True)


def say_on(text: object) -> None:
    """Print a text at once and stay behind it, as what is written piece by piece needs it."""
    print(terminal(text), end="", flush=True)


def screen(frame: pd.DataFrame, **options: Any) -> str:
    r"""Return a data frame as a table for a terminal; ``options`` as for ``DataFrame.to_string``.

    Examples
    --------
    >>> import pandas as pd
    >>> print(screen(pd.DataFrame({"x": [1]}, index=["two\nlines"])))
               x
    two↵lines  1
    """
    out, label = _map_cells(frame, lambda text: brief(text, CELL)), lambda text: brief(text, SCREEN)
    out.columns, out.index = _map_labels(frame.columns, label), _map_labels(frame.index, label)
    return out.to_string(**options)


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of results that prints all it holds, where pandas would put dots; what is made of it does not.

    Examples
    --------
    >>> import pandas as pd
    >>> print(whole(pd.DataFrame({"sentence": ["It takes more than fifty characters to say what is wrong here."]})))
                                                             sentence
    0  It takes more than fifty characters to say what is wrong here.
    """
    return _whole_frame()(frame)


@functools.cache
def _whole_frame() -> Any:
    import pandas as pd

    class WholeFrame(pd.DataFrame):
        """A frame that prints all it holds."""

        def __repr__(self) -> str:
            return self.to_string(max_colwidth=CELL, float_format="{:.4g}".format)

    return WholeFrame


# -------------------------------------------------------------------------------------------------------------- files


def json_text(value: Any) -> str:
    r"""Return a value as JSON that can be written as UTF-8; reading gives the same value back.

    Examples
    --------
    >>> print(json_text(["é", "\ud800"]).replace("\n", ""))
    [ "é", "\ud800"]
    """
    return _SURROGATES.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(value, indent=1, ensure_ascii=False))


def writable(text: str) -> str:
    """Return a text that UTF-8 can hold: half of a surrogate pair is written by its number."""
    return _numbered(text, _SURROGATES)


def file_name(text: object) -> str:
    """Return a name, without an ending, that every file system takes.

    Examples
    --------
    >>> file_name("Error: how large?"), file_name("../..")
    ('error-how-large', 'untitled')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")[:40].strip("-")
    return slug or "untitled"


def data_csv(frame: pd.DataFrame, path: Any = None, **layout: Any) -> str | None:
    r"""Write a table of data as CSV: every name and label as it is, for pandas, R and Stata to read again.

    Text that spreadsheets would run as a formula is **not** disarmed here: a label ``=A`` or ``-`` of the reader's own
    table must come back as itself. Only half of a surrogate pair, which no file can hold, is written by its number.

    Parameters
    ----------
    frame : DataFrame
        Its index is not written.
    path : path, optional
        Without it, the text is returned.
    layout
        What ``DataFrame.to_csv`` takes, such as ``sep`` and ``encoding``.

    Examples
    --------
    >>> import pandas as pd
    >>> data_csv(pd.DataFrame({"x": ["=A", "a,b"]}))
    'x\n=A\n"a,b"\n'
    """
    return _csv(_map_text(frame, writable), path, **layout)


def report_csv(frame: pd.DataFrame) -> str:
    r"""Return a table of results as CSV for people: a spreadsheet that opens it runs nothing.

    Text that begins, spaces and quotes aside, with ``=``, ``+``, ``-`` or ``@`` and is no number gets a ``'`` before
    it, which spreadsheets read as "this is text". `read_csv` takes it off again; numbers are not touched.

    Examples
    --------
    >>> import pandas as pd
    >>> report_csv(pd.DataFrame({"=x": ["@SUM(A1)", "-1"], "y": [-1.5, 2.0]}))
    "'=x,y\n'@SUM(A1),-1.5\n-1,2.0\n"
    """
    disarm = lambda text: "'" + text if _is_formula(text) else text
    return str(_csv(_map_text(frame, lambda text: disarm(writable(text)))))


def read_csv(text: str) -> list[list[str]]:
    r"""Return the rows of what `report_csv` wrote, headings first, with every text as it was.

    Examples
    --------
    >>> read_csv("'=x,y\n'@SUM(A1),-1.5\n")
    [['=x', 'y'], ['@SUM(A1)', '-1.5']]
    """
    import csv

    arm = lambda cell: cell[1:] if cell[:1] == "'" and _is_formula(cell[1:]) else cell
    before = csv.field_size_limit(2**31 - 1)
    try:  # not by lines: what Python calls the end of a line may stand within a cell
        return [[arm(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
    finally:
        csv.field_size_limit(before)


# ------------------------------------------------------------------------------------------------------------ figures


def label(text: object, most: int, lines: int = 12, is_math: Callable[[str], bool] = lambda line: False) -> str:
    r"""Return a text for matplotlib: lines stay lines, and a dollar sign is one unless ``is_math`` of its line.

    Examples
    --------
    >>> print(label("price in $, cost in $", 60), label("first\nsecond\t", 60))
    price in \$, cost in \$ first
    second<U+0009>
    """
    found = str(text).split("\n")
    found = found if len(found) <= lines else [*found[: lines - 1], "…"]
    plain = lambda line: shorten(_numbered(_ends(line, most)), most).replace("$", r"\$")
    known = lambda line: "$" in line and not _UNSEEN.search(line) and is_math(line)
    return "\n".join(line if known(line) else plain(line) for line in found)


def drawable(data: pd.DataFrame) -> pd.DataFrame:
    """Return the data of a figure with cells that pandas can turn into text of its own kind."""
    return _map_cells(data, writable)


def entry(text: object) -> str:
    """Return a name for a legend, which drops an empty one and those that begin with an underscore.

    Examples
    --------
    >>> entry("_id"), entry("x")
    (' _id', 'x')
    """
    name = str(text)
    return f" {name}" if not name or name.startswith("_") else name


# ----------------------------------------------------------------------------------------------------------- in common


def _ends(text: str, most: int) -> str:
    """Both ends of a text, as much of them as may be shown: what lies between need not be looked at."""
    return text if len(text) <= 2 * most else text[:most] + text[-most:]


def _numbered(text: str, which: re.Pattern[str] = _UNSEEN) -> str:
    return which.sub(lambda m: f"<U+{ord(m[0]):04X}>", text)


def _is_formula(text: str) -> bool:
    return bool(_FORMULA.match(text)) and not _NUMBER.fullmatch(text)


def _csv(frame: pd.DataFrame, path: Any = None, **layout: Any) -> str | None:
    """Write a frame; all texts are quoted where one holds what only quotes keep (a line's end, a byte order mark)."""
    import csv

    quoting = csv.QUOTE_NONNUMERIC if _holds(frame, re.compile("[\r\ufeff]")) else csv.QUOTE_MINIMAL
    return frame.to_csv(path, **{"index": False, "lineterminator": "\n", "quoting": quoting, **layout})


def _holds(frame: pd.DataFrame, what: re.Pattern[str]) -> bool:
    """Whether any heading or cell holds what is searched for."""
    texts = [{name for name in frame.columns if isinstance(name, str)}, *map(_texts, _text_columns(frame).values())]
    return any(what.search(text) for found in texts for text in found)


def _map_text(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return a frame with every text of its cells and headings changed."""
    out = _map_cells(frame, change)
    out.columns = _map_labels(frame.columns, change)
    return out


def _map_cells(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    out = frame.copy(deep=False)
    for j, column in _text_columns(frame).items():
        new = {text: change(text) for text in _texts(column)}
        if any(old != text for old, text in new.items()):
            out.isetitem(j, [new[value] if isinstance(value, str) else value for value in column])
    return out


def _text_columns(frame: pd.DataFrame) -> dict[int, pd.Series]:
    """Columns that may hold text, by their position."""
    numeric = lambda kind: kind.kind in "biufcmM" and str(kind) != "category"
    return {j: frame.iloc[:, j] for j, kind in enumerate(frame.dtypes) if not numeric(kind)}


def _texts(column: pd.Series) -> set[str]:
    """The different texts of a column."""
    values = column.cat.categories if str(column.dtype) == "category" else column
    return {value for value in values if isinstance(value, str)}


def _map_labels(labels: Any, change: Callable[[str], str]) -> Any:
    """Return the labels of an axis with their texts changed; the axis itself where there is nothing to change."""
    import pandas as pd

    each = lambda value: change(value) if isinstance(value, str) else value
    old, names = list(labels), [each(name) for name in labels.names]
    new: list[Any] = [tuple(map(each, value)) if isinstance(value, tuple) else each(value) for value in old]
    if new == old and names == list(labels.names):
        return labels
    return pd.Index(new, name=names[0]) if labels.nlevels == 1 else pd.MultiIndex.from_tuples(new, names=names)
