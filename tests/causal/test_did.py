"""Difference in differences: DoubleML's numbers on the same folds, the misprinted score, group-time effects."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import peer
from ceteris.causal import DifferenceInDifferences, GroupTimeEffects, make_folds, monte_carlo, scores
from ceteris.causal.estimators.group_time import by_group, event_study, overall, parallel
from ceteris.data import DifferenceInDifferencesDesign, simulate_difference_in_differences, simulate_staggered
from ceteris.results import Estimate
from ceteris.testing import check_saved, check_shown

OLS, LOGIT = LinearRegression(), LogisticRegression(**peer.TIGHT)
NAMES = ["x0", "x1", "x2", "x3"]
PANEL = simulate_difference_in_differences(400, seed=1)
SECTIONS = simulate_difference_in_differences(600, panel=False, seed=1)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("repeats", [1, 3])
def test_panel_numbers_are_the_peers(normalise, repeats):
    dml = peer.doubleml()
    folds = make_folds(400, 3, repeats, stratify=PANEL["d"].to_numpy())
    estimator = DifferenceInDifferences(OLS, LOGIT, normalise=normalise, folds=folds, small_sample=False)
    found = estimator.fit(PANEL, y="y", before="before", d="d", x=NAMES)
    frame = PANEL.assign(change=PANEL["y"] - PANEL["before"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer renames its classes
        data = dml.DoubleMLDIDData(frame, "change", "d", x_cols=NAMES)
        settings = {"in_sample_normalization": normalise, "n_rep": repeats, "draw_sample_splitting": False}
        model = dml.DoubleMLDID(data, OLS, LOGIT, n_folds=3, **settings)
    # Outcomes are in the hundreds, and their trends fitted to 1: of 16 digits 1e-8 leaves much.
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds), rtol=0, atol=1e-8)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("repeats", [1, 3])
def test_cross_section_numbers_are_the_peers(normalise, repeats):
    dml = peer.doubleml()
    folds = make_folds(600, 3, repeats, stratify=2 * SECTIONS["d"].to_numpy() + SECTIONS["time"].to_numpy())
    estimator = DifferenceInDifferences(OLS, LOGIT, normalise=normalise, folds=folds, small_sample=False)
    found = estimator.fit(SECTIONS, y="y", time="time", d="d", x=NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = dml.DoubleMLDIDData(SECTIONS, "y", "d", x_cols=NAMES, t_col="time")
        settings = {"in_sample_normalization": normalise, "n_rep": repeats, "draw_sample_splitting": False}
        model = dml.DoubleMLDIDCS(data, OLS, LOGIT, n_folds=3, **settings)
    np.testing.assert_allclose([found.point[0], found.se[0]], peer.fitted(model, folds), rtol=0, atol=1e-8)


def test_the_change_may_be_given_instead_of_both_outcomes():
    folds = make_folds(400, 3, stratify=PANEL["d"].to_numpy())
    estimator = DifferenceInDifferences(OLS, LOGIT, folds=folds)
    both = estimator.fit(PANEL, y="y", before="before", d="d", x=NAMES)
    change = estimator.fit(PANEL.assign(y=PANEL["y"] - PANEL["before"]), y="y", d="d", x=NAMES)
    np.testing.assert_array_equal(both.point, change.point)


# ------------------------------------------------------------------------------------------ Chang's score


def sections(rng, n=400):
    """Cross-sections with an effect 1 + x that differs between treated (E[x | D = 1] > 0) and others."""
    x = rng.normal(size=n)
    e = 1 / (1 + np.exp(-x))
    d = (rng.random(n) < e).astype(float)
    t = (rng.random(n) < 0.5).astype(float)
    y = x + t * (1 + x) + d * t * (1 + x) + rng.normal(size=n)
    return x, e, d, t, y


def effect_on_treated():
    """1 + E[x Λ(x)] / E[Λ(x)] by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    share = weights / (1 + np.exp(-nodes))
    return 1 + (nodes * share).sum() / share.sum()


def test_the_printed_score_of_chang_is_biased_and_the_right_one_is_not():
    rng = np.random.default_rng(0)
    truth, found, printed, error = effect_on_treated(), [], [], []
    for _ in range(400):
        x, e, d, t, y = sections(rng, 2000)
        true_l = 0.25 * (
            1 + x
        )  # E[(T - λ)Y | X, D = 0] = λ(1 - λ)(1 + x), with true nuisances: the score alone is judged
        a, b = scores.chang(y, d, t, e, true_l)
        found.append(-b.mean() / a.mean())
        error.append(np.std(a * found[-1] + b) / abs(a.mean()) / np.sqrt(len(y)))
        a, b = scores.chang_as_printed(y, d, t, e, true_l)
        printed.append(-b.mean() / a.mean())
    noise = np.std(found) / np.sqrt(400)
    assert abs(np.mean(found) - truth) < 3 * noise
    assert abs(np.mean(printed) - truth) > 6 * np.std(printed) / np.sqrt(400)
    # Standard errors with the parts of p and λ; 400 replications know a standard deviation to 3.5 %.
    np.testing.assert_allclose(np.mean(error), np.std(found), rtol=0.12)


def test_changs_estimator_agrees_with_the_other_score_within_their_errors():
    x, _, d, t, y = sections(np.random.default_rng(3), 8000)
    roles = {"y": y, "d": d, "x": x, "time": t}
    chang = DifferenceInDifferences(OLS, LOGIT, score="Chang").fit(**roles)
    other = DifferenceInDifferences(OLS, LOGIT).fit(**roles)
    assert other.se[0] < chang.se[0]
    assert abs(chang.point[0] - effect_on_treated()) < 3 * chang.se[0]
    assert abs(other.point[0] - effect_on_treated()) < 3 * other.se[0]


# ------------------------------------------------------------------------------------------ group-time effects


STAGGERED = simulate_staggered(800, seed=2)
ROLES = {"y": "y", "group": "group", "unit": "unit", "time": "time", "x": ["x0", "x1"]}


def truth(name):
    g, t = (float(part) for part in name[4:-1].split(","))
    return max(t - g + 1, 0)


@pytest.mark.parametrize("controls", ["never treated", "not yet treated"])
def test_each_group_and_period_is_within_its_errors(controls):
    found = GroupTimeEffects(OLS, LOGIT, controls=controls).fit(STAGGERED, **ROLES)
    assert len(found.names) == 9
    t = (found.point - [truth(name) for name in found.names]) / found.se
    assert np.abs(t).max() < 3.5  # the largest of nine standard normals is beyond with probability 0.4 %


def test_one_cell_is_the_two_period_estimate():
    from ceteris.causal.estimators.group_time import _read

    found = GroupTimeEffects(OLS, LOGIT, folds=3).fit(STAGGERED, **ROLES)
    wide = STAGGERED.pivot(index="unit", columns="time", values="y")
    units = STAGGERED.drop_duplicates("unit").set_index("unit")
    chosen = units["group"].isin([0, 3]).to_numpy()
    d = (units["group"] == 3).to_numpy()[chosen].astype(float)
    folds = make_folds(chosen.sum(), 3, stratify=d)
    two = DifferenceInDifferences(OLS, LOGIT, folds=folds).fit(
        y=(wide[4] - wide[2]).to_numpy()[chosen], d=d, x=units[["x0", "x1"]].to_numpy()[chosen]
    )
    j = found.names.index("ATT(3, 4)")
    np.testing.assert_allclose([found.point[j], found.se[j]], [two.point[0], two.se[0]], atol=1e-10)
    assert _read(STAGGERED, **ROLES).place.shape == (800, 4)


def test_the_numbers_of_a_cell_are_the_peers():
    dml = peer.doubleml()
    from doubleml.did import DoubleMLDIDBinary

    frame = STAGGERED.assign(group=STAGGERED["group"].replace(0, np.inf))
    settings = {"control_group": "never_treated", "draw_sample_splitting": False, "n_folds": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = dml.data.DoubleMLPanelData(frame, "y", "group", "time", "unit", ["x0", "x1"])
        model = DoubleMLDIDBinary(data, g_value=3, t_value_pre=2, t_value_eval=4, ml_g=OLS, ml_m=LOGIT, **settings)
    d = model.data_subset["G_indicator"].to_numpy().astype(float)
    folds = make_folds(len(d), 3, stratify=d)
    expected = peer.fitted(model, folds)
    found = GroupTimeEffects(OLS, LOGIT, folds=3, small_sample=False).fit(STAGGERED, **ROLES)
    j = found.names.index("ATT(3, 4)")
    np.testing.assert_allclose([found.point[j], found.se[j]], expected, atol=1e-8)


def test_sums_over_groups_and_periods():
    found = GroupTimeEffects(OLS, LOGIT, repeats=3).fit(STAGGERED, **ROLES)
    study = event_study(found)
    assert study.names == ("-2", "-1", "0", "1", "2")
    expected = np.array([0, 0, 1, 2, 3])
    assert (np.abs(study.point - expected) < 3.5 * study.se).all()
    groups = by_group(found)
    assert groups.names == ("2", "3", "4")
    sizes = [(STAGGERED["group"] == g).sum() for g in (2, 3, 4)]
    one = overall(found)
    assert abs(one.point[0] - np.average(groups.point, weights=sizes)) < 0.05  # medians of averages, not of each
    assert len(study.splits) == 3


def test_the_event_study_shows_intervals_and_a_wider_band():
    found = GroupTimeEffects(OLS, LOGIT, folds=3).fit(STAGGERED, **ROLES)
    study = event_study(found)
    for estimate in (study, found):  # the effects of all groups and periods show it first, too
        figure = estimate.plot()
        assert figure.title == "Event study"
        np.testing.assert_array_equal(figure.data["time"], [float(name) for name in study.names])
        np.testing.assert_allclose(figure.data[["low", "high"]], study.conf_int())
        assert (figure.data["band low"] < figure.data["low"]).all()
        assert (figure.data["band high"] > figure.data["high"]).all()
        check_shown(estimate)
        check_saved(estimate, lambda it: [it.conf_int(), it.plot().data])
    assert study.figures.titles == ("Event study", "Estimates")
    assert study.contrast(np.eye(len(study.names))[:2]).figures.titles == ("Estimates",)
    assert "periods since the start of treatment" in str(study)


def test_effects_before_treatment_are_judged_together():
    """The test has its size where there are none, correlated as they are, and finds a trend of two standard errors."""
    rng = np.random.default_rng(0)
    root = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.5, 1.0]])
    times = np.array([-2.0, -1.0, 0.0])

    def judged(point):
        return parallel(Estimate(point, None, ("-2", "-1", "0"), given=root @ root.T), times)

    found = [judged(root @ rng.standard_normal(3) + [0, 0, 9]).passed for _ in range(1000)]
    assert np.mean(found) == pytest.approx(0.95, abs=0.021)  # three standard errors of a share of 1,000
    trend = judged(np.array([-4.0, -2.0, 0.0]))
    assert trend.passed is False
    assert "trends were not parallel" in trend.sentence
    assert parallel(Estimate(np.ones(1), None, ("0",), given=np.eye(1)), np.zeros(1)).verdict == "not judged"


def test_the_errors_of_a_sum_count_that_shares_of_groups_are_estimated():
    """Two effects known exactly, ½ in a third of the units and 2 in the rest: the mean's error is that of the share."""
    from ceteris.causal.estimators.group_time import _averaged
    from ceteris.results import Estimate

    groups = np.repeat([1.0, 2.0, 2.0], 100)
    known = Estimate(np.array([0.5, 2.0]), np.zeros((300, 2)), ("a", "b"))
    mean = _averaged(known, np.array([1.0, 2.0]), {"all": np.array([True, True])}, groups)
    np.testing.assert_allclose(mean.point, 1.5)
    np.testing.assert_allclose(mean.se, 1.5 * np.sqrt(2 / 9 / 300))  # variance of a share of 1/3 among 300


# ------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("settings", "changes", "roles", "sentence"),
    [
        ({"score": "chang"}, {}, {}, "score is 'chang'.*did you mean 'Chang'"),
        ({"score": "Chang"}, {}, {"time": None}, "'Chang' given without time"),
        ({}, {}, {"before": "x0"}, "before, time: both given"),
        ({}, {"time": 2}, {}, "time: it must hold both 0"),
        ({}, {"time": SECTIONS["d"]}, {}, "fewer than two rows have d = 0 and time = 1"),
        ({"clip": 0}, {}, {}, "clip is 0, but must be a number above 0 and below 0.5"),
    ],
)
def test_wrong_input_is_refused(settings, changes, roles, sentence):
    roles = {"y": "y", "d": "d", "time": "time", "x": NAMES, **roles}
    with pytest.raises(ValueError, match=sentence):
        DifferenceInDifferences(OLS, LOGIT, **settings).fit(SECTIONS.assign(**changes), **roles)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"time": 1}, "time: it is 1 in every row; two periods at least"),
        ({"time": STAGGERED["time"] // 2}, "some unit has several rows in one period"),
        ({"group": STAGGERED["time"]}, "it changes within a unit"),
        ({"group": STAGGERED["group"].gt(0).astype(int)}, "no group is seen before its treatment starts"),
        ({"group": 2}, "'group' is 2 in every row"),
        ({"group": STAGGERED["group"].replace(0, 2)}, "0 units without treatment are seen"),
    ],
)
def test_wrong_panels_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        GroupTimeEffects(OLS, LOGIT).fit(STAGGERED.assign(**changes), **ROLES)


def test_sums_need_group_time_effects():
    found = DifferenceInDifferences(OLS, LOGIT).fit(PANEL, y="y", before="before", d="d", x=NAMES)
    with pytest.raises(ValueError, match="no group-time effects"):
        event_study(found)


@pytest.mark.slow
def test_intervals_cover_in_the_home_design():
    result = monte_carlo(DifferenceInDifferencesDesign(), DifferenceInDifferences(OLS, LOGIT), 1000)
    assert 0.93 <= result.coverage <= 0.97  # 0.95 ± three Monte Carlo errors of 0.0069
