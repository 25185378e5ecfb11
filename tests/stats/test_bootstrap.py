"""The bootstrap against the variances it should have."""

import numpy as np
import pytest
import statsmodels.api as sm

from ceteris.stats import bayesian, pairs, wild, wild_test

RNG = np.random.default_rng(0)
N = 400
GROUPS = np.arange(N) // 20
SHARED = RNG.normal(size=20)[GROUPS]
X = np.column_stack([np.ones(N), RNG.normal(size=N) + RNG.normal(size=20)[GROUPS]])
Y = X @ [1.0, 0.5] + SHARED + RNG.normal(size=N) * (1 + np.abs(X[:, 1]))
OLS = sm.OLS(Y, X).fit()


def test_pairs_and_bayesian_draws_of_a_mean_have_its_variance():
    expected = Y.std() / np.sqrt(N)  # exact for pairs; (n/(n+1)) of it for Dirichlet weights
    np.testing.assert_allclose(pairs(np.mean, Y, draws=8000).std(), expected, rtol=0.03)  # 3/√16,000
    drawn = bayesian(lambda y, w: np.average(y, weights=w), Y, draws=8000)
    np.testing.assert_allclose(drawn.std(), expected, rtol=0.03)


def test_clusters_are_drawn_as_a_whole():
    totals = np.bincount(GROUPS, weights=Y - Y.mean())
    expected = np.sqrt(np.sum(totals**2)) / N  # twenty clusters of one size
    assert expected > 1.5 * Y.std() / np.sqrt(N)
    np.testing.assert_allclose(pairs(np.mean, Y, draws=8000, cluster=GROUPS).std(), expected, rtol=0.03)
    drawn = bayesian(lambda y, w: np.average(y, weights=w), Y, draws=8000, cluster=GROUPS)
    np.testing.assert_allclose(drawn.std(), expected * np.sqrt(20 / 21), rtol=0.03)  # a Dirichlet of twenty weights


@pytest.mark.parametrize("signs", ["rademacher", "mammen", "webb", "normal"])
def test_wild_draws_have_the_robust_covariance(signs):
    drawn = wild(X, Y, draws=20_000, signs=signs)
    np.testing.assert_allclose(drawn.mean(0), OLS.params, atol=4 * OLS.HC0_se.max() / np.sqrt(20_000))
    # An identity in expectation: factors have variance one. Mammen's have the largest kurtosis.
    np.testing.assert_allclose(drawn.std(0), OLS.get_robustcov_results("HC0").bse, rtol=0.03)


def test_wild_draws_by_cluster_have_the_clustered_covariance():
    robust = OLS.get_robustcov_results("cluster", groups=GROUPS, use_correction=False)
    np.testing.assert_allclose(wild(X, Y, draws=20_000, cluster=GROUPS).std(0), robust.bse, rtol=0.03)


@pytest.mark.parametrize("cluster", [None, GROUPS])
def test_the_wild_test_is_right_under_the_hypothesis_and_has_power(cluster):
    """600 samples: the share of p-values below 5 % is 5 % ± three Monte Carlo errors of 0.9 %."""
    rejected = powerful = 0
    for r in range(600):
        rng = np.random.default_rng((2, r))
        x = np.column_stack([np.ones(60), rng.normal(size=60)])
        e = rng.normal(size=60) * (1 + np.abs(x[:, 1]))
        group = None if cluster is None else np.arange(60) // 5
        if group is not None:
            e += rng.normal(size=12)[group]
        rejected += wild_test(x, 1 + e, 1, draws=199, seed=r, cluster=group) <= 0.05
        powerful += wild_test(x, 1 + 2 * x[:, 1] + e, 1, draws=199, seed=r, cluster=group) <= 0.05
    assert 0.023 <= rejected / 600 <= 0.08
    assert powerful / 600 > 0.8


def test_seeds_differ():
    assert (pairs(np.mean, Y, draws=3, seed=1) != pairs(np.mean, Y, draws=3, seed=2)).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: pairs(np.mean), "arrays is empty, but must hold one at least"),
        (lambda: pairs(np.mean, Y, Y[:3]), "arrays: they have 3, 400 rows"),
        (lambda: bayesian(np.mean, Y, draws=0), "draws is 0, but must be a whole number of at least 1"),
        (lambda: wild(X, Y, signs="coin"), "signs is 'coin', but must be one of rademacher, mammen, webb, normal"),
        (lambda: wild_test(X, Y, 2), "column is 2, but must be a whole number of at least 0 and at most 1"),
    ],
)
def test_wrong_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
