"""The interactive model with a binary instrument: the local average treatment effect."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.learners import default_classifier, default_for, given
from ceteris.causal.nuisances import first_stage, fit_of, overlap, propensity, refuse_clip, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate, Nuisances


@dataclass(frozen=True)
class InteractiveIV:
    """Average effect on the compliers: those whom a binary instrument moves to take a binary treatment.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of E[Y | Z = w, X]; by default that of ``causal.learners``.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = 1 | Z = w, X); by default that of ``causal.learners``.
    instrument : estimator in the manner of scikit-learn, optional
        Learner of P(Z = 1 | X); by default that of ``causal.learners``.
    always_takers : bool
        Whether some take the treatment without the instrument; if not, the treatment without it is known.
    never_takers : bool
        Whether some do not take the treatment with the instrument; if not, the treatment with it is known.
    normalise : bool
        Scale the weights so that they average to one in each arm of the instrument.
    clip : float
        P(Z = 1 | X) and its complement are kept from falling below clip; the share that is not is reported.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds of the cross-fitting, or which fold each row is in (a list has one array for each repeat);
        balanced by instrument and treatment.
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
    Imbens and Angrist (1994), Econometrica 62; Tan (2006), JASA 101; Chernozhukov et al. (2018), Econometrics Journal
    21, section 5.2.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> x, z, complier = rng.normal(size=1000), rng.integers(0, 2, 1000), rng.random(1000) < 0.7
    >>> d = np.where(complier, z, 0)
    >>> y = 2.0 * d + complier + x + rng.normal(size=1000)
    >>> logit = LogisticRegression()
    >>> estimate = InteractiveIV(LinearRegression(), logit, logit, always_takers=False).fit(y=y, d=d, x=x, z=z)
    >>> bool(abs(estimate.point[0] - 2) < 2 * estimate.se[0])
    True
    """

    outcome: Any = None
    treatment: Any = None
    instrument: Any = None
    always_takers: bool = True
    never_takers: bool = True
    normalise: bool = False
    clip: float = 0.01
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, z: Any, cluster: Any = None) -> Estimate:
        """Estimate the effect.

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
        z : str or array, shape (n,)
            Instrument, 0 or 1.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.
        """
        refuse_clip(self.clip)
        rows = read_rows(data, y=y, d=d, x=x, z=z, cluster=cluster, binary=True)
        z_values = _binary_instrument(rows)
        always, never = self._subgroups(rows.d, z_values)
        learners = {
            "outcome": given(self.outcome, default_for(rows.y)),
            "treatment": given(self.treatment, default_classifier()),
            "instrument": given(self.instrument, default_classifier()),
        }
        refuse_learners(**learners)
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters, stratify=2 * z_values + rows.d)
        splits, nuisances, strengths = [], [], []
        for fold in drawn:
            found = self._nuisances(rows, z_values, learners, fold, (always, never))
            parts = (*found.arms.T, *found.takers.T, found.h)
            score = scores.late(rows.y, rows.d, z_values, *parts, normalise=self.normalise)
            weights = scores.outcome_weights(z_values, found.h, normalise=self.normalise)
            splits.append(
                assemble.solve([score], ["LATE"], fold, rows.clusters, [weights] if self.small_sample else None)
            )
            moved = assemble.solve([(-np.ones(rows.n), -score[0])], ["first stage"], fold, rows.clusters)
            strengths.append(float((moved.point[0] / moved.se[0]) ** 2))
            nuisances.append(found)
        first = nuisances[0]
        checks = [
            first_stage(float(np.median(strengths))),
            overlap(first.raw, self.clip, rows.x, rows.names, "instrument"),
            fit_of("outcome where Z = 0", rows.y, first.arms[:, 0], z_values == 0),
            fit_of("outcome where Z = 1", rows.y, first.arms[:, 1], z_values == 1),
        ]
        return assemble.finish(splits, self._about(), nuisances, drawn, checks)

    def _subgroups(self, d: np.ndarray, z: np.ndarray) -> tuple[bool, bool]:
        always, never = d[z == 0].any(), not d[z == 1].all()
        for there, allowed, who in (
            (always, self.always_takers, "always_takers"),
            (never, self.never_takers, "never_takers"),
        ):
            if there and not allowed:
                raise ValueError(f"{who} is False, but the data hold some; leave it at True.")
        return bool(always), bool(never)

    def _nuisances(
        self, rows: Rows, z: np.ndarray, learners: dict[str, Any], fold: np.ndarray, takers: tuple[bool, bool]
    ) -> Nuisances:
        outcome, treatment = [], []
        for w in (0, 1):
            arm = z == w
            outcome.append(cross_fit(learners["outcome"], rows.x, rows.y, fold, among=arm, jobs=self.jobs))
            treatment.append(
                cross_fit(learners["treatment"], rows.x, rows.d, fold, among=arm, kind="probability", jobs=self.jobs)
                if takers[w]
                else np.full(rows.n, float(w))
            )
        h, raw = propensity(learners["instrument"], rows.x, z, fold, self.clip, self.jobs)
        arms, takes = np.stack(outcome, axis=1), np.stack(treatment, axis=1)
        return Nuisances(h=h, raw=raw, arms=arms, takers=takes, normalised=self.normalise)

    def _about(self) -> About:
        return About(
            "Interactive model with a binary instrument, cross-fitted",
            "The average effect on the compliers: those who take the treatment because of the instrument.",
            "θ = E[Y(1) - Y(0) | D(Z = 1) > D(Z = 0)]",
            (
                "Given the covariates, the instrument is as good as random and affects the outcome through the "
                "treatment only.",
                "The instrument moves some into treatment and nobody out of it (monotonicity).",
                "Overlap: at every value of the covariates both values of the instrument occur.",
            ),
        )


def _binary_instrument(rows: Rows) -> np.ndarray:
    z = rows.z
    if z is None or z.ndim == 2 or not np.array_equal(np.unique(z), [0, 1]):
        raise ValueError(
            "z: the instrument must be one column of both 0 and 1; recode it, or use PartiallyLinearIV for others."
        )
    if min(z.sum(), len(z) - z.sum()) < 2:
        raise ValueError("z: only one row has one of the values of the instrument; two at least are needed.")
    if rows.d[z == 1].mean() == rows.d[z == 0].mean():
        warnings.warn(
            "z: the treatment is as frequent with the instrument as without it; there is no first stage.", stacklevel=3
        )
    return z
