"""Accuracy of our neural learners of effects, default settings, on the four designs of Nie and Wager.

The defaults were chosen on other designs (``ceteris.data.KuenzelDesign``, ``HillDesign`` and seven of our own); these
four are only measured. The competitors' figures were measured before, in one draw each, on the same designs.
"""

from __future__ import annotations

import bench

COMPETITORS = {  # lowest RMSE of: grf, EconML's forests and LinearDML, CausalML, meta-learners with OLS and forests
    "A": (0.142, "grf's causal forest"),
    "B": (0.271, "LinearDML"),
    "C": (0.084, "S-learner with OLS"),
    "D": (0.598, "T-learner with forests"),
}
REPLICATIONS = 20
WON = 3  # of four


def peers():
    """For each design a competitor that can be run here, through the same code as ours."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression

    from ceteris.causal.heterogeneity import LinearEffects, SLearner, TLearner

    regressor = RandomForestRegressor(100, min_samples_leaf=5, random_state=0)
    classifier = RandomForestClassifier(100, min_samples_leaf=10, random_state=0)
    linear = LinearEffects(regressor, classifier)
    return {
        "A": ("linear effects, forests as nuisances", linear),
        "B": ("linear effects, forests as nuisances", linear),
        "C": ("S-learner with OLS", SLearner(LinearRegression(), LogisticRegression())),
        "D": ("T-learner with forests", TLearner(regressor, classifier)),
    }


def accuracy():
    """RMSE at 1,000 fresh rows, n = 1,000, p = 6, σ = 1: mean over replications, the same samples for all."""
    from ceteris.causal.heterogeneity import DRLearner, RLearner, compare_cate
    from ceteris.data import NieWagerDesign

    ours = {"R-learner": RLearner(), "DR-learner": DRLearner()}
    best = dict.fromkeys(ours, 0)
    for setup, (peer, estimator) in peers().items():
        found = compare_cate({**ours, peer: estimator}, [NieWagerDesign(setup)], REPLICATIONS, seed=2026).means()
        bar, who = COMPETITORS[setup]
        here = _measured(found, peer, "RMSE")[0]
        for name in ours:
            value, error = _measured(found, name, "RMSE")
            best[name] += value < bar
            seconds = _measured(found, name, "CPU s")[0]
            said = f"± {error:.3f}, {seconds:.1f} CPU-s a fit; bar: {who}; here {peer} {here:.3f}"
            yield bench.at_most(f"{name}, Nie-Wager {setup}", value, "RMSE", bar, said)
    said = ", ".join(f"{name} {count}" for name, count in best.items())
    yield bench.at_least("designs of four below the best competitor", max(best.values()), "designs", WON, said)


def _measured(found, estimator, measure):
    row = found[(found["estimator"] == estimator) & (found["measure"] == measure)].iloc[0]
    return float(row["mean"]), float(row["error"])


if __name__ == "__main__":
    bench.main({"accuracy": accuracy}, __file__)
