"""Estimates and what is said about them, one of each kind."""

import functools

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import (
    GroupTimeEffects,
    Interactive,
    NearestNeighbours,
    PartiallyLinear,
    Replications,
    confounding,
    event_study,
    monte_carlo,
)
from ceteris.causal.sensitivity import Sensitivity
from ceteris.data import PartiallyLinearDesign, simulate_interactive, simulate_staggered
from ceteris.results import Estimate
from door.case import Case

OLS, LOGIT = LinearRegression(), LogisticRegression()
ROLES = {"y": "y", "d": "d", "x": ["x0", "x1", "x2"]}


@functools.cache
def sample():
    return simulate_interactive(200, theta=0.5, seed=4)


@functools.cache
def staggered():
    roles = {"y": "y", "group": "group", "unit": "unit", "time": "time", "x": ["x0", "x1"]}
    return GroupTimeEffects(OLS, LOGIT, folds=2).fit(simulate_staggered(200, seed=2), **roles)


def bounds():
    effect = PartiallyLinear(OLS, OLS).fit(sample(), **ROLES)
    return confounding(effect, sample(), y="y", d="d")


def numbers(estimate):
    return [estimate.point, estimate.conf_int(), estimate.bands(), estimate.diagnostics(), estimate.about.estimand]


CASES = {
    Estimate: Case(lambda: Interactive(OLS, LOGIT, repeats=2).fit(sample(), **ROLES), numbers),
    Sensitivity: Case(bounds, lambda it: [it.lower, it.high, it.rv, it.elements.bound(0.1)]),
    Replications: Case(
        lambda: monte_carlo(PartiallyLinearDesign(), PartiallyLinear(OLS, OLS), 20, n=100), lambda it: it.frame()
    ),
}
# one class, several kinds: what matching, event studies and linear combinations keep is not what `Interactive` keeps
MORE = {
    "group-time effects": Case(staggered, numbers),
    "event study": Case(lambda: event_study(staggered()), numbers),
    "matching": Case(
        lambda: NearestNeighbours().fit(sample(), **ROLES),
        lambda it: [*numbers(it), it.details.pairs, it.nuisances.weights],
    ),
    "contrast": Case(lambda: staggered().contrast(np.eye(3, 9)), numbers),
}
