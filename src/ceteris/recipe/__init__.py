"""The recipe: hypothesis, objective, sampler, step rule. Domains fill these slots; none writes a loop."""

from ceteris.recipe.descend import Descend
from ceteris.recipe.least_squares import LevenbergMarquardt
from ceteris.recipe.objectives import (
    AbstractObjective,
    AbstractResiduals,
    BatchResiduals,
    HeldOut,
    Loss,
    PointResiduals,
)
from ceteris.recipe.optimisers import KINDS, SCHEDULES, Schedule, optimiser
from ceteris.recipe.play import Play
from ceteris.recipe.samplers import AbstractSampler, Draws, Fixed, Minibatches, Replay, Rollout, Streamed, Together
from ceteris.recipe.terms import weighted_sum

__all__ = [
    "KINDS", "SCHEDULES", "AbstractObjective", "AbstractResiduals", "AbstractSampler", "BatchResiduals", "Descend",
    "Draws", "Fixed", "HeldOut", "LevenbergMarquardt", "Loss", "Minibatches", "Play", "PointResiduals", "Replay",
    "Rollout", "Schedule", "Streamed", "Together", "optimiser", "weighted_sum",
]  # fmt: skip
