"""Simple methods: each against its definition, and none sees what comes later."""

import json

import numpy as np
import pytest
from statsmodels.tsa.holtwinters import ExponentialSmoothing, SimpleExpSmoothing

from ceteris.sequence.forecast.autoregression import autoregression
from ceteris.sequence.forecast.filters import airline, seasonal_means, smoothing
from ceteris.sequence.forecast.frame import read_panel
from ceteris.sequence.forecast.simple import COMBINED, SIMPLE, all_origins, filled
from ceteris.sequence.forecast.weighing import weights
from truth import forecasting


def series(n=120, seed=0, count=2):
    rng, t = np.random.default_rng(seed), np.arange(n)
    return 100 + t + 10 * np.sin(2 * np.pi * t / 12) + np.cumsum(rng.normal(size=(count, n)), axis=1)


@pytest.mark.parametrize("name", SIMPLE)
def test_nothing_that_comes_later_changes_a_forecast(name):
    y, other = series(), series()
    other[:, 90:] = 1e3 * np.random.default_rng(1).normal(size=(2, 30))
    one, two = (SIMPLE[name][0](a, 12, 12, 30)[:, :90] for a in (y, other))
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one[:, 60:]).all()


@pytest.mark.parametrize("name", SIMPLE)
def test_a_series_is_forecast_alike_alone_and_among_others(name):
    y = series(count=3)
    together, alone = (SIMPLE[name][0](a, 12, 6, 40) for a in (y, y[1:2]))
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-9)


def test_naive_methods_are_their_definitions():
    y, t = series(), 100
    found = {name: SIMPLE[name][0](y, 12, 14, 0)[0, t] for name in ("naive", "seasonal naive", "drift", "mean")}
    np.testing.assert_array_equal(found["naive"], np.full(14, y[0, t]))
    np.testing.assert_array_equal(found["seasonal naive"], [y[0, t - 12 + (h % 12) + 1] for h in range(14)])
    slope = (y[0, t] - y[0, 0]) / t
    np.testing.assert_allclose(found["drift"], y[0, t] + slope * np.arange(1, 15))
    np.testing.assert_allclose(found["mean"], y[0, : t + 1].mean())


def test_smoothing_of_a_level_is_that_of_statsmodels():
    """On white noise around a level no trend pays; the smoothing constant is then the best of the grid."""
    y = 50 + np.random.default_rng(0).normal(size=(1, 200))
    found, _ = smoothing(y, 1, 3, 199, 1)
    model = SimpleExpSmoothing(y[0], initialization_method="known", initial_level=y[0, 0])
    fits = [model.fit(smoothing_level=a, optimized=False) for a in (0.02, 0.1, 0.2)]
    best = min(fits, key=lambda fit: fit.sse)
    assert found[0, 199, 0] == pytest.approx(best.forecast(1)[0], abs=0.3)
    assert found[0, 199, 0] == pytest.approx(50, abs=0.5)


def test_smoothing_with_seasons_comes_near_a_full_fit():
    y, ours, theirs = series(144, 3, 1), [], []
    found, _ = smoothing(y, 12, 12, 90, 24)
    for t in range(95, 132, 9):
        full = ExponentialSmoothing(y[0, : t + 1], trend="add", seasonal="add", seasonal_periods=12).fit()
        came = y[0, t + 1 : t + 13]
        ours.append(np.abs(found[0, t] - came).mean())
        theirs.append(np.abs(full.forecast(12) - came).mean())
    assert np.mean(ours) < 1.25 * np.mean(theirs)  # a grid of parameters, and no search


def test_the_airline_model_is_its_recursion():
    """With one point of the grid the errors and forecasts follow from the equation, written out."""
    y = series(60, 1, 1)
    season, t = 4, 59
    best = {}
    for theta in (-0.3, -0.1, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.97):
        for far in (0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9):
            e, w = np.zeros(t + 6), np.zeros(t + 1)
            for s in range(5, t + 1):
                w[s] = y[0, s] - y[0, s - 1] - y[0, s - 4] + y[0, s - 5]
                e[s] = w[s] + theta * e[s - 1] + far * e[s - 4] - theta * far * e[s - 5]
            best[np.sum(e[8 : t + 1] ** 2)] = theta, far, e
    theta, far, e = best[min(best)]
    z = [*y[0]]
    for h in range(1, 7):
        moved = -(theta * e[t] if h == 1 else 0)
        moved -= far * e[t + h - 4] if h <= 4 else 0
        moved += theta * far * e[t + h - 5] if h <= 5 else 0
        z.append(z[-1] + z[-4] - z[-5] + moved)
    np.testing.assert_allclose(airline(y, season, 6, t, 8)[0][0, t], z[60:], rtol=1e-10)


def test_an_autoregression_finds_its_order_and_coefficients():
    rng, y = np.random.default_rng(0), np.zeros((1, 4000))
    for t in range(2, 4000):
        y[0, t] = 1.2 * y[0, t - 1] - 0.5 * y[0, t - 2] + rng.normal()
    found, _ = autoregression(y, 1, 2, 3999, 1)
    one = 1.2 * y[0, -1] - 0.5 * y[0, -2]
    two = 1.2 * one - 0.5 * y[0, -1]
    np.testing.assert_allclose(found[0, -1], [one, two], atol=0.12)  # three standard errors of the coefficients


def test_seasons_are_those_of_a_classical_decomposition():
    t = np.arange(48)
    y = (5 + 0.5 * t + np.tile([1.0, -2.0, 0.5, 0.5], 12))[None]
    np.testing.assert_allclose(seasonal_means(y, 4)[0, -1], [1.0, -2.0, 0.5, 0.5], atol=1e-12)


def test_methods_do_as_well_as_those_of_statsforecast():
    y, truth = forecasting.monthly()[None], json.loads(forecasting.FILE.read_text())
    places = np.arange(96, 133, 6) - 1
    came = np.stack([y[0, t + 1 : t + 13] for t in places])
    for name in ("theta", "smoothing"):
        ours = SIMPLE[name][0](y, 12, 12, 60)[0, places]
        assert np.abs(ours - came).mean() < 1.1 * np.abs(np.array(truth[name]) - came).mean()


def test_holes_are_filled_from_before():
    y = np.array([[1.0, 5.0, 2.0, np.nan, 3.0, np.nan]])
    np.testing.assert_array_equal(filled(y, 2), [[1, 5, 2, 6, 3, 7]])
    np.testing.assert_array_equal(filled(y, 1), [[1, 5, 2, 2, 3, 3]])


def test_a_series_that_begins_later_is_forecast_as_if_alone():
    y = series()
    padded = np.full((2, 140), np.nan)
    padded[0, 20:], padded[1, :120] = y[0], y[1]
    both = all_origins(read_panel(padded.T, season=12), COMBINED, 6, 0)
    alone = all_origins(read_panel(y[:1].T, season=12), COMBINED, 6, 0)
    np.testing.assert_allclose(both[:, 0, 20:], alone[:, 0], rtol=1e-9)
    assert np.isnan(both[:, 1, 120:]).all()


def test_methods_without_any_error_share_the_weight():
    errors = np.zeros((3, 1, 6, 2))
    errors[2] = 1.0
    found = weights(errors, np.ones((3, 1, 6), bool))
    np.testing.assert_allclose(found[:, 0, -1], [0.5, 0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.sum(0), 1)
