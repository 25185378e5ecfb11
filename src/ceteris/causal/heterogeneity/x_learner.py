"""The X-learner: what each unit's outcome would have been in the other arm, and regressions of the differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.learned import Learned, learn
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, model_of_arms
from ceteris.causal.heterogeneity.shared_net import out_of_fold
from ceteris.causal.heterogeneity.t_learner import separate_arms
from ceteris.causal.learners import default_regressor
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.rows import Rows
from ceteris.results import Nuisances


@dataclass(frozen=True)
class XLearner(AbstractEffectLearner):
    """τ(x) = e(x) τ₀(x) + (1 - e(x)) τ₁(x), with regressions in each arm of imputed effects.

    τ₁ is the regression of Y - μ₀(X) among the treated, τ₀ that of μ₁(X) - Y among the others. Where few are treated,
    e is small and μ₀, which was learnt from many, makes τ₁ the better one: the weights are sometimes printed the other
    way round, e for τ₁, which trusts the worse. With ordinary least squares it equals the T-learner.

    The outcome that is imputed to a row comes from the other arm, so from other rows, but out of fold only in part;
    scores and averages use outcomes that are wholly out of fold.

    Parameters
    ----------
    outcome, treatment : estimator in the manner of scikit-learn, optional
        As in ``TLearner``.
    final : estimator in the manner of scikit-learn, optional
        Learner of τ₀ and τ₁; by default that of the outcome, or additive smooth regression.
    jobs, clip, folds, seed, bootstrap
        As in ``TLearner``.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), PNAS 116.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from ceteris.data import simulate_nie_wager
    >>> data = simulate_nie_wager("B", 500)
    >>> x = ["x0", "x1", "x2", "x3", "x4", "x5"]
    >>> model = XLearner(LinearRegression(), LogisticRegression()).fit(data, y="y", d="d", x=x)
    >>> bool(np.corrcoef(model.effect(data).point, data["tau"])[0, 1] > 0.9)
    True
    """

    outcome: Any = None
    treatment: Any = None
    final: Any = None
    jobs: int | None = None

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        arms = separate_arms(self, rows, fold)
        imputed = np.where(rows.d == 1, rows.y - arms.mu0.predict(rows.x), arms.mu1.predict(rows.x) - rows.y)
        learners = (self.final, self.outcome, default_regressor())
        final = next(learner for learner in learners if learner is not None)
        refuse_learners(final=final)
        tau0, tau1 = (learn(final, rows.x, imputed, fold, among=rows.d == w, jobs=self.jobs) for w in (0, 1))
        tau = _weighted(tau0, tau1, arms.e, self.clip)
        return model_of_arms("X-learner", rows, fold, tau, out_of_fold(arms), self.clip)


def _weighted(tau0: Learned, tau1: Learned, propensity: Learned, clip: float) -> Learned:
    def weigh(e: np.ndarray, without: np.ndarray, treated: np.ndarray) -> np.ndarray:
        e = np.clip(e, clip, 1 - clip)
        return e * without + (1 - e) * treated

    return Learned(
        weigh(propensity.out_of_fold, tau0.out_of_fold, tau1.out_of_fold),
        lambda at: weigh(propensity.predict(at), tau0.predict(at), tau1.predict(at)),
    )
