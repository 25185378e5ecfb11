"""Solve a model globally: a policy that makes its residuals zero on the states it visits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.arguments import one_of
from ceteris.engine import precision
from ceteris.engine.devices import Precision, cast
from ceteris.equilibrium.course import carried_out
from ceteris.equilibrium.expectation import Rule, default_rule, refuse_uncovered
from ceteris.equilibrium.linearise import linearise
from ceteris.equilibrium.model import Model, count_outputs, start_states, traced
from ceteris.equilibrium.phases import Episodes, Polish
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import (
    Linear,
    Policy,
    blank,
    compiled_quickly,
    finished,
    learnt_alone,
    standardised_on,
)
from ceteris.equilibrium.regression import Regression, refuse_unfit
from ceteris.equilibrium.simulate import SEGMENT
from ceteris.equilibrium.solution import Solution
from ceteris.equilibrium.trajectories import Trajectories, picked
from ceteris.equilibrium.visits import Economies, sampled, simulated, starts_of
from ceteris.equilibrium.work import Work, question_of
from ceteris.nets.activations import ACTIVATIONS
from ceteris.outlets import say
from ceteris.programs import keep_programs

AnyPhase = Episodes | Polish | Regression | Trajectories

LARGEST_SYSTEM = (
    3_500  # weights or residuals, whichever is fewer: the side of the system Levenberg-Marquardt factorises
)


def solve(
    model: Model,
    *,
    seed: int = 0,
    tolerance: float | tuple[float, float] | None = None,
    expectation: Rule | None = None,
    phases: Sequence[AnyPhase] | None = None,
    widths: Sequence[int] | None = None,
    activation: str = "tanh",
    precision: Precision = "double",
    start: Any = None,
    out: str | Path | None = None,
    progress: bool = False,
) -> Solution:
    """Solve a model; every argument has a default that works for the models of the library.

    Parameters
    ----------
    model : Model
    seed : int
        Decides the network's first weights and all draws.
    tolerance : float or (float, float), optional
        Mean absolute residual, and the largest, on fresh states (001, Algorithm 1); one number t means (t, 100 t). By
        default the model's own, else 1e-6.
    expectation : rule, optional
        How E is computed; by default chosen from the model's shocks. See `ceteris.equilibrium.expectation`.
    phases : sequence of Episodes, Polish, Regression and Trajectories, optional
        What is done in which order; by default the model's own, else chosen by size. Later ones are skipped once the
        tolerance is met.
    widths, activation
        The network's hidden layers.
    precision : {"single", "double"}
    start : Solution, optional
        Begin from the policy of another solution of a model of the same shapes, and with its ``widths``.
    out : path, optional
        Run folder: the state of the solution is saved there as it goes, and a killed run is continued.
    progress : bool
        Whether to say what happens.

    Returns
    -------
    Solution

    Examples
    --------
    With log utility and full depreciation the saving rate is αβ whatever the state:

    >>> from ceteris.equilibrium import solve
    >>> from ceteris.equilibrium.models.growth import Growth
    >>> solution = solve(Growth(delta=1.0))
    >>> a = solution.policy({"k": 0.2, "z": 0.05})
    >>> round(float(a["k1"] / (a["k1"] + a["c"])), 6), 0.36 * 0.99
    (0.3564, 0.3564)
    """
    if start is not None:
        if widths is not None and tuple(widths) != tuple(start.widths):
            raise ValueError(
                f"widths: {tuple(widths)} was given, but the solution to start from has {tuple(start.widths)}; leave "
                "widths out, or start."
            )
        widths, activation = start.widths, start.activation
    plan = make_plan(model, tolerance, expectation, phases, widths)
    return solve_economies((model,), None, plan, activation, precision, seed, start, out, progress)[0]


@dataclass(frozen=True)
class Plan:
    """Everything that was decided before the first step."""

    rule: Rule
    said: tuple[str, ...]
    phases: tuple[AnyPhase, ...]
    tolerance: tuple[float, float]
    widths: tuple[int, ...]
    asked: bool = False  # whether the rule is the user's, who is not overruled


def solve_economies(
    models: Sequence[Model],
    members: int | None,
    plan: Plan,
    activation: str,
    precision: Precision,
    seed: int,
    start: Any,
    out: Any,
    progress: bool,
) -> list[Solution]:
    """Solve one model, or several of one shape together as an ensemble (``members`` of them)."""
    model = models[0]
    one_of("activation", activation, ACTIVATIONS)
    folder = None if out is None else Path(out)
    with in_precision(precision):
        checked(model, plan.rule)
    asked = question_of(model, **_arguments(plan, activation, precision, seed, start))
    with in_precision(precision), Work.on(folder, asked, progress) as work:
        economies, found = prepared(models, members, plan, activation, keys.key(seed), start, precision)
        refuse_unfit(plan.phases, model, economies.policy.net)
        plan = replace(plan, said=(*plan.said, *dict.fromkeys(found)))
        for line in plan.said if progress else ():
            say(line)
        course = carried_out(plan, economies, work, seed)
        seconds, cpu = work.spent()
        own = [course.of(i) for i in range(members or 1)]
        return [
            Solution(
                m, finished(m, one.policy, course.rule), one.states, course.rule, plan.widths, activation, precision,
                seed, plan.tolerance, seconds, cpu, course.plan.said, one.log, one.phase, one.verdict.sentence,
                one.verdict.solved,
            )
            for m, one in zip(models, own, strict=True)
        ]  # fmt: skip


def question(model: Model, *, seed: int, tolerance: Any, precision: Precision) -> dict[str, str]:
    """The fingerprint of a call of `solve` with these arguments, the others at their defaults."""
    plan = make_plan(model, tolerance, None, None, None)
    return question_of(model, **_arguments(plan, "tanh", precision, seed, None))


def _arguments(plan: Plan, activation: str, precision: Precision, seed: int, start: Any) -> dict[str, Any]:
    """Everything beside the model on which a solution depends; of another one to start from, its weights."""
    weights = None if start is None else eqx.filter(learnt_alone(start.hypothesis), eqx.is_array)
    return {**vars(plan), "activation": activation, "precision": precision, "seed": seed, "start": weights}


in_precision = precision


# --------------------------------------------------------------------------------------------------------- planning


def make_plan(model: Model, tolerance: Any, rule: Rule | None, phases: Any, widths: Any) -> Plan:
    """Decide everything that was left open; refuse what cannot work."""
    keep_programs()
    chosen, sentence = default_rule(model.shocks())
    if rule is not None:
        refuse_uncovered(model.shocks(), rule)
        chosen, sentence = rule, f"E: {rule}, as asked."
    if tolerance is None:
        tolerance = model.tolerance or 1e-6
    pair = (tolerance, 100 * tolerance) if isinstance(tolerance, int | float) else tuple(tolerance)
    if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise ValueError(
            f"tolerance: {tolerance!r} was given, but one positive number is needed, or two, the mean and the largest "
            "error allowed, such as (1e-6, 1e-4)."
        )
    wide = tuple(widths) if widths is not None else model.widths or _widths(model)
    own = phases if phases is not None else default_phases(model, wide)
    if not own:
        raise ValueError("phases: an empty list was given, but at least one phase is needed, such as Episodes().")
    return Plan(chosen, (sentence,), tuple(own), pair, wide, rule is not None)


def _widths(model: Model) -> tuple[int, ...]:
    n = _shapes(model)[0]
    return (16, 16) if n <= 3 else (24, 24) if n <= 6 else (32, 32) if n <= 24 else (64, 64)


def _shapes(model: Model) -> tuple[int, int]:
    """Numbers of inputs and of raw outputs."""

    def count():
        s = jax.tree.map(lambda a: a[0], start_states(traced(model), keys.key(0), 1))
        return model.inputs(s)

    return sum(leaf.shape[-1] for leaf in jax.tree.leaves(jax.eval_shape(count))), count_outputs(model)


def default_phases(model: Model, widths: tuple[int, ...]) -> tuple[AnyPhase, ...]:
    """The model's own phases, else episodes and rounds of polishing where the system is small enough."""
    own = model.phases()
    if own is not None:
        return tuple(own)
    if model.exchangeable() is not None:
        return 4 * (Trajectories(),)
    n, m = _shapes(model)
    sizes = [n, *widths, m]
    weights = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    states = int(np.clip(4 * weights / m, 300, 1500))
    if min(weights, states * m) > LARGEST_SYSTEM:
        return (Episodes(steps=4000, paths=128, horizon=1, updates=1, rate=2e-3),)
    first = () if model.steady_state() is not None else (Episodes(steps=250),)
    inside = (
        0.5 if jax.eval_shape(model.box) is not None and n <= 6 else 0.0
    )  # in many dimensions a box is nearly all corners
    return (*first, *4 * (Polish(states=states, steps=40, box_share=inside),))


def checked(model: Model, rule: Rule) -> None:
    """Refuse, before any work, a model whose functions do not fit together."""
    from ceteris.equilibrium.contract import refuse_broken
    from ceteris.equilibrium.contract_symmetry import refuse_asymmetric, refuse_misdeclared

    refuse_misdeclared(model)
    refuse_broken(model, rule)
    refuse_asymmetric(model, rule)


# -------------------------------------------------------------------------------------------------------- preparing


def prepared(
    models: Sequence[Model], members: int | None, plan: Plan, activation: str, key: Array, start: Any, name: Precision
) -> tuple[Economies, list[str]]:
    """First policies: linear where the model allows it, with inputs scaled by a simulation, and states visited."""
    own = [key] if members is None else keys.apart(key, members)
    made = [_first(m, plan, activation, k, start, name) for m, k in zip(models, own, strict=True)]
    said = [sentence for *_, sentence in made]
    if members is None:
        model, policy, states, _ = made[0]
        return Economies(model, policy, states), said
    # whole numbers are shapes
    together = lambda *a: jax.device_put(np.stack(a)) if isinstance(a[0], jax.Array | np.ndarray) else a[0]
    stacked: Any = jax.tree.map(together, *(m[:3] for m in made))
    model, policy, states = stacked
    return Economies(model, policy, states, members), said


def _first(model, plan, activation, key, start, name):
    model = cast(traced(model), name)
    weights, starts, simulate = keys.apart(key, 3)
    states = starts_of(model, starts, _paths(plan))
    if start is not None:
        policy = cast(learnt_alone(start.hypothesis), name)
        return model, policy, states, "Begins from another solution."
    policy = _blank(model, jax.tree.map(lambda a: np.asarray(a)[0], states), plan.widths, activation, weights)
    policy = cast(policy, name)
    found = linearise(model)
    if found.policy is not None:
        policy = with_linear(policy, cast(found.policy, name))
    shares = [max(getattr(phase, name) for phase in plan.phases) for name in ("box_share", "rest_share")]
    if isinstance(plan.phases[0], Trajectories):
        visited = plan.phases[0].visited(Economies(model, policy, states), simulate)
        policy = standardised_on(model, policy, picked(visited, simulate, 1000))
    else:
        policy, states = rescaled(Economies(model, policy, states), simulate, _sample(plan), *shares)
    return model, policy, states, found.sentence


_blank = compiled_quickly(blank)


def _paths(plan: Plan) -> int:
    return max((phase.paths for phase in plan.phases if not isinstance(phase, Polish)), default=100)


def _sample(plan: Plan) -> int:
    """How many states inputs are standardised on: if that is enough, as many as a program for training draws."""
    return max(1000, *(phase.states for phase in plan.phases if isinstance(phase, Polish)), 0)


def with_linear(policy: Policy, linear: Linear) -> Policy:
    """The policy with a linear part, to which the network starts by adding nothing."""
    return eqx.tree_at(
        lambda p: (p.linear, p.size.size), policy, (linear, jax.device_put(np.zeros_like(policy.size.size)))
    )


def rescaled(economies: Economies, key: Array, n: int, box_share: float, rest_share: float) -> tuple[Policy, Point]:
    """The policy with inputs standardised on the states it will be trained on, and where a simulation ends."""
    _, settled = simulated(economies, key, SEGMENT)
    economies = economies._replace(states=settled)
    visited, last = sampled(economies, keys.folded(key, 1), n, box_share=box_share, rest_share=rest_share)
    return standardised_on(economies.model, economies.policy, visited), last
