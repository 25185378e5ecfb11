"""Pictures of effects, as functions of the numbers they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ceteris.results import Figure

SHOWN = 150  # rows in a picture
BARS = 15


def places(tau: np.ndarray) -> np.ndarray:
    """Rows at evenly spaced ranks of their effect (n,), ``SHOWN`` of them at most.

    Examples
    --------
    >>> places(np.array([3.0, 1.0, 2.0])).tolist()
    [1, 2, 0]
    """
    order = np.argsort(tau, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))]


def sorted_effects(effects: Any, average: float, title: str, column: int = 0) -> Figure:
    """Effects from the least to the most, with their intervals where there are any, and their mean.

    Parameters
    ----------
    effects : Effects
        Of rows that are in order.
    average : float
        Of all rows.
    title : str
    column : int
        Which of several contrasts.
    """
    import pandas as pd

    n = len(effects)
    data = pd.DataFrame({"share": (np.arange(n) + 0.5) / n, "effect": effects.point.reshape(n, -1)[:, column]})
    caption = "Rows from the least to the most affected. Dashed: the mean."
    if effects.se is not None:
        data["low"], data["high"] = effects.conf_int().reshape(n, -1, 2)[:, column].T
        caption += f" Lines: pointwise intervals of {100 * effects.level:g} %."
    return Figure(title, caption, data.assign(mean=float(average)), _draw_sorted)


def of_contrasts(columns: Mapping[str, np.ndarray], at: Callable[[np.ndarray], Any]) -> tuple[tuple[Figure, ...], str]:
    """A picture of each of several contrasts, and what their intervals cover.

    Parameters
    ----------
    columns : mapping of str to array, shape (n,)
        Effects of all rows by contrast.
    at : callable
        Returns the `Effects` of some rows.
    """
    found, said = [], ""
    for k, (name, tau) in enumerate(columns.items()):
        sampled = at(places(tau))
        said = sampled.about.interval
        title = "Effects, sorted" if len(columns) == 1 else f"Effects of {name}, sorted"
        found.append(sorted_effects(sampled, tau.mean(), title, k))
    return tuple(found), said


def _draw_sorted(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    if "low" in data:
        axes.vlines(data["share"], data["low"], data["high"], color="C0", alpha=0.3, linewidth=1.2)
    axes.plot(data["share"], data["effect"], color="C0")
    axes.axhline(data["mean"].iloc[0], color="C1", linestyle="--", linewidth=1.2)
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set(xlabel="share of the rows", ylabel="effect", xlim=(0, 1))


def importance(frame: Any) -> Figure:
    """Importance of covariates as bars, the largest on top; columns covariate and importance."""
    data = frame.head(BARS)
    caption = "Share of the splits by each covariate, those near the root counting more."
    return Figure("Importance of covariates", caption, data, _draw_importance, (6.4, 1.2 + 0.3 * len(data)))


def _draw_importance(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    place = np.arange(len(data))[::-1]
    axes.barh(place, data["importance"], height=0.7)
    axes.set_yticks(place, data["covariate"].astype(str))
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="importance")


def quantiles(frame: Any, levels: Sequence[float]) -> Figure:
    """Quantiles of rows, sorted by the middle one, and their outcomes; a column for each level, and "outcome"."""
    import pandas as pd

    middle = frame.columns[int(np.abs(np.array(levels) - 0.5).argmin())]
    data = frame.sort_values(middle, ignore_index=True)
    data.insert(0, "share", (np.arange(len(data)) + 0.5) / len(data))
    order = [f"{level:g}" for level in sorted(levels)]
    data = pd.concat([data[["share", "outcome"]], data[order]], axis=1)
    caption = "Training rows out of bag, sorted by the middle quantile. Lines: quantiles; dots: outcomes."
    return Figure("Quantiles, sorted", caption, data, _draw_quantiles)


def _draw_quantiles(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.plot(data["share"], data["outcome"], ".", color="0.6", markersize=3)
    for name in data.columns[2:]:
        axes.plot(data["share"], data[name], linewidth=1.1, label=str(name))
    axes.set(xlabel="share of the rows", ylabel="outcome", xlim=(0, 1))
    axes.legend(title="quantile")


def fitted(observed: np.ndarray, predicted: np.ndarray) -> Figure:
    """Outcomes (n,) against what was predicted for them out of bag."""
    import pandas as pd

    which = places(predicted)
    data = pd.DataFrame({"predicted": predicted[which], "observed": observed[which]})
    caption = "Training rows out of bag. Dashed: predicted and observed are the same."
    return Figure("Observed and predicted", caption, data, _draw_fitted)


def _draw_fitted(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.plot(data["predicted"], data["observed"], ".")
    ends = [data["predicted"].min(), data["predicted"].max()]
    axes.plot(ends, ends, "--", color="0.5")
    axes.set(xlabel="predicted", ylabel="observed")
