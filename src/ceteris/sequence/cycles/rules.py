"""Rules that tell price cycles without learning: one number per series, larger where it looks more like a cycle.

Four are those of the literature on retail gasoline, three come from time series. Prices are arrays (series, periods).

References
----------
Castanias, R. and Johnson, H. (1993). Gas wars: retail gasoline price fluctuations. Review of Economics and Statistics
75. Eckert, A. (2002). Retail price cycles and response asymmetry. Canadian Journal of Economics 35. Lewis, M. (2009).
Temporary wholesale gasoline price spikes have long-lasting retail effects. Journal of Law and Economics 52. Byrne, D.
and de Roos, N. (2019). Learning to coordinate: a study in retail gasoline. American Economic Review 109. Holt, T.,
Igami, M. and Scheidegger, S. (2024). Detecting Edgeworth cycles. Journal of Law and Economics 67.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def negative_median_change(prices: np.ndarray) -> np.ndarray:
    """Return minus the median change: most days of a cycle are days of undercutting (Lewis)."""
    changes = _changes(prices)
    return -np.median(changes, axis=1)


def runs_down_longer(prices: np.ndarray) -> np.ndarray:
    """Return by how much runs of falling prices are longer than runs of rising ones (Castanias and Johnson)."""
    signs = np.sign(np.diff(prices, axis=1))
    return np.array([_mean_run(-row) - _mean_run(row) for row in signs])


def rises_larger(prices: np.ndarray) -> np.ndarray:
    """Return by how much the mean rise is larger than the mean fall (Eckert)."""
    changes = _changes(prices)
    up, down = changes > 0, changes < 0
    rise = np.where(up, changes, 0).sum(1) / np.maximum(up.sum(1), 1)
    fall = np.where(down, changes, 0).sum(1) / np.maximum(down.sum(1), 1)
    return rise + fall


def many_big_rises(prices: np.ndarray) -> np.ndarray:
    """Return the share of changes that are large rises, of more than one and a half deviations (Byrne and de Roos)."""
    return (_changes(prices) > 1.5).mean(1)


def spectral_peak(prices: np.ndarray) -> np.ndarray:
    """Return the share of the variance of changes at the strongest frequency."""
    power = np.abs(np.fft.rfft(_changes(prices) - _changes(prices).mean(1, keepdims=True), axis=1)) ** 2
    return power[:, 1:].max(1) / np.maximum(power[:, 1:].sum(1), 1e-12)


def mean_reversion(prices: np.ndarray) -> np.ndarray:
    """Return minus the coefficient of the level on its lag: how fast prices come back."""
    centred = prices - prices.mean(1, keepdims=True)
    return -(centred[:, 1:] * centred[:, :-1]).sum(1) / np.maximum((centred[:, :-1] ** 2).sum(1), 1e-12)


def skewed_changes(prices: np.ndarray) -> np.ndarray:
    """Return the skewness of changes: jumps go up, decay goes down."""
    changes = _changes(prices)
    return ((changes - changes.mean(1, keepdims=True)) ** 3).mean(1)


RULES = {
    "negative median change": negative_median_change,
    "runs down are longer": runs_down_longer,
    "rises are larger": rises_larger,
    "many big rises": many_big_rises,
    "spectral peak": spectral_peak,
    "mean reversion": mean_reversion,
    "skewed changes": skewed_changes,
}


def rule_scores(prices: np.ndarray) -> pd.DataFrame:
    """Return the score of each series by each rule, one column per rule.

    Parameters
    ----------
    prices : array, shape (series, periods)

    Examples
    --------
    >>> import numpy as np
    >>> sawtooth, wave = np.tile([5.0, 4, 3, 2, 1], 8), np.sin(np.arange(40.0))
    >>> scores = rule_scores(np.stack([sawtooth, wave]))
    >>> scores["skewed changes"].round(1).tolist(), scores["negative median change"].round(1).tolist()
    ([1.7, -0.1], [0.5, -0.1])
    """
    return pd.DataFrame({name: rule(prices) for name, rule in RULES.items()})


def _changes(prices: np.ndarray) -> np.ndarray:
    """Changes in units of their standard deviation, series by series."""
    changes = np.diff(prices, axis=1)
    return changes / np.maximum(changes.std(1, keepdims=True), 1e-12)


def _mean_run(signs: np.ndarray) -> float:
    """Mean length of the runs of +1."""
    starts = np.diff(np.concatenate([[0], (signs > 0).astype(int)])) == 1
    return float((signs > 0).sum() / max(starts.sum(), 1))
