"""Pre-training: a language model from its first weights, by what it learns to foretell.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "SIZES", "HeldOutWindows", "MaskedTokens", "MaskingRule", "NextToken", "PairedTexts", "PowerLaw", "PretrainedRun",
    "Pretraining", "SourceAblation", "SpanCorruption", "adapt", "compare_sources", "cross_entropy", "described",
    "language_optimiser", "power_law",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.pretrain.ablation import SourceAblation, compare_sources
    from ceteris.text.pretrain.adapting import adapt
    from ceteris.text.pretrain.corruption import MaskingRule
    from ceteris.text.pretrain.law import PowerLaw, power_law
    from ceteris.text.pretrain.losses import cross_entropy
    from ceteris.text.pretrain.objectives import HeldOutWindows, MaskedTokens, NextToken, PairedTexts, SpanCorruption
    from ceteris.text.pretrain.pretraining import Pretraining
    from ceteris.text.pretrain.rules import SIZES, described, language_optimiser
    from ceteris.text.pretrain.run import PretrainedRun

__getattr__, __dir__ = lazily(__name__, __file__)
