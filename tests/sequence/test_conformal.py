"""Intervals hold what they say: on stationary series, and where these change."""

import numpy as np
import pytest

from ceteris.sequence.forecast import conformal
from ceteris.sequence.forecast.weighing import combined, realised, weights

LEVELS = np.array([0.1, 0.9])


def errors_of(kind, n=5600, horizon=3):
    """Forecast errors of an AR(1) with known coefficient, 1 to 3 steps ahead, by origin."""
    rng, y, variance = np.random.default_rng(1), np.zeros(n), 1.0
    shock = rng.standard_t(4, n) if kind == "heavy" else rng.normal(size=n)
    for t in range(1, n):
        variance = 0.05 + 0.1 * (y[t - 1] - 0.5 * y[t - 2]) ** 2 + 0.85 * variance if kind == "garch" else 1.0
        size = 3.0 if kind == "shift" and t >= n // 2 else np.sqrt(variance)
        y[t] = 0.5 * y[t - 1] + size * shock[t]
    found = np.full((n, horizon), np.nan)
    for h in range(1, horizon + 1):
        found[:-h, h - 1] = y[h:] - 0.5**h * y[:-h]
    return found


@pytest.mark.parametrize("kind", ["normal", "garch", "heavy"])
def test_rolling_intervals_cover_on_stationary_series(kind):
    """5,000 targets: the standard error is a quarter of the tolerance, or less."""
    e = errors_of(kind)[None]
    sigma = conformal.spread(e)
    inside = []
    for at in range(500, 5500, 2):
        q = conformal.rolling(e, at, LEVELS, sigma[:, at])[0]
        inside.append((e[0, at] >= q[:, 0]) & (e[0, at] <= q[:, 1]))
    np.testing.assert_allclose(np.mean(inside, axis=0), 0.8, atol=0.02)


def test_split_intervals_cover_on_a_stationary_series():
    e = errors_of("normal")
    q = conformal.split(e[:2500], LEVELS)
    np.testing.assert_allclose(((e[2600:5500] >= q[:, 0]) & (e[2600:5500] <= q[:, 1])).mean(0), 0.8, atol=0.025)


def test_adaptive_intervals_cover_under_a_shift_where_split_ones_do_not():
    e = errors_of("shift", 3000, 1)
    half = conformal.adaptive(e, np.ones_like(e), 0.8)
    after = slice(1500, 2990)
    q = conformal.split(e[:1500], LEVELS)
    assert ((e[after] >= q[:, 0]) & (e[after] <= q[:, 1])).mean() < 0.75
    assert (np.abs(e[after]) <= half[after]).mean() == pytest.approx(0.8, abs=0.02)


def test_targets_that_have_not_come_to_pass_have_no_say():
    e = errors_of("normal", 300)[None]
    other, at = e.copy(), 200
    late = np.arange(300)[:, None] + np.arange(1, 4) > at
    other[0][late] = 99.0
    for f in (lambda e: conformal.spread(e)[:, at], lambda e: conformal.rolling(e, at, LEVELS, np.ones((1, 3))),
              lambda e: conformal.adaptive(e[0], np.ones(e.shape[1:]), 0.8)[at],
              lambda e: realised(e)[0][:, at]):  # fmt: skip
        np.testing.assert_array_equal(f(e), f(other))
    F = np.stack([e, e + 1])
    changed = np.where(late, 99.0, F)
    there = np.ones(F.shape[:3], bool)
    np.testing.assert_array_equal(weights(np.abs(F), there)[..., at], weights(np.abs(changed), there)[..., at])


def test_few_errors_make_wider_intervals():
    """With n errors the quantiles are those of n + 1 places: of nine errors the range covers 80 %."""
    e = np.arange(1.0, 10.0)
    np.testing.assert_allclose(conformal.quantile(e, np.array([0.1, 0.5, 0.9])), [1, 5, 9])


def test_the_better_method_gets_the_weight_and_a_missing_one_none():
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(1, 60, 2))
    good, bad = actual + 0.1 * rng.normal(size=actual.shape), actual + 2 * rng.normal(size=actual.shape)
    forecasts = np.stack([good, bad])
    forecasts[0, :, 50:] = np.nan
    mixed, found = combined(forecasts, actual)
    np.testing.assert_allclose(found.sum(0), 1)
    assert found[0, 0, 40] > 0.99
    np.testing.assert_array_equal(mixed[0, 55], bad[0, 55])
