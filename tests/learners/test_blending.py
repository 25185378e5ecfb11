"""Blends: weights against closed forms and other solvers, scores that have not seen their fold, what is said."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn import metrics as sk
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

import ceteris
from ceteris.learners import compare
from ceteris.learners.blending import Blend, log_loss_weights, squared_weights


def test_independent_errors_are_weighted_by_their_precision():
    """Orthogonal errors of variances 1, 2, 4: the weights of least variance are as 1, 1/2, 1/4."""
    errors = np.kron(np.diag([1.0, np.sqrt(2), 2.0]), np.ones((4, 1)))
    np.testing.assert_allclose(squared_weights(errors, np.ones(12)), np.array([4, 2, 1]) / 7, rtol=1e-12)
    # A row of weight 2 is that row twice.
    twice = np.r_[errors, errors[:4]]
    np.testing.assert_allclose(
        squared_weights(errors, np.r_[2 * np.ones(4), np.ones(8)]), squared_weights(twice, np.ones(16)), rtol=1e-10
    )


@pytest.mark.parametrize("seed", range(4))
def test_squared_weights_are_those_of_another_solver(seed):
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(50, 1)) + rng.normal(size=(50, 5)) * [1, 2, 0.5, 3, 1]
    loss = lambda a: ((errors @ a) ** 2).mean()
    whole = {"type": "eq", "fun": lambda a: a.sum() - 1}
    other = minimize(loss, np.full(5, 0.2), bounds=[(0, 1)] * 5, constraints=whole, options={"ftol": 1e-14})
    ours = squared_weights(errors, np.ones(50))
    assert ours.sum() == pytest.approx(1, abs=1e-12)
    assert (ours >= 0).all()
    assert loss(ours) <= other.fun + 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_log_loss_weights_are_those_of_expectation_maximisation(seed):
    """The weights of a mixture of known densities: each EM step raises the likelihood, to its only maximum."""
    rng = np.random.default_rng(seed)
    p, weight = rng.uniform(0.05, 1, (80, 4)), rng.integers(1, 4, 80).astype(float)
    a = np.full(4, 0.25)
    for _ in range(20_000):
        share = p * a / (p @ a)[:, None]
        a = weight @ share / weight.sum()
    loss = lambda a: -(weight @ np.log(p @ a)) / weight.sum()
    ours = log_loss_weights(p, weight)
    assert ours.sum() == pytest.approx(1, abs=1e-12)
    assert loss(ours) == pytest.approx(loss(a), abs=1e-7)


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * rng.normal(size=n)


OWN = {"line": LinearRegression(), "near": KNeighborsRegressor(5)}


def test_the_score_of_a_fold_is_of_weights_from_the_others():
    X, y = table()
    c = compare(X, y, learners=OWN, cv=KFold(3), blend=True)
    rest = np.setdiff1d(np.arange(200), c.test_predictions.index)
    A, a = X[rest], y[rest]
    folds = list(KFold(3).split(A))
    models = [DummyRegressor(), *OWN.values()]
    held = [np.stack([m.fit(A[f], a[f]).predict(A[v]) for m in models], axis=1) for f, v in folds]
    errors = [a[v][:, None] - z for (_, v), z in zip(folds, held, strict=True)]
    for k, (_, v) in enumerate(folds):
        weights = squared_weights(np.concatenate([e for i, e in enumerate(errors) if i != k]), np.ones(len(a) - len(v)))
        expected = sk.r2_score(a[v], held[k] @ weights)
        assert c.fold_scores.loc[("blend", k), "r2"] == pytest.approx(expected, rel=1e-9)
    blend = c.fitted["blend"]
    expected = squared_weights(np.concatenate(errors), np.ones(len(a)))
    assert list(blend.weights.values()) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    # Refitted on the whole training part, and judged on the test part.
    test = c.test_predictions
    ours = sum(w * m.fit(A, a).predict(X[test.index]) for w, m in zip(expected, models, strict=True))
    np.testing.assert_allclose(test["blend"], ours, rtol=1e-9)


def test_weights_do_not_depend_on_the_test_part():
    X, y = table()
    first = compare(X, y, learners=OWN, blend=True)
    y = y.copy()
    y[first.test_predictions.index] += 100.0
    again = compare(X, y, learners=OWN, blend=True)
    assert again.fitted["blend"].weights == first.fitted["blend"].weights


def test_in_time_a_blend_learns_its_weights_from_the_past():
    X, y = table(120)
    c = compare(X, y, learners=OWN, cv="expanding", blend=True)
    scores = c.fold_scores["r2"]
    # 96 training rows, windows of 16: on the first the weights are equal.
    a, b = np.arange(16), np.arange(16, 32)
    mean = np.mean([m.fit(X[a], y[a]).predict(X[b]) for m in [DummyRegressor(), *OWN.values()]], axis=0)
    assert scores.loc[("blend", 0)] == pytest.approx(sk.r2_score(y[b], mean), rel=1e-9)
    # What comes later than a fold has no part in its score.
    later = y.copy()
    later[64:] = -later[64:]
    other = compare(X, later, learners=OWN, cv="expanding", blend=True).fold_scores["r2"]
    assert other.loc["blend"].to_numpy()[:3] == pytest.approx(scores.loc["blend"].to_numpy()[:3], rel=1e-12)


def test_a_blend_of_unlike_learners_gains_and_says_so():
    # Each sees one of two columns: half of both has half of the squared error of either.
    X, y = table(400)
    of = lambda j: make_pipeline(ColumnTransformer([("own", "passthrough", [j])]), LinearRegression())
    c = compare(X, X[:, 0] + X[:, 2] + 0.3 * y, learners={"first": of(0), "third": of(2)}, blend=True)
    (check,) = (one for one in c.checks if one.name == "the blend gains")
    single = c.table.index[1]
    assert (c.best, check.passed) == ("blend", True)
    assert check.sentence.startswith(
        f"blend is better than {single}, the best single learner: over the folds its R² is"
    )
    assert check.sentence.endswith(f"It is {c.table.loc['blend', 'note']}")
    alone = compare(X, X[:, 0] + 0.01 * y, learners=OWN, blend=True)
    (check,) = (one for one in alone.checks if one.name == "the blend gains")
    assert check.passed is None
    assert check.sentence.startswith("blend ties with line, the best single learner")
    assert alone.best == "line"
    assert "ties" not in alone.summary().split("\n")[0]  # a blend of little else than the line is no rival of it
    assert all(one.name != "the blend gains" for one in compare(X, y, learners=["linear"]).checks)


def test_classes_are_blended_by_log_loss_and_come_back_from_a_file(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 2))
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * rng.normal(size=240), [-0.5, 0.5])]
    c = compare(X, y, learners=["logistic", "k-NN", "tree"], cv=3, blend=True)
    blend, test = c.fitted["blend"], c.test_predictions.index
    p = sum(w * blend.fitted_[name].predict_proba(X[test]) for name, w in blend.weights.items() if w > 0)
    np.testing.assert_allclose(c.test_probabilities["blend"], p, rtol=1e-9)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-9)
    assert c.table.loc["blend", "test log_loss"] == pytest.approx(sk.log_loss(y[test], p), rel=1e-9)
    again = ceteris.load(c.save(tmp_path / "c.safetensors"))
    np.testing.assert_array_equal(again.fitted["blend"].predict(X), blend.predict(X))


def test_a_learner_that_fails_is_left_out():
    class Broken(LinearRegression):
        def fit(self, X, y):
            raise ValueError("no")

    X, y = table()
    c = compare(X, y, learners={**OWN, "broken": Broken()}, blend=True)
    assert set(c.fitted["blend"].weights) == {"baseline", "line", "near"}
    assert c.table.loc["blend", "status"] == "ok"


def test_a_blend_is_an_estimator():
    X, y = table()
    blend = Blend(OWN, {"line": 0.5, "near": 0.5})
    assert not hasattr(blend.fit(X, y), "predict_proba")
    check_is_fitted(blend)
    labels = np.where(y > 0, "yes", "no")
    both = {"logit": LogisticRegression(), "shares": DummyClassifier()}
    of_classes = Blend(both, {"logit": 1.0, "shares": 0.0}, "classification").fit(X, labels)
    np.testing.assert_array_equal(of_classes.predict(X), both["logit"].fit(X, labels).predict(X))
    assert list(of_classes.fitted_) == ["logit"]


def test_refusals():
    X, y = table(60)
    with pytest.raises(ValueError, match="blend is 'yes', but must be True or False; give one"):
        compare(X, y, learners=["linear"], blend="yes")
    with pytest.raises(ValueError, match="learners: 'blend' is what the blend is called; call the learner otherwise"):
        compare(X, y, learners={"blend": LinearRegression()}, blend=True)
