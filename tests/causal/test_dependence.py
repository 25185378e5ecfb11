"""Covariates that say too little or too much: far from zero, again, combined; and rows that do not belong together."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import (
    BalancingWeights,
    CovariateBalancing,
    DifferenceInMeans,
    EntropyBalancing,
    InteractedRegression,
    Interactive,
    InverseProbabilityWeighting,
    NearestNeighbours,
    PartiallyLinear,
    PartiallyLinearIV,
    PropensityMatching,
    RegressionAdjustment,
    ScoreStratification,
)
from ceteris.causal.dependence import collinear
from ceteris.causal.heterogeneity import LinearEffects, gates
from ceteris.causal.policy import PolicyTree, policy_value

RNG = np.random.default_rng(0)
N = 400
X = RNG.normal(size=(N, 2))
D = (X[:, 0] + RNG.logistic(size=N) > 0).astype(float)
Y = D + 2 * X[:, 0] + RNG.normal(size=N)
OLS, LOGIT = LinearRegression(), LogisticRegression(C=1e4)
EVERY: dict[str, Any] = {
    "weighting": InverseProbabilityWeighting(),
    "strata of the score": ScoreStratification(strata=4, draws=20),
    "overlap": BalancingWeights("overlap"),
    "entropy": EntropyBalancing(),
    "balancing score": CovariateBalancing(),
    "regression": RegressionAdjustment(),
    "interacted": InteractedRegression(),
    "neighbours": NearestNeighbours(),
    "propensity matching": PropensityMatching(),
    "partially linear": PartiallyLinear(),
    "partially linear, ols": PartiallyLinear(OLS, LOGIT),
    "interactive": Interactive(),
    "interactive, ols": Interactive(OLS, LOGIT),
}


@pytest.mark.parametrize("far", [1e8, 1e11])
@pytest.mark.parametrize("name", EVERY)
def test_nobody_sees_where_a_covariate_has_its_zero(name, far):
    near, away = (EVERY[name].fit(y=Y, d=D, x=X + np.array([shift, 0])) for shift in (0.0, far))
    # 1e11 leaves five digits of the covariate; matching and splines jump where an order or a knot changes.
    assert away.point[0] == pytest.approx(near.point[0], abs=0.02 * near.se[0])
    assert away.se[0] == pytest.approx(near.se[0], rel=0.02)


def test_linear_effects_do_not_see_it_either():
    moved = (X + np.array([shift, 0]) for shift in (0.0, 1e9))
    near, away = (LinearEffects(OLS, LOGIT).fit(y=Y, d=D, x=x).coefficients for x in moved)
    np.testing.assert_allclose([away.point[1:], away.se[1:]], [near.point[1:], near.se[1:]], rtol=1e-4)


COMBINED = {
    "'c' is 'a' again, but for its units": 3 - 2 * X[:, 0],
    "'c' is a combination of 'a' and 'b'": X[:, 0] - X[:, 1],
    "'c' is the same in every row": np.full(N, 0.1),
}


@pytest.mark.parametrize("sentence", COMBINED)
@pytest.mark.parametrize("name", EVERY)
def test_a_covariate_that_others_determine_is_named_and_changes_nothing(name, sentence):
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    plain = EVERY[name].fit(y=Y, d=D, x=table)
    with pytest.warns(UserWarning, match=f"x: {sentence}. Regressions leave it out"):
        found = EVERY[name].fit(y=Y, d=D, x=table.assign(c=COMBINED[sentence]))
    exact = name in ("regression", "interacted", "weighting", "entropy", "neighbours", "interactive, ols")
    assert found.point[0] == pytest.approx(plain.point[0], abs=(1e-5 if exact else 0.5) * plain.se[0])


def test_all_labels_as_dummies_are_a_combination():
    group = np.arange(N) % 3
    dummies = pd.get_dummies(pd.Series(group).map({0: "p", 1: "q", 2: "r"})).astype(float)
    with pytest.warns(UserWarning, match="x: 'r' is a combination of 'p' and 'q'. Regressions leave it out"):
        found = RegressionAdjustment().fit(y=Y, d=D, x=dummies.assign(a=X[:, 0]))
    assert np.isfinite(found.se[0])
    many = np.column_stack([np.eye(8)[np.arange(N) % 8], X])
    told = collinear(many, [f"g{j}" for j in range(8)] + ["a", "b"])
    assert told == {7: "'g7' is a combination of 'g0', 'g1', 'g2', 'g3' and 3 others"}


def test_where_coefficients_are_asked_for_it_is_refused():
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X.sum(1)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="along makes 4 terms of 400 rows: 'c' is a combination of 'a' and "):
            LinearEffects(OLS, LOGIT).fit(y=Y, d=D, x=table)


def test_a_covariate_that_is_constant_in_one_arm_is_named():
    table = pd.DataFrame({"a": X[:, 0], "treated": np.where(D == 1, 1.0, X[:, 1])})
    with pytest.raises(ValueError, match=r"with d = 1; drop a covariate \('treated' is the same in every row"):
        InteractedRegression().fit(y=Y, d=D, x=table)


TABLE = pd.DataFrame({"y": Y, "d": D, "a": X[:, 0], "z": D + RNG.normal(size=N)})


@pytest.mark.parametrize(
    ("table", "roles", "sentence"),
    [
        (TABLE, {"x": ["a", "y"]}, "x: the covariate 'y' is the outcome 'y', so that nothing is left to explain; drop"),
        (TABLE.assign(w=TABLE["y"]), {"x": ["a", "w"]}, "x: the covariate 'w' is the outcome 'y'"),
        (TABLE.assign(cents=100 * TABLE["y"] + 7), {"x": ["cents"]}, "x: the covariate 'cents' is the outcome 'y'"),
        (TABLE, {"x": ["a", "z"], "z": "z"}, "x: the covariate 'z' is the instrument 'z'"),
        (TABLE.assign(w=-TABLE["z"]), {"x": ["a", "w"], "z": "z"}, "x: the covariate 'w' is the instrument 'z'"),
        (TABLE, {"x": ["a", "d"]}, "x: the covariate 'd' determines the treatment 'd'"),
        (TABLE, {"x": ["a"], "d": "y"}, "d: the outcome 'y' is given as the treatment too; name another"),
        (TABLE, {"x": ["a"], "z": "y"}, "z: the outcome 'y' is given as the instrument too; name another"),
        (TABLE, {"x": ["a", "d"], "d": ["z", "d"]}, "x: the covariate 'd' is the treatment"),
    ],
)
def test_one_variable_has_one_role(table, roles, sentence):
    estimator = PartiallyLinearIV(OLS, OLS, OLS) if "z" in roles else PartiallyLinear(OLS, OLS)
    with pytest.raises(ValueError, match=sentence):
        estimator.fit(table, **{"y": "y", "d": "d", **roles})


def test_names_by_default_are_no_names():
    x = pd.DataFrame({"y": X[:, 0], "b": X[:, 1]})  # y is an array and has no name that could be the same
    assert np.isfinite(RegressionAdjustment().fit(y=Y, d=D, x=x).se[0])


ORDER = RNG.permutation(N)
SERIES = {"y": pd.Series(Y, name="y"), "d": pd.Series(D, name="d"), "x": pd.DataFrame(X, columns=["a", "b"])}


@pytest.mark.parametrize("role", ["y", "d", "x", "cluster"])
def test_series_with_other_labels_are_not_put_together_by_position(role):
    roles = {**SERIES, "cluster": pd.Series(np.arange(N) // 4)}
    shuffled = {**roles, role: roles[role].iloc[ORDER]}
    with pytest.raises(ValueError, match=r"its rows are labelled otherwise than those of .*, and they would be put"):
        PartiallyLinear(OLS, OLS).fit(**shuffled)
    everything = {name: values.iloc[ORDER] for name, values in roles.items()}
    arrays = {name: values.to_numpy() for name, values in everything.items()}
    found, same = (RegressionAdjustment().fit(**given) for given in (everything, arrays))
    assert (found.point[0], found.se[0]) == (same.point[0], same.se[0])
    mixed = RegressionAdjustment().fit(**{**arrays, role: everything[role]})  # arrays go by position
    assert mixed.point[0] == pytest.approx(found.point[0], rel=1e-12)


def test_a_series_beside_a_table_has_its_labels():
    table = pd.DataFrame({"y": Y, "d": D, "a": X[:, 0]})
    with pytest.raises(ValueError, match="cluster: its rows are labelled otherwise than those of data"):
        RegressionAdjustment().fit(table, y="y", d="d", x=["a"], cluster=pd.Series(np.arange(N) // 4).iloc[ORDER])
    assert DifferenceInMeans().fit(table, y="y", d="d", cluster=pd.Series(np.arange(N) // 4)).n == N


def test_scores_and_what_they_are_held_against_have_the_same_labels():
    scores, tau = pd.Series(Y), pd.Series(X[:, 0])
    for run in (
        lambda: gates(scores, tau.iloc[ORDER]),
        lambda: policy_value(scores, (tau > 0).astype(int).iloc[ORDER]),
        lambda: PolicyTree(depth=1).fit(SERIES["x"], scores.iloc[ORDER]),
    ):
        with pytest.raises(ValueError, match="its rows are labelled otherwise than those of"):
            run()


def test_an_interactive_model_without_covariates_warns():
    with pytest.warns(UserWarning, match="x: no covariates given, so that nothing is adjusted for and this is a diff"):
        Interactive(OLS, LOGIT).fit(y=Y, d=D)
