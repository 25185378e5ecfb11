"""Policy trees against trying everything, on small data; speed is in the benchmark."""

import numpy as np
import pandas as pd
import pytest

from ceteris.causal.policy import PolicyTree
from ceteris.causal.policy.search import best_root
from ceteris.causal.policy.tree import placed


def brute(x, gamma, depth, min_leaf):
    """Total of the best tree, by trying all."""
    best = gamma.sum(0).max()
    if depth == 0:
        return best
    for j in range(x.shape[1]):
        for v in np.unique(x[:, j])[:-1]:
            left = x[:, j] <= v
            if min(left.sum(), (~left).sum()) >= min_leaf:
                parts = (brute(x[side], gamma[side], depth - 1, min_leaf) for side in (left, ~left))
                best = max(best, sum(parts))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_depth_two_is_exact_with_ties_many_actions_and_leaf_sizes(seed):
    rng = np.random.default_rng(seed)
    n, k, p, min_leaf = rng.integers(8, 30), rng.integers(2, 5), rng.integers(1, 4), int(rng.integers(1, 3))
    x = rng.integers(0, rng.integers(2, 20), size=(n, p)).astype(float)
    gamma = rng.normal(size=(n, k))
    tree = PolicyTree(min_leaf=min_leaf).fit(x, gamma)
    best = brute(x, gamma, 2, min_leaf)
    assert gamma[np.arange(n), tree.predict(x)].sum() == pytest.approx(best, abs=1e-9)
    assert tree.value * n == pytest.approx(best, abs=1e-9)
    leaves = [node for node, _, _ in placed(tree.root) if node.left is None]
    assert sum(leaf.rows for leaf in leaves) == n
    assert min(leaf.rows for leaf in leaves) >= min_leaf


@pytest.mark.parametrize("seed", range(5))
def test_depth_three_is_exact_if_it_looks_so_far_ahead(seed):
    rng = np.random.default_rng(seed)
    x, gamma = rng.integers(0, 6, size=(14, 2)).astype(float), rng.normal(size=(14, 2))
    exact = PolicyTree(depth=3, look_ahead=3).fit(x, gamma)
    assert exact.value * 14 == pytest.approx(brute(x, gamma, 3, 1), abs=1e-9)
    values = [PolicyTree(depth=3, look_ahead=ahead).fit(x, gamma).value for ahead in (1, 2, 3)]
    assert max(values) == values[2]
    assert len(best_root.signatures) == 1  # one program for all shapes, of whatever kind


def test_looking_ahead_finds_what_greedy_growth_misses():
    x = np.stack(np.meshgrid(*[np.linspace(-0.7, 0.7, 8)] * 3), axis=-1).reshape(-1, 3)
    scores = np.where((x[:, 0] > 0) == (x[:, 1] > 0), 1.0, -1.0) + 0.3 * x[:, 2]  # the third alone leads astray
    exact, greedy = PolicyTree().fit(x, scores), PolicyTree(look_ahead=1).fit(x, scores)
    right = [(tree.predict(x) == (scores > 0)).mean() for tree in (exact, greedy)]
    assert right[0] > 0.99
    assert right[1] < 0.9
    assert exact.value > greedy.value + 0.1


def test_a_split_step_looks_at_fewer_thresholds():
    rng = np.random.default_rng(0)
    x = rng.permutation(100.0 * np.arange(60))[:, None]
    scores = rng.normal(size=60)
    tree = PolicyTree(depth=1, split_step=7).fit(x, scores)
    order = np.argsort(x[:, 0])
    totals = [max(scores[order[:t]].sum(), 0) + max(scores[order[t:]].sum(), 0) for t in range(7, 60, 7)]
    assert tree.value * 60 == pytest.approx(max(0, scores.sum(), *totals))
    assert (tree.root.threshold / 100 + 0.5) % 7 == 0


@pytest.mark.parametrize("seed", range(5))
def test_depth_two_with_a_split_step_is_exact_among_the_thresholds_left(seed):
    rng = np.random.default_rng(seed)
    x, gamma = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    coarse = np.argsort(np.argsort(x, axis=0), axis=0) // 5
    tree = PolicyTree(split_step=5).fit(x, gamma)
    assert tree.value * 40 == pytest.approx(brute(coarse, gamma, 2, 1), abs=1e-9)
    assert gamma[np.arange(40), tree.predict(x)].mean() == pytest.approx(tree.value)


def test_no_split_without_gain_and_rounding_is_no_gain():
    x = np.random.default_rng(0).normal(size=(50, 2))
    tree = PolicyTree().fit(x, np.full(50, 0.1))
    assert tree.root.left is None
    heading, rule, _ = str(tree).split("\n")
    assert (heading, rule) == ("Policy tree: 1 leaf, learnt from 50 rows", "treat  (50 rows, mean effect 0.1)")
    assert tree.value == pytest.approx(0.1)


def test_the_rule_is_printed_drawn_and_followed():
    from matplotlib.figure import Figure

    data = pd.DataFrame({"age": [20.0, 30, 40, 50], "place": ["n", "s", "n", "s"]})
    tree = PolicyTree().fit(data, [-1.0, 1.0, 1.0, 1.0])
    assert str(tree).split("\n") == [
        "Policy tree: 2 leaves, learnt from 4 rows",
        "if age <= 25:",
        "    do not treat  (1 row, mean effect -1)",
        "else:",
        "    treat  (3 rows, mean effect 1)",
        'Mean effect: what "treat" changes for the rows of a leaf, by the scores that the tree was chosen by.',
    ]
    assert tree.predict(data).tolist() == [0, 1, 1, 1]
    three = PolicyTree(depth=1).fit(data, np.eye(3)[[0, 2, 2, 2]], actions=["none", "letter", "visit"])
    assert "visit  (3 rows, mean score 1)" in str(three)
    assert "Mean score: of the action named, for the rows of a leaf" in str(three)
    figure = tree.figure()
    leaves = ["do not treat\n25% of rows\nmean effect -1", "treat\n75% of rows\nmean effect 1"]
    assert figure.data["text"].tolist() == ["age\n≤ 25", *leaves]
    assert figure.data["mean effect"].tolist() == [0.5, -1.0, 1.0]
    canvas = Figure()
    figure.draw(canvas, figure.data)
    assert len(canvas.axes[0].texts) == 3


def test_a_leaf_that_is_not_treated_says_what_treatment_would_do_there():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(400, 1))
    effect = np.where(x[:, 0] < 0.5, -2.0, 1.0) + 0.1 * rng.normal(size=400)
    tree = PolicyTree(depth=1).fit(x, effect)
    spared = tree.predict(x) == 0
    assert f"do not treat  ({spared.sum()} rows, mean effect {effect[spared].mean():.3g})" in str(tree)
    assert tree.value == pytest.approx(np.where(spared, 0, effect).mean())  # not treating is worth nothing, as before


def test_thresholds_divide_neighbouring_floats():
    low = 1.0
    high = np.nextafter(low, 2)
    tree = PolicyTree(depth=1).fit([[low], [low], [high], [high]], [-1.0, -1, 1, 1])
    assert tree.predict([[low], [high]]).tolist() == [0, 1]


def test_new_rows_are_read_by_name_and_need_not_have_every_label():
    data = pd.DataFrame({"town": ["a", "b", "c", "a", "b", "c"], "age": np.arange(6.0)})
    tree = PolicyTree(depth=1).fit(data, [-1.0, -1, 1, -1, -1, 1])
    assert tree.predict(pd.DataFrame({"age": [9.0, 9.0], "town": ["c", "a"]})).tolist() == [1, 0]
    with pytest.raises(ValueError, match="column 'town' holds 'zzz', but must hold what it held"):
        tree.predict(data.assign(town="zzz"))
    with pytest.raises(ValueError, match=r"x holds 6 missing \(NaN\)"):
        tree.predict(data.assign(age=np.nan))


X, S = np.arange(12.0).reshape(6, 2), np.array([-1.0, 1, -1, 1, -1, 1])


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda: PolicyTree(depth=0), "depth is 0, but must be a whole number of at least 1"),
        (lambda: PolicyTree(min_leaf=0), "min_leaf is 0, but must be a whole number of at least 1"),
        (lambda: PolicyTree(depth=4).fit(X, S), "depth is 4, which asks for 16 leaves of at least 1 rows"),
        (lambda: PolicyTree().fit(X, S[:3]), "scores has 3 rows, but must have those of x, 6"),
        (lambda: PolicyTree().fit(X * np.nan, S), "there are missing or infinite values"),
        (lambda: PolicyTree().fit(X, S, actions=["one"]), "actions holds 1, but must hold 2, one for each actio"),
        (lambda: PolicyTree().fit(X, S).predict(X[:, :1]), r"x has shape \(6, 1\), but must have 2 columns, in the"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(work, sentence):
    with pytest.raises(ValueError, match=sentence):
        work()
