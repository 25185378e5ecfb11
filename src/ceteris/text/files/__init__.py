"""Models as files hold them: read from the hub's layout, saved in it, with the names of every family.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["Pretrained", "SentenceRule", "configured", "describe", "load"]

if TYPE_CHECKING:
    from ceteris.text.files.configs import configured, describe
    from ceteris.text.files.pretrained import Pretrained, SentenceRule, load

__getattr__, __dir__ = lazily(__name__, __file__)
