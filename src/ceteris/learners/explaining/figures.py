"""Figures of an explanation: each function makes the frame that it shows, and another draws it."""

from __future__ import annotations

from functools import partial as partially
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.outlets import entry
from ceteris.results import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

MOST = 20  # columns of a figure
ACROSS = 3  # panels


def importance(found: Any) -> Figure:
    """Dots of the importance of the first columns, with two standard errors either way."""
    data = found.importance.head(MOST).reset_index()
    caption = (
        f"Rise of the {found.loss} where a column is shuffled, and two standard errors either way, on {found.rows:,} "
        f"rows; at most {MOST} columns."
    )
    draw = partially(_draw_importance, label=f"rise of the {found.loss}")
    return Figure("Importance of the columns", caption, data, draw, (6.4, 1.2 + 0.3 * len(data)))


def _draw_importance(figure: Canvas, data: pd.DataFrame, *, label: str) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    axes.errorbar(data["importance"], place, xerr=2 * data["se"], fmt="o", color="C0", capsize=3)
    axes.axvline(0.0, color="gray", linestyle=":", linewidth=1)
    axes.set_yticks(place, [entry(name) for name in data["column"]])
    axes.set_ylim(-0.6, len(data) - 0.4)
    axes.set_xlabel(label)


def accumulated(found: Any) -> Figure:
    """Panels of the accumulated local effects, with two standard errors either way."""
    parts = [frame.assign(column=name) for name, frame in found.accumulated.items()]
    data = pd.concat([part.astype({"value": object}) for part in parts], ignore_index=True)
    caption = (
        f"Effect on the {found.response}, of mean zero, and two standard errors either way. In each bin, or at each "
        "level, only the rows that are there speak."
    )
    return _panels("Accumulated local effects", caption, data, partially(_draw_accumulated, label="effect"))


def partial(found: Any) -> Figure:
    """Panels of the partial dependence over the curves of some rows."""
    parts = []
    for name, average in found.partial.items():
        parts.append(
            pd.DataFrame({"column": name, "curve": "mean", "value": average["value"], "effect": average["effect"]})
        )
        for i, curve in enumerate(found.curves[name], 1):
            parts.append(
                pd.DataFrame({"column": name, "curve": f"row {i}", "value": average["value"], "effect": curve})
            )
    data = pd.concat([part.astype({"value": object}) for part in parts], ignore_index=True)
    caption = (
        f"Mean {found.response} with the column set to a value in every row, and the same for some single rows. Curves "
        "that are not parallel tell of an interaction."
    )
    return _panels("Partial dependence", caption, data, partially(_draw_partial, label=found.response))


def _panels(title: str, caption: str, data: pd.DataFrame, draw: Any) -> Figure:
    count = len(set(data["column"]))
    size = 1.0 + 2.0 * min(count, ACROSS) + (0.6 if count == 1 else 0.0), 0.5 + 2.1 * -(-count // ACROSS)
    return Figure(title, caption, data, draw, size)


def _axes(figure: Canvas, data: pd.DataFrame, label: str) -> Any:
    """Yield each column's axes and rows; heights are those of one scale."""
    names = data["column"].drop_duplicates().tolist()
    across = min(len(names), ACROSS)
    grid = figure.subplots(-(-len(names) // across), across, sharey=True, squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.remove()
    for i, name in enumerate(names):
        axes = grid.flat[i]
        axes.set_xlabel(entry(name))
        if i % across == 0:
            axes.set_ylabel(label)
        yield axes, data[data["column"] == name]


def _places(axes: Any, values: pd.Series) -> np.ndarray:
    """Where values stand: numbers at themselves, labels at their number, in the order they come."""
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        return values.to_numpy(float)
    levels = list(dict.fromkeys(values))
    steep = sum(len(str(one)) + 2 for one in levels) > 16
    axes.set_xticks(range(len(levels)), [entry(one) for one in levels], rotation=45 if steep else 0,
                    ha="right" if steep else "center")  # fmt: skip
    axes.set_xlim(-0.5, len(levels) - 0.5)
    return np.array([levels.index(one) for one in values], float)


def _draw_accumulated(figure: Canvas, data: pd.DataFrame, *, label: str) -> None:
    for axes, part in _axes(figure, data, label):
        x, y, two = _places(axes, part["value"]), part["effect"].to_numpy(float), 2 * part["se"].to_numpy(float)
        axes.axhline(0.0, color="gray", linestyle=":", linewidth=1)
        if isinstance(part["value"].iloc[0], str | bool):
            axes.errorbar(x, y, two, fmt="o", color="C0", capsize=3)
        else:
            axes.fill_between(x, y - two, y + two, color="C0", alpha=0.2, linewidth=0)
            axes.plot(x, y, color="C0")


def _draw_partial(figure: Canvas, data: pd.DataFrame, *, label: str) -> None:
    for axes, part in _axes(figure, data, label):
        for curve, own in part.groupby("curve", sort=False):
            if curve != "mean":
                axes.plot(_places(axes, own["value"]), own["effect"], color="gray", alpha=0.3, linewidth=0.6)
        own = part[part["curve"] == "mean"]
        marker = "o" if isinstance(own["value"].iloc[0], str | bool) else ""
        axes.plot(_places(axes, own["value"]), own["effect"], color="C1", linewidth=2, marker=marker)


def shapley(found: Any) -> Figure:
    """A row of dots per column: the Shapley values of the rows."""
    size = found.shapley.abs().mean().sort_values(ascending=False, kind="stable")
    data = (
        found.shapley[size.index[:MOST]].melt(var_name="column", value_name="value", ignore_index=False).reset_index()
    )
    caption = (
        f"Each dot is a row: what the column adds to its {found.response}. The columns of largest mean size are on top."
    )
    draw = partially(_draw_shapley, label=f"part of the {found.response}")
    return Figure("Shapley values", caption, data, draw, (6.4, 1.2 + 0.35 * min(len(size), MOST)))


def _draw_shapley(figure: Canvas, data: pd.DataFrame, *, label: str) -> None:
    axes, names = figure.subplots(), data["column"].drop_duplicates().tolist()
    for i, name in enumerate(names):
        values = np.sort(data.loc[data["column"] == name, "value"].to_numpy(float))
        # Neighbours are spread up and down, a place each: golden steps fill the height evenly.
        height = len(names) - 1 - i + 0.5 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)
        axes.plot(values, height, "o", color="C0", alpha=0.5, markersize=3.5, markeredgewidth=0)
    axes.axvline(0.0, color="gray", linestyle=":", linewidth=1)
    axes.set_yticks(range(len(names)), [entry(name) for name in reversed(names)])
    axes.set_xlabel(label)
