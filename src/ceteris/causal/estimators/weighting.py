"""Inverse probability weighting, and stratification on the propensity score.

    Horvitz-Thompson   τ̂ = (1/n) Σ [D Y / ê - (1 - D) Y / (1 - ê)]
    normalised         τ̂ = Σ D Y / ê ÷ Σ D / ê  -  Σ (1 - D) Y / (1 - ê) ÷ Σ (1 - D) / (1 - ê)

For the ATT the weights are 1 and ê/(1 - ê), for the ATU (1 - ê)/ê and 1. The standard errors account for the estimated
score: the moments of the logit and of the means are stacked (see `ceteris.causal.estimators.balancing`). With the ATE
that makes them smaller: an estimated score is better than the true one.

Trimming drops rows with scores outside [α, 1 - α], which changes the question; winsorising caps the scores there, which
keeps the question and accepts some bias.

Stratification on the score cuts the sample at quantiles of ê and averages the differences in means within strata; for
the sharp edges there is no such expansion, and the standard error is from the bootstrap, which fits the score again.

References
----------
Hirano, Imbens and Ridder (2003), Econometrica 71. Lunceford and Davidian (2004), Statistics in Medicine 23. Crump,
Hotz, Imbens and Mitnik (2009), Biometrika 96.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import number, whole
from ceteris.causal.diagnostics import overlap_check, warn_of
from ceteris.causal.estimands import described, pick_estimand
from ceteris.causal.estimators.balancing import ASSUMPTIONS, compare, score_weights, weighted_means
from ceteris.causal.estimators.randomised import within_strata
from ceteris.causal.propensity import Propensity, fit_propensity, read_with_score, subset, trimmed
from ceteris.causal.rows import Rows
from ceteris.results import Check, Estimate, Nuisances


@dataclass(frozen=True)
class InverseProbabilityWeighting:
    """Weighted means of the two arms, each row by the inverse probability of the treatment it got.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        Whose effect is averaged: everybody's, that of the treated, or of the untreated.
    normalised : bool
        Divide by the sum of the weights instead of the number of rows.
    trim : float
        Drop rows with scores outside [trim, 1 - trim] and fit the score again.
    winsorise : float
        Cap scores at winsorise and 1 - winsorise.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 2))
    >>> d = (x[:, 0] + rng.logistic(size=1000) > 0).astype(float)
    >>> y = d + x @ [1.0, 2.0] + rng.normal(size=1000)
    >>> estimate = InverseProbabilityWeighting().fit(y=y, d=d, x=x)
    >>> abs(estimate.point - 1) < 3 * estimate.se
    array([ True])
    """

    estimand: str = "ATE"
    normalised: bool = True
    trim: float = 0.0
    winsorise: float = 0.0

    def fit(
        self, data: Any = None, *, y: Any, d: Any, x: Any = None, score: Any = None, cluster: Any = None
    ) -> Estimate:
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
            Covariates of the score.
        score : str or array, shape (n,), optional
            A propensity score that is known; without it a logit on ``x`` is fitted.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in; standard errors are robust to them.
        """
        pick_estimand(self.estimand)
        number("winsorise", self.winsorise, least=0, below=0.5)
        every = read_with_score(data, y=y, d=d, x=x, score=score, cluster=cluster)
        rows, keep = trimmed(every, self.trim)
        fitted = fit_propensity(rows)
        point, influence, weights, inside = inverse_weighted(
            rows, fitted, self.estimand, self.normalised, self.winsorise
        )
        among = f", among rows with a score from {self.trim:g} to {1 - self.trim:g}" if self.trim else ""
        method = "Inverse probability weighting" + (", normalised" if self.normalised else "")
        about = described(method, self.estimand, ASSUMPTIONS, among)
        checks = (overlap_check(fitted.e, rows.x, rows.names),)
        warn_of(*checks)
        if self.winsorise:
            checks += (_capped(inside),)
        return compare(
            rows, point, influence, weights, fitted.e, self.estimand, about, every, keep, checks, self.normalised
        )


@dataclass(frozen=True)
class ScoreStratification:
    """Differences in means within quantile groups of the propensity score, averaged.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        Whose effect is averaged: everybody's, that of the treated, or of the untreated.
    strata : int
        Five take out about nine tenths of the bias, and intervals cover too seldom for what is left; more take out
        more, as long as each has both treatments.
    draws : int
        Bootstrap samples (of rows, or of clusters) behind the standard error.
    seed : int
        Of these samples.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 2))
    >>> d = (x[:, 0] + rng.logistic(size=1000) > 0).astype(float)
    >>> estimate = ScoreStratification(strata=10, draws=50).fit(y=d + x @ [1.0, 2.0], d=d, x=x)
    >>> abs(estimate.point - 1) < 3 * estimate.se
    array([ True])
    """

    estimand: str = "ATE"
    strata: int = 10
    draws: int = 200
    seed: int = 0

    def fit(
        self, data: Any = None, *, y: Any, d: Any, x: Any = None, score: Any = None, cluster: Any = None
    ) -> Estimate:
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
            Covariates of the score.
        score : str or array, shape (n,), optional
            A propensity score that is known; without it a logit on ``x`` is fitted.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in; standard errors are robust to them.
        """
        pick_estimand(self.estimand)
        whole("strata", self.strata, least=2)
        whole("draws", self.draws, least=20)
        rows = read_with_score(data, y=y, d=d, x=x, score=score, cluster=cluster)
        rows.refuse_two_sets("the bootstrap of ScoreStratification draws clusters of one")
        fitted = fit_propensity(rows)
        groups = quantile_groups(fitted.e, self.strata)
        _refuse_empty(groups, rows.d)
        point = between_groups(rows, groups, self.estimand)
        values, failed = self._bootstrap(rows)
        checks: tuple[Check, ...] = (overlap_check(fitted.e, rows.x, rows.names),)
        warn_of(*checks)
        if failed:
            sentence = f"{failed} of {self.draws} bootstrap samples had a stratum with one treatment only, or no score"
            checks += (Check("bootstrap", failed <= 0.05 * self.draws, f"{sentence}; use fewer strata."),)
        method = f"Stratification on the propensity score ({self.strata} strata)"
        return Estimate(
            np.array([point]), None, (self.estimand,), described(method, self.estimand, ASSUMPTIONS), rows.clusters,
            given=np.array([[np.var(values, ddof=1)]]), checks=checks, rows=rows.n, nuisances=Nuisances(e=fitted.e),
            details=Strata(groups),
        )  # fmt: skip

    def _bootstrap(self, rows: Rows) -> tuple[np.ndarray, int]:
        """Estimates on samples drawn again, and in how many of them there was none."""
        rng, values = np.random.default_rng(self.seed), []
        for _ in range(self.draws):
            again = subset(rows, draw_again(rows, rng))
            try:
                groups = quantile_groups(fit_propensity(again).e, self.strata)
                _refuse_empty(groups, again.d)
            except (ValueError, RuntimeError):
                continue
            values.append(between_groups(again, groups, self.estimand))
        if len(values) < self.draws / 2:
            raise ValueError(
                f"strata is {self.strata}, but in {self.draws - len(values)} of {self.draws} bootstrap samples one "
                "had a single treatment; use fewer."
            )
        return np.array(values), self.draws - len(values)


@dataclass(frozen=True, eq=False)
class Strata:
    """What stratification found beside its estimate; in ``Estimate.details``.

    Parameters
    ----------
    strata : array of int, shape (n,)
        The group of each row by its propensity score, from 0.
    """

    strata: np.ndarray


def inverse_weighted(
    rows: Rows, fitted: Propensity, estimand: str, normalised: bool = True, winsorise: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Means of both arms (2,), their influence (n, 2), the weights (n,), and which scores were not capped (n,)."""
    e = np.clip(fitted.e, winsorise, 1 - winsorise) if winsorise else fitted.e
    inside = e == fitted.e
    weights, slope = score_weights(e, rows.d, estimand)
    slope = np.where(inside, slope, 0.0)  # a capped score does not move with the coefficients
    total = None if normalised else {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[estimand]
    point, influence = weighted_means(rows.y, rows.d, weights, slope, fitted, total)
    return point, influence, weights, inside


def quantile_groups(e: np.ndarray, strata: int) -> np.ndarray:
    """Group (n,) of each score, from 0, cut at quantiles.

    Examples
    --------
    >>> quantile_groups(np.array([0.1, 0.4, 0.2, 0.3]), 2)
    array([0, 1, 0, 1])
    """
    edges = np.unique(np.quantile(e, np.arange(1, strata) / strata))
    return np.unique(np.searchsorted(edges, e, side="left"), return_inverse=True)[1]


def between_groups(rows: Rows, groups: np.ndarray, estimand: str) -> float:
    """Average of the differences in means within groups, weighted by the people asked about."""
    effect, _, _ = within_strata(rows.y, rows.d, groups)
    treated, size = np.bincount(groups, rows.d), np.bincount(groups)
    share = {"ATE": size, "ATT": treated, "ATU": size - treated}[estimand]
    return float(share @ effect / share.sum())


def draw_again(rows: Rows, rng: np.random.Generator) -> np.ndarray:
    """Numbers of rows drawn with replacement: rows, or whole clusters."""
    if not rows.clusters:
        return rng.integers(0, rows.n, rows.n)
    order = np.argsort(rows.clusters[0], kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(rows.clusters[0][order])) + 1)
    return np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])


def _refuse_empty(groups: np.ndarray, d: np.ndarray) -> None:
    size, treated = np.bincount(groups), np.bincount(groups, d)
    for none, who in ((treated == 0, "treated"), (treated == size, "control")):
        if none.any():
            raise ValueError(
                f"strata: group {int(none.argmax()) + 1} of {len(size)} by the propensity score has no {who} row; use "
                "fewer strata, or drop the rows without overlap and say so."
            )


def _capped(inside: np.ndarray) -> Check:
    share = float(1 - inside.mean())
    return Check("few capped scores", share <= 0.05, f"{share:.1%} of the scores were capped.", share, 0.05)
