"""Partial dependence and accumulated local effects against additive functions, closed forms, scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from ceteris.learners import explain


class Known(RegressorMixin, BaseEstimator):
    """Predicts by a function that is given."""

    def __init__(self, function=None):
        self.function = function

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return self.function(np.asarray(X))


def known(function, X):
    return Known(function).fit(X, np.zeros(len(X)))


def correlated(n, rho=0.8, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return np.c_[x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)]


def test_effects_of_an_additive_function_are_its_components():
    X = correlated(500)
    f = known(lambda z: np.exp(z[:, 0]) + z[:, 1] ** 2, X)
    found = explain(f, X, np.zeros(500), kinds=("accumulated", "partial"))
    for name, component in (("x0", np.exp), ("x1", np.square)):
        for effects in (found.accumulated[name], found.partial[name]):
            gap = effects["effect"] - component(effects["value"].to_numpy(float))
            assert np.ptp(gap) < 1e-12  # up to a constant, at the edges of the bins exactly
        assert (found.accumulated[name]["se"] < 1e-12).all()  # local differences are the same in every row of a bin
    assert found.checks[0].passed


def test_accumulated_effects_are_of_mean_zero_over_the_rows():
    X = correlated(400)
    f = known(lambda z: np.exp(z[:, 0]) * z[:, 1], X)
    ale = explain(f, X, np.zeros(400), kinds="accumulated").accumulated["x0"]
    # Straight in each bin, so that its mean is over the two ends, weighed by the rows between them.
    ends = (ale["effect"].to_numpy()[1:] + ale["effect"].to_numpy()[:-1]) / 2
    assert np.average(ends, weights=ale["rows"][1:]) == pytest.approx(0, abs=1e-12)
    assert ale["rows"].sum() == 400


def test_an_interaction_of_correlated_columns_against_its_closed_form():
    """f = x z, normals of correlation ρ: the slope of ALE is E[z | x] = ρ x, so ALE = ρ x² / 2 - c; PD = 0."""
    rho = 0.8
    X = correlated(40_000, rho)
    f = known(lambda z: z[:, 0] * z[:, 1], X)
    found = explain(f, X, np.zeros(len(X)), kinds=("accumulated", "partial"), columns="x0", bins=40, rows=len(X))
    ale = found.accumulated["x0"]
    at = ale["value"].to_numpy(float)
    inner = np.abs(at) < 1.8
    gap = (ale["effect"] - rho * at**2 / 2)[inner]
    # Bins of a thousand rows: the sums are known to about .01 here. The constant is that of a curve straight in the
    # bins, whose outermost are wide.
    assert np.ptp(gap) < 0.04
    assert gap.mean() == pytest.approx(-rho / 2, abs=0.12)
    partial = found.partial["x0"]
    assert np.abs(partial["effect"]).max() < 0.03
    (check,) = found.checks
    assert check.passed is False
    assert check.sentence.startswith("They differ in x0: there partial dependence predicts for rows that do not occur")


def test_standard_errors_of_accumulated_effects_are_those_of_repeated_samples():
    rho, effects, errors = 0.5, [], []
    grid = np.array([-1.0, 0.0, 1.0])
    for seed in range(200):
        X = correlated(400, rho, seed)
        f = known(lambda z: z[:, 0] * z[:, 1], X)
        ale = explain(f, X, np.zeros(400), kinds="accumulated", columns="x0", bins=8).accumulated["x0"]
        at = ale["value"].to_numpy(float)
        effects.append(np.interp(grid, at, ale["effect"]))
        errors.append(np.interp(grid, at, ale["se"]))
    spread, told = np.std(effects, axis=0), np.mean(errors, axis=0)
    # What the bins' edges and the centring vary by is not in it: a fifth here. 200 samples know a spread to 5%.
    assert (told / spread > 0.7).all()
    assert (told / spread < 1.15).all()


def mixed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "k": rng.integers(0, 5, n),
            "town": rng.choice(["N", "S", "West End"], n),
            "owner": rng.random(n) < 0.5,
            "size": pd.Categorical(rng.choice(["s", "m", "l"], n), ["s", "m", "l"], ordered=True),
        }
    )
    return X, X["x"] + 0.5 * X["k"] + (X["town"] == "S") - X["owner"] + 2.0 * (X["size"] == "l")


def linear(X, y):
    return make_pipeline(
        make_column_transformer((OneHotEncoder(), ["town", "size"]), remainder="passthrough"), LinearRegression()
    ).fit(X, y)


def test_levels_of_labels_get_their_effects():
    X, y = mixed()
    found = explain(linear(X, y), X, y)
    for kind in (found.accumulated, found.partial):
        town = kind["town"].set_index("value")["effect"]
        assert town["S"] - town["N"] == pytest.approx(1, abs=1e-9)
        assert town["West End"] - town["N"] == pytest.approx(0, abs=1e-9)
        size = kind["size"].set_index("value")["effect"]
        assert size["l"] - size["s"] == pytest.approx(2, abs=1e-9)
        owner = kind["owner"].set_index("value")["effect"]
        assert owner[True] - owner[False] == pytest.approx(-1, abs=1e-9)
        k = kind["k"].set_index("value")["effect"]
        assert k[4.0] - k[0.0] == pytest.approx(2, abs=1e-9)
    ale = found.accumulated["town"]
    assert np.average(ale["effect"], weights=ale["rows"]) == pytest.approx(0, abs=1e-9)


def test_levels_stand_beside_those_they_are_like():
    """Towns along a road: their order is that of the incomes there, whatever they are called."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, 5, 2000)
    names = np.array(["delta", "alpha", "echo", "beta", "charlie"])
    X = pd.DataFrame({"town": names[place], "income": place + rng.normal(size=2000)})
    f = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough"), LinearRegression())
    order = explain(f.fit(X, place), X, place, kinds="accumulated").accumulated["town"]["value"].tolist()
    assert order in (names.tolist(), names[::-1].tolist())


@pytest.mark.parametrize("kind", ["regression", "second", "first", "of three"])
def test_partial_dependence_is_that_of_scikit_learn(kind):
    X, y = mixed()
    X = X[["x", "k"]].astype(float)
    options = {"grid_resolution": 12, "percentiles": (0.05, 0.95), "method": "brute", "kind": "both"}
    if kind == "regression":
        f, positive, turn = HistGradientBoostingRegressor(max_iter=20).fit(X, y), None, lambda p: p[0]
    else:
        labels = np.where(y > 2, "high", "low") if kind != "of three" else np.digitize(y, [1, 2])
        f = HistGradientBoostingClassifier(max_iter=20).fit(X, labels)
        y = labels
        positive = {"second": None, "first": "high", "of three": 2}[kind]
        turn = {"second": lambda p: p[0], "first": lambda p: 1 - p[0], "of three": lambda p: p[2]}[kind]
    found = explain(f, X, y, kinds="partial", bins=12, positive=positive)
    for name in ("x", "k"):
        theirs = partial_dependence(f, X, [name], **options)
        np.testing.assert_allclose(found.partial[name]["effect"], turn(theirs["average"]), rtol=1e-12)
        np.testing.assert_allclose(found.partial[name]["value"], theirs["grid_values"][0], rtol=1e-12)
        curves = turn(theirs["individual"])
        assert found.curves[name].shape == (50, len(found.partial[name]))
        assert all(np.isclose(curve, curves, rtol=1e-12).all(1).any() for curve in found.curves[name])


def test_weights_count_in_every_mean():
    X, y = mixed()
    X = X[["x", "k"]].astype(float)
    f = HistGradientBoostingRegressor(max_iter=20).fit(X, y)
    w = np.random.default_rng(0).integers(1, 4, 300)
    found = explain(f, X, y, kinds=("accumulated", "partial"), columns="k", sample_weight=w)
    times = np.repeat(np.arange(300), w)
    copied = explain(f, X.iloc[times], y.iloc[times], kinds=("accumulated", "partial"), columns="k")
    np.testing.assert_allclose(found.partial["k"]["effect"], copied.partial["k"]["effect"], rtol=1e-9)
    np.testing.assert_allclose(found.accumulated["k"]["effect"], copied.accumulated["k"]["effect"], rtol=1e-9)


def test_effects_on_a_probability():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.where(rng.random(400) < 1 / (1 + np.exp(-2 * X[:, 0])), "yes", "no")
    f = LogisticRegression().fit(X, y)
    yes, no = (explain(f, X, y, positive=one).accumulated["x0"]["effect"] for one in ("yes", "no"))
    np.testing.assert_allclose(yes, -no, atol=1e-12)
    assert (np.diff(yes) > 0).all()


def test_a_column_of_one_value_has_no_effect():
    X = np.c_[correlated(50), np.ones(50)]
    f = known(lambda z: z[:, 0] + z[:, 2], X)
    found = explain(f, X, X[:, 0])
    assert found.importance.loc["x2", "importance"] == 0
    assert found.accumulated["x2"]["effect"].tolist() == [0.0]
    assert found.figures  # drawn too
