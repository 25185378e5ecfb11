"""The partially linear model with instruments: Y = θD + g(X) + ε, E[ε | X, Z] = 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.estimators.partially_linear import IV_TYPE, PARTIALLING_OUT
from ceteris.causal.learners import default_for, given
from ceteris.causal.nuisances import f_statistic, first_stage, fit_of, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate, Nuisances


@dataclass(frozen=True)
class PartiallyLinearIV:
    """Effect of a treatment that enters linearly, identified by instruments.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of E[Y|X]; by default that of ``causal.learners``.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of E[D|X]; by default that of ``causal.learners``.
    instrument : estimator in the manner of scikit-learn, optional
        Learner of E[Z|X]; by default that of ``causal.learners``.
    residual : estimator, optional
        Learner of E[Y - θD | X] for the IV-type score; by default as ``outcome``.
    score : {"partialling out", "IV-type"}
        The latter is for one instrument.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds of the cross-fitting, or which fold each row is in (a list has one array for each repeat).
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
    Chernozhukov et al. (2018), Econometrics Journal 21, section 4.2.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> x, z, hidden = rng.normal(size=(3, 500))
    >>> d = z + x + hidden
    >>> y = 2 * d + x + hidden + rng.normal(size=500)
    >>> ols = LinearRegression()
    >>> PartiallyLinearIV(ols, ols, ols).fit(y=y, d=d, x=x, z=z).point.round(1)
    array([2.1])
    """

    outcome: Any = None
    treatment: Any = None
    instrument: Any = None
    residual: Any = None
    score: str = PARTIALLING_OUT
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, z: Any, cluster: Any = None) -> Estimate:
        """Estimate θ.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : str or array, shape (n,)
            Treatment.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        z : str, list of str, or array
            Instruments, one or more.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.
        """
        one_of("score", self.score, (PARTIALLING_OUT, IV_TYPE))
        rows = read_rows(data, y=y, d=d, x=x, z=z, cluster=cluster)
        rows.refuse_several_treatments("estimate them one by one")
        assert rows.z is not None
        z_columns = rows.z.reshape(rows.n, -1)
        if (np.ptp(z_columns, axis=0) == 0).any():
            raise ValueError("z: an instrument is the same in every row; drop it, or choose one that varies.")
        if self.score == IV_TYPE and z_columns.shape[1] > 1:
            raise ValueError(
                f"score: 'IV-type' given with {z_columns.shape[1]} instruments; it allows one; use 'partialling out'."
            )
        learners = self._learners(rows, z_columns)
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters)
        splits, nuisances = [], []
        for fold in drawn:
            found = self._nuisances(rows, z_columns, learners, fold)
            v = _instrument(rows.d - found.e, z_columns - found.h)
            weights = [v] if self.small_sample else None
            score = self._score(rows, found, v)
            splits.append(assemble.solve([score], [rows.treatment], fold, rows.clusters, weights))
            nuisances.append(found)
        first = nuisances[0]
        checks = [
            first_stage(f_statistic(rows.d - first.e, z_columns - first.h, rows.clusters)),
            fit_of("outcome", rows.y, first.m),
            fit_of("treatment", rows.d, first.e),
        ]
        return assemble.finish(splits, self._about(), nuisances, drawn, checks)

    def _learners(self, rows: Rows, z: np.ndarray) -> dict[str, Any]:
        outcome = given(self.outcome, default_for(rows.y))
        learners = {
            "outcome": outcome,
            "treatment": given(self.treatment, default_for(rows.d)),
            "instrument": given(self.instrument, default_for(z)),
            "residual": given(self.residual, given(self.outcome, default_for(None))),
        }
        refuse_learners(**learners)
        return learners

    def _nuisances(self, rows: Rows, z: np.ndarray, learners: dict[str, Any], fold: np.ndarray) -> Nuisances:
        m = cross_fit(learners["outcome"], rows.x, rows.y, fold, jobs=self.jobs)
        e = cross_fit(learners["treatment"], rows.x, rows.d, fold, jobs=self.jobs)
        h = [cross_fit(learners["instrument"], rows.x, column, fold, jobs=self.jobs) for column in z.T]
        found = Nuisances(m=m, e=e, h=np.stack(h, axis=1))
        if self.score != IV_TYPE:
            return found
        a, b = scores.instrumented(rows.y, rows.d, m, e, z[:, 0] - h[0])
        start = -b.mean() / a.mean()
        residual = cross_fit(learners["residual"], rows.x, rows.y - start * rows.d, fold, jobs=self.jobs)
        return replace(found, residual=residual)

    def _score(self, rows: Rows, found: Nuisances, v: np.ndarray) -> scores.Score:
        if self.score == IV_TYPE:
            return scores.instrumented(rows.y, rows.d, found.residual, np.zeros(rows.n), v)
        return scores.instrumented(rows.y, rows.d, found.m, found.e, v)

    def _about(self) -> About:
        return About(
            f"Partially linear model with instruments, {self.score} score, cross-fitted",
            "By how much the outcome changes per unit of the treatment, the covariates held fixed.",
            "Y = θD + g(X) + ε, E[ε | X, Z] = 0",
            (
                "Given the covariates, the instruments are as good as random and affect the outcome through the "
                "treatment only.",
                "The instruments move the treatment.",
                "The effect is the same at every value of the covariates and of the treatment.",
            ),
        )


def _instrument(d_left: np.ndarray, z_left: np.ndarray) -> np.ndarray:
    """What is left of the instrument, or of what several together say of the treatment; shape (n,)."""
    return scores.projected(d_left, z_left) if z_left.shape[1] > 1 else z_left[:, 0]
