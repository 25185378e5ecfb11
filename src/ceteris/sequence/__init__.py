"""Forecasts of time series, and translation of one sequence into another.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["SequenceToSequence"]

if TYPE_CHECKING:
    from ceteris.sequence.translation import SequenceToSequence

__getattr__, __dir__ = lazily(__name__, __file__)
