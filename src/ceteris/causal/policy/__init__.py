"""Whom to treat: rules, budgets, trees, nets, fairness, and what any of them is worth.

Functions work on plain arrays: estimated effects, doubly robust scores (the ``scores`` of a fitted model of
``causal.heterogeneity``), costs, groups. A policy is an array too: the probability of treatment of each unit, or with
several actions the number of the action, or the probabilities of all. Names are imported when first used.

Examples
--------
>>> from ceteris.causal.policy import policy_value, within_budget
>>> treat = within_budget([3.0, 1.0, 2.0, -1.0], 0.5).treat
>>> treat, policy_value([2.0, 1.0, 3.0, 0.0], treat).point
(array([1., 0., 1., 0.]), array([1.25]))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "BudgetRule", "ClassifierPolicy", "NetPolicy", "PolicyTree", "arm_scores", "budget_curve", "cost_of_fairness",
    "fairness_report", "fairness_section", "off_policy_value", "out_of_fold", "plug_in", "policy_value",
    "with_opportunity", "with_parity", "within_budget",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.causal.policy.classify import ClassifierPolicy
    from ceteris.causal.policy.fairness import fairness_report, fairness_section
    from ceteris.causal.policy.net import NetPolicy
    from ceteris.causal.policy.off_policy import off_policy_value
    from ceteris.causal.policy.parity import cost_of_fairness, with_opportunity, with_parity
    from ceteris.causal.policy.rules import BudgetRule, plug_in, within_budget
    from ceteris.causal.policy.tree import PolicyTree
    from ceteris.causal.policy.value import arm_scores, budget_curve, out_of_fold, policy_value

__getattr__, __dir__ = lazily(__name__, __file__)
