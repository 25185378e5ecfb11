"""Corpora, word vectors, and what is made of them."""

import functools
from typing import Any

import pandas as pd

from ceteris.text import Corpus, EmbeddingRegression, SkipGram, VectorEnsemble, WordVectors, build_corpus, fit_many
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


CASES = {
    Corpus: Case(corpus, lambda it: [it.ids, it.owner, it.words]),
    WordVectors: Case(vectors, lambda it: [it.most_similar("bank"), it["money"]]),
    VectorEnsemble: Case(lambda: fit_many(MODEL, corpus(), runs=2), lambda it: it.most_similar("bank")),
    ContextRegression: Case(regressed, lambda it: [it.table(), it.most_similar(3, river=1)]),
}
