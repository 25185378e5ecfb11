"""Figures of estimates: points with their intervals, and effects by the time since treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ceteris.evidence import Figure

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas as pd

MOST = 40  # rows that a figure of points has room for
INCHES = 0.34  # of height for each


def coefficients(data: pd.DataFrame, title: str = "Estimates", level: float = 0.95) -> Figure:
    """Points with their intervals, one line each, and a line at zero; the first forty of many.

    Parameters
    ----------
    data : DataFrame
        With the columns label, estimate, low and high.
    title : str
    level : float
        Of the intervals, for the caption.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"label": ["a"], "estimate": [1.0], "low": [0.5], "high": [1.5]})
    >>> coefficients(data).caption
    'Points and intervals of 95 %; the dotted line is zero.'
    """
    more = f" The first {MOST} of {len(data)}." if len(data) > MOST else ""
    caption = f"Points and intervals of {100 * level:g} %; the dotted line is zero.{more}"
    shown = data.head(MOST).reset_index(drop=True)
    return Figure(title, caption, shown, _draw_coefficients, (6.4, 1.1 + INCHES * max(len(shown), 2)))


def _draw_coefficients(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    place = np.arange(len(data))[::-1]
    axes.axvline(0, color="0.5", linestyle=":", linewidth=1.0)
    axes.hlines(place, data["low"], data["high"], color="C0", linewidth=2.0)
    axes.plot(data["estimate"], place, "o", color="C0", markersize=6)
    axes.set_yticks(place, data["label"].astype(str))
    axes.set_ylim(-0.7, len(data) - 0.3)
    axes.grid(False, axis="y")
    axes.set_xlabel("estimate")


def event_study(data: pd.DataFrame, level: float = 0.95) -> Figure:
    """Effects by the time since treatment: points, pointwise intervals, and a band that holds all of them at once.

    Parameters
    ----------
    data : DataFrame
        With the columns time (periods since treatment starts, negative before), estimate, low, high, band low and
        band high.
    level : float
        Of intervals and band, for the caption.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["time", "estimate", "low", "high", "band low", "band high"]
    >>> event_study(pd.DataFrame([[-1, 0.0, -1, 1, -2, 2], [0, 1.0, 0, 2, -1, 3]], columns=columns)).title
    'Event study'
    """
    caption = (
        "Effects by periods since treatment with pointwise intervals (lines) and a band that holds all of them at once "
        f"(shaded), {100 * level:g} % each. Hollow: before treatment, where there should be none."
    )
    return Figure("Event study", caption, data.sort_values("time", ignore_index=True), _draw_event_study, (6.4, 4.0))


def _draw_event_study(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    from matplotlib import rcParams

    axes = figure.subplots()
    axes.axhline(0, color="0.5", linewidth=1.0)
    before, time = data["time"] < 0, data["time"]
    if before.any() and not before.all():
        axes.axvline((time[before].max() + time[~before].min()) / 2, color="0.5", linestyle=":", linewidth=1.0)
    for part, colour, face, label in (
        (before, "C5", rcParams["patch.edgecolor"], "before treatment"),  # that is the colour of the page
        (~before, "C0", "C0", "since treatment"),
    ):
        shown = data[part]
        if len(shown) == 0:
            continue
        if len(shown) > 1:
            axes.fill_between(shown["time"], shown["band low"], shown["band high"], color=colour, alpha=0.15, lw=0)
        else:
            axes.vlines(shown["time"], shown["band low"], shown["band high"], color=colour, alpha=0.15, linewidth=9)
        axes.vlines(shown["time"], shown["low"], shown["high"], color=colour, linewidth=2.0)
        axes.plot(shown["time"], shown["estimate"], "o", color=colour, markerfacecolor=face, markersize=6, label=label)
    if len(data) <= 25:
        axes.set_xticks(time, [f"{t:g}" for t in time])
    axes.set(xlabel="periods since treatment", ylabel="effect")
    axes.legend()
