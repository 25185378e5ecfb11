"""How a model is solved: what its `Recipe` says, and the plan that `solve` makes of it before the first step.

A model's file holds equations and calibration. Phases, the network and the tolerance are the solver's business: a value
beside them, which the arguments of `solve` replace piece by piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from ceteris import keys
from ceteris.equilibrium.expectation import Rule, default_rule, refuse_uncovered
from ceteris.equilibrium.model import Model, count_outputs, parameters, start_states, traced
from ceteris.equilibrium.phases import AbstractPhase, Episodes, Polish, Trajectories
from ceteris.programs import keep_programs

LARGEST_SYSTEM = 3_500  # weights or residuals, whichever are fewer: the side of what Levenberg-Marquardt factorises


@dataclass(frozen=True)
class Recipe:
    """How a model is solved, where the defaults are not the best.

    Parameters
    ----------
    phases : sequence of phases, optional
        What is done in which order; by default chosen by size.
    widths : sequence of int, optional
        Hidden layers of the network; by default by the number of inputs.
    tolerance : float or (float, float), optional
        Mean and largest error at which `solve` stops; one number t means (t, 100 t). 1e-6 by default.
    hypothesis : callable, optional
        Another network than the perceptron, or than the deep set of exchangeable agents: a class or function that is
        called as ``hypothesis(inputs, outputs, *widths, key=key)``. Give it arguments of its own by `equinox.Partial`.
    looks_ahead : bool
        Whether the policy solves today's equations anew wherever it is asked, with the network's answer for tomorrow;
        needs a `Model.target`.

    Examples
    --------
    >>> from ceteris.equilibrium.models.growth import Growth
    >>> Growth().recipe().tolerance
    (4e-08, 1e-06)
    """

    phases: Sequence[AbstractPhase] | None = None
    widths: Sequence[int] | None = None
    tolerance: float | tuple[float, float] | None = None
    hypothesis: Callable[..., Any] | None = None
    looks_ahead: bool = False


MOVED = ("phases", "widths", "tolerance", "hypothesis", "looks_ahead")  # from models, where they once were


def recipe_of(model: Model) -> Recipe:
    """The model's own recipe, else the default one."""
    for name in MOVED:
        if hasattr(model, name) and name not in parameters(model):
            raise ValueError(
                f"`{name}` is set on {type(model).__name__} itself, but must be a part of its recipe; write a method "
                f"recipe() that returns Recipe({name}=...)."
            )
    return model.recipe() or Recipe()


@dataclass(frozen=True)
class Plan:
    """Everything that was decided before the first step.

    Attributes
    ----------
    rule : rule
        How expectations are computed.
    notes : tuple of str
        Sentences that say what was decided, and why.
    rule_is_given : bool
        Whether the rule is the user's, who is not overruled.
    phases, tolerance, widths, hypothesis, looks_ahead
        As in `Recipe`, with nothing left open.
    """

    rule: Rule
    notes: tuple[str, ...]
    phases: tuple[AbstractPhase, ...]
    tolerance: tuple[float, float]
    widths: tuple[int, ...]
    hypothesis: Callable[..., Any] | None = None
    looks_ahead: bool = False
    rule_is_given: bool = False

    @property
    def needs_target(self) -> bool:
        """Whether the model must have a `Model.target`."""
        return self.looks_ahead or any(phase.needs_target for phase in self.phases)


def make_plan(model: Model, recipe: Recipe | None = None, rule: Rule | None = None, **given: Any) -> Plan:
    """Decide everything that was left open; refuse what cannot work.

    ``given`` are fields of the recipe that replace its own, where they are not None.
    """
    keep_programs()
    recipe = recipe_of(model) if recipe is None else recipe
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    chosen, sentence = default_rule(model.shocks())
    if rule is not None:
        refuse_uncovered(model.shocks(), rule)
        chosen, sentence = rule, f"E: {rule}, as asked."
    tolerance: Any = 1e-6 if recipe.tolerance is None else recipe.tolerance
    pair = (tolerance, 100 * tolerance) if isinstance(tolerance, int | float) else tuple(tolerance)
    if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise ValueError(
            f"tolerance: {tolerance!r} was given, but one positive number is needed, or two, the mean and the largest "
            "error allowed, such as (1e-6, 1e-4)."
        )
    widths = default_widths(model) if recipe.widths is None else tuple(recipe.widths)
    phases = default_phases(model, widths) if recipe.phases is None else tuple(recipe.phases)
    if not phases:
        raise ValueError("phases: an empty list was given, but at least one phase is needed, such as Episodes().")
    return Plan(chosen, (sentence,), phases, pair, widths, recipe.hypothesis, recipe.looks_ahead, rule is not None)


def default_widths(model: Model) -> tuple[int, ...]:
    """Two hidden layers, the wider the more inputs there are."""
    n = _sizes(model)[0]
    return (16, 16) if n <= 3 else (24, 24) if n <= 6 else (32, 32) if n <= 24 else (64, 64)


def default_phases(model: Model, widths: tuple[int, ...]) -> tuple[AbstractPhase, ...]:
    """Episodes and rounds of polishing where the system is small enough; trajectories for exchangeable agents."""
    if model.exchangeable() is not None:
        return 4 * (Trajectories(),)
    n, m = _sizes(model)
    weights = sum((a + 1) * b for a, b in itertools.pairwise([n, *widths, m]))
    states = int(np.clip(4 * weights / m, 300, 1500))
    if min(weights, states * m) > LARGEST_SYSTEM:
        return (Episodes(steps=4000, paths=128, horizon=1, updates=1, rate=2e-3),)
    first = () if model.steady_state() is not None else (Episodes(steps=250),)
    # in many dimensions a box is nearly all corners
    inside = 0.5 if jax.eval_shape(model.box) is not None and n <= 6 else 0.0
    return (*first, *4 * (Polish(states=states, steps=40, box_share=inside),))


def _sizes(model: Model) -> tuple[int, int]:
    """Numbers of inputs and of raw outputs."""

    def seen():
        s = jax.tree.map(lambda a: a[0], start_states(traced(model), keys.key(0), 1))
        return model.inputs(s)

    return sum(leaf.shape[-1] for leaf in jax.tree.leaves(jax.eval_shape(seen))), count_outputs(model)
