"""Neural networks for economics, business research and social science.

Public names are imported when first used, so that ``import ceteris`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily
from ceteris.version import __version__

__all__ = [
    "Descend", "Ensemble", "Fit", "LevenbergMarquardt", "Model", "NeuralClassifier", "NeuralQuantileRegressor",
    "NeuralRegressor", "Play", "__version__", "compare", "fit", "load", "precision", "solve",
    "table",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.engine import Ensemble, Fit, fit, precision
    from ceteris.equilibrium import Model, solve
    from ceteris.estimates.table import table
    from ceteris.learners import NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor, compare
    from ceteris.recipe import Descend, LevenbergMarquardt, Play
    from ceteris.saved import load

__getattr__, __dir__ = lazily(__name__, __file__)
