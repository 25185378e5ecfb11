"""Causal effects: from the randomised experiment to debiased machine learning.

Every estimator is a frozen dataclass whose fields are its settings; ``fit`` takes a data frame with the names of the
columns, or arrays, and returns a ``ceteris.results.Estimate``. Names are imported when first used.

Examples
--------
>>> from ceteris.causal import PartiallyLinear
>>> from ceteris.data import simulate_partially_linear
>>> from sklearn.linear_model import LinearRegression
>>> data = simulate_partially_linear(500, seed=1)
>>> names = [name for name in data if name.startswith("x")]
>>> estimate = PartiallyLinear(LinearRegression(), LinearRegression()).fit(data, y="y", d="d", x=names)
>>> low, high = estimate.conf_int()[0]
>>> bool(low < 0.5 < high)  # the truth
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "AutomaticDebiasing", "AveragePotentialOutcomes", "BalancingWeights", "ClusterRandomised", "CovariateBalancing",
    "DeDL", "DifferenceInDifferences", "DifferenceInMeans", "EntropyBalancing", "ExactMatching", "Experiment",
    "GroupTimeEffects", "InteractedRegression", "Interactive", "InteractiveIV", "InverseProbabilityWeighting",
    "NearestNeighbours", "Net", "PartiallyLinear", "PartiallyLinearIV", "PropensityMatching",
    "RegressionAdjustment", "Replications", "Rows", "ScoreStratification", "Stratified", "StructuredNet",
    "benchmarks", "boosted_classifier", "boosted_regressor", "by_group", "confounding", "cross_fit", "event_study",
    "hidden_bias", "make_folds", "monte_carlo", "overall", "placebo_outcomes", "placebo_treatment", "read_rows",
    "report_sections", "table", "write_report",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.causal.crossfit import cross_fit, make_folds
    from ceteris.causal.estimators.automatic import AutomaticDebiasing
    from ceteris.causal.estimators.average_potential_outcomes import AveragePotentialOutcomes
    from ceteris.causal.estimators.balancing import BalancingWeights, CovariateBalancing, EntropyBalancing
    from ceteris.causal.estimators.dedl import DeDL
    from ceteris.causal.estimators.difference_in_differences import DifferenceInDifferences
    from ceteris.causal.estimators.group_time import GroupTimeEffects, by_group, event_study, overall
    from ceteris.causal.estimators.interactive import Interactive
    from ceteris.causal.estimators.interactive_iv import InteractiveIV
    from ceteris.causal.estimators.matching import ExactMatching, NearestNeighbours, PropensityMatching
    from ceteris.causal.estimators.partially_linear import PartiallyLinear
    from ceteris.causal.estimators.partially_linear_iv import PartiallyLinearIV
    from ceteris.causal.estimators.randomised import ClusterRandomised, DifferenceInMeans, Stratified
    from ceteris.causal.estimators.regression import InteractedRegression, RegressionAdjustment
    from ceteris.causal.estimators.structured import StructuredNet
    from ceteris.causal.estimators.weighting import InverseProbabilityWeighting, ScoreStratification
    from ceteris.causal.learners import boosted_classifier, boosted_regressor
    from ceteris.causal.placebo import placebo_outcomes, placebo_treatment
    from ceteris.causal.power import Experiment
    from ceteris.causal.rosenbaum import hidden_bias
    from ceteris.causal.rows import Rows, read_rows
    from ceteris.causal.sections import report_sections, write_report
    from ceteris.causal.sensitivity import benchmarks, confounding
    from ceteris.causal.simulation import Replications, monte_carlo
    from ceteris.estimates.table import table
    from ceteris.training import Net

__getattr__, __dir__ = lazily(__name__, __file__)
