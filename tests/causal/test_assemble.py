"""The root of a score, clusters, the median rule: closed forms."""

import numpy as np
import pytest

from ceteris.causal import assemble
from ceteris.results import Estimate

RNG = np.random.default_rng(0)
Y = RNG.normal(size=60)


def test_with_equal_clusters_the_covariance_is_the_usual_clustered_one():
    groups, fold = np.arange(60) // 5, np.arange(60) // 15  # 12 clusters of 5 in 4 folds of 3
    found = assemble.solve([(-np.ones(60), Y)], ["mean"], fold, [groups])
    totals = np.bincount(groups, weights=Y - Y.mean())
    np.testing.assert_allclose(found.point, Y.mean())
    np.testing.assert_allclose(found.se, np.sqrt(12 / 11 * np.sum(totals**2)) / 60)
    np.testing.assert_allclose(found.se, found.clustered_by(groups).se)


def test_the_influence_function_sums_to_zero_with_clusters_of_all_sizes():
    groups = RNG.integers(0, 11, 60)
    fold = (np.arange(11) % 3)[groups]
    found = assemble.solve([(-1 - RNG.random(60), Y)], ["a"], fold, [groups])
    np.testing.assert_allclose(found.influence.mean(0), 0, atol=1e-12)


def test_two_parameters_have_a_covariance():
    found = assemble.solve([(-np.ones(60), Y), (-np.ones(60), 2 * Y + 1)], ["a", "b"], np.arange(60) % 2)
    np.testing.assert_allclose(found.contrast([2, -1]).se, 0, atol=1e-9)  # b = 2a + 1, so that 2a - b is known


def test_the_median_rule_is_the_one_of_the_docstring():
    splits = [Estimate(np.array([p]), (Y - Y.mean())[:, None] * s, ("a",)) for p, s in ((1.0, 1), (2.0, 3), (4.0, 2))]
    se = np.std(Y) / np.sqrt(60)
    found = assemble.median_of(splits)
    assert found.point[0] == 2.0
    upper = np.median([1 + 1.96 * se, 2 + 1.96 * 3 * se, 4 + 1.96 * 2 * se])
    np.testing.assert_allclose(found.se, (upper - 2.0) / 1.96)
    assert found.splits == tuple(splits)


def test_splits_that_differ_much_are_flagged():
    splits = [Estimate(np.array([p]), (Y - Y.mean())[:, None], ("a",)) for p in (0.0, 1.0, 2.0)]
    check = assemble.stability(splits)
    assert check.passed is False
    assert "Use more repeats" in check.sentence


def test_a_flat_score_is_refused():
    slope = np.r_[np.ones(30), -np.ones(30)]
    with pytest.raises(FloatingPointError, match="the parameter is not identified; look at the first stage"):
        assemble.solve([(slope, Y)], ["a"], np.arange(60) % 2)
