"""Many exchangeable agents: CPU seconds and errors on fresh trajectories against the bars of the design.

Every row's process starts cold, without a compilation cache (`symmetry_one.py`, which says what a test error is). The
peer is the figure published in 002.
"""

from __future__ import annotations

import math

import bench

COLD = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
SEEDS = 21


def one(name, number):
    return bench.in_fresh_process("symmetry_one.py", name, str(number), environment=COLD)


def linear():
    found = one("linear", SEEDS)
    yield bench.at_least(
        "linear: seeds with test MSE below 1e-6", found["below 1e-6"], f"of {SEEDS}", SEEDS, "97-100 %"
    )
    yield bench.at_most("linear: one solution once compiled", found["median cpu"], "CPU s", 2, "17 s")
    yield bench.at_most("linear: the first solution, cold", found["cold"], "CPU s", 12)
    yield bench.Row("linear: test MSE, median", found["median test"], "", peer="3.6e-7")
    yield bench.Row("linear: policy error, median", found["median policy"], "", peer="9e-4")
    found = one("linear_exact", SEEDS)
    yield bench.at_most("linear, tolerance 1e-5: test MSE, median", found["median test"], "", 1e-9, "3.6e-7")
    yield bench.Row("linear, tolerance 1e-5: seeds with test MSE below 1e-9", found["below 1e-9"], f"of {SEEDS}")
    yield bench.at_most("linear, tolerance 1e-5: policy error, median", found["median policy"], "", 1e-4, "9e-4")
    yield bench.Row("linear, tolerance 1e-5: one solution once compiled", found["median cpu"], "CPU s")
    yield bench.at_most("linear, tolerance 1e-5: the first solution, cold", found["cold"], "CPU s", 10, "17 s")


def nonlinear():
    found = one("nonlinear", SEEDS)
    yield bench.at_least("ν = 1.5: seeds with test MSE below 1e-8", found["below 1e-8"], f"of {SEEDS}", SEEDS)
    yield bench.Row("ν = 1.5: test MSE, median", found["median test"], "", peer="4.7e-6")
    yield bench.Row("ν = 1.5: one solution once compiled", found["median cpu"], "CPU s", peer="26-73 s")
    yield bench.at_most("ν = 1.5: the first solution, cold", found["cold"], "CPU s", 15)


def many():
    for firms, bar in ((1_000, 30), (10_000, 120)):
        found = one("many", firms)
        yield bench.at_most(f"N = {firms:,}, ν = 1.5, cold", found["cpu"], "CPU s", bar)
        yield bench.at_most(f"N = {firms:,}: test MSE", found["test"], "", 1e-8)
        yield bench.at_most(f"N = {firms:,}: memory", found["GiB"], "GiB", 4)


def growth():
    """The exponent of N in the cost of a step."""
    costs = {firms: one("step", firms)["step"] for firms in (1_000, 10_000)}
    exponent = math.log10(costs[10_000] / costs[1_000])
    yield bench.at_most("cost of a step ~ N^k, k between 1,000 and 10,000", exponent, "", 1.1)


def regression():
    found = one("table", 0)
    yield bench.at_most("Table 1, all cells and seeds, cold", found["cpu"], "CPU s", 180)
    yield bench.at_least("Table 1: cells at or below the published error", found["share"], "share", 0.8)


def architectures():
    """Tables 2 and 3, a row at a time: errors against those published, and the ensemble against a loop."""
    from ceteris.gallery.symmetry_tables import LINEAR, NONLINEAR

    names = [f"Table 2, {row.name}" for row in LINEAR] + [f"Table 3, {row.name}" for row in NONLINEAR]
    for number, name in enumerate(names):
        yield from architecture(number, name)


def architecture(number, name):
    found = one("architecture", number)
    said = f"published {found['published']:.1e}" if found["published"] == found["published"] else "published: fails"
    said += f"; {found['success']:.0%} of {SEEDS} below 1e-6"
    said += f"; policy error {found['policy']:.3%}" if name.startswith("Table 2") else ""
    yield bench.Row(f"{name}: test MSE, median", found["ours"], "", peer=said)
    ratio, loop = found["cpu"] / found["one"], found["loop"] / found["one"]
    cheaper = "loop" if loop < ratio else "ensemble"
    said = f"one seed {found['one']:.1f} s; a loop takes {loop:.1f} x: {cheaper} cheaper"
    yield bench.Row(f"{name}: {SEEDS} seeds as an ensemble / one seed, cold", ratio, "ratio", 8,
                    ratio <= 8 or loop < ratio, said)  # fmt: skip


BENCHMARKS = {"linear": linear, "nonlinear": nonlinear, "many": many, "growth": growth, "regression": regression,
              "architectures": architectures}  # fmt: skip

if __name__ == "__main__":
    bench.main(BENCHMARKS, __file__)
