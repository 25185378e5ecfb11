"""Text: vectors of words, models that read and write, what is learnt with them, and how good it is.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "Corpus", "EmbeddingRegression", "Evaluation", "Generated", "GloVe", "LearningCurve", "PairClassifier",
    "Pretrained", "PromptClassifier", "SkipGram", "TextClassifier", "TextRegressor", "TokenClassifier",
    "VectorEnsemble", "WordVectors", "build_corpus", "compare_texts", "embed", "evaluate_choices",
    "evaluate_labels", "evaluate_raters", "evaluate_texts", "fit_many", "generate", "join_phrases",
    "learning_curve", "load", "load_vectors", "perplexity", "read_corpus", "score", "similarity", "tokenise",
    "word_sections",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.classify.classifier import PairClassifier, TextClassifier
    from ceteris.text.classify.comparing import LearningCurve, compare_texts, learning_curve
    from ceteris.text.classify.embedding import embed, similarity
    from ceteris.text.classify.prompting import PromptClassifier
    from ceteris.text.classify.regressor import TextRegressor
    from ceteris.text.classify.word_labels import TokenClassifier
    from ceteris.text.evaluate.evaluating import evaluate_labels, evaluate_raters, evaluate_texts
    from ceteris.text.evaluate.evaluation import Evaluation
    from ceteris.text.evaluate.models import evaluate_choices, perplexity
    from ceteris.text.files.pretrained import Pretrained, load
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
