"""One transformer for all families: encoders, decoders and both, from a frozen description."""

from ceteris.text.models.description import Description, ExpertRule, LatentRule, RotaryRule, SparseRule
from ceteris.text.models.model import Cache, LanguageModel, Outputs, averaged, text_vector

__all__ = [
    "Cache", "Description", "ExpertRule", "LanguageModel", "LatentRule", "Outputs", "RotaryRule", "SparseRule",
    "averaged", "text_vector",
]  # fmt: skip
