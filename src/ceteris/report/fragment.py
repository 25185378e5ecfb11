"""What a notebook shows of a result: a heading, a table, the checks that did not pass, one figure."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ceteris.drawing import inline, svg
from ceteris.evidence import Check, Figure, Section, Table
from ceteris.outlets import HEADING, html, html_prose, read_csv
from ceteris.report.html import badge, rows_of
from ceteris.report.store import laid_out, sentence

ROWS = 12  # of a table, that a notebook shows


def fragment(heading: str, section: Section) -> str:
    """Return HTML that stands alone in a notebook's page and changes nothing around it.

    It is dark on white whatever the page, since a notebook does not say whether it is dark.

    Parameters
    ----------
    heading : str
        One line.
    section : Section
        Of several figures the first is shown.

    Examples
    --------
    >>> section = Section("Fit", "All is well.", checks=(Check("fit", False, "R² is 0; fit again."),))
    >>> "R² is 0; fit again." in fragment("A fit", section)
    True
    """
    css = Path(__file__).with_name("fragment.css").read_text(encoding="utf-8")
    parts = [f"<h4>{html(heading, HEADING)}</h4>", *_paragraphs(section.text)]
    parts += [_table(table) for table in section.tables]
    parts += [_not_passed(section.checks)] if section.checks else []
    parts += [_figure(figure) for figure in section.figures[:1]]
    return "\n".join([f'<div class="ceteris">\n<style>{css}</style>', *parts, "</div>"])


def _paragraphs(text: str) -> list[str]:
    return [f"<p>{html_prose(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph.strip()]


def _table(table: Table) -> str:
    text, kinds = laid_out(table.frame.head(ROWS))
    head, *rows = read_csv(text)
    left = len(table.frame) - ROWS
    more = f"<p>… and {left:,} more rows</p>" if left > 0 else ""
    return rows_of(table.title, head, rows, kinds) + more + "".join(_paragraphs(table.note))


def _not_passed(checks: tuple[Check, ...]) -> str:
    left = [check for bad in (False, None) for check in checks if check.passed is bad]
    line = lambda check: f"<b>{html(check.name, HEADING)}</b>: {html_prose(check.sentence)}"
    items = "".join(f"<li>{badge(check.passed)} {line(check)}</li>" for check in left)
    count = f"<p>{len(checks) - len(left)} of {len(checks)} checks passed.</p>"
    return count + (f"<ul>{items}</ul>" if items else "")


def _figure(figure: Figure) -> str:
    try:
        text = svg(figure)
    except Exception as error:  # a drawing is anybody's code; the notebook says what it raised
        return f"<p>The figure could not be drawn. {html_prose(sentence(error))}</p>"
    prefix = hashlib.sha256(text.encode()).hexdigest()[:8]
    caption = f"<p><b>{html(figure.title, HEADING)}.</b> {html_prose(figure.caption)}</p>"
    return f"<div>{inline(text, f'c{prefix}-')}</div>{caption}"
