"""D1, D2, D3 and R²: what mice printed, formulas written out, limits, and how often a true hypothesis is rejected.

R cannot be had where these tests are written. What mice printed is public: its own tests, its reference pages and
analyses with it; `tests/truth/mice.R` has the calls that would make such figures again.
"""

import numpy as np
import pytest
from scipy import stats

from ceteris.impute.likelihoods import Fits
from ceteris.stats.least_squares import covariance_of, ols
from ceteris.stats.rubin import rubin
from ceteris.stats.rubin_tests import d1, d2, d3, pooled_r_squared


def with_increase(r, value, k, m, seed=0):
    """Points and covariances (the identity) of which r and D1 are these."""
    apart = np.random.default_rng(seed).normal(size=(m, k))
    apart -= apart.mean(0)
    now = (1 + 1 / m) * np.cov(apart, rowvar=False).trace() / k if k > 1 else (1 + 1 / m) * apart.var(ddof=1)
    point = np.full(k, np.sqrt(value * (1 + r)))
    return point + apart * np.sqrt(r / now), np.tile(np.eye(k), (m, 1, 1))


# ------------------------------------------------------------------------------------------------- what mice printed


def test_d1_is_that_of_mice_with_reiters_degrees_of_freedom():
    """Printed of a logit on 4,186 complete-data degrees of freedom, 10 imputations, 11 coefficients."""
    found = d1(*with_increase(0.01162158, 2.835981, 11, 10), dof=4186)
    assert found.increase == pytest.approx(0.01162158, rel=1e-10)
    assert found.statistic == pytest.approx(2.835981, rel=1e-10)
    assert found.dof == pytest.approx((11, 4158.749), abs=1e-3)  # as many digits as are printed
    assert found.p_value == pytest.approx(0.001056945, abs=1e-9)
    assert d1(*with_increase(0.01162158, 2.835981, 11, 10)).dof[1] > 1e5  # Reiter's are what matters


@pytest.mark.parametrize(
    ("value", "nu", "p", "r"),
    [(3.649642, 11.69791, 0.08089545, 1.408231), (-0.002254427, 16.1953, 1.0, 0.9879772)],  # reference page; a course
)
def test_d2_is_that_of_mice(value, nu, p, r):
    spread = r / 1.2  # variance of the roots of five statistics, which are skewed so that all are positive
    z = np.array([-0.2, -0.2, -0.2, -0.2, 0.8]) / np.sqrt(0.2)
    roots = np.sqrt(value * (1 + r) + 6 / 4 * r - spread * 4 / 5) + np.sqrt(spread) * z
    assert (roots > 0).all()
    found = d2(roots**2, k=1)
    assert (found.statistic, found.increase) == pytest.approx((value, r), rel=1e-6)
    assert found.dof[1] == pytest.approx(nu, abs=1e-4)
    assert found.p_value == pytest.approx(p, abs=5e-8)  # as value and r are printed with seven digits


@pytest.mark.parametrize(
    ("value", "nu", "p", "r"), [(2.917381, 8.764849, 0.122711, 2.082143), (0.1946719, 10.83101, 0.6677344, 1.549127)]
)
def test_d3_is_that_of_mice(value, nu, p, r):
    """Printed on the reference page of mice, and in a course that uses it; 5 imputations, one coefficient."""
    pooled = value * (1 + r) + np.array([-0.2, 0.1, 0.0, 0.3, -0.2])
    found = d3(pooled + r * 4 / 6, pooled, k=1)
    assert found.statistic == pytest.approx(value, rel=1e-10)
    assert found.dof[1] == pytest.approx(nu, abs=1e-5)
    assert found.p_value == pytest.approx(p, abs=1e-6)


def test_r_squared_and_its_adjusted_sister_are_those_of_mice():
    """mice's own test prints both of two regressions on 25 rows: one gives R² of each, and these give the other."""
    plain = 0.529660990363042, 0.155185078144953, 0.795625721175786
    adjusted = 0.486574783461685, 0.111808390236973, 0.774997055801878
    z, low, high = np.arctanh(np.sqrt(plain))
    total = ((high - low) / (2 * 1.96)) ** 2
    apart = np.sqrt((total - 1 / 22) / 1.5 / 2)  # B of two values is half the square of their distance
    shares = np.tanh([z - apart, z + apart]) ** 2
    level = 2 * stats.norm.cdf(1.96) - 1  # mice writes 1.96
    for values, wanted in ((shares, plain), (1 - (1 - shares) * 24 / 22, adjusted)):
        found = pooled_r_squared(values, 25, level)
        assert (found.estimate, found.low, found.high) == pytest.approx(wanted, abs=1e-9)


# --------------------------------------------------------------------------------------------- formulas and limits


@pytest.mark.parametrize("dof", [None, 40.0])
def test_d1_is_the_formula_written_out_one_entry_at_a_time(dof):
    rng = np.random.default_rng(1)
    m, k = 7, 3
    points, roots = rng.normal(1.0, 0.3, (m, k)), rng.normal(size=(m, k, k))
    covariances = roots @ roots.transpose(0, 2, 1) / 10 + np.eye(k) / 5
    W = sum(covariances) / m
    B = sum(np.outer(p - points.mean(0), p - points.mean(0)) for p in points) / (m - 1)
    r = (1 + 1 / m) * np.trace(B @ np.linalg.inv(W)) / k
    value = points.mean(0) @ np.linalg.inv((1 + r) * W) @ points.mean(0) / k
    t = k * (m - 1)
    if dof is None:  # Li, Raghunathan and Rubin (1991)
        nu = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    else:  # Reiter (2007), on one denominator
        v, a = dof * (dof + 1) / (dof + 3), r * t / (t - 2)
        p, q = v - 2 * (1 + a), v - 4 * (1 + a)
        inner = a**2 * (
            p / ((1 + a) ** 2 * q)
            + 8 * p / ((1 + a) * q**2)
            + 4 / ((1 + a) * q)
            + 4 / (q * p)
            + 16 * p / q**3
            + 8 / q**2
        )
        nu = 4 + 1 / (1 / q + inner / (t - 4))
    found = d1(points, covariances, dof)
    assert (found.statistic, found.increase, found.dof[1]) == pytest.approx((value, r, nu), rel=1e-10)
    assert found.p_value == pytest.approx(stats.f.sf(value, k, nu), rel=1e-9)


def test_one_coefficient_and_few_tables_give_the_t_test_of_rubins_rules():
    """Where Reiter's formula has no meaning, k (m - 1) ≤ 4: mice then has 4 degrees of freedom, whatever the data."""
    for m in (2, 3, 4, 5):
        points, covariances = with_increase(0.4, 5.0, 1, m)
        for dof in (None, 30.0):
            test, pooled = d1(points, covariances, dof), rubin(points, covariances, dof)
            t = pooled.point[0] / np.sqrt(pooled.covariance[0, 0])
            assert (test.statistic, test.dof[1]) == pytest.approx((t**2, pooled.dof[0]))


def test_limits_many_tables_no_holes_and_large_data():
    point = np.tile([0.3, 0.4], (4, 1))
    same = d1(point, np.tile(np.eye(2) / 10, (4, 1, 1)), dof=20)
    assert (same.increase, same.dof[1]) == pytest.approx((0, 20 * 21 / 23))  # nothing is missing
    assert same.statistic == pytest.approx(10 * 0.25 / 2)
    free = d1(point, np.tile(np.eye(2) / 10, (4, 1, 1)))
    assert free.p_value == pytest.approx(stats.chi2.sf(2.5, 2))
    assert d2(np.full(4, 7.0), 3).p_value == pytest.approx(stats.chi2.sf(7.0, 3))
    assert d3(np.full(4, 7.0), np.full(4, 7.0), 3).p_value == pytest.approx(stats.chi2.sf(7.0, 3))
    assert d3(np.full(4, 7.0), np.full(4, 7.5), 3).increase == 0  # never negative
    few, many = (d1(*with_increase(0.5, 3.0, 2, 6), dof).dof[1] for dof in (1e9, None))
    assert few == pytest.approx(many, rel=1e-6)  # Reiter's formula ends in that of Li, Raghunathan and Rubin
    assert 0 < d1(*with_increase(9.0, 3.0, 2, 6), 10.0).dof[1] < 10  # far beyond what Reiter's formula is for


def test_a_negative_adjusted_share_keeps_its_sign():
    found = pooled_r_squared(np.array([-0.01, -0.02, -0.01]), 100)
    assert found.low < found.estimate < 0 < found.high


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: d1(np.ones((1, 2)), np.ones((1, 2, 2))), r"points holds 1 data set\(s\), but must hold 2 at least"),
        (lambda: d2(np.array([1.0]), 1), r"statistics has shape \(1,\), but must be 2 numbers at least; give one per"),
        (lambda: d2(np.array([1.0, -2.0]), 1), "statistics: a statistic that is negative or not finite is given"),
        (lambda: d2(np.ones(3), 0), "k is 0, but must be a whole number of at least 1"),
        (lambda: d3(np.ones(3), np.ones(2), 1), r"pooled has shape \(2,\), but must hold a finite number for each of"),
        (lambda: pooled_r_squared(np.array([0.5, 1.0]), 10), "values must be 2 numbers at least, each between -1 and"),
        (lambda: pooled_r_squared(np.array([0.5, 0.4]), 3), "n is 3, but must be a number of at least 4"),
        (lambda: pooled_r_squared(np.array([0.5, 0.4]), 9, 5), "level is 5, but must be a number above 0 and below 1"),
    ],
)
def test_what_cannot_be_tested_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


# ------------------------------------------------------------------------------------------------------- how often


def completed(rng, n, m):
    """m designs and outcomes: one regressor with holes at random given outcome and another, drawn from its posterior.

    The outcome does not depend on the first two of three regressors.
    """
    x = rng.normal(size=(n, 3)) @ np.array([[1, 0.5, 0.3], [0, 1, 0.3], [0, 0, 1.0]])
    y = 1 + x[:, 2] + rng.normal(size=n)
    hole = rng.random(n) < 1 / (1 + np.exp(1.0 - 0.6 * y))
    others = np.column_stack([np.ones(n), x[:, 1:], y])
    seen, targets = others[~hole], x[~hole, 0]
    inverse = np.linalg.inv(seen.T @ seen)
    beta = inverse @ seen.T @ targets
    rest, root = np.sum((targets - seen @ beta) ** 2), np.linalg.cholesky(inverse)
    designs = np.empty((m, n, 4))
    for i in range(m):
        sigma = np.sqrt(rest / rng.chisquare(len(seen) - 4))
        drawn = beta + sigma * root @ rng.normal(size=4)
        filled = np.where(hole, others @ drawn + sigma * rng.normal(size=n), x[:, 0])
        designs[i] = np.column_stack([np.ones(n), filled, x[:, 1:]])
    return designs, np.tile(y, (m, 1))


def rejections(replications, n, m, seed):
    """Shares of replications in which D1, D2 and D3 reject at 5 % that two coefficients of zero are zero."""
    rng, W = np.random.default_rng(seed), np.eye(4)[1:3]
    found = np.zeros(3)
    for _ in range(replications):
        designs, targets = completed(rng, n, m)
        fits = [ols(x, y) for x, y in zip(designs, targets, strict=True)]
        points = np.array([fit.beta[1:3] for fit in fits])
        covariances = np.array([covariance_of(fit, "classic")[1:3, 1:3] for fit in fits])
        wald = [p @ np.linalg.solve(V, p) for p, V in zip(points, covariances, strict=True)]
        ratios = Fits("ols", designs, targets, np.array([fit.beta for fit in fits])).ratios(W, np.zeros(2))
        tests = d1(points, covariances, n - 4), d2(np.array(wald), 2), d3(*ratios, 2)
        found += [test.p_value < 0.05 for test in tests]
    return found / replications


@pytest.mark.parametrize(("n", "m"), [(40, 10), (200, 5)])
def test_a_true_hypothesis_is_rejected_as_often_as_the_level_says(n, m):
    """500 replications: .05 with three standard errors of .0097."""
    sizes = rejections(500, n, m, seed=1)
    assert ((sizes > 0.021) & (sizes < 0.079)).all(), sizes
