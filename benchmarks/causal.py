"""Causal effects: parity with DoubleML, one fit, many samples, coverage with the default learners."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import bench

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
HOME = (
    "partially linear",
    "interactive, ATE",
    "partially linear IV",
    "interactive IV",
    "differences, panel",
    "differences, cross-sections",
)
REPLICATIONS = 1000


def one(*arguments):
    return bench.in_fresh_process("causal_one.py", *map(str, arguments), environment=ONE_THREAD)


def parity():
    """Largest difference of point and standard error on the same folds and learners, n = 2,000."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import warnings

    from sklearn.linear_model import LinearRegression, LogisticRegression

    import peer
    from ceteris.causal import Interactive, PartiallyLinear, make_folds
    from ceteris.data import simulate_interactive, simulate_partially_linear

    warnings.simplefilter("ignore")
    dml, ols, logit = peer.doubleml(), LinearRegression(), LogisticRegression(**peer.TIGHT)
    names = [f"x{j}" for j in range(20)]
    for score in ("partialling out", "IV-type"):
        data, folds = simulate_partially_linear(2000, seed=1), make_folds(2000, repeats=3)
        found = PartiallyLinear(ols, ols, score=score, folds=folds, small_sample=False).fit(data, y="y", d="d", x=names)
        third = ols if score == "IV-type" else None
        settings = {"score": score, "n_rep": 3, "draw_sample_splitting": False}
        model = dml.DoubleMLPLR(dml.DoubleMLData(data, "y", "d", x_cols=names), ols, ols, third, **settings)
        yield _difference(f"partially linear, {score}, 3 splits", found, peer.fitted(model, folds))
    data = simulate_interactive(2000, seed=1)
    folds = make_folds(2000, repeats=3, stratify=data["d"].to_numpy())
    for estimand, score in (("ATE", "ATE"), ("ATT", "ATTE")):
        for normalise in (False, True):
            found = Interactive(ols, logit, estimand, normalise, folds=folds, small_sample=False).fit(
                data, y="y", d="d", x=names
            )
            settings = {"score": score, "normalize_ipw": normalise, "n_rep": 3, "draw_sample_splitting": False}
            model = dml.DoubleMLIRM(dml.DoubleMLData(data, "y", "d", x_cols=names), ols, logit, **settings)
            weights = ", normalised" if normalise else ""
            yield _difference(f"interactive, {estimand}{weights}, 3 splits", found, peer.fitted(model, folds))


def _difference(name, found, expected):
    value = float(np.max(np.abs(np.array([found.point[0], found.se[0]]) - expected)))
    return bench.at_most(f"against DoubleML: {name}", value, "abs", 1e-8, "others: tests/causal")


def imports():
    ours, peer = one("import_ceteris"), one("import_doubleml")
    yield bench.at_most("import ceteris.causal", ours["seconds"], "CPU-s", 1.0, f"DoubleML {peer['seconds']:.2f}")


def fits():
    for model, bar in (("partially linear", 0.017), ("interactive", 0.063)):
        ours, peer = one("fits", "linear", model), one("peer_fits", "linear", model)
        said = f"DoubleML {peer['seconds']:.3f}"
        yield bench.at_most(f"one fit, {model}, OLS/logit, n = 10,000", ours["seconds"], "CPU-s", bar, said)
        yield bench.at_least(f"  times DoubleML's speed ({model})", peer["seconds"] / ours["seconds"], "x", 1.5)


def nets():
    for model in ("partially linear", "interactive"):
        ours, peer = one("fits", "nets", model, 3), one("peer_fits", "lightgbm", model, 3)
        said = f"DoubleML with LightGBM {peer['seconds']:.2f}"
        yield bench.at_most(f"one fit, {model}, our nets, warm", ours["seconds"], "CPU-s", peer["seconds"], said)
        yield bench.Row("  the same, cold", ours["first"], "CPU-s")
        for name, value in ours["fit"].items():
            yield bench.at_least(f"  out-of-fold R², {name}", value, "R²", peer["fit"][name], "bar: LightGBM-100")


def many_samples():
    ours, peer = one("ours_in_a_loop", 500), one("peer_in_a_loop", 500)
    ratio = peer["seconds"] / ours["seconds"]
    times = f"{ours['seconds']:.3f} against {peer['seconds']:.1f} CPU-s"
    said = f"{times}; coverage {ours['coverage']:.3f} and {peer['coverage']:.3f}"
    yield bench.at_least("500 samples, partially linear, OLS: times a loop", ratio, "x", 50, said)


def coverage():
    for name in HOME:
        found = one("coverage", name, REPLICATIONS)
        off = abs(found["coverage"] - 0.95)
        said = f"coverage {found['coverage']:.3f} ± {found['error']:.3f}, {REPLICATIONS} samples of 500"
        yield bench.at_most(f"defaults cover 95 %: {name}", off, "off", 0.015, said)


def classical():
    for name, (covered, error) in one("classical_coverage", REPLICATIONS).items():
        said = f"coverage {covered:.3f} ± {error:.3f}, {REPLICATIONS} samples of 500"
        yield bench.at_most(f"defaults cover 95 %: {name}", abs(covered - 0.95), "off", 0.015, said)


if __name__ == "__main__":
    parts = {
        "parity": parity,
        "imports": imports,
        "fits": fits,
        "nets": nets,
        "many_samples": many_samples,
        "coverage": coverage,
        "classical": classical,
    }
    bench.main(parts, __file__)
