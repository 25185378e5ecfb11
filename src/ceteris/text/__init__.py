"""Text: a corpus and vectors of words learnt from it; what language models write, and how good it is.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "Corpus", "EmbeddingRegression", "Evaluation", "Generated", "GloVe", "SkipGram", "VectorEnsemble", "WordVectors",
    "build_corpus", "evaluate_choices", "evaluate_labels", "evaluate_raters", "evaluate_texts", "fit_many", "generate",
    "join_phrases", "load_vectors", "perplexity", "read_corpus", "score", "tokenise", "word_sections",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.evaluate.evaluating import evaluate_labels, evaluate_raters, evaluate_texts
    from ceteris.text.evaluate.evaluation import Evaluation
    from ceteris.text.evaluate.models import evaluate_choices, perplexity
    from ceteris.text.words.a_la_carte import EmbeddingRegression
    from ceteris.text.words.corpus import Corpus, build_corpus, join_phrases, read_corpus, tokenise
    from ceteris.text.words.glove import GloVe
    from ceteris.text.words.sections import word_sections
    from ceteris.text.words.skip_gram import SkipGram
    from ceteris.text.words.stability import VectorEnsemble, fit_many
    from ceteris.text.words.vectors import WordVectors, load_vectors
    from ceteris.text.write.generated import Generated
    from ceteris.text.write.generating import generate
    from ceteris.text.write.likelihood import score

__getattr__, __dir__ = lazily(__name__, __file__)
