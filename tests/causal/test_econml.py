"""EconML's final stages on our folds: the same points, and standard errors but for its correction n/(n - 1)."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import peer
from ceteris.causal import PartiallyLinear, assemble, cross_fit, make_folds, scores
from ceteris.data import simulate_interactive, simulate_partially_linear

OLS, LOGIT = LinearRegression(), LogisticRegression(**peer.TIGHT)
NAMES = [f"x{j}" for j in range(5)]
N = 500


def econml():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("econml")
        from econml.dml import LinearDML
        from econml.dr import LinearDRLearner
    return LinearDML, LinearDRLearner


def roles(data):
    return data["y"].to_numpy(), data["d"].to_numpy(), data[NAMES].to_numpy()


def fitted(model, y, d, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(y, d, X=None, W=x, inference="statsmodels").const_marginal_ate_inference()
    return np.ravel(found.mean_point)[0], np.ravel(found.stderr_mean)[0]


def test_linear_dml():
    LinearDML, _ = econml()
    y, d, x = roles(simulate_partially_linear(N, p=5, seed=1))
    (fold,) = make_folds(N, 3)
    point, se = fitted(LinearDML(model_y=OLS, model_t=OLS, cv=peer.samples([fold])[0]), y, d, x)
    ours = PartiallyLinear(OLS, OLS, folds=fold, small_sample=False).fit(y=y, d=d, x=x)
    # The bar is 1e-6; both are closed forms.
    np.testing.assert_allclose([ours.point[0], ours.se[0] * np.sqrt(N / (N - 1))], [point, se], rtol=0, atol=1e-10)


def test_doubly_robust_learner():
    """Its outcome is one regression on covariates and treatment: the score gets the predictions of that."""
    _, LinearDRLearner = econml()
    y, d, x = roles(simulate_interactive(N, p=5, seed=1))
    (fold,) = make_folds(N, 3, stratify=d)
    settings = {"min_propensity": 0.01, "cv": peer.samples([fold])[0]}
    model = LinearDRLearner(model_propensity=LOGIT, model_regression=OLS, **settings)
    point, se = fitted(model, y, d.astype(int), x)
    g = np.empty((2, N))
    for k in range(3):
        rows, at = fold != k, fold == k
        regression = LinearRegression().fit(np.column_stack([x, d])[rows], y[rows])
        for w in (0, 1):
            g[w, at] = regression.predict(np.column_stack([x[at], np.full(at.sum(), w)]))
    e = np.clip(cross_fit(LOGIT, x, d, fold, kind="probability"), 0.01, 0.99)
    ours = assemble.solve([scores.interactive(y, d, g[0], g[1], e)], ["ATE"], fold)
    np.testing.assert_allclose([ours.point[0], ours.se[0] * np.sqrt(N / (N - 1))], [point, se], rtol=0, atol=1e-8)
