"""The page: self-contained, escaped, complete, and fit to read on any screen (seen in a real browser)."""

import base64
import csv
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ceteris.report import Run, html, report
from ceteris.results import Check, Figure, Section, Table

NASTY = "<script>alert('x')</script> & \"quotes\""
WIDE = pd.DataFrame(np.random.default_rng(0).normal(size=(3, 30)), columns=[f"column {i} (kg)" for i in range(30)])
POINTS = pd.DataFrame({"x": [0.1, 0.2, 1 / 3], "y": [1.5, -2.0, 1e-17]})
CHECKS = (
    Check("good", True, "R² is 0.91.", value=0.912345, bar=0.0),
    Check("bad", False, f"Too large {NASTY}.", value=3.0, bar=1.0),
    Check("unknown", None, "Too few rows."),
)
VOID = {"meta", "link", "img", "br", "hr", "input"}


def line(figure, data):
    figure.subplots().plot(data["x"], data["y"])


def fail(figure, data):
    raise ValueError(f"no such column {NASTY}")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "example"
    tables = (Table("Wide", WIDE, "A note."), Table(NASTY, pd.DataFrame({NASTY: [NASTY]})))
    figures = (Figure("A line", "See it rise.", POINTS, line), Figure("Broken", NASTY, POINTS, fail))
    long = Section("long " + "word" * 100, "First.\n\nSecond " + "x" * 300)
    with Run.create(folder, f"ceteris fit {NASTY}", {"a": NASTY, "path": "p" * 200}, seed=3) as run:
        history = pd.DataFrame({"step": range(1000), "loss": np.linspace(1, 0.1, 1000)})
        run.write([Section("Main", NASTY, tables, figures, CHECKS), long], history)
    return report(folder)


class Tree(HTMLParser):
    """Elements with their attributes, the text, and a check that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def tree(page):
    return Tree(page.read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_loads_nothing(page, tree):
    assert tree.open == []
    assert not tree.all("script") + tree.all("link") + tree.all("img") + tree.all("iframe")
    targets = [a[key] for _, a in tree.elements for key in ("src", "href", "xlink:href") if key in a]
    assert targets
    assert all(target.startswith(("#", "data:")) for target in targets)
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\((?!#)", text)


def test_everything_is_escaped(tree):
    text = "".join(tree.words)
    # section text, table title, heading and cell, check (twice), caption, error, command, configuration
    assert text.count(NASTY) >= 10
    assert tree.all("script") == []
    assert any(NASTY in a.get("aria-label", "") for a in tree.all("div"))


def test_identifiers_are_unique_and_links_inside_lead_somewhere(tree):
    ids = [a["id"] for _, a in tree.elements if "id" in a]
    assert len(ids) == len(set(ids))
    inside = {a["href"][1:] for _, a in tree.elements if a.get("href", "").startswith("#")}
    assert {"s1", "s2", "s3", "run"} <= inside <= set(ids)


def test_headings_are_in_order_and_the_page_has_a_language(tree):
    levels = [int(tag[1]) for tag, _ in tree.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1
    assert tree.all("html")[0]["lang"] == "en"
    assert all(a.get("role") == "img" and a.get("aria-label") for a in tree.all("svg"))


def test_downloads_hold_every_digit_of_the_figures(tree):
    links = {a["download"]: a["href"] for a in tree.all("a") if "download" in a}
    name = next(name for name in links if "a-line" in name)
    text = base64.b64decode(links[name].split("base64,")[1]).decode()
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["x", "y"]
    np.testing.assert_array_equal(np.array(rows, float), POINTS.to_numpy())
    assert len(links) == 5  # two tables, two figures, the history


def test_the_verdict_counts_and_words_stand_beside_colours(tree):
    text = " ".join("".join(tree.words).split())
    assert "1 of 3 checks passed, 1 failed, 1 not judged, 1 figure could not be drawn." in text
    for words in ("✓ pass", "✗ fail", "? not judged", "(value 0.912, bar 0)"):
        assert words in text


def test_a_failed_figure_is_shown_as_failed_with_its_error(tree):
    text = " ".join("".join(tree.words).split())
    assert f"This figure could not be drawn. ValueError: no such column {NASTY}" in text


def test_a_long_table_shows_its_first_rows_and_says_so(tree):
    assert f"(1000 rows, the first {html.SHOWN} shown here)" in "".join(tree.words)


def test_the_facts_of_the_run_are_there(tree):
    text = "".join(tree.words)
    assert f"ceteris fit {NASTY}" in text
    for fact in ("seed", "numpy", np.__version__, "cores", "history.csv", "finished"):
        assert fact in text


def test_a_failed_run_says_so_first(tmp_path):
    run = Run.create(tmp_path / "run", "c", {}, 0)
    run.finish("failed: ValueError: X has no rows.")
    text = report(run.folder).read_text(encoding="utf-8")
    assert "This run failed: ValueError: X has no rows." in text
    assert "Nothing was checked." in text


def contrast(a, b):
    def luminance(colour):
        c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_has_the_contrast_the_guidelines_ask_for(scheme):
    css = Path(html.__file__).with_name("page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]))
    grounds = {"page": ("ink", "soft", "link", "pass", "fail", "judged"), "panel": ("ink",)}
    grounds |= {f"{k}-bg": (k, "ink", "link", "fail", "judged") for k in ("fail", "judged")}
    grounds |= {"pass-bg": ("pass", "ink")}
    # 4.5 is level AA of the Web Content Accessibility Guidelines 2.1 for text of usual size.
    low = {(g, t): contrast(colours[g], colours[t]) for g, texts in grounds.items() for t in texts}
    assert min(low.values()) >= 4.5, min(low, key=low.__getitem__)


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH: install it to test the page in a browser")
QUIET = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars"
QUIET += " --disable-background-networking --disable-component-update --disable-sync"
PROBE = """<script>
const root = document.documentElement, seen = e => getComputedStyle(e).display !== "none";
const wide = [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth).length;
const box = e => e ? Math.round(e.getBoundingClientRect().width) : 0;
const drawn = [...document.querySelectorAll(".plot")].filter(seen);
parent.postMessage([innerWidth, root.scrollWidth, wide, drawn.length, box(drawn[0]),
  drawn.every(e => e.classList.contains("dark")), document.querySelectorAll(".checks li").length,
  getComputedStyle(document.body).backgroundColor.replaceAll(" ", "")].join(" "), "*");
</script></body>"""
# A window cannot be as narrow as a phone, but a frame in it can.
FRAME = """<!DOCTYPE html><meta name="color-scheme" content="light dark"><body>
<script>onmessage = event => { document.body.dataset.probe = event.data; }</script>
<iframe src="copy.html" style="border: 0; width: WIDTHpx; height: 800px"></iframe></body>"""


def probe(page, folder, width, dark=False):
    """Load a copy of the page that measures itself, and return what it measured."""
    (folder / "copy.html").write_text(page.replace("</body>", PROBE), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    # Chromium keeps its dark theme under the number 0 and the light one under 1.
    options = ["--virtual-time-budget=5000", f"--blink-settings=preferredColorScheme={int(not dark)}"]
    command = [BROWSER, *QUIET.split(), f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    names = ("inner", "scroll", "wide", "drawn", "plot", "dark", "checks", "ground")
    return dict(zip(names, re.search(r'data-probe="([^"]*)"', done.stdout)[1].split(), strict=True))


@browser
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_in_a_browser_nothing_is_wider_than_the_screen(page, tmp_path, width, dark):
    found = probe(page.read_text(encoding="utf-8"), tmp_path, width, dark)
    assert found["inner"] == found["scroll"] == str(width)
    assert int(found["wide"]) >= 1, "the wide table scrolls in its own box"
    assert found["checks"] == "3"
    assert found["drawn"] == "2", "one rendering of each of the two figures that could be drawn"
    assert found["dark"] == str(dark).lower()
    assert found["ground"] == ("rgb(22,24,28)" if dark else "rgb(255,255,255)")
    assert 300 <= int(found["plot"]) <= width


@browser
def test_the_browser_probe_sees_a_page_that_is_too_wide(tmp_path):
    found = probe('<!DOCTYPE html><body><div style="width:900px">wide</div></body>', tmp_path, 360)
    assert int(found["scroll"]) >= 900
