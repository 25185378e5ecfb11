"""Genz's functions learnt by ceteris and by scikit-learn's MLPRegressor, family by family.

6 functions x 3 dimensions x 5 seeds at 10, 50, 100 and 500 points; hidden layers of 32 and 32 tanh units for both,
inputs on [-1, 1] and targets standardised for both. The peer is L-BFGS with up to 500 iterations and one BLAS thread,
otherwise at scikit-learn's defaults. Each side runs in a process of its own; imports and the simulation of the data are
not counted. Ours runs with an empty compilation cache, then with a warm one, where the first fits of each size, which
trace the program, are not counted. A ratio of errors is that of medians over seeds, averaged over dimensions by the
geometric mean.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings

import numpy as np

import bench

DIMENSIONS, SIZES, SEEDS, ITERATIONS = (2, 5, 10), (10, 50, 100, 500), 5, 500


def problems(name, n):
    from ceteris.data.genz import simulate_genz

    return [simulate_genz(name, d, n, seed=s) for d in DIMENSIONS for s in range(SEEDS)]


def ours(cases):
    from ceteris.gallery import genz

    return genz.predict_fresh(cases, seed=0)


def peers(cases):
    from sklearn.neural_network import MLPRegressor
    from threadpoolctl import threadpool_limits

    from ceteris.gallery.genz import WIDTHS

    def one(seed, p):
        centre, spread = p.y.mean(), p.y.std() or 1.0
        net = MLPRegressor(
            hidden_layer_sizes=WIDTHS, activation="tanh", solver="lbfgs", max_iter=ITERATIONS, random_state=seed
        )
        return net.fit(2 * p.x - 1, (p.y - centre) / spread).predict(2 * p.x_fresh - 1) * spread + centre

    with threadpool_limits(1):
        return np.array([one(i, p) for i, p in enumerate(cases)])


def run(side: str) -> None:
    """Fit all cases; print CPU seconds and median errors by dimension, of each size and family."""
    from ceteris.data.genz import GENZ

    warnings.simplefilter("ignore")  # scikit-learn warns of every fit that its iterations do not finish
    fit, found = peers if side == "peer" else ours, {}
    if side == "peer":
        fit(problems(GENZ[0], SIZES[0])[:1])  # imports
    for n in SIZES:
        if side == "warm":
            fit(problems(GENZ[0], n))
        for name in GENZ:
            cases = problems(name, n)
            start = time.process_time()
            predicted = fit(cases)
            cpu = time.process_time() - start
            off = np.abs(predicted - np.stack([p.y_fresh for p in cases])).reshape(len(DIMENSIONS), -1, 1000)
            errors = {"average": off.mean(2), "maximum": off.max(2)}
            found[f"{name} {n}"] = {"cpu": cpu} | {what: np.median(e, 1).tolist() for what, e in errors.items()}
    print(json.dumps(found))


def sweep():
    with tempfile.TemporaryDirectory() as cache:
        fresh = {"CETERIS_CACHE": "", "JAX_COMPILATION_CACHE_DIR": cache}
        fresh["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        cold, warm = (bench.in_fresh_process("genz.py", "--side", s, environment=fresh) for s in ("cold", "warm"))
    peer = bench.in_fresh_process("genz.py", "--side", "peer")
    spent = lambda side: sum(side[key]["cpu"] for key in cold)
    said = f"{spent(cold):.1f} against {spent(peer):.1f} CPU-s for 360 fits"
    yield bench.at_most("CPU time, cold, against L-BFGS", spent(cold) / spent(peer), "ratio", 1.0, said)
    said = f"{spent(warm):.1f} CPU-s"
    yield bench.at_most("CPU time, warm cache, against L-BFGS", spent(warm) / spent(peer), "ratio", 0.8, said)
    for key, theirs in peer.items():
        name, n = key.split()
        bar = 1.0 if n == "500" else None
        title = f"{name.replace('_', ' ')}, {int(n):,} points"
        for what in ("average", "maximum"):
            mine, other = warm[key][what], theirs[what]
            ratio = float(np.exp(np.mean(np.log(np.divide(mine, other)))))
            said = "by dimension " + ", ".join(f"{a:.2g} against {b:.2g}" for a, b in zip(mine, other, strict=True))
            yield row(f"{title}: {what} error, against L-BFGS", ratio, bar, said)
        said = f"{warm[key]['cpu']:.2f} against {theirs['cpu']:.2f} CPU-s"
        yield row(f"{title}: CPU time, warm cache", warm[key]["cpu"] / theirs["cpu"], bar, said)


def row(name, value, bar, peer):
    return bench.Row(name, value, "ratio", peer=peer) if bar is None else bench.at_most(name, value, "ratio", bar, peer)


if __name__ == "__main__":
    if "--side" in sys.argv:
        run(sys.argv[sys.argv.index("--side") + 1])
    else:
        bench.main({"sweep": sweep}, __file__)
