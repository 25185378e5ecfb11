"""How good a policy in the making is: on states it has not seen, with the economy it brings about, and in words.

A policy is called a solution if three things hold: its mean error meets the tolerance, so does the largest on many
fresh states, and the economy holds together under it (`ceteris.equilibrium.stability`). The first is asked of a
thousand states after every phase; the others cost more, and are asked once it holds.

Where a phase has not been enough, three errors tell why: on the states trained on, on fresh ones with the same rule for
expectations, and on fresh ones with a finer rule. If the last two differ by about as much as the last is large, a
policy that is perfect under the rule would be no better, and nodes or draws are what is missing. If the first is much
smaller than the second, there are too few states for so many weights; if all three are alike, the network cannot do
better, or needs more steps.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.engine import Fit, Status
from ceteris.equilibrium.expectation import MonteCarlo, OneDraw, Rule, finer, in_words, normal_dimension, raised
from ceteris.equilibrium.phases import CHUNK
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import errors_at, finished
from ceteris.equilibrium.recipe import Plan
from ceteris.equilibrium.simulate import Economies, sampled
from ceteris.equilibrium.stability import stability

MOSTLY = 0.5  # of an error is the rule's if two rules differ by so much of it
FAR = 3.0  # times as large: not the same error


class Outcome(enum.IntEnum):
    """How an economy stands; `Outcome.sentence` is how it is told.

    Examples
    --------
    >>> print(Outcome.INEXACT, Outcome.INEXACT.final)
    NOT solved to tolerance False
    """

    SOLVED = 0
    INEXACT = 1
    UNSTABLE = 2
    BROKEN = 3
    INTERRUPTED = 4

    def __str__(self) -> str:
        return self.sentence

    def __format__(self, how: str) -> str:
        return format(self.sentence, how)

    @property
    def sentence(self) -> str:
        """The beginning of a sentence."""
        return _SENTENCES[self]

    @property
    def final(self) -> bool:
        """Whether no further phase is of use."""
        return self in (Outcome.SOLVED, Outcome.BROKEN)


_SENTENCES = {
    Outcome.SOLVED: "Solved to tolerance",
    Outcome.INEXACT: "NOT solved to tolerance",
    Outcome.UNSTABLE: "NOT solved, although errors are small",
    Outcome.BROKEN: "NOT solved",
    Outcome.INTERRUPTED: "NOT solved",
}


class Verdict(NamedTuple):
    """How one economy stands, and in a sentence by how much and what would help."""

    outcome: Outcome
    sentence: str


class HowTrained(NamedTuple):
    """How training went in a phase, arrays over members: status, and the last loss that is a number, else NaN."""

    status: np.ndarray
    losses: np.ndarray

    @classmethod
    def of(cls, run: Fit) -> HowTrained:
        """Read it off the run of a phase."""
        status = np.atleast_1d(run.status)
        losses = np.asarray(run.history.get("loss", ())).reshape(-1, len(status))
        finite = losses[np.isfinite(losses).all(1)]
        return cls(status, finite[-1] if len(finite) else np.full(len(status), np.nan))

    @classmethod
    def ended_at(cls, loss: float) -> HowTrained:
        """The training of one economy that ended well, as a log tells it."""
        return cls(np.array([Status.FINISHED]), np.array([loss]))


@dataclass(frozen=True)
class Judged:
    """Economies after a phase and what is said of their policies; arrays are over members.

    Attributes
    ----------
    economies : Economies
    phase : int array
    rule : rule
        With which they were trained.
    verdicts : tuple of Verdict
    mean, max : array
        Absolute errors over all equations on as many fresh ``states`` as were seen.
    equations : dict of name to array, shape (2, members)
        The same by equation.
    where : str
        Which equation is worst.
    next_rule : rule
        How expectations should be computed from now on.
    note : str
        Why that is another rule; empty if it is not.
    """

    economies: Economies
    phase: np.ndarray
    rule: Rule
    verdicts: tuple[Verdict, ...]
    mean: np.ndarray
    max: np.ndarray
    equations: dict[str, np.ndarray]
    where: str
    states: int
    next_rule: Rule
    note: str

    def errors(self, i: int) -> dict[str, tuple[float, float]]:
        """Mean and largest error of each equation in one of the economies."""
        return {name: (float(mean[i]), float(top[i])) for name, (mean, top) in self.equations.items()}

    @property
    def entry(self) -> dict[str, Any]:
        """What the log tells of it."""
        return {"mean": self.mean, "max": self.max, "where": self.where, "states": self.states}


def judging_key(seed: int, phase: int) -> Array:
    """The key that decides on which fresh states the policy after a phase is judged."""
    return keys.folded(keys.folded(keys.key(seed + 1), max(phase, 0)), 1)


def judge(plan: Plan, economies: Economies, key: Array, phase: int, training: HowTrained) -> Judged:
    """Judge economies on fresh states after phase number ``phase``, in which training went as it is told."""
    used = economies._replace(policy=finished(economies.policy, plan.rule, plan.looks_ahead))
    errors, worst, hope = errors_on_fresh_states(plan, used, key)
    met, last = errors.meet(plan.tolerance), phase + 1 >= len(plan.phases)
    broken = not_finite(plan, economies, errors, key, training)
    sound = np.array([not reason for reason in broken])
    unstable = not_holding_together(used, (hope | last) & sound)
    by_mean = errors.means() > plan.tolerance[0]
    why = causes(plan, used, *worst, training, sound & ~met, by_mean, always=phase > 0 or last)
    verdicts = tuple(
        verdict(plan, errors, i, reason, unstable.get(i, ""), why.get(i)) for i, reason in enumerate(broken)
    )
    better = {} if last or plan.rule_is_given else why
    mean, numbers = errors.means(), (errors.tops(), errors.by_equation(), errors.where, errors.states)
    number = np.full(len(mean), phase)
    return Judged(economies, number, plan.rule, verdicts, mean, *numbers, *next_rule(plan, better, phase))


def verdict(plan: Plan, errors: Errors, i: int, broken: str, unstable: str, why: Cause | None) -> Verdict:
    """The verdict on one economy, in words."""
    figures = (
        f"mean error {errors.means()[i]:.2e}, largest {errors.tops()[i]:.2e} ({errors.where}) on {errors.states:,} "
        "fresh states"
    )
    if broken:
        outcome, more = Outcome.BROKEN, f": {broken}"
    elif not errors.meet(plan.tolerance)[i]:
        wanted = f"{plan.tolerance[0]:.0e} and {plan.tolerance[1]:.0e}"
        helps = f" And {unstable}." if unstable else "" if why is None else f" {why.sentence}"
        outcome, more = Outcome.INEXACT, f": {figures}, where {wanted} were asked for.{helps}"
    elif unstable:
        outcome, more = Outcome.UNSTABLE, f" ({figures}): {unstable}."
    else:
        outcome, more = Outcome.SOLVED, f": {figures}."
    return Verdict(outcome, outcome.sentence + more)


def next_rule(plan: Plan, why: dict[int, Cause], phase: int) -> tuple[Rule, str]:
    """The rule for the next phase: a finer one, if for any economy the one used is what errors come from."""
    for cause in why.values():
        if cause.rule is not None:
            return cause.rule, f"E: from phase {phase + 2} on with {in_words(cause.rule)}. {cause.sentence}"
    return plan.rule, ""


# ------------------------------------------------------------------------------------------ errors on fresh states


@dataclass(frozen=True)
class Errors:
    """Sums and largest values of absolute errors by equation, arrays over members, over as many states as were seen."""

    sums: dict[str, np.ndarray]
    largest: dict[str, np.ndarray]
    sizes: dict[str, int]  # numbers per state
    states: int

    @classmethod
    def of(cls, signed: dict[str, np.ndarray]) -> Errors:
        """Add up the residuals at some states."""
        flat = {name: np.abs(value).reshape(*value.shape[:2], -1) for name, value in signed.items()}
        n = next(iter(flat.values())).shape[1]
        sums = {name: value.sum((1, 2)) for name, value in flat.items()}
        largest = {name: value.max((1, 2)) for name, value in flat.items()}
        return cls(sums, largest, {name: value.shape[2] for name, value in flat.items()}, n)

    def __add__(self, more: Errors) -> Errors:
        sums = {name: value + more.sums[name] for name, value in self.sums.items()}
        largest = {name: np.maximum(value, more.largest[name]) for name, value in self.largest.items()}
        return Errors(sums, largest, self.sizes, self.states + more.states)

    def means(self) -> np.ndarray:
        """Mean over all equations and states, by member."""
        return np.sum(list(self.sums.values()), 0) / (self.states * sum(self.sizes.values()))

    def tops(self) -> np.ndarray:
        """Largest of all equations, by member."""
        return np.max(np.stack(list(self.largest.values())), 0)

    def by_equation(self) -> dict[str, np.ndarray]:
        """Mean and largest of each equation, (2, members)."""
        mean = lambda name: self.sums[name] / (self.states * self.sizes[name])
        return {name: np.stack([mean(name), self.largest[name]]) for name in self.sums}

    @property
    def where(self) -> str:
        """Which equation is worst."""
        worst = lambda name: float(np.max(np.nan_to_num(self.largest[name], nan=np.inf)))
        return f"equation {max(self.largest, key=worst)}"

    def meet(self, tolerance: tuple[float, float]) -> np.ndarray:
        """Whether mean and largest are within the tolerance, by member."""
        return (self.means() <= tolerance[0]) & (self.tops() <= tolerance[1])


def errors_on_fresh_states(
    plan: Plan, used: Economies, key: Array
) -> tuple[Errors, tuple[Any, dict[str, np.ndarray]], np.ndarray]:
    """Errors on a thousand fresh states, on many more where these leave a hope; the worst thousand; and the hope."""
    chunks = plan.phases[-1].fresh_states(used, key)
    data = next(chunks)
    signed = errors_of(plan, used, data)
    found = Errors.of(signed)
    worst, hope = (data, signed), found.meet(plan.tolerance)
    if not np.any(hope):
        return found, worst, hope
    for data in chunks:
        signed = errors_of(plan, used, data)
        new = Errors.of(signed)
        if np.max(new.tops()) > np.max(found.tops()):
            worst = data, signed
        found = found + new
        if not np.any(found.tops() <= plan.tolerance[1]):
            break  # the largest error can only grow
    return found, worst, hope


def errors_of(plan: Plan, used: Economies, data: Point, rule: Rule | None = None) -> dict[str, np.ndarray]:
    """Residuals by equation, leaves (members, states, ...), by default with a finer rule than the one trained with."""
    rule = finer(plan.rule, normal_dimension(used.shocks()))[0] if rule is None else rule
    if used.members is None:
        found = errors_at(used.model, used.policy, data, rule)
        return {name: np.asarray(value)[None] for name, value in found.items()}
    at = lambda model, policy, states: errors_at(model, policy, states, rule)
    found = eqx.filter_vmap(at, in_axes=eqx.if_array(0))(used.model, used.policy, data)
    return {name: np.asarray(value) for name, value in found.items()}


# ----------------------------------------------------------------------------------------------- what else may be wrong


def not_holding_together(used: Economies, which: np.ndarray) -> dict[int, str]:
    """Why the economy does not hold together under its policy, by member; members without a fault are left out."""
    found = {}
    for i in np.flatnonzero(which):
        one = used.member(int(i))
        reason = stability(one.model, one.policy, one.states).reason
        if reason:
            found[int(i)] = reason
    return found


def not_finite(plan: Plan, economies: Economies, errors: Errors, key: Array, training: HowTrained) -> list[str]:
    """What broke down, by member; empty where nothing did."""
    lost = (training.status == Status.NONFINITE) | ~np.isfinite(errors.means())
    reasons = [""] * len(lost)
    for i in np.flatnonzero(lost):
        how = Status(int(training.status[i])).sentence
        reasons[i] = f"The run {how}. {culprit(plan, economies.member(int(i)), key)}"
    return reasons


def culprit(plan: Plan, economies: Economies, key: Array, n: int = CHUNK) -> str:
    """The state and the equation in which the policy that is kept first meets a number that is not finite."""
    data, _ = sampled(economies, key, n, spacing=1)
    found = errors_at(economies.model, economies.policy, data, plan.rule)
    for name, value in found.items():
        bad = np.flatnonzero(~np.isfinite(np.asarray(value).reshape(n, -1)).all(1))
        if bad.size:
            where = ", ".join(f"{k} = {np.array2string(np.asarray(v[bad[0]]), precision=4)}" for k, v in data.items())
            return f"Equation {name!r} is not finite at {where}. Finite weights from before are kept."
    return (
        "Finite weights from before are kept; all equations are finite on the states they visit: lower the rate, or "
        "the share of a Regression."
    )


# ----------------------------------------------------------------------------------------- why it is not exact yet


@dataclass(frozen=True)
class Cause:
    """What stands between a policy and its tolerance.

    Attributes
    ----------
    sentence : str
        What it is, with the figures that say so.
    rule : rule, optional
        A finer rule for expectations, where that would help and there is one.
    """

    sentence: str
    rule: Rule | None = None


def causes(
    plan: Plan, used: Economies, data: Point, signed: dict[str, np.ndarray], training: HowTrained,
    which: np.ndarray, by_mean: np.ndarray, always: bool,
) -> dict[int, Cause]:  # fmt: skip
    """Why economies (those of ``which``) miss the tolerance, of the mean or else of the largest, by member.

    ``signed`` are residuals at the states ``data`` with a finer rule. Unless ``always``, nothing is asked where errors
    in training were no smaller: then it was not yet the time for more than training.
    """
    judged = Errors.of(signed)
    trained = np.where(training.losses >= 0, training.losses, np.nan) ** 0.5  # what may be negative is no mean square
    root = _root_mean_square(signed)
    if not np.any(which & (always | (root > FAR * trained))):
        return {}
    dimension = normal_dimension(used.shocks())
    known = finer(plan.rule, dimension)[0] == plan.rule  # nothing finer: the sum is exact, or judged
    own = signed if known else errors_of(plan, used, data, plan.rule)
    mine = Errors.of(own)
    apart = Errors.of({name: value - own[name] for name, value in signed.items()})
    found = {}
    for i in np.flatnonzero(which):
        size = lambda e: float((e.means() if by_mean[i] else e.tops())[i])  # noqa: B023
        at = "" if by_mean[i] else f" The largest error is {place(own if known else signed, data, used, int(i))}."
        if size(apart) > MOSTLY * size(judged):
            cause = too_coarse(plan.rule, dimension, size(mine), size(judged), size(apart))
        else:
            cause = badly_fitted(float(trained[i]), float(_root_mean_square(own)[i]))
        found[int(i)] = Cause(cause.sentence + at, cause.rule)
    return found


def too_coarse(rule: Rule, dimension: int, mine: float, judged: float, apart: float) -> Cause:
    """The rule for expectations is what is missing."""
    if isinstance(rule, OneDraw | MonteCarlo):
        # two rules of k and 4k draws differ by sqrt(5/4) of what k draws get wrong
        sentence = (
            f"More draws would help: with {in_words(rule)} the floor is about {apart / 1.25**0.5:.1e}; the error is "
            f"{mine:.1e} under the draws used, {judged:.1e} under others."
        )
    else:
        sentence = (
            f"More nodes would help: the error is {mine:.1e} under the rule used ({in_words(rule)}), {judged:.1e} "
            f"under a finer one, and the two are {apart:.1e} apart."
        )
    return Cause(sentence, raised(rule, dimension))


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
