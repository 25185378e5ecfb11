"""The learners that R- and DR-learner use when none are given.

Nuisances: additive smooth regression and nets, weighted by how they predict out of fold; outcomes of the arms come from
additive regressions of each arm and the two-headed net. Final stage: an additive smooth effect, which its own
cross-validation shrinks towards a constant, is what we lean on; a net fitted to the same loss and the two-headed net
take over as far as they lower that loss out of fold by more than ``CAUTION`` standard errors. Effects are small beside
the noise as a rule, and a net by itself then takes noise for effects.

``CAUTION`` and the nets' decay were chosen on fourteen designs, which are not those of Nie and Wager.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.causal.additive import AdditiveClassifier, AdditiveRegressor
from ceteris.causal.heterogeneity.learned import Learned, learn
from ceteris.causal.heterogeneity.shared_net import MEMBERS, Arms, difference
from ceteris.causal.heterogeneity.smooth import SmoothRegressor
from ceteris.causal.heterogeneity.stack import StackedClassifier, StackedRegressor, combined, leaning
from ceteris.causal.learners import default_for
from ceteris.causal.neural import net_classifier, net_regressor
from ceteris.causal.rows import Rows

CAUTION = 2.0
DECAY = 1.0  # of the final stage's nets, whose target is mostly noise; nuisances have less


def default_outcome(y: np.ndarray, seed: int) -> Any:
    """Additive smooth regression and nets, stacked; of probabilities, where y is zero or one."""
    if np.isin(y, (0, 1)).all():
        return default_treatment(len(y), seed)
    return StackedRegressor([AdditiveRegressor(), net_regressor(len(y), MEMBERS, seed)])


def default_treatment(n: int, seed: int) -> Any:
    """Additive smooth logistic regression and nets, stacked."""
    return StackedClassifier([AdditiveClassifier(), net_classifier(n, MEMBERS, seed)])


def arm_outcomes(
    outcome: Any, rows: Rows, fold: np.ndarray, shared: Arms | None, jobs: int | None
) -> tuple[Learned, Learned]:
    """Learn E[Y | D = w, X] from each arm; by default by additive smooth regression, stacked with the shared net."""
    learner = default_for(rows.y) if outcome is None else outcome
    found = []
    for w in (0, 1):
        among = rows.d == w
        learned = learn(learner, rows.x, rows.y, fold, among=among, jobs=jobs)
        if outcome is None:
            assert shared is not None
            learned = combined([learned, shared[w]], rows.y, np.ones(rows.n), among)
        found.append(learned)
    return found[0], found[1]


def mixed(
    x: np.ndarray, target: np.ndarray, weight: np.ndarray, fold: np.ndarray, arms: Arms, seed: int, jobs: int | None
) -> tuple[Learned, dict[str, float]]:
    """Learn the effect that a target shows on average, and the shares of smooth effect, net and two-headed net."""
    net = net_regressor(len(target), MEMBERS, seed, DECAY)
    parts = {
        "smooth": learn(SmoothRegressor(), x, target, fold, weight=weight, jobs=jobs),
        "net": learn(net, x, target, fold, weight=weight),
        "two-headed net": difference(arms.mu0, arms.mu1),
    }
    return leaning(parts, target, weight, CAUTION)
