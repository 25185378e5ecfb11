"""Budgets with parity: the best policy whose rates of treatment differ between groups by at most a given gap.

    max Σ π_i τ̂_i   subject to   mean π = ρ (or less),   |rate_g - rate_h| ≤ gap for all groups

Within a group the best are treated first, so that a policy is a threshold for each group; units at a threshold are
treated with the probability that meets the rates exactly. For a given lowest rate l all rates lie in [l, l + gap]:
everybody's share up to l is given, the rest goes in the order of τ̂ until a group reaches l + gap or the budget ends.
Budget and gap are met exactly, whatever l; the best l is found by golden section, the value being concave in it.

References
----------
Corbett-Davies, Pierson, Feller, Goel and Huq (2017), KDD. 004, section 14.8.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import number
from ceteris.causal.heterogeneity.evaluate.inputs import vectors
from ceteris.causal.policy.fairness import groups_of
from ceteris.causal.policy.rules import ROUNDING, refuse_budget, top_share
from ceteris.causal.policy.shown import rates_figure
from ceteris.causal.policy.value import policy_value
from ceteris.causal.screens import counted, page
from ceteris.outlets import screen
from ceteris.results import Figure, Section, Table
from ceteris.showing import AbstractResult
from ceteris.tables.frames import finite

if TYPE_CHECKING:
    import pandas as pd

STEPS = 80  # of the golden section: an interval of 1e-16
SAME = 1e-9  # share of Σ|τ̂| by which totals may differ and count as equal


@dataclass(frozen=True, eq=False, repr=False)
class GroupAssignment(AbstractResult):
    """Who is treated, by thresholds of the groups.

    Parameters
    ----------
    treat : array, shape (n,)
        Probabilities of treatment, 0 or 1 but at the thresholds.
    rates : mapping
        By group, the share treated (of those who deserve, with equal opportunity).
    thresholds : mapping
        By group, the lowest estimated effect treated.
    """

    treat: np.ndarray
    rates: Mapping[str, float]
    thresholds: Mapping[str, float]

    def frame(self) -> pd.DataFrame:
        """Rate and threshold of each group."""
        import pandas as pd

        columns = {"group": list(self.rates), "rate": list(self.rates.values())}
        return pd.DataFrame(columns | {"lowest effect treated": list(self.thresholds.values())})

    def summary(self) -> str:
        """One screen: how many are treated, and the rate and the threshold of each group."""
        treat, gap = self.treat, max(self.rates.values()) - min(self.rates.values())
        title = f"Assignment by group: {treat.sum():,.4g} of {len(treat):,} units treated ({100 * treat.mean():.3g} %)"
        facts = {"largest gap": f"{gap:.3g} between the rates of {counted(len(self.rates), 'group')}"}
        return page(title, facts, (), screen(self.frame().round(4), index=False).split("\n"))

    def sections(self) -> tuple[Section, ...]:
        """Rates of treatment and thresholds by group."""
        note = "With equal opportunity a rate is a share of those who deserve treatment."
        tables = (Table("By group", self.frame(), note),)
        figure = rates_figure(self.frame())
        return (Section("Assignment by group", "A threshold for each group.", tables, (figure,)),)


def with_parity(
    tau_hat: Any, budget: float, group: Any, *, gap: float = 0.0, spend_all: bool = False
) -> GroupAssignment:
    """Demographic parity: rates of treatment that differ by at most ``gap``, at the highest estimated gain.

    Parameters
    ----------
    tau_hat : array, shape (n,)
    budget : float
        Share of units treated, in (0, 1].
    group : array, shape (n,)
    gap : float
        Largest difference of rates, in [0, 1].
    spend_all : bool
        Spend the budget even where that lowers the gain.

    Examples
    --------
    >>> found = with_parity([4.0, 3.0, 2.0, 1.0], 0.5, ["a", "a", "b", "b"])
    >>> found.treat, found.rates
    (array([1., 0., 1., 0.]), {'a': 0.5, 'b': 0.5})
    """
    (tau_hat,) = vectors(tau_hat=tau_hat)
    return _assign(tau_hat, groups_of(group, len(tau_hat)), budget, gap, spend_all)


def with_opportunity(
    tau_hat: Any, budget: float, group: Any, *, deserving: Any = None, gap: float = 0.0
) -> GroupAssignment:
    """Equal opportunity: among those who deserve treatment, rates differ by at most ``gap``; others are not treated.

    Parameters
    ----------
    tau_hat, budget, group, gap
        As in `with_parity`; the budget is a share of all units.
    deserving : array of bool, shape (n,), optional
        By default those of positive estimated effect. Where given, the budget is spent on them as far as it goes, even
        on those who are estimated to lose.

    Examples
    --------
    >>> with_opportunity([4.0, 3.0, 2.0, 1.0, -1, -1], 1 / 3, ["a", "a", "b", "b", "b", "b"]).treat
    array([1., 0., 1., 0., 0., 0.])
    """
    (tau_hat,) = vectors(tau_hat=tau_hat)
    should = finite("deserving", tau_hat > 0 if deserving is None else deserving, tau_hat.shape)
    if not np.isin(should, (0, 1)).all():
        raise ValueError(f"deserving runs from {should.min():g} to {should.max():g}, but must be 0 or 1; recode it.")
    should = should == 1
    _refuse(budget, gap)
    members = groups_of(group, len(tau_hat))
    for name, inside in members.items():
        if not should[inside == 1].any():
            raise ValueError(f"deserving: nobody in group {name!r} is; leave the group out, or change who deserves.")
    among = {name: inside[should] for name, inside in members.items()}
    found = _assign(tau_hat[should], among, min(1.0, budget / should.mean()), gap, spend_all=deserving is not None)
    treat = np.zeros(len(tau_hat))
    treat[should] = found.treat
    return GroupAssignment(treat, found.rates, found.thresholds)


def cost_of_fairness(
    tau_hat: Any, budget: float, group: Any, scores: Any = None, *, gaps: Any = None, cluster: Any = None
) -> Section:
    """Value of the best policy by the gap that is allowed between the groups' rates of treatment.

    Parameters
    ----------
    tau_hat, budget, group
        As in `with_parity`.
    scores : array, shape (n,), optional
        Doubly robust scores from other rows than τ̂ was learnt on, which the values are estimated from; by default τ̂ is
        believed.
    gaps : array, in [0, 1], optional
        By default from none to that of the best policy without constraint, which is the last in any case.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> section = cost_of_fairness([4.0, 3.0, 2.0, 1.0], 0.5, ["a", "a", "b", "b"], gaps=[0.0, 0.5])
    >>> section.tables[0].frame[["allowed", "value", "cost"]].round(9).to_numpy().tolist()
    [[0.0, 1.5, 0.25], [0.5, 1.625, 0.125], [1.0, 1.75, 0.0]]
    """
    import pandas as pd

    free = with_parity(tau_hat, budget, group, gap=1.0)
    widest = max(free.rates.values()) - min(free.rates.values())
    given = np.linspace(0, widest, 11)[:-1] if gaps is None else vectors(gaps=gaps)[0]
    allowed = np.r_[np.unique(given[given < widest]), widest]
    found = [with_parity(tau_hat, budget, group, gap=float(gap)) for gap in allowed[:-1]] + [free]
    gamma = tau_hat if scores is None else scores
    value = policy_value(gamma, {str(i): one.treat for i, one in enumerate(found)}, cluster=cluster)
    last = np.zeros(len(found))
    last[-1] = 1.0
    cost = value.contrast(last - np.eye(len(found)))
    lowest, highest = ([edge(one.rates.values()) for one in found] for edge in (min, max))
    spent = [one.treat.mean() for one in found]
    frame = pd.DataFrame(
        {"allowed": allowed, "lowest rate": lowest, "highest rate": highest, "treated": spent, "value": value.point,
         "std err": value.se, "cost": cost.point, "std err of cost": cost.se}
    )  # fmt: skip
    figure = Figure(
        "Cost of fairness",
        "Value given up, with pointwise intervals of 95 %, by the gap allowed between rates of treatment.",
        frame.assign(low=cost.point - 1.96 * cost.se, high=cost.point + 1.96 * cost.se),
        _draw_cost,
    )
    text = (
        f"With the smallest gap, {allowed[0]:.3g}, the policy gains {cost.point[0]:.3g} less per unit than the best "
        f"one (standard error {cost.se[0]:.2g})."
    )
    note = "Costs are against the policy in the last row, which is not constrained."
    return Section("Cost of fairness", text, (Table("By gap", frame, note),), (figure,))


def _assign(
    tau: np.ndarray, members: Mapping[str, np.ndarray], budget: float, gap: float, spend_all: bool
) -> GroupAssignment:
    masks = [inside == 1 for inside in members.values()]
    rates = best_rates(tau, masks, budget, gap, spend_all)
    treat = np.zeros(len(tau))
    for inside, rate in zip(masks, rates, strict=True):
        treat[inside] = top_share(tau[inside], rate)
    lowest = [tau[inside][treat[inside] > 0].min(initial=np.inf) for inside in masks]
    by_name = lambda values: dict(zip(members, map(float, values), strict=True))
    return GroupAssignment(treat, by_name(rates), by_name(lowest))


def best_rates(
    tau: np.ndarray, masks: list[np.ndarray], budget: float, gap: float, spend_all: bool = False
) -> np.ndarray:
    """Rates of treatment of the groups that gain most, shape (groups,)."""
    _refuse(budget, gap)
    size = np.array([inside.sum() for inside in masks])
    place = np.empty(len(tau), dtype=int)
    before = np.empty(len(tau))  # share of the own group that comes before a unit
    for g, inside in enumerate(masks):
        place[inside] = g
        rank = np.empty(size[g], dtype=int)
        rank[np.argsort(-tau[inside], kind="stable")] = np.arange(size[g])
        before[inside] = rank / size[g]
    width = 1 / size[place]
    _, tie = np.unique(-tau, return_inverse=True)
    floor = -np.inf if spend_all else 0.0

    def solved(lowest: float) -> tuple[float, np.ndarray]:
        part = lambda to: np.clip((to - before) / width, 0.0, 1.0)
        given = part(lowest)
        open_to = part(min(lowest + gap, 1.0)) - given
        price = np.bincount(tie, weights=open_to)
        left = budget * len(tau) - given.sum() - (np.cumsum(price) - price)
        bought = np.clip(left / np.maximum(price, ROUNDING), 0.0, 1.0)[tie] * open_to * (tau > floor)
        rates = lowest + np.bincount(place, weights=bought, minlength=len(size)) / size
        return float(tau @ (given + bought)), rates

    low, high = (max(budget - gap, 0.0) if spend_all else 0.0), budget
    inner = solved(_highest(lambda lowest: solved(lowest)[0], low, high))
    ends = [pair for pair in (solved(high), solved(low)) if pair[0] >= inner[0] - SAME * np.abs(tau).sum()]
    return [*ends, inner][0][1]  # an end, where it is as good: there the budget is spent to the last digit


def _highest(value: Callable[[float], float], low: float, high: float) -> float:
    """Where a concave function is highest, by golden section."""
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(STEPS):
        a, b = high - golden * (high - low), low + golden * (high - low)
        low, high = (a, high) if value(a) < value(b) else (low, b)
    return (low + high) / 2


def _refuse(budget: float, gap: float) -> None:
    refuse_budget(budget)
    number("gap", gap, least=0, most=1)


def _draw_cost(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.fill_between(data["allowed"], data["low"], data["high"], alpha=0.25, linewidth=0)
    axes.plot(data["allowed"], data["cost"], "o-")
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set(xlabel="gap allowed between rates of treatment", ylabel="value given up per unit")
