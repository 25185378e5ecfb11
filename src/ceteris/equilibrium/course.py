"""From a first policy to a solution: phase after phase, each judged on fresh states; the best is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.engine import Fit, Status
from ceteris.equilibrium.expectation import Rule, as_facts, from_facts
from ceteris.equilibrium.fresh import member
from ceteris.equilibrium.judging import Judgement, Verdict, judge
from ceteris.equilibrium.phases import Episodes, HowTrained
from ceteris.equilibrium.visits import Economies
from ceteris.equilibrium.work import Work
from ceteris.outlets import say

if TYPE_CHECKING:
    from ceteris.equilibrium.solve import Plan


@dataclass(frozen=True)
class Judged:
    """Policies and what was found of them: verdicts by member, errors, the rule they were judged with, their phase."""

    economies: Economies
    verdicts: tuple[Verdict, ...]
    mean: np.ndarray
    max: np.ndarray
    rule: Rule
    phase: np.ndarray

    @classmethod
    def of(cls, economies: Economies, found: Judgement, rule: Rule, phase: int) -> Judged:
        """After a phase."""
        mean, largest = found.entry["mean"], found.entry["max"]
        return cls(economies, found.verdicts, mean, largest, rule, np.full_like(mean, phase, int))


class One(NamedTuple):
    """What became of one economy."""

    policy: Any
    states: Any
    log: tuple[dict[str, Any], ...]
    phase: int
    verdict: Verdict


@dataclass(frozen=True)
class Course:
    """How far a solution has come.

    Attributes
    ----------
    plan : Plan
        With the rule that the next phase takes, and all that has been said.
    log : list of dict
        What each phase that ended reached.
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
        return self.last is not None and all(v.solved or v.failed for v in self.verdicts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """On the best policy of each member, unless it broke down since: no later phase could mend that."""
        if self.last is None or self.best is None:
            return (Verdict(False, f"NOT solved: {self.stopped}"),) * (self.economies.members or 1)
        both = zip(self.best.verdicts, self.last.verdicts, np.atleast_1d(self.best.phase), strict=True)
        return tuple(
            last if last.failed and not best.solved else self._named(best, int(phase)) for best, last, phase in both
        )

    def _named(self, verdict: Verdict, phase: int) -> Verdict:
        """The verdict, with the phase whose policy it is about where that is not the last, and what stopped the run."""
        also = (
            "" if phase == len(self.log) - 1 else f" This is the policy after phase {phase + 1}; later ones are worse."
        )
        also += f" {self.stopped}" if self.stopped else ""
        return replace(verdict, sentence=verdict.sentence + also)

    @property
    def rule(self) -> Rule:
        """How expectations were computed for the policies that were kept."""
        return self.plan.rule if self.best is None else self.best.rule

    def of(self, i: int) -> One:
        """What became of member ``i``."""
        kept = member(self.economies if self.best is None else self.best.economies, i)
        number = lambda value: float(np.atleast_1d(value)[i])
        log = tuple({**e, "mean": number(e["mean"]), "max": number(e["max"])} for e in self.log)
        phase = -1 if self.best is None else int(np.atleast_1d(self.best.phase)[i])
        return One(kept.policy, kept.states, log, phase, self.verdicts[i])


def carried_out(plan: Plan, economies: Economies, work: Work, seed: int) -> Course:
    """Run the phases until every economy is solved, from where an earlier session in the folder came to."""
    course = reopened(plan, economies, work, seed)
    while not course.is_over:
        course = after_next_phase(course, work, seed)
    return course


def after_next_phase(course: Course, work: Work, seed: int) -> Course:
    """The course after one more phase, its policies judged and kept on disk."""
    plan, i = course.plan, len(course.log)
    phase = plan.phases[i]
    key, every = jr.fold_in(keys.key(seed + 1), i), 100 if isinstance(phase, Episodes) else 5
    done = phase.run(course.economies, plan.rule, key, work.monitors(i, phase.name), every, work.resume(i))
    if np.any(done.run.status == Status.INTERRUPTED):
        where = f"This was in phase {i + 1} of {len(plan.phases)}, {phase.name}."
        return replace(course, economies=done.economies, stopped=f"{done.run.note} {where}")
    found = judge(plan, done.economies, judging_key(seed, i), HowTrained.of(done.run), phase=i)
    ended = " ".join(v.sentence for v in found.verdicts if v.failed)
    entry = {"phase": phase.name, "steps": int(done.run.tick), "loss": _last_loss(done.run), **found.entry,
             "sentence": done.run.sentence, "ended": ended}  # fmt: skip
    last = Judged.of(done.economies, found, plan.rule, i)
    course = Course(
        replace(plan, rule=found.rule, said=(*plan.said, *filter(None, [found.said]))), done.economies,
        (*course.log, entry), (*course.rules, plan.rule), last, better(plan, course.best, last),
    )  # fmt: skip
    if work.talk:
        say(f"  {phase.name}: mean error {np.max(last.mean):.2e}, largest {np.max(last.max):.2e} "
            f"({entry['where']}). {found.said}")  # fmt: skip
    keep(course, work)
    return course


def judging_key(seed: int, phase: int) -> Array:
    """The key that decides on which fresh states the policy after a phase is judged."""
    return jr.fold_in(jr.fold_in(keys.key(seed + 1), max(phase, 0)), 1)


def better(plan: Plan, before: Judged | None, now: Judged) -> Judged:
    """The better of two, for each member: one that is solved, else the one whose errors are smaller."""
    if before is None:
        return now

    def badness(some: Judged) -> np.ndarray:
        worse = np.atleast_1d(np.maximum(some.mean / plan.tolerance[0], some.max / plan.tolerance[1]))
        solved = np.array([v.solved for v in some.verdicts])
        return np.where(solved, -1.0, np.nan_to_num(worse, nan=np.inf))

    improved = badness(now) < badness(before)
    if improved.all() or not improved.any():
        return now if improved.all() else before
    pick = lambda a, b: jnp.where(improved.reshape(-1, *[1] * (jnp.ndim(a) - 1)), a, b) if eqx.is_array(a) else a
    policy, states = jax.tree.map(pick, now.economies[1:3], before.economies[1:3])
    verdicts = tuple(a if new else b for a, b, new in zip(now.verdicts, before.verdicts, improved, strict=True))
    mean, largest, phase = (
        np.where(improved, getattr(now, name), getattr(before, name)) for name in ("mean", "max", "phase")
    )
    return Judged(now.economies._replace(policy=policy, states=states), verdicts, mean, largest, now.rule, phase)


# ---------------------------------------------------------------------------------------------------- kept and reopened


def keep(course: Course, work: Work) -> None:
    """Save the course, where there is a folder: one economy, after a phase has ended."""
    if work.folder is None or course.best is None:
        return
    last, best = course.economies, course.best.economies
    facts = {
        "log": [{name: np.asarray(value).tolist() for name, value in entry.items()} for entry in course.log],
        "rules": [as_facts(rule) for rule in (*course.rules, course.plan.rule)],
        "said": list(course.plan.said),
        "best": int(course.best.phase),
    }
    work.keep((last.policy, last.states, best.policy, best.states), facts)


def reopened(plan: Plan, economies: Economies, work: Work, seed: int) -> Course:
    """What an earlier session left, its policies judged afresh before anything is said of them."""
    found = work.reopen(2 * (economies.policy, economies.states))
    if found is None:
        return Course(plan, economies)
    arrays, facts = found
    same = as_facts(plan.rule)
    try:
        rules = [plan.rule if rule == same else from_facts(rule) for rule in facts["rules"]]
    except ValueError as error:
        raise ValueError(
            f"out: {work.folder} was edited: a rule for expectations in it cannot be used ({error}); remove the folder."
        ) from None
    log = [{**entry, "mean": np.asarray(entry["mean"]), "max": np.asarray(entry["max"])} for entry in facts["log"]]
    policy, states = arrays[:2]
    last = _afresh(plan, economies._replace(policy=policy, states=states), log, rules, len(log) - 1, seed)
    best = last
    if facts["best"] != len(log) - 1:
        policy, states = arrays[2:]
        best = _afresh(plan, economies._replace(policy=policy, states=states), log, rules, facts["best"], seed)
    plan = replace(plan, rule=rules[-1], said=tuple(facts["said"]))
    return Course(plan, last.economies, tuple(log), tuple(rules[:-1]), last, best)


def _afresh(
    plan: Plan, economies: Economies, log: list[dict[str, Any]], rules: Sequence[Rule], i: int, seed: int
) -> Judged:
    """The policies after phase ``i`` judged as they were then; only that a run broke down is taken from the log."""
    entry = log[i]
    training = HowTrained(np.array([Status.FINISHED]), np.array([entry["loss"]]))
    found = judge(replace(plan, rule=rules[i]), economies, judging_key(seed, i), training, phase=i)
    log[i] = {**entry, **found.entry}
    if entry["ended"]:
        found = replace(found, verdicts=(Verdict(False, entry["ended"], failed=True),))
    return Judged.of(economies, found, rules[i], i)


def _last_loss(run: Fit) -> float:
    """The last loss that is a number, the median over members; NaN if there is none."""
    return float(np.median(HowTrained.of(run).losses))
