"""Greedy decoding at the shape of GPT-2 small, one thread: ours and transformers in turn, and the floor.

The floor is the products of a token with all weights, which are read from memory once for each token; attention, norms
and the choice of the token come on top. The peer runs where ``CETERIS_TORCH_PYTHON`` points, an interpreter with
transformers and torch; without it, its rows are left out.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bench
from bench import Row, at_least, at_most

PEER = os.environ.get("CETERIS_TORCH_PYTHON")
SCRIPT = "text_writing_one.py"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
ROUNDS = 3  # ours and theirs in turn: what else runs on the machine meets both


def peer(batch: int) -> dict:
    command = [str(PEER), str(Path(__file__).with_name(SCRIPT)), "torch", str(batch)]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(batch: int) -> Iterator[Row]:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(bench.in_fresh_process(SCRIPT, "ours", str(batch), environment=ONE_THREAD))
        theirs += [peer(batch)] if PEER else []
    middle = lambda rows, name: statistics.median(row[name] for row in rows)
    rate, floor = middle(ours, "rate"), middle(ours, "floor")
    unit, name = "tokens/CPU-s", f"greedy, 64 + 128 tokens, {batch} text{'s' * (batch > 1)}"
    if theirs:
        other = middle(theirs, "rate")
        yield at_least(
            f"{name}: times the peer's speed", rate / other, "x", 1.0, f"{other:.3g} {unit}, {theirs[0]['versions']}"
        )
    yield Row(f"{name}: tokens", rate, unit)
    yield Row(f"{name}: share of the floor's speed", rate / floor, "", None, None, f"floor {floor:.3g} {unit}")
    yield Row(f"{name}: first run, compiling (cache as it is)", middle(ours, "cold"), "CPU-s")
    yield at_most(f"{name}: programs compiled by a second run", max(row["compiled"] for row in ours), "", 0)


if __name__ == "__main__":
    bench.main({"decoding": lambda: measured(1), "batched": lambda: measured(8)}, __file__)
