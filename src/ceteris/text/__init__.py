"""Text: a corpus, and vectors of words learnt from it.

Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Corpus": "ceteris.text.corpus",
    "EmbeddingRegression": "ceteris.text.a_la_carte",
    "GloVe": "ceteris.text.glove",
    "SkipGram": "ceteris.text.skip_gram",
    "VectorEnsemble": "ceteris.text.stability",
    "WordVectors": "ceteris.text.vectors",
    "build_corpus": "ceteris.text.corpus",
    "fit_many": "ceteris.text.stability",
    "join_phrases": "ceteris.text.corpus",
    "load_vectors": "ceteris.text.vectors",
    "read_corpus": "ceteris.text.corpus",
    "tokenise": "ceteris.text.corpus",
    "word_sections": "ceteris.text.sections",
}

__all__ = [
    "Corpus", "EmbeddingRegression", "GloVe", "SkipGram", "VectorEnsemble", "WordVectors", "build_corpus", "fit_many",
    "join_phrases", "load_vectors", "read_corpus", "tokenise", "word_sections",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.a_la_carte import EmbeddingRegression
    from ceteris.text.corpus import Corpus, build_corpus, join_phrases, read_corpus, tokenise
    from ceteris.text.glove import GloVe
    from ceteris.text.sections import word_sections
    from ceteris.text.skip_gram import SkipGram
    from ceteris.text.stability import VectorEnsemble, fit_many
    from ceteris.text.vectors import WordVectors, load_vectors


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ceteris.text' has no attribute {name!r}; it offers {', '.join(_HOME)}")


def __dir__() -> list[str]:
    return sorted(__all__)
