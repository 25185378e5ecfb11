"""Autoregressions by least squares from every origin, their order chosen by BIC from the data up to it."""

from __future__ import annotations

import numpy as np

from ceteris.sequence.filters import Filtered

RIDGE = 1e-9  # of the largest diagonal entry: equal columns have a solution too


def autoregression(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """Autoregressions of the level and of the change, of up to eight lags; see `ceteris.sequence.filters`.

    Both predict the same value, so that their BIC can be compared.
    """
    n, times = y.shape
    most = int(min(8, max(1, times // 8)))
    change = np.diff(y, axis=1, prepend=y[:, :1])
    level = _chosen(y, y, list(range(1, most + 1)), 0, horizon, since)
    moved = _chosen(change, change, list(range(1, most + 1)), 1, horizon, since)
    steps = y[:, :, None] + np.cumsum(moved[0], axis=2)
    better = moved[1] <= level[1]
    return np.where(better[..., None], steps, level[0]), np.minimum(moved[1], level[1])


def seasonal_autoregression(y: np.ndarray, season: int, horizon: int, since: int, judged: int) -> Filtered:
    """Autoregressions of the change over a season, with lags of a few steps and around a season."""
    n, times = y.shape
    if season == 1:
        return autoregression(y, season, horizon, since, judged)
    change = np.zeros_like(y)
    change[:, season:] = y[:, season:] - y[:, :-season]
    lags = sorted({1, 2, 3}) + [season, season + 1]
    expected, fit = _chosen(change, change, list(dict.fromkeys(lags)), season, horizon, since)
    past = np.concatenate([np.repeat(y[:, :1], season, 1), y], axis=1)
    found = np.empty_like(expected)
    for h in range(horizon):
        before = found[:, :, h - season] if h >= season else past[:, h + 1 : h + 1 + times]
        found[:, :, h] = before + expected[:, :, h]
    return found, fit


def _chosen(
    target: np.ndarray, v: np.ndarray, lags: list[int], skip: int, horizon: int, since: int
) -> Filtered:
    """Regress v[t] on its lags, nested in this order, from every origin; recurse over the horizon with BIC's choice."""
    n, times = v.shape
    width, first = len(lags) + 1, skip + max(lags)
    found, fit = np.full((n, times, horizon), np.nan), np.full((n, times), np.inf)
    origins = np.arange(max(since, first + 3), times)
    if not len(origins):
        return found, fit
    for i in range(n):
        rows = np.ones((times - first, width))
        for k, lag in enumerate(lags):
            rows[:, k + 1] = v[i, first - lag : times - lag]
        own = v[i, first:]
        middle, scale = 0.0, np.sqrt(np.mean(own[: max(since - first, 3)] ** 2)) or 1.0
        rows[:, 1:] /= scale
        own = (own - middle) / scale
        at = origins - first
        XX = np.cumsum(rows[:, :, None] * rows[:, None, :], axis=0)[at]
        Xy = np.cumsum(rows * own[:, None], axis=0)[at]
        yy = np.cumsum(own**2)[at]
        beta, fit[i, origins] = _by_bic(XX, Xy, yy, at + 1.0, scale)
        state = np.stack([v[i, origins - k] for k in range(max(lags))], axis=1) / scale
        for h in range(horizon):
            following = beta[:, 0] + np.sum(beta[:, 1:] * state[:, np.array(lags) - 1], axis=1)
            found[i, origins, h] = following * scale
            state = np.concatenate([following[:, None], state[:, :-1]], axis=1)
    return found, fit


def _by_bic(
    XX: np.ndarray, Xy: np.ndarray, yy: np.ndarray, count: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (origins, width), those of the best nested regression, and its BIC (origins,)."""
    width = Xy.shape[1]
    beta, best = np.zeros_like(Xy), np.full(len(Xy), np.inf)
    for k in range(1, width + 1):
        block = XX[:, :k, :k] + RIDGE * XX.diagonal(axis1=1, axis2=2).max(1)[:, None, None] * np.eye(k)
        own = np.linalg.solve(block, Xy[:, :k, None])[..., 0]
        squares = np.maximum(yy - np.sum(own * Xy[:, :k], axis=1), 1e-12 * yy + 1e-300)
        criterion = count * np.log(squares / count * scale**2) + np.log(count) * k
        criterion[count < k + 3] = np.inf
        better = criterion < best
        best = np.where(better, criterion, best)
        beta[better, :k], beta[better, k:] = own[better], 0.0
    return beta, best
