"""Windows of series: what a net sees at an origin, and nothing that came later.

Each window is scaled by itself: by its last value and by the mean absolute change over a season within it. Nothing is
standardised with moments of the whole sample, so that no later value can leak into an earlier forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.simple import ahead, filled


@dataclass(frozen=True)
class Windows:
    """What nets learn from, a row for each series and origin.

    Attributes
    ----------
    series, origin : int arrays, shape (rows,)
    x : array, shape (rows, inputs)
        The window, time by time, then what belongs to no time.
    base : array, shape (rows, horizon)
        The forecast that a net corrects.
    scale : array, shape (rows,)
    target : array, shape (rows, horizon)
        What came later; NaN where it is not known.
    sizes : tuple of int
        Length of the window, channels of it, other inputs.
    """

    series: np.ndarray
    origin: np.ndarray
    x: np.ndarray
    base: np.ndarray
    scale: np.ndarray
    target: np.ndarray
    sizes: tuple[int, int, int]

    def take(self, rows: np.ndarray) -> Windows:
        """Some rows of them."""
        parts: Any = (a[rows] for a in (self.series, self.origin, self.x, self.base, self.scale, self.target))
        return Windows(*parts, sizes=self.sizes)


def cut(panel: Panel, base: np.ndarray, window: int, most: int, since: int = 0, future: Any = None) -> Windows:
    """Return the windows of a panel.

    Parameters
    ----------
    panel : Panel
    base : array, shape (series, times, horizon)
        Forecasts from each origin that nets correct; there is no window where they are NaN.
    window : int
        Length.
    most : int
        Rows, at most: with more, origins are thinned evenly but for the last ones of each series.
    since : int
        The first origin that is wanted.
    future : array, shape (series, times + horizon, columns), optional
        Known covariates with those after the last time; without it an origin needs them within the table.
    """
    horizon, y = base.shape[2], _filled_from_first(panel)
    known = panel.known
    if known.shape[2]:
        after = np.full((len(y), horizon, known.shape[2]), np.nan)
        known = np.concatenate([known, after], axis=1) if future is None else future
    series, origin = _rows(panel, base, known, window, most, since)
    back, later = origin[:, None] + np.arange(1 - window, 1), origin[:, None] + np.arange(1, horizon + 1)
    seen = y[series[:, None], back]
    level, scale = seen[:, -1], _scale(seen, panel.season)
    usual = _recent_means(y, panel.first, max(5 * window, 40))[series, origin]  # to what a stationary one goes back
    channels = [(seen - level[:, None]) / scale[:, None]]
    if np.isnan(panel.y).any():
        channels.append(np.isnan(panel.y)[series[:, None], back].astype(float))
    others = [(base[series, origin] - level[:, None]) / scale[:, None]]
    others.append(np.clip((usual - level) / scale, -6, 6)[:, None])
    for covariates in (panel.past, known):
        for k in range(covariates.shape[2]):
            own = covariates[..., k][series[:, None], back]
            channels.append(_squashed(own, own))
            if covariates is known:
                others.append(_squashed(covariates[..., k][series[:, None], later], own))
    others += [_standard(panel.static)[series], _phases(panel, origin), np.log(scale / _size(seen))[:, None]]
    x = np.concatenate([np.stack(channels, axis=2).reshape(len(series), -1), *others], axis=1)
    sizes = window, len(channels), x.shape[1] - window * len(channels)
    target = ahead(panel.y, horizon)[series, origin]
    return Windows(series, origin, np.clip(x, -30, 30), base[series, origin], scale, target, sizes)


def _rows(
    panel: Panel, base: np.ndarray, known: np.ndarray, window: int, most: int, since: int
) -> tuple[np.ndarray, np.ndarray]:
    """The series and the origin of each window."""
    times, horizon = panel.shape[1], base.shape[2]
    place = np.arange(times)
    usable = np.isfinite(base).all(2) & (place >= panel.first[:, None] + window - 1) & (place <= panel.last[:, None])
    usable[:, :since] = False
    if known.shape[2]:
        whole = np.asarray(np.isfinite(known).all(2))
        for h in range(1, horizon + 1):
            usable &= whole[:, h : h + times]
    series, origin = np.nonzero(usable)
    if len(series) > most:
        keep = (origin * 1_000_003 + series) % -(-len(series) // most) == 0
        keep |= origin == panel.last[series]
        series, origin = series[keep], origin[keep]
    return series, origin


def _squashed(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A covariate in deviations from its mean within the window, in those standard deviations."""
    middle = seen.mean(1, keepdims=True)
    deviation = np.maximum(seen.std(1, keepdims=True), 1e-6 * np.abs(middle) + 1e-12)
    return np.clip((values - middle) / deviation, -10, 10)


def _filled_from_first(panel: Panel) -> np.ndarray:
    return filled(np.where(np.arange(panel.shape[1]) < panel.first[:, None], 0.0, panel.y), panel.season)


def _recent_means(y: np.ndarray, first: np.ndarray, length: int) -> np.ndarray:
    """Means of the last so many values at each time, or of all where there are fewer."""
    sums = np.pad(np.cumsum(y, axis=1), ((0, 0), (1, 0)))  # before its first value a series is nought
    place = np.arange(1, y.shape[1] + 1)
    count = np.clip(place - first[:, None], 1, length)
    return (sums[:, 1:] - np.take_along_axis(sums, np.maximum(place - count, 0), axis=1)) / count


def _size(seen: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(seen).mean(1), 1e-12)


def _scale(seen: np.ndarray, season: int) -> np.ndarray:
    """Mean absolute change over a season within each window, and where that is short or constant over a step."""
    lag = season if seen.shape[1] > season else 1
    change = np.abs(seen[:, lag:] - seen[:, :-lag]).mean(1)
    step = np.abs(np.diff(seen, axis=1)).mean(1)
    return np.maximum(np.maximum(change, 0.1 * step), 1e-6 * _size(seen) + 1e-12)


def _standard(static: np.ndarray) -> np.ndarray:
    spread = static.std(0)
    return (static - static.mean(0)) / np.where(spread > 0, spread, 1.0)


def _phases(panel: Panel, origin: np.ndarray) -> np.ndarray:
    """Where an origin is in the season, the year and the week, as points on circles."""
    turns = [origin / panel.season] if panel.season > 2 else []
    if panel.freq:
        stamps = panel.times[origin]
        kind = panel.freq.split("-")[0]
        if panel.season != 12 and kind not in ("YS", "YE", "QS", "QE"):
            turns.append(stamps.day_of_year.to_numpy() / 365.25)
        if kind in ("h", "30min", "15min", "10min", "5min", "min", "s"):
            turns.append(stamps.day_of_week.to_numpy() / 7)
    circles = [f(2 * np.pi * turn) for turn in turns for f in (np.sin, np.cos)]
    return np.stack(circles, axis=1) if circles else np.zeros((len(origin), 0))
