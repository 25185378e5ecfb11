"""Forecasters and comparisons of forecasts."""

import functools

import numpy as np

from ceteris.sequence import ForecastComparison, Forecaster, compare_forecasts
from door.case import Case


@functools.cache
def sales() -> np.ndarray:
    rng, t = np.random.default_rng(0), np.arange(60)
    return (20 + 3 * np.sin(2 * np.pi * t / 4) + np.cumsum(rng.normal(size=(2, 60)), axis=1)).T


CASES = {
    Forecaster: Case(
        lambda: Forecaster(3, season=4, window=6, members=1, width=4, depth=1, epochs=2).fit(sales()),
        lambda forecaster: forecaster.predict(),
    ),
    ForecastComparison: Case(
        lambda: compare_forecasts(sales(), 3, ["theta", "combination"], season=4, origins=8),
        lambda found: [found.table, found.by_step, found.forecasts],
    ),
}
