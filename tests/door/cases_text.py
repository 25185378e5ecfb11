"""Corpora, word vectors, and what is made of them."""

import functools
from typing import Any

import pandas as pd

from ceteris.text import Corpus, EmbeddingRegression, SkipGram, VectorEnsemble, WordVectors, build_corpus, fit_many
from ceteris.text.a_la_carte import ContextRegression
from ceteris.text.classify import (
    LearningCurve,
    PairClassifier,
    PromptClassifier,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
    learning_curve,
)
from ceteris.text.classify.examples import CORPUS, tiny_model
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


LABELLED, CLASSES = list(CORPUS) * 4, ["economy", "economy", "sport", "sport", "economy", "sport"] * 4
SPLIT = [text.split() for text in LABELLED]
NOUNS = [["noun" if word in ("bank", "team", "prices") else "other" for word in text] for text in SPLIT]
PAIRS = [(a, b) for a in CORPUS for b in CORPUS]


def classifier() -> TextClassifier:
    return TextClassifier(tiny_model(), train="last", layers=1, epochs=2, random_state=0).fit(LABELLED, CLASSES)


def prompted() -> PromptClassifier:
    return PromptClassifier(tiny_model("decoder"), {"up": "rose", "down": "fell"}, "prices: {text} {label}").fit()


def curve() -> LearningCurve:
    return learning_curve(LABELLED, CLASSES, tiny_model(), sizes=(6, 12), draws=1)


CASES = {
    Corpus: Case(corpus, lambda it: [it.ids, it.owner, it.words]),
    WordVectors: Case(vectors, lambda it: [it.most_similar("bank"), it["money"]]),
    VectorEnsemble: Case(lambda: fit_many(MODEL, corpus(), runs=2), lambda it: it.most_similar("bank")),
    TextClassifier: Case(classifier, lambda it: it.predict_proba(["prices rise"])),
    TextRegressor: Case(
        lambda: TextRegressor(tiny_model(), random_state=0).fit(LABELLED, [float(len(text)) for text in LABELLED]),
        lambda it: it.predict(["prices rise"]),
    ),
    PairClassifier: Case(
        lambda: PairClassifier(tiny_model(), random_state=0).fit(PAIRS, [a == b for a, b in PAIRS]),
        lambda it: it.predict_proba(PAIRS[:3]),
    ),
    TokenClassifier: Case(
        lambda: TokenClassifier(tiny_model(), random_state=0).fit(SPLIT, NOUNS), lambda it: it.predict_proba(SPLIT[:2])
    ),
    PromptClassifier: Case(prompted, lambda it: it.predict_proba(["rates rise"]), figures=False),
    LearningCurve: Case(curve, lambda it: it.table()),
    ContextRegression: Case(regressed, lambda it: [it.table(), it.most_similar(3, river=1)]),
}
