"""What a table may bring, and what a first fit costs."""

import jax
import numpy as np
import pandas as pd
import pytest

from ceteris.learners import NeuralClassifier, NeuralRegressor
from ceteris.learners.lines import logistic, straight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a few epochs will do
QUICK = {"widths": (8,), "members": 2, "epochs": 5, "weight_decay": 1.0, "random_state": 0}


def compiled(work):
    """How many programs a piece of work compiles."""
    found = []
    listener = lambda name, seconds, **_: found.append(name) if "backend_compile" in name else None
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        work()
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    return len(found)


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return x, x @ [1.0, -1.0, 0.5] + rng.normal(size=n)


@pytest.mark.parametrize("learner", [NeuralRegressor, NeuralClassifier])
def test_tables_of_a_size_class_share_their_programs(learner):
    def fit(n):
        x, y = table(n, seed=n)
        model = learner(**QUICK).fit(x, y if learner is NeuralRegressor else y > 0)
        return model.predict(x)

    fit(512)
    assert compiled(lambda: [fit(n) for n in (424, 440, 471, 511)]) == 0


def test_values_may_be_missing_and_where_they_are_may_tell():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400), "town": rng.choice(["a", "b"], 400)})
    hole = rng.random(400) < 0.3
    y = np.where(hole, 3.0, frame.x) + 0.1 * rng.normal(size=400)
    frame.loc[hole, "x"] = np.nan
    frame.loc[::50, "town"] = None
    learner = NeuralRegressor(members=2, random_state=0).fit(frame[:300], y[:300])
    assert learner.score(frame[300:], y[300:]) > 0.95


def test_wide_tables_find_the_few_columns_that_matter():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 600))
    y = 3 * x[:, 0] - 2 * x[:, 1] + rng.normal(size=120)
    learner = NeuralRegressor(random_state=0).fit(x[:90], y[:90])
    assert learner.score(x[90:], y[90:]) > 0.6  # the mean has 0, least squares of least norm .1
    assert "Linear answers did better on rows set aside, and take their place." in learner.status_
    assert learner.n_members_ == 3
    assert len(learner.history_) > 0


def test_straight_lines_are_those_of_scikit_learn():
    from sklearn.linear_model import Ridge

    x, y = table(80)
    w = np.random.default_rng(1).uniform(0.5, 2, 80)
    w /= w.mean()
    for (slopes, constant), penalty in zip(straight(x, y, w), 10.0 ** np.arange(-2, 5), strict=True):
        # sum of w (y - xb)^2 + alpha b^2, where ours is a mean: alpha = n * penalty / (100 n)
        reference = Ridge(alpha=penalty / 100 + 80e-9, solver="cholesky").fit(x, y, sample_weight=w)
        np.testing.assert_allclose(slopes[:, 0], reference.coef_, rtol=1e-7)
        np.testing.assert_allclose(constant[0], reference.intercept_, rtol=1e-6, atol=1e-9)


def test_wide_and_long_ways_to_a_ridge_agree():
    x, y = table(40)
    x = np.hstack([x, np.zeros((40, 60))])  # 63 columns: the Gram matrix of rows is taken
    long, wide = straight(x[:, :3], y, np.ones(40)), straight(x, y, np.ones(40))
    for (a, b), (c, d) in zip(long, wide, strict=False):
        np.testing.assert_allclose(a, c[:3], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(b, d, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_answers_give_the_probabilities_of_scikit_learn(classes):
    from sklearn.linear_model import LogisticRegression

    x, y = table(150)
    y = np.digitize(y, np.quantile(y, np.linspace(0, 1, classes + 1)[1:-1]))
    slopes, constant = logistic(x, y, np.ones(150))[-1]
    odds = np.exp(x @ slopes + constant)
    reference = LogisticRegression(C=1.0).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), reference, atol=1e-6)


def test_a_copy_of_the_target_is_said():
    x, y = table(60)
    said = str(NeuralRegressor(**QUICK).fit(np.column_stack([x, y]), y))
    assert "Columns that are copies of y: x3; drop them" in said
    town = np.where(y > 0, "up", "down")
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(town=town)
    assert NeuralClassifier(**QUICK).fit(frame, town).copies_ == ["town"]
    assert NeuralClassifier(**QUICK).fit(frame.assign(town=town[::-1]), town).copies_ == []


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (pd.date_range("2020-01-01", periods=60), r"X: column 'odd' .*"),
        ([[1, 2]] * 60, r"X: column 'odd' .*"),
        ([np.inf] * 60, r"X: there are missing or infinite values \(60 inf in 'odd'\)"),
        ([f"name {i}" for i in range(60)], r"X: column 'odd' holds 60 different labels in 60 rows"),
    ],
)
def test_columns_that_cannot_be_read_are_refused_in_a_sentence(column, sentence):
    x, y = table(60)
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(odd=column)
    with pytest.raises((TypeError, ValueError), match=sentence):
        NeuralRegressor(**QUICK).fit(frame, y)


def test_weights_that_sum_to_zero_are_refused():
    x, y = table(60)
    with pytest.raises(ValueError, match="sample_weight: all weights are zero"):
        NeuralRegressor(**QUICK).fit(x, y, sample_weight=np.zeros(60))
