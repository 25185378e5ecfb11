"""Average potential outcomes of a treatment with several values, and the effects between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.estimands import OVERLAP, SUTVA, UNCONFOUNDED
from ceteris.causal.learners import default_classifier, default_for, given
from ceteris.causal.nuisances import fit_of, overlap, propensity, refuse_clip, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate, Nuisances


@dataclass(frozen=True)
class AveragePotentialOutcomes:
    """Mean outcome if everybody had level w of the treatment, for each level, with their joint covariance.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of E[Y | D = w, X], one fit a level; by default that of ``causal.learners``.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = w | X), one fit a level; by default that of ``causal.learners``.
    normalise : bool
        Scale the inverse probability weights so that they average to one for each level.
    clip : float
        Propensities are kept within [clip, 1 - clip]; the share that is not is reported.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds of the cross-fitting, or which fold each row is in (a list has one array for each repeat);
        balanced by the treatment.
    repeats : int
        How often it is done with other folds; the median is reported.
    seed : int
        Of the draw of folds.
    jobs : int, optional
        Folds fitted at once; None leaves it to ``joblib.parallel_config``.
    small_sample : bool
        Whether standard errors are those of the jackknife, with Student's t; see ``PartiallyLinear``.

    Notes
    -----
    The effect of one level against another is a contrast of the result: ``estimate.contrast([-1, 1])``.

    References
    ----------
    Cattaneo (2010), Journal of Econometrics 155; Farrell, Liang and Misra (2021), Econometrica 89.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(600, 1))
    >>> dose = rng.choice(["none", "one", "two"], size=600)
    >>> y = x[:, 0] + (dose == "one") + 3 * (dose == "two") + rng.normal(size=600)
    >>> estimate = AveragePotentialOutcomes(LinearRegression(), LogisticRegression()).fit(y=y, d=dose, x=x)
    >>> estimate.names, estimate.contrast([[-1, 1, 0], [-1, 0, 1]]).point.round(1)
    (('none', 'one', 'two'), array([1., 3.]))
    """

    outcome: Any = None
    treatment: Any = None
    normalise: bool = False
    clip: float = 0.01
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate the mean of each potential outcome.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : str or array, shape (n,)
            Treatment, a category.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.
        """
        refuse_clip(self.clip)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, levels=True)
        learners = {
            "outcome": given(self.outcome, default_for(rows.y)),
            "treatment": given(self.treatment, default_classifier()),
        }
        refuse_learners(**learners)
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters, stratify=rows.d)
        names = [str(level) for level in rows.levels]
        splits, nuisances = [], []
        for fold in drawn:
            found = self._nuisances(rows, learners, fold)
            each = [
                scores.potential_outcome(rows.y, rows.d == w, found.arms[:, w], found.e[:, w], self.normalise)
                for w in range(len(names))
            ]
            splits.append(assemble.solve(each, names, fold, rows.clusters, self._weights(rows, found)))
            nuisances.append(found)
        checks = []
        for w, name in enumerate(names):
            checks += [
                overlap(nuisances[0].raw[:, w], self.clip, rows.x, rows.names, f"level {name!r}"),
                fit_of(f"outcome of level {name!r}", rows.y, nuisances[0].arms[:, w], rows.d == w),
            ]
        return assemble.finish(splits, self._about(), nuisances, drawn, checks)

    def _weights(self, rows: Rows, found: Nuisances) -> list[np.ndarray] | None:
        if not self.small_sample:
            return None
        one, zero = np.ones(rows.n), np.zeros(rows.n)
        return [
            scores.potential_outcome(one, rows.d == w, zero, found.e[:, w], self.normalise)[1]
            for w in range(len(rows.levels))
        ]

    def _nuisances(self, rows: Rows, learners: dict[str, Any], fold: np.ndarray) -> Nuisances:
        found = []
        for w in range(len(rows.levels)):
            arm = rows.d == w
            e, raw = propensity(learners["treatment"], rows.x, arm.astype(float), fold, self.clip, self.jobs)
            found.append((e, raw, cross_fit(learners["outcome"], rows.x, rows.y, fold, among=arm, jobs=self.jobs)))
        e, raw, arms = (np.stack(columns, axis=1) for columns in zip(*found, strict=True))
        return Nuisances(e=e, raw=raw, arms=arms, normalised=self.normalise)

    def _about(self) -> About:
        return About(
            "Average potential outcomes, augmented inverse probability weighting, cross-fitted",
            "The mean outcome if everybody had the level of the treatment in question.",
            "θ_w = E[Y(w)]",
            (
                SUTVA,
                UNCONFOUNDED,
                OVERLAP,
                "The product of the errors of the outcome and the propensity vanishes faster than n^(-1/2).",
            ),
        )
