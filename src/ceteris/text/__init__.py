"""Text: a corpus, and vectors of words learnt from it.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "Corpus", "EmbeddingRegression", "GloVe", "SkipGram", "VectorEnsemble", "WordVectors", "build_corpus", "fit_many",
    "join_phrases", "load_vectors", "read_corpus", "tokenise", "word_sections",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.words.a_la_carte import EmbeddingRegression
    from ceteris.text.words.corpus import Corpus, build_corpus, join_phrases, read_corpus, tokenise
    from ceteris.text.words.glove import GloVe
    from ceteris.text.words.sections import word_sections
    from ceteris.text.words.skip_gram import SkipGram
    from ceteris.text.words.stability import VectorEnsemble, fit_many
    from ceteris.text.words.vectors import WordVectors, load_vectors

__getattr__, __dir__ = lazily(__name__, __file__)
