"""Figures of imputation: patterns of holes, and draws of hidden cells against what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.results import Figure

MOST_CELLS, ACROSS = 200, 3  # cells drawn per column; panels side by side
SKEWED = 4  # a positive quantity whose largest value is so many medians has logarithmic axes


def pattern_figure(patterns: pd.DataFrame) -> Figure:
    """Which columns are observed together; from `missingness.pattern_table`."""
    shown = patterns.head(20)
    caption = "A row is a pattern, the most frequent on top, with its number of rows. Filled: observed. Empty: missing."
    height = 1.2 + 0.24 * len(shown)
    return Figure("Patterns of holes", caption, shown, _draw_patterns, (7.0, height))


def over_imputation(hidden: pd.DataFrame, by_epochs: pd.DataFrame) -> tuple[Figure, ...]:
    """Draws of hidden cells against truth by quantity, and mean scores by epochs where several were tried."""
    figures = []
    if len(hidden):
        cells = hidden.groupby("column", sort=False, group_keys=False).head(MOST_CELLS).reset_index(drop=True)
        rows = -(-len(set(cells["column"])) // ACROSS)
        caption = (
            "Hidden cells: mean of the draws and 90 % interval against what the cell holds. Nine in ten intervals "
            "should cross the diagonal; those that do not are marked."
        )
        figures.append(Figure("Over-imputed quantities", caption, cells, _draw_cells, (8.4, 2.9 * rows)))
    if len(by_epochs) > 1:
        caption = "Means over columns: choose the number of epochs where errors are lowest."
        figures.append(Figure("Scores by epochs", caption, by_epochs.reset_index(), _draw_epochs, (6.4, 3.6)))
    return tuple(figures)


def _draw_patterns(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    marks = data.drop(columns="rows")
    axes.imshow(marks.to_numpy(), aspect="auto", cmap="Blues", vmin=-0.3, vmax=1.6, interpolation="nearest")
    axes.set_xticks(range(marks.shape[1]), list(marks.columns), rotation=60, ha="right")
    axes.set_yticks(range(len(data)), [f"{rows:,}" for rows in data["rows"]])
    axes.set_ylabel("rows")
    for edge in np.arange(marks.shape[1] + 1) - 0.5:
        axes.axvline(edge, color="white", linewidth=1)
    axes.grid(False)


def _draw_cells(figure: Any, data: pd.DataFrame) -> None:
    names = list(dict.fromkeys(data["column"]))
    across = min(ACROSS, len(names))
    panels = figure.subplots(-(-len(names) // across), across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        part: Any = data[data["column"] == name]
        inside = (part["low"] <= part["truth"]) & (part["truth"] <= part["high"])
        for mask, colour in ((inside, "C0"), (~inside, "C3")):
            cells = part[mask]
            axes.vlines(cells["truth"], cells["low"], cells["high"], color=colour, alpha=0.35, linewidth=1)
            axes.plot(cells["truth"], cells["mean"], ".", color=colour, markersize=3)
        ends = [part["truth"].min(), part["truth"].max()]
        axes.plot(ends, ends, color="0.5", linewidth=1)
        axes.set_title(name, fontsize="medium")
        if min(part["truth"].min(), part["low"].min()) > 0 and part["truth"].max() > SKEWED * part["truth"].median():
            _logarithmic(axes)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel("what the cell holds", fontsize="medium")
    figure.supylabel("what is drawn", fontsize="medium")


def _logarithmic(axes: Any) -> None:
    """Both axes logarithmic, labelled at 1 and 3 of a decade: over half a decade the usual labels collide."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.set_major_formatter(EngFormatter(sep=""))
        axis.set_minor_formatter(NullFormatter())


def _draw_epochs(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name in ("nrmse", "crps", "brier"):
        if name in data:
            axes.plot(data["epochs"], data[name], marker="o", label=name)
    axes.set_xlabel("epochs")
    axes.set_ylim(bottom=0)
    axes.legend()
