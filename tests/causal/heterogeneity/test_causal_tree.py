"""The causal tree: its criterion against the definition, honest coverage, pruning, drawing."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression

from ceteris.causal.heterogeneity.causal_tree import CausalTree, estimated
from ceteris.causal.heterogeneity.tree.growing import Sample, grow_tree, inner_nodes, prices, pruned
from ceteris.causal.rows import read_rows


def trial(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    x, d = rng.uniform(size=(n, 3)), rng.integers(2, size=n).astype(float)
    tau = np.where(x[:, 0] > 0.5, np.where(x[:, 1] > 0.4, 3.0, 1.0), -1.0)
    return x, d, tau * d + x[:, 2] + rng.normal(size=n), tau


def criterion(sample, leaf, estimating):
    """F from its definition."""
    p, total = sample.d.mean(), 0.0
    for node in np.unique(leaf):
        here = leaf == node
        one, none = (sample.y[here & (sample.d == arm)] for arm in (1, 0))
        total += here.mean() * (one.mean() - none.mean()) ** 2
        total -= (1 / len(sample) + 1 / estimating) * (one.var(ddof=1) / p + none.var(ddof=1) / (1 - p))
    return total


def test_first_split_is_the_best_of_all_by_the_definition():
    x, d, y, _ = trial(120)
    sample = Sample(y, d, np.ones(120), x)
    tree = grow_tree(sample, 120, 5, 1)
    best, at = -np.inf, None
    for j in range(3):
        for threshold in np.sort(x[:, j])[:-1]:
            right = x[:, j] > threshold
            if min(np.sum(d[s] == arm) for s in (right, ~right) for arm in (0, 1)) >= 5:
                value = criterion(sample, right, 120)
                best, at = max((best, at), (value, (j, threshold)))
    leaf = tree.leaf_of(x)
    assert criterion(sample, leaf, 120) == pytest.approx(best, rel=1e-10)
    assert tree.feature[0] == at[0]
    assert tree.value[tree.leaves()].sum() == pytest.approx(best, rel=1e-10)


def test_pruning_takes_the_best_subtree_at_every_price():
    # By trying all prunings of a small tree: for each price the one with the largest F - price × leaves.
    x, d, y, _ = trial(300)
    tree = grow_tree(Sample(y, d, np.ones(300), x), 300, 10, 3)

    def subtrees(node):
        yield [node]
        if tree.feature[node] >= 0:
            child = int(tree.left[node])
            for a in subtrees(child):
                for b in subtrees(child + 1):
                    yield a + b

    options = list(subtrees(0))
    assert len(inner_nodes(tree)) > 3
    for price in [*prices(tree), 0.01, 0.3]:
        best = max(options, key=lambda leaves: tree.value[leaves].sum() - price * len(leaves))
        assert pruned(tree, price).leaves() == best
    assert pruned(tree, np.inf).leaves() == [0]


def test_the_tree_is_found_printed_and_drawn():
    x, d, y, _ = trial(4000)
    fitted = CausalTree().fit(
        pd.DataFrame(x, columns=["age", "pay", "z"]).assign(y=y, d=d), y="y", d="d", x=["age", "pay", "z"]
    )
    leaves = fitted.leaves()
    assert len(leaves) == 3
    assert np.all(np.abs(leaves["estimate"] - [-1, 1, 3]) < 3.5 * leaves["std err"])
    assert leaves["share"].sum() == pytest.approx(1)
    text = str(fitted)
    assert text.startswith("age ≤ 0.5\n  -1.")
    assert "\nage > 0.5\n  pay ≤ 0.391\n    0.9" in text
    shown = fitted.figure()
    figure = Figure(figsize=shown.size)
    shown.draw(figure, shown.data)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert len(written) == 5
    assert any(f"{leaves['estimate'].iloc[0]:.2f}" in text for text in written)


def test_leaves_are_differences_in_means_with_neymans_errors():
    x, d, y, _ = trial()
    fitted = CausalTree().fit(y=y, d=d, x=x)
    leaf, kept = fitted.tree.leaf_of(x), fitted.estimating
    for k, node in enumerate(fitted.nodes):
        one, none = (y[kept & (leaf == node) & (d == arm)] for arm in (1, 0))
        assert fitted.estimate.point[k] == pytest.approx(one.mean() - none.mean(), rel=1e-10)
        se = np.sqrt(one.var(ddof=1) / len(one) + none.var(ddof=1) / len(none))
        # Neyman's error to the factor n_a / (n_a - 1), which is what an influence of this scale gives.
        assert fitted.estimate.se[k] == pytest.approx(se, rel=1e-3)
    effects = fitted.effect(x[:9])
    assert np.array_equal(effects.point, fitted.effect().point[:9])
    assert "not τ(x)" in effects.about.interval


def test_intervals_of_leaves_cover_their_own_average():
    covered = []
    for seed in range(60):
        x, d, y, _ = trial(600, seed)
        fitted = CausalTree(seed=seed).fit(y=y, d=d, x=x)
        fresh, _, _, truth = trial(4000, 10_000)
        leaf = fitted.tree.leaf_of(fresh)
        for node, (low, high) in zip(fitted.nodes, fitted.estimate.conf_int(), strict=True):
            covered.append(low < truth[leaf == node].mean() < high)
    # About 180 intervals: the standard error of 95 % is 1.6 %.
    assert np.mean(covered) > 0.95 - 4 * 0.016


def test_no_heterogeneity_no_split():
    sizes = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, d = rng.uniform(size=(500, 4)), rng.integers(2, size=500)
        sizes.append(len(CausalTree(seed=seed).fit(y=d + rng.normal(size=500), d=d, x=x).nodes))
    assert np.median(sizes) == 1


def test_propensities_remove_confounding():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6000, 2))
    d = (rng.random(6000) < 1 / (1 + np.exp(-x[:, 1]))).astype(float)
    y = d + 2 * x[:, 1] + rng.normal(size=6000)
    naive, weighted = (CausalTree(t, depth=1).fit(y=y, d=d, x=x[:, :2]) for t in (None, LogisticRegression()))
    share = lambda fitted: np.average(fitted.estimate.point, weights=fitted.leaves()["share"])
    assert abs(share(weighted) - 1) < 0.3 < abs(share(naive) - 1)
    assert weighted.checks[0].name == "overlap (treatment)"


def test_clusters_stay_together_and_count():
    x, d, y, _ = trial(400)
    who = np.tile(np.arange(400), 3)
    fitted = CausalTree(depth=2).fit(y=np.tile(y, 3), d=np.tile(d, 3), x=np.tile(x, (3, 1)), cluster=who)
    assert not set(who[fitted.estimating]) & set(who[~fitted.estimating])
    alone = fitted.estimate.clustered_by(np.arange(fitted.estimating.sum()))
    assert np.all(fitted.estimate.se > 1.5 * alone.se)  # √3, as each row is there three times


def test_a_leaf_has_two_clusters_of_each_arm():
    rng = np.random.default_rng(0)
    who, d = np.repeat(np.arange(6), 40), np.tile([0.0, 1.0], 120)
    x = (who >= 4).astype(float)[:, None]
    y = 5 * x[:, 0] * d + rng.normal(size=240)
    rows, sample = read_rows(y=y, d=d, x=x, cluster=who, binary=True), Sample(y, d, np.ones(240), x)
    tree = grow_tree(sample, 240, 20, 1)
    two, one = (estimated(rows, tree, sample, np.isin(who, chosen), True) for chosen in ([0, 2, 4, 5], [0, 2, 4]))
    assert len(two.nodes) == 2
    assert one.nodes == (0,)  # a leaf of one cluster would have a standard error of zero


def test_bad_input():
    x, d, y, _ = trial(100)
    for settings, message in (
        ({"honest": 1.0}, "honest is 1.0, but must be a number above 0 and below 1"),
        ({"depth": 0}, "depth is 0, but must be a whole number of at least 1"),
        ({"least": 40}, "least is 40, but 28 treated and 22 control rows grow the tree, too few for two leaves"),
    ):
        with pytest.raises(ValueError, match=message):
            CausalTree(**settings).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="is 1 in every row"):
        CausalTree().fit(y=y, d=np.ones(100), x=x)
    with pytest.raises(ValueError, match="there are missing or infinite values"):
        CausalTree().fit(y=y, d=d, x=x * np.nan)
    fitted = CausalTree(least=5).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match=r"x holds 3 missing \(NaN\)"):
        fitted.effect(np.full((1, 3), np.nan))
    with pytest.raises(ValueError, match="cluster names two sets, but must name one, since a tree is grown on w"):
        CausalTree().fit(y=y, d=d, x=x, cluster=[np.arange(100), np.arange(100)])
    who = np.where(d == 1, 0, np.arange(100))
    rows, sample = read_rows(y=y, d=d, x=x, cluster=who, binary=True), Sample(y, d, np.ones(100), x)
    with pytest.raises(ValueError, match="the half of the sample that estimates has 1 clusters with d = 1; 2 are"):
        estimated(rows, grow_tree(sample, 100, 20, 1), sample, np.ones(100, bool), True)
    alone = np.flatnonzero((d == 0) | (np.cumsum(d) * d == 1))  # every row of one arm, one of the other
    rows = read_rows(y=y, d=d, x=x, binary=True)
    with pytest.raises(ValueError, match="half of the sample that estimates has 1 rows with d = 1"):
        estimated(rows, grow_tree(sample, 100, 20, 1), sample, np.isin(np.arange(100), alone), True)
