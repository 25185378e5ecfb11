"""Least squares against statsmodels, which has every correction; partialling out against its theorem."""

import numpy as np
import pytest
import statsmodels.api as sm

from ceteris.stats.covariance import covariance
from ceteris.stats.least_squares import correction, covariance_of, ols, partial_out


def sample(n=120, seed=0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    y = x @ [1.0, 2.0, -1.0, 0.5] + (1 + np.abs(x[:, 1])) * rng.normal(size=n)
    return x, y, rng.integers(0, 12, n), rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_covariances_are_those_of_statsmodels(kind):
    x, y, _, _ = sample()
    theirs = sm.OLS(y, x).fit(cov_type=kind)
    fit = ols(x, y)
    # Two ways of doing the same algebra in double precision.
    np.testing.assert_allclose(fit.beta, theirs.params, rtol=1e-10)
    np.testing.assert_allclose(covariance_of(fit, kind), theirs.cov_params(), rtol=1e-9)


def test_the_covariance_of_equal_variances():
    x, y, _, _ = sample()
    np.testing.assert_allclose(covariance_of(ols(x, y), "classic"), sm.OLS(y, x).fit().cov_params(), rtol=1e-9)


def test_clusters():
    x, y, groups, _ = sample()
    theirs = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": groups})
    np.testing.assert_allclose(covariance_of(ols(x, y), cluster=(groups,)), theirs.cov_params(), rtol=1e-9)


def test_weights():
    x, y, _, w = sample()
    theirs = sm.WLS(y, x, weights=w).fit(cov_type="HC0")
    fit = ols(x, y, w)
    np.testing.assert_allclose(fit.beta, theirs.params, rtol=1e-10)
    np.testing.assert_allclose(covariance_of(fit, "HC0"), theirs.cov_params(), rtol=1e-9)


def test_the_influence_carries_the_covariance():
    x, y, _, _ = sample()
    fit = ols(x, y)
    np.testing.assert_allclose(covariance(fit.influence("HC3")), covariance_of(fit, "HC3"), rtol=1e-12)


def test_partialling_out_gives_the_coefficient_and_its_residuals():
    x, y, _, _ = sample()
    full = ols(x, y)
    u, v = partial_out(y, x[:, :3]), partial_out(x[:, 3], x[:, :3])
    assert v @ u / (v @ v) == pytest.approx(full.beta[3], rel=1e-10)
    np.testing.assert_allclose(u - full.beta[3] * v, full.residuals, atol=1e-10)


def test_bad_input_is_answered():
    x, y, _, _ = sample()
    with pytest.raises(ValueError, match="x: column 4 is a combination of the columns before it; drop it"):
        ols(np.column_stack([x, x[:, 1] + x[:, 2]]), y)
    with pytest.raises(ValueError, match="x has 4 columns and 4 rows, but must have more rows than columns"):
        ols(x[:4], y[:4])
    with pytest.raises(ValueError, match=r"x and y have shapes \(120, 4\) and \(3,\), but must have \(n, k\)"):
        ols(x, y[:3])
    with pytest.raises(ValueError, match="kind is 'HC9', but must be one of HC0, HC1, HC2, HC3"):
        covariance_of(ols(x, y), "HC9")
    with pytest.raises(ValueError, match="kind is HC3, but row 1 has a leverage of one"):
        correction(np.array([0.2, 1.0]), 1, "HC3")
