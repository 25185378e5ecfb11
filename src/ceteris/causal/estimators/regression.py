"""Regression adjustment: one regression on treatment and covariates, or one in each arm (IREG).

One regression, Y = α + τD + β'X + ε: τ̂ is the coefficient of D. By Frisch, Waugh and Lovell it is the regression of
what X leaves of Y on what X leaves of D (`ceteris.stats.least_squares.partial_out`). With effects that vary it is a
weighted average of them, with weights proportional to Var(D | X), and not the ATE.

One regression in each arm, the same as D, X - X̄ and their products in a single one:

    τ̂_IREG = α̂_1 - α̂_0 + X̄'(β̂_1 - β̂_0)
    V_IREG = E[r_1²]/π + E[r_0²]/(1 - π) + Var[X'(β_1 - β_0)],   r_w = Y(w) - α_w - X'β_w

X̄ is the mean over everybody (ATE), the treated (ATT) or the untreated (ATU). The last term of V_IREG is there because X̄
is estimated; without it the standard error is that of the effect in this sample (``population=False``), and it is what
the covariance of the single regression leaves out.

In an experiment τ̂_IREG is consistent whatever the true regression is, and never worse than the difference in means in
large samples. How much better is sometimes printed as |β_0|² + |β_1|² in the norm of A = Var X; with π = 1/2 it is

    V_DM - V_IREG = |β_0 + β_1|²_A ≥ 0,   in general |sqrt((1-π)/π) β_1 + sqrt(π/(1-π)) β_0|²_A,   |b|²_A = b'Ab

which is zero for β_1 = -β_0 however much the covariates predict: "strictly more efficient" is too much said.

References
----------
Lin (2013), "Agnostic notes on regression adjustments to experimental data", Annals of Applied Statistics 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.dependence import collinear
from ceteris.causal.estimands import OVERLAP, RANDOM, SUTVA, UNCONFOUNDED, described, pick_estimand
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.stats.least_squares import KINDS, ols
from ceteris.stats.logit import with_constant


@dataclass(frozen=True)
class RegressionAdjustment:
    """The coefficient of the treatment in one least-squares regression on treatment and covariates.

    Parameters
    ----------
    covariance : 'HC0', 'HC1', 'HC2' or 'HC3'
        Correction of the robust standard error for small samples; with clusters it is CR1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 2))
    >>> d = x[:, 0] + rng.normal(size=400)
    >>> estimate = RegressionAdjustment().fit(y=3 * d + x @ [1.0, 2.0] + rng.normal(size=400), d=d, x=x)
    >>> abs(estimate.point - 3) < 3 * estimate.se
    array([ True])
    """

    covariance: str = "HC1"

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Regress y on d and x; d may hold any numbers."""
        one_of("covariance", self.covariance, KINDS)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster)
        rows.refuse_several_treatments("put the others into x")
        fit = ols(np.column_stack([rows.d, with_constant(rows.independent)]), rows.y).only(1)
        about = About(
            "Regression adjustment",
            "The effect of one unit of treatment, the same for everybody (else: averaged by Var(D | X)).",
            "τ in Y = α + τD + X'β + ε",
            (UNCONFOUNDED, "The outcome is linear in treatment and covariates.", SUTVA),
        )
        return Estimate(
            fit.beta, fit.influence(self.covariance), (rows.treatment,), about, rows.clusters,
            by_cluster=fit.by_cluster, by_deletion=fit.by_deletion, nuisances=Nuisances(fitted=rows.y - fit.residuals),
        )  # fmt: skip


@dataclass(frozen=True)
class InteractedRegression:
    """IREG: one least-squares regression in each arm, compared at the mean covariates.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        At whose covariates the two regressions are compared.
    covariance : 'HC0', 'HC1', 'HC2' or 'HC3'
    population : bool
        Count that the mean of the covariates is estimated.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, d = rng.normal(size=(400, 2)), rng.integers(0, 2, 400)
    >>> y = d * (1 + x[:, 0]) + x @ [1.0, 2.0] + rng.normal(size=400)
    >>> estimate = InteractedRegression().fit(y=y, d=d, x=x)
    >>> abs(estimate.point - 1) < 3 * estimate.se
    array([ True])
    """

    estimand: str = "ATE"
    covariance: str = "HC2"
    population: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Regress y on x in each arm, d being 0 or 1."""
        pick_estimand(self.estimand)
        one_of("covariance", self.covariance, KINDS)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True)
        own = {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[self.estimand]
        point, (influence, by_cluster, by_deletion), (mu0, mu1) = interacted(
            rows, own, self.covariance, self.population
        )
        where = "the population" if self.population else "the sample at hand"
        random = f"{RANDOM} Without that: {UNCONFOUNDED[0].lower()}{UNCONFOUNDED[1:]} And linearity in each arm."
        method = "Interacted regression (IREG)"
        about = described(method, self.estimand, [random, OVERLAP, SUTVA], f", in {where}")
        return Estimate(
            np.array([point]), influence[:, None], (self.estimand,), about, rows.clusters,
            checks=(_extrapolation(rows),), by_cluster=by_cluster[:, None], by_deletion=by_deletion[:, None],
            nuisances=Nuisances(mu0=mu0, mu1=mu1),
        )  # fmt: skip


def interacted(
    rows: Rows, own: np.ndarray, kind: str = "HC2", population: bool = True
) -> tuple[float, tuple[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Point, its influence for independent rows, for clusters and for deletion, the fits of both arms; all (n,).

    `own` (n,) says whose mean is taken.
    """
    x = rows.independent
    X = with_constant(x - own @ x / own.sum())  # the constants are the means at the covariates asked for
    kept = [name for j, name in enumerate(rows.names) if j not in rows.collinear]
    points, fits, (influence, plain, deleted) = {}, {}, np.zeros((3, rows.n))
    for arm, sign in ((1, 1.0), (0, -1.0)):
        mine = rows.d == arm
        if mine.sum() <= X.shape[1]:
            raise ValueError(
                f"x names {X.shape[1] - 1} covariates, but only {int(mine.sum())} rows have d = {arm}; each arm needs "
                "more rows than covariates plus one; use fewer."
            )
        try:
            fit = ols(X[mine], rows.y[mine])
        except ValueError as error:
            told = "; ".join(collinear(x[mine], kept).values()) or error
            raise ValueError(f"x: collinear among the rows with d = {arm}; drop a covariate ({told})") from None
        points[arm], fits[arm] = fit.beta[0], X @ fit.beta
        scale, fit = sign * rows.n / mine.sum(), fit.only(1)
        influence[mine] = scale * fit.influence(kind)[:, 0]
        plain[mine] = scale * fit.influence("HC0")[:, 0]
        deleted[mine] = scale * fit.by_deletion[:, 0]
    point = points[1] - points[0]
    moved = own / own.mean() * (fits[1] - fits[0] - point) if population else 0.0
    by_cluster = (plain + moved) * np.sqrt((rows.n - 1) / (rows.n - 2 * X.shape[1]))  # it is a single regression
    return float(point), (influence + moved, by_cluster, deleted + moved), (fits[0], fits[1])


def _extrapolation(rows: Rows) -> Check:
    """Normalised differences of the covariates: beyond a quarter of a standard deviation linearity does the work."""
    if not rows.x.shape[1]:
        return Check("little extrapolation", None, "No covariates given.")
    one, none = rows.x[rows.d == 1], rows.x[rows.d == 0]
    spread = np.sqrt((one.var(axis=0, ddof=1) + none.var(axis=0, ddof=1)) / 2)
    gap = np.abs(one.mean(axis=0) - none.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    j, bar = int(gap.argmax()), 0.25
    sentence = f"The arms differ by at most {gap[j]:.2f} standard deviations, in {rows.names[j]!r}"
    advice = "." if gap[j] <= bar else "; the answer rests on linearity there; compare with weighting or matching."
    return Check("little extrapolation", bool(gap[j] <= bar), sentence + advice, float(gap[j]), bar)
