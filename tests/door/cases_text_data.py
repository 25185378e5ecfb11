"""Shards of tokens."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from ceteris.text.data import Shards, prepare
from ceteris.text.tokens import train
from door.case import Case

WORDS = np.array(["the", "bank", "and", "its", "firms", "have", "no", "more", "to", "say", "about", "this"])


@functools.cache
def shards() -> Shards:
    texts = [" ".join(np.random.default_rng(i).choice(WORDS, 40)) for i in range(30)]
    folder = Path(tempfile.mkdtemp())
    (folder / "texts.txt").write_text("\n".join([*texts, "too short"]), encoding="utf-8")
    return prepare(folder / "texts.txt", folder / "out", train(texts, 280), unit="line", test_size=0.1)


CASES = {
    Shards: Case(shards, lambda it: [it.tokens()["texts"], it.feed(8, 2)(3, 2)["tokens"], it.texts("train", 2)]),
}
