"""Nets of all folds at once: what they predict, that none sees its own fold, and that nothing compiles twice."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import Interactive, cross_fit, make_folds
from ceteris.causal.neural import net_classifier, net_regressor
from ceteris.data import simulate_interactive

RNG = np.random.default_rng(0)
N = 1500
X = RNG.normal(size=(N, 3)) * [1, 100, 0.01] + [0, 5, 0]
MEAN = 100 + 10 * np.sin(2 * X[:, 0]) + X[:, 1] / 10
Y = MEAN + 5 * RNG.normal(size=N)
FOLD = make_folds(N, 3)[0]


def test_curves_are_found_out_of_fold():
    found = cross_fit(net_regressor(N), X, Y, FOLD)
    straight = cross_fit(LinearRegression(), X, Y, FOLD)
    assert np.mean((found - MEAN) ** 2) < 0.5 * np.mean((straight - MEAN) ** 2)


def test_a_row_is_not_seen_by_the_nets_that_predict_it():
    """Outcomes of one fold are replaced by others with the same moments: its predictions stay, those of others move."""
    other = Y.copy()
    inside = FOLD == 1
    other[inside] = Y[inside][::-1]
    one, two = (cross_fit(net_regressor(N), X, y, FOLD) for y in (Y, other))
    np.testing.assert_allclose(one[inside], two[inside], rtol=1e-5)  # single precision; sums in another order
    assert np.abs(one[~inside] - two[~inside]).mean() > 0.01


@pytest.mark.slow
def test_only_the_arm_is_learnt_from():
    arm = X[:, 2] > 0
    wrong = np.where(arm, Y, -1e6)
    found = cross_fit(net_regressor(N), X, wrong, FOLD, among=arm)
    assert np.corrcoef(found, MEAN)[0, 1] > 0.8


def test_probabilities_are_near_those_of_the_true_model():
    p = 1 / (1 + np.exp(-X[:, 0]))
    d = (RNG.random(N) < p).astype(float)
    found = cross_fit(net_classifier(N), X, d, FOLD, kind="probability")
    logit = cross_fit(LogisticRegression(), X, d, FOLD, kind="probability")
    assert np.mean((found - p) ** 2) < np.mean((logit - p) ** 2) + 0.01
    assert 0 < found.min() < found.max() < 1


@pytest.mark.slow
def test_by_itself_a_net_is_a_learner():
    found = net_regressor(N).fit(X, Y)
    assert found.score(X, Y) > 0.6  # noise leaves 0.74 at most: variance 50 + 100 of 175
    d = (X[:, 0] > 0).astype(int)
    assert net_classifier(N).fit(X, d).score(X, d) > 0.95


@pytest.mark.slow
def test_it_serves_an_estimator():
    data = simulate_interactive(2000, p=4, seed=1)
    found = Interactive(net_regressor(N), net_classifier(N)).fit(data, y="y", d="d", x=["x0", "x1", "x2", "x3"])
    assert abs(found.point[0] - 0.5) < 3 * found.se[0]


def test_a_second_fit_compiles_nothing():
    import jax

    cross_fit(net_regressor(N), X, Y, FOLD)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: compiled.append(name))
    try:
        cross_fit(net_regressor(N, seed=1), X, Y + 1, make_folds(N, 3, seed=5)[0])
    finally:
        jax.monitoring.clear_event_listeners()
    assert not [name for name in compiled if "backend_compile" in name]
