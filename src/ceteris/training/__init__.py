"""Rows of a table become an ensemble: who learns from which rows, how it is trained and judged, what it predicts."""

from ceteris.training.net import Net, batch_for, learn, passes_for
from ceteris.training.predict import evaluate, mean_outputs
from ceteris.training.rows import Rows, bootstrap, padded, rounded, split
from ceteris.training.train import (
    AbstractJudged,
    AbstractRowLoss,
    Judge,
    Plan,
    history,
    refuse_non_finite,
    train,
    weights_of,
)

__all__ = [
    "AbstractJudged", "AbstractRowLoss", "Judge", "Net", "Plan", "Rows", "batch_for", "bootstrap", "evaluate",
    "history", "learn", "mean_outputs", "padded", "passes_for", "refuse_non_finite", "rounded", "split", "train",
    "weights_of",
]  # fmt: skip
