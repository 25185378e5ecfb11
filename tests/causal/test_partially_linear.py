"""The partially linear model: DoubleML's numbers on the same folds, ordinary least squares, and bad input."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

import peer
from ceteris.causal import PartiallyLinear, make_folds
from ceteris.data import simulate_interactive, simulate_partially_linear

OLS, NAMES = LinearRegression(), [f"x{j}" for j in range(5)]
N = 300
DATA = simulate_partially_linear(N, p=5, seed=1)
RNG = np.random.default_rng(0)
FIRMS, STATES = RNG.integers(0, 23, N), RNG.integers(0, 17, N)  # not multiples of 3: the folds differ in size


def peer_fit(folds, score, learner, clusters=None):
    dml = peer.doubleml()
    frame = DATA.assign(firm=FIRMS, state=STATES)
    columns = ["firm", "state"][: len(clusters)] if clusters else None
    data = dml.DoubleMLData(frame, "y", "d", x_cols=NAMES, cluster_cols=columns)
    third = learner if score == "IV-type" else None
    settings = {"score": score, "n_folds": 3, "n_rep": len(folds), "draw_sample_splitting": False}
    return peer.fitted(dml.DoubleMLPLR(data, learner, learner, third, **settings), folds, clusters)


@pytest.mark.parametrize("score", ["partialling out", "IV-type"])
@pytest.mark.parametrize("repeats", [1, 4])
@pytest.mark.parametrize("learner", [OLS, DecisionTreeRegressor(max_depth=3, random_state=0)])
def test_the_numbers_are_the_peers(score, repeats, learner):
    folds = make_folds(N, 3, repeats)
    estimator = PartiallyLinear(learner, learner, score=score, folds=folds, small_sample=False)
    found = estimator.fit(DATA, y="y", d="d", x=NAMES)
    point, se = peer_fit(folds, score, learner)
    np.testing.assert_allclose([found.point[0], found.se[0]], [point, se], rtol=0, atol=1e-8)


@pytest.mark.parametrize("clusters", [[FIRMS], [FIRMS, STATES]])
@pytest.mark.parametrize("repeats", [1, 3])
def test_the_numbers_are_the_peers_with_clusters(clusters, repeats):
    folds = make_folds(N, 3, repeats, cluster=clusters)
    estimator = PartiallyLinear(OLS, OLS, folds=folds)
    found = estimator.fit(DATA, y="y", d="d", x=NAMES, cluster=clusters)
    point, se = peer_fit(folds, "partialling out", OLS, clusters)
    np.testing.assert_allclose([found.point[0], found.se[0]], [point, se], rtol=0, atol=1e-8)


def test_both_scores_agree_on_the_point_with_least_squares_but_not_on_its_error():
    folds = make_folds(N, 3)
    one, other = (
        PartiallyLinear(OLS, OLS, score=score, folds=folds).fit(DATA, y="y", d="d", x=NAMES)
        for score in ("partialling out", "IV-type")
    )
    # An identity: residuals of least squares are linear in their target. Only rounding is left.
    np.testing.assert_allclose(one.point, other.point, atol=1e-12)
    assert abs(one.se[0] - other.se[0]) > 1e-4


def test_without_covariates_and_with_one_row_a_fold_it_is_a_regression():
    """Leave-one-out means m_i = (n d̄ - d_i)/(n - 1) make residuals n/(n - 1) times those from the mean: OLS exactly."""
    y, d = DATA["y"].to_numpy(), DATA["d"].to_numpy()
    found = PartiallyLinear(OLS, OLS, folds=np.arange(N), small_sample=False).fit(y=y, d=d)
    ols = sm.OLS(y, sm.add_constant(d)).fit(cov_type="HC0")
    np.testing.assert_allclose([found.point[0], found.se[0]], [ols.params[1], ols.bse[1]], rtol=1e-9)


def test_a_large_sample_finds_the_truth_and_least_squares_its_standard_error():
    data = simulate_partially_linear(20_000, p=5, seed=2)
    found = PartiallyLinear().fit(data, y="y", d="d", x=NAMES)
    assert abs(found.point[0] - 0.5) < 3 * found.se[0]
    np.testing.assert_allclose(found.se, 1 / np.sqrt(20_000), rtol=0.03)  # unit noises; 1/√n of sampling in the rest


def test_several_treatments_have_one_covariance():
    data = DATA.assign(e=0.5 * DATA["d"] + RNG.normal(size=N))
    both = PartiallyLinear(OLS, OLS).fit(data, y="y", d=["d", "e"], x=NAMES)
    first = PartiallyLinear(OLS, OLS).fit(data, y="y", d="d", x=[*NAMES, "e"])
    assert both.names == ("d", "e")
    np.testing.assert_allclose(both.point[0], first.point[0], atol=1e-12)
    assert both.covariance[0, 1] < 0  # d and e move together, so that what one gets the other loses


def test_a_binary_treatment_may_have_a_classifier():
    data = simulate_interactive(400, p=5, seed=3)
    found = PartiallyLinear(OLS, LogisticRegression()).fit(data, y="y", d="d", x=NAMES)
    assert 0 < found.nuisances.e.min() < found.nuisances.e.max() < 1


def test_what_a_reader_must_know_is_there():
    found = PartiallyLinear(OLS, OLS, repeats=3).fit(DATA, y="y", d="d", x=NAMES)
    about = found.about
    assert all((about.method, about.estimand, about.formula, about.assumptions, found.nuisances.folds))
    assert len(found.splits) == 3
    assert [check.name for check in found.checks] == [
        "fit of the outcome",
        "fit of the treatment 'd'",
        "stability over splits",
        "no single row decides",
    ]
    assert found.n == N
    np.testing.assert_allclose(found.influence.mean(0), 0, atol=1e-10)


def test_a_learner_worse_than_a_constant_is_flagged():
    noise = DATA.assign(y=RNG.normal(size=N))
    found = PartiallyLinear(DecisionTreeRegressor(random_state=0), OLS).fit(noise, y="y", d="d", x=NAMES)
    assert "worse than a constant" in str(found)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"score": "partialing out"}, "score is 'partialing out'.*did you mean 'partialling out'"),
        ({"outcome": LinearRegression}, "outcome is the class LinearRegression, but must be an estimator in the"),
        ({"treatment": "ols"}, "treatment is 'ols', but must be an estimator in the manner of scikit-learn"),
        ({"folds": 301}, "folds is 301, but must be at most 300, the number of rows"),
    ],
)
def test_wrong_settings_are_refused(settings, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        PartiallyLinear(**{"outcome": OLS, "treatment": OLS, **settings}).fit(DATA, y="y", d="d", x=NAMES)


def test_a_treatment_without_variation_left_is_refused():
    with pytest.raises(ValueError, match="determine"):
        PartiallyLinear(OLS, Ridge()).fit(DATA.assign(w=DATA["d"] * 2), y="y", d="d", x=[*NAMES, "w"])
