"""For whom a treatment works: estimators of τ(x) = E[Y(1) - Y(0) | X = x], and how good they are.

An estimator is a frozen dataclass of settings; ``fit`` returns a fitted model. That of every learner, and of
``CausalForest``, has ``effect`` (`Effects`: a point for each row, and a standard error where there is one), ``scores``
(doubly robust, one for each training row), ``average`` (of any subgroup), ``nuisances`` and ``rows``; the other forests
and the tree have some of these. Names are imported when first used.

Examples
--------
>>> from ceteris.causal.heterogeneity import LinearEffects
>>> from ceteris.data import simulate_nie_wager
>>> from sklearn.linear_model import LinearRegression, LogisticRegression
>>> data = simulate_nie_wager("A", 400, seed=1)
>>> model = LinearEffects(LinearRegression(), LogisticRegression()).fit(data, y="y", d="d", x=["x0", "x1", "x2"])
>>> model.effect().point.shape, model.scores.shape
((400,), (400,))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "CausalForest", "CausalTree", "DRLearner", "Effects", "ForestRegressor", "InstrumentalForest", "LinearEffects",
    "LocalMomentForest", "MultiArmForest", "QuantileForest", "RLearner", "SLearner", "SeriesEffects", "SharedNet",
    "StructuredEffects", "TLearner", "TreeSettings", "XLearner", "average_effect", "best_linear_predictor",
    "calibration_test", "clan", "compare_cate", "cumulative_gain", "doubly_robust", "dr_loss", "effect_mse",
    "evaluation_sections", "gain_area", "gain_curve", "gates", "quantile_groups", "r_loss", "rate", "toc",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.causal.heterogeneity.causal_forest import CausalForest
    from ceteris.causal.heterogeneity.causal_tree import CausalTree
    from ceteris.causal.heterogeneity.compare import compare_cate
    from ceteris.causal.heterogeneity.dr_learner import DRLearner
    from ceteris.causal.heterogeneity.effects import Effects, average_effect, doubly_robust
    from ceteris.causal.heterogeneity.evaluate.groups import clan, gates, quantile_groups
    from ceteris.causal.heterogeneity.evaluate.linear import best_linear_predictor, calibration_test
    from ceteris.causal.heterogeneity.evaluate.losses import dr_loss, effect_mse, r_loss
    from ceteris.causal.heterogeneity.evaluate.rate import rate, toc
    from ceteris.causal.heterogeneity.evaluate.sections import evaluation_sections
    from ceteris.causal.heterogeneity.evaluate.uplift import cumulative_gain, gain_area, gain_curve
    from ceteris.causal.heterogeneity.forest.growth import TreeSettings
    from ceteris.causal.heterogeneity.forest_regressor import ForestRegressor
    from ceteris.causal.heterogeneity.instrumental_forest import InstrumentalForest
    from ceteris.causal.heterogeneity.linear_effects import LinearEffects, SeriesEffects
    from ceteris.causal.heterogeneity.local_moment_forest import LocalMomentForest
    from ceteris.causal.heterogeneity.multi_arm_forest import MultiArmForest
    from ceteris.causal.heterogeneity.quantile_forest import QuantileForest
    from ceteris.causal.heterogeneity.r_learner import RLearner
    from ceteris.causal.heterogeneity.s_learner import SLearner
    from ceteris.causal.heterogeneity.shared_net import SharedNet
    from ceteris.causal.heterogeneity.structured_effects import StructuredEffects
    from ceteris.causal.heterogeneity.t_learner import TLearner
    from ceteris.causal.heterogeneity.x_learner import XLearner

__getattr__, __dir__ = lazily(__name__, __file__)
