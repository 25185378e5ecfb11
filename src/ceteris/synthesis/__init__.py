"""A table learnt: in a few numbers per row, and as synthetic rows.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["Autoencoder", "TableGAN", "VariationalAutoencoder", "compare_tables"]

if TYPE_CHECKING:
    from ceteris.synthesis.autoencoder import Autoencoder, VariationalAutoencoder
    from ceteris.synthesis.gan import TableGAN
    from ceteris.synthesis.quality import compare_tables

__getattr__, __dir__ = lazily(__name__, __file__)
