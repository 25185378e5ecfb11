"""Columns far from zero: rank, coefficients and covariances are those of the same columns about zero."""

import numpy as np
import pytest

from ceteris.stats.centring import coordinates, standardised
from ceteris.stats.least_squares import covariance_of, ols
from ceteris.stats.logit import logit, separated, with_constant

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
X[:, 1] += 0.5 * X[:, 0]
FAR = [1e4, 1e8, 1e10, 1e12]


def moved(far):
    return X + np.array([far, 0.0, -2 * far])


def tolerance(far):
    return {"rtol": 0, "atol": 1e-13 * far + 1e-8}  # what is left of a column's digits: 2e-16 of its mean, times slopes


@pytest.mark.parametrize("far", FAR)
def test_least_squares_does_not_see_where_zero_is(far):
    y = X @ [1.0, -1.0, 0.5] + RNG.normal(size=300)
    near, away = ols(with_constant(X), y), ols(with_constant(moved(far)), y)
    np.testing.assert_allclose(away.beta[1:], near.beta[1:], **tolerance(far))
    for kind in ("classic", "HC3"):
        found, expected = (covariance_of(fit, kind)[1:, 1:] for fit in (away, near))
        np.testing.assert_allclose(found, expected, **tolerance(far))
    np.testing.assert_allclose(away.influence("HC2")[:, 1:], near.influence("HC2")[:, 1:], rtol=0, atol=1e-11 * far)


@pytest.mark.parametrize("far", FAR)
def test_a_logit_does_not_see_where_zero_is(far):
    d = (X @ [1.0, -1.0, 0.5] + RNG.logistic(size=300) > 0).astype(float)
    near, away = logit(with_constant(X), d), logit(with_constant(moved(far)), d)
    np.testing.assert_allclose(away.fitted, near.fitted, **tolerance(far))
    np.testing.assert_allclose(away.beta[1:], near.beta[1:], **tolerance(far))
    np.testing.assert_allclose(away.covariance[1:, 1:], near.covariance[1:, 1:], **tolerance(far))
    again = logit(with_constant(moved(far)), d, start=away.beta)
    np.testing.assert_allclose(again.fitted, near.fitted, **tolerance(far))


def test_a_design_is_its_coordinates():
    x = np.column_stack([X[:, 0], np.full(300, 2.0), X[:, 1] + 100, np.full(300, 3.0)])
    found = coordinates(x)
    np.testing.assert_allclose(found.z @ found.T, x, atol=1e-12)
    np.testing.assert_allclose(found.T @ found.inverse, np.eye(4), atol=1e-12)
    plain = coordinates(X)  # no constant, so that moving a column would be another model
    np.testing.assert_allclose(plain.z @ plain.T, X, atol=1e-12)


def test_the_rounding_of_a_constant_is_no_covariate():
    z, _, scale = standardised(np.column_stack([np.full(7, 0.1), np.full(7, 1e300), np.zeros(7), np.arange(7.0)]))
    assert not z[:, :3].any()
    np.testing.assert_array_equal(scale[:3], 1.0)
    np.testing.assert_allclose([z[:, 3].mean(), z[:, 3].std()], [0, 1], atol=1e-12)


def test_separation_is_seen_far_from_zero():
    d = (X[:, 0] > 0).astype(float)
    with pytest.raises(ValueError, match="separates the treated from the others"):
        logit(with_constant(moved(1e8)), d)
    assert separated(with_constant(X), d)
