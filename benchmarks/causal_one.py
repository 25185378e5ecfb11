"""One measurement of benchmarks/causal.py in a fresh process; prints one JSON object."""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def import_ceteris():
    start = time.process_time()
    import ceteris.causal
    from ceteris.causal import PartiallyLinear  # the name is lazy: this is what a user pays

    return {"seconds": time.process_time() - start, "name": PartiallyLinear.__name__ + ceteris.causal.__name__}


def import_doubleml():
    start = time.process_time()
    import doubleml

    return {"seconds": time.process_time() - start, "name": doubleml.__name__}


def samples(n, binary):
    from ceteris.data import simulate_interactive, simulate_partially_linear

    data = (simulate_interactive if binary else simulate_partially_linear)(n, seed=1)
    return data, [name for name in data if name.startswith("x")]


def learners(kind, binary):
    """Ours and the peer's learners of outcome and treatment."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    if kind == "linear":
        return LinearRegression(), LogisticRegression() if binary else LinearRegression()
    if kind == "lightgbm":
        from lightgbm import LGBMClassifier, LGBMRegressor

        quiet = {"n_estimators": 100, "verbose": -1, "n_jobs": 1}
        return LGBMRegressor(**quiet), (LGBMClassifier if binary else LGBMRegressor)(**quiet)
    from ceteris.causal.neural import net_classifier, net_regressor

    return net_regressor(8_000), net_classifier(8_000) if binary else net_regressor(8_000)


def fits(kind, model, repeats=5):
    """CPU seconds of one fit of ours, n = 10,000, p = 20: the first, the median of the others; and fit of nuisances."""
    from ceteris.causal import Interactive, PartiallyLinear

    binary = model == "interactive"
    data, names = samples(10_000, binary)
    estimator = (Interactive if binary else PartiallyLinear)(*learners(kind, binary))
    seconds = []
    for _ in range(repeats + 1):
        start = time.process_time()
        estimate = estimator.fit(data, y="y", d="d", x=names)
        seconds.append(time.process_time() - start)
    checks = {check.name: check.value for check in estimate.checks if check.name.startswith("fit")}
    return {"first": seconds[0], "seconds": float(np.median(seconds[1:])), "fit": checks}


def peer_fits(kind, model, repeats=5):
    """The same of DoubleML, its data object made before."""
    import doubleml as dml

    binary = model == "interactive"
    data, names = samples(10_000, binary)
    outcome, treatment = learners(kind, binary)
    table = dml.DoubleMLData(data, "y", "d", x_cols=names)
    seconds = []
    for _ in range(repeats + 1):
        start = time.process_time()
        peer = (dml.DoubleMLIRM if binary else dml.DoubleMLPLR)(table, outcome, treatment, n_folds=5)
        peer.fit()
        seconds.append(time.process_time() - start)
    return {"first": seconds[0], "seconds": float(np.median(seconds[1:])), "fit": _peer_fit(peer, data, binary)}


def _peer_fit(peer, data, binary):
    """Out-of-fold R² of the peer's nuisances, under the names of our checks."""
    y, d = data["y"].to_numpy(), data["d"].to_numpy()
    found = {name: values.ravel() for name, values in peer.predictions.items() if values is not None}

    def r2(truth, fit):
        return float(1 - np.sum((truth - fit) ** 2) / np.sum((truth - truth.mean()) ** 2))

    if not binary:
        return {"fit of the outcome": r2(y, found["ml_l"]), "fit of the treatment 'd'": r2(d, found["ml_m"])}
    each = {f"fit of the outcome where D = {w}": r2(y[d == w], found[f"ml_g{w}"][d == w]) for w in (0, 1)}
    return {"fit of the treatment": r2(d, found["ml_m"]), **each}


def ours_in_a_loop(replications):
    """Seconds of monte_carlo, drawing the samples included."""
    from sklearn.linear_model import LinearRegression

    from ceteris.causal import PartiallyLinear, monte_carlo
    from ceteris.data import PartiallyLinearDesign

    estimator = PartiallyLinear(LinearRegression(), LinearRegression())
    monte_carlo(PartiallyLinearDesign(), estimator, 50)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        result = monte_carlo(PartiallyLinearDesign(), estimator, replications)
        seconds.append(time.process_time() - start)
    return {"seconds": float(np.median(seconds)), "coverage": result.coverage}


def peer_in_a_loop(replications):
    """Seconds of a loop over DoubleML on samples of its own design, drawing them included."""
    import doubleml as dml
    from doubleml.plm.datasets import make_plr_CCDDHNR2018
    from sklearn.linear_model import LinearRegression

    covered = []
    start = time.process_time()
    for r in range(replications):
        np.random.seed(1000 + r)  # noqa: NPY002 - the peer draws from NumPy's global state
        peer = dml.DoubleMLPLR(make_plr_CCDDHNR2018(500, 20), LinearRegression(), LinearRegression(), n_folds=5)
        low, high = peer.fit().confint().to_numpy()[0]
        covered.append(low <= 0.5 <= high)
    return {"seconds": time.process_time() - start, "coverage": float(np.mean(covered))}


def coverage(name, replications):
    """Coverage of the default intervals in the estimator's home design."""
    from ceteris.causal import (
        DifferenceInDifferences,
        Interactive,
        InteractiveIV,
        PartiallyLinear,
        PartiallyLinearIV,
        monte_carlo,
    )
    from ceteris.data import (
        DifferenceInDifferencesDesign,
        InteractiveDesign,
        InteractiveIVDesign,
        PartiallyLinearDesign,
        PartiallyLinearIVDesign,
    )

    home = {
        "partially linear": (PartiallyLinearDesign(), PartiallyLinear()),
        "interactive, ATE": (InteractiveDesign(), Interactive()),
        "partially linear IV": (PartiallyLinearIVDesign(), PartiallyLinearIV()),
        "interactive IV": (InteractiveIVDesign(), InteractiveIV()),
        "differences, panel": (DifferenceInDifferencesDesign(), DifferenceInDifferences()),
        "differences, cross-sections": (DifferenceInDifferencesDesign(panel=False), DifferenceInDifferences()),
    }
    start = time.process_time()
    result = monte_carlo(*home[name], replications)
    error = result.frame().loc["coverage", "Monte Carlo error"]
    return {"coverage": result.coverage, "error": float(error), "seconds": time.process_time() - start}


def classical_coverage(replications):
    """Coverage of the estimators without machine learning: moderate confounding, or none for the experiments."""
    from ceteris import causal
    from ceteris.data import WeakOverlapDesign

    studies = (
        causal.RegressionAdjustment,
        causal.InverseProbabilityWeighting,
        causal.BalancingWeights,
        causal.EntropyBalancing,
        causal.CovariateBalancing,
        causal.NearestNeighbours,
        causal.PropensityMatching,
    )
    experiments = (causal.DifferenceInMeans, causal.InteractedRegression)
    found = {}
    for estimators, strength in ((studies, 0.5), (experiments, 0.0)):
        for estimator in estimators:
            result = causal.monte_carlo(WeakOverlapDesign(strength=strength), estimator(), replications)
            found[estimator.__name__] = (result.coverage, float(result.frame().loc["coverage", "Monte Carlo error"]))
    return found


if __name__ == "__main__":
    function, *given = sys.argv[1:]
    print(json.dumps(globals()[function](*(int(a) if a.isdigit() else a for a in given))))
