"""Meta-learners: identities with least squares, EconML with the same folds and nuisances, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from ceteris.causal.crossfit import make_folds
from ceteris.causal.heterogeneity import DRLearner, RLearner, SLearner, TLearner, XLearner
from ceteris.causal.heterogeneity.learned import Learned
from ceteris.causal.heterogeneity.x_learner import _weighted
from ceteris.data import simulate_nie_wager

X = [f"x{j}" for j in range(6)]
OLS, LOGIT = LinearRegression(), LogisticRegression(C=1e6)


@pytest.fixture(scope="module")
def data():
    return simulate_nie_wager("D", 600, seed=5)


def fit(learner, data, **kwargs):
    return learner.fit(data, y="y", d="d", x=X, **kwargs)


def coefficients(design, y):
    return np.linalg.lstsq(design, y, rcond=None)[0]


def test_t_learner_with_least_squares_is_the_difference_of_two_regressions(data):
    at = np.column_stack([np.ones(len(data)), data[X]])
    by_arm = [coefficients(at[data["d"] == w], data["y"][data["d"] == w]) for w in (0, 1)]
    found = fit(TLearner(OLS, LOGIT), data).effect(data).point
    np.testing.assert_allclose(found, at @ (by_arm[1] - by_arm[0]), atol=1e-11)  # rounding of two solvers


def test_x_learner_with_least_squares_is_the_t_learner(data):
    by_t = fit(TLearner(OLS, LOGIT), data).effect(data).point
    by_x = fit(XLearner(OLS, LOGIT, OLS), data).effect(data).point
    np.testing.assert_allclose(by_x, by_t, atol=1e-11)


def test_s_learner_with_least_squares_is_the_coefficient_of_the_treatment(data):
    design = np.column_stack([np.ones(len(data)), data["d"], data[X]])
    found = fit(SLearner(OLS, LOGIT), data).effect(data).point
    np.testing.assert_allclose(found, coefficients(design, data["y"])[1], atol=1e-11)


def test_s_learner_out_of_fold_sees_neither_copy_of_its_row(data):
    fold = make_folds(len(data), 3, stratify=data["d"].to_numpy())[0]
    found = fit(SLearner(OLS, LOGIT, folds=fold), data).effect().point
    design = np.column_stack([np.ones(len(data)), data["d"], data[X]])
    for k in range(3):
        beta = coefficients(design[fold != k], data["y"][fold != k])
        np.testing.assert_allclose(found[fold == k], beta[1], atol=1e-10)


def test_x_learner_gives_each_arm_the_other_arms_weight():
    """Few treated, e near 0: the effect learnt from the treated, by way of the many controls, is to be trusted."""
    constant = lambda value: Learned(np.full(3, value), lambda at: np.full(len(at), value))
    found = _weighted(constant(0.0), constant(1.0), constant(0.05), 0.01)
    np.testing.assert_allclose(found.out_of_fold, 0.95)
    np.testing.assert_allclose(found.predict(np.zeros((2, 1))), 0.95)


@pytest.mark.parametrize("first", ["r", "dr"])
def test_final_stage_equals_econml_on_the_same_folds_and_nuisances(data, first):
    """1e-6 leaves room for the tolerance of EconML's logistic regression; a wrong weight would show at 1e-1."""
    pytest.importorskip("econml")
    from econml.dml import NonParamDML
    from econml.dr import DRLearner as Theirs

    y, d, x = data["y"].to_numpy(), data["d"].to_numpy(), data[X].to_numpy()
    fold = make_folds(len(y), 4, stratify=d)[0]
    cv = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    tree = DecisionTreeRegressor(max_depth=3, random_state=0)
    logit = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000)
    e, m, mu0, mu1 = np.empty((4, len(y)))
    for train, test in cv:
        e[test] = logit.fit(x[train], d[train]).predict_proba(x[test])[:, 1]
        m[test] = OLS.fit(x[train], y[train]).predict(x[test])
        both = OLS.fit(np.column_stack([x, d])[train], y[train])
        mu0[test], mu1[test] = (both.predict(np.column_stack([x[test], np.full(len(test), w)])) for w in (0, 1))
    if first == "r":
        theirs = NonParamDML(model_y=OLS, model_t=logit, model_final=tree, discrete_treatment=True, cv=cv)
        theirs.fit(y, d, X=x)
        ours = RLearner(OLS, LOGIT, tree, folds=fold).fit(y=y, d=d, x=x, nuisances={"m": m, "e": e})
    else:
        theirs = Theirs(model_propensity=logit, model_regression=OLS, model_final=tree, min_propensity=0.01, cv=cv).fit(
            y, d, X=x
        )
        given = {"mu0": mu0, "mu1": mu1, "e": e}
        ours = DRLearner(OLS, LOGIT, tree, folds=fold).fit(y=y, d=d, x=x, nuisances=given)
    np.testing.assert_allclose(ours.effect(x).point, theirs.effect(x), atol=1e-6)


def test_dr_scores_are_those_of_augmented_weighting(data):
    model = fit(DRLearner(OLS, LOGIT, OLS), data)
    y, d = data["y"].to_numpy(), data["d"].to_numpy()
    mu0, mu1, e = model.nuisances.mu0, model.nuisances.mu1, model.nuisances.e
    direct = mu1 - mu0 + d * (y - mu1) / e - (1 - d) * (y - mu0) / (1 - e)
    np.testing.assert_allclose(model.scores, direct, atol=1e-10)
    average = model.average()
    assert average.point[0] == pytest.approx(direct.mean(), abs=1e-12)
    assert average.se[0] == pytest.approx(direct.std() / np.sqrt(len(y)), rel=1e-9)
    inside = (data["x0"] > 0).to_numpy()
    some = model.average(inside)
    assert some.point[0] == pytest.approx(direct[inside].mean(), abs=1e-12)
    assert some.se[0] == pytest.approx(direct[inside].std() / np.sqrt(inside.sum()), rel=1e-9)


def test_averages_equal_those_of_the_interactive_estimator(data):
    from ceteris.causal import Interactive

    fold = make_folds(len(data), 5, stratify=data["d"].to_numpy())[0]
    model = fit(TLearner(OLS, LOGIT, folds=fold), data)
    for estimand in ("ATE", "ATT", "ATU"):
        plain = Interactive(OLS, LOGIT, estimand=estimand, folds=fold, small_sample=False)
        known = plain.fit(data, y="y", d="d", x=X)
        found = model.average(estimand=estimand)
        assert found.point[0] == pytest.approx(known.point[0], abs=1e-9)
        assert found.se[0] == pytest.approx(known.se[0], rel=1e-6)


def test_overlap_weighted_average_is_partialling_out(data):
    """Weighted by (D - e)², whose mean is e(1 - e), the average is Robinson's estimator whatever τ̂ is."""
    model = fit(RLearner(OLS, LOGIT, OLS), data)
    v, u = data["d"] - model.nuisances.e, data["y"] - model.nuisances.m
    assert model.average(estimand="ATO").point[0] == pytest.approx((v @ u) / (v @ v), abs=1e-10)


def test_averages_carry_what_was_found_about_overlap(data):
    with pytest.warns(UserWarning, match="outside"):
        model = fit(TLearner(OLS, LOGIT), data.assign(d=(data["x0"] + data["d"] > 0.5).astype(float)))
    assert model.average().checks[:-1] == model.checks  # the last is whether a single row decides
    assert model.checks[0].passed is False  # nobody with a large x0 is untreated


def test_bootstrap_errors_are_those_of_least_squares(data):
    """The difference of two regressions has a known standard error; 100 draws know it to about 7 %."""
    model = fit(TLearner(OLS, LOGIT, bootstrap=100), data)
    effects = model.effect(data[X])
    at = np.column_stack([np.ones(len(data)), data[X]])
    variance = np.zeros(len(data))
    for w in (0, 1):
        rows = (data["d"] == w).to_numpy()
        beta = coefficients(at[rows], data["y"][rows])
        bread = np.linalg.inv(at[rows].T @ at[rows])
        root = at[rows] * (data["y"][rows] - at[rows] @ beta).to_numpy()[:, None]
        variance += np.einsum("ij,jk,ik->i", at, bread @ root.T @ root @ bread, at)
    assert np.median(effects.se / np.sqrt(variance)) == pytest.approx(1, abs=0.1)
    assert "no interval for τ(x)" in " ".join(effects.about.interval.split())


def test_bootstrap_keeps_clusters_whole(data):
    from ceteris.causal.heterogeneity.model import resample
    from ceteris.causal.rows import read_rows

    town = np.repeat(np.arange(60), 10)
    rows = read_rows(data, y="y", d="d", x=X, cluster=town)
    counts = np.bincount(resample(rows, np.zeros(600, int), np.random.default_rng(0)), minlength=600).reshape(60, 10)
    assert (counts == counts[:, :1]).all()
    assert counts.max() > 1


def test_bootstrap_keeps_the_numbers_of_arms_and_folds(data):
    from ceteris.causal.heterogeneity.model import resample
    from ceteris.causal.rows import read_rows

    rows = read_rows(data, y="y", d="d", x=X)
    fold = make_folds(600, 5, stratify=rows.d)[0]
    drawn = resample(rows, fold, np.random.default_rng(0))
    cells = 2 * fold + rows.d.astype(int)
    np.testing.assert_array_equal(np.bincount(cells[drawn]), np.bincount(cells))
    assert 0.55 < len(np.unique(drawn)) / 600 < 0.7  # 1 - 1/e of the rows are drawn


def test_classifiers_learn_binary_outcomes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    d = rng.integers(0, 2, 4000)
    p = lambda w: 1 / (1 + np.exp(-(x[:, 0] + w)))
    y = (rng.random(4000) < np.where(d == 1, p(1), p(0))).astype(float)
    effect = TLearner(LOGIT, LOGIT).fit(y=y, d=d, x=x).effect().point
    assert np.sqrt(np.mean((effect - (p(1) - p(0))) ** 2)) < 0.04  # standard error of a share of 2000: 0.011 per term


def test_labels_of_new_rows_are_read_as_those_of_the_old(data):
    labelled = data.assign(town=np.where(data["x5"] > 0, "b", "a"))
    model = TLearner(OLS, LOGIT).fit(labelled, y="y", d="d", x=["x0", "town"])
    new = pd.DataFrame({"town": ["a", "b"], "x0": [0.3, 0.3]})
    found = model.effect(new).point
    np.testing.assert_allclose(found, model.tau.predict(np.array([[0.3, 0.0], [0.3, 1.0]])))
    with pytest.raises(ValueError, match="column 'town' holds 'zzz', but must hold what it held"):
        model.effect(new.assign(town=["a", "zzz"]))


def test_any_learner_of_scikit_learn_serves(data):
    forest = RandomForestRegressor(20, min_samples_leaf=20, random_state=0)
    for learner in (TLearner(forest, LOGIT), XLearner(forest, LOGIT), RLearner(forest, LOGIT, forest)):
        effect = fit(learner, data).effect().point
        assert np.corrcoef(effect, data["tau"])[0, 1] > 0.4


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda data: fit(TLearner(OLS, OLS), data), "predicts no probabilities"),
        (
            lambda data: fit(TLearner(OLS, LOGIT, clip=0.6), data),
            "clip is 0.6, but must be a number above 0 and below 0.5",
        ),
        (lambda data: fit(TLearner(LinearRegression, LOGIT), data), "outcome is the class LinearRegression, but"),
        (lambda data: fit(RLearner(OLS, LOGIT, "ols"), data), "final is 'ols', but must be an estimator in the "),
        (
            lambda data: fit(RLearner(OLS, LOGIT, KNeighborsRegressor()), data),
            "final is KNeighbors.*must take sample_weight",
        ),
        (
            lambda data: fit(TLearner(OLS, LOGIT, bootstrap=3), data),
            "bootstrap is 3, but must be a whole number",
        ),
        (
            lambda data: fit(TLearner(OLS, LOGIT, bootstrap=20), data, cluster=[np.arange(600) // 9, data.index // 7]),
            "cluster names two sets, but must name one, since bootstrap draws whole clusters of one",
        ),
        (lambda data: fit(TLearner(OLS, LOGIT), data.assign(d=1)), "is 1 in every row"),
        (lambda data: fit(TLearner(OLS, LOGIT), data.assign(d=data["d"] + 1)), "but must hold 0 and 1 only here"),
        (lambda data: fit(TLearner(OLS, LOGIT), data.assign(x0=np.nan)), "there are missing or infinite values"),
        (lambda data: TLearner(OLS, LOGIT).fit(data, y="y", d="d", x=[]), "x is empty, but effects differ by covari"),
        (
            lambda data: fit(RLearner(OLS, LOGIT, OLS), data, nuisances={"g": data["y"]}),
            "nuisances is 'g', but must be one of m, e",
        ),
        (
            lambda data: fit(RLearner(OLS, LOGIT, OLS), data, nuisances={"m": [1.0]}),
            r"nuisances\['m'\] has shape \(1,\)",
        ),
        (
            lambda data: fit(RLearner(OLS, LOGIT, OLS), data, nuisances={"e": data["d"]}),
            r"nuisances\['e'\] runs from 0 to 1, but must be a number above 0 and below 1 everywhere",
        ),
        (lambda data: fit(TLearner(OLS, LOGIT), data).effect(data[["x0"]]), "missing from the rows"),
        (lambda data: fit(TLearner(OLS, LOGIT), data).effect([[1.0]]), r"x has shape \(1, 1\), but must have 6 colu"),
        (lambda data: fit(TLearner(OLS, LOGIT), data).effect(np.full((1, 6), np.nan)), r"x holds 6 missing \(NaN\)"),
        (
            lambda data: fit(TLearner(OLS, LOGIT), data).effect(level=2),
            "level is 2, but must be a number above 0 and below 1",
        ),
        (lambda data: fit(TLearner(OLS, LOGIT), data).effect().conf_int(), "no standard errors"),
        (
            lambda data: fit(TLearner(OLS, LOGIT), data).average(estimand="LATE"),
            "estimand is 'LATE', but must be one of ATE, ATT, ATU, ATO",
        ),
        (lambda data: fit(TLearner(OLS, LOGIT), data).average([1, 2]), "a boolean array"),
        (lambda data: fit(TLearner(OLS, LOGIT), data).average(np.zeros(600, bool)), "no row is in it"),
        (lambda data: fit(TLearner(OLS, LOGIT), data).average((data["d"] == 0).to_numpy(), "ATT"), "holds no row that"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(data, run, said):
    with pytest.raises((ValueError, TypeError), match=said):
        run(data)


def test_nuisances_of_one_model_serve_another(data):
    """Those that the other can use are taken; what it learns from them is what it learns from them as a mapping."""
    first = fit(DRLearner(OLS, LOGIT, OLS), data)
    one = fit(RLearner(OLS, LOGIT, OLS), data, nuisances=first.nuisances)
    two = fit(RLearner(OLS, LOGIT, OLS), data, nuisances={"m": first.nuisances.m, "e": first.nuisances.e})
    np.testing.assert_array_equal(one.effect().point, two.effect().point)
    np.testing.assert_array_equal(one.nuisances.m, first.nuisances.m)
