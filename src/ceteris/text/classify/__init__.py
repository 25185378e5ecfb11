"""Learning from labelled texts: vectors, classes, numbers, classes of words and of pairs; what label words tell.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["PairClassifier", "TextClassifier", "TextRegressor", "embed", "similarity"]

if TYPE_CHECKING:
    from ceteris.text.classify.classifier import PairClassifier, TextClassifier
    from ceteris.text.classify.embedding import embed, similarity
    from ceteris.text.classify.regressor import TextRegressor

__getattr__, __dir__ = lazily(__name__, __file__)
