"""The T-learner: a regression of the outcome in each arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.final_stage import arm_outcomes, default_treatment
from ceteris.causal.heterogeneity.learned import learn
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, model_of_arms
from ceteris.causal.heterogeneity.shared_net import Arms, difference, learn_arms, out_of_fold
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.rows import Rows
from ceteris.results import Nuisances


@dataclass(frozen=True)
class TLearner(AbstractEffectLearner):
    """τ(x) = μ₁(x) - μ₀(x) with a regression in each arm, μ_w(x) = E[Y | D = w, X = x].

    Parameters
    ----------
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of μ_w and of P(D = 1 | X), which the scores need. By default additive smooth regression of each arm
        and a net that both share, stacked.
    jobs : int, optional
        Folds fitted at once.
    clip : float
        Propensities are kept within [clip, 1 - clip]; the share that is not is reported. This and what follows are
        given by name.
    folds : int or array
        Folds, balanced by the treatment, or their numbers.
    seed : int
    bootstrap : int
        Samples that everything is learnt from again, for standard errors; they cover the variance of the learner, not
        its bias. 200 are usual.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), PNAS 116.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from ceteris.data import simulate_nie_wager
    >>> data = simulate_nie_wager("B", 500)
    >>> x = ["x0", "x1", "x2", "x3", "x4", "x5"]
    >>> model = TLearner(LinearRegression(), LogisticRegression()).fit(data, y="y", d="d", x=x)
    >>> bool(np.corrcoef(model.effect(data).point, data["tau"])[0, 1] > 0.9)
    True
    """

    outcome: Any = None
    treatment: Any = None
    jobs: int | None = None

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        arms = separate_arms(self, rows, fold)
        return model_of_arms("T-learner", rows, fold, difference(arms.mu0, arms.mu1), out_of_fold(arms), self.clip)


def separate_arms(settings: Any, rows: Rows, fold: np.ndarray) -> Arms:
    """Learn the outcomes of both arms, and the propensity from all rows."""
    outcome = settings.outcome
    treatment = default_treatment(rows.n, settings.seed) if settings.treatment is None else settings.treatment
    refuse_learners(treatment=treatment, **({} if outcome is None else {"outcome": outcome}))
    shared = learn_arms(rows.x, rows.y, rows.d, fold, seed=settings.seed) if outcome is None else None
    mu0, mu1 = arm_outcomes(outcome, rows, fold, shared, settings.jobs)
    return Arms(mu0, mu1, learn(treatment, rows.x, rows.d, fold, kind="probability", jobs=settings.jobs))
