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
    from ceteris.sequence.context.in_context import InContextFit, InContextLearner
    from ceteris.sequence.context.predictors import (
        bayes_forecasts,
        descent_forecasts,
        kernel_forecasts,
        least_squares_forecasts,
        simulate_autoregressions,
    )
    from ceteris.sequence.cycles.classifier import CycleClassifier, compare_detectors
    from ceteris.sequence.cycles.edgeworth import AlternatingDuopoly, PricingEquilibrium, edgeworth_cycle, kinked_demand
    from ceteris.sequence.cycles.rules import rule_scores
    from ceteris.sequence.cycles.stations import StationPanel, simulate_stations
    from ceteris.sequence.cycles.turns import compare_turns, filtered_resets
    from ceteris.sequence.forecast.comparing import compare_forecasts
    from ceteris.sequence.forecast.comparison import ForecastComparison
    from ceteris.sequence.forecast.forecaster import Forecaster
    from ceteris.sequence.forecast.hierarchies import Hierarchy, add_up, hierarchy, reconcile, reconcile_forecaster
    from ceteris.sequence.forecast.simple import SIMPLE
    from ceteris.sequence.nowcasts.factor_model import FactorModel
    from ceteris.sequence.nowcasts.mixed import MixedFrequencyFit, MixedFrequencyRegression
    from ceteris.sequence.nowcasts.nowcast import Nowcaster, NowcastFit
    from ceteris.sequence.translate.translation import SequenceToSequence
    from ceteris.sequence.volatility.comparing import VolatilityComparison, compare_volatility
    from ceteris.sequence.volatility.garch import simulate_garch
    from ceteris.sequence.volatility.models import Volatility, VolatilityFit
    from ceteris.sequence.volatility.net import VolatilityNet, VolatilityNetFit
    from ceteris.sequence.volatility.value_at_risk import RiskBacktest, backtest

__getattr__, __dir__ = lazily(__name__, __file__)
