"""Many calibrations of growth, by `solve_many` at its default settings, against a loop of `solve` in the same process.

CPU seconds of each, after one solution has compiled everything, and whether the answers are the same to the bit. Phases
per member are fewer than the most: each stops by itself.
"""

from __future__ import annotations

import time

import numpy as np

import bench

SIZES = (8, 16, 64)


def measured(n):
    """Rows for ``n`` calibrations."""
    from ceteris.equilibrium import solve, solve_many
    from ceteris.equilibrium.models.growth import Growth

    def run():
        betas = np.linspace(0.9, 0.99, n)
        solve(Growth())
        start = time.process_time()
        many = solve_many(Growth(), {"beta": betas})
        middle = time.process_time()
        loop = [solve(Growth(beta=float(beta))) for beta in betas]
        ours, theirs = middle - start, time.process_time() - middle
        at = {"k": 6.0, "z": 0.1}
        apart = max(abs(float(a.policy(at)["c"]) - float(b.policy(at)["c"])) for a, b in zip(many, loop, strict=True))
        peer = f"a loop: {theirs:.1f} CPU s"
        yield bench.Row(f"{n} calibrations of growth", ours, "CPU s", peer=peer)
        yield bench.at_most(f"{n} calibrations: solve_many / a loop of solve", ours / theirs, "ratio", 1.1, peer)
        yield bench.at_most(f"{n} calibrations: largest difference of policies", apart, "", 0.0, peer)
        phases, most = [len(s.log) for s in many], f"{max(len(s.log) for s in many)} at most"
        yield bench.Row(f"{n} calibrations: phases per member", float(np.mean(phases)), "", peer=most)

    return run


BENCHMARKS = {str(n): measured(n) for n in SIZES}

if __name__ == "__main__":
    bench.main(BENCHMARKS, __file__)
