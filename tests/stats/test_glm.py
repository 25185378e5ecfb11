"""Generalised linear models against statsmodels, our own logit, and closed forms."""

import numpy as np
import pytest

from ceteris.stats.glm import glm, log_likelihood
from ceteris.stats.logit import logit


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    year = 2000 + rng.integers(0, 20, 400)  # far from zero in its own units
    x = np.column_stack([np.ones(400), rng.normal(size=(400, 2)), year])
    offset = 0.3 * rng.normal(size=400)
    counts = rng.poisson(np.exp(0.5 + 0.4 * x[:, 1] - 0.3 * x[:, 2] + 0.02 * (year - 2010) + offset))
    return x, counts.astype(float), offset


@pytest.mark.parametrize("family", ["poisson", "logit"])
def test_coefficients_and_both_covariances_are_those_of_statsmodels(rows, family):
    sm = pytest.importorskip("statsmodels.api")
    x, counts, offset = rows
    y = counts if family == "poisson" else (counts > 1).astype(float)
    kind = {"poisson": sm.families.Poisson, "logit": sm.families.Binomial}[family]
    model = sm.GLM(y, x, family=kind(), offset=offset)
    plain, robust = (model.fit(cov_type=errors, tol=1e-14) for errors in ("nonrobust", "HC0"))
    found = glm(x, y, family, offset)
    np.testing.assert_allclose(found.beta, plain.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.covariance, plain.cov_params(), rtol=1e-6)
    np.testing.assert_allclose(found.influence.T @ found.influence / 400**2, robust.cov_params(), rtol=1e-6)
    apart = log_likelihood(offset + x @ found.beta, y, family) - log_likelihood(offset, y, family)
    null = kind().loglike(y, kind().link.inverse(offset))
    assert apart == pytest.approx(plain.llf - null)


def test_without_an_offset_the_logit_is_our_logit(rows):
    x, counts, _ = rows
    y = (counts > 1).astype(float)
    np.testing.assert_allclose(glm(x, y, "logit").beta, logit(x, y).beta, rtol=1e-9)
    np.testing.assert_allclose(glm(x, y, "logit").influence, logit(x, y).influence, rtol=1e-6, atol=1e-9)


def test_large_counts_and_no_columns_at_all():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(200), rng.normal(size=200)])
    y = rng.poisson(np.exp(8 + 3 * x[:, 1])).astype(float)
    np.testing.assert_allclose(glm(x, y, "poisson").beta, [8, 3], atol=0.01)
    np.testing.assert_allclose(glm(x[:, :1], y, "poisson").beta, np.log(y.mean()), rtol=1e-10)
    assert len(glm(x[:, :0], y, "poisson", np.ones(200)).beta) == 0


def test_what_has_no_maximum_is_refused():
    x = np.column_stack([np.ones(60), np.repeat([0.0, 1.0], 30)])
    for y in (np.zeros(60), np.where(x[:, 1] > 0, 2.0, 0.0)):
        with pytest.raises(
            RuntimeError, match="poisson: there is no maximum, as a combination of the columns tells the"
        ):
            glm(x, y, "poisson")
    with pytest.raises(ValueError, match="family is 'probit', but must be one of logit, poisson"):
        glm(x, np.ones(60), "probit")
