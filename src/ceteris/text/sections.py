"""Word vectors as a part of a report: the corpus, the loss, the commonest words and their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.text.corpus import Corpus
from ceteris.text.stability import VectorEnsemble
from ceteris.text.vectors import WordVectors

SHOWN, DRAWN = 20, 60  # words in the table of neighbours, and in the picture
STEADY = 0.5  # share of nearest words that two runs should have in common


def word_sections(
    corpus: Corpus, vectors: WordVectors, ensemble: VectorEnsemble | None = None, words: list[str] | None = None
) -> tuple[Section, ...]:
    """Return the corpus, the training, neighbours of some words, and how steady they are over runs.

    Parameters
    ----------
    corpus : Corpus
    vectors : WordVectors
        Learnt from it.
    ensemble : VectorEnsemble, optional
        Further runs on samples of the documents; see `fit_many`.
    words : list of str, optional
        Whose neighbours are shown; by default some that are neither the commonest nor rare.
    """
    words = _middling(vectors) if words is None else words
    kept = len(corpus.ids) / max(corpus.raw, 1)
    text = (
        f"{corpus.raw:,} words in {corpus.documents:,} documents; {len(corpus.words):,} different ones are frequent "
        "enough, "
        f"and make up {kept:.0%} of the text."
    )
    near = [", ".join(vectors.most_similar(word, 5)["word"]) for word in words]
    table = pd.DataFrame(
        {"word": words, "count": [int(vectors.counts[vectors.place(w)]) for w in words], "nearest": near}
    )
    places = [vectors.place(word) for word in _middling(vectors, DRAWN)]
    _, _, axes = np.linalg.svd(vectors.unit[places] - vectors.unit[places].mean(0), full_matrices=False)
    flat = vectors.unit[places] @ axes[:2].T
    cloud = pd.DataFrame({"word": [vectors.words[i] for i in places], "first": flat[:, 0], "second": flat[:, 1]})
    figures = [
        Figure("Words on a plane", "Unit vectors on their first two principal components.", cloud, _draw_words, (7, 6))
    ]
    if vectors.history is not None and len(vectors.history) > 1:
        figures.insert(0, Figure("Loss", "Mean loss per pair of words, by epoch.", vectors.history, _draw_loss))
    first = Section("Word vectors", text, (Table("Nearest words", table),), tuple(figures))
    return (first,) if ensemble is None else (first, _stability(ensemble, words))


def _stability(ensemble: VectorEnsemble, words: list[str]) -> Section:
    agreement = ensemble.agreement(words)
    table = pd.concat([ensemble.most_similar(word, 3).reset_index().assign(of=word) for word in words[:5]])
    table = table.set_index("of").reset_index()
    mean = float(agreement.mean())
    check = Check(
        "neighbours are steady", mean >= STEADY,
        f"Two runs share {mean:.0%} of the ten nearest words on average; report only neighbours that most runs have"
        + ("." if mean >= STEADY else ", and use more text or fewer dimensions."),
        mean, STEADY,
    )  # fmt: skip
    text = (
        f"{len(ensemble.runs)} runs, each on documents drawn with replacement and from its own seed. low and high "
        "hold the "
        "similarity of a further run with a probability of 95 %."
    )
    tables = (Table("Nearest words over runs", table), Table("Agreement of runs", agreement.reset_index()))
    return Section("Stability", text, tables, (), (check,))


def _middling(vectors: WordVectors, n: int = SHOWN) -> list[str]:
    """Words of middling frequency: the commonest say little, and rare ones are learnt badly."""
    start = min(len(vectors) // 20, 200)
    return list(vectors.words[start : start + n])


def _draw_words(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["first"], data["second"], ".", alpha=0.4)
    for word, x, y in data.itertuples(index=False):
        axes.annotate(word, (x, y), fontsize=8)
    axes.set(xlabel="first component", ylabel="second component")


def _draw_loss(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["epoch"], data["loss"], "o-")
    axes.set(xlabel="epoch", ylabel="loss")
