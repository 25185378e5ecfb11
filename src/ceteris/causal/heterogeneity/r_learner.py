"""The R-learner: the effect that explains best what is left of the outcome by what is left of the treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ceteris.causal.heterogeneity.final_stage import default_outcome, default_treatment, mixed
from ceteris.causal.heterogeneity.learned import learn
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, evidence
from ceteris.causal.heterogeneity.shared_net import learn_arms, outcome_of
from ceteris.causal.heterogeneity.stack import combined
from ceteris.causal.learners import weights_argument
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.rows import Rows
from ceteris.results import Nuisances


@dataclass(frozen=True)
class RLearner(AbstractEffectLearner):
    """τ minimises the mean of (Y - m(X) - (D - e(X)) τ(X))², with m = E[Y | X] and e = P(D = 1 | X) out of fold.

    This is a regression of (Y - m)/(D - e) with weights (D - e)². Out of fold the final stage has not seen a row, but
    nuisances of the rows that it has seen did; what that lets through is of second order.

    Parameters
    ----------
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of m and e; by default additive smooth regression and nets, stacked, for m with the two-headed net.
    final : estimator in the manner of scikit-learn whose ``fit`` takes ``sample_weight``, optional
        Learner of τ. By default a smooth effect, a net and the two-headed net are mixed by their loss out of fold; see
        ``ceteris.causal.heterogeneity.final_stage``.
    jobs, clip, folds, seed, bootstrap
        As in ``TLearner``.

    References
    ----------
    Nie and Wager (2021), Biometrika 108; Robinson (1988), Econometrica 56.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from ceteris.data import simulate_nie_wager
    >>> data = simulate_nie_wager("B", 500)
    >>> x = ["x0", "x1", "x2", "x3", "x4", "x5"]
    >>> learner = RLearner(LinearRegression(), LogisticRegression(), LinearRegression())
    >>> model = learner.fit(data, y="y", d="d", x=x)
    >>> bool(np.corrcoef(model.effect(data).point, data["tau"])[0, 1] > 0.9)
    True
    """

    outcome: Any = None
    treatment: Any = None
    final: Any = None
    jobs: int | None = None
    known: ClassVar = ("m", "e")

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        outcome = default_outcome(rows.y, self.seed) if self.outcome is None else self.outcome
        treatment = default_treatment(rows.n, self.seed) if self.treatment is None else self.treatment
        chosen = {"outcome": outcome, "treatment": treatment, "final": self.final}
        refuse_learners(**{role: learner for role, learner in chosen.items() if learner is not None})
        if not (self.final is None or hasattr(self.final, "learn_folds")):
            weights_argument("final", self.final)
        raw = given.e
        if raw is None:
            raw = learn(treatment, rows.x, rows.d, fold, kind="probability", jobs=self.jobs).out_of_fold
        e = np.clip(raw, self.clip, 1 - self.clip)
        ours = self.final is None or (self.outcome is None and given.m is None)
        arms = learn_arms(rows.x, rows.y, rows.d, fold, seed=self.seed) if ours else None
        m = given.m
        if m is None:
            learned = learn(outcome, rows.x, rows.y, fold, jobs=self.jobs)
            if self.outcome is None and arms is not None:
                learned = combined([learned, outcome_of(arms)], rows.y, np.ones(rows.n))
            m = learned.out_of_fold
        v = rows.d - e
        target, weight = (rows.y - m) / v, v**2
        if self.final is not None:
            tau, shares = learn(self.final, rows.x, target, fold, weight=weight, jobs=self.jobs), {}
        else:
            assert arms is not None
            tau, shares = mixed(rows.x, target, weight, fold, arms, self.seed, self.jobs)
        nuisances = Nuisances(m=m, e=e)
        checks = evidence(rows, nuisances, raw, self.clip)
        return EffectModel("R-learner", rows, fold, tau, nuisances, shares=shares, checks=checks)
