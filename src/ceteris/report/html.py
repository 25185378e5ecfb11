"""One self-contained HTML page per run: no network, no script; light, dark, phone and print."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ceteris.drawing import inline
from ceteris.files import replace_file
from ceteris.outlets import HEADING, PARAGRAPH, html, html_prose, read_csv
from ceteris.report import numbers
from ceteris.report.run import Run
from ceteris.report.stored import checked, inside

SHOWN = 200  # rows of a table that the page shows; the download holds them all
_MARKS = {True: ("pass", "✓"), False: ("fail", "✗"), None: ("not judged", "?")}


def report(folder: str | Path) -> Path:
    """Write a run's report.

    Parameters
    ----------
    folder : path
        A run folder; see `ceteris.report.run`.

    Returns
    -------
    Path
        The file ``report.html`` in that folder.

    Examples
    --------
    >>> import tempfile
    >>> from ceteris.evidence import Check, Section
    >>> folder = Path(tempfile.mkdtemp()) / "first"
    >>> with Run.create(folder, "ceteris demo", {}, seed=0) as run:
    ...     run.write([Section("Fit", checks=(Check("fit", True, "R² is 0.91 on rows not used."),))])
    >>> "1 of 1 check passed" in report(folder).read_text()
    True
    """
    run = Run.open(folder)
    path = run.folder / "report.html"
    replace_file(path, page(run))
    return path


def page(run: Run) -> str:
    """Build the whole page as text."""
    sections = checked(run.folder, run.sections)
    name = str(run.facts["config"].get("title") or run.folder.resolve().name)
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    body = [_section(run.folder, i, section) for i, section in enumerate(sections, 1)]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{html(name, HEADING)} · ceteris report</title>\n<style>\n{css}</style>\n</head>\n<body>",
            _header(run, name, sections),
            "<main>",
            *(body or ["<p>This run has not written any results.</p>"]),
            _facts(run),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _header(run: Run, name: str, sections: list[dict[str, Any]]) -> str:
    facts = run.facts
    status = str(facts["status"])
    line = " · ".join([status if len(status) < 30 else "failed", _when(facts["started"]), _took(facts["seconds"])])
    failed = f'<p class="alarm">This run {html_prose(status)}</p>' if status.startswith("failed") else ""
    links = [f'<li><a href="#s{i}">{html(s["title"], HEADING)}</a></li>' for i, s in enumerate(sections, 1)]
    links.append('<li><a href="#run">About this run</a></li>')
    return (
        f'<header>\n<p class="brand">ceteris report</p>\n<h1>{html(name, HEADING)}</h1>\n'
        f'<p class="line">{html(line)}</p>\n{failed}{_verdict(sections)}'
        f'<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>\n</header>'
    )


def _verdict(sections: list[dict[str, Any]]) -> str:
    """Say how many checks passed, name those that did not, and count the figures that could not be drawn."""
    checks = [(i, check) for i, section in enumerate(sections, 1) for check in section["checks"]]
    undrawn = sum(figure["error"] is not None for section in sections for figure in section["figures"])
    count = {passed: sum(check["passed"] is passed for _, check in checks) for passed in _MARKS}
    words = [f"{count[True]} of {_plural(len(checks), 'check')} passed"] if checks else ["Nothing was checked"]
    words += [f"{count[False]} failed"] if count[False] else []
    words += [f"{count[None]} not judged"] if count[None] else []
    words += [f"{_plural(undrawn, 'figure')} could not be drawn"] if undrawn else []
    kind = "fail" if count[False] + undrawn else "pass" if checks and not count[None] else "none"
    items = "".join(_item(i, check) for bad in (False, None) for i, check in checks if check["passed"] is bad)
    details = f"\n<ul>{items}</ul>" if items else ""
    return f'<div class="verdict {kind}">\n<p><strong>{", ".join(words)}.</strong></p>{details}\n</div>\n'


def _item(i: int, check: Mapping[str, Any]) -> str:
    link = f'<a href="#s{i}">{html(check["name"], HEADING)}</a>'
    return f"<li>{badge(check['passed'])} {link}: {html_prose(check['sentence'])}</li>"


def _section(folder: Path, i: int, section: Mapping[str, Any]) -> str:
    parts = [f'<section id="s{i}">\n<h2>{html(section["title"], HEADING)}</h2>']
    parts += [f"<p>{html_prose(text)}</p>" for text in section["text"].split("\n\n") if text.strip()]
    parts += [_table(folder, table) for table in section["tables"]]
    parts += [_figure(folder, f"f{i}-{j}-", figure) for j, figure in enumerate(section["figures"], 1)]
    parts += [_checks(section["checks"])] if section["checks"] else []
    return "\n".join([*parts, "</section>"])


def _checks(checks: Iterable[Mapping[str, Any]]) -> str:
    items = [
        f"<li>{badge(check['passed'])}<div><strong>{html(check['name'], HEADING)}</strong>"
        f"<p>{html_prose(check['sentence'])}{_measured(check)}</p></div></li>"
        for check in checks
    ]
    return f'<h3>Checks</h3>\n<ul class="checks">\n{chr(10).join(items)}\n</ul>'


def badge(passed: bool | None) -> str:
    """Return a verdict as a small coloured word with a mark, so that colour is not the only difference."""
    word, mark = _MARKS[passed]
    return f'<span class="badge {word.split()[-1]}"><span aria-hidden="true">{mark}</span> {word}</span>'


def _measured(check: Mapping[str, Any]) -> str:
    pairs = [(name, check[name]) for name in ("value", "bar") if check[name] is not None]
    text = ", ".join(f"{name} {numbers.single(x)}" for name, x in pairs)
    return f' <span class="measured">({text})</span>' if text else ""


def _table(folder: Path, table: Mapping[str, Any]) -> str:
    note = f'<p class="note">{html_prose(table["note"])}</p>' if table["note"] else ""
    rows, link = _data(folder, table)
    title = f"<h3>{html(table['title'], HEADING)}</h3>"
    return f'<div class="table">\n{title}\n{rows}{note}<p class="get">{link}</p>\n</div>'


def _figure(folder: Path, prefix: str, figure: Mapping[str, Any]) -> str:
    title, caption = html(figure["title"], HEADING), html_prose(figure["caption"])
    rows, link = _data(folder, figure)
    if figure["error"] is None:
        drawn = "".join(_drawing(prefix, figure, scheme) for scheme in ("light", "dark"))
    else:
        drawn = f'<p class="alarm">This figure could not be drawn. {html_prose(figure["error"])}</p>'
    return (
        f'<div class="figure">\n<h3>{title}</h3>\n'
        f"<figure>\n{drawn}\n<figcaption>{caption}</figcaption>\n</figure>\n"
        f"<details><summary>The numbers in this figure</summary>\n{rows}"
        f'<p class="get">{link}</p></details>\n</div>'
    )


def _drawing(prefix: str, figure: Mapping[str, Any], scheme: str) -> str:
    text = inline(figure["drawings"][scheme], f"{prefix}{scheme[0]}-")
    label = html_prose(f"{figure['title']}. {figure['caption']}")
    width = float(text.split('viewBox="0 0 ')[1].split()[0])
    # Points to pixels: never below 0.73 of its size, where labels are 7 pixels high; then its box scrolls.
    look = f"min-width:{0.73 * width:.0f}px;max-width:{1.6 * width:.0f}px"
    text = text.replace("<svg", f'<svg role="img" aria-label="{label}" style="{look}"', 1)
    return f'<div class="plot {scheme} scroll" tabindex="0" role="group" aria-label="{label}">{text}</div>'


def _data(folder: Path, stored: Mapping[str, Any]) -> tuple[str, str]:
    """Return the stored frame as an HTML table, and a link that downloads all of it as CSV."""
    path = inside(folder, stored["data"])
    raw = path.read_bytes()
    head, *rows = read_csv(raw.decode("utf-8"))
    code = base64.b64encode(raw).decode("ascii")
    source = f"data:text/csv;charset=utf-8;base64,{code}"
    link = f'<a download="{html(path.name)}" href="{source}">Download as CSV</a>'
    part = f", the first {SHOWN} shown here" if len(rows) > SHOWN else ""
    size = f" ({_plural(len(rows), 'row')}{part})"
    return rows_of(stored["title"], head, rows[:SHOWN], stored["kinds"]), link + size


def rows_of(title: str, head: list[str], rows: list[list[str]], kinds: list[str]) -> str:
    """Return rows as an HTML table that scrolls where it is too wide; each column's kind is "number" or "text"."""
    columns = [[row[j] if j < len(row) else "" for row in rows] for j in range(len(head))]
    shown = [numbers.column(c) if kind == "number" else c for c, kind in zip(columns, kinds, strict=True)]
    side = [' class="n"' if kind == "number" else "" for kind in kinds]
    top = "".join(f'<th scope="col"{s}>{html(h)}</th>' for h, s in zip(head, side, strict=True))
    body = "\n".join(f"<tr>{_cells(row, side)}</tr>" for row in zip(*shown, strict=True))
    label = html(f"Table: {title}", HEADING)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{label}"><table>\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n"
    )


def _cells(row: tuple[str, ...], side: list[str]) -> str:
    """Return one row; a text in the first column heads it."""
    first = f'<th scope="row">{html(row[0])}</th>' if not side[0] else f"<td{side[0]}>{html(row[0])}</td>"
    return first + "".join(f"<td{s}>{html(cell)}</td>" for cell, s in zip(row[1:], side[1:], strict=True))


def _facts(run: Run) -> str:
    facts = run.facts
    times = {"status": facts["status"], "seed": facts["seed"], "started": _when(facts["started"])}
    files = {str(path.relative_to(run.folder)): _bytes(path) for path in sorted(run.folder.iterdir()) if _listed(path)}
    return "\n".join(
        [
            '<section id="run">\n<h2>About this run</h2>\n<p>To run it again:</p>',
            f"<pre>{html(facts['command'], PARAGRAPH)}</pre>",
            _list("Run", times | {"duration": _took(facts["seconds"])}),
            _list("Configuration", facts["config"]),
            _list("Versions", facts["versions"]),
            _list("Hardware", facts["hardware"]),
            _list("In the run folder", files),
            "</section>",
        ]
    )


def _list(title: str, entries: Mapping[str, Any]) -> str:
    show = lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    items = "".join(f"<dt>{html(k, HEADING)}</dt><dd>{html(show(v))}</dd>" for k, v in entries.items())
    return f"<h3>{title}</h3>\n<dl>{items}</dl>" if items else ""


def _listed(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "report.html"


def _bytes(path: Path) -> str:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files) / 1000
    return (f"{len(files)} files, " if path.is_dir() else "") + f"{size:,.1f} kB"


def _when(started: object) -> str:
    return str(started).replace("T", " ")[:16]


def _took(seconds: float | None) -> str:
    if seconds is None:
        return "not finished"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
