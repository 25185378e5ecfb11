"""Figures as SVG, PNG and PDF, in one house style; as SVG with a light and a dark rendering.

The colours of each cycle keep a contrast of at least 3 against their page and stay apart for readers with
deuteranopia or protanopia (simulated with the matrices of Machado, Oliveira and Fernandes, 2009; tested).
After six series the cycle continues with dashed lines, so that colour is never the only difference.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

from ceteris.outlets import drawable

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
        "pdf.fonttype": 42,  # letters, not outlines: journals ask for it
    }
    return colours | shape


def svg(figure: Any, scheme: str = "light") -> str:
    """Draw a figure and return it as SVG text.

    The same figure gives the same text, byte for byte: identifiers come from a fixed salt and no date is
    written. Whatever ``figure.draw`` raises is raised here.

    Parameters
    ----------
    figure : ceteris.evidence.Figure
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
    >>> from ceteris.evidence import Figure
    >>> line = Figure("Line", "", pd.DataFrame({"x": [0, 1]}), lambda f, d: f.subplots().plot(d.x))
    >>> svg(line) == svg(line), svg(line) == svg(line, "dark")
    (True, False)
    """
    text = io.StringIO()
    _draw(figure, scheme, text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    # Matplotlib draws some lines (error bars) black whatever the settings, and leaves black glyphs without
    # a fill: both mean ink.
    ink = _INK[scheme]
    drawn = text.getvalue().replace("stroke: #000000", f"stroke: {ink}")
    return drawn.replace("<svg ", f'<svg fill="{ink}" ', 1)


def png(figure: Any, dpi: float = 150.0) -> bytes:
    """Draw a figure on white and return it as a PNG file.

    Parameters
    ----------
    figure : ceteris.evidence.Figure
        What to draw.
    dpi : float
        Pixels per inch.

    Examples
    --------
    >>> import pandas as pd
    >>> from ceteris.evidence import Figure
    >>> line = Figure("Line", "", pd.DataFrame({"x": [0, 1]}), lambda f, d: f.subplots().plot(d.x))
    >>> png(line)[1:4]
    b'PNG'
    """
    file = io.BytesIO()
    _draw(figure, "light", file, format="png", dpi=dpi, facecolor=PAGES["light"], metadata={"Software": None})
    return file.getvalue()


def pdf(figure: Any) -> bytes:
    """Draw a figure and return it as a PDF file whose text can be searched; see `png`."""
    file = io.BytesIO()
    _draw(figure, "light", file, format="pdf", metadata=dict.fromkeys(("CreationDate", "Creator", "Producer")))
    return file.getvalue()


def _draw(figure: Any, scheme: str, file: Any, **output: Any) -> None:
    """Draw a figure into an open file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    from ceteris.drawing.labels import settle

    # The default settings come first, so that a reader's own matplotlibrc changes nothing here.
    with mpl.rc_context({**_defaults(mpl), **style(scheme)}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # an empty box, and legible in the table below it
        warnings.filterwarnings("ignore", ".* axes sizes collapsed")  # crowded, but drawn
        canvas = Canvas(figsize=figure.size, layout="constrained")
        data = drawable(figure.data)
        figure.draw(canvas, data)
        settle(canvas, data)
        canvas.savefig(file, **output)


def _defaults(mpl: Any) -> dict[Any, Any]:
    """Matplotlib's built-in settings for what a drawing looks like; the back end is left as it is."""
    groups = ("axes", "boxplot", "errorbar", "figure", "font", "grid", "hatch", "hist", "image", "legend")
    groups += ("lines", "markers", "mathtext", "patch", "pdf", "savefig", "scatter", "svg", "text", "xtick", "ytick")
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
