"""Estimators with scikit-learn's contract over the engine, and their comparison with classical learners."""

from ceteris.learners.classifier import NeuralClassifier
from ceteris.learners.compare import compare
from ceteris.learners.comparison import Comparison
from ceteris.learners.files import load
from ceteris.learners.quantile import NeuralQuantileRegressor
from ceteris.learners.regressor import NeuralRegressor

__all__ = ["Comparison", "NeuralClassifier", "NeuralQuantileRegressor", "NeuralRegressor", "compare", "load"]
