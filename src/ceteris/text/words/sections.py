"""Word vectors as a part of a report: the corpus, the loss, the commonest words and their neighbours."""

from __future__ import annotations

from ceteris.results import Section
from ceteris.text.words.corpus import Corpus
from ceteris.text.words.shown import stability, vector_section
from ceteris.text.words.stability import VectorEnsemble
from ceteris.text.words.vectors import WordVectors


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
    kept = len(corpus.ids) / max(corpus.raw, 1)
    text = (
        f"{corpus.raw:,} words in {corpus.documents:,} documents; {len(corpus.words):,} different ones are frequent "
        f"enough, and make up {kept:.0%} of the text."
    )
    first = vector_section(vectors, words, text)
    return (first,) if ensemble is None else (first, stability(ensemble, words))
