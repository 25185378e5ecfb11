"""Sequences: forecasts with honest intervals, volatility, nowcasts, price cycles, translation, learning in context.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "SIMPLE", "AlternatingDuopoly", "CycleClassifier", "FactorModel", "ForecastComparison", "Forecaster", "Hierarchy",
    "InContextFit", "InContextLearner", "MixedFrequencyFit", "MixedFrequencyRegression", "NowcastFit", "Nowcaster",
    "PricingEquilibrium", "RiskBacktest", "SequenceToSequence", "StationPanel", "Volatility", "VolatilityComparison",
    "VolatilityFit", "VolatilityNet", "VolatilityNetFit", "add_up", "backtest", "bayes_forecasts", "compare_detectors",
    "compare_forecasts", "compare_turns", "compare_volatility", "descent_forecasts", "edgeworth_cycle",
    "filtered_resets", "hierarchy", "kernel_forecasts", "kinked_demand", "least_squares_forecasts", "reconcile",
    "reconcile_forecaster", "rule_scores", "simulate_autoregressions", "simulate_garch", "simulate_stations",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.sequence.comparing import compare_forecasts
    from ceteris.sequence.comparison import ForecastComparison
    from ceteris.sequence.cycles import CycleClassifier, compare_detectors
    from ceteris.sequence.edgeworth import AlternatingDuopoly, PricingEquilibrium, edgeworth_cycle, kinked_demand
    from ceteris.sequence.factor_model import FactorModel
    from ceteris.sequence.forecaster import Forecaster
    from ceteris.sequence.garch import simulate_garch
    from ceteris.sequence.hierarchies import Hierarchy, add_up, hierarchy, reconcile, reconcile_forecaster
    from ceteris.sequence.in_context import InContextFit, InContextLearner
    from ceteris.sequence.mixed import MixedFrequencyFit, MixedFrequencyRegression
    from ceteris.sequence.nowcast import NowcastFit, Nowcaster
    from ceteris.sequence.predictors import bayes_forecasts, descent_forecasts, kernel_forecasts, least_squares_forecasts, simulate_autoregressions
    from ceteris.sequence.rules import rule_scores
    from ceteris.sequence.simple import SIMPLE
    from ceteris.sequence.stations import StationPanel, simulate_stations
    from ceteris.sequence.translation import SequenceToSequence
    from ceteris.sequence.turns import compare_turns, filtered_resets
    from ceteris.sequence.value_at_risk import RiskBacktest, backtest
    from ceteris.sequence.volatility import Volatility, VolatilityFit
    from ceteris.sequence.volatility_compare import VolatilityComparison, compare_volatility
    from ceteris.sequence.volatility_net import VolatilityNet, VolatilityNetFit

__getattr__, __dir__ = lazily(__name__, __file__)
