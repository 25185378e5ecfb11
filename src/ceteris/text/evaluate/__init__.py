"""How good it is: texts beside references, labels beside the truth, raters beside one another, models beside text.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "Evaluation", "bleu", "chrf", "evaluate_choices", "evaluate_labels", "evaluate_raters", "evaluate_texts",
    "perplexity", "rouge",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.evaluate.evaluating import evaluate_labels, evaluate_raters, evaluate_texts
    from ceteris.text.evaluate.evaluation import Evaluation
    from ceteris.text.evaluate.models import evaluate_choices, perplexity
    from ceteris.text.evaluate.overlap import bleu, chrf, rouge

__getattr__, __dir__ = lazily(__name__, __file__)
