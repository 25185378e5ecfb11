"""The default learners: scikit-learn's contract, known functions, and that they do not take noise for signal."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

import learner_table
from ceteris.causal import Interactive, PartiallyLinear, monte_carlo
from ceteris.causal.additive import RATIOS, AdditiveClassifier, AdditiveRegressor, bends, penalised
from ceteris.causal.learners import boosted_classifier, boosted_regressor, default_for
from ceteris.data import PartiallyLinearDesign


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([AdditiveRegressor(), AdditiveClassifier()])
def test_they_are_estimators_of_scikit_learn(estimator, check):
    check(estimator)


def test_bends_are_straight_outside_the_knots_and_smooth_at_them():
    knots = np.array([-1.0, 0.0, 0.5, 2.0])
    for left, right in ((-5, -1), (2, 6)):
        curve = bends(np.linspace(left, right, 9), knots)
        np.testing.assert_allclose(np.diff(curve, 2, axis=0), 0, atol=1e-10)
    h = 1e-4
    for k in knots:  # second differences agree on both sides: two continuous derivatives
        second = [np.diff(bends(k + side + h * np.arange(3), knots), 2, axis=0) / h**2 for side in (-2.5 * h, 0.5 * h)]
        np.testing.assert_allclose(*second, atol=1e-2)  # third derivatives are about 10, steps 1e-4


def test_penalised_least_squares_is_ridge_at_the_penalty_that_cross_validates_best():
    """Against the slow route: every penalty on the grid solved by itself, with the hat matrix written out."""
    from ceteris.causal.additive import CAUTION, PENALTIES

    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 8))
    columns -= columns.mean(0)
    y = columns[:, 0] + rng.normal(size=60)
    y -= y.mean()
    bent = np.arange(8) >= 4
    best = (np.inf, None)
    for ratio in RATIOS:
        for penalty in PENALTIES:
            root = np.linalg.inv(columns.T @ columns + 60 * penalty * np.diag(np.where(bent, ratio, 1.0)))
            slope = root @ columns.T @ y
            trace = 1 + np.trace(columns @ root @ columns.T)
            score = 60 * np.sum((y - columns @ slope) ** 2) / max(60 - CAUTION * trace, 1) ** 2
            best = min(best, (score, slope), key=lambda pair: pair[0])
    found, _ = penalised(columns.T @ columns, columns.T @ y, float(y @ y), 60, bent, scale_known=False)
    np.testing.assert_allclose(found, best[1], atol=1e-9)


def test_a_curve_is_found_and_a_straight_line_misses_it():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 5))
    truth = np.sin(2 * x[:, 0]) + x[:, 1] ** 2
    y = truth + 0.5 * rng.normal(size=2000)
    new = rng.normal(size=(2000, 5))
    target = np.sin(2 * new[:, 0]) + new[:, 1] ** 2
    errors = [
        np.mean((fit.predict(new) - target) ** 2)
        for fit in (AdditiveRegressor().fit(x, y), LinearRegression().fit(x, y))
    ]
    assert errors[0] < 0.1 * errors[1]


def test_probabilities_are_better_than_those_of_a_logistic_regression_where_they_bend():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 3))
    p = 1 / (1 + np.exp(1 - x[:, 0] ** 2 - x[:, 1]))
    d = (rng.random(2000) < p).astype(int)
    curved, straight = AdditiveClassifier().fit(x, d), LogisticRegression().fit(x, d)
    errors = [np.mean((fit.predict_proba(x)[:, 1] - p) ** 2) for fit in (curved, straight)]
    assert curved.converged_
    assert errors[0] < 0.1 * errors[1]


def test_noise_is_not_taken_for_signal():
    """Twenty covariates that say nothing: out of sample little worse than the mean (R² above -0.03 on average)."""
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(10):
        x, y = rng.normal(size=(400, 20)), rng.normal(size=400)
        new, target = rng.normal(size=(2000, 20)), rng.normal(size=2000)
        scores.append(AdditiveRegressor().fit(x, y).score(new, target))
    assert np.mean(scores) > -0.03  # least squares loses p/n = 5 %


def test_two_classes_far_apart_still_give_finite_probabilities():
    x = np.r_[np.linspace(-3, -1, 50), np.linspace(1, 3, 50)][:, None]
    p = AdditiveClassifier().fit(x, x[:, 0] > 0).predict_proba(x)
    assert np.isfinite(p).all()
    assert p[:50, 1].max() < 0.1 < 0.9 < p[50:, 1].min()


def test_boosting_stops_by_itself():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    fitted = boosted_regressor().fit(x, rng.normal(size=500))
    assert fitted.n_iter_ < 100  # nothing to learn: it stops when the held-out tenth stops getting better
    assert boosted_classifier(max_leaf_nodes=7).max_leaf_nodes == 7


def test_the_default_depends_on_the_outcome():
    assert isinstance(default_for(np.array([0.0, 1.0])), AdditiveClassifier)
    assert isinstance(default_for(np.array([0.0, 2.0])), AdditiveRegressor)


@pytest.mark.parametrize("learner", [AdditiveRegressor(knots=3), AdditiveClassifier(knots=3)])
def test_too_few_knots_are_refused(learner):
    with pytest.raises(ValueError, match="knots is 3, but must be a whole number of at least 4"):
        learner.fit(np.arange(10.0)[:, None], np.arange(10) % 2)


def test_a_rare_treatment_is_learnt_as_well_as_by_the_logit_it_follows():
    # full steps from the share of 3 in 100 overshoot, and once did not come back
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(12_000, 3)), rng.exponential(size=(12_000, 1)) ** 2], axis=1)
    p = 1 / (1 + np.exp(6 - 2.5 * x[:, 0] - 1.5 * x[:, 1] + 2 * x[:, 3]))
    d = (rng.random(12_000) < p).astype(int)
    fresh = np.arange(12_000) >= 8_000
    ours = AdditiveClassifier().fit(x[~fresh], d[~fresh])
    logit = LogisticRegression(C=1e6, max_iter=2000).fit(x[~fresh], d[~fresh])
    assert ours.converged_
    losses = [log_loss(d[fresh], learner.predict_proba(x[fresh])) for learner in (ours, logit)]
    assert losses[0] < 1.05 * losses[1]  # it has more to learn than the logit, whose model is the true one
    assert ours.predict_proba(x[~fresh])[:, 1].sum() == pytest.approx(
        d[~fresh].sum(), rel=0.01
    )  # first-order condition


def test_classes_that_can_be_told_apart_for_certain_are_warned_of_or_settled():
    x = np.linspace(-1, 1, 400)[:, None]
    d = (x[:, 0] > 0.8).astype(int)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        learner = AdditiveClassifier().fit(x, d)
    assert learner.converged_ or any("log-odds still move" in str(w.message) for w in caught)
    assert (learner.predict(x) == d).mean() > 0.98


def test_an_ensemble_of_scikit_learn_may_be_a_learner():
    # An unfitted forest has a length, which it cannot tell: "learner or default" raised.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    d = rng.integers(0, 2, 200)
    forests = RandomForestRegressor(5, random_state=0), RandomForestClassifier(5, min_samples_leaf=40, random_state=0)
    estimate = Interactive(*forests).fit(y=d + x[:, 0] + 0.1 * rng.normal(size=200), d=d, x=x)
    assert abs(estimate.point[0] - 1) < 5 * estimate.se[0]


@pytest.mark.parametrize("estimator", [pytest.param(one, id=one.__name__) for one in learner_table.estimators()])
def test_every_estimator_takes_every_learner_in_every_role(estimator):
    failed = [line for line in learner_table.rows([estimator]) if line["result"] != "ok"]
    assert failed == []


def test_the_table_of_learners_knows_the_roles():
    found = {(estimator.__name__, role) for estimator, role in learner_table.pairs()}
    assert len(found) >= 38
    assert {("PartiallyLinear", "residual"), ("XLearner", "final"), ("ClassifierPolicy", "classifier")} <= found


def test_simulations_take_ensembles():
    roles = dict.fromkeys(("outcome", "treatment", "residual"), RandomForestRegressor(5, max_depth=3, random_state=0))
    estimator = PartiallyLinear(**roles, score="IV-type", folds=2)
    assert np.isfinite(monte_carlo(PartiallyLinearDesign(), estimator, replications=2, n=100).estimates).all()
