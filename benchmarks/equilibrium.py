"""Equilibrium models: accuracy on fresh states and CPU seconds from a cold start, against the bars of the design.

Every solution is a process of its own without a compilation cache (`equilibrium_one.py`). Medians over seeds: five for
the small models, fewer for those that take minutes (the row says how many). The peers are published figures or the slow
routes in ``tests/truth``.
"""

from __future__ import annotations

import statistics

import bench

# One thread for a product: on a machine that others use too, threads that wait for each other count as work.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
COLD = {"JAX_ENABLE_COMPILATION_CACHE": "false", "XLA_FLAGS": ONE_THREAD}


def median_of(name, seeds):
    """Medians of every figure over seeds."""
    runs = [bench.in_fresh_process("equilibrium_one.py", name, str(seed), environment=COLD) for seed in range(seeds)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def rows(name, seeds, bars, peer=""):
    """One row per figure of a model; ``bars`` maps a figure to its bar, None where it is only reported."""

    def measure():
        found = median_of(name, seeds)
        for key, bar in bars.items():
            label = f"{name}: {key} ({seeds} seed{'s' * (seeds > 1)})"
            unit = "CPU s" if key == "cpu" else ""
            if bar is None:
                yield bench.Row(label, found[key], unit, peer=peer)
            elif isinstance(bar, tuple):  # (at least, value)
                yield bench.at_least(label, found[key], unit, bar[1], peer)
            else:
                yield bench.at_most(label, found[key], unit, bar, peer)

    return measure


def sweep():
    """64 calibrations of growth in one ensemble, against one."""
    found = bench.in_fresh_process("equilibrium_one.py", "sweep", "0", environment=COLD)
    yield bench.at_most("64 calibrations / one, cold", found["ratio"], "ratio", 10)
    yield bench.Row("64 calibrations, worst distance to αβ", found["worst"], "")


def speed():
    """Simulated model-periods per second."""
    found = bench.in_fresh_process("equilibrium_one.py", "speed", "0", environment=COLD)
    yield bench.at_least("growth: simulated model-periods per second", found["periods per second"], "1/s", 1e6)
    yield bench.at_most("second solve: programs compiled", found["compiled"], "", 0)
    yield bench.at_most("episode step / its matrix products", found["step ratio"], "ratio", 1.5)


BENCHMARKS = {
    "growth_full": rows("growth_full", 5, {"policy mean": 1e-7, "cpu": 20}, "closed form"),
    "growth": rows(
        "growth", 5, {"mean": 5e-8, "max": 1e-6, "policy mean": 1e-6, "cpu": 30}, "Chebyshev projection"
    ),
    "olg_analytic": rows(
        "olg_analytic", 5, {"rate mean": 1e-6, "rate max": None, "mean": 1e-6, "cpu": 60}, "published 1e-5, 2.6e-4"
    ),
    "consumption_saving": rows(
        "consumption_saving",
        5,
        {"policy mean": 1e-4, "policy max": None, "kink mean": 1e-4, "kink max": None, "cpu": 60},
        "endogenous gridpoints",
    ),
    "irbc": rows(
        "irbc", 5, {"ergodic policy mean": 1e-5, "box policy mean": 1e-4, "mean": None, "cpu": 60}, "time iteration"
    ),
    "irbc_irreversible": rows(
        "irbc_irreversible",
        5,
        {"mean": 5e-5, "box policy mean": 5e-4, "box policy max": None, "lowest investment": (">=", 0.0), "cpu": 180},
        "time iteration",
    ),
    "irbc10": rows("irbc10", 3, {"mean": 1e-5, "rests": (">=", 1.0), "cpu": 300}, "published 8.3e-5"),
    "irbc50": rows("irbc50", 1, {"mean": 1e-4, "rests": (">=", 1.0), "cpu": 1200}),
    "olg": rows(
        "olg",
        3,
        {"mean": 6e-5, "p99.9": 5e-4, "max": 2e-3, "slackness": 1e-5, "K mean": None, "cpu": 600},
        "published 6e-4, 5.4e-3, 1.3e-2, 1e-4",
    ),
    "olg_loose": rows("olg_loose", 1, {"mean": 4e-5, "max": 4e-3, "cpu": 600}, "published 4e-4, 3.6e-2"),
    "olg_bonds": rows(
        "olg_bonds",
        1,
        {
            "capital mean": 1e-4, "bond mean": 1e-4, "capital max": 3e-3, "bond max": 3e-3, "clearing": 1e-5,
            "K mean": None, "K sd": None, "cpu": 900,
        },
        "published network: K 141.91, sd 6.47",
    ),
    "krusell_smith": rows(
        "krusell_smith", 3, {"mean": 1e-3, "R2": (">=", 0.9999), "K mean": None, "cpu": 900}, "slow route: K 39.48"
    ),
    "krusell_smith_agents": rows(
        "krusell_smith_agents", 3, {"mean": 1e-3, "R2": (">=", 0.9999), "K mean": None, "cpu": 900}
    ),
    "sweep": sweep,
    "speed": speed,
}  # fmt: skip

if __name__ == "__main__":
    bench.main(BENCHMARKS, __file__)
