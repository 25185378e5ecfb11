"""Rules from estimated effects: treat who gains, or who gains most within a budget.

Under a budget the best policy solves max Σ π_i τ̂_i subject to Σ c_i π_i ≤ ρ Σ c_i and 0 ≤ π_i ≤ 1, a fractional
knapsack: units are treated in the order of τ̂_i / c_i until the budget is spent, those at the margin with the
probability that spends it exactly. Units of equal τ̂ / c have the same probability.

Treating the share ρ with the highest τ̂, as the rule is often stated, treats units that lose by it where fewer than that
gain; here they are left out, and the budget is not spent, unless ``spend_all``.

References
----------
Bhattacharya and Dupas (2012), Journal of Econometrics 167; Sun, Du and Wager (2021), arXiv:2103.11066. 004, section
14.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import POSITIVE, number
from ceteris.causal.heterogeneity.evaluate.inputs import vectors
from ceteris.causal.policy.shown import ranked_figure
from ceteris.causal.screens import page
from ceteris.results import Section, Table
from ceteris.showing import AbstractResult
from ceteris.tables.frames import finite

ROUNDING = 1e-12  # a share of the margin this near to 0 or 1 is rounding


def plug_in(tau_hat: Any, cost: Any = 0.0) -> np.ndarray:
    """Treat whose estimated effect exceeds the cost, in units of the outcome; 1 or 0, shape (n,).

    Examples
    --------
    >>> plug_in([0.5, -0.2, 0.1], cost=0.2)
    array([1., 0., 0.])
    """
    (tau_hat,) = vectors(tau_hat=tau_hat)
    return (tau_hat > costs_of(cost, len(tau_hat), free=True)).astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class BudgetRule(AbstractResult):
    """Who is treated within a budget.

    Parameters
    ----------
    treat : array, shape (n,)
        Probabilities of treatment, 0 or 1 but at the margin.
    threshold : float
        Units of larger τ̂ / cost are treated, of smaller are not; where the budget pays for all who gain, 0 (with
        ``spend_all``, where it pays for all, -inf).
    at_threshold : float
        Probability of those at the threshold.
    spent : float
        Share of the cost of treating everybody.
    ratio : array, shape (n,)
        τ̂ / cost of the units.

    Examples
    --------
    >>> rule = within_budget([3.0, 1.0, 2.0, 0.5], 0.6)  # pays for 2.4 units
    >>> rule.treat.round(2), rule.threshold, round(rule.at_threshold, 2), round(rule.spent, 2)
    (array([1. , 0.4, 1. , 0. ]), 1.0, 0.4, 0.6)
    """

    treat: np.ndarray
    threshold: float
    at_threshold: float
    spent: float
    ratio: np.ndarray

    def summary(self) -> str:
        """One screen: how many are treated, for how much, and from which effect on."""
        treat, n = self.treat, len(self.treat)
        means = {who: self.ratio[which] for who, which in (("treated", treat > 0), ("others", treat == 0))}
        facts = {
            "treated": f"{treat.sum():,.4g} of {n:,} units ({100 * treat.mean():.3g} %)",
            "cost": f"{100 * self.spent:.3g} % of that of treating everybody",
            "threshold": f"τ̂ / cost above {self.threshold:.4g}; those at it with probability {self.at_threshold:.3g}",
            "τ̂ / cost": ", ".join(f"mean of the {who} {some.mean():.3g}" for who, some in means.items() if len(some)),
        }
        return page("Budget rule: those who gain most per unit of cost", facts)

    def sections(self) -> tuple[Section, ...]:
        """The rule, and the units in the order in which they are treated."""
        import pandas as pd

        rows = {
            "share of units treated": self.treat.mean(),
            "share of the cost of all": self.spent,
            "threshold of τ̂ / cost": self.threshold,
            "share treated at the threshold": self.at_threshold,
        }
        table = Table("Rule", pd.DataFrame({"": list(rows), "value": list(rows.values())}))
        text = "Units are treated in the order of their estimated effect per cost until the budget is spent."
        return (Section("Budget rule", text, (table,), (ranked_figure(self.ratio, self.treat, self.threshold),)),)

    def apply(self, tau_hat: Any, cost: Any = 1.0) -> np.ndarray:
        """Apply the rule to other units, shape (m,); it need not meet the budget exactly there.

        Examples
        --------
        >>> within_budget([3.0, 1.0, 2.0, 0.5], 0.5).apply([2.5, 1.5])
        array([1., 0.])
        """
        (tau_hat,) = vectors(1, tau_hat=tau_hat)
        return _treated(tau_hat / costs_of(cost, len(tau_hat)), self.threshold, self.at_threshold)


def within_budget(tau_hat: Any, budget: float, *, cost: Any = 1.0, spend_all: bool = False) -> BudgetRule:
    """Treat those who gain most per unit of cost, within a budget.

    Parameters
    ----------
    tau_hat : array, shape (n,)
    budget : float
        Share of the cost of treating everybody, in (0, 1]; without costs the share of units treated.
    cost : float or array, shape (n,)
        Positive.
    spend_all : bool
        Spend the budget even on units of which the estimated effect is not positive.

    Examples
    --------
    >>> within_budget([3.0, 1.0, 2.0, 1.0], 0.6).treat.round(2)  # 2.4 units: two, and a fifth of each at the margin
    array([1. , 0.2, 1. , 0.2])
    >>> within_budget([3.0, 1.0, 2.0, 1.0], 0.5, cost=[4, 1, 1, 2]).treat  # 4 to be spent
    array([0.5, 1. , 1. , 0. ])
    """
    (tau_hat,) = vectors(tau_hat=tau_hat)
    refuse_budget(budget)
    cost = costs_of(cost, len(tau_hat))
    ratio = tau_hat / cost
    threshold, at_threshold = _margin(ratio, cost, budget, -np.inf if spend_all else 0.0)
    treat = _treated(ratio, threshold, at_threshold)
    return BudgetRule(treat, threshold, at_threshold, float(treat @ cost / cost.sum()), ratio)


def top_share(priority: np.ndarray, share: float) -> np.ndarray:
    """Probabilities of treatment that treat exactly this share (0 to 1) of the units, the highest priority first.

    Examples
    --------
    >>> top_share(np.array([1.0, 2.0, 3.0, 3.0]), 0.25)
    array([0. , 0. , 0.5, 0.5])
    """
    if share <= 0:
        return np.zeros(len(priority))
    return _treated(priority, *_margin(priority, np.ones(len(priority)), share, -np.inf))


def _treated(ratio: np.ndarray, threshold: float, at_threshold: float) -> np.ndarray:
    return np.where(ratio > threshold, 1.0, np.where(ratio == threshold, at_threshold, 0.0))


def _margin(ratio: np.ndarray, cost: np.ndarray, budget: float, floor: float) -> tuple[float, float]:
    """Return the ratio of the marginal units and the share of them that is paid for; the floor if all above it are."""
    values, place = np.unique(ratio, return_inverse=True)
    price = np.bincount(place, weights=cost)[::-1]  # of each tie group, the best first
    left = budget * price.sum() - (np.cumsum(price) - price)
    share = np.clip(left / price, 0.0, 1.0)
    share = np.where(share < ROUNDING, 0.0, np.where(share > 1 - ROUNDING, 1.0, share))
    gains = values[::-1] > floor
    if (share[gains] == 1).all():
        return float(floor), 0.0
    paid = np.flatnonzero((share > 0) & gains)
    return (float(values[::-1][paid[-1]]), float(share[paid[-1]])) if len(paid) else (float(values[-1]), 0.0)


def refuse_budget(budget: float) -> None:
    """A budget is a share above zero, and at most one."""
    number("budget", budget, above=0, most=1, such_as=0.2)


def costs_of(cost: Any, n: int, free: bool = False) -> np.ndarray:
    """Return one cost for each unit, positive (or any, where treatment may be free)."""
    if np.ndim(cost) == 0:
        cost = np.full(n, float(cost))
    return finite("cost", cost, (n,), None if free else POSITIVE, "treat units without cost anyway")
