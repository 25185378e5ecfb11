"""Autoregressions by least squares from every origin, their order chosen by BIC from the data up to it."""

from __future__ import annotations

import numpy as np

from ceteris.sequence.forecast.filters import Filtered

RIDGE = 1e-10  # of the largest diagonal entry: equal columns have a solution too


def autoregression(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """Autoregressions of the level and of the change, of up to eight lags; see `ceteris.sequence.forecast.filters`.

    Both predict the same value, so that their BIC can be compared.
    """
    most = int(min(8, max(1, y.shape[1] // 8)))
    change = np.diff(y, axis=1, prepend=y[:, :1])
    level = _chosen(y, list(range(1, most + 1)), 0, horizon, since)
    moved = _chosen(change, list(range(1, most + 1)), 1, horizon, since)
    steps = y[:, :, None] + np.cumsum(moved[0], axis=2)
    better = moved[1] <= level[1]
    return np.where(better[..., None], steps, level[0]), np.minimum(moved[1], level[1])


def seasonal_autoregression(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """Autoregressions of the change over a season, with lags of a few steps and around a season."""
    times = y.shape[1]
    if season == 1:
        return autoregression(y, season, horizon, since, judged)
    change = np.zeros_like(y)
    change[:, season:] = y[:, season:] - y[:, :-season]
    lags = [1, 2, 3, season, season + 1]
    expected, fit = _chosen(change, list(dict.fromkeys(lags)), season, horizon, since)
    past = np.concatenate([np.repeat(y[:, :1], season, 1), y], axis=1)
    found = np.empty_like(expected)
    for h in range(horizon):
        before = found[:, :, h - season] if h >= season else past[:, h + 1 : h + 1 + times]
        found[:, :, h] = before + expected[:, :, h]
    return found, fit


def _chosen(v: np.ndarray, lags: list[int], skip: int, horizon: int, since: int) -> Filtered:
    """Regress v[t] on its lags, nested in this order, from every origin; recurse over the horizon with BIC's choice."""
    n, times = v.shape
    width, first = len(lags) + 1, skip + max(lags)
    found, fit = np.full((n, times, horizon), np.nan), np.full((n, times), np.inf)
    origins = np.arange(max(since, first + 3), times)
    if not len(origins):
        return found, fit
    chunk = max(int(4e6 // (times * width**2)), 1)
    for at in range(0, n, chunk):
        own = slice(at, at + chunk)
        found[own, origins], fit[own, origins] = _of_chunk(v[own], lags, first, origins, horizon)
    return found, fit


def _of_chunk(
    v: np.ndarray, lags: list[int], first: int, origins: np.ndarray, horizon: int
) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts (series, origins, horizon) and BIC (series, origins) of a few series."""
    n, times = v.shape
    head = v[:, first : max(origins[0], first + 3)]
    scale = np.sqrt(np.mean(head**2, axis=1, keepdims=True))
    v = v / np.where(scale > 0, scale, 1.0)
    rows = np.stack([np.ones((n, times - first)), *(v[:, first - lag : times - lag] for lag in lags)], axis=2)
    own = v[:, first:]
    at = origins - first
    XX = np.cumsum(rows[..., :, None] * rows[..., None, :], axis=1)[:, at]
    Xy = np.cumsum(rows * own[..., None], axis=1)[:, at]
    yy = np.cumsum(own**2, axis=1)[:, at]
    beta, fit = _by_bic(XX, Xy, yy, at + 1.0)
    state = np.stack([v[:, origins - k] for k in range(max(lags))], axis=2)
    found, places = np.empty((n, len(origins), horizon)), np.array(lags) - 1
    for h in range(horizon):
        following = beta[..., 0] + np.sum(beta[..., 1:] * state[..., places], axis=2)
        found[..., h] = following
        state = np.concatenate([following[..., None], state[..., :-1]], axis=2)
    return found * scale[..., None], fit + (at + 1) * 2 * np.log(np.where(scale > 0, scale, 1.0))


def _by_bic(XX: np.ndarray, Xy: np.ndarray, yy: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (series, origins, width) of the best of nested regressions, and its BIC (series, origins).

    One Cholesky factor L of X'X serves all of them: with L z = X'y the sum of squares falls by z_k² with column k.
    """
    width = Xy.shape[-1]
    ridge = RIDGE * XX.diagonal(axis1=2, axis2=3).max(2)[..., None, None] * np.eye(width)
    L = np.linalg.cholesky(XX + ridge)
    z = np.linalg.solve(L, Xy[..., None])[..., 0]
    squares = np.maximum(yy[..., None] - np.cumsum(z**2, axis=2), 1e-12 * yy[..., None] + 1e-300)
    size = np.arange(1, width + 1)
    criterion = count[:, None] * np.log(squares / count[:, None]) + np.log(count)[:, None] * size
    criterion = np.where(count[:, None] < size + 3, np.inf, criterion)
    best = np.argmin(criterion, axis=2)[..., None]
    kept = np.where(size - 1 <= best, z, 0.0)  # coefficients of columns beyond are then zero
    beta = np.linalg.solve(np.swapaxes(L, 2, 3), kept[..., None])[..., 0]
    return beta, np.take_along_axis(criterion, best, 2)[..., 0]
