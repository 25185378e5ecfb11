"""Strings that break what they are written into, and for each outlet of text a check that it holds.

``hostile_strings(n, seed)`` gives the same strings every time, the known troublemakers first. ``outlets()`` gives a
check by the name of each outlet: a function of one string that raises where the outlet loses, changes or crashes on it.
What a text may look like when it has left is written here a second time, from the description, character by character.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import tempfile
import unicodedata
from collections.abc import Callable
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from ceteris import outlets as out
from ceteris.estimates.table import table
from ceteris.report import Run, figures, report
from ceteris.results import About, Check, Estimate, Figure, Section, Table

KNOWN = (
    "a\rb", "a\nb", "a\r\nb", "a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x0cb", "a\x1cb", "a\x1db",
    "a\x1eb", "a\x1fb", "a\0b", "\x1b[2J\x1b]0;title\x07", "a\x9b31mb", "\x7f", "a\tb", "\ufeffa",
    "a\ufffeb", "a\ufdd0b", "a\u202egpj.exe", "a\u2066b\u2069", "\ud800", "a\udfffb", "\udc80.csv", "=1+1",
    "=cmd|' /C calc'!A0", "+1+1", "-1+1", "-", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "'=1", "''=1",
    "＝1", "-1.5", "1e5", "'", '"', '""', '",=1', "a,b;c", "$", "$$", "$$$", r"$\foo$", r"$\frac{1}{$",
    "price in $, cost in $", r"\$", r"\$\$", "$_$", "${$", "$}$", "a^b_c", "\\", "\\\\", r"\\[1cm]",
    r"\input{/etc/passwd}", "{", "}", "{{}", "~", "^", "<", ">", "|", "||", "&", "&amp;", "%", "#",
    "# heading", "_", "_id", "__", "`", "``x`", "?`", "*", "**b**", "* item", "[a](javascript:alert(1))",
    "![x](y)", "[0, 1)", "<script>alert(1)</script>", "</td></tr><tr><td>", '" onmouseover="x', "<!--",
    "-->", "]]>", "<br>", "--", "…", "é", "Å", "名前", "العربية", "😀", "👩\u200d👩", "", " ", "  lead",
    "trail  ", "\u00a0", "\u200b", "NA", "nan", "None", "../../x", "con", r"a/b\c", "%s %d {0}",
    "x" * 140_000, "$" * 140_001, "\n" * 140_000, "<" * 140_000, "\x1b" * 140_000, "a " * 70_000,
    "$x" * 70_000, "\\" * 140_000, "$a" + " " * 140_000, "=" * 140_000, "'" * 140_000 + "=1", "{" * 140_000,
)  # fmt: skip
_SIGNS = "abc\\{}$&#^_~%|<>\"'`*[]()=+-@,;:!?/ \t\r\n\0\x1b\x85\u2028\ud800"
_PARTS = [text for text in KNOWN if len(text) < 40] + list(_SIGNS)


def hostile_strings(n: int, seed: int = 0) -> list[str]:
    """Return ``n`` strings: those known to break things, then mixtures of their parts."""
    draw = random.Random(seed)
    mixtures = ("".join(draw.choices(_PARTS, k=draw.randint(1, 12))) for _ in range(max(0, n - len(KNOWN))))
    return [*KNOWN, *mixtures][:n]


def outlets() -> dict[str, Callable[[str], None]]:
    """Return the check of each outlet."""
    return {
        "HTML": check_html,
        "CSV of a report": check_report_csv,
        "CSV of data": check_data_csv,
        "LaTeX": check_latex,
        "Markdown": check_markdown,
        "printed table": check_screen,
        "estimates side by side": check_estimate_table,
        "terminal": check_terminal,
        "JSON": check_json,
        "name of a file": check_file_name,
        "figure": check_figure,
    }


# ---------------------------------------------------------------------------------------- what may be shown for a text

_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def shown(text: str, breaks: bool = True) -> str:
    """One line in which every character shows, as described, character by character."""
    marks = {"\n": "↵", "\t": "⇥"} if breaks else {}
    return "".join(marks.get(sign) or (f"<U+{ord(sign):04X}>" if _unseen(sign) else sign) for sign in text)


@cache
def _unseen(sign: str) -> bool:
    odd = unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(sign) in _TURNS
    return odd or sign in "\ufeff\ufff9\ufffa\ufffb" or 0xFDD0 <= ord(sign) <= 0xFDEF or ord(sign) in (0xFFFE, 0xFFFF)


def same(found: str, text: str, most: int | None = None) -> None:
    """The text is there; where it is too long, its two ends are, and an ellipsis."""
    if most is None or len(text) <= most:
        assert found == text, (found[:200], text[:200])
        return
    assert len(found) <= most
    cut = found.index("…", most // 2)
    assert text.startswith(found[:cut])
    assert text.endswith(found[cut + 1 :])


def frame_of(text: str) -> pd.DataFrame:
    """Return two rows and two columns, one of each named by the text."""
    names = pd.Index([text, "value"], dtype=object)
    return pd.DataFrame({0: pd.Series([text, "calm"], dtype=object), 1: [-1.5, 2.0]}).set_axis(names, axis=1)


def estimate_of(text: str) -> Estimate:
    """Return two estimates, one of them of this name."""
    influence = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, -2.5]])
    checks = (Check(text, False, f"It failed: {text}."),)
    return Estimate(np.array([-1.5, 2.0]), influence, (text, "calm"), About(text), checks=checks)


# --------------------------------------------------------------------------------------------------------------- pages


class Page(HTMLParser):
    """Rows of cells of each table, headings, and the other words of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.words: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag in ("meta", "br", "hr", "img", "link"):
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag != "thead" and tag != "tbody":
            self.words.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] in self.words:
            self.words[self.open[-1]][-1] += data


def page_of(text: str) -> str:
    """Return the report of a run in which the text stands wherever a text can."""
    section = Section(text, f"{text} and more", (Table(text, frame_of(text), text),), (), (Check(text, None, text),))
    with tempfile.TemporaryDirectory() as home:
        with Run.create(Path(home) / "run", f"ceteris {text}", {text: text}, seed=0) as run:
            run.write([section])
        return report(run.folder).read_bytes().decode("utf-8")


def check_html(text: str) -> None:
    """One run whose every text is this one: words, rows and cells come back from its page."""
    source = page_of(text)
    assert not [sign for sign in set(source) - {"\n"} if _unseen(sign)]
    page = Page(source)
    (table,) = page.tables
    assert [len(row) for row in table] == [2, 2, 2]
    for cell in (table[0][0], table[1][0]):
        same(cell, shown(text), out.CELL)
    assert (table[2], table[0][1], table[1][1]) == (["calm", "2.000"], "value", "−1.500")
    for heading in (page.words["h2"][0], page.words["h3"][0], page.words["strong"][1]):
        same(heading, shown(text), out.HEADING)
    assert "script" not in page.words


# --------------------------------------------------------------------------------------------------------------- files


def check_report_csv(text: str) -> None:
    """A spreadsheet runs nothing, and our reader gives the text back."""
    frame = frame_of(text)
    written = out.report_csv(frame).encode("utf-8").decode("utf-8")
    csv.field_size_limit(10**9)
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert [len(row) for row in rows] == [2, 2, 2]
    assert rows[2] == ["calm", "2.0"]
    assert rows[1][1] == "-1.5"
    for cell in (rows[0][0], rows[1][0]):
        assert not starts_a_formula(cell), cell[:50]
    back = out.read_csv(written)
    whole = "".join(f"<U+{ord(sign):04X}>" if unicodedata.category(sign) == "Cs" else sign for sign in text)
    assert back == [[whole, "value"], [whole, "-1.5"], ["calm", "2.0"]]


def starts_a_formula(cell: str) -> bool:
    """Whether a spreadsheet might: what comes first is a sign of a formula, and it is no number."""
    rest = cell.lstrip("".join(map(chr, range(33))) + "\x7f\x85\xa0\u2028\u2029\u200b\ufeff\x1c\x1d\x1e\x1f")
    try:
        return rest[:1] in tuple("=+-@＝＋－＠") and not np.isfinite(float(rest))
    except ValueError:
        return True


def check_data_csv(text: str) -> None:
    """The csv module and pandas read the text as it was given."""
    whole = "".join(f"<U+{ord(sign):04X}>" if unicodedata.category(sign) == "Cs" else sign for sign in text)
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "data.csv"
        out.data_csv(frame_of(text), path)
        csv.field_size_limit(10**9)
        with path.open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file)) == [[whole, "value"], [whole, "-1.5"], ["calm", "2.0"]]
        back = pd.read_csv(path, keep_default_na=False, dtype={0: str})
    assert back.shape == (2, 2)
    assert back["value"].tolist() == [-1.5, 2.0]
    assert [str(v) for v in back.iloc[:, 0]] == [whole, "calm"]
    assert back.columns[0] == (whole or "Unnamed: 0")


def check_json(text: str) -> None:
    """It can be written as UTF-8 and reads back as the same."""
    read = json.loads(out.json_text({"a": [text, {text: 1}]}).encode("utf-8"))
    whole = read["a"][0].encode("utf-16", "surrogatepass")  # two halves of a pair that meet are one character after it
    assert whole == text.encode("utf-16", "surrogatepass")
    assert read == {"a": [read["a"][0], {read["a"][0]: 1}]}


def check_file_name(text: str) -> None:
    """It is short, not empty, and only of letters, digits and dashes."""
    assert re.fullmatch("[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", out.file_name(text))


# -------------------------------------------------------------------------------------------------------------- markup

_LATEX_TOKEN = re.compile(
    r"\\(textbackslash|textasciicircum|textasciitilde|textbar|textless|textgreater)\{\}"
    r"|\\(symbol\{34\})|\\([&%_#${}])|\{([\[\]*`])\}|([^\\{}&%$#_^~<>|\"\[\]*`])"
)
_NAMED = {"textbackslash": "\\", "textasciicircum": "^", "textasciitilde": "~", "textbar": "|", "textless": "<"}
_NAMED |= {"textgreater": ">", "symbol{34}": '"'}


def read_latex_cell(cell: str) -> str:
    """Return what TeX would set; anything that is more than a character is refused."""
    read, at = [], 0
    while at < len(cell):
        token = _LATEX_TOKEN.match(cell, at)
        assert token, f"TeX would not set this as text: {cell[at : at + 20]!r}"
        named, quote, escaped, grouped, plain = token.groups()
        read.append(_NAMED.get(named or quote or "", "") or escaped or grouped or plain)
        at = token.end()
    return "".join(read)


def check_latex(text: str) -> None:
    """A table of estimates: rows and cells are counted, and every cell reads as its text."""
    lines = estimate_of(text).summary("latex").split("\n")
    assert [lines[i] for i in (0, 1, 3, 6, 7)] == [r"\begin{tabular}{lrrrrrr}", *[r"\hline"] * 3, r"\end{tabular}"]
    assert len(lines) == 8
    rows = [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in (lines[2], lines[4], lines[5])]
    assert [len(row) for row in rows] == [7, 7, 7]
    assert [read_latex_cell(cell) for cell in rows[0]] == ["", "estimate", "std err", "t", "P>|t|", "2.5 %", "97.5 %"]
    same(read_latex_cell(rows[1][0]), shown(text, breaks=False))
    assert rows[2][0] == "calm"
    assert rows[1][1] == "-1.500"


def check_markdown(text: str) -> None:
    """A table of estimates as CommonMark and GitHub read it."""
    lines = estimate_of(text).summary("markdown").splitlines()
    assert len(lines) == 4
    rows = [[_unguarded(cell.strip(" ")) for cell in _guarded(line).split("|")] for line in lines]
    assert [len(row) for row in rows] == [9] * 4
    assert all(row[0] == row[-1] == "" for row in rows)
    same(read_markdown_cell(rows[2][1]), shown(text))
    assert rows[3][1] == "calm"


def _guarded(line: str) -> str:
    """Take escaped characters out of the way, so that the bars that are left divide cells."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", lambda m: f"\ue000{ord(m[1]):03d}", line)


def _unguarded(cell: str) -> str:
    return re.sub("\ue000(\\d{3})", lambda m: "\\" + chr(int(m[1])), cell)


def read_markdown_cell(cell: str) -> str:
    """Return what a reader sees; a sign that would be mark-up is refused."""
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", cell)
    assert not cell.startswith("#")
    assert not re.search(r"[\\`*_\[\]<~$|]|&(?!amp;|lt;|#32;)", bare), bare[:80]
    return re.sub(r"\\([!-/:-@\[-`{-~])|&(amp|lt|#32);", lambda m: m[1] or unescape(m[0]), cell)


# ------------------------------------------------------------------------------------------------------------- screens


def check_screen(text: str) -> None:
    """An estimate as it prints: as many lines as it has rows, and what failed below it."""
    lines = str(estimate_of(text)).splitlines()
    assert not [sign for line in lines for sign in set(line) if _unseen(sign)]
    first = next(i for i, line in enumerate(lines) if line.strip().startswith("estimate  std err"))
    assert first <= 2
    assert max(map(len, [*lines[:first], *lines[first + 3 :]])) <= 120
    assert len(lines) <= 25
    lines = ["", *lines[first:]]
    assert lines[4].startswith("n = 3")
    assert all(line.startswith(("! ", "  ")) for line in lines[5:])
    assert lines[3].startswith("calm")
    assert re.sub(r"\s", "", lines[2]).endswith("-1.5000.816-1.8370.066-3.1000.100") or "-1.500" in lines[2]
    assert max(map(len, lines[1:4])) < 150


def check_estimate_table(text: str) -> None:
    """Rows, titles and a foot of this text, as LaTeX, Markdown, HTML and on a screen."""
    made = table({text: estimate_of(text), "calm": estimate_of("quiet")}, extra={text: [text, ""]})
    lines = made.latex().split("\n")
    rows = [
        re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in lines if line.endswith(r" \\") and " & " in line
    ]
    assert [len(row) for row in rows[:9]] == [3] * 9
    for cell in (rows[0][1], rows[1][0], rows[8][0]):
        same(read_latex_cell(cell), shown(text, breaks=False))
    assert rows[1][1] == "$-$1.500"
    marked = made.markdown().splitlines()[2:10]
    cells = [[_unguarded(cell.strip(" ")) for cell in _guarded(line).split("|")] for line in marked]
    same(read_markdown_cell(cells[0][1]), shown(text))
    assert [len(row) for row in cells] == [5] * 8
    page = Page(made.html())
    assert [len(row) for row in page.tables[0]] == [3] * 9
    same(page.tables[0][1][0], shown(text), out.HEADING)
    assert page.tables[0][1][1] == "−1.500"
    said = str(made)
    assert not [sign for sign in set(said) - {"\n"} if _unseen(sign)]
    assert max(map(len, said.split("\n"))) <= 140


def check_terminal(text: str) -> None:
    """As many lines as it has, in which nothing steers the screen."""
    said = out.terminal(text)
    said.encode("utf-8")
    assert not [sign for sign in set(said) - {"\n"} if _unseen(sign)]
    assert said.count("\n") == text.count("\n")


# ------------------------------------------------------------------------------------------------------------- figures


def draw_everything(figure, data):
    """Draw a text in every place that a figure has for one."""
    axes = figure.subplots()
    label = str(data.iloc[0, 0])
    axes.barh(data.iloc[:, 0].astype(str), data["value"], label=out.entry(label))
    axes.set(title=label, xlabel=str(data.columns[0]), ylabel=f"of {label}")
    axes.set_xticks([0, 1], data.iloc[:, 0].tolist(), rotation=60)
    axes.annotate(label, (0.5, 0.0))
    axes.legend(title=label)


def check_figure(text: str) -> None:
    """It is drawn, and the drawing is XML."""
    written = figures.svg(Figure(text, text, frame_of(text), draw_everything))
    ElementTree.fromstring(written.encode("utf-8"))
    assert len(written) < 2_000_000
