"""How good forecasts were: scaled errors, the score of a whole distribution, coverage, and whether two differ.

References
----------
Hyndman, R. and Koehler, A. (2006). Another look at measures of forecast accuracy. International Journal of Forecasting
22. Gneiting, T. and Raftery, A. (2007). Strictly proper scoring rules. JASA 102. Diebold, F. and Mariano, R. (1995).
Comparing predictive accuracy. Journal of Business and Economic Statistics 13. Harvey, D., Leybourne, S. and Newbold, P.
(1997). Testing the equality of prediction mean squared errors. International Journal of Forecasting 13.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ceteris.arguments import as_many, whole

CRPS_LEVELS = np.arange(1, 20) / 20


def mase(y: ArrayLike, forecast: ArrayLike, scale: ArrayLike) -> float:
    """Return the mean absolute error over that of the seasonal naive forecast in the past (`naive_scale`).

    Examples
    --------
    >>> mase([1.0, 2.0], [2.0, 2.0], 0.5)
    1.0
    """
    return float(np.nanmean(np.abs(np.asarray(y, float) - np.asarray(forecast, float)) / np.asarray(scale, float)))


def naive_scale(past: ArrayLike, season: int = 1) -> float:
    """Return the mean absolute error of the seasonal naive forecast, one season ahead, within the past.

    Examples
    --------
    >>> naive_scale([1.0, 2.0, 4.0, 6.0], season=2)
    3.5
    """
    past = np.asarray(past, float)
    whole("season", season)
    if len(past) <= season:
        raise ValueError(f"past holds {len(past)} values, but must hold more than the season, {season}; give more.")
    return float(np.nanmean(np.abs(past[season:] - past[:-season])))


def smape(y: ArrayLike, forecast: ArrayLike) -> float:
    """Return the symmetric mean absolute percentage error, between 0 and 200.

    Examples
    --------
    >>> smape([100.0], [300.0])
    100.0
    """
    y, forecast = np.asarray(y, float), np.asarray(forecast, float)
    size = np.abs(y) + np.abs(forecast)
    return float(200 * np.nanmean(np.where(size > 0, np.abs(y - forecast) / np.where(size > 0, size, 1), 0.0)))


def rmse(y: ArrayLike, forecast: ArrayLike) -> float:
    """Return the root mean squared error.

    Examples
    --------
    >>> rmse([0.0, 0.0], [3.0, 4.0])
    3.5355339059327378
    """
    return float(np.sqrt(np.nanmean((np.asarray(y, float) - np.asarray(forecast, float)) ** 2)))


def crps(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike = CRPS_LEVELS) -> np.ndarray:
    """Return the continuous ranked probability score, as twice the mean pinball loss over levels.

    Parameters
    ----------
    y : array, shape (...)
    quantiles : array, shape (..., levels)
    levels : array, shape (levels,)

    Returns
    -------
    array, shape (...)

    Examples
    --------
    >>> float(crps(1.0, np.zeros(19)).round(6))  # of a point: the absolute error
    1.0
    """
    q, levels = np.asarray(quantiles, float), np.asarray(levels, float)
    error = np.asarray(y, float)[..., None] - q
    return 2 * np.mean(np.maximum(levels * error, (levels - 1) * error), axis=-1)


class DieboldMariano(NamedTuple):
    """Whether two forecasts differ in their mean loss: the difference, its statistic and two-sided p-value."""

    difference: float
    statistic: float
    p_value: float


def diebold_mariano(first: ArrayLike, second: ArrayLike, horizon: int = 1) -> DieboldMariano:
    """Test whether two forecasts have the same expected loss, with the correction for small samples.

    Parameters
    ----------
    first, second : array, shape (origins,)
        Losses of the same targets, in the order of time; a positive difference says that the first are higher.
    horizon : int
        Steps ahead: losses of neighbouring origins overlap by one less.

    Examples
    --------
    >>> diebold_mariano([1.0, 2.0, 1.0, 2.0, 1.5], [0.5, 1.0, 0.2, 1.2, 1.1]).p_value < 0.01
    True
    """
    whole("horizon", horizon)
    d = np.asarray(first, float)
    as_many("second", np.asarray(second), len(d), of="loss of first")
    d = d - np.asarray(second, float)
    d = d[~np.isnan(d)]
    n, centred = len(d), d - d.mean()
    lags = min(horizon - 1, n - 1)
    # Bartlett weights keep the variance positive where the plain sum may not be
    terms = [(1 - k / (lags + 1)) * 2 * np.sum(centred[k:] * centred[: n - k]) for k in range(1, lags + 1)]
    variance = (np.sum(centred**2) + sum(terms)) / n**2
    if n < 3 or variance <= 0:
        same = n < 3 or d.mean() == 0
        return DieboldMariano(float(d.mean()), 0.0 if same else float(np.inf * np.sign(d.mean())), float(same))
    correction = np.sqrt(max((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n, 1 / n))
    statistic = d.mean() / np.sqrt(variance) * correction
    return DieboldMariano(float(d.mean()), float(statistic), float(2 * stats.t.sf(abs(statistic), n - 1)))
