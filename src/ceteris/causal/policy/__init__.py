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

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Assignment": "ceteris.causal.policy.rules",
    "ClassifierPolicy": "ceteris.causal.policy.classify",
    "NetPolicy": "ceteris.causal.policy.net",
    "PolicyTree": "ceteris.causal.policy.tree",
    "arm_scores": "ceteris.causal.policy.value",
    "budget_curve": "ceteris.causal.policy.value",
    "cost_of_fairness": "ceteris.causal.policy.parity",
    "fairness_report": "ceteris.causal.policy.fairness",
    "fairness_section": "ceteris.causal.policy.fairness",
    "off_policy_value": "ceteris.causal.policy.off_policy",
    "out_of_fold": "ceteris.causal.policy.value",
    "plug_in": "ceteris.causal.policy.rules",
    "policy_value": "ceteris.causal.policy.value",
    "with_opportunity": "ceteris.causal.policy.parity",
    "with_parity": "ceteris.causal.policy.parity",
    "within_budget": "ceteris.causal.policy.rules",
}

__all__ = [
    "Assignment", "ClassifierPolicy", "NetPolicy", "PolicyTree", "arm_scores", "budget_curve", "cost_of_fairness",
    "fairness_report", "fairness_section", "off_policy_value", "out_of_fold", "plug_in", "policy_value",
    "with_opportunity", "with_parity", "within_budget",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.causal.policy.classify import ClassifierPolicy
    from ceteris.causal.policy.fairness import fairness_report, fairness_section
    from ceteris.causal.policy.net import NetPolicy
    from ceteris.causal.policy.off_policy import off_policy_value
    from ceteris.causal.policy.parity import cost_of_fairness, with_opportunity, with_parity
    from ceteris.causal.policy.rules import Assignment, plug_in, within_budget
    from ceteris.causal.policy.tree import PolicyTree
    from ceteris.causal.policy.value import arm_scores, budget_curve, out_of_fold, policy_value


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ceteris.causal.policy' has no attribute {name!r}; it offers {', '.join(_HOME)}")


def __dir__() -> list[str]:
    return sorted(__all__)
