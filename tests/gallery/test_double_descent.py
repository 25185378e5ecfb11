"""Minimum-norm least squares against its definition, its theory and the figures on record."""

import numpy as np
import pytest

from ceteris.gallery import double_descent as dd

ON_RECORD = {190: 5.7, 210: 4.3, 260: 1.05, 300: 0.83, 400: 0.73, 800: 0.85, 1_600: 0.90}


def test_the_fit_is_the_shortest_of_all_that_interpolate():
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(6, 15)), rng.normal(size=6)
    theta = dd.minimum_norm(Z, y)
    assert np.allclose(Z @ theta, y)
    # Shortest means: no component in the null space of Z.
    null = np.linalg.svd(Z)[2][6:]
    assert np.allclose(null @ theta, 0)


@pytest.mark.parametrize(("p", "figure"), list(ON_RECORD.items()))
def test_the_limit_agrees_with_simulations_on_record(p, figure):
    # Those simulations were short: 20 % (and rounding to two figures) is the accuracy they are quoted with.
    assert dd.excess_risk_limit(p, 200) == pytest.approx(figure, rel=0.2 + 0.01)


@pytest.mark.parametrize("p", [100, 150, 280, 400])
def test_the_exact_mean_agrees_with_simulation(p):
    risks = dd.simulate_excess_risk(p, n=200, designs=6, rng=np.random.default_rng(p))
    # Six designs of 20 draws each: relative standard error below 1.5 % this far from the threshold.
    assert risks.mean() == pytest.approx(dd.excess_risk_exact(p, 200), rel=0.06)


@pytest.mark.parametrize("p", [50, 190, 210, 800])
def test_exact_tends_to_the_limit(p):
    assert dd.excess_risk_exact(p * 10_000, 200 * 10_000) == pytest.approx(dd.excess_risk_limit(p, 200), rel=1e-4)


def test_at_the_threshold_the_mean_is_infinite():
    assert [dd.excess_risk_exact(p, 200) for p in (199, 200, 201)] == [np.inf] * 3
    assert dd.excess_risk_limit(200, 200) == np.inf


def test_fourier_features_approximate_the_gaussian_kernel():
    rng = np.random.default_rng(0)
    x, p, scale = rng.uniform(size=(20, 3)), 200_000, 1.3
    Z = dd.fourier_features(x, scale * rng.normal(size=(3, p)), rng.uniform(0, 2 * np.pi, size=p))
    kernel = np.exp(-(scale**2) * ((x[:, None] - x) ** 2).sum(-1) / 2)
    # Entries are means of p terms of variance at most 1.5: 5 standard errors.
    assert np.abs(Z @ Z.T - kernel).max() < 5 * np.sqrt(1.5 / p)
