"""The S-learner: one regression of the outcome on covariates and treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.final_stage import default_outcome, default_treatment
from ceteris.causal.heterogeneity.learned import Learned, learn
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, model_of_arms
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.rows import Rows
from ceteris.results import Nuisances


@dataclass(frozen=True)
class SLearner(AbstractEffectLearner):
    """τ(x) = μ(x, 1) - μ(x, 0) with one regression μ(x, d) = E[Y | X = x, D = d].

    With ordinary least squares the effect is the treatment's coefficient, at every x. A learner that shrinks may drop
    the treatment altogether.

    Parameters
    ----------
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of μ(x, d), the treatment being the last column, and of P(D = 1 | X), which the scores need. By default
        additive smooth regression and nets, stacked.
    jobs, clip, folds, seed, bootstrap
        As in ``TLearner``.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), PNAS 116.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from ceteris.data import simulate_nie_wager
    >>> data = simulate_nie_wager("C", 500)
    >>> x = ["x0", "x1", "x2", "x3", "x4", "x5"]
    >>> model = SLearner(LinearRegression(), LogisticRegression()).fit(data, y="y", d="d", x=x)
    >>> bool(np.ptp(model.effect(data).point) < 1e-10)
    True
    """

    outcome: Any = None
    treatment: Any = None
    jobs: int | None = None

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        outcome = default_outcome(rows.y, self.seed) if self.outcome is None else self.outcome
        treatment = default_treatment(rows.n, self.seed) if self.treatment is None else self.treatment
        refuse_learners(outcome=outcome, treatment=treatment)
        # Every row twice, without and with treatment; only the half that was observed is learnt from.
        both = np.concatenate([_with(rows.x, 0), _with(rows.x, 1)])
        twice = lambda values: np.concatenate([values, values])
        among = np.concatenate([rows.d == 0, rows.d == 1])
        mu = learn(outcome, both, twice(rows.y), twice(fold), among=among, jobs=self.jobs)
        mu0, mu1 = np.split(mu.out_of_fold, 2)
        tau = Learned(mu1 - mu0, lambda at: mu.predict(_with(at, 1)) - mu.predict(_with(at, 0)))
        raw = learn(treatment, rows.x, rows.d, fold, kind="probability", jobs=self.jobs).out_of_fold
        return model_of_arms("S-learner", rows, fold, tau, (mu0, mu1, raw), self.clip)


def _with(x: np.ndarray, d: int) -> np.ndarray:
    return np.column_stack([x, np.full(len(x), float(d))])
