"""Solve a model globally: a policy that makes its residuals zero on the states it visits.

The road: `make_plan` settles the recipe, `refuse_unsolvable` traces the model once, `first_policies` makes the network
and starts it from the linear policy, and phase after phase is run and judged on fresh states until the model is solved.
The best policy is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.arguments import one_of
from ceteris.engine import Status
from ceteris.engine import precision as in_precision
from ceteris.engine.devices import Precision, cast
from ceteris.equilibrium.contract import refuse_broken
from ceteris.equilibrium.contract_symmetry import refuse_asymmetric, refuse_misdeclared
from ceteris.equilibrium.expectation import Rule, as_facts, from_facts
from ceteris.equilibrium.judging import HowTrained, Judged, Outcome, Verdict, judge, judging_key
from ceteris.equilibrium.linearise import linearise
from ceteris.equilibrium.mistakes import in_the_models_words
from ceteris.equilibrium.model import Model, traced
from ceteris.equilibrium.phases import AbstractPhase, Needs
from ceteris.equilibrium.policy import blank_compiled, finished, learnt_alone, standardised_on, with_linear
from ceteris.equilibrium.recipe import Plan, Recipe, make_plan
from ceteris.equilibrium.simulate import Economies, starts_of
from ceteris.equilibrium.solution import Solution
from ceteris.equilibrium.work import Work, question_of, stage
from ceteris.nets.activations import ACTIVATIONS
from ceteris.outlets import say


def solve(
    model: Model,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    tolerance: float | tuple[float, float] | None = None,
    expectation: Rule | None = None,
    phases: Sequence[AbstractPhase] | None = None,
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
    recipe : Recipe, optional
        Phases, network and tolerance; by default the model's own. The arguments of these names replace parts of it.
    seed : int
        Decides the network's first weights and all draws.
    tolerance : float or (float, float), optional
        Mean absolute residual, and the largest, on fresh states (001, Algorithm 1); one number t means (t, 100 t). By
        default that of the recipe, else 1e-6.
    expectation : rule, optional
        How E is computed; by default chosen from the model's shocks. See `ceteris.equilibrium.expectation`.
    phases : sequence of Episodes, Polish, TimeIteration, Regression and Trajectories, optional
        What is done in which order; by default those of the recipe, else chosen by size. Later ones are skipped once
        the tolerance is met.
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
    plan = make_plan(model, recipe, expectation, tolerance=tolerance, phases=phases, widths=widths)
    return solve_economies((model,), None, plan, activation, precision, seed, start, out, progress)[0]


@in_the_models_words()
def solve_economies(
    models: Sequence[Model],
    members: int | None,
    plan: Plan,
    activation: str,
    precision: Precision,
    seed: int,
    start: Any = None,
    out: str | Path | None = None,
    progress: bool = False,
) -> list[Solution]:
    """Solve one model, or several of one shape together as an ensemble (``members`` of them)."""
    model = models[0]
    one_of("activation", activation, ACTIVATIONS)
    with in_precision(precision), stage(f"Checking the equations of {type(model).__name__}", progress):
        refuse_unsolvable(model, plan)
    question = question_of(model, **_arguments(plan, activation, precision, seed, start))
    with in_precision(precision), Work.on(None if out is None else Path(out), question, progress) as work:
        with stage("First policy, and the states it visits", progress):
            economies, notes = first_policies(models, members, plan, activation, keys.key(seed), start, precision)
        refuse_other_networks(model, plan, economies.policy.net)
        plan = replace(plan, notes=(*plan.notes, *dict.fromkeys(notes)))
        for line in plan.notes if progress else ():
            say(line)
        state = reopened(plan, economies, work, seed)
        while not state.is_over:
            state = after_next_phase(state, work, seed)
        seconds, cpu = work.spent()
        ends = [state.end(i) for i in range(members or 1)]
        return [
            Solution(
                m, finished(end.policy, state.rule, plan.looks_ahead), end.states, state.rule, plan.widths, activation,
                precision, seed, plan.tolerance, seconds, cpu, state.plan.notes, end.log, end.phase, *end.verdict,
                end.errors,
            )
            for m, end in zip(models, ends, strict=True)
        ]  # fmt: skip


def fingerprint(model: Model, *, seed: int, tolerance: Any, precision: Precision) -> dict[str, str]:
    """The fingerprint of a call of `solve` with these arguments, the others at their defaults."""
    return question_of(model, **_arguments(make_plan(model, tolerance=tolerance), "tanh", precision, seed, None))


def _arguments(plan: Plan, activation: str, precision: Precision, seed: int, start: Any) -> dict[str, Any]:
    """Everything beside the model on which a solution depends; of another one to start from, its weights."""
    weights = None if start is None else eqx.filter(learnt_alone(start.hypothesis), eqx.is_array)
    return {**vars(plan), "activation": activation, "precision": precision, "seed": seed, "start": weights}


@in_the_models_words()
def refuse_unsolvable(model: Model, plan: Plan) -> None:
    """Refuse, before any work, a model whose functions do not fit together."""
    refuse_misdeclared(model)
    refuse_broken(model, plan.rule, plan.needs_target)
    refuse_asymmetric(model, plan.rule, plan.hypothesis, plan.widths)


def refuse_other_networks(model: Model, plan: Plan, net: Any) -> None:
    """Raise if a phase cannot train the network."""
    for phase in plan.phases:
        if not isinstance(net, phase.network):
            raise ValueError(
                f"phases: {type(phase).__name__} needs a network of {phase.network.__name__}, but that of "
                f"{type(model).__name__} is {type(net).__name__}; let hypothesis be one, or choose Episodes."
            )


# ---------------------------------------------------------------------------------------------------- first policies


def first_policies(
    models: Sequence[Model], members: int | None, plan: Plan, activation: str, key: Array, start: Any, name: Precision
) -> tuple[Economies, list[str]]:
    """The economies with the policies they begin with, and what is to be said of these."""
    own = [key] if members is None else keys.apart(key, members)
    made = [first_policy(m, plan, activation, k, start, name) for m, k in zip(models, own, strict=True)]
    notes = [note for _, note in made]
    if members is None:
        return made[0][0], notes
    # whole numbers are shapes
    together = lambda *a: jax.device_put(np.stack(a)) if isinstance(a[0], jax.Array | np.ndarray) else a[0]
    model, policy, states = jax.tree.map(together, *(economy[:3] for economy, _ in made))
    return Economies(model, policy, states, members), notes


def first_policy(
    model: Model, plan: Plan, activation: str, key: Array, start: Any, name: Precision
) -> tuple[Economies, str]:
    """A first policy: linear where the model allows it, with inputs scaled by a simulation, and the states visited."""
    needs = Needs(*map(max, zip(Needs(), *(phase.needs() for phase in plan.phases), strict=True)))
    model = cast(traced(model), name)
    weights, starts, simulate = keys.apart(key, 3)
    states = starts_of(model, starts, needs.paths or 100)
    if start is not None:
        return Economies(model, cast(learnt_alone(start.hypothesis), name), states), "Begins from another solution."
    one = jax.tree.map(lambda a: np.asarray(a)[0], states)
    policy = cast(blank_compiled(model, one, plan.hypothesis, plan.widths, activation, weights), name)
    found = linearise(model)
    if found.policy is not None:
        policy = with_linear(policy, cast(found.policy, name))
    seen, states = plan.phases[0].first_states(Economies(model, policy, states), simulate, needs)
    return Economies(model, standardised_on(model, policy, seen), states), found.sentence


# ------------------------------------------------------------------------------------------------- phase after phase


class End(NamedTuple):
    """What became of one economy."""

    policy: Any
    states: Any
    log: tuple[dict[str, Any], ...]
    phase: int
    verdict: Verdict
    errors: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class SolveState:
    """How far a solution has come.

    Attributes
    ----------
    plan : Plan
        With the rule that the next phase takes, and all notes so far.
    log : tuple of dict
        What each phase that ended reached; errors are arrays over members.
    rules : tuple of rule
        With which each of them was trained.
    last, best : Judged
        The policies after the last of them, and the best so far; None before the first has ended.
    stopped : str
        Why a phase did not end, if one did not; ``economies`` are then as far as it came.
    """

    plan: Plan
    economies: Economies
    log: tuple[dict[str, Any], ...] = ()
    rules: tuple[Rule, ...] = ()
    last: Judged | None = None
    best: Judged | None = None
    stopped: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: every member is solved, or broke down, or all phases have been run."""
        if self.stopped or len(self.log) == len(self.plan.phases):
            return True
        return self.last is not None and all(self.verdict(i).outcome.final for i in range(len(self.last.verdicts)))

    @property
    def rule(self) -> Rule:
        """How expectations were computed for the policies that were kept."""
        return self.plan.rule if self.best is None else self.best.rule

    def verdict(self, i: int) -> Verdict:
        """The verdict on the best policy of a member, unless it broke down since: no later phase could mend that."""
        if self.last is None or self.best is None:
            return Verdict(Outcome.INTERRUPTED, f"{Outcome.INTERRUPTED.sentence}: {self.stopped}")
        last, best, phase = self.last.verdicts[i], self.best.verdicts[i], int(self.best.phase[i])
        if last.outcome is Outcome.BROKEN and best.outcome is not Outcome.SOLVED:
            return last
        earlier = f"This is the policy after phase {phase + 1}; later ones are worse." * (phase < len(self.log) - 1)
        return best._replace(sentence=" ".join(filter(None, [best.sentence, earlier, self.stopped])))

    def end(self, i: int) -> End:
        """What became of member ``i``."""
        kept = (self.economies if self.best is None else self.best.economies).member(i)
        log = tuple({**e, "mean": float(e["mean"][i]), "max": float(e["max"][i])} for e in self.log)
        phase, errors = (-1, {}) if self.best is None else (int(self.best.phase[i]), self.best.errors(i))
        return End(kept.policy, kept.states, log, phase, self.verdict(i), errors)


def after_next_phase(state: SolveState, work: Work, seed: int) -> SolveState:
    """The state after one more phase, its policies judged and kept on disk."""
    plan, i = state.plan, len(state.log)
    phase, key = plan.phases[i], keys.folded(keys.key(seed + 1), i)
    if work.progress:
        new = i == 0 or type(phase) is not type(plan.phases[i - 1])
        say(f"Phase {i + 1} of {len(plan.phases)}: {phase.name}{', compiled first' if new else ''}.")
    watchers = work.monitors(i, phase.name, plan.tolerance[0])
    end = phase.run(state.economies, plan.rule, key, watchers, work.resume(i))
    if np.any(end.run.status == Status.INTERRUPTED):
        where = f"This was in phase {i + 1} of {len(plan.phases)}, {phase.name}."
        return replace(state, economies=end.economies, stopped=f"{end.run.note} {where}")
    training = HowTrained.of(end.run)
    with stage("Judging the policy on fresh states", work.progress):
        found = judge(plan, end.economies, judging_key(seed, i), i, training)
    entry = {
        "phase": phase.name, "steps": int(end.run.tick), "loss": float(np.median(training.losses)), **found.entry,
        "sentence": end.run.sentence,
        "ended": " ".join(v.sentence for v in found.verdicts if v.outcome is Outcome.BROKEN),
    }  # fmt: skip
    plan = replace(plan, rule=found.next_rule, notes=(*plan.notes, *filter(None, [found.note])))
    log, rules, best = (*state.log, entry), (*state.rules, found.rule), better(plan, state.best, found)
    state = SolveState(plan, end.economies, log, rules, found, best)
    if work.progress:
        say(_reached(phase.name, plan, found))
    keep(state, work)
    return state


def _reached(name: str, plan: Plan, found: Judged) -> str:
    """What a phase came to, beside what is wanted."""
    mean, largest = plan.tolerance
    return (
        f"  {name}: mean error {np.max(found.mean):.2e} (wanted {mean:.0e}), largest {np.max(found.max):.2e} (wanted "
        f"{largest:.0e}, {found.where}). {found.note}"
    ).rstrip()


def better(plan: Plan, before: Judged | None, now: Judged) -> Judged:
    """The better of two, for each member: one that is solved, else the one whose errors are smaller."""
    if before is None:
        return now

    def badness(some: Judged) -> np.ndarray:
        worse = np.maximum(some.mean / plan.tolerance[0], some.max / plan.tolerance[1])
        solved = np.array([v.outcome is Outcome.SOLVED for v in some.verdicts])
        return np.where(solved, -1.0, np.nan_to_num(worse, nan=np.inf))

    improved = badness(now) < badness(before)
    if improved.all() or not improved.any():
        return now if improved.all() else before
    pick = lambda a, b: jnp.where(improved.reshape(-1, *[1] * (jnp.ndim(a) - 1)), a, b) if eqx.is_array(a) else a
    policy, states = jax.tree.map(pick, now.economies[1:3], before.economies[1:3])
    verdicts = tuple(a if new else b for a, b, new in zip(now.verdicts, before.verdicts, improved, strict=True))
    arrays = {name: np.where(improved, getattr(now, name), getattr(before, name)) for name in ("mean", "max", "phase")}
    equations = {name: np.where(improved, now.equations[name], before.equations[name]) for name in now.equations}
    economies = now.economies._replace(policy=policy, states=states)
    return replace(now, economies=economies, verdicts=verdicts, equations=equations, **arrays)


# ---------------------------------------------------------------------------------------------- kept and reopened


def keep(state: SolveState, work: Work) -> None:
    """Save the state, where there is a folder: one economy, after a phase has ended."""
    if work.folder is None or state.best is None:
        return
    last, best, end = state.economies, state.best.economies, state.end(0)
    rules = [as_facts(rule) for rule in (*state.rules, state.plan.rule)]
    facts = {"log": list(end.log), "rules": rules, "said": list(state.plan.notes), "best": end.phase}
    work.keep((last.policy, last.states, best.policy, best.states), facts)


def reopened(plan: Plan, economies: Economies, work: Work, seed: int) -> SolveState:
    """What an earlier session left, its policies judged afresh before anything is said of them."""
    kept = work.reopen(2 * (economies.policy, economies.states))
    if kept is None:
        return SolveState(plan, economies)
    arrays, facts = kept
    same = as_facts(plan.rule)
    try:
        rules = [plan.rule if rule == same else from_facts(rule) for rule in facts["rules"]]
    except ValueError as error:
        raise ValueError(
            f"out: {work.folder} was edited: a rule for expectations in it cannot be used ({error}); remove the folder."
        ) from None
    log = [{**entry, "mean": np.array([entry["mean"]]), "max": np.array([entry["max"]])} for entry in facts["log"]]

    def judged_afresh(policy, states, i):
        """The policies after phase ``i``; only that a run broke down is taken from the log."""
        own, entry = economies._replace(policy=policy, states=states), log[i]
        training = HowTrained.ended_at(entry["loss"])
        found = judge(replace(plan, rule=rules[i]), own, judging_key(seed, i), i, training)
        log[i] = {**entry, **found.entry}
        broken = (Verdict(Outcome.BROKEN, entry["ended"]),)
        return replace(found, verdicts=broken) if entry["ended"] else found

    last = best = judged_afresh(arrays[0], arrays[1], len(log) - 1)
    if facts["best"] != len(log) - 1:
        best = judged_afresh(arrays[2], arrays[3], facts["best"])
    plan = replace(plan, rule=rules[-1], notes=tuple(facts["said"]))
    return SolveState(plan, last.economies, tuple(log), tuple(rules[:-1]), last, best)
