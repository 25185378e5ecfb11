"""Instruments: DoubleML's numbers on the same folds, two-stage least squares, weak instruments."""

import numpy as np
import pytest
from linearmodels.iv import IV2SLS
from sklearn.linear_model import LinearRegression, LogisticRegression

import peer
from ceteris.causal import InteractiveIV, PartiallyLinearIV, confounding, make_folds, report_sections
from ceteris.causal.nuisances import f_statistic
from ceteris.data import simulate_interactive_iv, simulate_partially_linear_iv

OLS, LOGIT = LinearRegression(), LogisticRegression(**peer.TIGHT)
NAMES = [f"x{j}" for j in range(5)]
RNG = np.random.default_rng(0)
DATA = simulate_partially_linear_iv(300, p=5, seed=1)
DATA["z2"] = DATA["z"] + RNG.normal(size=300)
BINARY = simulate_interactive_iv(600, p=5, seed=1)


@pytest.mark.parametrize(("z", "score"), [("z", "partialling out"), ("z", "IV-type"), (["z", "z2"], "partialling out")])
@pytest.mark.parametrize("repeats", [1, 3])
def test_partially_linear_numbers_are_the_peers(z, score, repeats):
    dml = peer.doubleml()
    folds = make_folds(300, 3, repeats)
    estimator = PartiallyLinearIV(OLS, OLS, OLS, score=score, folds=folds, small_sample=False)
    found = estimator.fit(DATA, y="y", d="d", x=NAMES, z=z)
    data = dml.DoubleMLData(DATA, "y", "d", x_cols=NAMES, z_cols=z)
    learners = {"ml_l": OLS, "ml_m": OLS, "ml_r": OLS, **({"ml_g": OLS} if score == "IV-type" else {})}
    settings = {"score": score, "n_folds": 3, "n_rep": repeats, "draw_sample_splitting": False}
    model = dml.DoubleMLPLIV(data, **learners, **settings)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds), rtol=0, atol=1e-8)


def test_partially_linear_numbers_are_the_peers_with_two_sets_of_clusters():
    dml = peer.doubleml()
    clusters = [RNG.integers(0, 11, 300), RNG.integers(0, 13, 300)]
    folds = make_folds(300, 2, cluster=clusters)
    found = PartiallyLinearIV(OLS, OLS, OLS, folds=folds).fit(DATA, y="y", d="d", x=NAMES, z="z", cluster=clusters)
    frame = DATA.assign(a=clusters[0], b=clusters[1])
    data = dml.DoubleMLData(frame, "y", "d", x_cols=NAMES, z_cols="z", cluster_cols=["a", "b"])
    model = dml.DoubleMLPLIV(data, OLS, OLS, OLS, n_folds=2, draw_sample_splitting=False)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds, clusters), rtol=0, atol=1e-8)


def test_without_covariates_and_with_one_row_a_fold_it_is_two_stage_least_squares():
    """As for the partially linear model: leave-one-out residuals are those from the mean times n/(n - 1)."""
    y, d, z = (DATA[name].to_numpy() for name in "ydz")
    found = PartiallyLinearIV(OLS, OLS, OLS, folds=np.arange(300), small_sample=False).fit(y=y, d=d, z=z)
    iv = IV2SLS(y, np.ones(300), d, z).fit(cov_type="robust")
    np.testing.assert_allclose([found.point[0], found.se[0]], [iv.params["endog"], iv.std_errors["endog"]], rtol=1e-9)


@pytest.mark.parametrize("repeats", [1, 3])
def test_local_effects_are_the_peers(repeats):
    dml = peer.doubleml()
    folds = make_folds(600, 3, repeats, stratify=2 * BINARY["z"].to_numpy() + BINARY["d"].to_numpy())
    estimator = InteractiveIV(OLS, LOGIT, LOGIT, folds=folds, small_sample=False)
    found = estimator.fit(BINARY, y="y", d="d", x=NAMES, z="z")
    data = dml.DoubleMLData(BINARY, "y", "d", x_cols=NAMES, z_cols="z")
    model = dml.DoubleMLIIVM(data, OLS, LOGIT, LOGIT, n_folds=3, n_rep=repeats, draw_sample_splitting=False)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds), rtol=0, atol=1e-8)


def test_with_one_sided_noncompliance_the_treatment_without_the_instrument_is_known():
    dml = peer.doubleml()
    frame = BINARY.assign(d=BINARY["d"] * BINARY["z"])
    folds = make_folds(600, 3, stratify=2 * frame["z"].to_numpy() + frame["d"].to_numpy())
    estimator = InteractiveIV(OLS, LOGIT, LOGIT, always_takers=False, folds=folds, small_sample=False)
    found = estimator.fit(frame, y="y", d="d", x=NAMES, z="z")
    data = dml.DoubleMLData(frame, "y", "d", x_cols=NAMES, z_cols="z")
    who = {"always_takers": False, "never_takers": True}
    model = dml.DoubleMLIIVM(data, OLS, LOGIT, LOGIT, n_folds=3, subgroups=who, draw_sample_splitting=False)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds), rtol=0, atol=1e-8)
    assert (found.nuisances.takers[:, 0] == 0).all()


def test_without_covariates_the_local_effect_is_walds_ratio():
    """Leave-one-out means cancel: (y - ȳ₍₋ᵢ₎)/e sums to zero within an arm, so that the arms' means are left."""
    y, d, z = (BINARY[name].to_numpy() for name in "ydz")
    found = InteractiveIV(OLS, LOGIT, LOGIT, folds=10).fit(y=y, d=d, z=z)
    wald = (y[z == 1].mean() - y[z == 0].mean()) / (d[z == 1].mean() - d[z == 0].mean())
    # Ten folds instead of one a row: the means of nine tenths differ from that of all by O(1/n).
    assert abs(found.point[0] - wald) < 0.05 * found.se[0]


def test_normalised_weights_change_little_where_overlap_is_good():
    plain, normal = (
        InteractiveIV(OLS, LOGIT, LOGIT, normalise=one).fit(BINARY, y="y", d="d", x=NAMES, z="z")
        for one in (False, True)
    )
    assert 0 < abs(plain.point[0] - normal.point[0]) < 0.2 * plain.se[0]


def test_a_weak_instrument_is_said_with_its_f_statistic():
    frame = DATA.assign(z=RNG.normal(size=300))
    with pytest.warns(UserWarning, match="F statistic of the first stage is .*; below 10 the instrument is weak"):
        found = PartiallyLinearIV(OLS, OLS, OLS).fit(frame, y="y", d="d", x=NAMES, z="z")
    assert found.checks[0].value < 10
    frame = BINARY.assign(z=RNG.integers(0, 2, 600))
    with pytest.warns(UserWarning, match="below 10 the instrument is weak"):
        InteractiveIV(OLS, LOGIT, LOGIT).fit(frame, y="y", d="d", x=NAMES, z="z")


def test_rows_that_come_twice_do_not_make_an_instrument_stronger():
    d, z = RNG.normal(size=50), RNG.normal(size=(50, 2))
    who = np.tile(np.arange(50), 2)
    once, twice = f_statistic(d, z, ()), f_statistic(np.tile(d, 2), np.tile(z, (2, 1)), (who,))
    correction = (50 / 49) * (99 / 97)  # CR1: G/(G - 1) (n - 1)/(n - k)
    assert twice == pytest.approx(once / correction, rel=1e-12)


@pytest.mark.parametrize(
    ("estimator", "changes", "roles", "sentence"),
    [
        (PartiallyLinearIV(OLS, OLS, OLS), {"z": 1.0}, {}, "z: an instrument is the same in every row"),
        (
            PartiallyLinearIV(OLS, OLS, OLS, score="IV-type"),
            {},
            {"z": ["z", "x4"]},
            "'IV-type' given with 2 instruments",
        ),
        (PartiallyLinearIV(OLS, OLS, OLS), {}, {"d": ["d", "x4"]}, "d names 2 treatments, but must name one"),
        (InteractiveIV(OLS, LOGIT, LOGIT), {"z": RNG.normal(size=600)}, {}, "must be one column of both 0 and 1"),
        (
            InteractiveIV(OLS, LOGIT, LOGIT, always_takers=False),
            {},
            {},
            "always_takers is False, but the data hold some",
        ),
    ],
)
def test_wrong_instruments_are_refused(estimator, changes, roles, sentence):
    with pytest.raises(ValueError, match=sentence):
        estimator.fit(BINARY.assign(**changes), **{"y": "y", "d": "d", "x": NAMES[:4], "z": "z", **roles})


def test_what_was_learnt_of_an_instrument_is_not_taken_for_the_treatment_s():
    """P(Z = 1 | X) is no propensity score of D, and bounds for partially linear models do not hold for instruments."""
    late = InteractiveIV(OLS, LOGIT, LOGIT).fit(BINARY, y="y", d="d", x=NAMES, z="z")
    shown = [section.title for section in report_sections(late, BINARY, y="y", d="d", x=NAMES)]
    assert shown[1:] == ["Balance", "Single rows"]
    assert late.nuisances.known == ("h", "raw", "arms", "takers")
    found = PartiallyLinearIV(OLS, OLS, OLS).fit(DATA, y="y", d="d", x=NAMES, z="z")
    with pytest.raises(ValueError, match="estimate has the nuisances m, e, h, but PartiallyLinear and Interactive "):
        confounding(found, DATA, y="y", d="d")
