"""Figures of imputation: patterns of holes, and draws of hidden cells against what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.results import Figure

MOST_CELLS, ACROSS = 200, 3  # cells drawn per column; panels side by side
MOST_COLUMNS = 9  # of which what is drawn is shown
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


def curve_figure(history: pd.DataFrame) -> Figure:
    """The loss by epoch, of every net, and on rows that it did not draw where these judge it."""
    caption = "Loss by epoch, a thin line per net; dashed: on cells hidden in rows that it has not drawn."
    return Figure("Learning curve", caption, history, _draw_curve)


def drawn_figure(shares: pd.DataFrame) -> Figure:
    """What was observed and what is drawn for the holes, column by column; nine columns at most."""
    names = list(dict.fromkeys(shares["column"]))[:MOST_COLUMNS]
    shown: Any = shares[shares["column"].isin(names)]
    rows = -(-len(names) // ACROSS)
    caption = "Share of the values, column by column: of those observed, and of those drawn for the holes."
    return Figure("Observed and drawn", caption, shown, _draw_drawn, (8.4, 0.5 + 2.2 * rows))


def _draw_curve(figure: Any, data: pd.DataFrame) -> None:
    axes, members = figure.subplots(), data.get("member", pd.Series(0, data.index))
    few = "." if len(set(data["epoch"])) < 3 else None  # a line of one point would not be seen
    for place, (_, own) in enumerate(data.groupby(members)):
        label = None if place else "training"
        axes.plot(own["epoch"], own["loss"], color="C0", marker=few, alpha=0.5, linewidth=0.8, label=label)
        held = own.dropna(subset="heldout") if "heldout" in own else own.iloc[:0]
        if len(held):
            label = None if place else "rows not drawn"
            axes.plot(held["epoch"], held["heldout"], "--", color="C1", marker=few, linewidth=0.8, label=label)
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()


def _draw_drawn(figure: Any, data: pd.DataFrame) -> None:
    names = list(dict.fromkeys(data["column"]))
    across = min(ACROSS, len(names))
    panels = figure.subplots(-(-len(names) // across), across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        part: Any = data[data["column"] == name]
        for which, colour in (("observed", "0.6"), ("drawn", "C0")):
            own = part[part["which"] == which]
            if not bool(np.any(own["label"].isna())):
                shift = 0.2 if which == "drawn" else -0.2
                axes.bar(own["place"] + shift, own["share"], 0.38, color=colour, label=which)
                axes.set_xticks(own["place"], own["label"])
            else:
                axes.fill_between(own["place"], own["share"], step="mid", color=colour, alpha=0.35, linewidth=0)
                axes.step(own["place"], own["share"], where="mid", color=colour, linewidth=1, label=which)
        axes.set_title(name, fontsize="medium")
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize="small")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.supylabel("share", fontsize="medium")


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
