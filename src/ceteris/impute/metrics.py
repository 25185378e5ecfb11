"""How good draws are where the truth is known: functions of arrays, draws first.

Intervals have Weibull's plotting positions: between the k-th and the (m + 1 - k)-th of m exchangeable draws a further
one falls with probability (m + 1 - 2k)/(m + 1), so that calibrated draws cover at the stated rate for every m.
"""

from __future__ import annotations

import numpy as np


def nrmse(draws: np.ndarray, truth: np.ndarray, scale: float) -> float:
    """Root mean squared error of the mean of the draws (m, cells) over the column's standard deviation."""
    return float(np.sqrt(np.mean((draws.mean(0) - truth) ** 2)) / scale)


def crps(draws: np.ndarray, truth: np.ndarray, scale: float) -> float:
    """Continuous ranked probability score E|X - y| - E|X - X'|/2 over the scale, unbiased for any number of draws.

    Examples
    --------
    >>> crps(np.array([[0.0], [2.0]]), np.array([1.0]), 1.0)
    0.0
    """
    m = len(draws)
    if m < 2:
        return float(np.mean(np.abs(draws - truth)) / scale)
    weights = (2 * np.arange(1, m + 1) - m - 1)[:, None]
    spread = (weights * np.sort(draws, axis=0)).sum(0) / (m * (m - 1))
    return float(np.mean(np.abs(draws - truth).mean(0) - spread) / scale)


def coverage(draws: np.ndarray, truth: np.ndarray, level: float = 0.9) -> float:
    """Share of cells whose truth lies in the central interval of the draws; NaN where the draws are too few for it."""
    if len(draws) + 1 < round(2 / (1 - level), 9):
        return float("nan")
    low, high = interval(draws, level)
    return float(np.mean((low <= truth) & (truth <= high)))


def interval(draws: np.ndarray, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """The central interval of the draws (m, cells), two arrays of shape (cells,)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0, method="weibull")
    return low, high


def shares(draws: np.ndarray, levels: int) -> np.ndarray:
    """How often each level was drawn, from codes (m, cells): probabilities (cells, levels)."""
    return (draws[:, :, None] == np.arange(levels)).mean(0)


def accuracy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Share of cells whose level was drawn most often."""
    return float(np.mean(probabilities.argmax(1) == truth))


def brier(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Brier score Σ_k (p_k - 1{y = k})², between 0 and 2."""
    return float(((probabilities - (truth[:, None] == np.arange(probabilities.shape[1]))) ** 2).sum(1).mean())
