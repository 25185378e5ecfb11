"""Policies by classifiers and nets, against the best policy of a design that is known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from ceteris.causal.policy import ClassifierPolicy, NetPolicy, PolicyTree, policy_value
from ceteris.training import Net


def design(n=1500, seed=0):
    """Effects of a curve in two covariates; noisy scores."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 3))
    tau = 1 - 2 * (x[:, 0] ** 2 + x[:, 1] ** 2)
    return x, tau, tau + rng.normal(size=n)


def regret(policy, x, tau):
    best = np.maximum(tau, 0).mean()
    return (best - policy_value(tau, policy.predict(x)).point[0]) / (best - max(tau.mean(), 0))


def test_a_classifier_maximises_the_weighted_share_that_is_right():
    x, _, scores = design()
    tree = ClassifierPolicy(DecisionTreeClassifier(max_depth=1)).fit(x[:, :1], scores)
    # |Γ| weighted by hand
    own = DecisionTreeClassifier(max_depth=1).fit(x[:, :1], scores > 0, sample_weight=np.abs(scores))
    assert (tree.predict(x[:, :1]) == own.predict(x[:, :1])).all()
    deep = ClassifierPolicy(DecisionTreeClassifier(max_depth=6, min_samples_leaf=20)).fit(x, scores)
    assert regret(deep, *design(4000, 1)[:2]) < 0.3


def test_three_actions_by_a_classifier_with_the_right_index():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    mean = np.stack([np.zeros(4000), x[:, 0], x[:, 1]], axis=1)
    policy = ClassifierPolicy(LogisticRegression()).fit(x, mean + rng.normal(size=(4000, 3)))
    chosen = policy.predict(x)
    lost = mean.max(1).mean() - mean[np.arange(4000), chosen].mean()
    assert lost < 0.03 * (mean.max(1).mean() - mean.mean(0).max())


def test_a_net_comes_near_the_best_policy_and_beats_a_tree_of_four_leaves():
    x, _, scores = design()
    fresh = design(4000, 1)[:2]
    net = NetPolicy(Net(widths=(32,), rate=0.01, members=1, epochs=40)).fit(x, scores)
    assert regret(net, *fresh) < 0.12
    assert regret(net, *fresh) < regret(PolicyTree().fit(x, scores), *fresh)
    p = net.probabilities(x[:5])
    np.testing.assert_allclose(p.sum(1), 1)
    assert (p.argmax(1) == net.predict(x[:5])).all()


X, S = np.arange(12.0).reshape(6, 2), np.array([-1.0, 1, -1, 1, -1, 1])


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda: ClassifierPolicy(KNeighborsClassifier()).fit(X, S), "but must take sample_weight in fit"),
        (lambda: ClassifierPolicy(LogisticRegression).fit(X, S), "but must take sample_weight in fit"),
        (lambda: ClassifierPolicy(LogisticRegression()).fit(X, S**2), "scores: one action is best in every row"),
        (lambda: NetPolicy().fit(X, np.zeros(6)), "scores: all actions are worth the same in every row"),
        (
            lambda: ClassifierPolicy(LogisticRegression()).fit(X, S).predict(X[:, :1]),
            r"x has shape \(6, 1\), but must have 2 colu",
        ),
        (lambda: NetPolicy().fit(X, S[:2]), "scores has 2 rows, but must have those of x, 6"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(work, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        work()
