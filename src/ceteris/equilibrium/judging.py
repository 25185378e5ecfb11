"""How good a policy in the making is: on states it has not seen, with the economy it brings about, and in words.

A policy is called a solution if three things hold: its mean error meets the tolerance, so does the largest on many
fresh states, and the economy holds together under it (`ceteris.equilibrium.trial`). The first is asked of a thousand
states after every phase; the others cost more, and are asked once it holds. Where a phase has not been enough,
`ceteris.equilibrium.causes` says why, and which rule for expectations the next one should take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jax import Array

from ceteris.engine import Status
from ceteris.equilibrium.accuracy import errors_at
from ceteris.equilibrium.causes import Cause, causes
from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.fresh import CHUNK, Errors, errors_of, fresh, in_use, member
from ceteris.equilibrium.phases import HowTrained
from ceteris.equilibrium.trial import trial
from ceteris.equilibrium.visits import Economies, sampled

if TYPE_CHECKING:
    from ceteris.equilibrium.solve import Plan


@dataclass(frozen=True)
class Verdict:
    """How one economy stands.

    Attributes
    ----------
    solved : bool
        Whether the errors meet the tolerance and the economy holds together.
    sentence : str
        Which of the two, by how much, and what would help.
    failed : bool
        Whether it broke down, so that no further phase can mend it.
    """

    solved: bool
    sentence: str
    failed: bool = False


@dataclass(frozen=True)
class Judgement:
    """What is said of all economies after a phase.

    Attributes
    ----------
    verdicts : tuple of Verdict
        One per economy.
    entry : dict
        For the log: "mean" and "max" (arrays over members, or numbers), "where", "states".
    rule : rule
        How expectations should be computed from now on.
    said : str
        Why that is another rule than before; empty if it is not.
    """

    verdicts: tuple[Verdict, ...]
    entry: dict[str, Any]
    rule: Rule
    said: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do for any of the economies."""
        return all(v.solved or v.failed for v in self.verdicts)


def judge(
    plan: Plan, economies: Economies, key: Array, training: HowTrained | None = None, *, phase: int = 0
) -> Judgement:
    """Judge economies on fresh states; ``training`` is how that went in phase number ``phase``, if it has."""
    used = in_use(plan, economies)
    found, worst, hope = looked_at(plan, used, key)
    met, last = found.meet(plan.tolerance), phase + 1 >= len(plan.phases)
    broken = not_finite(plan, economies, found, key, training)
    sound = np.array([not b for b in broken])
    loose = holding_together(used, (hope | last) & sound)
    by_mean = found.means() > plan.tolerance[0]
    why = causes(plan, used, *worst, training, sound & ~met, by_mean, always=phase > 0 or last)
    said = [_verdict(plan, found, i, broken[i], loose.get(i, ""), why.get(i)) for i in range(len(broken))]
    rule, sentence = plan.rule, ""
    if not last and not plan.asked:
        rule, sentence = _for_the_next(plan, why, phase)
    one = economies.members is None
    entry = {
        "mean": found.means()[0] if one else found.means(), "max": found.tops()[0] if one else found.tops(),
        "where": found.where, "states": found.states,
    }  # fmt: skip
    return Judgement(tuple(said), entry, rule, sentence)


def looked_at(plan: Plan, used: Economies, key: Array) -> tuple[Errors, tuple[Any, dict[str, np.ndarray]], np.ndarray]:
    """Errors on a thousand fresh states, on many more where these leave a hope; the worst thousand; and the hope."""
    chunks = fresh(plan, used, key)
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


# ----------------------------------------------------------------------------------------------- what else may be wrong


def holding_together(used: Economies, which: np.ndarray) -> dict[int, str]:
    """Why the economy does not hold together under its policy, by member; members without a fault are left out."""
    found = {}
    for i in np.flatnonzero(which):
        one = member(used, int(i))
        reason = trial(one.model, one.policy, one.states).reason
        if reason:
            found[int(i)] = reason
    return found


def not_finite(plan: Plan, economies: Economies, found: Errors, key: Array, training: HowTrained | None) -> list[str]:
    """What broke down, by member; empty where nothing did."""
    status = np.full(len(found.means()), Status.FINISHED) if training is None else training.status
    lost = (status == Status.NONFINITE) | ~np.isfinite(found.means())
    said = [""] * len(lost)
    for i in np.flatnonzero(lost):
        how = f"The run {Status(int(status[i])).sentence}." if training is not None else ""
        said[i] = f"{how} {culprit(plan, member(economies, int(i)), key)}".strip()
    return said


def culprit(plan: Plan, economies: Economies, key: Array, n: int = CHUNK) -> str:
    """In which state, and in which equation, the last finite policy first meets a number that is not finite."""
    data, _ = sampled(economies, key, n, spacing=1)
    found = errors_at(economies.model, economies.policy, data, plan.rule)
    for name, value in found.items():
        bad = np.flatnonzero(~np.isfinite(np.asarray(value).reshape(n, -1)).all(1))
        if bad.size:
            where = ", ".join(f"{k} = {np.array2string(np.asarray(v[bad[0]]), precision=4)}" for k, v in data.items())
            return f"Equation {name!r} is not finite at {where}. The last finite weights are kept."
    return (
        "The last finite weights are kept; all equations are finite on the states they visit: lower the rate, or the "
        "share of a Regression."
    )


# ---------------------------------------------------------------------------------------------------------- in words


def _verdict(plan: Plan, found: Errors, i: int, broken: str, loose: str, why: Cause | None) -> Verdict:
    mean, largest = found.means()[i], found.tops()[i]
    figures = f"mean error {mean:.2e}, largest {largest:.2e} ({found.where}) on {found.states:,} fresh states"
    if broken:
        return Verdict(False, f"NOT solved: {broken}", failed=True)
    if not found.meet(plan.tolerance)[i]:
        wanted = f"{plan.tolerance[0]:.0e} and {plan.tolerance[1]:.0e}"
        helps = f" And {loose}." if loose else "" if why is None else f" {why.sentence}"
        return Verdict(False, f"NOT solved to tolerance: {figures}, where {wanted} were asked for.{helps}")
    if loose:
        return Verdict(False, f"NOT solved, although errors are small ({figures}): {loose}.")
    return Verdict(True, f"Solved to tolerance: {figures}.")


def _for_the_next(plan: Plan, why: dict[int, Cause], phase: int) -> tuple[Rule, str]:
    """The rule for the next phase: a finer one, if for any economy the one used is what errors come from."""
    for cause in why.values():
        if cause.rule is not None:
            return cause.rule, f"E: from phase {phase + 2} on with {cause.remedy}. {cause.sentence}"
    return plan.rule, ""
