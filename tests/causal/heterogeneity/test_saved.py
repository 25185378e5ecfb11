"""Models of effects come back from a file as they were: whatever they were put together of."""

from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import ceteris
from ceteris import NeuralRegressor
from ceteris.causal.heterogeneity import (
    CausalForest,
    CausalTree,
    DRLearner,
    LocalMomentForest,
    RLearner,
    SeriesEffects,
    SharedNet,
    SLearner,
    StructuredEffects,
    TLearner,
    TreeSettings,
    XLearner,
)
from ceteris.causal.structural import Structure, logit
from ceteris.data import simulate_nie_wager
from ceteris.files.arrays import read_arrays, write_arrays
from ceteris.testing import check_saved
from ceteris.training import Net

LEAST_SQUARES = LinearRegression(), LogisticRegression()
X = ["x0", "x1", "x2"]
SMALL = Net(widths=(4,), members=2, epochs=3)


@cache
def data():
    return simulate_nie_wager("B", 150, seed=1)


def fit(learner):
    return learner.fit(data(), y="y", d="d", x=X)


@pytest.mark.parametrize(
    "learner",
    [
        SLearner(*LEAST_SQUARES),
        XLearner(*LEAST_SQUARES),
        RLearner(*LEAST_SQUARES, LinearRegression()),
        DRLearner(*LEAST_SQUARES, folds=2),  # with our final stage: smooth effect, net and two-headed net, mixed
        TLearner(NeuralRegressor(widths=(4,), members=1, epochs=3), LogisticRegression(), folds=2),
        SharedNet(SMALL, folds=2),
        SeriesEffects(["x0", "x1"], outcome=LEAST_SQUARES[0], treatment=LEAST_SQUARES[1]),
        TLearner(*LEAST_SQUARES, bootstrap=20),
    ],
    ids=lambda learner: type(learner).__name__,
)
def test_a_model_answers_as_before_it_was_saved(learner):
    new = simulate_nie_wager("B", 9, seed=2)
    answer = lambda model: (
        model.effect(new).point, model.effect(new).se, model.effect().point, model.average().se, model.scores
    )  # fmt: skip
    check_saved(fit(learner), answer)


def test_a_structural_model_is_saved_if_its_law_is_one_of_ours(tmp_path):
    rows = data().assign(y=(data()["y"] > 0).astype(float))
    learner = StructuredEffects(logit(), LogisticRegression(), SMALL, folds=2)
    check_saved(learner.fit(rows, y="y", d="d", x=X), lambda model: model.effect(rows.head(9)).point)
    line = Structure(2, mean=lambda theta, t: theta[0] + theta[1] * t)
    own = StructuredEffects(line, LogisticRegression(), SMALL, folds=2)
    with pytest.raises(TypeError, match=r"save: .*structure.mean is the function .*lambda.*, which no file can hold"):
        fit(own).save(tmp_path / "own.safetensors")


def poisson(theta, z):
    return z - np.exp(theta)


def test_a_forest_for_a_moment_of_ones_own_asks_for_it_after_loading(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(300, 2))
    counts = rng.poisson(np.where(x[:, 0] > 0, 4.0, 1.0))
    forest = LocalMomentForest(poisson, start=[0.0], growth=TreeSettings(trees=10)).fit(z=counts, x=x)
    path = forest.save(tmp_path / "forest.safetensors")
    again = ceteris.load(path, type(forest))
    assert "give it by with_score" in str(again)
    assert again.figures.titles == ("Importance of covariates",)  # all others need the score
    with pytest.raises(ValueError, match=r"score: no file can hold poisson, .*; give it by with_score\(score\)"):
        again.effect(x[:5])
    np.testing.assert_array_equal(again.with_score(poisson).effect(x[:5]).point, forest.effect(x[:5]).point)
    with pytest.raises(ValueError, match="score: it returned shape"):
        again.with_score(lambda theta, z: z[:, :0])
    again.save(path)
    assert "poisson" in ceteris.load(path).moment.score.name


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("child", lambda child: child + 10**6, "leads to nodes that are not there"),
        ("child", lambda child: np.zeros_like(child), "leads to nodes that are not there"),  # in circles
        ("feature", lambda feature: np.where(feature >= 0, 99, feature), "not those of its rows"),
        ("cut", lambda cut: cut[:-1], "are of different sizes"),
    ],
)
def test_trees_that_lead_nowhere_are_not_walked(tmp_path, part, change, said):
    # compiled loops follow children and covariates without a look at bounds
    path = fit(CausalForest(TreeSettings(trees=30))).save(tmp_path / "forest.safetensors")
    arrays, facts = read_arrays(path, "object")
    (name,) = [name for name in arrays if name.endswith(f"answers.forest.trees.{part}")]
    write_arrays(path, "object", {**arrays, name: change(arrays[name])}, facts)
    with pytest.raises(ValueError, match=said):
        ceteris.load(path)


def test_a_causal_tree_that_leads_in_a_circle_is_not_walked(tmp_path):
    path = fit(CausalTree(least=5)).save(tmp_path / "tree.safetensors")
    arrays, facts = read_arrays(path, "object")
    (name,) = [name for name in arrays if name.endswith("tree.left")]
    (feature,) = [name for name in arrays if name.endswith("tree.feature")]
    split = {feature: np.zeros_like(arrays[feature]), name: np.zeros_like(arrays[name])}
    write_arrays(path, "object", {**arrays, **split}, facts)
    with pytest.raises(ValueError, match="leads to nodes that are not there"):
        ceteris.load(path)
