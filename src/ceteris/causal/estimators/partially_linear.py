"""The partially linear model: Y = θD + g(X) + ε, D = m(X) + v, by cross-fitted orthogonal scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.estimands import UNCONFOUNDED
from ceteris.causal.learners import default_classifier, default_regressor, given
from ceteris.causal.nuisances import fit_of, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate, Nuisances

PARTIALLING_OUT, IV_TYPE = "partialling out", "IV-type"


@dataclass(frozen=True)
class PartiallyLinear:
    """Effect of a treatment that enters linearly, with covariates that enter in any way.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of l(X) = E[Y|X]; by default that of ``causal.learners``, which tunes itself inside each training fold.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of m(X) = E[D|X]; a classifier is asked for probabilities. By default that of ``causal.learners``.
    residual : estimator, optional
        Learner of g(X) = E[Y - θD | X] for the IV-type score; by default as ``outcome``.
    score : {"partialling out", "IV-type"}
        Residual on residual, or the treatment's residual as an instrument.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds, or which fold each row is in (a list has one array for each repeat).
    repeats : int
        Independent splits, of which the median is reported.
    seed : int
        Of the folds.
    jobs : int, optional
        Folds fitted at once; see ``cross_fit``.
    small_sample : bool
        Standard errors of the jackknife and Student's t with the effective number of rows as degrees of freedom (see
        ``stats.small_sample``); False gives the uncorrected ones and the normal distribution, as other software has
        it. Rows in clusters have standard errors of their own, CR1.

    Notes
    -----
    With several treatments each is estimated in turn, the others being among its covariates, and all have one joint
    covariance.

    References
    ----------
    Robinson (1988), Econometrica 56; Chernozhukov et al. (2018), Econometrics Journal 21, section 4.1.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 2))
    >>> d = x[:, 0] + rng.normal(size=200)
    >>> y = 0.5 * d + x[:, 0] + rng.normal(size=200)
    >>> PartiallyLinear(LinearRegression(), LinearRegression()).fit(y=y, d=d, x=x).point.round(2)
    array([0.44])
    """

    outcome: Any = None
    treatment: Any = None
    residual: Any = None
    score: str = PARTIALLING_OUT
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate θ.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : str, list of str, or array
            Treatment, or several, each of which is estimated with the others among the covariates.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.
        """
        one_of("score", self.score, (PARTIALLING_OUT, IV_TYPE))
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster)
        binary = bool(np.isin(rows.d, (0, 1)).all())
        outcome = given(self.outcome, default_regressor())
        treatment = given(self.treatment, default_classifier() if binary else default_regressor())
        learners = {"outcome": outcome, "treatment": treatment, "residual": given(self.residual, outcome)}
        refuse_learners(**learners)
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters)
        names, parts = treatments(rows, d)
        splits, nuisances, checks = [], [], []
        for fold in drawn:
            fitted = [_nuisances(one, learners, self.score, fold, self.jobs) for one in parts]
            each = [_score(one, found, self.score) for one, found in zip(parts, fitted, strict=True)]
            weights = [one.d - found.e for one, found in zip(parts, fitted, strict=True)]
            splits.append(assemble.solve(each, names, fold, rows.clusters, weights if self.small_sample else None))
            nuisances.append(_side_by_side(fitted))
        for name, one, found in zip(names, parts, fitted, strict=True):
            checks.append(fit_of(f"treatment {name!r}", one.d, found.e))
        checks.insert(0, fit_of("outcome", rows.y, fitted[0].m))
        return assemble.finish(splits, self._about(), nuisances, drawn, checks)

    def _about(self) -> About:
        return About(
            f"Partially linear model, {self.score} score, cross-fitted",
            "By how much the outcome changes per unit of the treatment, the covariates held fixed.",
            "Y = θD + g(X) + ε, E[ε | D, X] = 0; D = m(X) + v, E[v | X] = 0",
            (
                UNCONFOUNDED,
                "The effect is the same at every value of the covariates and of the treatment; otherwise θ is an "
                "average weighted by the variance of the treatment given the covariates.",
                "Some variation of the treatment is left given the covariates.",
                "Both nuisances are learnt at a rate faster than n^(-1/4), or one of them fast enough to make up.",
            ),
        )


def treatments(rows: Rows, given: Any) -> tuple[list[str], list[Rows]]:
    """One problem for each treatment, the other treatments being among its covariates."""
    if rows.d.ndim == 1:
        return [rows.treatment], [rows]
    m = rows.d.shape[1]
    names = [str(name) for name in given] if isinstance(given, list | tuple) and isinstance(given[0], str) else None
    names = names or [f"d{j}" for j in range(m)]
    others = [[k for k in range(m) if k != j] for j in range(m)]
    return names, [
        replace(rows, d=rows.d[:, j], x=np.column_stack([rows.x, rows.d[:, rest]]), treatment=names[j])
        for j, rest in enumerate(others)
    ]


def _nuisances(rows: Rows, learners: dict[str, Any], score: str, fold: np.ndarray, jobs: int | None) -> Nuisances:
    m = cross_fit(learners["outcome"], rows.x, rows.y, fold, jobs=jobs)
    e = cross_fit(learners["treatment"], rows.x, rows.d, fold, jobs=jobs)
    if score != IV_TYPE:
        return Nuisances(m=m, e=e)
    a, b = scores.partialling_out(rows.y, rows.d, m, e)
    start = -b.mean() / a.mean()
    residual = cross_fit(learners["residual"], rows.x, rows.y - start * rows.d, fold, jobs=jobs)
    return Nuisances(m=m, e=e, residual=residual)


def _score(rows: Rows, found: Nuisances, score: str) -> scores.Score:
    if score == IV_TYPE:
        return scores.iv_type(rows.y, rows.d, found.residual, found.e)
    return scores.partialling_out(rows.y, rows.d, found.m, found.e)


def _side_by_side(fitted: list[Nuisances]) -> Nuisances:
    """Those of several treatments as one, a column for each."""
    if len(fitted) == 1:
        return fitted[0]
    columns: dict[str, Any] = {
        name: np.stack([getattr(found, name) for found in fitted], axis=1) for name in fitted[0].known
    }
    return Nuisances(**columns)
