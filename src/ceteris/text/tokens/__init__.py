"""Texts as numbers: tokenizers read, trained and saved; batches of texts, padded; long texts in pieces.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["KINDS", "Encoded", "Tokenizer", "train"]

if TYPE_CHECKING:
    from ceteris.text.tokens.encoded import Encoded
    from ceteris.text.tokens.tokenizer import Tokenizer
    from ceteris.text.tokens.training import KINDS, train

__getattr__, __dir__ = lazily(__name__, __file__)
