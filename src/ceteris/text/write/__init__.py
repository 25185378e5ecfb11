"""Language models that write: what they go on with, and how likely they find what others wrote.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["Generated", "generate", "score"]

if TYPE_CHECKING:
    from ceteris.text.write.generated import Generated
    from ceteris.text.write.generating import generate
    from ceteris.text.write.likelihood import score

__getattr__, __dir__ = lazily(__name__, __file__)
