"""One cold process for the benchmark of symmetry: ``python symmetry_one.py NAME NUMBER`` prints a JSON object.

CPU seconds count everything from the start of the process, or, for solutions after the first, the solution alone. Test
states are 32 fresh trajectories from X₀; expectations there are Gauss-Hermite over the common shock times four draws of
the firms' shocks, none of them the draw that was trained with.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time

import numpy as np


def judged(solution, seed=0, paths=32):
    """Test error and, for linear demand, the policy's distance to the linear-quadratic truth."""
    import equinox as eqx
    import jax

    from ceteris.engine import precision
    from ceteris.equilibrium.expectation import finer
    from ceteris.equilibrium.models.industry import Industry
    from ceteris.equilibrium.policy import errors_at
    from ceteris.equilibrium.simulate import along_paths

    with precision("double"):
        model, policy = solution._model, solution.hypothesis
        visited = eqx.filter_jit(along_paths)(model, policy, jax.random.key(10_000 + seed), paths, 64)
        flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), visited)
        X, batch = np.asarray(flat.X), 64
        rule, _ = finer(solution.rule, 1)
        parts = [jax.tree.map(lambda a, i=i: a[i : i + batch], flat) for i in range(0, len(X), batch)]
        off = np.concatenate([np.asarray(errors_at(model, policy, part, rule).euler) for part in parts])
    found = {"test": float(np.mean(off**2))}
    if solution.model.nu == 1:
        level, slope = Industry().stable_root()
        u = np.concatenate([solution.policy({"X": X[i : i + batch]})["u"] for i in range(0, len(X), batch)])
        found["policy"] = float(np.mean(np.abs(u / (level + slope * X.mean(1)) - 1)))
    return found


def seeds(nu, n, tolerance=None, firms=128):
    """Default solutions for seeds 0, ..., n-1 in this process: the first one compiles."""
    from ceteris.equilibrium import solve
    from ceteris.equilibrium.models.industry import Industry

    runs, first = [], None
    for seed in range(n):
        begun = time.process_time()
        solution = solve(Industry(nu=nu, firms=firms), seed=seed, tolerance=tolerance)
        cpu = time.process_time() - begun
        first = time.process_time() if first is None else first
        runs.append({"cpu": cpu, "met": solution.met, "validation": solution.log[-1]["loss"], **judged(solution, seed)})
    facts = {f"median {k}": statistics.median(run[k] for run in runs) for k in runs[0]}
    facts |= {f"worst {k}": max(run[k] for run in runs) for k in runs[0] if k != "met"}
    below = {f"below {bar}": sum(run["test"] < float(bar) for run in runs) for bar in ("1e-6", "1e-8", "1e-9")}
    return {**facts, **below, "met": sum(run["met"] for run in runs), "cold": first}


def linear(n):
    return seeds(1.0, n)


def linear_exact(n):
    return seeds(1.0, n, (1e-5, 1e-3))


def nonlinear(n):
    return seeds(1.5, n)


def many(firms):
    """One cold solution with so many firms, and its memory; judged on four trajectories."""
    from ceteris.equilibrium import solve
    from ceteris.equilibrium.models.industry import Industry

    solution = solve(Industry(nu=1.5, firms=firms))
    cpu, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"cpu": cpu, "GiB": memory, "met": solution.met, **judged(solution, paths=4)}


def step(firms):
    """CPU seconds of one Levenberg-Marquardt step, compiled: the difference of 13 and 3 steps."""
    from ceteris.equilibrium import Trajectories, solve
    from ceteris.equilibrium.models.industry import Industry

    def run(steps):
        begun = time.process_time()
        solve(Industry(nu=1.5, firms=firms), phases=[Trajectories(64, steps)], tolerance=1e-12)
        return time.process_time() - begun

    times = {}
    for steps in (3, 13):
        run(steps)
        times[steps] = min(run(steps) for _ in range(2))
    return {"step": (times[13] - times[3]) / 10}


def table(n):
    """Table 1 of 002 with all its seeds."""
    from ceteris.gallery import symmetry_regression

    (section,) = symmetry_regression.sections()
    return {"share": section.checks[0].value, "cpu": time.process_time()}


def architecture(number):
    """A row of Table 2 or 3 with 21 seeds as one ensemble; CPU seconds beside those of one seed, cold and compiled."""
    from ceteris.gallery.symmetry_tables import LINEAR, NONLINEAR, measured, trained

    row, nu = [*((row, 1.0) for row in LINEAR), *((row, 1.5) for row in NONLINEAR)][number]
    times = []
    for seed in (0, 1):
        begun = time.process_time()
        trained(row, nu, 1, seed)
        times.append(time.process_time() - begun)
    found = measured(row, nu, 21, 0)
    return {
        "one": times[0],
        "loop": times[0] + 20 * times[1],
        **{name: found[name] for name in ("cpu", "ours", "published", "policy", "success")},
    }


if __name__ == "__main__":
    found = globals()[sys.argv[1]](int(sys.argv[2]))
    print(json.dumps({name: float(value) for name, value in found.items()}))
