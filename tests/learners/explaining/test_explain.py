"""Importance and Shapley values against closed forms; what an explanation shows, and what it refuses."""

import sys

import numpy as np
import pandas as pd
import pyarrow
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron

from ceteris.learners import Explanation, compare, explain

B = np.array([1.0, -0.5, 0.0])


def table(n=400, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) @ np.array([[1.0, 0.6, 0], [0, 0.8, 0], [0, 0, 1.0]])
    return X, X @ B + noise * rng.normal(size=n)


def fixed(coefficients=B):
    f = LinearRegression()
    f.coef_, f.intercept_, f.n_features_in_ = coefficients, 0.0, len(coefficients)
    return f


def test_importance_of_a_linear_function_is_twice_b_squared_times_the_variance():
    X, y = table(4000)
    found = explain(fixed(), X, y, kinds="importance", repeats=20, rows=4000)
    truth = pd.Series(2 * B**2 * X.var(0), ["x0", "x1", "x2"])
    gap = (found.importance["importance"] - truth).abs()
    assert (gap <= 3 * found.importance["se"]).all()
    assert (gap[["x0", "x1"]] / truth[["x0", "x1"]] < 0.06).all()
    assert list(found.importance.index) == ["x0", "x1", "x2"]
    assert found.importance.loc["x0", "share"] == pytest.approx(
        found.importance.loc["x0", "importance"] / y.var(), rel=1e-9
    )


def test_importance_is_that_of_scikit_learn_in_the_mean():
    X, y = table(300)
    labels = np.where(y > 0, "yes", "no")
    for f, target, scoring in [
        (LinearRegression().fit(X, y), y, "neg_mean_squared_error"),
        (LogisticRegression().fit(X, labels), labels, "neg_log_loss"),
    ]:
        theirs = permutation_importance(f, X, target, scoring=scoring, n_repeats=200, random_state=1)
        ours = explain(f, X, target, kinds="importance", repeats=200).importance["importance"].loc[["x0", "x1", "x2"]]
        # Both are means over 200 shufflings.
        np.testing.assert_allclose(ours, theirs.importances_mean, atol=4 * theirs.importances_std.max() / np.sqrt(100))


def test_standard_errors_of_importance_are_those_of_repeated_samples():
    """h(X, X') has rows in both roles: the spread over the rows judged alone would be half of it."""
    found, told = [], []
    for seed in range(300):
        X, y = table(200, seed)
        row = explain(fixed(), X, y, kinds="importance", columns="x0", repeats=10, seed=seed).importance.loc["x0"]
        found.append(row["importance"])
        told.append(row["se"])
    # 300 samples know a spread to 4%; what ten shufflings leave is counted a little too high.
    assert 0.95 < np.mean(told) / np.std(found) < 1.3


def test_shapley_values_of_a_linear_function():
    pytest.importorskip("shap")
    X, y = table(30)
    found = explain(fixed(), X, y, kinds="shapley")
    np.testing.assert_allclose(found.shapley, B * (X - X.mean(0)), atol=1e-9)
    assert found.base == pytest.approx((X @ B).mean())
    assert found.shapley.shape == (30, 3)


def test_shapley_values_of_labels_sum_to_the_prediction():
    pytest.importorskip("shap")
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"town": rng.choice(["N", "S", "W"], 25), "x": rng.normal(size=25), "own": rng.random(25) < 0.5})
    y = np.where(X["x"] + (X["town"] == "S") > 0.5, "rich", "poor")
    f = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough"),
        RandomForestClassifier(5, random_state=0),
    ).fit(X, y)
    found = explain(f, X, y, kinds="shapley")
    np.testing.assert_allclose(found.base + found.shapley.sum(axis=1), f.predict_proba(X)[:, 1], atol=1e-9)
    assert "Shapley values" in found.figures.titles


def test_without_shap_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    X, y = table(40)
    with pytest.raises(
        ImportError, match=r"Shapley values need the package shap; install it: pip install 'ceteris\[exp"
    ):
        explain(fixed(), X, y, kinds="shapley")


def test_what_an_explanation_shows():
    X, y = table(200)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    found = explain(LinearRegression().fit(frame, y), frame, y, name="OLS")
    assert found.summary().startswith("Explanation of OLS on 200 rows: effects are on the prediction.")
    assert found.figures.titles == ("Importance of the columns", "Accumulated local effects", "Partial dependence")
    assert [section.title for section in found.sections()] == ["Which columns matter", "How predictions move"]
    only = explain(LinearRegression().fit(frame, y), frame, y, kinds="partial", columns=["c"])
    assert (list(only.partial), only.accumulated, len(only.importance)) == (["c"], {}, 0)
    assert "partial span" in only.summary()
    assert only.checks == ()
    drawn = explain(LinearRegression().fit(frame, y), frame, y, rows=50)
    assert drawn.rows == 50


def test_a_comparison_explains_its_learners_on_the_test_part():
    X, y = table(200)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    c = compare(frame, y, learners=["linear", "tree"], blend=True)
    found = c.explain()
    assert isinstance(found, Explanation)
    assert (found.name, found.rows) == (c.best, 40)
    test = c.test_predictions.index
    again = explain(c.fitted["tree"], frame.iloc[test], y[test], columns="a", name="tree")
    pd.testing.assert_frame_equal(c.explain("tree", columns="a").importance, again.importance)
    assert c.explain("blend", kinds="importance").name == "blend"
    assert c.sections()[2].title == f"What {c.best} has learnt"
    with pytest.raises(ValueError, match="name is 'tre', but must be a fitted learner: .*; did you mean 'tree'"):  # noqa: RUF043
        c.explain("tre")
    noise = compare(frame, np.random.default_rng(0).normal(size=200), learners=["tree"])
    assert noise.best == "baseline"
    assert len(noise.sections()) == 2  # a constant has learnt nothing

    class Foreign(BaseEstimator):  # says nothing of what it is
        def fit(self, X, y):
            self.line_ = LinearRegression().fit(X, y)
            return self

        def predict(self, X):
            return self.line_.predict(X)

    foreign = compare(frame, y, learners={"foreign": Foreign()})
    assert (foreign.best, len(foreign.sections())) == ("foreign", 2)


@pytest.mark.parametrize("kind", ["object array", "arrow"])
def test_tables_of_other_kinds(kind):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=90), "town": rng.choice(["N", "S", "W"], 90)})
    y = frame["x"] + (frame["town"] == "S")
    X = frame.to_numpy() if kind == "object array" else pyarrow.Table.from_pandas(frame)
    c = compare(X, y, learners=["linear", "forest"])
    name = "x1" if kind == "object array" else "town"
    town = c.explain("linear", kinds=("importance", "accumulated", "partial")).accumulated[name].set_index("value")
    assert town.loc["S", "effect"] - town.loc["N", "effect"] == pytest.approx(1, abs=1e-9)
    groups = np.arange(90) // 3
    assert compare(X, y, learners=["linear"], groups=groups).table.loc["linear", "status"] == "ok"
    if kind == "arrow":
        wide = X.append_column("g", pyarrow.array(groups))
        assert compare(wide, y, learners=["linear"], groups="g").test_X.shape[1] == 2


def refuses(message, estimator=None, X=None, y=None, kind=ValueError, **options):
    X0, y0 = table(30)
    f = LinearRegression().fit(X0, y0) if estimator is None else estimator
    with pytest.raises(kind, match=message) as caught:
        explain(f, X0 if X is None else X, y0 if y is None else y, **options)
    assert "\n" not in str(caught.value)


def test_refusals():
    X, y = table(30)
    labels = np.where(y > 0, "yes", "no")
    logit = LogisticRegression().fit(X, labels)
    refuses(
        "kinds is 'shap', but must be one of importance, accumulated, partial, shapley; did you mean 'shapley'",
        kinds="shap",
    )
    refuses("columns is 'x7', but must be columns of X: x0, x1, x2; choose one", columns=["x0", "x7"])
    refuses("repeats is 0, but must be a whole number of at least 1", repeats=0)
    refuses("bins is 1, but must be a whole number of at least 2", bins=1)
    refuses("rows is 1, but must be a whole number of at least 2", rows=1)
    refuses("positive is 'maybe', but must be one of the classes no, yes", logit, y=labels, positive="maybe")
    refuses("y holds 'perhaps', but must hold what the estimator knows, no, yes", logit, y=[*labels[1:], "perhaps"])
    refuses("y: it has 29 entries but X has 30 rows", y=y[1:])
    refuses("y holds 29, but must hold 30, one for each row of X", logit, y=labels[1:])
    refuses("X has the shape", X=X[:1], y=y[:1])
    refuses("This LinearRegression instance is not fitted yet", LinearRegression(), kind=NotFittedError)
    scorer = Perceptron().fit(X, labels)
    refuses("estimator is a Perceptron without predict_proba, but must have it", scorer, y=labels, kind=TypeError)

    class Neither(BaseEstimator):
        def fit(self, X, y):
            self.done_ = True
            return self

    refuses("estimator is a Neither, but must be a regressor or classifier of", Neither().fit(X, y), kind=TypeError)
