"""Instrumental, multi-arm, quantile and user-written forests, and the learner, against closed forms and slow routes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from ceteris.causal.heterogeneity.forest.forest import grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import effect_target, mean_target
from ceteris.causal.heterogeneity.forest_regressor import ForestRegressor
from ceteris.causal.heterogeneity.instrumental_forest import InstrumentalForest
from ceteris.causal.heterogeneity.local_moment_forest import LocalMomentForest
from ceteris.causal.heterogeneity.multi_arm_forest import MultiArmForest
from ceteris.causal.heterogeneity.quantile_forest import QuantileForest, weighted_quantiles


def instrumented(n=1500, seed=0, slope=0.0):
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(n, 3)), rng.normal(size=n)
    z = (rng.random(n) < 0.5).astype(float)
    d = (0.8 * z + u + rng.normal(size=n) > 0.4).astype(float)
    return {"x": x, "z": z, "d": d, "y": (2 + slope * x[:, 0]) * d - u + x[:, 1] + rng.normal(size=n)}


def test_instrumental_forest_with_one_effect_for_all_agrees_with_two_stage_least_squares():
    data = instrumented()
    fitted = InstrumentalForest(TreeSettings(trees=300, least=20)).fit(**data)
    m, e, h = fitted.nuisances.m, fitted.nuisances.e, fitted.nuisances.h
    y, d, z = data["y"] - m, data["d"] - e, data["z"] - h
    tsls = z @ y / (z @ d)
    se = np.sqrt(np.sum(z**2 * (y - tsls * d) ** 2)) / (z @ d)
    average = fitted.average()
    assert abs(average.point[0] - tsls) < 2 * se
    assert abs(average.point[0] - 2) < 3 * average.se[0]
    assert average.se[0] == pytest.approx(se, rel=0.5)
    assert fitted.checks[-1].name == "first stage"
    assert fitted.checks[-1].passed
    # A single leaf is two-stage least squares itself.
    target = effect_target(y, d, z)
    assert target.solve(target.moments.mean(0, keepdims=True))[0] == pytest.approx(
        np.cov(z, y)[0, 1] / np.cov(z, d)[0, 1], rel=1e-9
    )


def test_instrumental_forest_finds_who_gains():
    data = instrumented(3000, slope=1.5)
    fitted = InstrumentalForest(TreeSettings(trees=300, least=20)).fit(**data)
    found = fitted.effect([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert found.point[1] - found.point[0] > 1.5  # 3 in truth, flattened
    low, high = found.conf_int(0.999).T
    assert np.all((low < [0.5, 3.5]) & (high > [0.5, 3.5]))


def test_units_of_the_treatment_only_rescale_an_instrumental_forest():
    data, small = instrumented(600), 2.0**-7  # a power of two, so that no rounding differs
    given = {name: np.full(600, data[of].mean()) for name, of in (("m", "y"), ("e", "d"), ("h", "z"))}
    one, other = (
        InstrumentalForest(TreeSettings(trees=50, least=20))
        .fit(**{**data, "d": unit * data["d"]}, nuisances={**given, "e": unit * given["e"]})
        .average()
        for unit in (1.0, small)
    )
    assert [other.point[0], other.se[0]] == pytest.approx([one.point[0] / small, one.se[0] / small], rel=1e-6)


def test_first_stage_counts_clusters():
    data = instrumented(1000)
    copies = {name: np.concatenate([values] * 4) for name, values in data.items()}
    who = np.tile(np.arange(1000), 4)
    given = {name: np.full(4000, data[of].mean()) for name, of in (("m", "y"), ("e", "d"), ("h", "z"))}
    forest = InstrumentalForest(TreeSettings(trees=60, least=20))
    by_row, by_cluster = (forest.fit(**copies, nuisances=given, cluster=c).checks[-1].value for c in (None, who))
    d, z = data["d"] - data["d"].mean(), data["z"] - data["z"].mean()
    slope = z @ d / (z @ z)
    once = slope**2 * (z @ z) ** 2 / np.sum((z * (d - slope * z)) ** 2)
    assert by_row == pytest.approx(4 * once, rel=1e-9)
    assert by_cluster == pytest.approx(once / (1000 / 999 * 3999 / 3998), rel=1e-9)  # CR1, k = 2


def test_what_a_causal_forest_answers_the_others_do():
    data = instrumented(1000)
    instrumental = InstrumentalForest(TreeSettings(trees=50, least=20)).fit(**data)
    x, d, y, _ = arms(400)
    several = MultiArmForest(TreeSettings(trees=50)).fit(y=y, d=d, x=x)
    for fitted in (instrumental, several):
        assert fitted.average().checks[:-1] == fitted.checks  # the last is whether a single row decides
        assert fitted.importance().sum() == pytest.approx(1)
        assert fitted.weights(x[:3]).sum(axis=1) == pytest.approx(1)
    # The projection on a constant besides a centred covariate has the average as its constant.
    for found, fitted in (
        (instrumental.best_linear_projection(data["x"][:, :1] - data["x"][:, 0].mean()), instrumental),
        (several.best_linear_projection("b - a", x[:, :1] - x[:, 0].mean()), several),
    ):
        assert found.point[0] == pytest.approx(fitted.average().point[0], rel=1e-10)
    with pytest.raises(ValueError, match="contrast is 'b', but must be one of b - a, c - a"):
        several.best_linear_projection("b")


def test_instrumental_forest_refuses_what_it_cannot_use():
    data = instrumented(200)
    forest = InstrumentalForest(TreeSettings(trees=50))
    with pytest.raises(ValueError, match="z: one instrument for one treatment"):
        forest.fit(**{**data, "z": np.column_stack([data["z"], data["z"]])})
    with pytest.raises(ValueError, match="z: the instrument is 1 in every row"):
        forest.fit(**{**data, "z": np.ones(200)})
    continuous = forest.fit(**{**data, "z": data["z"] + np.linspace(0, 1, 200)}, nuisances={"h": np.full(200, 1.0)})
    with pytest.raises(ValueError, match="z: scores and averages need an instrument of zeros and ones"):
        continuous.average()


def arms(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    x, d = rng.normal(size=(n, 3)), rng.integers(3, size=n)
    tau = np.column_stack([np.zeros(n), 1 + x[:, 0], -np.ones(n)])
    return x, np.array(["a", "b", "c"])[d], tau[np.arange(n), d] + x[:, 1] + rng.normal(size=n), tau[:, 1:]


def test_several_arms():
    x, d, y, tau = arms()
    fitted = MultiArmForest(TreeSettings(trees=300)).fit(y=y, d=d, x=x)
    effects, average = fitted.effect(), fitted.average()
    assert effects.names == average.names == ("b - a", "c - a")
    assert np.corrcoef(effects.point[:, 0], tau[:, 0])[0, 1] > 0.9
    assert np.all(np.abs(average.point - tau.mean(0)) < 3.5 * average.se)
    assert effects.conf_int().shape == (1500, 2, 2)
    # As a randomised trial the differences in means are an estimate too, less precise: of the same thing.
    raw = [y[d == arm].mean() - y[d == "a"].mean() for arm in "bc"]
    assert average.point == pytest.approx(raw, abs=0.3)
    against_c = MultiArmForest(TreeSettings(trees=50)).fit(y=y, d=d, x=x, reference="c")
    assert against_c.effect().names == ("a - c", "b - c")
    with pytest.raises(ValueError, match="reference is 'z', but must be one of a, b, c"):
        MultiArmForest().fit(y=y, d=d, x=x, reference="z")


def test_overlap_of_the_reference_is_checked_too():
    x, d, y, _ = arms(400)
    e = np.full((400, 2), 1 / 3)
    e[x[:, 0] > 0] = 0.4975  # 0.005 is left for the reference
    with pytest.warns(UserWarning, match="arm a: "):
        fitted = MultiArmForest(TreeSettings(trees=20)).fit(y=y, d=d, x=x, nuisances={"m": np.zeros(400), "e": e})
    assert {c.name: c.passed for c in fitted.checks if "overlap" in c.name} == {
        "overlap (arm b)": True,
        "overlap (arm c)": True,
        "overlap (arm a)": False,
    }


def test_two_arms_are_a_causal_forest():
    x, d, y, _ = arms(400)
    treated = (d == "b").astype(float)
    given = {"m": np.zeros(400), "e": np.full(400, 1 / 3)}
    several = MultiArmForest(TreeSettings(trees=20)).fit(
        y=y, d=treated, x=x, nuisances={"m": given["m"], "e": given["e"][:, None]}
    )
    forest = grow_forest(x, effect_target(y - given["m"], treated - given["e"]), TreeSettings(trees=20))
    assert several.tau[:, 0] == pytest.approx(forest.predict().point[:, 0], rel=1e-12)
    scores = several.tau[:, 0] + (treated - 1 / 3) / (2 / 9) * (y - (treated - 1 / 3) * several.tau[:, 0])
    assert several.scores[:, 0] == pytest.approx(scores, rel=1e-10)


def test_quantiles_are_those_of_the_weights():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    y = np.round(np.exp(x[:, 0]) * rng.normal(size=300), 1)  # with ties
    fitted = QuantileForest(TreeSettings(trees=50, bag=1)).fit(y=y, x=x)
    at = rng.normal(size=(20, 2))
    found, alpha = fitted.predict(at), fitted.forest.weights(at)
    for row, weights in zip(found, alpha, strict=True):
        for value, level in zip(row, (0.1, 0.5, 0.9), strict=True):
            brute = min(v for v in np.unique(y) if weights[y <= v].sum() >= level - 1e-12)
            assert value == brute
    assert fitted.predict().shape == (300, 3)
    assert np.all(np.diff(found, axis=1) >= 0)
    assert weighted_quantiles(np.array([5.0]), np.array([[1.0]]), [0.3])[0, 0] == 5
    for levels in ((), (0.0,), (0.5, 1.0)):
        with pytest.raises(ValueError, match=r"levels is \[.*\], but must hold numbers above 0 and below 1"):
            fitted.predict(at, levels=levels)


def test_rows_that_no_tree_answers_for_have_no_quantile():
    x, y = np.random.default_rng(0).normal(size=(2, 200))
    fitted = QuantileForest(TreeSettings(trees=5, bag=1, share=0.9)).fit(y=y, x=x)
    with pytest.raises(FloatingPointError, match="rows have no quantile, since no tree answers for them"):
        fitted.predict()
    assert np.isfinite(fitted.predict([[0.0]])).all()


def test_a_quantile_forest_has_no_treatment_to_complain_of():
    x = np.random.default_rng(0).normal(size=(200, 2))
    table = pd.DataFrame(x, columns=["a", "b"]).assign(y=2 * x[:, 0] + x[:, 1])
    forest = QuantileForest(TreeSettings(trees=20, bag=1))
    exact = forest.fit(table, y="y", x=["a", "b"]).predict(x[:5])
    assert np.array_equal(exact, forest.fit(y=table["y"].to_numpy(), x=x).predict(x[:5]))
    with pytest.raises(ValueError, match=r"missing or infinite values \(1 NaN in y\)"):
        forest.fit(table.assign(y=table["y"].where(table.index > 0)), y="y", x=["a", "b"])
    with pytest.raises(ValueError, match="y: the outcome 'y' is 1 in every row"):
        forest.fit(table.assign(y=1.0), y="y", x=["a", "b"])
    with pytest.raises(ValueError, match=r"x \('x0'\) has 200 rows, but must have 5 as y has"):
        forest.fit(y=np.arange(5.0), x=x)


def test_quantile_forest_sees_a_change_of_spread():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(3000, 3))
    y = np.where(x[:, 0] > 0, 3.0, 1.0) * rng.normal(size=3000)
    fitted = QuantileForest(TreeSettings(trees=100, bag=1, least=20)).fit(y=y, x=x)
    found = fitted.predict([[-0.5, 0, 0], [0.5, 0, 0]])
    # 90 % quantiles are 1.28 and 3.84; effective rows of some hundreds give a standard error of 0.1 and 0.3.
    assert found[:, 2] == pytest.approx([1.28, 3.84], abs=1.0)
    assert fitted.forest.importance().argmax() == 0


def test_a_moment_of_ones_own_that_is_a_mean_is_the_regression_forest():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    y = x[:, 0] + rng.normal(size=600)
    growth = TreeSettings(trees=10, least=25)  # in small nodes several splits are equally good, and rounding decides
    own = LocalMomentForest(lambda theta, z: z - theta, [0.0], growth=growth).fit(z=y, x=x)
    builtin = grow_forest(x, mean_target(y), growth)
    for name in ("starts", "feature", "cut", "missing_left", "child", "leaf_rows"):
        assert np.array_equal(getattr(own.forest.trees, name), getattr(builtin.trees, name))
    at = rng.normal(size=(20, 2))
    assert own.effect(at).point == pytest.approx(builtin.predict(at).point[:, 0], abs=1e-7)


def test_a_moment_of_ones_own_in_two_parameters():
    # Residual on residual with an intercept, (θ₁, θ₂): the causal forest, of which only θ₁ guides the splits.
    rng = np.random.default_rng(1)
    x, d = rng.normal(size=(300, 2)), rng.normal(size=300)
    y = (1 + x[:, 0]) * d + rng.normal(size=300)

    def score(theta, z):
        left = z[:, 0] - theta[:, 0] * z[:, 1] - theta[:, 1]
        return np.stack([left * z[:, 1], left], axis=1)

    fitted = LocalMomentForest(score, [0.0, 0.0], growth=TreeSettings(trees=20, least=20)).fit(
        z=np.column_stack([y, d]), x=x
    )
    at = rng.normal(size=(5, 2))
    found = fitted.effect(at)
    for point, weights in zip(found.point, fitted.forest.weights(at), strict=True):
        Z = np.column_stack([d, np.ones(300)])
        expected = np.linalg.solve(Z.T @ (weights[:, None] * Z), Z.T @ (weights * y))
        assert point == pytest.approx(expected, abs=1e-6)  # of Newton's method with differences
    assert found.names == ("theta0", "theta1")


def test_wrong_moments_are_refused():
    x, z = np.random.default_rng(0).normal(size=(2, 60))
    x = x[:, None]
    with pytest.raises(ValueError, match=r"score: it returned shape \(2,\) for two rows and 1 parameters"):
        LocalMomentForest(lambda theta, z: z[:, 0] - theta[:, 0], [0.0]).fit(z=z, x=x)
    with pytest.raises(FloatingPointError, match="start: Newton's method finds no root"):
        LocalMomentForest(lambda theta, z: 1 + theta**2 + 0 * z, [1.0]).fit(z=z, x=x)
    with pytest.raises(ValueError, match=r"z holds .* but must hold finite numbers"):
        LocalMomentForest(lambda theta, z: z - theta, [0.0]).fit(z=z * np.nan, x=x)
    with pytest.raises(ValueError, match="names holds 2, but must hold 1, one for each parameter"):
        LocalMomentForest(lambda theta, z: z - theta, [0.0], names=("a", "b")).fit(z=z, x=x)


def test_learner_predicts_with_errors_that_cover():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(1000, 2))
    y = np.where(x[:, 0] > 0, 1.0, 0.0) + rng.normal(size=1000)
    learner = ForestRegressor(TreeSettings(trees=400)).fit(x, y)
    at = np.array([[-0.5, 0.0], [0.5, 0.0]])
    mean, se = learner.predict_with_error(at)
    assert np.all(np.abs(mean - [0, 1]) < 3.5 * se)
    assert np.array_equal(mean, learner.predict(at))
    assert learner.out_of_bag().shape == (1000,)
    slope = ForestRegressor(TreeSettings(trees=50)).fit(x, 2 * x[:, 0])
    assert slope.predict_local_linear([[0.3, 0.0]], penalty=1e-8) == pytest.approx([0.6], abs=1e-3)
    assert LinearRegression().fit(mean[:, None], mean).coef_[0] == pytest.approx(1)


def test_learner_without_bags_enough_has_no_error():
    x, y = np.random.default_rng(0).normal(size=(2, 200))
    learner = ForestRegressor(TreeSettings(trees=2)).fit(x[:, None], y)
    with pytest.raises(FloatingPointError, match="3 rows have fewer than two bags"):
        learner.predict_with_error(x[:3, None])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([ForestRegressor(TreeSettings(trees=4, least=1))])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
