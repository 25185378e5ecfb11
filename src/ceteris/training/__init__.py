"""Rows of a table become an ensemble: who learns from which rows, how it is trained and judged, what it predicts."""

from ceteris.training.ensemble import AbstractJudged, AbstractRowLoss, TrainingPlan, history, refuse_non_finite, train
from ceteris.training.net import Net, batch_for, learn, passes_for
from ceteris.training.predict import evaluate, mean_outputs
from ceteris.training.rows import MemberRows, bootstrap, filled_rows, padded, size_class, split

__all__ = [
    "AbstractJudged",
    "AbstractRowLoss",
    "MemberRows",
    "Net",
    "TrainingPlan",
    "batch_for",
    "bootstrap",
    "evaluate",
    "filled_rows",
    "history",
    "learn",
    "mean_outputs",
    "padded",
    "passes_for",
    "refuse_non_finite",
    "size_class",
    "split",
    "train",
]  # fmt: skip
