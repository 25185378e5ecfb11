"""The DR-learner: a regression of doubly robust scores on covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ceteris.causal.heterogeneity.effects import doubly_robust
from ceteris.causal.heterogeneity.final_stage import arm_outcomes, default_treatment, mixed
from ceteris.causal.heterogeneity.learned import learn
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, mean_outcome, model_of_arms
from ceteris.causal.heterogeneity.shared_net import learn_arms
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.rows import Rows
from ceteris.results import Nuisances


@dataclass(frozen=True)
class DRLearner(AbstractEffectLearner):
    """τ(x) is the regression of Γ = μ₁ - μ₀ + D(Y - μ₁)/e - (1 - D)(Y - μ₀)/(1 - e), nuisances out of fold.

    Where e comes close to 0 or 1 the scores have a large variance, and ``RLearner``, which gives such rows little
    weight, is the better choice.

    Parameters
    ----------
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of μ_w(x) = E[Y | D = w, X = x] and e; by default as in ``TLearner``.
    final : estimator in the manner of scikit-learn, optional
        Learner of τ; by default as in ``RLearner``.
    jobs, clip, folds, seed, bootstrap
        As in ``TLearner``.

    References
    ----------
    Kennedy (2023), Electronic Journal of Statistics 17; Robins, Rotnitzky and Zhao (1994), JASA 89.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from ceteris.data import simulate_nie_wager
    >>> data = simulate_nie_wager("B", 500)
    >>> learner = DRLearner(LinearRegression(), LogisticRegression(), LinearRegression())
    >>> model = learner.fit(data, y="y", d="d", x=[f"x{j}" for j in range(6)])
    >>> low, high = model.average().conf_int()[0]
    >>> bool(low < data["tau"].mean() < high)
    True
    """

    outcome: Any = None
    treatment: Any = None
    final: Any = None
    jobs: int | None = None
    known: ClassVar = ("mu0", "mu1", "e")

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        if (given.mu0 is None) != (given.mu1 is None):
            raise ValueError("nuisances: one of 'mu0' and 'mu1' given; give both, or none.")
        treatment = default_treatment(rows.n, self.seed) if self.treatment is None else self.treatment
        chosen = {"treatment": treatment, "outcome": self.outcome, "final": self.final}
        refuse_learners(**{role: learner for role, learner in chosen.items() if learner is not None})
        raw = given.e
        if raw is None:
            raw = learn(treatment, rows.x, rows.d, fold, kind="probability", jobs=self.jobs).out_of_fold
        e = np.clip(raw, self.clip, 1 - self.clip)
        known = given.mu0 is not None
        ours = self.final is None or (self.outcome is None and not known)
        arms = learn_arms(rows.x, rows.y, rows.d, fold, seed=self.seed) if ours else None
        if known:
            mu0, mu1 = given.mu0, given.mu1
        else:
            mu0, mu1 = (mu.out_of_fold for mu in arm_outcomes(self.outcome, rows, fold, arms, self.jobs))
        target = doubly_robust(rows.y, rows.d, mean_outcome(mu0, mu1, e), e, mu1 - mu0)
        if self.final is not None:
            tau, shares = learn(self.final, rows.x, target, fold, jobs=self.jobs), {}
        else:
            assert arms is not None
            tau, shares = mixed(rows.x, target, np.ones(rows.n), fold, arms, self.seed, self.jobs)
        return model_of_arms("DR-learner", rows, fold, tau, (mu0, mu1, raw), self.clip, shares)
