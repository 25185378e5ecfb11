"""Rubin's rules against the formulas written out, closed forms, and coverage where all is known."""

import numpy as np
import pytest

from ceteris.stats.rubin import rubin


def draws(m=5, k=3, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(m, k))
    roots = rng.normal(size=(m, k, k))
    return points, roots @ roots.transpose(0, 2, 1) + np.eye(k)


def test_the_parts_are_those_of_the_formulas_written_out():
    points, covariances = draws()
    pooled = rubin(points, covariances, dof=40)
    m = len(points)
    W, B = sum(covariances) / m, sum(np.outer(p - points.mean(0), p - points.mean(0)) for p in points) / (m - 1)
    np.testing.assert_allclose(pooled.within, W, rtol=1e-12)
    np.testing.assert_allclose(pooled.between, B, rtol=1e-12)
    np.testing.assert_allclose(pooled.covariance, W + B + B / m, rtol=1e-12)
    for j in range(points.shape[1]):  # Barnard and Rubin (1999), equations 3 to 5, one coefficient at a time
        r = (1 + 1 / m) * B[j, j] / W[j, j]
        gamma = r / (1 + r)
        nu_m, nu_obs = (m - 1) / gamma**2, (1 - gamma) * 40 * 41 / 43
        nu = nu_m * nu_obs / (nu_m + nu_obs)
        assert pooled.missing_share[j] == pytest.approx(gamma)
        assert pooled.dof[j] == pytest.approx(nu)
        assert pooled.missing_information[j] == pytest.approx((r + 2 / (nu + 3)) / (r + 1))


def test_equal_estimates_leave_the_degrees_of_freedom_of_complete_data():
    pooled = rubin(np.ones((4, 2)), np.tile(np.eye(2), (4, 1, 1)), dof=20)
    np.testing.assert_allclose(pooled.dof, 20 * 21 / 23)  # λ = 0
    np.testing.assert_allclose(pooled.covariance, np.eye(2))
    assert np.isinf(rubin(np.ones((4, 2)), np.tile(np.eye(2), (4, 1, 1))).dof).all()


def test_intervals_cover_when_imputations_are_drawn_from_the_true_posterior():
    """A mean of n = 30 with 12 missing, imputed from the posterior of a normal; 2,000 replications."""
    from scipy import stats

    rng, hits, n, gone, m = np.random.default_rng(0), 0, 30, 12, 5
    for _ in range(2000):
        seen = rng.normal(size=n - gone)
        points, variances = [], []
        for _ in range(m):
            sigma = np.sqrt(((seen - seen.mean()) ** 2).sum() / rng.chisquare(len(seen) - 1))
            mean = seen.mean() + sigma / np.sqrt(len(seen)) * rng.normal()
            y = np.concatenate([seen, mean + sigma * rng.normal(size=gone)])
            points.append([y.mean()])
            variances.append([[y.var(ddof=1) / n]])
        pooled = rubin(np.array(points), np.array(variances), dof=n - 1)
        half = stats.t(pooled.dof[0]).ppf(0.975) * np.sqrt(pooled.covariance[0, 0])
        hits += abs(pooled.point[0]) <= half
    assert 0.935 < hits / 2000 < 0.965  # three standard errors of a share of 0.95 in 2,000


@pytest.mark.parametrize(
    ("points", "covariances", "dof", "sentence"),
    [
        (np.ones((1, 1)), np.ones((1, 1, 1)), None, r"points holds 1 data set\(s\), but must hold 2 at least, as t"),
        (np.ones((3, 2)), np.ones((3, 2)), None, r"points and covariances have shapes \(3, 2\) and \(3, 2\), but mus"),
        (np.full((2, 1), np.nan), np.ones((2, 1, 1)), None, "points: an estimate or covariance is not finite"),
        (np.ones((2, 1)), np.zeros((2, 1, 1)), None, "covariances: a variance that is not positive given"),
        (np.ones((2, 1)), np.ones((2, 1, 1)), 0, "dof is 0, but must be a number above 0"),
    ],
)
def test_what_cannot_be_pooled_is_refused(points, covariances, dof, sentence):
    with pytest.raises(ValueError, match=sentence):
        rubin(points, covariances, dof)
