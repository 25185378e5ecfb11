"""The X-learner: what each unit's outcome would have been in the other arm, and regressions of the differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.crossfit import Function
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
    outcome : estimator in the manner of scikit-learn, optional
        Learner of μ_w, as in ``TLearner``.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = 1 | X), as in ``TLearner``.
    final : estimator in the manner of scikit-learn, optional
        Learner of τ₀ and τ₁; by default that of the outcome, or additive smooth regression.
    jobs : int, optional
        Folds fitted at once.
    clip : float
        Propensities are kept within [clip, 1 - clip]; the share that is not is reported.
    folds : int or array
        Folds, balanced by the treatment, or their numbers.
    seed : int
        Decides folds and everything else that is random.
    bootstrap : int
        Samples that everything is learnt from again, for standard errors; 200 are usual.

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
    both = Crossed(propensity.predict, tau0.predict, tau1.predict, clip)
    return Learned(both.weigh(propensity.out_of_fold, tau0.out_of_fold, tau1.out_of_fold), both)


@dataclass(frozen=True, eq=False)
class Crossed:
    """e τ₀ + (1 - e) τ₁, the propensity kept within [clip, 1 - clip]."""

    e: Function
    tau0: Function
    tau1: Function
    clip: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.weigh(self.e(x), self.tau0(x), self.tau1(x))

    def weigh(self, e: np.ndarray, without: np.ndarray, treated: np.ndarray) -> np.ndarray:
        """Weigh values of the two effects, shape (rows,) each."""
        e = np.clip(e, self.clip, 1 - self.clip)
        return e * without + (1 - e) * treated
