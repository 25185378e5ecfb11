"""The generated weather against its covariances, and the best forecast against a Kalman filter."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from ceteris.gallery import weather


def test_temperatures_have_the_cycles_and_the_covariances_they_are_said_to_have():
    departures = weather.temperatures(200_000, seed=3) - weather.cycles(np.arange(200_000))
    for lag in (0, 1, 24, 72):
        found = np.mean(departures[lag:] * departures[: len(departures) - lag])
        # systems last for three days, so that there are some 1,400 independent values: 4 standard errors are 15 percent
        assert found == pytest.approx(float(weather.covariance(np.array(lag))), abs=0.15 * 31.7)


def test_the_best_errors_are_those_of_a_kalman_filter_with_all_the_past():
    rho = np.array([np.exp(-1 / last) for _, last in (weather.SYSTEMS, weather.GUSTS)])
    size = np.array([size for size, _ in (weather.SYSTEMS, weather.GUSTS)])
    move, shocks, seen = np.diag(rho), np.diag(size**2 * (1 - rho**2)), np.ones((1, 2))
    # a tiny error of measurement, which the solver needs
    predicted = solve_discrete_are(move.T, seen.T, shocks, np.eye(1) * 1e-9)
    gain = predicted @ seen.T / (seen @ predicted @ seen.T)
    filtered = predicted - gain @ seen @ predicted
    expected = []
    for h in weather.AHEAD:
        state = filtered
        for _ in range(h):
            state = move @ state @ move.T + shocks
        expected.append(float(np.sqrt(seen @ state @ seen.T)[0, 0]))
    np.testing.assert_allclose(weather.best_errors(), expected, rtol=1e-6)


def test_climatology_finds_the_cycles():
    hours = np.arange(3 * weather.YEAR)
    found = weather.climatology(weather.cycles(hours[: 2 * weather.YEAR]), hours)
    np.testing.assert_allclose(found, weather.cycles(hours), atol=1e-8)  # the cycles are among the waves


def test_windows_end_before_what_is_forecast():
    values = np.arange(400.0)
    at, x, came = weather.windows(values, 100, 400)
    assert (x[:, -1] == at).all()
    assert (np.diff(x, axis=1) == 1).all()
    assert (came == at[:, None] + np.array(weather.AHEAD)).all()
    assert x.min() == 100
    assert came.max() == 399
