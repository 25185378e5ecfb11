"""Neural networks for economics, business research and social science.

Public names are imported when first used, so that ``import ceteris`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Ensemble": "ceteris.engine",
    "Fit": "ceteris.engine",
    "fit": "ceteris.engine",
    "precision": "ceteris.engine",
    "Descend": "ceteris.recipe",
    "LevenbergMarquardt": "ceteris.recipe",
    "Play": "ceteris.recipe",
    "NeuralClassifier": "ceteris.learners",
    "NeuralQuantileRegressor": "ceteris.learners",
    "NeuralRegressor": "ceteris.learners",
    "compare": "ceteris.learners",
    "Model": "ceteris.equilibrium",
    "solve": "ceteris.equilibrium",
}

__all__ = [
    "Descend", "Ensemble", "Fit", "LevenbergMarquardt", "Model", "NeuralClassifier", "NeuralQuantileRegressor",
    "NeuralRegressor", "Play", "__version__", "compare", "fit", "precision", "solve",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.engine import Ensemble, Fit, fit, precision
    from ceteris.equilibrium import Model, solve
    from ceteris.learners import NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor, compare
    from ceteris.recipe import Descend, LevenbergMarquardt, Play


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ceteris' has no attribute {name!r}; it offers {', '.join(_HOME)}")


def __dir__() -> list[str]:
    return sorted(__all__)
