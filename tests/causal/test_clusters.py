"""Clusters: one correction for few of them, the same by whichever door, equal to statsmodels and pyfixest."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import (
    DifferenceInMeans,
    EntropyBalancing,
    InteractedRegression,
    Interactive,
    InverseProbabilityWeighting,
    PartiallyLinear,
    RegressionAdjustment,
    Stratified,
)
from ceteris.causal.heterogeneity import CausalTree, LinearEffects
from ceteris.causal.heterogeneity.evaluate.groups import gates
from ceteris.causal.heterogeneity.evaluate.linear import best_linear_predictor
from ceteris.causal.policy.value import policy_value
from ceteris.results import Estimate
from truth.clusters import FILE, sample

DATA = sample()
X = ["a", "b"]
OLS, LOGIT = LinearRegression(), LogisticRegression(C=1e4)
PUBLISHED = json.loads(FILE.read_text())
EXACT = {"rel": 1e-9}  # the same algebra in double precision
TWO = {"firm": ["firm"], "firm+state": ["firm", "state"]}


def mean_of_y(data, cluster):
    y = data["y"].to_numpy()
    found = Estimate(y.mean(keepdims=True), (y - y.mean())[:, None], ("mean",))
    return found.clustered_by(*(data[name] for name in cluster))


REGRESSIONS = {
    "mean": mean_of_y,
    "difference": lambda data, cluster: DifferenceInMeans().fit(data, y="y", d="d", cluster=cluster),
    "regression": lambda data, cluster: RegressionAdjustment().fit(data, y="y", d="d", x=X, cluster=cluster),
    "interacted": lambda data, cluster: InteractedRegression(population=False).fit(
        data, y="y", d="d", x=X, cluster=cluster
    ),
}


@pytest.mark.parametrize("clusters", TWO)
@pytest.mark.parametrize("name", REGRESSIONS)
def test_standard_errors_of_regressions_are_those_of_pyfixest(name, clusters):
    found = REGRESSIONS[name](DATA, TWO[clusters])
    point, se = PUBLISHED[name][clusters]
    assert found.point[0] == pytest.approx(point, **EXACT)
    assert found.se[0] == pytest.approx(se, **EXACT)


@pytest.mark.parametrize(("name", "terms"), [("mean", []), ("difference", ["d"]), ("regression", ["d", "a", "b"]),
                                             ("interacted", ["d", "ca", "cb", "dca", "dcb"])])  # fmt: skip
def test_standard_errors_of_regressions_are_those_of_statsmodels(name, terms):
    frame = DATA.assign(dca=DATA["d"] * DATA["ca"], dcb=DATA["d"] * DATA["cb"], one=1.0)
    design = frame[[*terms, "one"]].to_numpy()
    theirs = sm.OLS(frame["y"].to_numpy(), design).fit(cov_type="cluster", cov_kwds={"groups": frame["firm"]})
    assert REGRESSIONS[name](DATA, ["firm"]).se[0] == pytest.approx(theirs.bse[0], **EXACT)


def test_strata_are_a_regression_on_strata_and_arms():
    stratum = (DATA["a"] > 0).astype(int) + 2 * (DATA["b"] > 0)
    dummies = pd.get_dummies(stratum, dtype=float).to_numpy()
    design = np.column_stack([dummies, dummies * DATA[["d"]].to_numpy()])
    theirs = sm.OLS(DATA["y"].to_numpy(), design).fit(cov_type="cluster", cov_kwds={"groups": DATA["firm"]})
    share = np.r_[np.zeros(4), dummies.mean(0)]
    roles: dict[str, Any] = dict(y="y", d="d", strata=stratum.rename("stratum"), cluster="firm")
    found = Stratified(population=False).fit(DATA, **roles)
    assert found.se[0] == pytest.approx(np.sqrt(share @ theirs.cov_params() @ share), **EXACT)


def test_leaves_of_a_tree_are_a_regression_on_leaves_and_arms():
    rng = np.random.default_rng(0)
    who, x = np.repeat(np.arange(60), 8), rng.normal(size=(480, 2))
    d = (rng.random(480) < 0.5).astype(float)
    y = d * (1 + 2 * (x[:, 0] > 0)) + rng.normal(size=480) + rng.normal(size=60)[who]
    fitted = CausalTree(depth=1).fit(y=y, d=d, x=x, cluster=who)
    kept = fitted.estimating
    leaf = (fitted.tree.leaf_of(x)[kept][:, None] == np.array(fitted.nodes)).astype(float)
    design = np.column_stack([leaf * d[kept][:, None], leaf])
    theirs = sm.OLS(y[kept], design).fit(cov_type="cluster", cov_kwds={"groups": who[kept]})
    np.testing.assert_allclose(fitted.estimate.point, theirs.params[: leaf.shape[1]], rtol=1e-9)
    np.testing.assert_allclose(fitted.estimate.se, theirs.bse[: leaf.shape[1]], rtol=1e-9)


SCORES = DATA["y"].to_numpy()
ROLES: dict[str, Any] = dict(y="y", d="d", x=X)
EITHER_WAY = {
    "difference": lambda **c: DifferenceInMeans().fit(DATA, y="y", d="d", **c),
    "difference, Neyman": lambda **c: DifferenceInMeans("neyman").fit(DATA, y="y", d="d", **c),
    "regression": lambda **c: RegressionAdjustment("HC3").fit(DATA, **ROLES, **c),
    "interacted": lambda **c: InteractedRegression().fit(DATA, **ROLES, **c),
    "weighting": lambda **c: InverseProbabilityWeighting().fit(DATA, **ROLES, **c),
    "entropy": lambda **c: EntropyBalancing().fit(DATA, **ROLES, **c),
}


@pytest.mark.parametrize("name", EITHER_WAY)
def test_clusters_given_before_or_after_the_fit_give_the_same(name):
    before, after = EITHER_WAY[name](cluster="firm"), EITHER_WAY[name]().clustered_by(DATA["firm"])
    np.testing.assert_allclose(before.se, after.se, rtol=1e-12)
    assert before.about.standard_errors == after.about.standard_errors
    assert before.about.standard_errors.startswith("CR1, by cluster (13): variances times G/(G - 1)")


def test_cross_fitted_estimates_have_the_factor_too():
    groups = np.arange(240) // 10  # 24 clusters of 10 in 4 folds of 6, where both doors are the same sums
    fold = np.arange(240) // 60
    for estimator in (PartiallyLinear(OLS, OLS, folds=fold), Interactive(OLS, LOGIT, folds=fold)):
        alone = estimator.fit(DATA, **ROLES)
        found = estimator.fit(DATA, **ROLES, cluster=groups)
        totals = np.bincount(groups, weights=alone.influence[:, 0])
        assert found.se[0] == pytest.approx(np.sqrt(24 / 23 * totals @ totals) / 240, **EXACT)
        assert found.se[0] == pytest.approx(alone.clustered_by(groups).se[0], **EXACT)
        assert "G/(G - 1)" in found.about.standard_errors


def test_what_is_made_of_scores_has_the_factor_too():
    tau = DATA["a"].to_numpy()
    firm = DATA["firm"].to_numpy()
    totals = np.bincount(firm, weights=SCORES - SCORES.mean())
    expected = np.sqrt(13 / 12 * totals @ totals) / 240
    assert policy_value(SCORES, np.ones(240), cluster=firm).se[0] == pytest.approx(expected, **EXACT)
    assert "CR1" in gates(SCORES, tau, cluster=firm).about.standard_errors
    design = np.column_stack([np.ones(240), tau - tau.mean()])
    theirs = sm.OLS(SCORES, design).fit(cov_type="cluster", cov_kwds={"groups": firm})
    np.testing.assert_allclose(best_linear_predictor(SCORES, tau, cluster=firm).se, theirs.bse, rtol=1e-9)


BAD = {
    "one cluster": (np.zeros(240), "one|two at least"),
    "missing number": (np.where(np.arange(240) < 3, np.nan, np.arange(240) // 2), "3 missing|values .3 NaN in cluster"),
    "missing label": (["a", None] * 120, "120 missing|values .120 NaN in cluster"),
    "missing among texts": (["a", float("nan"), "b"] * 80, "80 missing|values .80 NaN in cluster"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize(
    "fit",
    [
        lambda c: DifferenceInMeans().fit(DATA, y="y", d="d", cluster=c),
        lambda c: InverseProbabilityWeighting().fit(DATA, **ROLES, cluster=c),
        lambda c: InteractedRegression().fit(DATA, **ROLES, cluster=c),
        lambda c: PartiallyLinear(OLS, OLS).fit(DATA, **ROLES, cluster=c),
        lambda c: LinearEffects(OLS, LOGIT).fit(DATA, **ROLES, cluster=c),
        lambda c: DifferenceInMeans().fit(DATA, y="y", d="d").clustered_by(c),
        lambda c: policy_value(SCORES, np.ones(240), cluster=c),
    ],
)
def test_one_cluster_and_missing_labels_are_refused(fit, kind):
    given, sentence = BAD[kind]
    labels = np.array([*given, None], object)[:-1]
    with pytest.raises(ValueError, match=sentence):
        fit(labels)
