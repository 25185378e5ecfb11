"""The house style: same text every time, legible for everyone, and never a swallowed error."""

import itertools
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from ceteris.drawing import CYCLES, PAGES, inline, svg
from ceteris.report import Run
from ceteris.report.figures import history_section
from ceteris.results import Figure, Section

# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision
# deficiency", table 1, severity 1.0.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}
LINE = Figure(
    "Line", "", pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, 2.0]}), lambda f, d: f.subplots().plot(d["x"], d["y"])
)


def linear(colour):
    """Linear RGB of a hex colour (IEC 61966-2-1)."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Contrast ratio of the Web Content Accessibility Guidelines, 2.1."""
    lighter, darker = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lab(rgb):
    """CIE L*a*b* of linear RGB under D65."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = matrix @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_stand_out_from_the_page(scheme):
    # 3 is what the guidelines ask of graphical objects.
    assert min(contrast(colour, PAGES[scheme]) for colour in CYCLES[scheme]) >= 3


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stay_apart_for_every_reader(scheme, vision):
    # A CIE 1976 distance of 2.3 is just noticeable side by side; 10 is plain across a figure.
    seen = [lab(np.asarray(VISIONS[vision]) @ linear(colour)) for colour in CYCLES[scheme]]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_svg_is_well_formed_the_same_every_time_and_bare(scheme):
    text = svg(LINE, scheme)
    assert text == svg(LINE, scheme)
    root = ET.fromstring(text)
    assert root.attrib["viewBox"] == "0 0 460.8 288"  # 6.4 by 4 inches of 72 points
    assert not list(root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF"))
    assert CYCLES[scheme][0] in text


def test_drawing_depends_on_nothing_outside_and_changes_nothing_outside():
    expected = svg(LINE)
    with mpl.rc_context({"lines.linewidth": 9, "axes.spines.top": True, "font.size": 30}):
        before = dict(mpl.rcParams)
        assert svg(LINE) == expected
        assert dict(mpl.rcParams) == before


def test_what_matplotlib_draws_black_is_ink_in_the_dark():
    bars = Figure("Bars", "", LINE.data, lambda f, d: f.subplots().bar(d["x"], d["y"], yerr=0.1))
    assert "#000000" not in svg(bars, "dark")


def test_inline_figures_share_no_identifiers_and_keep_their_references():
    texts = [inline(svg(LINE, scheme), f"{scheme}-") for scheme in ("light", "dark")]
    ids = [{e.attrib["id"] for e in ET.fromstring(text).iter() if "id" in e.attrib} for text in texts]
    assert ids[0]
    assert not ids[0] & ids[1]
    for text, known in zip(texts, ids, strict=True):
        used = {e.attrib["href"][1:] for e in ET.fromstring(text).iter() if "href" in e.attrib}
        assert used
        assert used <= known
        assert "http" not in text


def test_a_drawing_that_raises_is_a_failed_figure(tmp_path):
    def draw(figure, data):
        raise KeyError("no column 'z'")

    run = Run.create(tmp_path / "run", "c", {}, 0)
    run.write([Section("s", figures=(Figure("Broken", "", LINE.data, draw), LINE))])
    broken, whole = run.sections[0]["figures"]
    assert broken["error"] == """KeyError: "no column 'z'\""""
    assert whole["error"] is None
    assert (run.folder / broken["data"]).read_text() == "x,y\n0.0,1.0\n1.0,2.0\n", "its numbers are kept"


def test_history_draws_the_losses_against_the_first_column():
    history = pd.DataFrame({"step": [0, 10], "loss": [1.0, 0.01], "rate": [0.1, 0.1], "validation_loss": [1.0, 0.1]})
    (figure,) = history_section(history).figures
    assert list(figure.data.columns) == ["step", "loss", "validation_loss"]
    canvas = mpl.figure.Figure()
    figure.draw(canvas, figure.data)
    (axes,) = canvas.axes
    np.testing.assert_array_equal([drawn.get_ydata() for drawn in axes.lines], [[1.0, 0.01], [1.0, 0.1]])
    assert axes.get_yscale() == "log"


@pytest.mark.parametrize("history", [pd.DataFrame({"step": [1]}), pd.DataFrame({"step": [], "loss": []})])
def test_a_history_with_nothing_to_draw_says_how_much_there_is(history):
    assert history_section(history).figures == ()
