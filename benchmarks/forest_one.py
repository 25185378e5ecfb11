"""One measurement of forests in a process of its own; prints one JSON object."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

import numpy as np

TREES = 500


def rows(n, p=20, seed=0):
    """A confounded treatment whose effect is 1 + x₁/2, and its true nuisances."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    e = 1 / (1 + np.exp(-x[:, 0]))
    d = (rng.random(n) < e).astype(float)
    tau = 1 + x[:, 1] / 2
    return {"x": x, "d": d, "y": tau * d + x[:, 0] + rng.normal(size=n), "tau": tau, "e": e, "m": x[:, 0] + e * tau}


def fit(n, trees=TREES):
    """CPU seconds of a first fit and prediction in this process, compiled programs being on disk, and of a second.

    With many rows the first is one of few rows.
    """
    n, trees = int(n), int(trees)
    new = rows(10_000, seed=1)
    from ceteris.causal.heterogeneity.causal_forest import CausalForest
    from ceteris.causal.heterogeneity.forest.growth import TreeSettings

    estimator, times = CausalForest(TreeSettings(trees=trees)), []
    for size in (min(n, 10_000), n):
        data = rows(size)
        given = {"m": data["m"], "e": data["e"]}
        start = time.process_time()
        fitted = estimator.fit(y=data["y"], d=data["d"], x=data["x"], nuisances=given)
        grown = time.process_time()
        found = fitted.effect(new["x"])
        times.append((grown - start, time.process_time() - grown))
    error = float(np.sqrt(np.mean((found.point - new["tau"]) ** 2)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": times[0], "fit": times[-1][0], "predict": times[-1][1], "rmse": error, "memory": memory}


def peer_fit(n, trees=TREES):
    """EconML on the residuals."""
    from econml.grf import CausalForest

    data, new = rows(int(n)), rows(10_000, seed=1)
    start = time.process_time()
    forest = CausalForest(int(trees), n_jobs=1, random_state=0).fit(
        data["x"], data["d"] - data["e"], data["y"] - data["m"]
    )
    grown = time.process_time()
    point, _ = forest.predict_and_var(new["x"])
    error = float(np.sqrt(np.mean((point.ravel() - new["tau"]) ** 2)))
    return {"fit": grown - start, "predict": time.process_time() - grown, "rmse": error}


def accuracy(setup, replications, trees, peer_trees):
    """RMSE, coverage and width of intervals on fresh rows of Nie and Wager; EconML has the same residuals."""
    from dataclasses import replace

    from ceteris.causal.heterogeneity.causal_forest import CausalForest
    from ceteris.causal.heterogeneity.forest.calibration import AS_IS
    from ceteris.causal.heterogeneity.forest.growth import TreeSettings
    from ceteris.data.heterogeneity import NieWagerDesign

    found = {"plain": [], "ours": [], "sampling": [], "peer": []}
    for seed in range(int(replications)):
        rng = np.random.default_rng((11, seed))
        sample, new = (NieWagerDesign(setup).draw(rng, 1000) for _ in range(2))
        y, d, x, at, tau = sample["y"][0], sample["d"][0], sample["x"][0], new["x"][0], new["tau"][0]
        fitted = CausalForest(TreeSettings(trees=int(trees), seed=seed)).fit(y=y, d=d, x=x)
        plain = replace(fitted, answers=replace(fitted.answers, calibration=AS_IS, interval="sampling"))
        sampling = replace(fitted, answers=replace(fitted.answers, interval="sampling"))
        for name, model in (("ours", fitted), ("plain", plain), ("sampling", sampling)):
            effects = model.effect(at)
            low, high = effects.conf_int().T
            found[name].append((error(effects.point, tau), np.mean((low < tau) & (tau < high)), np.mean(high - low)))
        if int(peer_trees):
            from econml.grf import CausalForest as Peer

            peer = Peer(int(peer_trees), n_jobs=1, random_state=seed)
            peer.fit(x, d - fitted.nuisances.e, y - fitted.nuisances.m)
            point, low, high = peer.predict(at, interval=True, alpha=0.05)
            covered = np.mean((low.ravel() < tau) & (tau < high.ravel()))
            found["peer"].append((error(point.ravel(), tau), covered, np.mean(high - low)))
    return {
        name: {"mean": np.mean(values, 0).tolist(), "sd": np.std(values, 0, ddof=1).tolist()}
        for name, values in found.items()
        if values
    }


def error(point, tau):
    return float(np.sqrt(np.mean((point - tau) ** 2)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({"fit": fit, "peer_fit": peer_fit, "accuracy": accuracy}[sys.argv[1]](*sys.argv[2:])))
