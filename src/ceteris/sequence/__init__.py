"""Sequences: price cycles, volatility, nowcasts, and nets that learn in context.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "AlternatingDuopoly", "CycleClassifier", "PricingEquilibrium", "RiskBacktest", "StationPanel", "Volatility",
    "VolatilityComparison", "VolatilityFit", "VolatilityNet", "VolatilityNetFit", "backtest", "compare_detectors",
    "compare_turns", "compare_volatility", "edgeworth_cycle", "filtered_resets", "kinked_demand", "rule_scores",
    "simulate_garch", "simulate_stations",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.sequence.cycles import CycleClassifier, compare_detectors
    from ceteris.sequence.edgeworth import AlternatingDuopoly, PricingEquilibrium, edgeworth_cycle, kinked_demand
    from ceteris.sequence.garch import simulate_garch
    from ceteris.sequence.rules import rule_scores
    from ceteris.sequence.stations import StationPanel, simulate_stations
    from ceteris.sequence.turns import compare_turns, filtered_resets
    from ceteris.sequence.value_at_risk import RiskBacktest, backtest
    from ceteris.sequence.volatility import Volatility, VolatilityFit
    from ceteris.sequence.volatility_compare import VolatilityComparison, compare_volatility
    from ceteris.sequence.volatility_net import VolatilityNet, VolatilityNetFit

__getattr__, __dir__ = lazily(__name__, __file__)
