"""Intervals from errors that were made: rolling calibration, split by horizon, and adaptive over rolling origins.

Nothing is assumed of how errors are distributed. What they were made with must not have seen their targets: they are
errors of forecasts from past origins.

References
----------
Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic Learning in a Random World. Gibbs, I. and Candès, E. (2021).
Adaptive conformal inference under distribution shift. NeurIPS 34. Stankevičiūtė, K., Alaa, A. and van der Schaar, M.
(2021). Conformal time-series forecasting. NeurIPS 34. Barber, R. et al. (2023). Conformal prediction beyond
exchangeability. Annals of Statistics 51.
"""

from __future__ import annotations

import numpy as np

from ceteris.sequence.forecast.weighing import realised

ORIGINS = 120  # of which errors are used, at most
OWN = 30  # past origins from which on a series is judged by its own errors
MANY = 100  # and each step by its own
FADE = 0.99  # of an error's weight with each step back
LEARNING = 0.02  # by how much the adaptive level moves after each miss


def quantile(sorted_errors: np.ndarray, levels: np.ndarray, count: float | None = None) -> np.ndarray:
    """Return quantiles with the correction for few errors: those of n + 1 places, one of which is the next error's.

    Parameters
    ----------
    sorted_errors : array, shape (n,)
    levels : array
    count : float, optional
        As how many they count, if they depend on each other.

    Examples
    --------
    >>> quantile(np.arange(1.0, 10.0), np.array([0.1, 0.5, 0.9])).tolist()
    [1.0, 5.0, 9.0]
    """
    n = len(sorted_errors)
    many = n if count is None else min(count, n)
    widened = 0.5 + (np.asarray(levels) - 0.5) * (many + 1) / max(many - 1, 1)
    return np.quantile(sorted_errors, np.clip(widened, 0, 1))


def split(errors: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the quantiles of errors by horizon.

    Parameters
    ----------
    errors : array, shape (origins, horizon)
        NaN where the target is not known.
    levels : array, shape (levels,)

    Returns
    -------
    array, shape (horizon, levels)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> split(rng.normal(size=(500, 1)) * 2, np.array([0.1, 0.9])).round(1).tolist()
    [[-2.6, 2.6]]
    """
    found = np.full((errors.shape[1], len(levels)), np.nan)
    for h in range(errors.shape[1]):
        known = np.sort(errors[~np.isnan(errors[:, h]), h])
        found[h] = quantile(known, levels) if len(known) else found[h - 1] if h else np.nan
    return found


def spread(errors: np.ndarray) -> np.ndarray:
    """Return the root mean squared error by horizon that had come to pass at each time, (series, times, horizon).

    Where a horizon has no error yet it is that of the one before, as of a random walk.
    """
    sums, counts = realised(errors**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.sqrt(sums / counts)
    found = np.where(counts >= 0.5, found, np.nan)
    for h in range(1, found.shape[2]):
        grown = found[:, :, h - 1] * np.sqrt((h + 1) / h)
        found[:, :, h] = np.where(np.isnan(found[:, :, h]), grown, found[:, :, h])
    return found


def rolling(errors: np.ndarray, at: int, levels: np.ndarray, sigma: np.ndarray, origins: int = ORIGINS) -> np.ndarray:
    """Return the quantiles of errors that had come to pass at a time.

    Errors are divided by their spread by horizon, their signs are left out, and older ones weigh less (Barber et al.).
    With few past origins those of all horizons are put together, and with fewer still those of all series.

    Parameters
    ----------
    errors : array, shape (series, times, horizon)
        Of forecasts from each origin, NaN where there is none.
    at : int
        The time: errors whose targets came later are not used.
    levels : array, shape (levels,)
    sigma : array, shape (series, horizon)
        `spread` at this time.
    origins : int
        From how many past origins, at most.

    Returns
    -------
    array, shape (series, horizon, levels)
    """
    from scipy.stats import norm

    n, _, horizon = errors.shape
    start = max(at - origins, 0)
    scores = errors[:, start:at] / np.where(sigma > 0, sigma, np.nan)[:, None, :]
    late = np.arange(start, at)[:, None] + np.arange(1, horizon + 1) > at
    scores = np.abs(np.where(late, np.nan, scores))
    weights = np.repeat(FADE ** np.arange(at - start, 0, -1.0)[:, None], horizon, axis=1)
    counts = (~np.isnan(scores)).any(2).sum(1)
    cover, side = np.abs(2 * np.asarray(levels) - 1), np.sign(np.asarray(levels) - 0.5)
    normal = 1.2 * np.abs(norm.ppf(levels))
    everything = np.tile(normal, (horizon, 1))
    if n > 1 and counts.sum() >= 8 and (counts < OWN).any():
        everything = _half_widths(scores.ravel(), np.tile(weights.ravel(), n), cover, float(counts.sum()))
    found = np.empty((n, horizon, len(levels)))
    for i in range(n):
        own = weights * (~np.isnan(scores[i]))
        count = float(own.max(1).sum() ** 2 / max((own.max(1) ** 2).sum(), 1e-300))
        if counts[i] >= MANY:
            for h in range(horizon):
                found[i, h] = _half_widths(scores[i, :, h], weights[:, h], cover, count)
        elif counts[i] >= OWN or (n == 1 and counts[i] >= 8):
            found[i] = _half_widths(scores[i].ravel(), weights.ravel(), cover, count)
        else:
            found[i] = everything
    return np.where(np.isnan(sigma), 0.0, sigma)[:, :, None] * found * side


def _half_widths(scores: np.ndarray, weights: np.ndarray, cover: np.ndarray, count: float) -> np.ndarray:
    """Weighted quantiles of absolute scores, corrected as if there were ``count`` of them."""
    known = ~np.isnan(scores)
    order = np.argsort(scores[known], kind="stable")
    sorted_scores, own = scores[known][order], weights[known][order]
    place = (np.cumsum(own) - own / 2) / own.sum()
    return np.interp(np.clip(cover * (count + 1) / count, 0, 1), place, sorted_scores)


def adaptive(
    errors: np.ndarray, sigma: np.ndarray, cover: float, rate: float = LEARNING, origins: int = ORIGINS,
    warm: int = 20,
) -> np.ndarray:  # fmt: skip
    """Return half widths that adapt: after each miss the next interval is for a higher level, after a hit for a lower.

    Parameters
    ----------
    errors : array, shape (times, horizon)
        Of forecasts from each origin, NaN where there is none.
    sigma : array, shape (times, horizon)
        By what errors are divided at each time (`spread`, or ones).
    cover : float
        Probability that an interval is to hold its target with.
    rate : float
        By how much the level moves.
    origins : int
        How many past errors are looked at.
    warm : int
        Errors of a horizon before which its half width is NaN.

    Returns
    -------
    array, shape (times, horizon)
        For each origin, from errors that had come to pass by then.
    """
    times, horizon = errors.shape
    scores = np.abs(errors)
    found = np.full((times, horizon), np.nan)
    for h in range(horizon):
        miss, known = 1.0 - cover, np.zeros(0)
        for t in range(times):
            o = t - h - 1  # the origin whose target has just come to pass
            if o >= 0 and not np.isnan(scores[o, h]):
                if not np.isnan(found[o, h]):
                    miss += rate * ((1 - cover) - float(scores[o, h] > found[o, h]))
                known = np.append(known, scores[o, h] / sigma[o, h] if sigma[o, h] > 0 else scores[o, h])[-origins:]
            if len(known) >= warm:
                place = np.clip((1 - miss) * (len(known) + 1) / len(known), 0, 1)
                width = np.quantile(known, place)
                if miss < 0:  # nothing that was seen is wide enough
                    width *= 1 - 10 * miss
                found[t, h] = width * (sigma[t, h] if sigma[t, h] > 0 else 1.0)
    return found
