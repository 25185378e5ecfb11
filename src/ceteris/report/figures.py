"""Figures as SVG text, in one house style with a light and a dark rendering.

The colours of each cycle keep a contrast of at least 3 against their page and stay apart for readers with
deuteranopia or protanopia (simulated with the matrices of Machado, Oliveira and Fernandes, 2009; tested).
After six series the cycle continues with dashed lines, so that colour is never the only difference.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any

from ceteris.outlets import drawable
from ceteris.results import Figure, Section

if TYPE_CHECKING:
    import pandas as pd

CYCLES = {
    "light": ("#0d62be", "#f14217", "#007569", "#92438d", "#8c871c", "#33363c"),
    "dark": ("#6199ed", "#ee904e", "#1ebb9f", "#de8fcc", "#ede756", "#ceccd2"),
}
PAGES = {"light": "#ffffff", "dark": "#16181c"}
_INK = {"light": "#24272d", "dark": "#d9dce1"}
_GRID = {"light": "#dcdfe4", "dark": "#33373f"}


def style(scheme: str) -> dict[Any, Any]:
    """Matplotlib settings of the house style.

    Parameters
    ----------
    scheme : {'light', 'dark'}
        The page the figure will stand on.

    Returns
    -------
    dict
        For ``matplotlib.rc_context``.

    Examples
    --------
    >>> style("dark")["axes.spines.top"]
    False
    """
    from cycler import cycler

    ink, grid, page = _INK[scheme], _GRID[scheme], PAGES[scheme]
    colours: dict[str, Any] = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color", "axes.edgecolor"),
        ink,
    )
    colours |= {
        "axes.prop_cycle": cycler(linestyle=["-", "--"]) * cycler(color=list(CYCLES[scheme])),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "patch.edgecolor": page,
        "grid.color": grid,
        "legend.frameon": False,
        "image.cmap": "viridis",
        "boxplot.medianprops.color": ink,
        **{f"boxplot.{part}.color": ink for part in ("boxprops", "whiskerprops", "capprops")},
        "boxplot.flierprops.markeredgecolor": ink,
    }
    shape = {
        "font.family": ["sans-serif"],
        "font.size": 11.0,
        "axes.titlesize": 11.0,
        "axes.titlelocation": "left",
        "axes.labelsize": 11.0,
        "legend.fontsize": 10.0,
        "xtick.labelsize": 10.0,
        "ytick.labelsize": 10.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.formatter.use_mathtext": True,
        "grid.linewidth": 0.5,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        "svg.fonttype": "path",  # the same picture on every machine, whatever fonts it has
        "svg.hashsalt": "ceteris",
    }
    return colours | shape


def svg(figure: Figure, scheme: str = "light") -> str:
    """Draw a figure and return it as SVG text.

    The same figure gives the same text, byte for byte: identifiers come from a fixed salt and no date is
    written. Whatever ``figure.draw`` raises is raised here.

    Parameters
    ----------
    figure : ceteris.results.Figure
        What to draw.
    scheme : {'light', 'dark'}
        The page it will stand on; the background itself is transparent.

    Returns
    -------
    str
        One ``<svg>`` document.

    Examples
    --------
    >>> import pandas as pd
    >>> from ceteris.results import Figure
    >>> line = Figure("Line", "", pd.DataFrame({"x": [0, 1]}), lambda f, d: f.subplots().plot(d.x))
    >>> svg(line) == svg(line), svg(line) == svg(line, "dark")
    (True, False)
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    from ceteris.report.labels import settle

    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # The default settings come first, so that a reader's own matplotlibrc changes nothing here.
    with mpl.rc_context({**_defaults(mpl), **style(scheme)}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # an empty box, and legible in the table below it
        warnings.filterwarnings("ignore", ".* axes sizes collapsed")  # crowded, but drawn
        canvas = Canvas(figsize=figure.size, layout="constrained")
        data = drawable(figure.data)
        figure.draw(canvas, data)
        settle(canvas, data)
        canvas.savefig(text, format="svg", metadata=nothing)
    # Matplotlib draws some lines (error bars) black whatever the settings, and leaves black glyphs without
    # a fill: both mean ink.
    ink = _INK[scheme]
    drawn = text.getvalue().replace("stroke: #000000", f"stroke: {ink}")
    return drawn.replace("<svg ", f'<svg fill="{ink}" ', 1)


def _defaults(mpl: Any) -> dict[Any, Any]:
    """Matplotlib's built-in settings for what a drawing looks like; the back end is left as it is."""
    groups = ("axes", "boxplot", "errorbar", "figure", "font", "grid", "hatch", "hist", "image", "legend")
    groups += ("lines", "markers", "mathtext", "patch", "savefig", "scatter", "svg", "text", "xtick", "ytick")
    return {key: value for key, value in mpl.rcParamsDefault.items() if key.split(".")[0] in groups}


def inline(text: str, prefix: str) -> str:
    """Prepare SVG text for a place inside an HTML page.

    The prolog, the style sheet (it would apply to the whole page) and the namespaces go; identifiers that
    something refers to are made unique by a prefix, the others are dropped.

    Parameters
    ----------
    text : str
        An SVG document.
    prefix : str
        Unlike that of any other figure in the page.

    Returns
    -------
    str
        One ``<svg>`` element.

    Examples
    --------
    >>> inline('<?xml?><svg xmlns="x"><path id="m"/><g id="n"/><use xlink:href="#m"/></svg>', "f1-")
    '<svg><path id="f1-m"/><g/><use href="#f1-m"/></svg>'
    """
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<style.*?</style>|<metadata.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", text)
    used = set(re.findall(r'xlink:href="#([^"]+)"|url\(#([^)]+)\)', text))
    names = {name for pair in used for name in pair if name}
    rename = lambda m: f' id="{prefix}{m[1]}"' if m[1] in names else ""
    text = re.sub(r'\s+id="([^"]*)"', rename, text)
    text = re.sub(r'xlink:href="#', f'href="#{prefix}', text)
    text = text.replace("xlink:href=", "href=")  # an embedded bitmap: its data are in the attribute
    return re.sub(r"url\(#", f"url(#{prefix}", text)


def history_section(history: pd.DataFrame) -> Section:
    """Show a training history: a figure of its numeric columns against the first.

    Parameters
    ----------
    history : DataFrame
        The first column (``step``, ``epoch``) is the horizontal axis; columns with ``loss`` in their name
        are drawn, or every numeric one if there is none.

    Returns
    -------
    Section
        Without a figure where there is nothing to draw.
    """
    numbers: Any = history.select_dtypes("number")
    losses = [column for column in numbers.columns[1:] if "loss" in str(column)]
    drawn = numbers[[numbers.columns[0], *(losses or numbers.columns[1:])]] if numbers.shape[1] > 1 else None
    if drawn is None or drawn.empty:
        return Section("Training history", f"{len(history)} rows were recorded; see history.csv.")
    caption = "What was recorded while training. history.csv in the run folder holds every column."
    return Section("Training history", figures=(Figure("Training history", caption, drawn, _draw_history),))


def _draw_history(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    x, *columns = data.columns
    for column in columns:
        axes.plot(data[x], data[column], label=str(column).replace("_", " "))
    values = data[columns].to_numpy(float)
    values = values[values == values]
    if values.size and values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log")
    axes.set_xlabel(str(x))
    axes.legend() if len(columns) > 1 else axes.set_ylabel(str(columns[0]))
