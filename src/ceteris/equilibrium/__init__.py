"""Dynamic equilibrium models: declare one, solve it globally, prove how accurate the solution is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "AbstractPhase", "Accuracy", "Agents", "Drawn", "Episodes", "Exchangeable", "GaussHermite", "Idiosyncratic",
    "ImpulseResponse", "Markov", "Model", "Monomial", "MonteCarlo", "Normal", "OneDraw", "OverParameters", "Polish",
    "QuasiMonteCarlo", "RandomFeatures", "Recipe", "Regression", "Solution", "TimeIteration", "Trajectories",
    "check_model", "check_symmetry", "complementarity", "euler", "floored", "load", "named", "signed", "solve",
    "solve_many", "with_parameters",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.equilibrium.accuracy import Accuracy
    from ceteris.equilibrium.conditions import complementarity, euler, floored, signed
    from ceteris.equilibrium.contract import check_model
    from ceteris.equilibrium.contract_symmetry import check_symmetry
    from ceteris.equilibrium.expectation import GaussHermite, Monomial, MonteCarlo, OneDraw, QuasiMonteCarlo
    from ceteris.equilibrium.impulse import ImpulseResponse
    from ceteris.equilibrium.library import named
    from ceteris.equilibrium.many import OverParameters, solve_many
    from ceteris.equilibrium.model import Model, with_parameters
    from ceteris.equilibrium.phases import AbstractPhase, Episodes, Polish, TimeIteration, Trajectories
    from ceteris.equilibrium.recipe import Recipe
    from ceteris.equilibrium.regression import Regression
    from ceteris.equilibrium.shocks import Drawn, Idiosyncratic, Markov, Normal
    from ceteris.equilibrium.solution import Solution, load
    from ceteris.equilibrium.solver import solve
    from ceteris.equilibrium.symmetry import Agents, Exchangeable
    from ceteris.nets import RandomFeatures

__getattr__, __dir__ = lazily(__name__, __file__)
