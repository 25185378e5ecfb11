"""Forecasts of time series: nets beside the methods that are hard to beat, with intervals that cover.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "SIMPLE", "ForecastComparison", "Forecaster", "Hierarchy", "add_up", "compare_forecasts", "hierarchy", "reconcile",
    "reconcile_forecaster",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.sequence.comparing import compare_forecasts
    from ceteris.sequence.comparison import ForecastComparison
    from ceteris.sequence.forecaster import Forecaster
    from ceteris.sequence.hierarchies import Hierarchy, add_up, hierarchy, reconcile, reconcile_forecaster
    from ceteris.sequence.simple import SIMPLE

__getattr__, __dir__ = lazily(__name__, __file__)
