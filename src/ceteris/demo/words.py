"""A text: vectors learnt from documents whose meaning was planted, so that they can be held against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.demo.part import Part
from ceteris.evidence import Check, Figure, Section, Table

if TYPE_CHECKING:
    import pandas as pd

    from ceteris.data import PlantedCorpus
    from ceteris.text import WordVectors

TITLE = "A text, read"
DOCUMENTS, WORDS, SHOWN, BAR = 4_000, 150, 600, 0.8
TEXT = (
    "4,000 documents were drawn so that the meaning of every word is known: words that mean alike stand together. "
    "Skip-gram learns a vector per word from the text alone. Cosines of the vectors should be the planted ones. One "
    "word, w0, means something else in half of the documents; a regression of what stands around it on the group finds "
    "this, and a word of which nothing was changed stays where it was."
)


def part(seed: int) -> Part:
    """Learn the vectors, hold them against the planted ones, and find the word that changed its meaning."""
    import pandas as pd

    from ceteris.data import simulate_corpus
    from ceteris.text import EmbeddingRegression, SkipGram, build_corpus, word_sections

    planted = simulate_corpus(documents=DOCUMENTS, words=WORDS, dimensions=5, pairs=6, turn=1.5, seed=seed)
    corpus = build_corpus(planted.documents, least=5)
    vectors = SkipGram(dimensions=16, seed=seed).fit(corpus)
    cosines = paired_cosines(planted, vectors, seed)
    ranks = pd.DataFrame(cosines, columns=["planted", "learnt"]).rank()
    rank = float(np.corrcoef(ranks.to_numpy().T)[0, 1])
    groups = pd.DataFrame({"group": planted.groups})
    changes = {
        word: EmbeddingRegression(vectors, window=12, draws=199, seed=seed).fit(corpus, word, groups).table()
        for word in ("w0", "w1")
    }
    moved = pd.concat([frame.loc[["group"]].assign(word=word) for word, frame in changes.items()]).set_index("word")
    figure = picture(cosines, moved)
    p = {word: float(moved.loc[word, "p-value"]) for word in moved.index}  # pyright: ignore[reportArgumentType]
    answer = (
        f"Learnt and planted similarities have a rank correlation of {rank:.2f}. Does a word's meaning differ between "
        f"two groups? For one that was made to, p = {p['w0']:.3f}; for another, p = {p['w1']:.2f}."
    )
    note = "p-values by permutation of documents."
    table = Table("Does the meaning differ between the groups?", moved.reset_index(), note)
    first = Section(TITLE, TEXT, (table,), (figure,), checks(rank, p))
    return Part("What do words mean, and for whom?", answer, figure, (first, *word_sections(corpus, vectors)),
                "ceteris embed corpus.txt")  # fmt: skip


def checks(rank: float, p: dict[str, float]) -> tuple[Check, ...]:
    """Whether the vectors are the planted ones, and whether the right word is found to have changed."""
    found = p["w0"] < 0.05 <= p["w1"]
    return (
        Check("similarities are the planted ones", rank > BAR, f"Their rank correlation is {rank:.2f}.", rank, BAR),
        Check(
            "the word that changed is found, the other is not", found,
            f"The p-value of w0, which changed, is {p['w0']:.3f}, that of w1, which did not, {p['w1']:.2f}"
            + ("." if found else "; one word in twenty that did not change has one below 0.05."),
        ),
    )  # fmt: skip


def paired_cosines(planted: PlantedCorpus, vectors: WordVectors, seed: int) -> pd.DataFrame:
    """Cosines of pairs of words: planted, and of the vectors."""
    import pandas as pd

    kept = [i for i, word in enumerate(planted.words) if word in vectors and word != "w0"]
    places = np.array([vectors.place(planted.words[i]) for i in kept])
    first, second = np.triu_indices(len(kept), 1)
    chosen = np.random.default_rng(seed).choice(len(first), min(SHOWN, len(first)), replace=False)
    truth = planted.cosines[np.ix_(kept, kept)][first, second][chosen]
    learnt = (vectors.unit[places] @ vectors.unit[places].T)[first, second][chosen]
    return pd.DataFrame({"planted": truth, "learnt": learnt})


def picture(cosines: pd.DataFrame, moved: pd.DataFrame) -> Figure:
    """Learnt against planted cosines, and how far two words moved between the groups."""
    import pandas as pd

    left = cosines.assign(panel="cosines", word="")
    right = pd.DataFrame({"panel": "moved", "word": moved.index, "learnt": moved["length less noise"].to_numpy(float)})
    caption = (
        f"Left: {len(cosines)} pairs of words. Right: by how much the surroundings of a word differ between the "
        "groups, less what noise has in it; w0 was made to differ, w1 was not."
    )
    data: Any = pd.concat([left, right], ignore_index=True)
    return Figure("Meanings found again", caption, data, draw, (8.4, 3.4))


def draw(figure: Any, data: pd.DataFrame) -> None:
    """Draw `picture`."""
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    pairs, bars = data[data["panel"] == "cosines"], data[data["panel"] == "moved"]
    left.plot(pairs["planted"], pairs["learnt"], ".", alpha=0.45)
    left.set(xlabel="planted similarity", ylabel="learnt similarity", title="Pairs of words")
    right.barh(["w0: its meaning differs", "w1: it does not"], np.maximum(bars["learnt"], 0), color=["C1", "C0"])
    right.invert_yaxis()
    right.set(xlabel="difference between groups", title="Two words")
