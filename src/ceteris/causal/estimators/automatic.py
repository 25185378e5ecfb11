"""Automatic debiasing: the correction term of any linear functional of a regression, learnt rather than derived.

For θ = E m(W, γ), γ(d, x) = E[Y | D = d, X = x], the orthogonal score is

    ψ = m(W, γ) + α(D, X) (Y - γ(D, X)) - θ

with α the Riesz representer of the functional (`ceteris.causal.riesz`, which says what is wrong with the formulas
printed in 004, section 13.4). Both are learnt from the other folds.

References
----------
Chernozhukov, V., Newey, W. K. and Singh, R. (2022). Automatic debiased machine learning of causal and structural
effects. Econometrica 90. Chernozhukov, V., Newey, W., Quintas-Martínez, V. and Syrgkanis, V. (2022). RieszNet and
ForestRiesz. ICML. 004, section 13.4.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal import riesz
from ceteris.causal.assemble import finish, solve
from ceteris.causal.crossfit import read_folds, splits
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.training import Net, learn

BALANCED = 0.1  # standard deviations by which the representer may miss the functional on a term of the dictionary
CONCENTRATED = 0.5  # share of the corrections' squares in one per cent of the rows above which a check fails
DEFAULT_NET = Net()
Parts = dict[str, np.ndarray]


@dataclass(frozen=True)
class AutomaticDebiasing:
    """The average of a linear functional of the regression of y on (d, x), debiased by a learnt Riesz representer.

    Parameters
    ----------
    functional : callable
        ``functional(w, gamma) -> scalar``, m(W, γ) of one row, written in ``jax.numpy``: ``w.d`` and ``w.x`` are the
        treatment and the covariates of the row, ``gamma(d, x)`` is the regression, which may also be differentiated. It
        must be linear in γ. Ready made in `ceteris.causal.riesz`: `AverageEffect`, `AverageDerivative`, `PolicyEffect`,
        `ShiftEffect`.
    outcome : "lasso", "net", or an estimator in the manner of scikit-learn
        How γ is learnt; the last of (d, x) in the columns of a matrix, for functionals that do not differentiate γ.
    representer : {"lasso", "net"}
        How α is learnt: from the dictionary, or by a net that minimises the Riesz loss.
    dictionary : callable, optional
        ``dictionary(d, x) -> (L,)``, the functions b, of which one should be constant; by default `riesz.polynomial`.
    degree : int
        The highest power of a covariate in the default dictionary.
    penalty : float or "cv"
        Of the representer's Lasso: a multiple of the theoretical penalty, or chosen by cross-validation inside each
        fold.
    net : Net
        How nets are built and trained.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds of the cross-fitting, or which fold each row is in (a list has one array for each repeat).
    repeats : int
        How often it is done with other folds; the median is reported.
    seed : int
        Of the draw of folds.
    name : str
        What the estimate is called.

    Examples
    --------
    >>> from ceteris.causal.riesz import AverageEffect
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 2))
    >>> d = (rng.random(500) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    >>> y = (1 + x[:, 1]) * d + x[:, 0] + rng.normal(size=500)
    >>> estimate = AutomaticDebiasing(AverageEffect()).fit(y=y, d=d, x=x)
    >>> bool(abs(estimate.point[0] - 1) < 3 * estimate.se[0])
    True
    """

    functional: Callable[[riesz.W, riesz.Gamma], Any]
    outcome: Any = "lasso"
    representer: str = "lasso"
    dictionary: Callable[[Any, Any], Any] | None = None
    degree: int = 2
    penalty: float | str = "cv"
    net: Net = DEFAULT_NET
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    name: str = "E m(W, γ)"

    def __post_init__(self) -> None:
        one_of("representer", self.representer, ("lasso", "net"))
        learner = hasattr(self.outcome, "fit") and hasattr(self.outcome, "predict")
        if self.outcome not in ("lasso", "net") and not learner:
            raise ValueError(
                f"outcome is {self.outcome!r}, but must be 'lasso', 'net' or an estimator that predicts; give one."
            )
        if self.penalty != "cv" and (isinstance(self.penalty, str) or self.penalty < 0):
            raise ValueError(f"penalty is {self.penalty!r}, but must be 'cv' or a number of at least 0; give one.")

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : str, list of str, or array
            Treatment, or a list of treatments.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.

        Returns
        -------
        Estimate
            ``nuisances.fitted`` holds γ of every row; ``details``, a ``Debiased``, the rest.
        """
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster)
        riesz.refuse_nonlinear(self.functional, rows.d, rows.x)
        basis = self.dictionary or riesz.polynomial(rows.d, rows.x, self.degree)
        b, moments = riesz.terms(self.functional, basis, rows.d, rows.x)
        refuse_terms(b, moments)
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters)
        jobs = [(np.flatnonzero(a), np.flatnonzero(test)) for fold in drawn for a, test in splits(fold)]
        gamma = self._outcomes(rows, b, moments, jobs)
        alpha = self._representers(rows, b, moments, jobs)
        parts = gather(rows.n, len(drawn), jobs, gamma, alpha)
        corrected = [estimate_of(rows, part, self.name, fold) for part, fold in zip(parts, drawn, strict=True)]
        checks = evidence(rows.y, b, moments, parts)
        for check in checks:
            if check.passed is False:
                warnings.warn(f"AutomaticDebiasing: {check.sentence}", RuntimeWarning, stacklevel=2)
        found = finish(corrected, self._about(), [Nuisances(fitted=part["outcome"]) for part in parts], drawn, checks)
        return replace(found, details=Debiased.of(parts))

    def _outcomes(self, rows: Rows, b: np.ndarray, moments: np.ndarray, jobs: Sequence[Any]) -> list[Any]:
        """Return m(W, γ̂) and γ̂(W) at each job's test rows."""
        if self.outcome == "net":
            level, size = float(rows.y.mean()), float(rows.y.std())
            about = riesz.features(rows.d, rows.x, level, size)
            return self._train(riesz.SquaredLoss(about), rows, jobs, 0)
        if self.outcome == "lasso":
            return [
                (moments[test] @ rho, b[test] @ rho) for rho, (_, test) in outcome_lassos(b, rows.y, jobs, self.seed)
            ]
        from sklearn.base import clone

        both = np.concatenate([rows.d.reshape(rows.n, -1), rows.x], axis=1)
        fresh = lambda: cast(Any, clone(self.outcome))
        fitted = [fresh().fit(both[learning], rows.y[learning]) for learning, _ in jobs]
        return [
            riesz.evaluate_learner(self.functional, learner, rows.d[test], rows.x[test])
            for learner, (_, test) in zip(fitted, jobs, strict=True)
        ]

    def _representers(self, rows: Rows, b: np.ndarray, moments: np.ndarray, jobs: Sequence[Any]) -> list[np.ndarray]:
        """Return α̂(W) at each job's test rows."""
        if self.representer == "lasso":
            learnt = [riesz.learn_lasso(b[rows_], moments[rows_], self.penalty, self.seed) for rows_, _ in jobs]
            return [b[test] @ rho for rho, (_, test) in zip(learnt, jobs, strict=True)]
        size = riesz.first_guess(self.functional, rows.d, rows.x)
        about = riesz.features(rows.d, rows.x, 0.0, size)
        found = self._train(riesz.RieszLoss(self.functional, about), rows, jobs, 1)
        return [value for _, value in found]

    def _train(self, objective: Any, rows: Rows, jobs: Sequence[Any], stage: int) -> list[Any]:
        columns = {"d": rows.d, "x": rows.x, "y": rows.y}
        inputs = rows.d.reshape(rows.n, -1).shape[1] + rows.x.shape[1]
        who = ("nets of the outcome", "nets of the representer")[stage]
        learning = [own for own, _ in jobs]
        run = learn(who, self.net, objective, columns, learning, (inputs, 1), self.seed + stage)
        at = [(rows.d[test], rows.x[test]) for _, test in jobs]
        return riesz.evaluate_nets(self.functional, run.model, objective.features, at)

    def _about(self) -> About:
        named = {riesz.AverageEffect: "average effect", riesz.AverageDerivative: "average derivative"}
        what = named.get(type(self.functional), "average of a linear functional of the regression")
        return About(
            f"Automatic debiasing ({self.representer} representer)",
            f"The {what}, E m(W, γ) with γ(d, x) = E[Y | D = d, X = x].",
            "mean of m(W, γ) + α(D, X) (Y - γ(D, X)), γ and α from other folds",
            (
                "For a causal reading: given the covariates the treatment is as good as random.",
                "The functional is continuous: its representer has a finite variance (overlap).",
                "The product of the errors of γ and α vanishes faster than n^(-1/2).",
            ),
        )


@dataclass(frozen=True, eq=False)
class Debiased:
    """What `AutomaticDebiasing` found beside its estimate; in ``Estimate.details``.

    Parameters
    ----------
    moment : array, shape (n,)
        m(W, γ) of every row, out of fold, mean over the splits.
    representer : array, shape (n,)
        α(W) of every row, likewise.
    plug_in : float
        The mean of m(W, γ): the estimate without the correction.
    """

    moment: np.ndarray
    representer: np.ndarray
    plug_in: float

    @classmethod
    def of(cls, splits: Sequence[Parts]) -> Debiased:
        """Sum up what was learnt in each split."""
        moment, representer = (np.mean([part[name] for part in splits], axis=0) for name in ("moment", "representer"))
        return cls(moment, representer, float(np.median([part["moment"].mean() for part in splits])))


# --------------------------------------------------------------------------------------------------- the work


def refuse_terms(b: np.ndarray, moments: np.ndarray) -> None:
    """Raise if the dictionary or the functional gives numbers that are not finite."""
    for what, values in (("dictionary", b), ("functional", moments)):
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{what}: not finite in {bad.sum()} rows, the first of them row {np.flatnonzero(bad)[0]}; every "
                "value must be finite; look for divisions by zero and for logarithms."
            )


def outcome_lassos(b: np.ndarray, y: np.ndarray, jobs: Sequence[Any], seed: int) -> list[tuple[np.ndarray, Any]]:
    """Return the coefficients of y on the dictionary by a cross-validated Lasso in each job's rows, with the job."""
    from sklearn.linear_model import LassoCV
    from sklearn.model_selection import KFold

    found = []
    for job in jobs:
        B = b[job[0]]
        varies = np.ptp(B, axis=0) > 0
        centre, spread = B[:, varies].mean(0), B[:, varies].std(0)
        inner = KFold(5, shuffle=True, random_state=seed)
        lasso = LassoCV(cv=inner, max_iter=20_000, tol=1e-5).fit((B[:, varies] - centre) / spread, y[job[0]])
        rho = np.zeros(b.shape[1])
        rho[varies] = lasso.coef_ / spread
        rest = lasso.intercept_ - centre @ rho[varies]
        constant = np.flatnonzero(~varies & (np.abs(B[0]) > 0))
        if len(constant) == 0:
            raise ValueError(
                "dictionary: no term of it is constant, so that a regression on it has no level; add the function 1."
            )
        rho[constant[0]] = rest / B[0, constant[0]]
        found.append((rho, job))
    return found


def gather(n: int, repeats: int, jobs: Sequence[Any], gamma: Sequence[Any], alpha: Sequence[np.ndarray]) -> list[Parts]:
    """Put the folds of each split together."""
    per = len(jobs) // repeats
    found = []
    for r in range(repeats):
        parts: Parts = {name: np.empty(n) for name in ("moment", "outcome", "representer")}
        for j in range(r * per, (r + 1) * per):
            test = jobs[j][1]
            parts["moment"][test], parts["outcome"][test] = gamma[j]
            parts["representer"][test] = alpha[j]
        if not all(np.isfinite(values).all() for values in parts.values()):
            raise FloatingPointError("functional: it is not finite in some rows; look at where it evaluates gamma.")
        found.append(parts)
    return found


def estimate_of(rows: Rows, parts: Parts, name: str, fold: np.ndarray) -> Estimate:
    """Return the estimate of one split."""
    psi = parts["moment"] + parts["representer"] * (rows.y - parts["outcome"])
    return solve([(-np.ones(rows.n), psi)], (name,), fold, rows.clusters)


def evidence(y: np.ndarray, b: np.ndarray, moments: np.ndarray, splits: Sequence[Parts]) -> tuple[Check, ...]:
    """Return what speaks for and against the estimate."""
    alpha = splits[0]["representer"]
    gaps = moments - alpha[:, None] * b
    spread = np.maximum(gaps.std(0), 1e-12 * (1 + np.abs(moments).max()))
    miss = float(np.max(np.abs(gaps.mean(0)) / spread))
    residual = y - splits[0]["outcome"]
    r2 = float(1 - np.mean(residual**2) / y.var())
    squares = np.sort((alpha * residual) ** 2)[::-1]
    top = float(squares[: max(len(y) // 100, 1)].sum() / max(squares.sum(), 1e-300))
    bar = BALANCED + 3 / np.sqrt(len(y))
    return (
        Check(
            "representer out of fold", bool(miss <= bar),
            f"In other folds the representer misses the functional by at most {miss:.2f} standard deviations on any "
            "term of the dictionary" + ("." if miss <= bar else ": overlap is weak, or it needs more terms or rows."),
            miss, float(bar),
        ),
        Check(
            "outcome out of fold", r2 > 0,
            f"R² of the outcome in other folds is {r2:.2f}"
            + ("." if r2 > 0 else ": no better than the mean; choose another learner of the outcome."), r2, 0.0,
        ),
        Check(
            "corrections spread over rows", top <= CONCENTRATED,
            f"One per cent of the rows carry {top:.0%} of the squared corrections"
            + ("." if top <= CONCENTRATED else ": the estimate hangs on few rows; look at overlap."), top, CONCENTRATED,
        ),
    )  # fmt: skip
