"""Joint bands: Šidák's and Bonferroni's constants, clusters, coverage."""

import numpy as np
import pytest
from scipy import stats

from ceteris.results import Estimate
from ceteris.stats import clustered, maximum, multiplier_bootstrap, multipliers, normal_maximum

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["normal", "exponential", "wild"])
def test_multipliers_have_mean_zero_and_variance_one(kind):
    w = multipliers(np.random.default_rng(0), (1_000_000,), kind)
    np.testing.assert_allclose([w.mean(), w.var()], [0, 1], atol=0.01)  # kurtosis 9 at most: errors below 0.003


@pytest.mark.parametrize("k", [1, 2, 10])
def test_independent_estimates_need_sidaks_constant(k):
    exact = stats.norm.ppf(0.5 + 0.5 * 0.95 ** (1 / k))
    assert abs(normal_maximum(np.eye(k), draws=200_000) - exact) < 0.02
    x = RNG.normal(size=(2000, k))
    drawn = multiplier_bootstrap(x - x.mean(0), 20_000)
    assert abs(maximum(drawn, x.std(0) / np.sqrt(2000)) - exact) < 0.06  # correlations in the sample, and 20,000 draws


def test_equal_estimates_need_no_more_than_one():
    assert abs(normal_maximum(np.ones((5, 5)), draws=200_000) - 1.96) < 0.02


def test_bootstrap_draws_have_the_covariance_of_the_estimate():
    x = RNG.normal(size=(300, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    x -= x.mean(0)
    groups = np.arange(300) // 10
    for clusters, expected in (((), x.T @ x / 300**2), ((groups,), clustered(x, groups))):
        drawn = multiplier_bootstrap(x, 40_000, cluster=clusters, kind="exponential")
        np.testing.assert_allclose(np.cov(drawn.T), expected, rtol=0.05, atol=1e-4)


def test_bands_hold_all_estimands_at_once_as_often_as_they_say():
    """1,000 samples of five correlated means: 95 % ± three Monte Carlo errors of 0.7 %, and 1 % as n is only 200."""
    hits, apart = 0, 0
    for r in range(1000):
        rng = np.random.default_rng((1, r))
        x = rng.normal(size=(200, 5)) + 0.5 * rng.normal(size=(200, 1))
        estimate = Estimate(x.mean(0), x - x.mean(0), tuple("abcde"))
        low, high = estimate.bands(draws=500, seed=r).T
        hits += bool(((low <= 0) & (high >= 0)).all())
        low, high = estimate.conf_int().T
        apart += bool(((low <= 0) & (high >= 0)).all())
    assert 0.92 <= hits / 1000 <= 0.975
    assert apart / 1000 < 0.88  # what single intervals do


def test_a_given_covariance_is_used():
    estimate = Estimate(np.zeros(3), None, ("a", "b", "c"), {"n": 10}, given=np.eye(3))
    np.testing.assert_allclose(estimate.bands(draws=200_000)[:, 1], 2.39, atol=0.03)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: multipliers(RNG, (2,), "gauss"), "kind is 'gauss', but must be one of normal, exponential, wild"),
        (lambda: multiplier_bootstrap(np.ones((4, 1)), 0), "draws is 0, but must be a whole number of at least 1"),
        (
            lambda: multiplier_bootstrap(np.ones((4, 1)), cluster=[np.arange(4)] * 2),
            "cluster holds 2 sets, but",
        ),
        (
            lambda: Estimate(np.zeros(1), np.ones((4, 1)), ("a",)).bands(level=2),
            "level is 2, but must be a number above 0 and below 1",
        ),
    ],
)
def test_wrong_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
