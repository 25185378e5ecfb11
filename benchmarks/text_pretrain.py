"""Pre-training: a step at GPT-2's size, a small GPT and a small BERT on real text, beside PyTorch in the same run.

PyTorch and transformers run in an environment of their own: the variable CETERIS_TORCH_PYTHON names its interpreter.
Text is the documentation that every machine with this project has, see `text_documentation.py`. CETERIS_PRETRAIN_STEPS
sets the steps of a whole run; 2,000, the default, are 20 minutes of a core on either side.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bench
import text_documentation

HERE = Path(__file__).parent
PEER = os.environ.get("CETERIS_TORCH_PYTHON")
STEPS = int(os.environ.get("CETERIS_PRETRAIN_STEPS", "2000"))
PAIRS = 3
N, TOKENS = 124.4e6, 4 * 128  # weights of GPT-2's smallest, tokens of a step
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def start(side: str, *case: object) -> subprocess.Popen[str]:
    """Begin one measurement in a process of its own."""
    python = str(PEER) if side == "torch" else sys.executable
    what, *others = case
    command = [python, str(HERE / "text_pretrain_one.py"), str(what), side, *map(str, others)]
    return subprocess.Popen(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> dict:
    """Return what it found."""
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args} failed")
    return json.loads(out.splitlines()[-1])


def step() -> Iterator[bench.Row]:
    """A step of GPT-2's smallest, 4 x 128 tokens, AdamW, single precision: the sides take turns."""
    pairs = [(end(start("ours", "step")), end(start("torch", "step")) if PEER else None) for _ in range(PAIRS)]
    ours = statistics.median(a["rate"] for a, _ in pairs)
    products = end(start("products", "step"))["flops"]
    floor = products / (6 * N)
    yield bench.Row("training step, tokens per CPU-second", ours, "tokens", peer=f"6 N D floor {floor:.0f}")
    yield bench.Row("of the floor", ours / floor, "share", peer=f"products at {products / 1e9:.0f} Gflop/s")
    yield bench.Row("compiling and first step", statistics.median(a["cold"] for a, _ in pairs), "CPU s")
    if PEER:
        ratios = [a["rate"] / b["rate"] for a, b in pairs if b]
        theirs = [b for _, b in pairs if b]
        rate = statistics.median(b["rate"] for b in theirs)
        said = f"PyTorch {rate:.0f}; pairs {min(ratios):.2f} to {max(ratios):.2f}"
        yield bench.at_least("training step beside transformers", statistics.median(ratios), "x", 0.9, said)
        peak, other = max(a["gib"] for a, _ in pairs), min(b["gib"] for b in theirs)
        yield bench.at_most("memory of a training step", peak, "GiB", round(other, 3), f"PyTorch {other:.2f} GiB")


def whole() -> Iterator[bench.Row]:
    """A GPT of a million weights on documentation: the same first weights, batches and rule on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        shards = corpus(Path(folder), "bpe")
        process = start("ours", "learn", folder, shards, STEPS)
        mine = end(process)
        loss = lambda found: next(reversed(found["curve"].values()))
        bits = lambda nats: nats / 0.6931471805599453 / mine["bytes_per_token"]
        said = f"{mine['weights']:,} weights, {STEPS} steps in {mine['seconds']:.0f} CPU s"
        if PEER:
            other = end(start("torch", "learn", folder, STEPS))
            said += f"; PyTorch {bits(loss(other)):.4f} in {other['seconds']:.0f} CPU s"
            # equal up to sums in another order, which a few thousand steps make visible
            more = bits(loss(mine)) - bits(loss(other))
            yield bench.at_most("held-out bits per byte, more than PyTorch", more, "bits", 0.005, said)
        yield bench.Row("held-out bits per byte of a small GPT", bits(loss(mine)), "bits", peer=said)


def masked() -> Iterator[bench.Row]:
    """A BERT of a million weights fills in hidden tokens of the same text, beside tables of counts."""
    with tempfile.TemporaryDirectory() as folder:
        found = end(start("masked", "learn", folder, corpus(Path(folder), "wordpiece"), max(STEPS * 3 // 4, 1)))
    for name in ("unigram", "trigram"):
        said = f"{name} {found[name]:.1%}; {found['seconds']:.0f} CPU s"
        yield bench.at_least(f"hidden tokens right, beside {name}s", found["model"], "share", found[name], said)


def corpus(folder: Path, kind: str) -> Path:
    """Write documentation and make shards of it."""
    from ceteris.text.data import prepare

    text_documentation.write(folder / "docs")
    prepare(folder / "docs", folder / "shards", vocabulary=2_000, kind=kind, test_size=0.05)
    return folder / "shards"


if __name__ == "__main__":
    bench.main({"step": step, "whole": whole, "masked": masked}, __file__)
