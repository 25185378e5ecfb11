"""Corpora, word vectors, and what is made of them."""

import functools
from typing import Any

import numpy as np
import pandas as pd

from ceteris.text import Corpus, EmbeddingRegression, SkipGram, VectorEnsemble, WordVectors, build_corpus, fit_many
from ceteris.text.models import Description
from ceteris.text.pretrain import PretrainedRun, Pretraining
from ceteris.text.words.a_la_carte import ContextRegression
from door.case import Case

TEXTS = ["the bank lent money to firms", "the bank of the river was green"] * 30
MODEL = SkipGram(dimensions=8, window=3, epochs=4, rate=0.05)


@functools.cache
def corpus() -> Corpus:
    return build_corpus(TEXTS)


@functools.cache
def vectors() -> WordVectors:
    return MODEL.fit(corpus())


def regressed() -> Any:
    return EmbeddingRegression(vectors(), draws=19).fit(corpus(), "bank", pd.DataFrame({"river": [0, 1] * 30}))


def pretrained() -> PretrainedRun:
    own = Description(vocabulary=300, width=16, depth=2, heads=2, perceptron=32, length=32)
    texts = [f"{text} and {i} more" for i, text in enumerate(TEXTS * 3)]
    return Pretraining(own, length=16, batch_size=4, steps=8, every=1).fit(texts)


CASES = {
    PretrainedRun: Case(pretrained, lambda it: [it.loss, it.perplexity, np.asarray(it.model(np.array([[5, 6, 7]])))]),
    Corpus: Case(corpus, lambda it: [it.ids, it.owner, it.words]),
    WordVectors: Case(vectors, lambda it: [it.most_similar("bank"), it["money"]]),
    VectorEnsemble: Case(lambda: fit_many(MODEL, corpus(), runs=2), lambda it: it.most_similar("bank")),
    ContextRegression: Case(regressed, lambda it: [it.table(), it.most_similar(3, river=1)]),
}
