"""Weights of methods from how each did at the origins before: what has not happened yet has no say.

At an origin t an error counts once its target has come to pass. Errors fade by a factor per step, so that a method that
has become worse loses its weight.

References
----------
Bates, J. and Granger, C. (1969). The combination of forecasts. Operational Research Quarterly 20. Stock, J. and Watson,
M. (2004). Combination forecasts of output growth in a seven-country data set. Journal of Forecasting 23.
"""

from __future__ import annotations

import numpy as np

FADE, SHARP = 0.98, 6.0  # chosen on 50 series that are not among those of the benchmark
TINY, MOST = 1e-300, 1e6  # an error that is as good as none, and how bad a method can be beside the best
LIKE = 5.0  # origins that the other series of a table count for


def realised(errors: np.ndarray, fade: float = FADE) -> tuple[np.ndarray, np.ndarray]:
    """Return faded sums, and counts, of what had come to pass at each time.

    Parameters
    ----------
    errors : array, shape (..., times, horizon)
        Of each origin; NaN where there is none.

    Returns
    -------
    sums, counts : arrays, shape (..., times, horizon)

    Examples
    --------
    >>> sums, counts = realised(np.array([[1.0, 5.0], [2.0, 6.0], [4.0, 7.0]]), fade=1.0)
    >>> sums.tolist(), counts[-1].tolist()
    ([[0.0, 0.0], [1.0, 0.0], [3.0, 5.0]], [2.0, 1.0])
    """
    known = ~np.isnan(errors)
    values = np.where(known, errors, 0.0)
    sums, counts = np.zeros(errors.shape), np.zeros(errors.shape)
    for t in range(1, errors.shape[-2]):
        sums[..., t, :] = fade * sums[..., t - 1, :]
        counts[..., t, :] = fade * counts[..., t - 1, :]
        for h in range(min(errors.shape[-1], t)):
            sums[..., t, h] += values[..., t - 1 - h, h]
            counts[..., t, h] += known[..., t - 1 - h, h]
    return sums, counts


def weights(errors: np.ndarray, there: np.ndarray, sharp: float = SHARP) -> np.ndarray:
    """Return the weight of each method at each time.

    Parameters
    ----------
    errors : array, shape (methods, series, times, horizon)
        Absolute errors from each origin, NaN where there is none.
    there : bool array, shape (methods, series, times)
        Who has a forecast.

    Returns
    -------
    array, shape (methods, series, times)
        Of sum one where anybody has a forecast.

    Examples
    --------
    >>> errors = np.stack([np.full((1, 6, 1), 1.0), np.full((1, 6, 1), 2.0)])
    >>> found = weights(errors, np.ones((2, 1, 6), bool))
    >>> found[:, 0, 0].tolist(), found[:, 0, -1].round(3).tolist()
    ([0.5, 0.5], [0.985, 0.015])
    """
    both = np.where(np.isnan(errors).any(0), np.nan, errors)  # judged at the same origins
    sums, counts = realised(both)
    with np.errstate(invalid="ignore", over="ignore"):
        means = sums / np.where(counts > 0, counts, np.nan)
        ratio = np.maximum(means, TINY) / np.maximum(np.min(means, axis=0), TINY)  # of no error to no error: one
    own = _mean(np.minimum(ratio, MOST), axis=3)
    count = counts[0].max(2)
    pooled = np.exp(_mean(np.log(own), axis=1))[:, None]
    if errors.shape[1] > 1:
        own = np.where(np.isnan(own), pooled, (count * own + LIKE * pooled) / (count + LIKE))
    own = np.where(np.isnan(own), 1.0, own)
    found = np.where(there, own**-sharp, 0.0)
    total = found.sum(0)
    return np.divide(found, total, out=np.zeros_like(found), where=total > 0)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    known = ~np.isnan(values)
    count = known.sum(axis)
    total = np.where(known, values, 0.0).sum(axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def combined(forecasts: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean of the forecasts of several methods from every origin, and the weights.

    Parameters
    ----------
    forecasts : array, shape (methods, series, times, horizon)
    actual : array, shape (series, times, horizon)
        What came after each origin (`ceteris.sequence.forecast.simple.ahead`).
    """
    there: np.ndarray = np.isfinite(forecasts).all(3)  # pyright: ignore[reportAssignmentType]
    found = weights(np.abs(actual - forecasts), there)
    mixed = np.einsum("mnt,mnth->nth", found, np.where(there[..., None], forecasts, 0.0))
    return np.where((found.sum(0) > 0)[..., None], mixed, np.nan), found
