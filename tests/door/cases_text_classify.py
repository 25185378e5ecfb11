"""Learners of texts, on a tiny model of random weights."""

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

LABELLED, CLASSES = list(CORPUS) * 4, ["economy", "economy", "sport", "sport", "economy", "sport"] * 4
SPLIT = [text.split() for text in LABELLED]
NOUNS = [["noun" if word in ("bank", "team", "prices") else "other" for word in text] for text in SPLIT]
PAIRS = [(a, b) for a in CORPUS for b in CORPUS]


def classifier() -> TextClassifier:
    return TextClassifier(tiny_model(), train="last", depth=1, epochs=2, random_state=0).fit(LABELLED, CLASSES)


def prompted() -> PromptClassifier:
    return PromptClassifier(tiny_model("decoder"), {"up": "rose", "down": "fell"}, "prices: {text} {label}").fit()


def curve() -> LearningCurve:
    return learning_curve(LABELLED, CLASSES, tiny_model(), sizes=(6, 12), draws=1)


CASES = {
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
}
