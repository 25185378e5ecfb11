"""The engine: one loop, ensembles, monitors, checkpoints. It knows nothing of what is being learnt."""

from ceteris.engine.algorithm import AbstractAlgorithm, State
from ceteris.engine.checkpoint import load_weights, save_weights
from ceteris.engine.ensemble import Ensemble
from ceteris.engine.fit import Fit, fit, then
from ceteris.engine.monitors import (
    AbstractJudge,
    AbstractRecorder,
    Checkpoint,
    EarlyStopping,
    Progress,
    StopIfDiverging,
    StopWhen,
    TensorBoard,
    target,
)
from ceteris.engine.precision import precision
from ceteris.engine.status import Status

__all__ = [
    "AbstractAlgorithm", "AbstractJudge", "AbstractRecorder", "Checkpoint", "EarlyStopping", "Ensemble", "Fit",
    "Progress", "State", "Status", "StopIfDiverging", "StopWhen", "TensorBoard", "fit", "load_weights", "precision",
    "save_weights", "target", "then",
]  # fmt: skip
