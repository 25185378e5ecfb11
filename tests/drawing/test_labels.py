"""The texts of a figure: what comes from the data is shown as it is, what the drawing writes may be mathematics."""

import re

import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from ceteris.drawing import svg
from ceteris.drawing.labels import settle
from ceteris.outlets import entry
from ceteris.results import Figure

DATA = pd.DataFrame({"price ($)": [1.0, 2.0], "name": ["in $ and $", r"$\beta$"]})
ITALIC = "DejaVuSans-Oblique"  # how the glyphs of letters in mathematics are called in a drawing


def drawn(title, data=DATA):
    """Return the SVG of an empty figure with this title."""
    return svg(Figure("t", "c", data, lambda figure, _: figure.subplots().set(title=title, xticks=[], yticks=[])))


def dollars(picture):
    """Count dollar signs: one is the only glyph of a figure that shows nothing else."""
    (sign,) = re.findall(r'href="(#DejaVu[^"]*)"', drawn("$"))
    return picture.count(f'href="{sign}"')


def settled(draw, data=DATA, size=(6.4, 4.0)):
    """Return a figure whose texts are settled, and placed."""
    canvas = Canvas(figsize=size, layout="constrained")
    draw(canvas)
    settle(canvas, data)
    canvas.draw_without_rendering()
    return canvas


@pytest.mark.parametrize("title", [r"$\beta_1$ and $x^2$", r"$\hat\theta$", "$n$"])
def test_mathematics_of_the_drawing_is_set(title):
    assert ITALIC in drawn(title)
    assert dollars(drawn(title)) == 0


@pytest.mark.parametrize(
    "title",
    [
        "in $ and $",  # even in number, and text of the data
        r"$\beta$",  # a label of the data: shown as the reader wrote it
        "price ($) and its $x$",  # the name of a column is part of it
        "from 5$ to 10$",  # what amounts look like
        "cost in $, gain in $",
        r"$\foo$",  # matplotlib cannot read it
        "$",
        "$$",
        r"$\frac{1}{$",
        "$x$ \r",
    ],
)
def test_other_dollars_are_dollars(title):
    picture = drawn(title)
    assert dollars(picture) == title.count("$")
    assert ITALIC not in picture


def test_a_dollar_of_the_data_is_shown_beside_an_axis_too():
    picture = svg(Figure("t", "c", DATA, lambda figure, data: figure.subplots().barh(data["name"], data["price ($)"])))
    assert dollars(picture) == 4
    assert ITALIC not in picture


def test_labels_of_numbers_are_matplotlibs_own():
    def draw(figure):
        figure.subplots().set(yscale="log", ylim=(1e-3, 1e3), xlim=(-1, 1))

    axes = settled(draw).axes[0]
    assert r"$\mathdefault{10^{-2}}$" in [text.get_text() for text in axes.yaxis.get_ticklabels()]
    assert "−1.00" in [text.get_text() for text in axes.xaxis.get_ticklabels()]


def test_a_long_name_leaves_the_axes_their_room_and_keeps_both_ends():
    name = "first " + "x" * 140_000 + " last"
    canvas = settled(lambda figure: figure.subplots().set_yticks([0, 1], [name, "short"]), size=(4.0, 3.0))
    long, short = (text.get_text() for text in canvas.axes[0].yaxis.get_ticklabels())
    assert re.fullmatch("first x+…x* ?last|first x+…x+", long)
    assert len(long) <= 60
    assert short == "short"
    assert canvas.axes[0].get_position().width > 0.3


def test_lines_of_a_label_stay_lines_and_are_not_endless():
    canvas = settled(lambda figure: figure.subplots().set(title="one\ntwo", xlabel="\n" * 1000))
    texts = [text.get_text() for text in canvas.findobj(Text)]
    assert "one\ntwo" in texts
    assert max(text.count("\n") for text in texts) < 12
    assert canvas.axes[0].get_position().height > 0.3


def test_words_below_an_axis_do_not_overlap():
    names = [f"learner number {i}" for i in range(6)]
    canvas = settled(lambda figure: figure.subplots().set_xticks(range(6), names))
    words = canvas.axes[0].xaxis.get_ticklabels()
    assert [word.get_text() for word in words] == names
    assert {word.get_rotation() for word in words} == {30}
    few = settled(lambda figure: figure.subplots().set_xticks([0, 1], ["a", "b"]))
    assert {word.get_rotation() for word in few.axes[0].xaxis.get_ticklabels()} == {0}


@pytest.mark.parametrize("name", ["_id", "", "__"])
def test_a_legend_drops_no_name(name):
    def draw(figure):
        axes = figure.subplots()
        axes.plot([0, 1], label=entry(name))
        axes.plot([1, 0], label=entry("other"))
        axes.legend()

    legend = settled(draw).axes[0].get_legend()
    assert [text.get_text().strip() for text in legend.get_texts()] == [name, "other"]
