"""From raw text to shards of tokens: filters, duplicates, redaction, mixtures, and a feed for training.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "PERSONAL", "QUALITY", "NearDuplicates", "QualityRule", "Shards", "TokenFeed", "TokenRow", "languages_of",
    "load_shards", "prepare", "redacted",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.text.data.duplicates import NearDuplicates
    from ceteris.text.data.feed import TokenFeed, TokenRow
    from ceteris.text.data.languages import languages_of
    from ceteris.text.data.personal import PERSONAL, redacted
    from ceteris.text.data.preparing import prepare
    from ceteris.text.data.quality import QUALITY, QualityRule
    from ceteris.text.data.shards import Shards, load_shards

__getattr__, __dir__ = lazily(__name__, __file__)
