"""The engine: one loop, ensembles, monitors, checkpoints. It knows nothing of what is being learnt."""

from ceteris.engine.algorithm import AbstractAlgorithm, State
from ceteris.engine.checkpoint import load_weights, save_weights
from ceteris.engine.devices import Digits, precision
from ceteris.engine.ensemble import Ensemble
from ceteris.engine.fit import fit
from ceteris.engine.monitors import (
    AbstractJudge,
    AbstractRecorder,
    Checkpoint,
    EarlyStopping,
    Progress,
    StopWhen,
    TensorBoard,
    target,
)
from ceteris.engine.run import Fit, Status

__all__ = [
    "AbstractAlgorithm", "AbstractJudge", "AbstractRecorder", "Checkpoint", "Digits", "EarlyStopping", "Ensemble",
    "Fit", "Progress", "State", "Status", "StopWhen", "TensorBoard", "fit", "load_weights",
    "precision", "save_weights", "target",
]  # fmt: skip
