"""Filters of time series on grids of their parameters: forecasts from every origin in one pass over the data.

A filter (exponential smoothing, the airline model) runs once over each series for every point of a small grid. At each
origin the point with the best likelihood of the one-step errors so far is taken, so that a forecast is what a fit to
the data up to its origin gives, and nothing is fitted again. Nothing here compiles.

Series have shape (series, times), each starts at the first place and has no holes; what follows its end is never looked
at from an origin inside it. Forecasts have shape (series, times, horizon): entry [i, t] uses ``y[i, : t + 1]`` only.

References
----------
Hyndman, R. and Athanasopoulos, G. (2021). Forecasting: Principles and Practice, 3rd edition, chapters 5, 8 and 9.
Box, G. and Jenkins, G. (1970). Time Series Analysis, chapter 9 (the airline model). Assimakopoulos, V. and
Nikolopoulos, K. (2000). The theta model. International Journal of Forecasting 16.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

Filtered = tuple[
    np.ndarray, np.ndarray
]  # forecasts (series, times, horizon), minus two log likelihoods (series, times)


def likeliest(run: Callable[..., Filtered], y: np.ndarray, season: int, horizon: int, since: int) -> np.ndarray:
    """Return the forecasts of a filter, at each origin with seasons and in logs where the likelihood so far says so.

    Parameters
    ----------
    run : callable
        ``run(y, season, horizon, since, judged)`` returns forecasts and minus two log likelihoods of the one-step
        errors from the place ``judged`` on, plus twice the number of parameters.
    y : array, shape (series, times)
    season, horizon, since : int
        Length of the season, steps ahead, first origin that is wanted.
    """
    judged = min(2 * season, y.shape[1] - 1) if season > 1 else 1
    positive = np.minimum.accumulate(y, axis=1) > 0
    logs = np.log(np.where(positive, y, 1.0))
    jacobian = 2 * np.cumsum(np.where(np.arange(y.shape[1]) < judged, 0.0, logs), axis=1)
    found, best = None, np.full(y.shape, np.inf)
    for length in dict.fromkeys((1, season)):
        for in_logs in (False, True) if positive[:, since:].any() else (False,):
            ahead, fit = run(logs if in_logs else y, length, horizon, since, judged)
            if in_logs:
                ahead, fit = np.exp(np.minimum(ahead, 700.0)), np.where(positive, fit + jacobian, np.inf)
            better = fit < best
            found = ahead if found is None else np.where(better[..., None], ahead, found)
            best = np.minimum(best, fit)
    assert found is not None
    return found


def best_of(squares: np.ndarray, count: int, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the point of the grid with the best criterion (series,), and minus two log likelihoods there.

    ``squares`` (series, points) are sums of squared one-step errors, ``costs`` (points,) numbers of parameters.
    """
    deviance = count * np.log(np.maximum(squares, 1e-300) / max(count, 1)) + 2 * costs
    best = np.argmin(deviance, axis=1)
    return best, np.take_along_axis(deviance, best[:, None], 1)[:, 0]


def smoothing(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """Exponential smoothing with a level, a damped trend or none, and additive seasons (ETS A,N/Ad/A,N/A)."""
    n, times = y.shape
    trends = [(0.0, 1.0), *product((0.05, 0.2, 0.5), (0.85, 0.95, 1.0)), (0.01, 1.0)]
    gammas = (0.02, 0.1, 0.3, 0.6) if season > 1 else (0.0,)
    grid = np.array(
        [(a, *tr, g) for a in (0.02, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.999) for tr in trends for g in gammas]
    )
    alpha, beta, phi, gamma = grid.T
    costs = 1.0 + 2.0 * (beta > 0) + (phi < 1) + (season if season > 1 else 0)
    first = min(2 * season if season > 1 else 3, times)
    level, slope, seasons = _start(y, season, first)
    level = np.repeat(level[:, None], len(grid), 1)
    slope = np.where(beta > 0, slope[:, None], 0.0)
    seasons = np.repeat(seasons[:, None, :], len(grid), 1)
    squares, found = np.zeros((n, len(grid))), np.full((n, times, horizon), np.nan)
    fit, rows = np.full((n, times), np.inf), np.arange(n)
    steps = np.arange(1, horizon + 1)
    for t in range(times):
        place = t % season
        error = y[:, t, None] - level - phi * slope - seasons[:, :, place]
        level = level + phi * slope + alpha * error
        slope = phi * slope + alpha * beta * error
        seasons[:, :, place] += gamma * (1 - alpha) * error
        if t >= judged:
            squares += error**2
        if t >= max(since, first - 1, judged + 1):
            best, fit[:, t] = best_of(squares, t + 1 - judged, costs)
            damped = np.cumsum(phi[best][:, None] ** steps, axis=1)
            ahead = seasons[rows[:, None], best[:, None], (t + steps) % season]
            found[:, t] = level[rows, best][:, None] + damped * slope[rows, best][:, None] + ahead
    return found, fit


def _start(y: np.ndarray, season: int, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level before the first observation, slope and seasons, from the first two seasons (or the first few values)."""
    head = y[:, :first]
    if season == 1 or first < 2 * season:
        slope = (head[:, -1] - head[:, 0]) / max(first - 1, 1)
        return head[:, 0] - slope, slope, np.zeros((len(y), season))
    slope = (head[:, season:].mean(1) - head[:, :season].mean(1)) / season
    middle = head.mean(1, keepdims=True)
    line = middle + slope[:, None] * (np.arange(first) - (first - 1) / 2)
    seasons = (head - line).reshape(len(y), 2, season).mean(1)
    return line[:, 0] - slope, slope, seasons


def airline(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """The seasonal ARIMA (0,1,1)(0,1,1), by the conditional sum of squares; without seasons the ARIMA (0,1,1)."""
    n, times = y.shape
    near, far = (-0.3, -0.1, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.97), (0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9)
    grid = np.array(list(product(near, far if season > 1 else (0.0,))))
    theta, seasonal = grid.T
    lags = season + 1
    changes = _differenced(y, season)
    # errors[:, :, k] is the error k + 1 steps ago
    errors, squares = np.zeros((n, len(grid), lags)), np.zeros((n, len(grid)))
    found, fit, rows = np.full((n, times, horizon), np.nan), np.full((n, times), np.inf), np.arange(n)
    first = lags if season > 1 else 1
    for t in range(first, times):
        expected = -theta * errors[:, :, 0]
        if season > 1:
            expected = expected - seasonal * errors[:, :, season - 1] + theta * seasonal * errors[:, :, season]
        error = changes[:, t, None] - expected
        errors = np.concatenate([error[:, :, None], errors[:, :, :-1]], axis=2)
        if t >= judged:
            squares += error**2
        if t >= max(since, first + 2, judged + 1):
            best, fit[:, t] = best_of(squares, t + 1 - judged, np.full(len(grid), 1.0 + (season > 1)))
            own = errors[rows, best]
            moved = _moving(own, theta[best], seasonal[best], season, horizon)
            found[:, t] = _summed(y[:, : t + 1], moved, season)
    return found, fit


def _differenced(y: np.ndarray, season: int) -> np.ndarray:
    """(1 - B)(1 - B^s) y, zero where it is not defined; (1 - B) y without seasons."""
    once = np.diff(y, axis=1, prepend=y[:, :1])
    if season == 1:
        return once
    changes = np.zeros_like(y)
    changes[:, season + 1 :] = once[:, season + 1 :] - once[:, 1:-season]
    return changes


def _moving(own: np.ndarray, theta: np.ndarray, seasonal: np.ndarray, season: int, horizon: int) -> np.ndarray:
    """Expected changes, (series, horizon), from the last errors: what is left of the moving average."""
    moved = np.zeros((len(own), horizon))
    moved[:, 0] -= theta * own[:, 0]
    if season > 1:
        for h in range(1, min(horizon, season + 1) + 1):
            if h <= season:
                moved[:, h - 1] -= seasonal * own[:, season - h]
            moved[:, h - 1] += theta * seasonal * own[:, season + 1 - h]
    return moved


def _summed(y: np.ndarray, moved: np.ndarray, season: int) -> np.ndarray:
    """Levels, (series, horizon), from expected changes."""
    if season == 1:
        return y[:, -1:] + np.cumsum(moved, axis=1)
    past = y[:, -season - 1 :]
    for h in range(moved.shape[1]):
        following = past[:, -1] + past[:, -season] - past[:, -season - 1] + moved[:, h]
        past = np.concatenate([past, following[:, None]], axis=1)
    return past[:, season + 1 :]


def theta(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """The Theta method: smoothing of the series without its seasons, plus half the slope of its straight line."""
    n, times = y.shape
    found, fit = np.full((n, times, horizon), np.nan), np.full((n, times), np.inf)
    origins = np.arange(max(since, judged + 1, 2 * season + 1 if season > 1 else 3), times)
    if not len(origins):
        return found, fit
    seasons = seasonal_means(y, season)[:, origins]  # (series, origins, season)
    phase = np.arange(times) % season
    alpha = np.array([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 0.99])
    level = np.repeat((y[:, None, 0] - seasons[:, :, 0])[..., None], len(alpha), 2)
    squares = np.zeros_like(level)
    for t in range(1, times):
        going = slice(int(np.searchsorted(origins, t)), None)  # the others have got to their origin
        error = (y[:, None, t] - seasons[:, going, phase[t]])[..., None] - level[:, going]
        level[:, going] += alpha * error
        if t >= judged:
            squares[:, going] += np.square(error, out=error)
    best = np.argmin(squares, axis=2)[..., None]
    least, count = np.take_along_axis(squares, best, 2)[..., 0], origins + 1.0 - judged
    fit[:, origins] = count * np.log(np.maximum(least, 1e-300) / count) + 2 * season
    chosen, steps = alpha[best[..., 0]], np.arange(1, horizon + 1)
    slope = _slopes(y, seasons, phase, origins)[..., None]
    start = (1 - (1 - chosen) ** (origins + 1)) / chosen
    after = np.broadcast_to((origins[:, None] + steps) % season, (n, len(origins), horizon))
    last = np.take_along_axis(level, best, 2)
    found[:, origins] = last + slope / 2 * (steps - 1 + start[..., None]) + np.take_along_axis(seasons, after, 2)
    return found, fit


def seasonal_means(y: np.ndarray, season: int) -> np.ndarray:
    """Return additive seasons by classical decomposition of the data up to each time, (series, times, season)."""
    n, times = y.shape
    if season == 1:
        return np.zeros((n, times, 1))
    weights = np.ones(season + 1 - season % 2)
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    half = len(weights) // 2
    totals = np.zeros((n, times, season))
    counts = np.zeros((times, season))
    if times >= len(weights):
        windows = np.lib.stride_tricks.sliding_window_view(y, len(weights), axis=1)
        around = y[:, half : times - half] - windows @ weights / season
        middle = np.arange(half, times - half)
        totals[:, middle + half, middle % season] = around  # known once the window is whole
        counts[middle + half, middle % season] = 1
    sums, counts = np.cumsum(totals, axis=1), np.maximum(np.cumsum(counts, axis=0), 1)
    means = sums / counts
    return means - means.mean(2, keepdims=True)


def _slopes(y: np.ndarray, seasons: np.ndarray, phase: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Slopes of straight lines through the series without seasons, (series, origins)."""
    place = np.arange(y.shape[1], dtype=float)
    sums, products = np.cumsum(y, axis=1)[:, origins], np.cumsum(y * place, axis=1)[:, origins]
    count = origins + 1.0
    hit = phase[:, None] == np.arange(seasons.shape[2])
    within, weighted = np.cumsum(hit, 0)[origins], np.cumsum(hit * place[:, None], 0)[origins]
    sums = sums - (seasons * within).sum(2)
    products = products - (seasons * weighted).sum(2)
    centre = origins / 2.0
    return (products - centre * sums) / (count * (count**2 - 1) / 12)
