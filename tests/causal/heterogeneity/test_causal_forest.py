"""The causal forest against EconML, closed forms and known effects."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal.heterogeneity.causal_forest import CausalForest
from ceteris.causal.heterogeneity.forest.calibration import fit_calibration
from ceteris.causal.heterogeneity.forest.forest import grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.local_linear import local_linear
from ceteris.causal.heterogeneity.forest.targets import effect_target
from ceteris.data.heterogeneity import NieWagerDesign
from ceteris.stats.least_squares import ols

NAMES = [f"x{j}" for j in range(4)]


def trial(n=800, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    d = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x[:, 1]))).astype(float)
    tau = 1 + x[:, 0]
    y = tau * d + x[:, 1] + rng.normal(size=n)
    return pd.DataFrame(x, columns=NAMES).assign(y=y, d=d, tau=tau)


@pytest.fixture(scope="module")
def fitted():
    return CausalForest(TreeSettings(trees=400, seed=2)).fit(trial(), y="y", d="d", x=NAMES)


def econml_forest(seed):
    from econml.grf import CausalForest as Peer

    return Peer(200, criterion="het", min_samples_leaf=5, max_samples=0.5, min_balancedness_tol=0.45, random_state=seed)


def test_as_accurate_as_econml_on_the_same_residuals():
    # EconML asks for five rows in a leaf, we for so many of either arm: with two, leaves are about as many (20 and 17).
    growth, gaps = TreeSettings(trees=200, least=2), []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        sample, new = (NieWagerDesign("B").draw(rng, 500) for _ in range(2))
        y, d = sample["y"][0] - sample["mean"][0], sample["d"][0] - sample["e"][0]
        ours = grow_forest(sample["x"][0], effect_target(y, d), replace(growth, seed=seed)).predict(new["x"][0])
        peer = econml_forest(seed).fit(sample["x"][0], d, y).predict(new["x"][0])
        errors = [np.sqrt(np.mean((tau.ravel() - new["tau"][0]) ** 2)) for tau in (ours.point, peer)]
        gaps.append(errors[0] - errors[1])
    # It is nearly the same estimator: neither worse nor better, by three standard errors of some 0.012, of 0.52.
    assert abs(np.mean(gaps)) <= 3 * np.std(gaps, ddof=1) / np.sqrt(6)


def test_effects_and_average_are_near_the_truth(fitted):
    tau = trial()["tau"].to_numpy()
    found = fitted.effect()
    assert np.corrcoef(found.point, tau)[0, 1] > 0.9
    low, high = fitted.average().conf_int(0.999)[0]
    assert low < tau.mean() < high
    low, high = found.conf_int().T
    # Coverage on the rows of one sample: a linear effect is what the estimate of the bias sees.
    assert np.mean((low < tau) & (tau < high)) > 0.9


def test_new_rows_by_name_or_by_place(fitted):
    data = trial(20, seed=9)
    by_name = fitted.effect(data[NAMES[::-1]])
    assert np.array_equal(by_name.point, fitted.effect(data[NAMES].to_numpy()).point)
    with pytest.raises(ValueError, match="x: column 'x0' is missing"):
        fitted.effect(data[NAMES[1:]])
    with pytest.raises(ValueError, match=r"x has shape \(20, 3\), but must have 4 columns, in the order x0, x1, x2"):
        fitted.effect(data[NAMES[1:]].to_numpy())
    with pytest.raises(ValueError, match="level is 95, but must be a number above 0 and below 1"):
        fitted.effect(data[NAMES], level=95)
    with pytest.raises(ValueError, match=r"x holds infinite values, but must hold finite or missing ones \(NaN\)"):
        fitted.effect(np.full((1, 4), np.inf))
    with pytest.raises(ValueError, match=r"x holds infinite values, but must hold finite or missing ones \(NaN\)"):
        fitted.effect(data[NAMES].assign(x1=np.inf))


def test_average_is_the_mean_of_the_scores_with_its_standard_error(fitted):
    scores, average = fitted.scores, fitted.average()
    assert average.point[0] == pytest.approx(scores.mean(), rel=1e-12)
    n = len(scores)
    assert average.se[0] == pytest.approx(np.sqrt(np.sum((scores - scores.mean()) ** 2)) / n, rel=1e-12)
    inside = trial()["x0"].to_numpy() > 0
    assert fitted.average(inside).point[0] == pytest.approx(scores[inside].mean(), rel=1e-12)


def test_projection_is_the_regression_of_the_scores(fitted):
    import statsmodels.api as sm

    data = trial()
    design = sm.add_constant(data[["x0", "x2"]])
    peer = sm.OLS(fitted.scores, design).fit(cov_type="HC3")
    for on in (["x0", "x2"], data[["x0", "x2"]]):
        found = fitted.best_linear_projection(on)
        assert found.point == pytest.approx(peer.params.to_numpy(), rel=1e-9)
        assert found.se == pytest.approx(peer.bse.to_numpy(), rel=1e-9)
    assert abs(found.point[1] - 1) < 3 * found.se[1]
    assert fitted.best_linear_projection().names == ("constant", *NAMES)
    assert np.array_equal(fitted.best_linear_projection("x0").point, fitted.best_linear_projection(["x0"]).point)
    with pytest.raises(ValueError, match="on is 'age', but must be one of x0"):
        fitted.best_linear_projection(["age"])
    with pytest.raises(ValueError, match=r"on has shape \(2, 1\), but must have \(800, k\)"):
        fitted.best_linear_projection(np.ones((2, 1)))
    with pytest.raises(ValueError, match=r"on holds 800 missing \(NaN\)"):
        fitted.best_linear_projection(np.full((800, 1), np.nan))


def test_calibration_finds_heterogeneity_and_its_absence(fitted):
    assert fitted.calibration().checks[0].passed
    rng = np.random.default_rng(3)
    x, d = rng.normal(size=(500, 3)), rng.integers(2, size=500)
    flat = CausalForest(TreeSettings(trees=200)).fit(y=d + rng.normal(size=500), d=d, x=x)
    assert flat.calibration().checks[0].passed is False


def test_weights_reproduce_the_plain_effects(fitted):
    at = trial(10, seed=5)[NAMES].to_numpy()
    alpha, kept, rows = fitted.weights(at), fitted.nuisances, fitted.rows
    y, d = rows.y - kept.m, rows.d - kept.e
    centred = d - (alpha @ d)[:, None]
    tau = (alpha * centred) @ y / ((alpha * centred) * d).sum(1)
    assert fitted.effect(at).point == pytest.approx(fitted.answers.calibration.of(tau), abs=1e-10)


def test_importance_is_sorted_and_names_the_modifier(fitted):
    importance = fitted.importance()
    assert importance.index[0] == "x0"
    assert importance.sum() == pytest.approx(1)


def test_local_linear_effects_follow_a_slope_and_equal_a_loop(fitted):
    tau = trial()["tau"].to_numpy()
    plain = np.sqrt(np.mean((fitted.raw - tau) ** 2))
    assert np.sqrt(np.mean((fitted.local_linear().point - tau) ** 2)) < plain
    kept, rows, at = fitted.nuisances, fitted.rows, np.array([[0.5, -0.2, 0.0, 1.0]])
    y, d = rows.y - kept.m, rows.d - kept.e
    alpha, scale = fitted.weights(at)[0], rows.x.std(0)
    near = (rows.x - at) / scale
    Z = np.column_stack([d, d[:, None] * near, np.ones(len(y)), near])
    # The penalty is relative to moments around the mean, which the loop has to use too.
    u = (rows.x - rows.x.mean(0)) / scale
    size = np.mean([alpha @ (v * v) for v in [*(d[:, None] * u).T, *u.T]])
    ridge = 0.1 * size * np.diag([0.0] + [1.0] * 4 + [0.0] + [1.0] * 4)
    beta = np.linalg.solve(Z.T @ (alpha[:, None] * Z) + ridge, Z.T @ (alpha * y))
    assert fitted.local_linear(at).point[0] == pytest.approx(beta[0], rel=1e-8)
    with pytest.raises(ValueError, match="penalty is 0, but must be a number above 0"):
        fitted.local_linear(penalty=0)
    with pytest.raises(ValueError, match=r"x holds 4 missing \(NaN\)"):
        fitted.local_linear(np.full((1, 4), np.nan))


def test_local_linear_means_need_no_treatment():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(400, 2))
    forest = grow_forest(x, effect_target(x[:, 0], rng.normal(size=400)), TreeSettings(trees=20))
    found = local_linear(forest, x, 3 + 2 * x[:, 0], None, np.array([[0.2, 0.0]]), penalty=1e-8)
    assert found[0] == pytest.approx(3.4, abs=1e-4)  # exact but for the penalty


def test_calibration_undoes_flattening_and_leaves_calibrated_effects_alone():
    rng = np.random.default_rng(0)
    tau, d = rng.normal(size=5000), rng.normal(size=5000)
    y = tau * d + rng.normal(size=5000)
    flat = fit_calibration(tau / 2, y, d)
    assert flat.factor == pytest.approx(2, abs=4 * flat.se)
    assert fit_calibration(2 * tau, y, d).factor == 1  # not shrunk
    assert fit_calibration(np.ones(5000), y, d).factor == 1
    assert fit_calibration(tau / 2, y, d).of(tau / 2) == pytest.approx(tau, abs=0.2)
    fit = ols(np.column_stack([d, d * (tau / 2 - np.mean(tau / 2))]), y)
    assert 1 < flat.factor <= fit.beta[1]


def test_calibration_is_as_unsure_as_the_clusters_are_few():
    rng = np.random.default_rng(0)
    tau, d = rng.normal(size=(2, 500))
    y = tau * d + rng.normal(size=500)
    once, again = fit_calibration(tau / 2, y, d), [np.tile(a, 4) for a in (tau / 2, y, d)]
    who = np.tile(np.arange(500), 4)
    # Copies tell nothing new; HC3 and CR1 differ by a leverage of 2 / 500 and more in the tails.
    assert fit_calibration(*again, [who]).se == pytest.approx(once.se, rel=0.05)
    assert fit_calibration(*again).se == pytest.approx(once.se / 2, rel=0.05)


def test_a_forest_hands_its_clusters_to_the_calibration():
    data = trial(400)
    copies = pd.concat([data] * 4, ignore_index=True).assign(who=np.tile(np.arange(400), 4))
    known = {"m": copies["tau"] / 2 + copies["x1"], "e": np.full(1600, 0.5)}
    growth = TreeSettings(trees=100, least=40)  # large leaves, so that there is something to calibrate
    fitted = CausalForest(growth).fit(copies, y="y", d="d", x=NAMES, cluster="who", nuisances=known)
    y, d = copies["y"].to_numpy() - fitted.nuisances.m, copies["d"].to_numpy() - fitted.nuisances.e
    assert fitted.answers.calibration == fit_calibration(fitted.raw, y, d, fitted.rows.clusters)
    assert fitted.answers.calibration.se > 1.8 * fit_calibration(fitted.raw, y, d).se > 0  # two for four copies


def test_sampling_intervals_are_shorter_and_say_what_they_cover():
    data = trial(400)
    settings = {"growth": TreeSettings(trees=100), "calibrated": False}
    wide, short = (
        CausalForest(interval=i, **settings).fit(data, y="y", d="d", x=NAMES) for i in ("bias-aware", "sampling")
    )
    one, other = wide.effect(), short.effect()
    assert np.all(one.se >= other.se)
    assert np.array_equal(one.point, other.point)
    assert "not τ(x)" in other.about.interval
    assert "bias" in one.about.interval
    # The bias is what the forest makes of the linear effect: by the weights.
    d = wide.rows.d - wide.nuisances.e
    alpha, linear = wide.weights(), wide.answers.linear(wide.rows.x)[:, 0]
    centred = alpha * (d - (alpha @ d)[:, None])
    gap = centred @ (d * linear) / (centred @ d) - linear
    assert one.se**2 - other.se**2 == pytest.approx(gap**2, abs=1e-8)


def test_continuous_treatment():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(800, 3))
    d = x[:, 1] + rng.normal(size=800)
    y = (1 + x[:, 0]) * d + rng.normal(size=800)
    fitted = CausalForest(TreeSettings(trees=200)).fit(y=y, d=d, x=x)
    for estimand in ("ATE", "ATO"):
        found = fitted.average(estimand=estimand)
        assert abs(found.point[0] - 1) < 4 * found.se[0]
    # Weighted by the variance of the treatment, which is not known: residual on residual, with HC0.
    u, v = y - fitted.nuisances.m, d - fitted.nuisances.e
    theta = v @ u / (v @ v)
    assert found.point[0] == pytest.approx(theta, rel=1e-10)
    assert found.se[0] == pytest.approx(np.sqrt(np.sum(v**2 * (u - theta * v) ** 2)) / (v @ v), rel=1e-10)
    assert "variance of the treatment" in found.about.estimand
    assert np.corrcoef(fitted.effect().point, x[:, 0])[0, 1] > 0.8
    assert fitted.average().checks[:-1] == fitted.checks  # the last is whether a single row decides
    with pytest.raises(ValueError, match="d names 2 treatments, but must name one"):
        CausalForest().fit(y=y, d=np.column_stack([d, x[:, 2]]), x=x)
    with pytest.raises(ValueError, match=r"estimand is 'ATT', but must be 'ATE' \(average slope\) or 'ATO' \(weight"):
        fitted.average(estimand="ATT")


def test_learners_and_given_nuisances():
    data = trial(400)
    growth = TreeSettings(trees=50)
    by_learner = CausalForest(growth, LinearRegression(), LogisticRegression()).fit(data, y="y", d="d", x=NAMES)
    assert {check.name for check in by_learner.checks} >= {"fit of the nuisance m", "fit of the nuisance e"}
    given = {"m": by_learner.nuisances.m, "e": by_learner.nuisances.e}
    again = CausalForest(growth).fit(data, y="y", d="d", x=NAMES, nuisances=given)
    assert np.array_equal(again.effect().point, by_learner.effect().point)
    for wrong, message in (
        ({"mu0": given["m"]}, "nuisances is 'mu0', but must be one of m, e"),
        ({"m": given["m"][:5]}, r"nuisances\['m'\] has shape \(5,\), but must have"),
        ({"m": given["m"] * np.nan}, r"nuisances\['m'\] holds .* missing .*, but must hold finite numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            CausalForest(growth).fit(data, y="y", d="d", x=NAMES, nuisances=wrong)


def test_missing_and_categorical_covariates():
    data = trial(600)
    rng = np.random.default_rng(0)
    data["town"] = rng.choice(["a", "b", "c"], size=600)
    data.loc[:50, "town"] = None  # a label of its own
    data.loc[rng.random(600) < 0.2, "x1"] = np.nan
    fitted = CausalForest(TreeSettings(trees=100)).fit(data, y="y", d="d", x=[*NAMES, "town"])
    assert fitted.rows.names[-3:] == ("town=a", "town=b", "town=c")
    new = fitted.effect(data[[*NAMES, "town"]].iloc[45:55])
    assert np.isfinite(new.se).all()
    assert np.array_equal(new.point, fitted.effect(fitted.rows.x[45:55]).point)
    with pytest.raises(ValueError, match=r"x \('x0'\) has 600 rows, but must have 5 as y has"):
        CausalForest().fit(y=data["y"][:5], d=data["d"][:5], x=data[[*NAMES, "town"]])
    for wrong, message in (
        (data.assign(x1=np.nan), "x: 'x1' is missing in every row"),
        (data.assign(x2=np.inf), "x: 'x2' holds infinite values"),
        (data.assign(y=np.nan), "there are missing or infinite values"),
    ):
        with pytest.raises(ValueError, match=message):
            CausalForest(TreeSettings(trees=2)).fit(wrong, y="y", d="d", x=NAMES)


def test_bad_treatments_and_settings_are_refused():
    data = trial(200)
    with pytest.raises(ValueError, match="is 1 in every row, so no effect can be seen"):
        CausalForest().fit(data.assign(d=1.0), y="y", d="d", x=NAMES)
    with pytest.raises(ValueError, match="interval is 'sample', but must be one of"):
        CausalForest(interval="sample").fit(data, y="y", d="d", x=NAMES)
    with pytest.raises(TypeError, match="e is the class LogisticRegression, but must be an estimator in the man"):
        CausalForest(treatment=LogisticRegression).fit(data, y="y", d="d", x=NAMES)
    single = CausalForest(TreeSettings(trees=50, bag=1)).fit(data, y="y", d="d", x=NAMES)
    assert single.effect().se is None
    with pytest.raises(ValueError, match="bag=1"):
        single.effect().conf_int()
    with pytest.raises(FloatingPointError, match="rows have no estimate"):
        CausalForest(TreeSettings(trees=2)).fit(
            data, y="y", d="d", x=NAMES, nuisances={"m": data["y"] * 0, "e": data["y"] * 0 + 0.5}
        )


def test_clusters_reach_the_standard_errors():
    data = trial(400)
    twice = pd.concat([data, data], ignore_index=True)
    twice["who"] = np.tile(np.arange(400), 2)
    fitted = CausalForest(TreeSettings(trees=100)).fit(twice, y="y", d="d", x=NAMES, cluster="who")
    found = fitted.average()
    scores = fitted.scores.reshape(2, 400).mean(0)
    assert found.se[0] == pytest.approx(scores.std() / np.sqrt(399), rel=1e-9)  # CR1: 400 clusters, less one


@pytest.mark.slow
def test_intervals_cover_on_the_designs_of_nie_and_wager():
    covered = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for setup in "ABCD":
            shares = []
            for seed in range(6):
                rng = np.random.default_rng((3, seed))
                sample, new = (NieWagerDesign(setup).draw(rng, 1000) for _ in range(2))
                fit = CausalForest(TreeSettings(trees=400, seed=seed)).fit(
                    y=sample["y"][0], d=sample["d"][0], x=sample["x"][0]
                )
                low, high = fit.effect(new["x"][0]).conf_int().T
                shares.append(np.mean((low < new["tau"][0]) & (new["tau"][0] < high)))
            covered[setup] = np.mean(shares)
    assert np.mean(list(covered.values())) >= 0.85
