"""Forests as a whole: weights, bags, threads, missing values, clusters; other packages."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from ceteris.causal.heterogeneity.forest.binning import fit_bins
from ceteris.causal.heterogeneity.forest.draws import BOTH, ESTIMATE, draw_states
from ceteris.causal.heterogeneity.forest.forest import grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import effect_target, mean_target
from ceteris.causal.heterogeneity.forest.variance import debiased


def sample(n=400, p=3, seed=0):
    rng = np.random.default_rng(seed)
    x, d = rng.normal(size=(n, p)), rng.normal(size=n)
    return x, d, (1 + x[:, 0]) * d + x[:, 1] + rng.normal(size=n)


def slow_leaf(forest, tree, codes):
    trees = forest.trees
    node = trees.starts[tree]
    while trees.feature[node] >= 0:
        code = codes[trees.feature[node]]
        left = trees.missing_left[node] if code == 0 else code <= trees.cut[node]
        node = trees.child[node] + (0 if left else 1)
    return node


def slow_trees(forest, x):
    """For each tree, the mean moments of the rows kept for estimation that share the leaf of x, from the rows."""
    codes, seed, out = forest.bins.codes(x[None])[0], forest.draws[0], []
    for tree in range(forest.growth.trees):
        states = draw_states(seed, tree, *forest.draws[1:])[forest.unit]
        kept = np.flatnonzero((states == ESTIMATE) | (states == BOTH))
        at = slow_leaf(forest, tree, codes)
        out.append(forest.target.moments[[i for i in kept if slow_leaf(forest, tree, forest.codes[i]) == at]].mean(0))
    return np.array(out)


@pytest.fixture(scope="module")
def forest():
    x, d, y = sample()
    return grow_forest(x, effect_target(y, d), TreeSettings(trees=40, seed=5))


def test_predictions_and_variances_are_those_of_a_loop_over_trees(forest):
    x = np.array([0.3, -1.0, 0.5])
    predicted = forest.predict(x[None], variance=True)
    moments = slow_trees(forest, x)
    A, b = moments[:, :4].reshape(-1, 2, 2), moments[:, 4:]
    V = A.mean(0)
    theta = np.linalg.solve(V, b.mean(0))
    assert predicted.point[0, 0] == pytest.approx(theta[0], rel=1e-10)  # the same sums in another order
    influence = (np.linalg.inv(V) @ (b - A @ theta).T)[0]
    bags = influence.reshape(-1, 2)
    between, total = np.mean(bags.mean(1) ** 2), np.mean(influence**2)
    noise = total - between
    error = max(between, noise) * np.sqrt(2 / 20)
    density = stats.norm(between - noise, error).pdf  # given that the variance is positive, flat prior
    mass = integrate.quad(density, 0, between + 20 * error)[0]
    mean = integrate.quad(lambda v: v * density(v), 0, between + 20 * error)[0] / mass
    assert predicted.variance[0, 0] == pytest.approx(mean, rel=1e-6)  # of the numerical integral


def test_weights_reproduce_predictions(forest):
    for at in (np.random.default_rng(1).normal(size=(30, 3)), None):
        alpha = forest.weights(at)
        assert alpha.sum(1) == pytest.approx(np.ones(len(alpha)), abs=1e-12)
        point = forest.target.solve(alpha @ forest.target.moments)[0]
        assert np.abs(point - forest.predict(at).point).max() < 1e-10


def test_out_of_bag_rows_are_not_among_their_own_neighbours(forest):
    assert np.all(np.diag(forest.weights()) == 0)
    assert np.all(forest.weights(rows=slice(3, 5)) == forest.weights()[3:5])


def test_variance_is_positive_where_the_difference_is_negative():
    found = debiased(np.array([[1.0], [1.0]]), np.array([[3.0], [1.0]]), np.array([50, 1]), 2)
    assert found[0, 0] > 0
    assert np.isnan(found[1, 0])  # a single bag has no spread


def test_threads_change_nothing():
    x, d, y = sample(n=200)
    one = grow_forest(x, effect_target(y, d), TreeSettings(trees=20, seed=1))
    three = grow_forest(x, effect_target(y, d), TreeSettings(trees=20, seed=1, jobs=3))
    for a, b in zip(one.trees.arrays, three.trees.arrays, strict=True):
        assert np.array_equal(a, b)
    for at in (None, x[:50] + 0.1):
        found, expected = three.predict(at, variance=True), one.predict(at, variance=True)
        assert np.array_equal(found.point, expected.point, equal_nan=True)
        assert np.array_equal(found.variance, expected.variance, equal_nan=True)


def test_units_do_not_matter():
    x, d, y = sample(n=300)
    growth = TreeSettings(trees=20, seed=1)
    plain = grow_forest(x, effect_target(y, d), growth).predict(x, variance=True)
    for unit_d, unit_y in ((2.0**30, 1.0), (2.0**-30, 2.0**-40), (1.0, 2.0**40)):  # powers of two, so without rounding
        scaled = grow_forest(x, effect_target(unit_y * y, unit_d * d), growth).predict(x, variance=True)
        assert scaled.point * unit_d / unit_y == pytest.approx(plain.point, rel=1e-9)
        assert scaled.variance * (unit_d / unit_y) ** 2 == pytest.approx(plain.variance, rel=1e-9)


def test_seeds_change_the_forest():
    x, d, y = sample(n=200)
    first, second = (grow_forest(x, effect_target(y, d), TreeSettings(trees=20, seed=seed)) for seed in (1, 2))
    assert np.abs(first.predict(x).point - second.predict(x).point).max() > 0.01


def test_honest_leaves_hold_no_empty_leaf_and_all_rows(forest):
    rows = forest.trees.leaf_rows
    assert rows.min() >= 1
    assert rows.sum() == 40 * 100  # a half of a half of 400 rows in each tree


def test_regression_forest_is_as_good_as_that_of_scikit_learn():
    from sklearn.ensemble import RandomForestRegressor

    ours, theirs = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, new = rng.uniform(size=(2, 500, 5))
        f = lambda x: 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
        y = f(x) + rng.normal(size=500)
        growth = TreeSettings(trees=200, bag=1, share=0.63, honest=0, candidates=3, seed=seed)
        found = grow_forest(x, mean_target(y), growth).predict(new).point[:, 0]
        peer = RandomForestRegressor(200, min_samples_leaf=3, max_features=3, random_state=seed).fit(x, y)
        ours.append(np.sqrt(np.mean((found - f(new)) ** 2)))
        theirs.append(np.sqrt(np.mean((peer.predict(new) - f(new)) ** 2)))
    gap = np.array(ours) - theirs
    # The algorithms differ in detail (subsamples for bootstraps, least nodes for least leaves).
    assert gap.mean() < 0.1 * np.mean(theirs) + 2 * gap.std(ddof=1) / np.sqrt(5)


def test_means_of_several_outcomes_share_one_forest():
    x, _, y = sample()
    both = grow_forest(x, mean_target(np.column_stack([y, x[:, 0]])), TreeSettings(trees=100, bag=1)).predict().point
    assert both.shape == (400, 2)
    assert np.corrcoef(both[:, 1], x[:, 0])[0, 1] > 0.9


def test_missing_values_are_split_on():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 2))
    absent = rng.random(1000) < 0.3
    y = 3.0 * absent + rng.normal(size=1000)
    x[absent, 0] = np.nan
    forest = grow_forest(x, mean_target(y), TreeSettings(trees=100, bag=1))
    point = forest.predict(np.array([[np.nan, 0.0], [0.0, 0.0]])).point[:, 0]
    # Standard error of a leaf's mean averaged over trees is below 0.2.
    assert point == pytest.approx([3, 0], abs=0.6)


def test_clusters_are_drawn_whole():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 4)
    x, y = rng.normal(size=(400, 2)), rng.normal(size=100)[groups]
    forest = grow_forest(x, mean_target(y), TreeSettings(trees=20, bag=2), [groups])
    alpha = forest.weights()
    same = groups[:, None] == groups[None]
    assert np.all(alpha[same] == 0)  # no neighbour out of bag is of the row's own cluster
    with pytest.raises(ValueError, match="cluster names two sets, but must name one, of which a forest draws wh"):
        grow_forest(x, mean_target(y), TreeSettings(trees=2), [groups, groups])


def test_importance_names_what_matters(forest):
    importance = forest.importance()
    assert importance.sum() == pytest.approx(1)
    assert importance.argmax() == 0


def test_bins_keep_order_and_few_values_exactly():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=5000), rng.integers(0, 7, size=5000)])
    bins = fit_bins(x)
    codes = bins.codes(x).astype(int)
    order = np.argsort(x[:, 0])
    assert np.all(np.diff(codes[order, 0]) >= 0)
    assert len(np.unique(codes[:, 0])) == 255
    # Equal shares, to the one row that quantiles between rows can shift either edge by.
    counts = np.bincount(codes[:, 0])[1:]
    assert counts.max() - counts.min() <= 2
    assert np.array_equal(codes[:, 1], x[:, 1] + 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trees": 3}, "trees is 3, but must be a multiple of bag=2 of at least 2"),
        ({"bag": 0}, "bag is 0, but must be a whole number of at least 1"),
        ({"least": 0}, "least is 0, but must be a whole number of at least 1"),
        ({"share": 0.6}, "share is 0.6, but must be above 0 and at most 0.5 with bags of 2"),
        ({"honest": 1.0}, "honest is 1.0, but must be a number of at least 0 and below 1"),
        ({"alpha": 0.3}, "alpha is 0.3, but must be a number of at least 0 and below 0.25"),
        ({"candidates": 0}, "candidates is 0, but must be None or a whole number of at least 1"),
        ({"jobs": 0}, "jobs is 0, but must be a whole number of at least 1"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TreeSettings(**settings)


def test_more_leaves_than_data_and_no_covariates_are_refused():
    x, d, y = sample(n=30)
    with pytest.raises(ValueError, match=r"least is 20, but a tree grows on 8 rows \(n = 30\), so it could not hav"):
        grow_forest(x, effect_target(y, d), TreeSettings(trees=2, least=20))
    with pytest.raises(ValueError, match="x is empty, but must name a covariate at least"):
        grow_forest(x[:, :0], effect_target(y, d), TreeSettings(trees=2))
    with pytest.raises(ValueError, match="cluster: there are 2 clusters, but trees draw whole ones and need 8 a"):
        grow_forest(x, mean_target(y), TreeSettings(trees=2, least=1), [np.arange(30) % 2])
    with pytest.raises(ValueError, match="bag: the forest was grown with bag=1"):
        grow_forest(x, mean_target(y), TreeSettings(trees=2, least=1, bag=1)).predict(variance=True)


def test_a_second_fit_compiles_nothing(forest):
    from ceteris.causal.heterogeneity.forest import grow, walk

    compiled = [grow.grow_tree, walk.mean_moments, walk.spread_of_bags, walk.weights]
    x, d, y = sample(n=150, p=5)
    other = grow_forest(x, effect_target(y, d, y), replace(forest.growth, trees=2))
    before = [len(f.signatures) for f in compiled]
    other.predict(x, variance=True)
    grow_forest(x, mean_target(y), replace(forest.growth, trees=2, bag=1)).predict(x)
    assert [len(f.signatures) for f in compiled] == before
    assert max(before) <= 2
