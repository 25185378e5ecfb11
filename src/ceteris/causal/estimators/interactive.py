"""The interactive model: a binary treatment whose effect may differ with the covariates; AIPW with cross-fitting."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.estimands import OVERLAP, SUTVA, UNCONFOUNDED, described, pick_estimand
from ceteris.causal.learners import default_classifier, default_for, given
from ceteris.causal.nuisances import fit_of, overlap, propensity, refuse_clip, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate, Nuisances

ARMS = {"ATE": (0, 1), "ATT": (0,), "ATU": (1,)}  # where the outcome has to be learnt


@dataclass(frozen=True)
class Interactive:
    """Average effect of a binary treatment by augmented inverse probability weighting with cross-fitting.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of E[Y | D = w, X], fitted in each arm; by default that of ``causal.learners``, which tunes itself
        inside each training fold.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = 1 | X), a classifier; by default that of ``causal.learners``.
    estimand : {"ATE", "ATT", "ATU"}
        Average over everybody, the treated or the untreated.
    normalise : bool
        Scale the inverse probability weights so that they average to one in each arm.
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

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), JASA 89; Hahn (1998), Econometrica 66; Chernozhukov et al. (2018), Econometrics
    Journal 21, section 5.1.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> d = rng.random(400) < 1 / (1 + np.exp(-x[:, 0]))
    >>> y = (1 + x[:, 1]) * d + x[:, 0] + rng.normal(size=400)
    >>> estimate = Interactive(LinearRegression(), LogisticRegression()).fit(y=y, d=d, x=x)
    >>> bool(abs(estimate.point[0] - 1) < 2 * estimate.se[0])
    True
    """

    outcome: Any = None
    treatment: Any = None
    estimand: str = "ATE"
    normalise: bool = False
    clip: float = 0.01
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate the average effect.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : str or array, shape (n,)
            Treatment, 0 or 1.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.
        """
        pick_estimand(self.estimand)
        refuse_clip(self.clip)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True)
        if not rows.x.shape[1]:
            warnings.warn(
                "x: no covariates given, so that nothing is adjusted for and this is a difference in means; name the "
                "confounders, or use DifferenceInMeans in an experiment.",
                stacklevel=2,
            )
        learners = {
            "outcome": given(self.outcome, default_for(rows.y)),
            "treatment": given(self.treatment, default_classifier()),
        }
        refuse_learners(**learners)
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters, stratify=rows.d)
        splits, nuisances = [], []
        for fold in drawn:
            found = self._nuisances(rows, learners, fold)
            # For ATT (ATU) the fit of the treated (controls) cancels from the score, so that any will do.
            mu0, mu1 = (rows.y if mu is None else mu for mu in (found.mu0, found.mu1))
            score = scores.interactive(rows.y, rows.d, mu0, mu1, found.e, self.estimand, self.normalise)
            weights = scores.outcome_weights(rows.d, found.e, self.estimand, self.normalise)
            splits.append(
                assemble.solve([score], [self.estimand], fold, rows.clusters, [weights] if self.small_sample else None)
            )
            nuisances.append(found)
        first = nuisances[0]
        checks = [
            overlap(first.raw, self.clip, rows.x, rows.names),
            fit_of("treatment", rows.d, first.e),
            *(
                fit_of(f"outcome where D = {w}", rows.y, (first.mu0, first.mu1)[w], rows.d == w)
                for w in ARMS[self.estimand]
            ),
        ]
        return assemble.finish(splits, self._about(), nuisances, drawn, checks)

    def _nuisances(self, rows: Rows, learners: dict[str, Any], fold: np.ndarray) -> Nuisances:
        mu0, mu1 = (
            cross_fit(learners["outcome"], rows.x, rows.y, fold, among=rows.d == arm, jobs=self.jobs)
            if arm in ARMS[self.estimand]
            else None
            for arm in (0, 1)
        )
        e, raw = propensity(learners["treatment"], rows.x, rows.d, fold, self.clip, self.jobs)
        return Nuisances(mu0=mu0, mu1=mu1, e=e, raw=raw, normalised=self.normalise)

    def _about(self) -> About:
        weights = ", normalised weights" if self.normalise else ""
        method = f"Augmented inverse probability weighting, cross-fitted{weights}"
        rates = "The product of the errors of the outcome and the propensity vanishes faster than n^(-1/2)."
        return described(method, self.estimand, [SUTVA, UNCONFOUNDED, OVERLAP, rates])
