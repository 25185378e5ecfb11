"""From raw text to shards of tokens: filters, duplicates, redaction, mixtures, and a feed for training.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["PERSONAL", "QUALITY", "NearDuplicates", "QualityRule", "languages_of"]

if TYPE_CHECKING:
    from ceteris.text.data.duplicates import NearDuplicates
    from ceteris.text.data.languages import languages_of
    from ceteris.text.data.quality import QUALITY, QualityRule

__getattr__, __dir__ = lazily(__name__, __file__)
