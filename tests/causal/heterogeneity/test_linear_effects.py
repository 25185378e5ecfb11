"""Linear and series effects: EconML and statsmodels on the same nuisances, coverage of intervals and bands."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal.crossfit import make_folds
from ceteris.causal.heterogeneity import DRLearner, LinearEffects, SeriesEffects
from ceteris.data import simulate_nie_wager

X = [f"x{j}" for j in range(6)]
OLS, LOGIT = LinearRegression(), LogisticRegression(C=1e6)


@pytest.fixture(scope="module")
def sample():
    data = simulate_nie_wager("D", 500, seed=8)
    y, d, x = data["y"].to_numpy(), data["d"].to_numpy(), data[X].to_numpy()
    fold = make_folds(len(y), 4, stratify=d)[0]
    cv = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    logit = LogisticRegression(tol=1e-12, max_iter=10_000)
    e, m, mu0, mu1 = np.empty((4, len(y)))
    for train, test in cv:
        e[test] = logit.fit(x[train], d[train]).predict_proba(x[test])[:, 1]
        m[test] = OLS.fit(x[train], y[train]).predict(x[test])
        both = OLS.fit(np.column_stack([x, d])[train], y[train])
        mu0[test], mu1[test] = (both.predict(np.column_stack([x[test], np.full(len(test), w)])) for w in (0, 1))
    return {"y": y, "d": d, "x": x, "fold": fold, "cv": cv, "logit": logit, "e": e, "m": m, "mu0": mu0, "mu1": mu1}


def test_partialling_out_equals_linear_dml_of_econml(sample):
    """To 1e-6: the tolerance of the logistic regression; standard errors are HC1 on both sides."""
    pytest.importorskip("econml")
    from econml.dml import LinearDML

    s = sample
    theirs = LinearDML(model_y=OLS, model_t=s["logit"], discrete_treatment=True, cv=s["cv"])
    theirs.fit(s["y"], s["d"], X=s["x"])
    given = {"m": s["m"], "e": s["e"]}
    ours = LinearEffects(folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances=given)
    np.testing.assert_allclose(ours.coefficients.point[0], theirs.intercept_, atol=1e-6)
    np.testing.assert_allclose(ours.coefficients.point[1:], np.ravel(theirs.coef_), atol=1e-6)
    effects, inference = ours.effect(s["x"]), theirs.effect_inference(s["x"])
    np.testing.assert_allclose(effects.point, inference.point_estimate, atol=1e-6)
    np.testing.assert_allclose(effects.se, inference.stderr, rtol=1e-5)
    np.testing.assert_allclose(effects.conf_int(0.9), np.stack(inference.conf_int(alpha=0.1), axis=1), atol=1e-5)


def test_regression_of_scores_equals_linear_dr_learner_of_econml(sample):
    pytest.importorskip("econml")
    from econml.dr import LinearDRLearner

    s = sample
    theirs = LinearDRLearner(model_propensity=s["logit"], model_regression=OLS, min_propensity=0.01, cv=s["cv"])
    theirs.fit(s["y"], s["d"], X=s["x"])
    given = {name: s[name] for name in ("mu0", "mu1", "e")}
    ours = LinearEffects(score="DR", folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances=given)
    np.testing.assert_allclose(ours.coefficients.point[1:], np.ravel(theirs.coef_(T=1)), atol=1e-6)
    inference = theirs.effect_inference(s["x"])
    np.testing.assert_allclose(ours.effect(s["x"]).se, inference.stderr, rtol=1e-5)


def test_without_econml_the_regression_is_that_of_statsmodels(sample):
    import statsmodels.api as sm

    s = sample
    v = s["d"] - s["e"]
    known = sm.OLS(s["y"] - s["m"], v[:, None] * sm.add_constant(s["x"])).fit(cov_type="HC1")
    given = {"m": s["m"], "e": s["e"]}
    ours = LinearEffects(folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances=given).coefficients
    np.testing.assert_allclose(ours.point, known.params, atol=1e-9)
    np.testing.assert_allclose(ours.se, known.bse, rtol=1e-9)


def test_a_label_that_is_new_is_refused_along_some_covariates():
    data = simulate_nie_wager("B", 200).assign(town=lambda table: np.where(table["x5"] > 0, "b", "a"))
    model = LinearEffects(OLS, LOGIT, along=["town=b"]).fit(data, y="y", d="d", x=["x0", "town"])
    assert model.effect(data[["town"]][:3]).point.shape == (3,)
    with pytest.raises(ValueError, match="column 'town' holds 'c', but must hold what it held"):
        model.effect(data[["town"]].assign(town="c"))


def test_averages_carry_the_checks(sample):
    s = sample
    model = LinearEffects(folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances={"m": s["m"], "e": s["e"]})
    assert model.average().checks[:-1] == model.checks != ()  # the last is whether a single row decides


def test_clusters_reach_the_standard_errors(sample):
    import statsmodels.api as sm

    s = sample
    town = np.repeat(np.arange(50), 10)
    fold = make_folds(500, 4, cluster=[town], stratify=s["d"])[0]
    given = {"m": s["m"], "e": s["e"]}
    fitted = LinearEffects(folds=fold).fit(y=s["y"], d=s["d"], x=s["x"], cluster=town, nuisances=given)
    design = (s["d"] - s["e"])[:, None] * sm.add_constant(s["x"])
    known = sm.OLS(s["y"] - s["m"], design).fit(cov_type="cluster", cov_kwds={"groups": town})
    np.testing.assert_allclose(fitted.coefficients.se, known.bse, rtol=1e-9)


def test_intervals_and_bands_cover():
    """Known nuisances, an effect within the basis: 95 % pointwise and for the curve as a whole.

    With 200 replications the standard error of a coverage of 95 % is 1.5 points; three of them on each side.
    """
    grid = np.linspace(-1.5, 1.5, 7)
    pointwise, whole = [], []
    for r in range(200):
        rng = np.random.default_rng(r)
        x = rng.normal(size=(400, 1))
        d = (rng.random(400) < 0.5).astype(float)
        tau = 1 + x[:, 0]
        y = x[:, 0] + d * tau + rng.normal(size=400)
        given = {"mu0": x[:, 0], "mu1": x[:, 0] + tau, "e": np.full(400, 0.5)}
        series = SeriesEffects(["x0"], outcome=OLS, treatment=LOGIT, folds=2)
        band = series.fit(y=y, d=d, x=x, nuisances=given).band(grid, draws=500)
        truth = 1 + grid
        pointwise.append((band["low"] < truth) & (truth < band["high"]))
        whole.append(((band["band low"] < truth) & (truth < band["band high"])).all())
    assert np.mean(pointwise) == pytest.approx(0.95, abs=0.045)
    assert np.mean(whole) == pytest.approx(0.95, abs=0.045)
    assert np.mean(np.all(pointwise, axis=1)) < 0.9  # pointwise intervals do not hold the whole curve


def test_surface_over_two_covariates_finds_their_product():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(6000, 3))
    d = (rng.random(6000) < 0.5).astype(float)
    y = d * x[:, 0] * x[:, 1] + x[:, 2] + rng.normal(size=6000)
    model = SeriesEffects(["x0", "x1"], knots=3, outcome=OLS, treatment=LOGIT).fit(y=y, d=d, x=x)
    at = np.array([[0.7, 0.7], [0.7, -0.7], [0.0, 0.0]])
    band = model.band(at)
    truth = at[:, 0] * at[:, 1]
    assert ((band["band low"] < truth) & (truth < band["band high"])).all()
    assert band["std err"].max() < 0.15
    np.testing.assert_allclose(model.effect(x[:5]).point, model.at(x[:5, :2]).point)  # a matrix has all covariates


def test_scores_do_not_depend_on_the_final_stage(sample):
    s = sample
    given = {name: s[name] for name in ("mu0", "mu1", "e")}
    series = SeriesEffects(["x0"], folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances=given)
    learner = DRLearner(OLS, LOGIT, OLS, folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances=given)
    np.testing.assert_allclose(series.scores, learner.scores, atol=1e-12)
    assert series.average().point[0] == pytest.approx(learner.average().point[0])


def test_figure_carries_its_numbers(sample):
    s = sample
    given = {name: s[name] for name in ("mu0", "mu1", "e")}
    fitted = SeriesEffects(["x0"], folds=s["fold"]).fit(y=s["y"], d=s["d"], x=s["x"], nuisances=given)
    figure = fitted.figure(points=5)
    assert len(figure.data) == 5
    assert (figure.data["band low"] < figure.data["low"]).all()


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda roles: LinearEffects(OLS, LOGIT, score="Q").fit(**roles), "score is 'Q'"),
        (lambda roles: LinearEffects(OLS, LOGIT, along=["age"]).fit(**roles), "along is 'age'"),
        (lambda roles: LinearEffects(OLS, LOGIT, along="x0").fit(**roles), "give \\['x0'\\]"),
        (lambda roles: SeriesEffects(["x0", "x1", "x2"], outcome=OLS, treatment=LOGIT).fit(**roles), "one or two"),
        (lambda roles: SeriesEffects("x0", outcome=OLS, treatment=LOGIT).fit(**roles), "one or two"),
        (
            lambda roles: SeriesEffects(["x0"], knots=1, outcome=OLS, treatment=LOGIT).fit(**roles),
            "knots is 1, but must be a whole number of at least 2",
        ),
        (lambda roles: SeriesEffects(["x6"], outcome=OLS, treatment=LOGIT).fit(**roles), "in every row"),
        (lambda roles: LinearEffects(OLS, LOGIT).fit(**roles), "along makes 8 terms of 500 rows: 'x6' is the sa"),
        (lambda roles: LinearEffects(OLS, LOGIT, along=["x0", "x1"]).fit(**roles).figure(), "call band"),
    ],
)
@pytest.mark.filterwarnings("ignore:x. 'x6' is the same in every row")
def test_bad_input_is_answered_in_a_sentence(sample, run, said):
    constant = np.column_stack([sample["x"], np.ones(500)])
    with pytest.raises(ValueError, match=said):
        run({"y": sample["y"], "d": sample["d"], "x": constant})
