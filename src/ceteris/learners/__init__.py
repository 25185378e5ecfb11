"""Estimators with scikit-learn's contract over the engine, and their comparison with classical learners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "Comparison", "Explanation", "Fairness", "NeuralClassifier", "NeuralQuantileRegressor", "NeuralRegressor",
    "compare", "explain", "fairness", "load",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.learners.by_group import Fairness, fairness
    from ceteris.learners.classifier import NeuralClassifier
    from ceteris.learners.comparing import compare
    from ceteris.learners.comparison import Comparison
    from ceteris.learners.explaining.explanation import Explanation, explain
    from ceteris.learners.loading import load
    from ceteris.learners.quantile import NeuralQuantileRegressor
    from ceteris.learners.regressor import NeuralRegressor

__getattr__, __dir__ = lazily(__name__, __file__)
