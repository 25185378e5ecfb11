"""Forests, effect learners, policies and what they give, tiny."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal.heterogeneity import (
    CausalForest,
    CausalTree,
    Effects,
    ForestRegressor,
    InstrumentalForest,
    LinearEffects,
    LocalMomentForest,
    MultiArmForest,
    QuantileForest,
    TLearner,
    TreeSettings,
    compare_cate,
    toc,
)
from ceteris.causal.heterogeneity.causal_forest import FittedCausalForest
from ceteris.causal.heterogeneity.causal_tree import FittedCausalTree
from ceteris.causal.heterogeneity.compare import EffectComparison
from ceteris.causal.heterogeneity.evaluate.curve import Curve
from ceteris.causal.heterogeneity.instrumental_forest import FittedInstrumentalForest
from ceteris.causal.heterogeneity.linear_effects import LinearModel
from ceteris.causal.heterogeneity.local_moment_forest import FittedLocalMomentForest
from ceteris.causal.heterogeneity.model import EffectModel
from ceteris.causal.heterogeneity.multi_arm_forest import FittedMultiArmForest
from ceteris.causal.heterogeneity.quantile_forest import FittedQuantileForest
from ceteris.causal.policy import (
    BudgetRule,
    ClassifierPolicy,
    NetPolicy,
    PolicyTree,
    with_parity,
    within_budget,
)
from ceteris.causal.policy.classify import FittedClassifier
from ceteris.causal.policy.net import FittedNetPolicy
from ceteris.causal.policy.parity import GroupAssignment
from ceteris.causal.policy.tree import FittedTree
from ceteris.data import NieWagerDesign
from ceteris.training import Net
from door.case import Case

N = 200
FEW = TreeSettings(trees=20)
LEAST_SQUARES = LinearRegression(), LogisticRegression()


@cache
def rows() -> pd.DataFrame:
    """An experiment: effect 1 + x0, an instrument z for the treatment b, three arms, a label among the covariates."""
    rng = np.random.default_rng(0)
    x0, x1, u = rng.normal(size=(3, N))
    d, z = rng.integers(2, size=(2, N))
    b = (0.8 * z + u > 0.4).astype(float)
    town = rng.choice(["a", "b"], size=N)
    arm = rng.choice(["none", "letter", "visit"], size=N)
    y = x1 + d * (1 + x0) + b + (arm == "visit") + 0.5 * rng.normal(size=N)
    return pd.DataFrame({"y": y, "d": d, "z": z, "b": b, "arm": arm, "x0": x0, "x1": x1, "town": town})


X = ["x0", "x1", "town"]
NUMBERS = ["x0", "x1"]


def effects(fitted):
    """Return effects in and out of sample, their errors and averages."""
    old, new = fitted.effect(), fitted.effect(rows()[X].head(7))
    return old.point, old.se, new.point, new.se, fitted.average().frame()


@cache
def forest() -> FittedCausalForest:
    return CausalForest(FEW).fit(rows(), y="y", d="d", x=X)


def scores() -> np.ndarray:
    return forest().scores


def log_score(theta, z):
    return z - np.exp(theta)


def local_moment(fitted):
    """Return what a forest for a moment says once it has its score, which no file holds."""
    return fitted.with_score(log_score).effect(rows()[NUMBERS].head(7)).point


def policy(fitted):
    return fitted.predict(rows()[NUMBERS])


def compared() -> EffectComparison:
    learners = {"T": TLearner(*LEAST_SQUARES), "linear": LinearEffects(*LEAST_SQUARES)}
    return compare_cate(learners, [NieWagerDesign("C")], replications=2, n=100, fresh=50)


CASES = {
    FittedCausalForest: Case(forest, effects),
    FittedMultiArmForest: Case(lambda: MultiArmForest(FEW).fit(rows(), y="y", d="arm", x=X), effects),
    FittedInstrumentalForest: Case(
        lambda: InstrumentalForest(FEW).fit(rows(), y="y", d="b", x=X, z="z"),
        lambda fitted: (fitted.effect().point, fitted.effect().se, fitted.average().se),
    ),
    FittedQuantileForest: Case(
        lambda: QuantileForest(TreeSettings(trees=20, bag=1)).fit(rows(), y="y", x=X),
        lambda fitted: fitted.predict(rows()[X].head(7)),
    ),
    FittedLocalMomentForest: Case(
        lambda: LocalMomentForest(log_score, start=[0.0], growth=FEW).fit(
            z=rows()["y"].abs().round(), x=rows()[NUMBERS]
        ),
        local_moment,
    ),
    ForestRegressor: Case(
        lambda: ForestRegressor(FEW).fit(rows()[NUMBERS], rows()["y"]),
        lambda fitted: fitted.predict_with_error(rows()[NUMBERS]),
    ),
    FittedCausalTree: Case(
        lambda: CausalTree(least=10).fit(rows(), y="y", d="d", x=X),
        lambda fitted: (fitted.effect(rows()[X]).point, fitted.leaves(), fitted.estimate.covariance),
    ),
    EffectModel: Case(lambda: TLearner(*LEAST_SQUARES, bootstrap=20).fit(rows(), y="y", d="d", x=X), effects),
    LinearModel: Case(
        lambda: LinearEffects(*LEAST_SQUARES, along=["x0"]).fit(rows(), y="y", d="d", x=X),
        lambda fitted: (*effects(fitted), fitted.band([0.0, 1.0])),
    ),
    Effects: Case(lambda: forest().effect(), lambda found: (found.frame(), found.summary())),
    EffectComparison: Case(compared, lambda found: found.means()),
    Curve: Case(lambda: toc(scores(), forest().tau, draws=20), lambda curve: curve.frame()),
    FittedTree: Case(lambda: PolicyTree().fit(rows()[NUMBERS], scores()), policy),
    FittedClassifier: Case(lambda: ClassifierPolicy(LogisticRegression()).fit(rows()[NUMBERS], scores()), policy),
    FittedNetPolicy: Case(
        lambda: NetPolicy(Net(widths=(8,), members=2, epochs=5)).fit(rows()[NUMBERS], scores()),
        lambda fitted: fitted.probabilities(rows()[NUMBERS]),
    ),
    BudgetRule: Case(lambda: within_budget(forest().tau, 0.25), lambda rule: (rule.treat, rule.apply(scores()))),
    GroupAssignment: Case(
        lambda: with_parity(forest().tau, 0.25, rows()["town"]), lambda found: (found.treat, found.frame())
    ),
}
