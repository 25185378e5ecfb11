"""A table learnt: in a few numbers per row, and as synthetic rows.

Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Autoencoder": "ceteris.synthesis.autoencoder",
    "TableGAN": "ceteris.synthesis.gan",
    "VariationalAutoencoder": "ceteris.synthesis.autoencoder",
    "compare_tables": "ceteris.synthesis.quality",
}

__all__ = ["Autoencoder", "TableGAN", "VariationalAutoencoder", "compare_tables"]

if TYPE_CHECKING:
    from ceteris.synthesis.autoencoder import Autoencoder, VariationalAutoencoder
    from ceteris.synthesis.gan import TableGAN
    from ceteris.synthesis.quality import compare_tables


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ceteris.synthesis' has no attribute {name!r}; it offers {', '.join(_HOME)}")


def __dir__() -> list[str]:
    return sorted(__all__)
