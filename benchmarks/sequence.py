"""Sequences: nets beside PyTorch's, to the last digit and to the CPU second.

PyTorch runs in an environment of its own: the variable CETERIS_TORCH_PYTHON names its interpreter, and without it the
rows that need one are left out. Parity is with what `tests/truth/sequence.py` wrote there.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bench

HERE = Path(__file__).parent
PEER = os.environ.get("CETERIS_TORCH_PYTHON")
CASES = [(kind, *sizes, 64) for kind in ("gru", "lstm") for sizes in ((64, 64), (128, 50))]
PAIRS = 5
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def one(side: str, *case: object) -> dict:
    python = sys.executable if side == "ours" else str(PEER)
    command = [python, str(HERE / "sequence_one.py"), side, *map(str, case)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def speed() -> Iterator[bench.Row]:
    """CPU time of a training step; ours and theirs take turns, and the median of the ratios counts."""
    for case in CASES:
        kind, width, length, batch = case
        name = f"{kind.upper()} of width {width}, length {length}, batch {batch}"
        pairs = [(one("ours", *case), one("torch", *case) if PEER else None) for _ in range(PAIRS if PEER else 1)]
        mine = statistics.median(a["ms"] for a, _ in pairs)
        said = f"ours {mine:.1f} ms"
        if PEER:
            ratios = [a["ms"] / b["ms"] for a, b in pairs if b]
            theirs = statistics.median(b["ms"] for _, b in pairs if b)
            said = f"ours {mine:.1f}, PyTorch {theirs:.1f} ms; pairs from {min(ratios):.2f} to {max(ratios):.2f}"
            yield bench.at_most(f"step, {name}", statistics.median(ratios), "x PyTorch", 1.0, said)
        floor, flops = statistics.median(a["floor"] for a, _ in pairs), pairs[0][0]["flops"]
        yield bench.Row(
            f"step over bare products, {name}", mine / floor, "x", peer=f"{flops / 1e6:.0f} Mflop, {floor:.1f} ms"
        )
        yield bench.at_most(f"cold compile, {name}", statistics.median(a["cold"] for a, _ in pairs), "CPU s", 5.0)


def parity() -> Iterator[bench.Row]:
    """The tests that hold outputs and all gradients against PyTorch's, in single and in double precision."""
    tests = HERE.parent / "tests" / "nets"
    files = [str(tests / f"test_{name}.py") for name in ("recurrent", "convolution", "attention")]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-k", "torch", *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent)
    last = [line for line in done.stdout.splitlines() if "passed" in line or "failed" in line][-1]
    failed = int(last.split(" failed")[0].split()[-1]) if " failed" in last else 0
    said = f"{last.strip('= ')}; 1e-5 in single, 1e-10 in double precision, relative to the largest entry"
    yield bench.at_most(
        "outputs and gradients that differ from PyTorch's", failed + (done.returncode > 1), "tests", 0, said
    )


def translation() -> Iterator[bench.Row]:
    """Texts that were not seen, translated right to the last symbol; what a fixed-size state loses with length."""
    run = lambda *case: bench.in_fresh_process("sequence_translation.py", *case, environment=ONE_THREAD)
    dates, without = run("dates", "general"), run("dates", "none")
    said = f"{dates['seconds']:.0f} CPU s; {without['exact']:.1%} without attention"
    yield bench.at_least("dates written out to ISO 8601, exact, with attention", dates["exact"], "share", 0.99, said)
    looking, blind = run("reversal", "general"), run("reversal", "none")
    for length, share in looking["by_length"].items():
        name = f"letters turned round, {int(length) - 3} to {length} of them, with attention"
        yield bench.Row(name, share, "share", peer=f"without attention {blind['by_length'][length]:.1%}")
    for case in (("number", "general"), ("corpus", "general"), ("dates", "transformer")):
        found = run(*case)
        yield bench.Row(f"{case[0]}, {case[1]}, exact", found["exact"], "share", peer=f"{found['seconds']:.0f} CPU s")


if __name__ == "__main__":
    bench.main({"parity": parity, "speed": speed, "translation": translation}, __file__)
