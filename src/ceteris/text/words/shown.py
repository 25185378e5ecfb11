"""What a corpus, word vectors, runs of them and embedding regressions say of themselves: tables, figures, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import screenful

SHOWN, DRAWN = 20, 60  # words in the table of neighbours, and in the picture
STEADY = 0.5  # share of nearest words that two runs should have in common
CHANCE = 0.05  # p-value up to which a coefficient is taken for more than chance
RANKS = 300  # points of the curve of frequencies


def middling(vectors: Any, n: int = SHOWN) -> list[str]:
    """Words of middling frequency: the commonest say little, and rare ones are learnt badly."""
    words = vectors.words
    start = min(len(words) // 20, 200)
    return list(words[start : start + n])


# ------------------------------------------------------------------------------------------------------------ a corpus


def corpus_described(corpus: Any) -> str:
    """Return one screen about a corpus."""
    return screenful(_corpus_heading(corpus), [_kept(corpus)], _commonest(corpus))


def corpus_section(corpus: Any) -> Section:
    """Return the commonest words, how frequencies fall with rank, and how long documents are."""
    ranks = np.unique(np.geomspace(1, max(len(corpus.counts), 1), RANKS).astype(int))[: len(corpus.counts)]
    falls = pd.DataFrame({"rank": ranks, "count": np.sort(corpus.counts)[::-1][ranks - 1]})
    lengths = np.bincount(np.diff(corpus.starts))
    long = pd.DataFrame({"words": np.flatnonzero(lengths), "documents": lengths[lengths > 0]})
    figures = (
        Figure("Frequencies of words", "How often a word occurs, by its rank; both on a logarithmic scale.", falls,
               _draw_ranks),
        Figure("Lengths of documents", "How many documents have how many words that are frequent enough.", long,
               _draw_lengths),
    )  # fmt: skip
    tables = (Table("Commonest words", _commonest(corpus)),)
    return Section(_corpus_heading(corpus).rstrip("."), _kept(corpus), tables, figures)


def _corpus_heading(corpus: Any) -> str:
    return f"A corpus of {corpus.documents:,} documents and {len(corpus.words):,} different words."


def _kept(corpus: Any) -> str:
    kept = len(corpus.ids) / max(corpus.raw, 1)
    return f"{corpus.raw:,} words were read; those that are frequent enough make up {kept:.0%} of the text."


def _commonest(corpus: Any) -> pd.DataFrame:
    return pd.DataFrame({"word": list(corpus.words[:SHOWN]), "count": corpus.counts[:SHOWN]})


# ------------------------------------------------------------------------------------------------------------- vectors


def vectors_described(vectors: Any) -> str:
    """Return one screen about word vectors."""
    near = nearest_words(vectors, middling(vectors, 8))
    return screenful(f"{len(vectors):,} word vectors of {vectors.matrix.shape[1]} numbers.", [], near)


def vector_section(vectors: Any, words: Sequence[str] | None = None, text: str = "") -> Section:
    """Return neighbours of some words, the loss, and words on a plane."""
    words = middling(vectors) if words is None else words
    text = text or f"{len(vectors):,} words, {vectors.matrix.shape[1]} numbers each."
    return Section("Word vectors", text, (Table("Nearest words", nearest_words(vectors, words)),), pictures(vectors))


def nearest_words(vectors: Any, words: Sequence[str]) -> pd.DataFrame:
    """Return how often words occur, and the five nearest to each."""
    near = [", ".join(vectors.most_similar(word, 5)["word"]) for word in words]
    counts = [int(vectors.counts[vectors.place(word)]) for word in words]
    return pd.DataFrame({"word": list(words), "count": counts, "nearest": near})


def pictures(vectors: Any) -> tuple[Figure, ...]:
    """Return words on a plane, and the loss where it is known."""
    places = [vectors.place(word) for word in middling(vectors, DRAWN)]
    centred = vectors.unit[places] - vectors.unit[places].mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ np.vstack([axes, np.zeros((1, axes.shape[1]))])[:2].T
    cloud = pd.DataFrame({"word": [vectors.words[i] for i in places], "first": flat[:, 0], "second": flat[:, 1]})
    caption = "Unit vectors of words of middling frequency on their first two principal components."
    plane = Figure("Words on a plane", caption, cloud, _draw_words, (7, 6))
    if vectors.history is None or len(vectors.history) < 2:
        return (plane,)
    return plane, Figure("Loss", "Mean loss per pair of words, by epoch.", vectors.history, _draw_loss)


# ---------------------------------------------------------------------------------------------------- runs of vectors


def ensemble_described(ensemble: Any) -> str:
    """Return one screen about several runs."""
    check = steady(ensemble, middling(ensemble))
    facts = [check.sentence] if check.passed else []
    return screenful(_ensemble_heading(ensemble), facts, _over_runs(ensemble, middling(ensemble, 4)), (check,))


def stability(ensemble: Any, words: Sequence[str] | None = None) -> Section:
    """Return how steady neighbours are over runs."""
    words = middling(ensemble) if words is None else words
    agreement = ensemble.agreement(words)
    text = (
        f"{_ensemble_heading(ensemble)} low and high hold the similarity of a further run with a probability of 95 %."
    )
    tables = (
        Table("Nearest words over runs", _over_runs(ensemble, words[:5])),
        Table("Agreement of runs", agreement.reset_index()),
    )
    known = ensemble.agreement(middling(ensemble, 5 * DRAWN))
    counts = [int(ensemble.runs[0].counts[ensemble.runs[0].place(word)]) for word in known.index]
    points = pd.DataFrame({"word": known.index, "count": counts, "shared": known.to_numpy()})
    caption = (
        "Each point is a word: the share of its nearest words that two runs have in common, by how often it occurs."
    )
    figure = Figure("Agreement of runs", caption, points, _draw_agreement)
    return Section("Stability", text, tables, (figure,), (steady(ensemble, words),))


def steady(ensemble: Any, words: Sequence[str]) -> Check:
    """Whether two runs find the same neighbours."""
    mean = float(ensemble.agreement(words).mean())
    sentence = (
        f"Two runs share {mean:.0%} of the ten nearest words on average; report only neighbours that most runs have"
    )
    advice = "." if mean >= STEADY else ", and use more text or fewer dimensions."
    return Check("neighbours are steady", mean >= STEADY, sentence + advice, mean, STEADY)


def _ensemble_heading(ensemble: Any) -> str:
    return f"{len(ensemble.runs)} runs of vectors of {len(ensemble.words):,} words."


def _over_runs(ensemble: Any, words: Sequence[str]) -> pd.DataFrame:
    table = pd.concat([ensemble.most_similar(word, 3).reset_index().assign(of=word) for word in words])
    return table.set_index("of").reset_index()


# -------------------------------------------------------------------------------------------- embedding regressions


def regression_described(result: Any) -> str:
    """Return one screen about an embedding regression."""
    return screenful(_regression_heading(result), [_moves(result)], result.table().reset_index())


def regression_section(result: Any) -> Section:
    """Return lengths of coefficients, and the nearest words with and without each covariate."""
    table = result.table()
    at = {"at zero": {}} | {f"{name} = 1": {name: 1.0} for name in result.names[1:6]}
    near = {title: ", ".join(result.most_similar(8, **values)["word"]) for title, values in at.items()}
    words = pd.DataFrame({"covariates": list(near), "nearest words": list(near.values())})
    data = table.iloc[1:].reset_index()
    caption = (
        "How far the meaning moves with each covariate: the length of its coefficient, and what is left of it when the "
        "part that noise has in it is taken off. The number is the p-value by permutation."
    )
    figure = Figure("Lengths of coefficients", caption, data, _draw_coefficients, (6.4, 1.4 + 0.5 * len(data)))
    tables = (Table("Coefficients", table.reset_index()), Table("Nearest words", words))
    return Section(_regression_heading(result).rstrip("."), _moves(result), tables, (figure,))


def _regression_heading(result: Any) -> str:
    return f"The meaning of {result.word!r}: {result.occurrences:,} occurrences in {result.documents:,} documents."


def _moves(result: Any) -> str:
    moving = [name for name, p in zip(result.names[1:], result.p[1:], strict=True) if p <= CHANCE]
    if moving:
        return f"It moves with {', '.join(moving)}: more than by chance at the level of 5 %, each taken alone."
    return "It moves with no covariate by more than chance, at the level of 5 %."


# --------------------------------------------------------------------------------------------------------- drawings


def _draw_ranks(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.loglog(data["rank"], data["count"], ".-")
    axes.set(xlabel="rank", ylabel="times in the corpus")


def _draw_lengths(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.hist(data["words"], bins=min(40, len(data)), weights=data["documents"])
    axes.set(xlabel="words", ylabel="documents")


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


def _draw_agreement(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["count"], data["shared"], "o", alpha=0.5, markeredgewidth=0)
    axes.axhline(STEADY, color="gray", linestyle=":", linewidth=1)
    axes.set(xlabel="times in the corpus", ylabel="share of nearest words in common", ylim=(0, 1.02), xscale="log")


def _draw_coefficients(figure: Any, data: pd.DataFrame) -> None:
    axes, place = figure.subplots(), np.arange(len(data))[::-1]
    axes.barh(place, data["length"], 0.6, color="C0", alpha=0.3, label="length")
    axes.barh(place, data["length less noise"], 0.6, color="C0", label="less noise")
    for y, length, p in zip(place, data["length"], data["p-value"], strict=True):
        axes.annotate(f"p = {p:.3g}", (length, y), (5, 0), textcoords="offset points", va="center")
    axes.set_yticks(place, data["covariate"].astype(str).tolist())
    limits = (0, 1.25 * max(data["length"].max(), 1e-12))
    axes.set(xlabel="length", xlim=limits, ylim=(-0.6, len(data) - 0.4))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2)
