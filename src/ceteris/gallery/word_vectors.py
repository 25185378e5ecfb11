"""Word vectors on a text whose meaning is known: similarities, analogies, stability, and a word with two uses.

Documents speak of hidden topics, words of what their planted vectors point at (`ceteris.data.corpora`). Skip-gram
should give back the cosines between these vectors, the pairs that differ along one direction (as king and queen do),
and tell that one word is used differently in two groups of documents. One run is no evidence: neighbours of rare words
change from run to run, and the ensemble says how much.

References
----------
Mikolov, T., Sutskever, I., Chen, K., Corrado, G. and Dean, J. (2013). Distributed representations of words and phrases
and their compositionality. NeurIPS 26. Rodriguez, P. L. and Spirling, A. (2022). Word embeddings: what works, what
doesn't, and how to tell the difference for applied research. Journal of Politics 84.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ceteris.data.corpora import PlantedCorpus, simulate_corpus
from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table
from ceteris.text.words.a_la_carte import EmbeddingRegression
from ceteris.text.words.corpus import build_corpus
from ceteris.text.words.skip_gram import SkipGram
from ceteris.text.words.stability import fit_many
from ceteris.text.words.vectors import WordVectors

if TYPE_CHECKING:
    import matplotlib.figure

PAIRS, STEADY = 12, "w1"
BAR = 0.9  # rank correlation of learnt with planted cosines


def planted_against_learnt(planted: PlantedCorpus, vectors: WordVectors) -> tuple[np.ndarray, np.ndarray]:
    """Return planted and learnt cosines of all pairs of words but the one that turns."""
    stay = [i for i, word in enumerate(planted.words) if word != "w0" and word in vectors]
    unit = vectors.unit[[vectors.place(planted.words[i]) for i in stay]]
    upper = np.triu_indices(len(stay), 1)
    return planted.cosines[np.ix_(stay, stay)][upper], (unit @ unit.T)[upper]


def analogy_ranks(vectors: WordVectors) -> np.ndarray:
    """Return the rank of high_j among the answers to low_i : high_i = low_j : ?, for neighbouring i and j."""
    ranks = []
    for i in range(PAIRS):
        j = (i + 1) % PAIRS
        answers = vectors.analogy(f"low{i}", f"high{i}", f"low{j}", n=len(vectors))["word"].tolist()
        ranks.append(1 + answers.index(f"high{j}"))
    return np.array(ranks)


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    for axes, (name, part) in zip(panels(figure, 1, 2, sharey=True), data.groupby("vectors", sort=False), strict=True):
        axes.plot(part["planted"], part["learnt"], ".", markersize=2, alpha=0.5)
        axes.plot([-1, 1], [-1, 1], color="0.5", linewidth=0.8)
        axes.set(title=str(name), xlabel="planted cosine", ylabel="learnt cosine")


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Plant, learn, compare; see `ceteris.gallery.sections`."""
    documents, words, runs = (8_000, 200, 3) if quick else (40_000, 600, 10)
    planted = simulate_corpus(documents, 25, words, dimensions=6, pairs=PAIRS, turn=np.pi / 2, seed=seed)
    corpus = build_corpus(planted.documents)
    model = SkipGram(dimensions=24, seed=seed)
    both = {
        "v as in word2vec": SkipGram(dimensions=24, combine=False, seed=seed).fit(corpus),
        "v + u, centred": model.fit(corpus),
    }
    vectors = both["v + u, centred"]
    cosines = {name: planted_against_learnt(planted, found) for name, found in both.items()}
    rho = {name: float(np.asarray(spearmanr(*pair))[0]) for name, pair in cosines.items()}
    ranks = analogy_ranks(vectors)
    few = corpus.take(np.arange(min(8_000, documents)))
    ensemble = fit_many(model, few, runs, seed=seed)
    agreement = ensemble.agreement()
    groups = pd.DataFrame({"group": planted.groups})
    regression = EmbeddingRegression(vectors, window=12, draws=199)
    turned, steady = (regression.fit(corpus, word, groups).table().loc["group"] for word in ("w0", STEADY))
    table = pd.DataFrame(
        [
            ("rank correlation of cosines, v as in word2vec", rho["v as in word2vec"]),
            ("rank correlation of cosines, v + u centred", rho["v + u, centred"]),
            (f"median rank of the right answer to {PAIRS} analogies", float(np.median(ranks))),
            (f"share of 10 nearest that two runs on {few.documents:,} documents share", agreement.mean()),
            ("word that turns: length of the difference, less noise", turned["length less noise"]),
            ("word that stays: length of the difference, less noise", steady["length less noise"]),
        ],
        columns=["what", "value"],
    )
    return (
        Section(
            "Word vectors on a planted text",
            f"{documents:,} documents of 25 words, {words} different ones, whose vectors of 6 dimensions are known. "
            "The two vectors that word w0 has in the two groups of documents are at right angles.",
            (
                Table("What is found", table),
                Table("Nearest words to one word (high0), over runs", ensemble.most_similar("high0", 5).reset_index()),
            ),
            (
                Figure("Cosines", "One point per pair of words, 3,000 of them.", _sample(cosines, seed), _draw,
                       (8.0, 4.0)),
            ),
            (
                Check("similarities are found", rho["v + u, centred"] >= BAR,
                      f"Learnt and planted cosines have a rank correlation of {rho['v + u, centred']:.3f}.",
                      rho["v + u, centred"], BAR),
                Check("analogies are found", bool(np.median(ranks) <= 5),
                      f"The right one of {words} words has the median rank {np.median(ranks):g}.",
                      float(np.median(ranks)), 5.0),
                Check("the word that turns is told from one that stays",
                      bool(turned["p-value"] <= 0.01 < steady["p-value"]),
                      f"By permutation p = {turned['p-value']:.3f} for one, {steady['p-value']:.3f} for the other."),
            ),
        ),
    )  # fmt: skip


def _sample(cosines: dict[str, tuple[np.ndarray, np.ndarray]], seed: int) -> pd.DataFrame:
    parts = []
    for name, (planted, learnt) in cosines.items():
        rows = np.random.default_rng(seed).choice(len(planted), 3_000, replace=False)
        parts.append(pd.DataFrame({"vectors": name, "planted": planted[rows], "learnt": learnt[rows]}))
    return pd.concat(parts, ignore_index=True)
