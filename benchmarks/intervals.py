"""Heavy tails and leverage in small samples: coverage of 95 % intervals with and without the small-sample correction.

The correction was chosen on other designs (t(3.2) to t(5), Weibull, contaminated normal and χ² noise and covariates,
poor overlap, up to 30 covariates); those here were measured once it stood. "Without" is what other software reports.
"""

from __future__ import annotations

import warnings

import numpy as np

import bench
import intervals_designs as designs

SAMPLES, AT_ONCE, SEED = 2000, 50, 2026
ENOUGH, WIDER, WELL_BEHAVED = 0.935, 1.02, 0.965


def intervals(model, design, n, start, copies=AT_ONCE):
    """Errors of the estimates, and half widths without and with the correction, shapes (copies,)."""
    from ceteris.causal import assemble

    rng = np.random.default_rng((SEED, n, start))
    (a, b), weights, truth, _ = designs.MODELS[model](rng, copies, n, **designs.DESIGNS[design])
    names, fold = [f"sample {c}" for c in range(copies)], np.zeros(n, int)
    pairs = list(zip(a, b, strict=True))
    plain = assemble.solve(pairs, names, fold)  # every sample as a parameter of its own
    better = assemble.solve(pairs, names, fold, weights=list(weights))
    return plain.point - truth, *(np.ptp(one.conf_int(), axis=1) / 2 for one in (plain, better))


def measured(model, design, n):
    parts = [intervals(model, design, n, start) for start in range(0, SAMPLES, AT_ONCE)]
    error, plain, better = (np.concatenate(part) for part in zip(*parts, strict=True))
    before, after = (float(np.mean(np.abs(error) <= half)) for half in (plain, better))
    return before, after, float(better.mean() / plain.mean()), float(np.median(better / plain))


def rows_of(model):
    for design in designs.DESIGNS:
        for n in (500, 2000):
            before, after, wider, typically = measured(model, design, n)
            noise = float(np.sqrt(after * (1 - after) / SAMPLES))
            name = f"{model}, {design}, n = {n:,}"
            said = f"without {before:.4f}, ± {noise:.4f}; widths x {wider:.3f} (median {typically:.3f})"
            yield bench.at_least(name, after, "coverage", ENOUGH if n == 500 else 0.95 - 2 * noise, said)
            if design == "normal":
                yield bench.at_most("  not too wide", after, "coverage", WELL_BEHAVED)
            if n == 2000:
                yield bench.at_most("  widths, mean of with over mean of without", wider, "x", WIDER)


def same():
    """The samples solved at once give what the estimators give one by one."""
    for model, scored in designs.MODELS.items():
        rng = np.random.default_rng(SEED)
        (a, b), weights, _, data = scored(rng, 3, 500, **designs.DESIGNS["t(3)"])
        gaps = []
        for c in range(3):
            roles = {role: values[c] for role, values in data.items()}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one = designs.estimator(model, roles.pop("fold")).fit(**roles)
            gaps.append(np.abs(one.conf_int() - solved(a[c], b[c], weights[c]).conf_int()).max())
        yield bench.at_most(f"ends of intervals, at once and one by one: {model}", float(max(gaps)), "abs", 1e-7)


def solved(a, b, weights):
    from ceteris.causal import assemble

    return assemble.solve([(a, b)], ["effect"], np.zeros(len(a), int), weights=[weights])


if __name__ == "__main__":
    parts = {"same": same, **{model: (lambda model=model: rows_of(model)) for model in designs.MODELS}}
    bench.main(parts, __file__)
