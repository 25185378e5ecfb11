"""Folds, and out-of-fold predictions against a plain loop over scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from ceteris.causal import cross_fit, make_folds
from ceteris.causal.crossfit import read_folds, splits

RNG = np.random.default_rng(0)
N = 300
X = RNG.normal(size=(N, 4)) * [1.0, 100.0, 0.01, 1.0] + [0, 1e3, 0, 5]
D = (RNG.random(N) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
Y = X[:, 0] + RNG.normal(size=N)
TIGHT = {"tol": 1e-12, "max_iter": 1000, "solver": "newton-cholesky"}


def by_loop(learner, y, fold, among=None, probability=False):
    predicted = np.empty(N)
    for k in np.unique(fold):
        rows = (fold != k) if among is None else (fold != k) & among
        learner.fit(X[rows], y[rows])
        at = X[fold == k]
        predicted[fold == k] = learner.predict_proba(at)[:, 1] if probability else learner.predict(at)
    return predicted


@pytest.mark.parametrize("learner", [LinearRegression(), Ridge(7.0), Lasso(0.1), DecisionTreeRegressor(random_state=0)])
@pytest.mark.parametrize("arm", [False, True])
def test_regressions_are_those_of_a_loop(learner, arm):
    fold = make_folds(N, 4)[0]
    among = D == 1 if arm else None
    # 1e-9: normal equations against an SVD; scales differ by 1e4, so that 1e-16 becomes about 1e-12.
    np.testing.assert_allclose(
        cross_fit(learner, X, Y, fold, among=among), by_loop(learner, Y, fold, among), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("c", [np.inf, 1.0, 0.01])
@pytest.mark.parametrize("arm", [False, True])
def test_logistic_regressions_are_those_of_a_loop(c, arm):
    fold = make_folds(N, 4)[0]
    among = X[:, 3] > 4.5 if arm else None
    learner = LogisticRegression(C=c, **TIGHT)
    expected = by_loop(learner, D, fold, among, probability=True)
    found = cross_fit(learner, X, D, fold, among=among, kind="probability")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)  # the loop stops at a gradient of 1e-12 per row


def test_a_logistic_regression_far_from_that_of_all_rows_converges():
    """One fold holds the rows that shape the fit: the quick iteration starts far off, and the slow one takes over."""
    x = np.r_[np.linspace(-3, 3, 200), np.full(100, 6.0)][:, None]
    rng = np.random.default_rng(1)
    y = np.r_[(rng.random(200) < 1 / (1 + np.exp(-2 * x[:200, 0]))), np.zeros(100)]
    fold = np.r_[np.arange(200) % 2, np.full(100, 2)]
    learner = LogisticRegression(C=np.inf, **TIGHT)
    expected = np.empty(300)
    for k in range(3):
        expected[fold == k] = learner.fit(x[fold != k], y[fold != k]).predict_proba(x[fold == k])[:, 1]
    np.testing.assert_allclose(cross_fit(learner, x, y, fold, kind="probability"), expected, atol=1e-8)


def test_collinear_covariates_fall_back_to_the_learner_itself():
    x = np.column_stack([X, X[:, 0] + X[:, 3]])
    fold = make_folds(N, 3)[0]
    # The fit is unique although the coefficients are not; a least-norm solver finds it to about 1e-9.
    np.testing.assert_allclose(
        cross_fit(LinearRegression(), x, Y, fold), cross_fit(LinearRegression(), X, Y, fold), atol=1e-8
    )


def test_without_covariates_the_mean_of_the_other_folds_is_predicted():
    fold = np.array([0, 0, 1, 1])
    predicted = cross_fit(LinearRegression(), np.empty((4, 0)), np.array([1.0, 3.0, 5.0, 7.0]), fold)
    np.testing.assert_array_equal(predicted, [6, 6, 2, 2])


def test_a_classifier_asked_for_a_mean_gives_the_probability():
    fold = make_folds(N, 3)[0]
    logit = LogisticRegression()
    np.testing.assert_array_equal(cross_fit(logit, X, D, fold), cross_fit(logit, X, D, fold, kind="probability"))


def test_folds_are_even_and_depend_on_seed_and_repeat():
    first, second = make_folds(103, folds=5, repeats=2, seed=1)
    assert sorted(np.bincount(first)) == [20, 20, 21, 21, 21]
    assert (first != second).any()
    assert (first != make_folds(103, folds=5, seed=2)[0]).any()
    np.testing.assert_array_equal(first, make_folds(103, folds=5, seed=1)[0])


def test_strata_are_shared_out_evenly():
    strata = np.r_[np.zeros(50), np.ones(25)]
    fold = make_folds(75, folds=5, stratify=strata)[0]
    for k in range(5):
        assert np.bincount(strata[fold == k].astype(int)).tolist() == [10, 5]


def test_a_cluster_is_never_divided_and_shares_no_training_row():
    first, second = RNG.integers(0, 12, N), RNG.integers(0, 9, N)
    (fold,) = make_folds(N, folds=3, cluster=[first])
    assert all(len(np.unique(fold[first == g])) == 1 for g in range(12))
    (fold,) = make_folds(N, folds=3, cluster=[first, second])
    assert fold.shape == (N, 2)
    for train, test in splits(fold):
        assert not np.intersect1d(first[train], first[test]).size
        assert not np.intersect1d(second[train], second[test]).size
    assert sum(test.sum() for _, test in splits(fold)) == N


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 10, "folds": 1}, "folds is 1, but must be a whole number of at least 2"),
        ({"n": 10, "folds": 11}, "folds is 11, but must be at most 10, the number of rows"),
        ({"n": 10, "repeats": 0}, "repeats is 0, but must be a whole number of at least 1"),
        ({"n": 10, "folds": 5, "cluster": [np.arange(10) % 3]}, "folds is 5, but must be at most 3, the number"),
        ({"n": 10, "folds": 4, "stratify": np.arange(10) < 2}, "only 2 rows have 1 of what the folds are balanced by"),
        (
            {"n": 9, "folds": 3, "cluster": [np.arange(9) // 3], "stratify": (np.arange(9) < 3).astype(int)},
            "has all rows with 1",
        ),
    ],
)
def test_impossible_folds_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_folds(**arguments)


@pytest.mark.parametrize(
    ("folds", "clusters", "sentence"),
    [
        (np.zeros(5, int), (), "folds holds 5, but must hold 6, one for each row"),
        (np.zeros(6, int), (), "all rows are in one fold"),
        (np.arange(6) % 2, (np.array([0, 0, 1, 1, 2, 2]),), "a cluster is divided"),
        (np.zeros((6, 2), int), (), "folds has two columns, but must have one unless there are two sets of clus"),
    ],
)
def test_given_folds_are_checked(folds, clusters, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_folds(folds, 6, cluster=clusters)


class Wild(LinearRegression):
    def predict(self, X):
        return np.full(len(X), np.nan)


@pytest.mark.parametrize(
    ("learner", "y", "kind", "sentence"),
    [
        (LinearRegression(), D, "probability", "LinearRegression predicts no probabilities; give a classifier"),
        (LogisticRegression(), Y, "mean", "learner is the classifier LogisticRegression, but the variable is no"),
        (LogisticRegression(), (np.arange(N) < 60).astype(float), "probability", "outside fold 0 only one class"),
        (Wild(), Y, "mean", "Wild predicts 300 values that are no finite numbers"),
        (LinearRegression(), Y, "median", "kind is 'median', but must be one of mean, probability"),
    ],
)
def test_learners_that_cannot_serve_are_refused(learner, y, kind, sentence):
    fold = np.repeat(np.arange(5), N // 5)
    with pytest.raises((TypeError, ValueError, FloatingPointError), match=sentence):
        cross_fit(learner, X, y, fold, kind=kind)
