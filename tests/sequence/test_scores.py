"""Scores against closed forms, and the test of Diebold and Mariano against its size."""

import numpy as np
import pytest
from scipy import stats

from ceteris.sequence.forecast.heads import LEVELS, between
from ceteris.sequence.forecast.scores import crps, diebold_mariano, mase, naive_scale, rmse, smape


def test_crps_is_that_of_a_normal_distribution():
    """CRPS(N(0, 1), y) = y (2Φ(y) - 1) + 2φ(y) - 1/√π; 999 levels leave an error of a thousandth."""
    levels = np.arange(1, 1000) / 1000
    for y in (-1.3, 0.0, 0.4, 2.5):
        exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
        assert crps(y, stats.norm.ppf(levels), levels) == pytest.approx(exact, abs=2e-3)


def test_scaled_errors():
    assert naive_scale([1.0, 2, 4, 6], 2) == 3.5
    assert mase([1.0, 2], [2, 4], 1.5) == 1.0
    assert smape([100.0, 0.0], [300.0, 0.0]) == 50.0
    assert rmse([0.0, 0], [3, 4]) == pytest.approx(12.5**0.5)
    with pytest.raises(ValueError, match=r"past holds 3 values, but must hold more than the season, 4; give more"):
        naive_scale([1, 2, 3], 4)


def test_diebold_mariano_at_one_step_is_a_t_test():
    rng = np.random.default_rng(0)
    d = rng.normal(0.3, size=30)
    found = diebold_mariano(d, np.zeros(30))
    assert found.p_value == pytest.approx(stats.ttest_1samp(d, 0).pvalue)  # the correction makes it one
    assert diebold_mariano(d, d).p_value == 1.0
    with pytest.raises(ValueError, match=r"second holds 2, but must hold 30, one for each loss of first"):
        diebold_mariano(d, [1, 2])


def test_diebold_mariano_rejects_as_often_as_it_says():
    """Moving averages of order 3, as losses four steps ahead are: 400 replications, standard error 1.1 points."""
    rng, p = np.random.default_rng(1), []
    for _ in range(400):
        e = rng.normal(size=203)
        d = sum(e[k : 200 + k] for k in range(4))
        p.append(diebold_mariano(d, np.zeros(200), 4).p_value < 0.05)
    assert np.mean(p) < 0.12  # Bartlett weights under-estimate such variances a little


def test_quantiles_between_those_of_a_normal_are_its_own():
    z = stats.norm.ppf(LEVELS)
    wanted = np.array([0.005, 0.07, 0.5, 0.66, 0.99])
    np.testing.assert_allclose(between(3 + 2 * z, np.array(LEVELS), wanted), 3 + 2 * stats.norm.ppf(wanted))
