"""Small models trained with each source of a corpus left out."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from ceteris.text.data import QUALITY, prepare
from ceteris.text.models import Description
from ceteris.text.pretrain import Pretraining, SourceAblation, compare_sources
from ceteris.text.tokens import train
from door.case import Case

WORDS = np.array(["the", "bank", "and", "its", "firms", "have", "no", "more", "to", "say", "about", "this"])


@functools.cache
def ablation() -> SourceAblation:
    folder = Path(tempfile.mkdtemp())
    texts = [" ".join(np.random.default_rng(i).choice(WORDS, 40)) for i in range(40)]
    for place, name in enumerate(("news", "speeches")):
        (folder / f"{name}.txt").write_text("\n".join(texts[place::2]), encoding="utf-8")
    rules = dict.fromkeys(QUALITY)
    shards = prepare(folder.glob("*.txt"), folder / "out", train(texts, 280), unit="line", rules=rules, test_size=0.3)
    about = Description(vocabulary=280, width=8, depth=1, heads=2, perceptron=16, length=9)
    return compare_sources(shards, Pretraining(about, length=8, batch_size=4, steps=2), repeats=2)


CASES = {SourceAblation: Case(ablation, lambda it: [it.losses, it.table(), it.gains])}
