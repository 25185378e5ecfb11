"""Nets for effects: the default mixture, the shared net, the parameter layer, and how learners are stacked."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from ceteris.causal.additive import AdditiveRegressor
from ceteris.causal.crossfit import make_folds, splits
from ceteris.causal.heterogeneity import DRLearner, RLearner, SharedNet, SLearner, StructuredEffects
from ceteris.causal.heterogeneity.learned import Learned, learn
from ceteris.causal.heterogeneity.smooth import SmoothRegressor
from ceteris.causal.heterogeneity.stack import StackedClassifier, StackedRegressor, combined, leaning
from ceteris.causal.neural import net_regressor
from ceteris.causal.structural import Structure, linear, logit
from ceteris.data import NieWagerDesign, simulate_nie_wager
from ceteris.training import Net

X = [f"x{j}" for j in range(6)]
TINY = Net(widths=(32,), rate=0.01, members=1, epochs=60)


def function(values):
    return Learned(np.asarray(values, float), lambda at: np.zeros(len(at)))


# --------------------------------------------------------------------------------------------- learning by folds


def test_nets_out_of_fold_do_not_see_their_fold():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    y = x[:, 0] + rng.normal(size=400)
    fold = make_folds(400, 4)[0]
    spoilt = y.copy()
    spoilt[fold == 0] += 100  # moves the scale, and all nets but those of fold 0, which do not learn from these rows
    net = net_regressor(1_600)
    before, after = (learn(net, x, target, fold).out_of_fold for target in (y, spoilt))
    assert np.corrcoef(before[fold == 0], x[fold == 0, 0])[0, 1] > 0.9
    assert np.abs(after[fold == 0]).max() < 20
    assert after[fold == 1].mean() > 20


def test_weighted_nets_minimise_the_weighted_loss():
    """Two groups with the same x and opposite y: the mean is theirs by weight, 0.9 - 0.1."""
    y = np.tile([1.0, -1.0], 200)
    weight = np.tile([0.9, 0.1], 200)
    found = learn(net_regressor(1_600), np.ones((400, 2)), y, make_folds(400, 4)[0], weight=weight)
    assert found.predict(np.ones((1, 2)))[0] == pytest.approx(0.8, abs=0.1)  # rows set aside, single precision


def test_weighted_learners_are_fitted_in_each_fold():
    rng = np.random.default_rng(1)
    x, w, fold = rng.normal(size=(200, 2)), rng.random(200), make_folds(200, 3)[0]
    y = x[:, 0] + rng.normal(size=200)
    found = learn(LinearRegression(), x, y, fold, weight=w).out_of_fold
    for train, test in splits(fold):
        known = LinearRegression().fit(x[train], y[train], w[train]).predict(x[test])
        np.testing.assert_allclose(found[test], known, atol=1e-12)


def test_smooth_regression_with_equal_weights_is_the_additive_one():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    y = np.sin(2 * x[:, 0]) + 0.3 * rng.normal(size=300)
    plain = AdditiveRegressor().fit(x, y).predict(x)
    np.testing.assert_allclose(SmoothRegressor().fit(x, y).predict(x), plain, atol=1e-10)
    np.testing.assert_allclose(SmoothRegressor().fit(x, y, np.full(300, 3.0)).predict(x), plain, atol=1e-10)


def test_smooth_regression_pays_heed_to_weights():
    """Rows of weight zero have other outcomes; they alone would make the mean 5."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 1))
    out = rng.random(600) < 0.5
    y = np.where(out, 5.0, x[:, 0] + 0.3 * rng.normal(size=600))
    found = SmoothRegressor().fit(x, y, (~out).astype(float)).predict(x)
    assert np.sqrt(np.mean((found - x[:, 0]) ** 2)) < 0.1  # 0.3 times the root of some five parameters over 300 rows


def test_smooth_regression_of_noise_is_nearly_constant():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2000, 6)), rng.normal(size=2000)
    spread = SmoothRegressor().fit(x, y).predict(x).std()
    least_squares = LinearRegression().fit(x, y).predict(x).std()
    assert spread < least_squares < 0.1


# ----------------------------------------------------------------------------------------------------- stacking


def test_combined_finds_the_weights_of_a_known_mixture():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 5000))
    y = 3 + 0.7 * a + 0.3 * b - 0.5 * c + 0.01 * rng.normal(size=5000)
    found = combined([function(a), function(b), function(c)], y, np.ones(5000)).out_of_fold
    expected = y.mean() + 0.7 * (a - a.mean()) + 0.3 * (b - b.mean())  # weights are not negative: c gets none
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.03


def test_leaning_stays_with_the_first_unless_another_is_surely_better():
    rng = np.random.default_rng(0)
    truth, noise = rng.normal(size=2000), 3 * rng.normal(size=2000)
    y, w = truth + noise, np.ones(2000)
    _, shares = leaning({"flat": function(np.zeros(2000)), "right": function(truth)}, y, w, 1.5)
    assert shares["right"] > 0.8
    kept = 0
    for r in range(200):  # a useless function, whose slope is above its standard error by chance one time in six
        useless = np.random.default_rng(r).normal(size=2000)
        _, shares = leaning({"right": function(truth), "useless": function(useless)}, y, w, 1.5)
        kept += shares["right"] == 1
    assert kept > 180
    _, without = leaning({"right": function(truth)}, y, w, 1.5)
    assert without == {"right": 1.0}


def test_leaning_is_the_best_mixture_on_a_grid():
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(3, 500))
    y, w = 0.5 * parts[1] + 0.4 * parts[2] + rng.normal(size=500), rng.random(500)
    _, shares = leaning({str(k): function(part) for k, part in enumerate(parts)}, y, w, 0.0)
    centred = parts - (parts @ w / w.sum())[:, None]
    target = y - y @ w / w.sum()
    steps = np.linspace(0, 1, 101)
    losses = {
        (a, b): w @ (target - np.array([1 - a - b, a, b]) @ centred) ** 2 for a in steps for b in steps if a + b <= 1
    }
    best = min(losses, key=lambda place: losses[place])
    np.testing.assert_allclose([shares["1"], shares["2"]], best, atol=0.011)  # the grid's step


def test_stacked_learners_predict_better_than_the_worse_and_fit_alone():
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, size=(600, 1))
    y = x[:, 0] + (x[:, 0] > 0) + 0.3 * rng.normal(size=600)
    parts = [LinearRegression(), DecisionTreeRegressor(max_depth=3)]
    fold = make_folds(600, 5)[0]
    truth = x[:, 0] + (x[:, 0] > 0)
    rmse = lambda learner: np.sqrt(np.mean((learn(learner, x, y, fold).out_of_fold - truth) ** 2))
    assert rmse(StackedRegressor(parts)) < min(map(rmse, parts)) + 0.01
    assert StackedRegressor(parts).fit(x, y).score(x, y) > 0.9
    labels = (rng.random(600) < 1 / (1 + np.exp(-2 * x[:, 0]))).astype(int)
    classifier = StackedClassifier([LogisticRegression()]).fit(x, labels)
    np.testing.assert_allclose(classifier.predict_proba(x).sum(1), 1)
    assert np.mean(classifier.predict(x) == labels) > 0.75
    with pytest.raises(ValueError, match="learners is empty, but must hold one at least"):
        StackedRegressor([]).fit(x, y)


# ------------------------------------------------------------------------------------------------------- effects


def test_the_default_mixture_follows_a_slope_where_the_nuisances_are_known():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    d = (rng.random(400) < 0.5).astype(float)
    tau = 1 + 2 * x[:, 0]
    y = (d - 0.5) * tau + 0.5 * rng.normal(size=400)
    model = RLearner(folds=2).fit(y=y, d=d, x=x, nuisances={"m": np.zeros(400), "e": np.full(400, 0.5)})
    assert set(model.shares) == {"smooth", "net", "two-headed net"}
    assert sum(model.shares.values()) == pytest.approx(1)
    # A constant effect is off by 2. Noise of 1 in (Y - m)/(D - e) and some ten parameters on 200 rows leave 0.2.
    assert np.sqrt(np.mean((model.effect().point - tau) ** 2)) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("learner", [RLearner(), DRLearner()], ids=["R", "DR"])
def test_default_learners_beat_constant_and_linear_effects_where_those_are_wrong(learner):
    """Design D: a constant effect has an error of 1.23, linear effects of 0.73 (with forests as nuisances)."""
    drawn = {role: v[0] for role, v in NieWagerDesign("D").draw(np.random.default_rng(11), 2000).items()}
    part = {role: v[:1000] for role, v in drawn.items()}
    model = learner.fit(y=part["y"], d=part["d"], x=part["x"])
    error = np.sqrt(np.mean((model.effect(drawn["x"][1000:]).point - drawn["tau"][1000:]) ** 2))
    assert error < 0.73
    assert sum(model.shares.values()) == pytest.approx(1)
    assert abs(model.average().point[0] - part["tau"].mean()) < 4 * model.average().se[0]


@pytest.mark.slow
def test_default_learner_finds_a_constant_effect_constant():
    data = simulate_nie_wager("C", 1000, seed=21)
    model = RLearner().fit(data, y="y", d="d", x=X)
    assert model.shares["smooth"] > 0.8
    assert model.effect().point.std() < 0.1


@pytest.mark.slow
def test_default_learners_take_binary_outcomes_and_clusters():
    rng = np.random.default_rng(0)
    x, d = rng.normal(size=(800, 3)), rng.integers(0, 2, 800)
    p = lambda w: 1 / (1 + np.exp(-(x[:, 0] + w * (1 + x[:, 1]))))
    y = (rng.random(800) < np.where(d == 1, p(1), p(0))).astype(float)
    for learner in (RLearner(), SLearner()):
        model = learner.fit(y=y, d=d, x=x, cluster=np.repeat(np.arange(80), 10))
        error = np.sqrt(np.mean((model.effect().point - (p(1) - p(0))) ** 2))
        assert error < 0.12  # a constant effect has 0.18
        assert model.average().point[0] == pytest.approx(np.mean(p(1) - p(0)), abs=4 * model.average().se[0])


def test_shared_net_learns_both_arms_and_the_propensity():
    data = simulate_nie_wager("D", 1500, seed=4)
    model = SharedNet(TINY).fit(data, y="y", d="d", x=X)
    mu0 = np.maximum(data["x3"] + data["x4"], 0)  # b - τ/2
    assert np.corrcoef(model.nuisances.mu0, mu0)[0, 1] > 0.85
    assert np.corrcoef(model.nuisances.e, data["e"])[0, 1] > 0.85
    assert np.sqrt(np.mean((model.effect(data[X]).point - data["tau"]) ** 2)) < 0.7
    assert abs(model.average().point[0] - data["tau"].mean()) < 4 * model.average().se[0]


def test_parameter_layer_gives_effects_on_the_outcomes_scale():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    d = rng.integers(0, 2, 3000).astype(float)
    p = lambda w: 1 / (1 + np.exp(-(0.5 * x[:, 1] + w * (1 + x[:, 0]))))
    y = (rng.random(3000) < np.where(d == 1, p(1), p(0))).astype(float)
    model = StructuredEffects(logit(), LogisticRegression(), TINY).fit(y=y, d=d, x=x)
    effects = model.effect(x).point
    assert np.sqrt(np.mean((effects - (p(1) - p(0))) ** 2)) < 0.1  # the effects' standard deviation is 0.21
    assert np.all(np.abs(effects) < 1)
    with pytest.raises(ValueError, match="structure: it has a loss but no mean"):
        StructuredEffects(Structure(1, loss=lambda y, t, theta: (y - theta[0]) ** 2)).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="y"):
        StructuredEffects(logit(), LogisticRegression(), TINY).fit(y=y + 3, d=d, x=x)


@pytest.mark.slow
def test_parameter_layer_with_the_linear_structure_is_theta_one():
    from ceteris.causal.estimators.structured import StructuredNet
    from ceteris.causal.structural import Effect

    data = simulate_nie_wager("B", 500, seed=2)
    fold = make_folds(500, 3, stratify=data["d"].to_numpy())[0]
    effects = StructuredEffects(linear(), LogisticRegression(), TINY, folds=fold).fit(data, y="y", d="d", x=X)
    estimate = StructuredNet(linear(), Effect(linear()), at=1.0, net=TINY, folds=fold).fit(data, y="y", d="d", x=X)
    theta = estimate.details.theta
    np.testing.assert_allclose(effects.effect().point, theta[:, 1], atol=1e-5)  # nets are single precision
