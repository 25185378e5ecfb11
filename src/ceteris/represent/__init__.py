"""Learnt representations: autoencoders, word vectors, and synthetic tables.

Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Autoencoder": "ceteris.represent.autoencoder",
    "Corpus": "ceteris.represent.words.corpus",
    "EmbeddingRegression": "ceteris.represent.words.a_la_carte",
    "GloVe": "ceteris.represent.words.glove",
    "SkipGram": "ceteris.represent.words.skip_gram",
    "TableGAN": "ceteris.represent.tables.gan",
    "VariationalAutoencoder": "ceteris.represent.autoencoder",
    "VectorEnsemble": "ceteris.represent.words.stability",
    "WordVectors": "ceteris.represent.words.vectors",
    "build_corpus": "ceteris.represent.words.corpus",
    "compare_tables": "ceteris.represent.tables.quality",
    "fit_many": "ceteris.represent.words.stability",
    "join_phrases": "ceteris.represent.words.corpus",
    "load_vectors": "ceteris.represent.words.vectors",
    "read_corpus": "ceteris.represent.words.corpus",
    "tokenise": "ceteris.represent.words.corpus",
    "word_sections": "ceteris.represent.words.sections",
}

__all__ = [
    "Autoencoder", "Corpus", "EmbeddingRegression", "GloVe", "SkipGram", "TableGAN", "VariationalAutoencoder",
    "VectorEnsemble", "WordVectors", "build_corpus", "compare_tables", "fit_many", "join_phrases", "load_vectors",
    "read_corpus", "tokenise", "word_sections",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.represent.autoencoder import Autoencoder, VariationalAutoencoder
    from ceteris.represent.tables.gan import TableGAN
    from ceteris.represent.tables.quality import compare_tables
    from ceteris.represent.words.a_la_carte import EmbeddingRegression
    from ceteris.represent.words.corpus import Corpus, build_corpus, join_phrases, read_corpus, tokenise
    from ceteris.represent.words.glove import GloVe
    from ceteris.represent.words.sections import word_sections
    from ceteris.represent.words.skip_gram import SkipGram
    from ceteris.represent.words.stability import VectorEnsemble, fit_many
    from ceteris.represent.words.vectors import WordVectors, load_vectors


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ceteris.represent' has no attribute {name!r}; it offers {', '.join(_HOME)}")


def __dir__() -> list[str]:
    return sorted(__all__)
