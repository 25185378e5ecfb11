"""The logit against statsmodels, its refusal of separated data, and what its influence function promises."""

import numpy as np
import pytest
import statsmodels.api as sm

from ceteris.stats.logit import logit, separated, sigmoid, with_constant


def sample(n=500, p=4, seed=0, strength=1.0):
    rng = np.random.default_rng(seed)
    x = with_constant(rng.normal(size=(n, p)))
    d = (rng.uniform(size=n) < sigmoid(strength * x @ np.linspace(-0.5, 1.0, p + 1))).astype(float)
    return x, d


def test_the_coefficients_are_those_of_statsmodels():
    x, d = sample()
    theirs = sm.Logit(d, x).fit(disp=0, tol=1e-14)
    fit = logit(x, d)
    # Both stop where the gradient is zero up to rounding.
    np.testing.assert_allclose(fit.beta, theirs.params, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, theirs.cov_params(), rtol=1e-7)
    np.testing.assert_allclose(fit.score.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(fit.probability(x), fit.fitted, rtol=1e-12)


def test_weights_count_rows_several_times():
    x, d = sample(200)
    w = np.random.default_rng(1).integers(0, 3, 200)
    again = np.repeat(np.arange(200), w)
    np.testing.assert_allclose(logit(x, d, w.astype(float)).beta, logit(x[again], d[again]).beta, rtol=1e-8)


def test_a_start_near_the_answer_takes_fewer_steps():
    x, d = sample(2_000)
    cold = logit(x, d)
    warm = logit(x[:1_600], d[:1_600], start=cold.beta)
    assert warm.steps < logit(x[:1_600], d[:1_600]).steps
    np.testing.assert_allclose(warm.beta, logit(x[:1_600], d[:1_600]).beta, rtol=1e-8)


def test_collinear_columns_leave_the_probabilities_alone():
    x, d = sample()
    np.testing.assert_allclose(logit(np.column_stack([x, x[:, 1]]), d).fitted, logit(x, d).fitted, rtol=1e-8)


def test_strong_but_not_separated_data_are_fitted():
    x, d = sample(400, strength=8.0)
    assert not separated(x, d)
    np.testing.assert_allclose(logit(x, d).beta, sm.Logit(d, x).fit(disp=0, maxiter=200).params, rtol=1e-6)


def test_columns_of_very_different_size_are_no_obstacle():
    x, d = sample(400)
    scale = np.array([1.0, 1e6, 1e-6, 1.0, 1e3])
    np.testing.assert_allclose(logit(x * scale, d).fitted, logit(x, d).fitted, rtol=1e-7)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_separation_is_refused_also_where_only_some_rows_are_separated(share):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    d = (rng.uniform(size=200) < 0.5).astype(float)
    above = rng.uniform(size=200) < share
    x[above, 0] = np.where(d[above] == 1, 1.0, -1.0) * rng.uniform(1, 2, above.sum())
    x[~above, 0] = 0.0
    with pytest.raises(ValueError, match="a combination of the covariates separates the treated"):
        logit(with_constant(x), d)


def test_the_influence_gives_the_robust_covariance():
    x, d = sample()
    fit = logit(x, d)
    theirs = sm.Logit(d, x).fit(disp=0, cov_type="HC0", tol=1e-14)
    np.testing.assert_allclose(fit.influence.T @ fit.influence / len(d) ** 2, theirs.cov_params(), rtol=1e-6)


def test_bad_input_is_answered():
    x, d = sample(50)
    with pytest.raises(ValueError, match=r"x and d have shapes \(50, 5\) and \(3,\), but must have \(n, k\)"):
        logit(x, d[:3])
    with pytest.raises(ValueError, match="d holds other values than 0 and 1, but must hold these only"):
        logit(x, d + 1)
    with pytest.raises(ValueError, match="d is 0 in every row, but must hold both zeros and ones"):
        logit(x, 0 * d)
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match="x holds missing or infinite values, but must hold finite numbers"):
        logit(x, d)
