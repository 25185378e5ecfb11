"""Tables of estimates as text, Markdown, LaTeX and HTML: rows of cells in, one text out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ceteris.estimates.words import lines_of
from ceteris.outlets import CELL, HEADING, brief, html, html_prose, latex, markdown, markdown_table, prose

LABEL = 40  # characters of a label or title on a screen
CSS = """
.ceteris-table { background: #ffffff; color: #24272d; padding: .75rem 1rem; max-width: 60rem; border-radius: 4px;
  font: .875rem/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.ceteris-table div { overflow-x: auto; }
.ceteris-table table { border-collapse: collapse; margin: 0; border: 0; border-top: 2px solid #24272d;
  border-bottom: 2px solid #24272d; font-variant-numeric: tabular-nums; color: #24272d; background: #ffffff; }
.ceteris-table th, .ceteris-table td { padding: .1rem .9rem; text-align: center; border: 0; background: #ffffff;
  font-weight: 400; white-space: nowrap; }
.ceteris-table th[scope="row"] { text-align: left; padding-left: .2rem; }
.ceteris-table tr.rule th, .ceteris-table tr.rule td { border-top: 1px solid #24272d; }
.ceteris-table thead th { font-weight: 600; padding: .3rem .9rem; }
.ceteris-table tr.below td, .ceteris-table tr.below th { padding-bottom: .4rem; color: #5a606b; }
.ceteris-table p { margin: .4rem 0 0; font-size: .75rem; color: #5a606b; }
"""
MINUS = re.compile(r"(?<![\w.])-(?=\d)")
Rows = Sequence[Sequence[str]]


def text(titles: Sequence[str], body: Rows, foot: Rows, notes: Sequence[str]) -> str:
    """For a screen: columns centred, so that a standard error stands below its estimate."""
    short = [[brief(cell, LABEL) for cell in row] for row in [["", *titles], *body, *foot]]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    lines = [_line(row, widths) for row in short]
    rule = "-" * (sum(widths) + 2 * len(widths))
    cut = 1 + len(body)
    parts = [lines[:1], lines[1:cut], *([lines[cut:]] if foot else [])]
    found = [rule]
    for part in parts:
        found += [*part, rule]
    return "\n".join([*found, *(line for note in notes for line in lines_of(note, later="  "))])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.center(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return "  ".join(cells).rstrip()


def as_markdown(titles: Sequence[str], body: Rows, foot: Rows, notes: Sequence[str]) -> str:
    """One table, the foot at its end, and the notes below it."""
    rows = [list(row) for row in (["", *titles], *body, *foot)]
    table = markdown_table(rows).replace("---:", ":---:")
    return "\n\n".join([table, *(markdown(prose(note)) for note in notes)])


def as_html(titles: Sequence[str], body: Rows, foot: Rows, notes: Sequence[str]) -> str:
    """A ``div`` that stands alone and changes nothing around it."""
    head = "".join(f'<th scope="col">{html(title, HEADING)}</th>' for title in titles)
    lines = [f'<thead><tr><th scope="col"></th>{head}</tr></thead>', "<tbody>"]
    for i, row in enumerate([*body, *foot]):
        kind = "rule" if i in (0, len(body)) else "below" if i < len(body) and not row[0] else ""
        cells = "".join(f"<td>{html(MINUS.sub('−', cell), CELL)}</td>" for cell in row[1:])
        lines.append(f'<tr class="{kind}"><th scope="row">{html(row[0], HEADING)}</th>{cells}</tr>')
    below = "".join(f"<p>{html_prose(note)}</p>" for note in notes)
    table = "\n".join([*lines, "</tbody>"])
    return f'<div class="ceteris-table">\n<style>{CSS}</style>\n<div><table>\n{table}\n</table></div>\n{below}</div>'


# -------------------------------------------------------------------------------------------------------------- LaTeX


def as_latex(
    titles: Sequence[str], body: Rows, foot: Rows, notes: Sequence[str], caption: str = "", label: str = ""
) -> str:
    """A ``tabular`` with the rules of booktabs, within a floating ``table`` if there is a caption."""
    row = lambda cells: " & ".join([_math(latex(cells[0])), *map(_cell, cells[1:])]) + r" \\"
    head = " & ".join(["", *(_math(latex(title)) for title in titles)]) + r" \\"
    lines = ["\\begin{tabular}{l" + "c" * len(titles) + "}", r"\toprule", head, r"\midrule"]
    lines += [row(cells) for cells in body]
    lines += [r"\midrule", *(row(cells) for cells in foot)] if foot else []
    lines += [r"\bottomrule", r"\end{tabular}"]
    small = [r"\par\smallskip", "{\\footnotesize " + " \\\\\n".join(map(_sentence, notes)) + r"\par}"] if notes else []
    if not caption:
        return "\n".join([*lines, *small])
    named = [r"\label{" + label + "}"] if label else []
    begin = [r"\begin{table}[htbp]", r"\centering", r"\caption{" + _sentence(caption) + "}", *named]
    return "\n".join([*begin, *lines, *small, r"\end{table}"])


def _cell(text: str) -> str:
    """A number has a minus and raised stars."""
    match = re.fullmatch(r"([(\[]?)(-?)([\d.,e+-]+)(\**)([)\]]?)", text)
    if match is None:
        return MINUS.sub("$-$", _math(latex(text)))
    before, minus, digits, stars, after = match.groups()
    raised = "$^{" + stars + "}$" if stars else ""
    return latex(before) + ("$-$" if minus else "") + latex(digits) + raised + latex(after)


def _sentence(text: str) -> str:
    return _math(latex(prose(text)))


def _math(text: str) -> str:
    """Letters that pdfLaTeX has in formulas only are set as formulas."""
    return re.sub(r"[^\x00-\xff…–—‘’“”]", lambda match: _formula(match[0]), text)


def _formula(sign: str) -> str:
    name = unicodedata.name(sign, "")
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name)
    if greek:
        word = greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
        return rf"$\{word}$"
    place = re.fullmatch(r"(SUBSCRIPT|SUPERSCRIPT) (\w+)", name)
    if place:
        return f"${'_' if place[1] == 'SUBSCRIPT' else '^'}{{{unicodedata.normalize('NFKC', sign)}}}$"
    return {"≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\to$", "ℓ": r"$\ell$", "−": "$-$"}.get(sign, sign)
