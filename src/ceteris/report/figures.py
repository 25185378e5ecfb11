"""The figure of a training history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ceteris.evidence import Figure, Section

if TYPE_CHECKING:
    import pandas as pd


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
