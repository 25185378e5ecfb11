"""Losses by name and monotone columns, in the learners."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

from ceteris.learners import NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor, families, load

SMALL = {"members": 2, "widths": (16,), "weight_decay": 0.3, "epochs": 100, "random_state": 0}
BRIEF = {**SMALL, "epochs": 5}


def quietly(learner, *data, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.fit(*data, **more)


def mean_of(X):
    return np.exp(0.5 + X[:, 0] - X[:, 1])


def draw(loss, X, rng):
    """Targets of the distribution; with a mean of ten times `mean_of` for counts."""
    m = mean_of(X)
    return {
        "squared": lambda: m + rng.normal(size=len(X)),
        "gaussian": lambda: m + np.exp(X[:, 0] - 1) * rng.normal(size=len(X)),
        "poisson": lambda: rng.poisson(10 * m),
        "negative binomial": lambda: rng.negative_binomial(4, 4 / (4 + 10 * m)),
        "gamma": lambda: rng.gamma(4, m / 4),
        "tweedie": lambda: np.array([rng.gamma(2, 0.5, k).sum() for k in rng.poisson(m)]),
    }[loss]()


SLOWLY = [pytest.param(loss, marks=pytest.mark.slow) for loss in ("poisson", "gamma", "tweedie")]


@pytest.mark.parametrize("loss", ["squared", "gaussian", "negative binomial", *SLOWLY])
def test_means_deviations_and_intervals(loss, tmp_path):
    rng = np.random.default_rng(0)
    X, fresh = rng.uniform(-1, 1, (1_200, 2)), rng.uniform(-1, 1, (4_000, 2))
    learner = quietly(NeuralRegressor(loss, **SMALL), X, draw(loss, X, rng))
    y, truth = draw(loss, fresh, rng), (10 if loss in families.COUNTS else 1) * mean_of(fresh)
    mean, std = learner.predict(fresh, return_std=True)
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.25 * truth.std()
    # the dispersion is known from 240 held-out rows, to a tenth or so
    assert np.std((y - mean) / std) == pytest.approx(1, abs=0.17)
    low, high = learner.predict_interval(fresh).T
    # to two points for many rows set aside; counts and zeros leave gaps, so that it may hold more
    assert 0.86 < np.mean((low <= y) & (y <= high)) < (0.97 if loss in (*families.COUNTS, "tweedie") else 0.94)
    again = load(learner.save(tmp_path / "learner.safetensors"))
    np.testing.assert_array_equal(again.predict_interval(fresh[:9]), learner.predict_interval(fresh[:9]))


def test_exposure_is_a_weight_of_a_rate():
    """Counts over exposures as rates with weights: the mean rate is all counts over all exposures."""
    rng = np.random.default_rng(1)
    X, exposure = np.zeros((600, 1)), rng.uniform(0.1, 10, 600)
    y = rng.poisson(2 * exposure)
    learner = quietly(NeuralRegressor("poisson", **{**SMALL, "validation": 0.0}), X, y / exposure, exposure)
    assert learner.predict([[0.0]])[0] == pytest.approx(y.sum() / exposure.sum(), rel=0.02)


def test_quantiles_of_several_outputs_and_of_mixtures():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 2))
    learner = quietly(NeuralRegressor(**BRIEF), X, X @ np.ones((2, 3)))
    assert learner.predict_interval(X).shape == (100, 3, 2)
    assert (np.diff(learner.predict_quantiles(X, (0.1, 0.5, 0.9)), axis=-1) >= 0).all()
    mu, s = np.array([[3.0]]), np.array([[0.5]])
    levels = np.array([0.05, 0.5, 0.9, 0.999])
    found = families.mixture_quantiles("negative binomial", mu, s, 1.0, 1.5, levels)[0]
    np.testing.assert_array_equal(found, stats.nbinom.ppf(levels, 2, 2 / 5))
    np.testing.assert_array_equal(
        families.mixture_quantiles("poisson", mu, 0 * s, 1.0, 1.5, levels)[0], stats.poisson.ppf(levels, 3)
    )
    found = families.mixture_quantiles("gamma", mu, 0 * s, 0.5, 1.5, levels)[0]
    np.testing.assert_allclose(found, stats.gamma.ppf(levels, 2, scale=1.5), rtol=1e-8)
    draws = np.array([rng.gamma(k, 1.0) if k else 0.0 for k in rng.poisson(2 * np.sqrt(3), 100_000)])
    mean = np.sqrt(3) * 2  # of the draws: rate 2 √3, amounts of mean 1, so that they are compared at their own mean
    own = families.mixture_quantiles("tweedie", np.array([[mean]]), 0 * s, 2 * mean**0.5 / (2 * np.sqrt(3)), 1.5,
                                     np.array([0.01, 0.5, 0.9]))[0]  # fmt: skip
    np.testing.assert_allclose(own, np.quantile(draws, [0.01, 0.5, 0.9]), rtol=0.02, atol=1e-12)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", [1, -2, 3], "y holds 1 negative value, but must be at least 0 with loss='poisson'"),
        ("tweedie", [1, -2, -3], "y holds 2 negative values, but must be at least 0 with loss='tweedie'"),
        ("gamma", [1, 0, 3], "y holds 1 zero or negative value, but must be above 0 with loss='gamma'"),
        ("negative binomial", [1, 0.5, 3], "y holds 1 negative or broken value, but must be counts 0, 1, 2"),
        ("poisson", [0, 0, 0], "y holds zeros only in the rows that count, but must hold a positive value"),
        ("gaussian", [[1, 2]] * 3, r"its shape is \(3, 2\), but it must be \(rows,\)"),
        ("poison", [1, 2, 3], "loss is 'poison', but must be one of .*; did you mean 'poisson'?"),
    ],
)
def test_targets_complain(loss, y, message):
    with pytest.raises(ValueError, match=message):
        NeuralRegressor(loss, **BRIEF).fit(np.arange(6.0).reshape(3, 2), y)


def test_settings_complain():
    X, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    with pytest.raises(ValueError, match=r"NeuralRegressor: power is 2.0, but must be a number above 1 and below 2"):
        NeuralRegressor("tweedie", power=2.0).fit(X, y)
    with pytest.raises(ValueError, match=r"label_smoothing is 1.0, but must be a number of at least 0 and below 1"):
        NeuralClassifier(label_smoothing=1.0).fit(X, y)
    with pytest.raises(ValueError, match=r"label_smoothing is 0.1, but must be 0 with loss='hinge'"):
        NeuralClassifier(label_smoothing=0.1, loss="hinge").fit(X, y)
    with pytest.raises(ValueError, match=r"NeuralClassifier: loss is 'hing', but must be one of log, hinge; did you"):
        NeuralClassifier(loss="hing").fit(X, y)
    with pytest.raises(ValueError, match=r"levels is 1.5, but must be a number above 0 and below 1"):
        quietly(NeuralRegressor(**BRIEF), X, y).predict_quantiles(X, (0.5, 1.5))


@pytest.mark.parametrize(
    ("monotone", "message"),
    [
        (
            {"prize": 1},
            "monotone is 'prize', but must be a mapping from columns of X: price, town; did you",
        ),
        ({"price": 2}, r"monotone\['price'\] is 2, but must be -1, .* or \+1"),
        ({"town": 1}, "monotone: column 'town' holds labels, but must hold numbers"),
        ([1, 0], r"monotone is \[1, 0\], but must be None or a mapping from columns to -1 or \+1"),
    ],
)
def test_monotone_complains(monotone, message):
    X = pd.DataFrame({"price": [1.0, 2.0, 3.0, 4.0], "town": ["a", "b", "a", "b"]})
    with pytest.raises(ValueError, match=message):
        NeuralRegressor(monotone=monotone, **BRIEF).fit(X, [1, 2, 3, 4])


def test_monotone_needs_two_classes():
    with pytest.raises(ValueError, match="monotone: y has 3 classes, but must have 2"):
        NeuralClassifier(monotone={"x0": 1}, **BRIEF).fit(np.arange(6.0)[:, None], [0, 1, 2, 0, 1, 2])


def shifted(X, rng):
    """The same rows with x0 higher and x1 lower."""
    return X + np.array([1.0, -1.0, 0.0]) * rng.uniform(0, 2, X.shape)


@pytest.mark.parametrize(
    "kind",
    ["gaussian", "log", "quantiles", *(pytest.param(k, marks=pytest.mark.slow) for k in ("squared", "hinge"))],
)
def test_predictions_are_monotone_after_training(kind, tmp_path):
    """Against the data, which ask for the opposite: the guarantee is of the architecture."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 3))
    index = X[:, 1] - X[:, 0] + np.sin(2 * X[:, 2])
    settings = {**SMALL, "epochs": 30, "monotone": {"x0": 1, "x1": -1}}
    if kind == "quantiles":
        learner = quietly(NeuralQuantileRegressor(**settings), X, index + rng.normal(size=300))
        predict = learner.predict_quantiles
    elif kind in ("log", "hinge"):
        learner = quietly(NeuralClassifier(loss=kind, **settings), X, index > rng.normal(size=300))
        predict = learner.decision_function
    else:
        y = rng.poisson(np.exp(index / 2)) if kind in families.COUNTS else index + rng.normal(size=300)
        learner = quietly(NeuralRegressor(kind, **settings), X, y)
        predict = learner.predict
    points = 2 * rng.normal(size=(500, 3))
    low, high = predict(points), predict(shifted(points, rng))
    assert (high - low).min() >= -1e-5 * np.abs(low).max()  # rounding of single precision
    assert np.ptp(predict(points)) > 0.1
    again = load(learner.save(tmp_path / "learner.safetensors"))
    np.testing.assert_array_equal(again.predict(points), learner.predict(points))


def test_monotone_truth_is_found_with_its_signs():
    rng = np.random.default_rng(4)
    X, fresh = rng.uniform(-1, 1, (200, 3)), rng.uniform(-1, 1, (1_000, 3))
    truth = lambda X: np.tanh(3 * X[:, 0]) - np.exp(X[:, 1]) / 2 + np.sin(3 * X[:, 2]) / 2
    y = truth(X) + 0.5 * rng.normal(size=200)
    errors = {
        signs is not None: np.sqrt(
            np.mean((quietly(NeuralRegressor(monotone=signs, **SMALL), X, y).predict(fresh) - truth(fresh)) ** 2)
        )
        for signs in (None, {"x0": 1, "x1": -1})
    }
    assert errors[True] < 1.7 * errors[False]  # the guarantee may cost something, and saves little at 200 rows


@pytest.mark.slow
def test_hinge_and_smoothing():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 2)) + 3 * np.repeat(np.arange(3), 100)[:, None]
    y = np.repeat(["a", "b", "c"], 100)
    machine = quietly(NeuralClassifier(loss="hinge", **SMALL), X, y)
    assert machine.score(X, y) > 0.9
    assert machine.decision_function(X).shape == (300, 3)
    with pytest.raises(AttributeError) as refused:
        machine.predict_proba(X)
    assert "take decision_function" in f"{refused.value} {refused.value.__cause__}"
    plain, smooth = (quietly(NeuralClassifier(label_smoothing=s, **SMALL), X, y) for s in (0.0, 0.3))
    sure = lambda learner: learner.predict_proba(X).max(1).mean()
    assert sure(smooth) < sure(plain) - 0.05
    np.testing.assert_array_equal(plain.decision_function(X).argmax(1), plain.predict_proba(X).argmax(1))
    np.testing.assert_allclose(plain.decision_function(X), np.log(plain.predict_proba(X)))
