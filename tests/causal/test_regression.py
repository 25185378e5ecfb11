"""Regression adjustment against statsmodels, and variances against simulation, where the text overstates."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from ceteris.causal import DifferenceInMeans, InteractedRegression, RegressionAdjustment


def sample(n=400, seed=0, strength=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    d = (rng.uniform(size=n) < 1 / (1 + np.exp(-strength * x[:, 0]))).astype(int)
    return d * (1 + x[:, 0]) + x @ [1.0, 2.0, 0.5] + rng.normal(size=n), d, x


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_one_regression_is_that_of_statsmodels(kind):
    y, d, x = sample()
    theirs = sm.OLS(y, np.column_stack([d, np.ones(len(d)), x])).fit(cov_type=kind)
    estimate = RegressionAdjustment(kind).fit(y=y, d=d, x=x)
    assert estimate.point[0] == pytest.approx(theirs.params[0], rel=1e-10)
    assert estimate.se[0] == pytest.approx(theirs.bse[0], rel=1e-9)


def test_one_regression_with_clusters_is_that_of_statsmodels():
    y, d, x = sample()
    groups = np.arange(len(d)) // 10
    kwds = {"groups": groups}
    theirs = sm.OLS(y, np.column_stack([d, np.ones(len(d)), x])).fit(cov_type="cluster", cov_kwds=kwds)
    assert RegressionAdjustment().fit(y=y, d=d, x=x, cluster=groups).se[0] == pytest.approx(theirs.bse[0], rel=1e-9)


@pytest.mark.parametrize(("estimand", "group"), [("ATE", "all"), ("ATT", 1), ("ATU", 0)])
def test_two_regressions_are_those_of_statsmodels(estimand, group):
    y, d, x = sample()
    X = sm.add_constant(x)
    theirs = TreatmentEffect(sm.OLS(y, X), d, sm.Logit(d, X).fit(disp=0)).ra(effect_group=group)
    estimate = InteractedRegression(estimand, "HC0").fit(y=y, d=d, x=x)
    assert estimate.point[0] == pytest.approx(theirs.effect[0] if np.ndim(theirs.effect) else theirs.effect, rel=1e-9)
    # Its standard errors are those of GMM, whose derivatives are numerical.
    assert estimate.se[0] == pytest.approx(theirs.results_gmm.bse[0], rel=1e-5)


def test_two_regressions_are_one_with_centred_products():
    y, d, x = sample()
    centred = x - x.mean(axis=0)
    wide = np.column_stack([d, np.ones(len(d)), centred, d[:, None] * centred])
    theirs = sm.OLS(y, wide).fit(cov_type="HC2")
    here = InteractedRegression(population=False).fit(y=y, d=d, x=x)
    assert here.point[0] == pytest.approx(theirs.params[0], rel=1e-10)
    assert here.se[0] == pytest.approx(theirs.bse[0], rel=1e-9)
    assert InteractedRegression().fit(y=y, d=d, x=x).se[0] > 1.01 * here.se[0]


def variances(b0, b1, share, draws=800, n=300, seed=0, square=0.0):
    """n times the simulated variances of DM and IREG in an experiment, A = I, and the mean estimated ones of IREG."""
    points, estimated = np.empty((draws, 2)), np.empty(draws)
    rng = np.random.default_rng(seed)
    for r in range(draws):
        x = rng.normal(size=(n, 1))
        d = (rng.uniform(size=n) < share).astype(float)
        y = np.where(d == 1, b1 * x[:, 0], b0 * x[:, 0]) + square * (x[:, 0] ** 2 - 1) + rng.normal(size=n)
        estimate = InteractedRegression().fit(y=y, d=d, x=x)
        points[r] = DifferenceInMeans().fit(y=y, d=d).point[0], estimate.point[0]
        estimated[r] = estimate.se[0] ** 2
    return n * points.var(axis=0), n * estimated.mean()


@pytest.mark.parametrize(
    ("b0", "b1", "share", "square"),
    [(1.0, 2.0, 0.5, 0.0), (1.0, -1.0, 0.5, 0.0), (2.0, 1.0, 0.25, 0.0), (1.0, 1.0, 0.5, 1.0)],
)
def test_the_gain_over_the_difference_in_means_is_not_the_printed_one(b0, b1, share, square):
    (dm, ireg), estimated = variances(b0, b1, share, square=square)
    noise = 1 + 2 * square**2  # of the residual of the best linear projection: Var(x² - 1) = 2
    v_ireg = noise / share + noise / (1 - share) + (b1 - b0) ** 2
    gain = (np.sqrt((1 - share) / share) * b1 + np.sqrt(share / (1 - share)) * b0) ** 2
    # A variance from 800 draws has a standard error of 5 %.
    assert ireg == pytest.approx(v_ireg, rel=0.2)
    assert dm == pytest.approx(v_ireg + gain, rel=0.2)
    assert estimated == pytest.approx(v_ireg, rel=0.06)
    if b0 == -b1:  # the printed gain b0² + b1² = 2 would leave a third of the variance; in truth there is none
        assert abs(dm - ireg) < 0.5


def test_the_effect_in_the_population_is_covered():
    hits = {True: 0, False: 0}
    for seed in range(500):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(150, 2))
        d = (rng.uniform(size=150) < 0.5).astype(float)
        y = d * (1 + 2 * x[:, 0]) + x @ [1.0, 1.0] + 0.5 * rng.normal(size=150)
        for population in hits:
            low, high = InteractedRegression(population=population).fit(y=y, d=d, x=x).conf_int()[0]
            hits[population] += low < 1 < high
    # 475 of 500 expected, binomial standard deviation 4.9; without the last term of V_IREG far fewer.
    assert 457 <= hits[True] <= 492
    assert hits[False] < 350


def test_without_covariates_it_is_the_difference_in_means():
    y, d, _ = sample()
    plain = DifferenceInMeans().fit(y=y, d=d)
    assert InteractedRegression(covariance="HC0").fit(y=y, d=d).point[0] == pytest.approx(plain.point[0], rel=1e-12)
    assert InteractedRegression(covariance="HC0").fit(y=y, d=d).se[0] == pytest.approx(plain.se[0], rel=1e-10)


def test_extrapolation_is_said():
    y, d, x = sample(strength=3.0)
    check = InteractedRegression().fit(y=y, d=d, x=x).checks[0]
    assert check.passed is False
    assert "'x0'; the answer rests on linearity there" in check.sentence


def test_bad_input_is_answered():
    y, d, x = sample(12)
    with pytest.raises(ValueError, match="covariance is 'HC4', but must be one of HC0, HC1, HC2, HC3"):
        RegressionAdjustment("HC4").fit(y=y, d=d, x=x)
    wide, few = np.random.default_rng(0).normal(size=(12, 5)), np.repeat([1, 0], [4, 8])
    with pytest.raises(ValueError, match="x names 5 covariates, but only 4 rows have d = 1"):
        InteractedRegression().fit(y=y, d=few, x=wide)
    only = np.column_stack([x[:, 0], (np.arange(12) >= 10).astype(float)])
    with pytest.raises(ValueError, match="x: collinear among the rows with d = 1; drop a covariate"):
        InteractedRegression().fit(y=y, d=np.tile([1, 0], 6) * (np.arange(12) < 10), x=only)
    with pytest.raises(ValueError, match="d names 2 treatments, but must name one"):
        RegressionAdjustment().fit(y=y, d=x[:, :2], x=x)


def test_random_treatment_is_not_random_given_whatever_covariate():
    # Treatment is a fair coin, the effect 1. The covariate is D + Y(0) + noise: given it, the treated have lower Y(0).
    # All is normal but D; slope of Y(0) on x given D is 1/2: adjusting takes 1/2 off. 5 standard errors.
    rng = np.random.default_rng(0)
    without, d = rng.normal(size=4000), rng.integers(0, 2, 4000)
    x = d + without + rng.normal(size=4000)
    plain = DifferenceInMeans().fit(y=d + without, d=d)
    adjusted = RegressionAdjustment().fit(y=d + without, d=d, x=x[:, None])
    assert abs(plain.point[0] - 1) < 5 * plain.se[0] < 0.2
    assert abs(adjusted.point[0] - 0.5) < 5 * adjusted.se[0] < 0.2
