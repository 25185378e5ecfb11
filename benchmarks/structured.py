"""Structured nets and DeDL against the same nets without the correction: coverage, errors, the best arm.

    python benchmarks/structured.py [--json] [--only NAME] [--save]

All nets of all replications and folds train as one ensemble. The peer is the plug-in: the same nets, averaged, with the
standard error that takes their parameters as known. Every design is simulated with a fresh seed per replication.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from bench import Row, at_least, at_most, main

REPLICATIONS, ROWS = 240, 2_000
EXPERIMENTS, UNITS, FACTORS = 40, 3_000, 4
COVER = (0.93, 0.97)


def coverage(model: str):
    """Farrell-Liang-Misra intervals for the average slope of a linear or logit model."""
    from ceteris.causal.estimators.structured import StructuredNet
    from ceteris.causal.rows import read_rows
    from ceteris.causal.structural import Parameter, linear, logit
    from ceteris.data.factorial import STRUCTURAL_SLOPE, simulate_structural
    from ceteris.training import Net

    names = [f"x{j + 1}" for j in range(5)]
    samples = [
        read_rows(simulate_structural(ROWS, model, seed=10_000 + r), y="y", d="t", x=names) for r in range(REPLICATIONS)
    ]
    settings = StructuredNet({"linear": linear, "logit": logit}[model](), Parameter(1), net=Net(members=1))
    began = time.process_time()
    estimates = settings.fit_many(samples)
    seconds = time.process_time() - began

    def summary(found):
        point, se = (np.array([getattr(e, name)[0] for e in found]) for name in ("point", "se"))
        inside = np.abs(point - STRUCTURAL_SLOPE) <= 1.96 * se
        return inside.mean(), point.mean() - STRUCTURAL_SLOPE, point.std(ddof=1), se.mean()

    ours, bias, spread, se = summary(estimates)
    theirs, plug_bias, _, _ = summary([e.details.plug_in for e in estimates])
    error = np.sqrt(0.95 * 0.05 / REPLICATIONS)
    name = f"{model} model, {REPLICATIONS} samples of {ROWS}"
    yield Row(
        f"{name}: coverage of 95 % intervals", float(ours), "share", COVER[0], bool(COVER[0] <= ours <= COVER[1]),
        f"0.93 to 0.97; Monte Carlo error {error:.3f}; bias {bias:+.4f}, spread {spread:.4f}, mean std err {se:.4f}",
    )  # fmt: skip
    yield at_most(f"{name}: coverage of the plug-in", float(theirs), "share", 0.6, f"bias {plug_bias:+.4f}")
    yield Row(f"{name}: CPU time per sample, cold", seconds / REPLICATIONS, "s")


def experiments(epochs: int | None, link: str, assumed: str):
    """DeDL on experiments with 6 of the 16 combinations of 4 factors; return estimates, truth."""
    from ceteris.causal.estimators.dedl import DeDL
    from ceteris.causal.rows import read_rows
    from ceteris.data.factorial import factorial_truth, simulate_factorial
    from ceteris.training import Net

    t, x = [f"t{j + 1}" for j in range(FACTORS)], [f"x{j + 1}" for j in range(5)]
    samples = [
        read_rows(simulate_factorial(UNITS, FACTORS, link=link, seed=20_000 + r), y="y", d=t, x=x)
        for r in range(EXPERIMENTS)
    ]
    return DeDL(assumed, net=Net(epochs=epochs)).fit_many(samples), factorial_truth(FACTORS, link)


def errors(found, truth):
    """Return the mean squared errors over combinations and samples: debiased, plug-in."""
    gap = lambda estimates: float(np.mean([(e.point - truth.effect[1:]) ** 2 for e in estimates]))
    return gap(found), gap([e.details.plug_in for e in found])


def best_found(found, truth) -> float:
    names = found[0].details.means.names
    return float(np.mean([e.details.best == names[int(truth.mean.argmax())] for e in found]))


def covered(found, truth) -> float:
    return float(np.mean([np.abs(e.point - truth.effect[1:]) <= 1.96 * e.se for e in found]))


def dedl(kind: str):
    """DeDL against the structured net without debiasing."""
    epochs, link, assumed = {
        "stopped early": (5, "sigmoid", "sigmoid"),
        "converged": (None, "sigmoid", "sigmoid"),
        "wrong link": (None, "interacting", "sigmoid"),
    }[kind]
    found, truth = experiments(epochs, link, assumed)
    ours, theirs = errors(found, truth)
    name = f"DeDL, {kind}, {EXPERIMENTS} samples of {UNITS}"
    said = f"MSE {ours:.4f}, net without debiasing {theirs:.4f}"
    if kind == "wrong link":
        yield Row(f"{name}: MSE over that without debiasing", ours / theirs, "ratio", peer=said)
        return
    bar = 0.5 if kind == "stopped early" else 1.0
    yield at_most(f"{name}: MSE over that without debiasing", ours / theirs, "ratio", bar, said)
    yield at_least(f"{name}: best arm found", best_found(found, truth), "share of samples", 0.95)
    yield Row(f"{name}: coverage of 95 % intervals", covered(found, truth), "share")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(
        {
            "linear": lambda: coverage("linear"),
            "logit": lambda: coverage("logit"),
            "stopped early": lambda: dedl("stopped early"),
            "converged": lambda: dedl("converged"),
            "wrong link": lambda: dedl("wrong link"),
        },
        __file__,
    )
