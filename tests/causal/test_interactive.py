"""AIPW: DoubleML's numbers on the same folds, double robustness, potential outcomes, and bad input."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

import peer
from ceteris.causal import AveragePotentialOutcomes, Interactive, make_folds
from ceteris.data import simulate_interactive, simulate_weak_overlap

OLS, LOGIT = LinearRegression(), LogisticRegression(**peer.TIGHT)
NAMES = [f"x{j}" for j in range(5)]
DATA = simulate_interactive(400, p=5, seed=1)
D = DATA["d"].to_numpy()


@pytest.mark.parametrize(("estimand", "score"), [("ATE", "ATE"), ("ATT", "ATTE")])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("repeats", [1, 4])
def test_the_numbers_are_the_peers(estimand, score, normalise, repeats):
    dml = peer.doubleml()
    folds = make_folds(400, 3, repeats, stratify=D)
    estimator = Interactive(OLS, LOGIT, estimand, normalise, folds=folds, small_sample=False)
    found = estimator.fit(DATA, y="y", d="d", x=NAMES)
    settings = {"score": score, "normalize_ipw": normalise, "n_rep": repeats, "draw_sample_splitting": False}
    model = dml.DoubleMLIRM(dml.DoubleMLData(DATA, "y", "d", x_cols=NAMES), OLS, LOGIT, n_folds=3, **settings)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds), rtol=0, atol=1e-8)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_the_numbers_are_the_peers_with_clusters(estimand):
    dml = peer.doubleml()
    firm = np.random.default_rng(0).integers(0, 23, 400)
    folds = make_folds(400, 3, cluster=[firm])
    found = Interactive(OLS, LOGIT, estimand, folds=folds).fit(DATA, y="y", d="d", x=NAMES, cluster=firm)
    data = dml.DoubleMLData(DATA.assign(firm=firm), "y", "d", x_cols=NAMES, cluster_cols="firm")
    score = {"ATE": "ATE", "ATT": "ATTE"}[estimand]
    model = dml.DoubleMLIRM(data, OLS, LOGIT, n_folds=3, score=score, draw_sample_splitting=False)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds, [firm]), rtol=0, atol=1e-8)


def test_the_effect_on_the_untreated_is_minus_that_on_the_treated_of_the_mirrored_problem():
    folds = make_folds(400, 3, stratify=D)
    mirrored = DATA.assign(d=1 - D)
    untreated = Interactive(OLS, LOGIT, "ATU", folds=folds).fit(DATA, y="y", d="d", x=NAMES)
    treated = Interactive(OLS, LOGIT, "ATT", folds=folds).fit(mirrored, y="y", d="d", x=NAMES)
    # The logit of 1 - d is the same fit up to rounding.
    np.testing.assert_allclose([untreated.point, untreated.se], [-treated.point, treated.se], atol=1e-9)


def test_one_wrong_nuisance_does_no_harm_and_two_do():
    """Double robustness: y depends on x0 in both arms, treatment too; a dummy learner knows nothing of it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 1))
    d = rng.random(20_000) < 1 / (1 + np.exp(-x[:, 0]))
    y = d + 2 * x[:, 0] + rng.normal(size=20_000)
    none = DummyRegressor(), DummyClassifier(strategy="prior")
    off = {}
    for name, outcome, treatment in (
        ("outcome right", OLS, none[1]),
        ("treatment right", none[0], LOGIT),
        ("both wrong", *none),
    ):
        estimate = Interactive(outcome, treatment).fit(y=y, d=d, x=x)
        off[name] = abs(estimate.point[0] - 1) / estimate.se[0]
    assert off["outcome right"] < 3
    assert off["treatment right"] < 3
    assert off["both wrong"] > 20


@pytest.mark.parametrize("normalise", [False, True])
def test_potential_outcomes_are_the_peers(normalise):
    dml = peer.doubleml()
    levels = np.random.default_rng(0).integers(0, 3, 400)
    frame = DATA.assign(d=levels)
    folds = make_folds(400, 3, stratify=levels)
    estimator = AveragePotentialOutcomes(OLS, LOGIT, normalise, folds=folds, small_sample=False)
    found = estimator.fit(frame, y="y", d="d", x=NAMES)
    for w in range(3):
        settings = {"treatment_level": w, "normalize_ipw": normalise, "draw_sample_splitting": False}
        model = dml.DoubleMLAPO(dml.DoubleMLData(frame, "y", "d", x_cols=NAMES), OLS, LOGIT, n_folds=3, **settings)
        expected = peer.fitted(model, folds)
        np.testing.assert_allclose([found.point[w], found.se[w]], expected, rtol=0, atol=1e-8)


def test_a_contrast_of_two_potential_outcomes_is_the_average_effect():
    folds = make_folds(400, 3, stratify=D)
    effect = Interactive(OLS, LOGIT, folds=folds).fit(DATA, y="y", d="d", x=NAMES)
    means = AveragePotentialOutcomes(OLS, LOGIT, folds=folds).fit(DATA, y="y", d="d", x=NAMES)
    contrast = means.contrast([-1, 1])
    np.testing.assert_allclose([contrast.point, contrast.se], [effect.point, effect.se], atol=1e-9)


def test_weak_overlap_is_said_with_the_region():
    data = simulate_weak_overlap(1000, strength=4.0, seed=1)
    with pytest.warns(
        UserWarning, match=r"treatment: .* scores are outside \[0.01, 0.99\]: below, where 'x0' is .* and less; above"
    ):
        found = Interactive(OLS, LogisticRegression(C=1e4)).fit(data, y="y", d="d", x=NAMES)
    assert found.checks[0].passed is False
    assert found.checks[0].sentence in " ".join(str(found).split())


@pytest.mark.parametrize(
    ("settings", "changes", "sentence"),
    [
        ({"estimand": "ATC"}, {}, "estimand is 'ATC'"),
        ({"clip": 0.5}, {}, "clip is 0.5, but must be a number above 0 and below 0.5"),
        ({"treatment": OLS}, {}, "LinearRegression predicts no probabilities"),
        ({}, {"d": 2 * D}, "d: the treatment 'd' holds 0, 2, but must hold 0 and 1 only here"),
        ({"folds": 5}, {"d": (np.arange(400) < 3).astype(int)}, "only 3 rows have 1 of what the folds are balanced by"),
        ({"folds": np.where(D == 1, 0, np.arange(400) % 2)}, {}, "has all rows with 1"),
    ],
)
def test_wrong_input_is_refused(settings, changes, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        Interactive(**{"outcome": OLS, "treatment": LOGIT, **settings}).fit(
            DATA.assign(**changes), y="y", d="d", x=NAMES
        )
