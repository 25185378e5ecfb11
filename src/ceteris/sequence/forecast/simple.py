"""Simple methods of forecasting, and their forecasts from every origin.

`SIMPLE` lists them. Each takes series of shape (series, times) to forecasts of shape (series, times, horizon), of which
entry [i, t] uses ``y[i, : t + 1]`` only; see `ceteris.sequence.forecast.filters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ceteris.sequence.forecast import filters
from ceteris.sequence.forecast.autoregression import autoregression, seasonal_autoregression
from ceteris.sequence.forecast.frame import Panel

Simple = Callable[[np.ndarray, int, int, int], np.ndarray]


def naive(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the last value: the best forecast of a random walk."""
    return np.repeat(y[:, :, None], horizon, axis=2)


def seasonal_naive(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the value of the same season a year before."""
    found = np.full((*y.shape, horizon), np.nan)
    for h in range(1, horizon + 1):
        back = season * -(-h // season) - h
        found[:, back:, h - 1] = y[:, : y.shape[1] - back]
    return found


def drift(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the last value plus the mean change so far: a random walk with drift."""
    slope = (y - y[:, :1]) / np.maximum(np.arange(y.shape[1]), 1)
    return y[:, :, None] + slope[:, :, None] * np.arange(1, horizon + 1)


def mean(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the mean so far."""
    return np.repeat((np.cumsum(y, axis=1) / np.arange(1, y.shape[1] + 1))[:, :, None], horizon, axis=2)


def theta(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the forecasts of the Theta method."""
    return filters.likeliest(filters.theta, y, season, horizon, since)


def smoothing(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the forecasts of exponential smoothing."""
    return filters.likeliest(filters.smoothing, y, season, horizon, since)


def airline(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the forecasts of the airline model."""
    return filters.likeliest(filters.airline, y, season, horizon, since)


def ar(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the forecasts of an autoregression of the level or the change, its order by BIC."""
    return filters.likeliest(autoregression, y, 1, horizon, since)


def seasonal_ar(y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the forecasts of an autoregression of the change over a season, its order by BIC."""
    return filters.likeliest(seasonal_autoregression, y, season, horizon, since)


NAIVE, SEASONAL = "naive", "seasonal naive"
SIMPLE: dict[str, tuple[Simple, str]] = {
    NAIVE: (naive, "the last value"),
    SEASONAL: (seasonal_naive, "the value of a season ago"),
    "drift": (drift, "the last value plus the mean change"),
    "mean": (mean, "the mean so far"),
    "theta": (theta, "Theta, with seasons where they help"),
    "smoothing": (smoothing, "exponential smoothing: level, damped trend, seasons"),
    "airline": (airline, "the model ARIMA (0,1,1)(0,1,1)"),
    "ar": (ar, "autoregression of the level or change, its order by BIC"),
    "seasonal ar": (seasonal_ar, "autoregression of the change over a season"),
}
COMBINED = (NAIVE, SEASONAL, "theta", "smoothing", "airline", "ar", "seasonal ar")  # drift and mean add nothing to them
WILD = 5.0  # ranges of the data so far beyond them: no forecast that far out is taken seriously


def usable(names: Iterable[str], season: int) -> tuple[str, ...]:
    """Return those that differ from the others: without a season, seasonal methods are their plain kin."""
    return tuple(name for name in names if season > 1 or name not in (SEASONAL, "seasonal ar"))


def all_origins(panel: Panel, names: Iterable[str], horizon: int, since: int = 0) -> np.ndarray:
    """Return the forecasts of several methods from every origin of the calendar from ``since`` on.

    Returns
    -------
    array, shape (methods, series, times, horizon)
        NaN where a method has too few data, before a series begins and after it has ended.

    Examples
    --------
    >>> from ceteris.sequence.forecast.frame import read_panel
    >>> all_origins(read_panel([1.0, 2.0, 4.0, 8.0]), ["naive", "drift"], 1)[:, 0, -1, 0].round(2).tolist()
    [8.0, 10.33]
    """
    names = tuple(names)
    y, own = at_the_start(panel)
    n, times = y.shape
    local = max(int(since - panel.first.max()), 0)
    found = np.full((len(names), n, times, horizon), np.nan)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for m, name in enumerate(names):
            found[m] = SIMPLE[name][0](y, panel.season, horizon, local)
    low, high = np.minimum.accumulate(y, axis=1)[..., None], np.maximum.accumulate(y, axis=1)[..., None]
    wild = WILD * (high - low) + 1e-9 * np.abs(high)
    found[~((found >= low - wild) & (found <= high + wild))] = np.nan
    found[:, ~own] = np.nan
    found[:, :, : warm_up(panel.season, (panel.last - panel.first).max() + 1)] = np.nan
    place = np.arange(times)[None, :] - panel.first[:, None]
    moved = np.take_along_axis(found, np.maximum(place, 0)[None, :, :, None], axis=2)
    return np.where((place >= 0)[None, :, :, None], moved, np.nan)


def warm_up(season: int, length: int) -> int:
    """Return how many values a series must have before errors of forecasts count: two and a half seasons, or 20.

    A third of a short series is enough; earlier forecasts are of methods that know next to nothing.
    """
    return int(min(max(2.5 * season if season < 50 else season, 20), length // 3))


def at_the_start(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Return the series, each from its first value on and without holes, and which places are its own."""
    times = panel.shape[1]
    place = panel.first[:, None] + np.arange(times)
    own = place <= panel.last[:, None]
    y = np.take_along_axis(panel.y, np.minimum(place, times - 1), axis=1)
    return filled(np.where(own, y, np.nan), panel.season), own


def filled(y: np.ndarray, season: int) -> np.ndarray:
    """Fill holes by what was known before them: the last season moved to the last level, or the last value.

    Examples
    --------
    >>> filled(np.array([[1.0, 5.0, 2.0, np.nan, 3.0, np.nan]]), 2).tolist()
    [[1.0, 5.0, 2.0, 6.0, 3.0, 7.0]]
    """
    if not np.isnan(y).any():
        return y
    y = y.copy()
    for t in range(1, y.shape[1]):
        hole = np.isnan(y[:, t])
        if not hole.any():
            continue
        value = y[:, t - 1]
        if season > 1 and t > season:
            value = value + y[:, t - season] - y[:, t - season - 1]
        y[hole, t] = value[hole]
    return y


def ahead(y: np.ndarray, horizon: int) -> np.ndarray:
    """Return what came after each place, (series, times, horizon); NaN where it is not known."""
    found = np.full((*y.shape, horizon), np.nan)
    for h in range(1, min(horizon, y.shape[1] - 1) + 1):
        found[:, :-h, h - 1] = y[:, h:]
    return found
