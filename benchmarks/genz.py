"""Genz's functions: 720 fits by ceteris and by scikit-learn's MLPRegressor, compilation included.

6 functions x 3 dimensions x 4 sample sizes x 10 seeds, hidden layers of 32 and 32 on both sides, inputs on [-1, 1] and
targets standardised for both; scikit-learn otherwise at its defaults. Each side runs in a process of its own; imports
and the simulation of the data are not counted. Ours runs with an empty compilation cache, then again with a warm one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings

import numpy as np

import bench

DIMENSIONS, SIZES, SEEDS = (2, 5, 10), (10, 50, 100, 500), 10


def problems(n):
    from ceteris.data.genz import GENZ, simulate_genz

    return [simulate_genz(name, d, n, seed=s) for d in DIMENSIONS for name in GENZ for s in range(SEEDS)]


def ours():
    from ceteris.gallery import genz

    for n in SIZES:
        yield n, lambda cases: genz.predict_fresh(cases, seed=0)


def scikit_learn(solver):
    from sklearn.neural_network import MLPRegressor

    from ceteris.gallery.genz import WIDTHS

    def one(seed, p):
        centre, spread = p.y.mean(), p.y.std() or 1.0
        net = MLPRegressor(hidden_layer_sizes=WIDTHS, solver=solver, random_state=seed)
        return net.fit(2 * p.x - 1, (p.y - centre) / spread).predict(2 * p.x_fresh - 1) * spread + centre

    for n in SIZES:
        yield n, lambda cases: np.array([one(i % SEEDS, p) for i, p in enumerate(cases)])


def run(side: str) -> None:
    """Fit all cases; print CPU seconds and the maximum errors, raw and relative to the spread of the function."""
    warnings.simplefilter("ignore")  # scikit-learn warns of every fit that its 200 iterations do not finish
    cpu, raw, relative, average = 0.0, [], [], []
    for n, fit_all in ours() if side == "ours" else scikit_learn(side):
        cases = problems(n)
        start = time.process_time()
        predicted = fit_all(cases)
        cpu += time.process_time() - start
        off = np.abs(predicted - np.stack([p.y_fresh for p in cases]))
        raw += off.max(1).tolist()
        average += off.mean(1).tolist()
        relative += (off.max(1) / np.stack([p.y_fresh for p in cases]).std(1)).tolist()
    medians = {"max": np.median(raw), "relative": np.median(relative), "average": np.median(average)}
    print(json.dumps({"cpu": cpu, "fits": len(raw), **medians}))


def sweep():
    with tempfile.TemporaryDirectory() as cache:
        fresh = {"JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        cold = bench.in_fresh_process("genz.py", "--side", "ours", environment=fresh)
        warm = bench.in_fresh_process("genz.py", "--side", "ours", environment=fresh)
    adam, lbfgs = (bench.in_fresh_process("genz.py", "--side", solver) for solver in ("adam", "lbfgs"))
    said = lambda peer: f"{cold['cpu']:.1f} against {peer['cpu']:.1f} CPU-s for {peer['fits']} fits"
    yield bench.at_most("CPU time, cold, against Adam", cold["cpu"] / adam["cpu"], "ratio", 0.25, said(adam))
    yield bench.at_most("CPU time, cold, against L-BFGS", cold["cpu"] / lbfgs["cpu"], "ratio", 0.5, said(lbfgs))
    yield bench.Row(
        "CPU time, warm cache, against Adam", warm["cpu"] / adam["cpu"], "ratio", peer=f"{warm['cpu']:.1f} CPU-s"
    )
    yield bench.Row("CPU time, warm cache, against L-BFGS", warm["cpu"] / lbfgs["cpu"], "ratio")
    for what, key in (("maximum error", "max"), ("maximum error / spread", "relative"), ("average error", "average")):
        peer = f"Adam {adam[key]:.3g}, L-BFGS {lbfgs[key]:.3g}"
        yield bench.at_most(f"median of the {what}", cold[key], "", min(adam[key], lbfgs[key]), peer)


if __name__ == "__main__":
    if "--side" in sys.argv:
        run(sys.argv[sys.argv.index("--side") + 1])
    else:
        bench.main({"sweep": sweep}, __file__)
