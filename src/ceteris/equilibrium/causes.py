"""Why a policy is not exact yet: the sum that stands for an expectation, the states, or the network.

Three errors tell these apart: on the states trained on, on fresh ones with the same rule for expectations, and on fresh
ones with a finer rule. If the last two differ by about as much as the last is large, a policy that is perfect under the
rule would be no better, and nodes or draws are what is missing. If the first is much smaller than the second, there are
too few states for so many weights; if all three are alike, the network cannot do better, or needs more steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ceteris.equilibrium.accuracy import finer, in_words, normal_dimension, raised
from ceteris.equilibrium.expectation import MonteCarlo, OneDraw, Rule
from ceteris.equilibrium.fresh import Errors, errors_of
from ceteris.equilibrium.phases import HowTrained
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.visits import Economies

if TYPE_CHECKING:
    from ceteris.equilibrium.solve import Plan

MOSTLY = 0.5  # of an error is the rule's if two rules differ by so much of it
FAR = 3.0  # times as large: not the same error


@dataclass(frozen=True)
class Cause:
    """What stands between a policy and its tolerance.

    Attributes
    ----------
    sentence : str
        What it is, with the figures that say so.
    rule : rule, optional
        A finer rule for expectations, where that would help and there is one.
    remedy : str
        That rule in words.
    """

    sentence: str
    rule: Rule | None = None
    remedy: str = ""


def causes(
    plan: Plan, used: Economies, data: Point, signed: dict[str, np.ndarray], training: HowTrained | None,
    which: np.ndarray, by_mean: np.ndarray, always: bool,
) -> dict[int, Cause]:  # fmt: skip
    """Why economies (those of ``which``) miss the tolerance, of the mean or else of the largest, by member.

    ``signed`` are residuals at the states ``data`` with a finer rule. Unless ``always``, nothing is asked where errors
    in training were no smaller: then it was not yet the time for more than training.
    """
    judged = Errors.of(signed)
    losses = np.full(len(which), np.nan) if training is None else training.losses
    trained = np.where(losses >= 0, losses, np.nan) ** 0.5  # what may be negative is no mean square
    root = _root_mean_square(signed)
    if not np.any(which & (always | (root > FAR * trained))):
        return {}
    known = finer(plan.rule, normal_dimension(used.model))[0] == plan.rule  # nothing finer: the sum is exact, or judged
    own = signed if known else errors_of(plan, used, data, plan.rule)
    mine = Errors.of(own)
    apart = Errors.of({name: value - own[name] for name, value in signed.items()})
    found = {}
    for i in np.flatnonzero(which):
        size = lambda e: float((e.means() if by_mean[i] else e.tops())[i])  # noqa: B023
        at = "" if by_mean[i] else f" The largest error is {place(own if known else signed, data, used, int(i))}."
        if size(apart) > MOSTLY * size(judged):
            cause = too_coarse(plan.rule, normal_dimension(used.model), size(mine), size(judged), size(apart))
        else:
            cause = badly_fitted(float(trained[i]), float(_root_mean_square(own)[i]))
        found[int(i)] = Cause(cause.sentence + at, cause.rule, cause.remedy)
    return found


def too_coarse(rule: Rule, dimension: int, mine: float, judged: float, apart: float) -> Cause:
    """The rule for expectations is what is missing."""
    better = raised(rule, dimension)
    if isinstance(rule, OneDraw | MonteCarlo):
        # two rules of k and 4k draws differ by sqrt(5/4) of what k draws get wrong
        said = (
            f"More draws would help: with {in_words(rule)} the floor is about {apart / 1.25**0.5:.1e}; the error is "
            f"{mine:.1e} under the draws used, {judged:.1e} under others."
        )
    else:
        said = (
            f"More nodes would help: the error is {mine:.1e} under the rule used ({in_words(rule)}), {judged:.1e} "
            f"under a finer one, and the two are {apart:.1e} apart."
        )
    return Cause(said, better, "" if better is None else in_words(better))


def badly_fitted(trained: float, fresh: float) -> Cause:
    """The rule is fine enough: states, or the network."""
    figures = f"the root mean square error is {trained:.1e} on the states trained on, {fresh:.1e} on fresh ones"
    if not np.isfinite(trained):
        return Cause("More phases, or a wider network, would help: expectations are exact enough.")
    if fresh > FAR * trained:
        return Cause(f"More states would help: {figures}.")
    return Cause(f"A wider network or more steps would help: {figures}.")


def place(signed: dict[str, np.ndarray], data: Point, used: Economies, i: int) -> str:
    """Where the largest error of a member is, by the states that are numbers."""
    worst = np.max([np.abs(value[i]).reshape(value.shape[1], -1).max(1) for value in signed.values()], 0)
    state: Any = jax.tree.map(lambda a: np.asarray(a if used.members is None else a[i])[worst.argmax()], data)
    numbers = [f"{name} = {float(value):.4g}" for name, value in state.items() if np.ndim(value) == 0][:4]
    return f"at {', '.join(numbers)}" if numbers else "at one of the states on the paths"


def _root_mean_square(signed: dict[str, np.ndarray]) -> np.ndarray:
    flat = np.concatenate([value.reshape(len(value), -1) for value in signed.values()], 1)
    return np.sqrt(np.mean(flat**2, 1))
