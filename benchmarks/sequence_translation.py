"""`SequenceToSequence` at its defaults, learnt from pairs of texts and judged on others; prints one JSON object.

python benchmarks/sequence_translation.py dates general      # or: reversal none, number transformer, corpus general
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from ceteris.data import number_words, reversals, small_corpus, written_dates
from ceteris.sequence import SequenceToSequence

TASKS = {
    "dates": (written_dates, "letters"),
    "number": (number_words, "letters"),
    "reversal": (lambda n, seed: reversals(n, seed, 4, 20), "letters"),
    "corpus": (small_corpus, "words"),
}
ROWS, TESTED = 20_000, 1_000
BINS = range(8, 21, 4)


def judged(task: str, sort: str, epochs: int | None) -> dict:
    draw, tokens = TASKS[task]
    pairs = draw(ROWS, 0)
    known = {source for source, _ in pairs}
    fresh = [pair for pair in draw(TESTED, 1) if pair[0] not in known]
    kind = (
        {"kind": "transformer", "depth": 2}
        if sort == "transformer"
        else {"attention": None if sort == "none" else sort}
    )
    start = time.process_time()
    translator = SequenceToSequence(tokens=tokens, epochs=epochs, **kind).fit(*zip(*pairs, strict=True))
    seconds = time.process_time() - start
    sources, targets = zip(*fresh, strict=True)
    exact = np.array([a == b for a, b in zip(translator.predict(sources), targets, strict=True)])
    size = np.array([len(source) for source in sources])
    by_length = {k: float(exact[(size > k - 4) & (size <= k)].mean()) for k in BINS if task == "reversal"}
    return {"exact": float(exact.mean()), "by_length": by_length, "seconds": seconds, "judged": len(fresh)}


if __name__ == "__main__":
    task, sort, *epochs = sys.argv[1:]
    print(json.dumps(judged(task, sort, int(epochs[0]) if epochs else None)))
