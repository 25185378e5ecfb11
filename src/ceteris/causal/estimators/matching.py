"""Matching: every row is compared with its nearest neighbours in the other arm, with replacement.

With J(i) the matches of i, each with weight 1/#J(i), and μ̂_w regressions on the rows used as matches,

    Ŷ_i(D_i) = Y_i,   Ŷ_i(1 - D_i) = Σ_{j in J(i)} [Y_j + μ̂(X_i) - μ̂(X_j)] / #J(i)       (the correction is optional)
    τ̂ = mean of Ŷ_i(1) - Ŷ_i(0) over everybody, the treated or the untreated

With one covariate the bias of plain matching vanishes fast enough; with more it does not, and the correction is needed.
K_i is how often i is used as a match and K'_i the sum of squared weights, σ²_i the variance of the outcome given
covariates and arm, from neighbours in the same arm. The variances of Abadie and Imbens are

    ATE: (1/n²)   Σ { (Ŷ_i(1) - Ŷ_i(0) - τ̂)² + (K_i² + 2K_i - K'_i) σ²_i }
    ATT: (1/n_1²) Σ { D_i (Y_i - Ŷ_i(0) - τ̂)² + (1 - D_i)(K_i² - K'_i) σ²_i }

The bootstrap is not valid here. Matching on an estimated propensity score has a further term: less variance for the
ATE, more or less for the ATT (see `score_correction`).

References
----------
Abadie and Imbens (2006), Econometrica 74; (2011), JBES 29; (2016), Econometrica 84. Iacus, King and Porro (2012),
Political Analysis 20.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import number, one_of, whole
from ceteris.causal.diagnostics import overlap_check, warn_of
from ceteris.causal.estimands import OVERLAP, SUTVA, UNCONFOUNDED, described, pick_estimand
from ceteris.causal.estimators.randomised import stratified
from ceteris.causal.nearest import METRICS, across, whiten, within
from ceteris.causal.propensity import Propensity, fit_propensity, read_with_score, subset
from ceteris.causal.rows import Rows, read_rows, refuse_no_covariates
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.stats.logit import with_constant


@dataclass(frozen=True)
class NearestNeighbours:
    """Matching on the covariates.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        Whose effect is averaged: everybody's, that of the treated, or of the untreated.
    neighbours : int
        Matches of each row, M.
    metric : 'mahalanobis', 'scaled' or 'euclidean'
        Covariates whitened, divided by their standard deviations, or as they are.
    bias_correction : bool
    tie_tolerance : float
        Distances that differ by no more than this from the M-th share its weight. With 0 only exact ties do.
    variance_neighbours : int
        Neighbours in the same arm behind σ²_i.

    Examples
    --------
    >>> y, d = [1.0, 2.0, 3.0, 5.0, 6.0, 8.0], [0, 0, 0, 1, 1, 1]
    >>> x = [[0.0], [1], [2], [0.1], [1.1], [2.1]]
    >>> estimate = NearestNeighbours("ATT", bias_correction=False).fit(y=y, d=d, x=x)
    >>> estimate.point.round(6)
    array([4.333333])
    """

    estimand: str = "ATE"
    neighbours: int = 1
    metric: str = "mahalanobis"
    bias_correction: bool = True
    tie_tolerance: float = 0.0
    variance_neighbours: int = 1

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any) -> Estimate:
        """Estimate the effect."""
        pick_estimand(self.estimand)
        one_of("metric", self.metric, METRICS)
        rows = read_rows(data, y=y, d=d, x=x, binary=True)
        _refuse_settings(rows, self.neighbours, self.tie_tolerance, self.variance_neighbours)
        refuse_no_covariates(rows.x, "name those to match on")
        z = whiten(rows.x, self.metric)
        matches = across(z, rows.d, self.neighbours, self.tie_tolerance)
        imputed = impute(rows, matches, rows.x if self.bias_correction else None)
        near = within(z, rows.d, self.variance_neighbours, self.tie_tolerance)
        noise = local_variance(rows.y, near)
        point, variance = matched_effect(rows, imputed, matches, noise, self.estimand)
        method = f"Matching, {self.neighbours} nearest neighbour{'s' if self.neighbours > 1 else ''}"
        method += ", bias-corrected" if self.bias_correction else ""
        about = described(method, self.estimand, [UNCONFOUNDED, OVERLAP, SUTVA])
        used = np.ones(rows.n, dtype=bool)
        return _finish(rows, used, point, variance, matches, imputed, self.estimand, about)


@dataclass(frozen=True)
class PropensityMatching:
    """Matching on the propensity score, by its log odds.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        Whose effect is averaged: everybody's, that of the treated, or of the untreated.
    neighbours : int
    caliper : float, optional
        Nobody is matched at more than this many standard deviations of the log odds; 0.2 is usual. Rows without a
        match are dropped, which changes the question, and a check says how many.
    tie_tolerance : float
        Log odds that differ by no more than this are ties.
    local : int
        Neighbours behind the correction of the standard error for the estimated score.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 2))
    >>> d = (x[:, 0] + rng.logistic(size=1000) > 0).astype(float)
    >>> estimate = PropensityMatching().fit(y=d + x @ [1.0, 2.0] + rng.normal(size=1000), d=d, x=x)
    >>> abs(estimate.point - 1) < 3 * estimate.se
    array([ True])
    """

    estimand: str = "ATE"
    neighbours: int = 1
    caliper: float | None = None
    tie_tolerance: float = 0.0
    local: int = 2

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, score: Any = None) -> Estimate:
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
        """
        pick_estimand(self.estimand)
        every = read_with_score(data, y=y, d=d, x=x, score=score, cluster=None)
        _refuse_settings(every, self.neighbours, self.tie_tolerance, self.local)
        if self.caliper is not None:
            number("caliper", self.caliper, above=0, such_as=0.2)
        fitted = fit_propensity(every)
        odds = np.log(fitted.e) - np.log1p(-fitted.e)
        reach = np.inf if self.caliper is None else self.caliper * odds.std(ddof=1)
        rows, used = within_reach(every, odds, reach, self.neighbours, self.tie_tolerance, self.estimand)
        z = odds[used][:, None]
        matches = across(z, rows.d, self.neighbours, self.tie_tolerance, reach)
        imputed = impute(rows, matches)
        near = within(z, rows.d, max(self.local - 1, 1), self.tie_tolerance)
        point, variance = matched_effect(rows, imputed, matches, local_variance(rows.y, near), self.estimand)
        checks: tuple[Check, ...] = (overlap_check(fitted.e, every.x, every.names),)
        if fitted.covariance is not None:  # that of the whole sample, also where some have no match within the caliper
            everybody = impute(every, across(odds[:, None], every.d, self.neighbours, self.tie_tolerance))
            extra = score_correction(every, fitted, odds[:, None], everybody, self.estimand, self.local)
            checks += (_corrected(variance, extra),)
            variance += extra if checks[-1].passed else 0.0
        if self.caliper is not None:
            checks += (_dropped(every, used, self.estimand),)
        warn_of(*checks)
        among = ", of those with a match within the caliper" if self.caliper is not None else ""
        method = f"Matching on the propensity score, {self.neighbours} nearest"
        assumptions = [UNCONFOUNDED, OVERLAP, "The score is a logit in the covariates, or known.", SUTVA]
        about = described(method, self.estimand, assumptions, among)
        return _finish(every, used, point, variance, matches, imputed, self.estimand, about, fitted.e, checks)


@dataclass(frozen=True)
class ExactMatching:
    """Comparison within groups of equal covariates, or of equal covariates after coarsening (CEM).

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        Whose effect is averaged: everybody's, that of the treated, or of the untreated.
    bins : int or None
        Cut every covariate with more values than this at as many quantiles; None compares exact values only.

    Examples
    --------
    >>> y, d = [1.0, 2.0, 5.0, 6.0, 0.0, 1.0, 2.0, 3.0, 9.0], [0, 0, 1, 1, 0, 0, 1, 1, 1]
    >>> x = [[1.0]] * 4 + [[2.0]] * 4 + [[3.0]]
    >>> estimate = ExactMatching().fit(y=y, d=d, x=x)
    >>> estimate.point, estimate.checks[0].sentence
    (array([3.]), '1 of 9 rows have nobody like them in the other arm and were dropped.')
    """

    estimand: str = "ATT"
    bins: int | None = None

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any, cluster: Any = None) -> Estimate:
        """Estimate the effect on the rows that have somebody like them in the other arm."""
        pick_estimand(self.estimand)
        if self.bins is not None:
            whole("bins", self.bins, least=2)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True)
        strata = cells(rows.x, self.bins)
        size, treated = np.bincount(strata), np.bincount(strata, rows.d)
        keep = ((treated > 0) & (treated < size))[strata]
        if not keep.any():
            raise ValueError(
                "x: no two rows of different treatment have the same covariates; coarsen with bins=5, or match nearest "
                "neighbours."
            )
        chosen = subset(rows, keep)
        groups = np.unique(strata[keep], return_inverse=True)[1]
        method = "Exact matching" if self.bins is None else f"Coarsened exact matching ({self.bins} bins)"
        among = ", of those with somebody like them in the other arm"
        about = described(method, self.estimand, [UNCONFOUNDED, SUTVA], among)
        estimate = stratified(chosen, groups, chosen.clusters, self.estimand, about=about, single=True)
        dropped = int((~keep).sum())
        sentence = f"{dropped} of {rows.n} rows have nobody like them in the other arm and were dropped"
        passed = dropped <= 0.1 * rows.n or None
        check = Check("matched rows", passed, sentence + ".", dropped / rows.n, 0.1)
        return replace(estimate, checks=(check,), details=Matched(keep))


def impute(rows: Rows, matches: Any, x: np.ndarray | None = None) -> np.ndarray:
    """Outcome of every row without and with treatment, shape (n, 2), corrected by regressions on x if given."""
    other = matches @ rows.y
    if x is not None:
        used = np.asarray(matches.sum(axis=0)).ravel()
        X = with_constant(x - x.mean(axis=0))
        for arm in (0, 1):
            root = np.sqrt(np.where(rows.d == arm, used, 0.0))
            beta = np.linalg.lstsq(root[:, None] * X, root * rows.y, rcond=None)[0]
            line = X @ beta
            other = np.where(rows.d == arm, other, other + line - matches @ line)
    return np.where((rows.d == 1)[:, None], np.stack([other, rows.y], axis=1), np.stack([rows.y, other], axis=1))


def local_variance(y: np.ndarray, near: Any) -> np.ndarray:
    """σ² of each row (n,), from its own neighbours: J/(J + 1) (y - their mean)²; unbiased where the mean is flat."""
    count = np.diff(near.indptr)
    return count / (count + 1) * (y - near @ y) ** 2


def matched_effect(
    rows: Rows, imputed: np.ndarray, matches: Any, noise: np.ndarray, estimand: str = "ATE"
) -> tuple[float, float]:
    """The average of Ŷ(1) - Ŷ(0) and its variance; formulas at the head of this module."""
    effect = imputed[:, 1] - imputed[:, 0]
    own = {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[estimand]
    mine = matches.multiply(own[:, None]).tocsr()  # only matches made for those asked about count
    K = np.asarray(mine.sum(axis=0)).ravel()
    squared = np.asarray(mine.power(2).sum(axis=0)).ravel()
    point = float(own @ effect / own.sum())
    extra = K**2 - squared + (2 * K if estimand == "ATE" else 0.0)
    return point, float((own * (effect - point) ** 2 + extra * noise).sum() / own.sum() ** 2)


def score_correction(
    rows: Rows, fitted: Propensity, z: np.ndarray, imputed: np.ndarray, estimand: str, local: int = 2
) -> float:
    """What an estimated propensity score adds to the variance; negative for the ATE.

    With I the information of the logit, e' = e (1 - e), and covariances of covariates and outcome among `local`
    neighbours by score in each arm,

        ATE: -c'I⁻¹c,  c = Σ (cov_1 / e + cov_0 / (1 - e)) e' / n
        ATT: -c'I⁻¹c + g'I⁻¹g,  c = Σ {x e' (Ŷ(1) - Ŷ(0) - τ) + e' (cov_1 + cov_0 e / (1 - e))} / n_1,
             g = Σ x e' (Ŷ*(1) - Ŷ*(0) - τ) / n_1, with Ŷ* from neighbours by covariates instead of by score

    and the ATU is the ATT of the untreated. Constants scale with I, which is that of the sum over rows.
    """
    d, e, x = rows.d, fitted.e, fitted.x
    if estimand == "ATU":  # turn the treatment round: e becomes 1 - e, and the effect its negative
        d, e, imputed = 1 - d, 1 - e, imputed[:, ::-1]
    rows = replace(rows, d=d)
    slope = e * (1 - e)
    cov = {arm: local_covariance(x, rows.y, z, np.flatnonzero(d == arm), local) for arm in (0, 1)}
    if estimand == "ATE":
        c = (cov[1] * (1 - e)[:, None] + cov[0] * e[:, None]).sum(axis=0) / rows.n
        return -float(c @ fitted.covariance @ c)
    effect = imputed[:, 1] - imputed[:, 0]
    n1, point = d.sum(), d @ effect / d.sum()
    spread = cov[1] * slope[:, None] + cov[0] * (slope * e / (1 - e))[:, None]
    c = ((slope * (effect - point))[:, None] * x + spread).sum(axis=0) / n1
    wide = whiten(x[:, 1:], "mahalanobis")
    beside = impute(rows, across(wide, d, local, 0.0))
    g = (slope * (beside[:, 1] - beside[:, 0] - point)) @ x / n1
    return float(g @ fitted.covariance @ g - c @ fitted.covariance @ c)


def local_covariance(x: np.ndarray, y: np.ndarray, z: np.ndarray, arm: np.ndarray, local: int) -> np.ndarray:
    """Covariances (n, k) of x and y among the `local` rows of an arm that are nearest by z (n, 1) to each row."""
    from scipy.spatial import KDTree

    place = KDTree(z[arm]).query(z, k=min(max(local, 2), len(arm)))[1]
    members = arm[place]
    gap = y[members] - y[members].mean(axis=1, keepdims=True)
    spread = x[members] - x[members].mean(axis=1, keepdims=True)
    return np.einsum("nl,nlk->nk", gap, spread) / (members.shape[1] - 1)


def within_reach(
    rows: Rows, odds: np.ndarray, reach: float, neighbours: int, tolerance: float, estimand: str
) -> tuple[Rows, np.ndarray]:
    """Rows, without those asked about that have no match within the caliper; and which they are, a mask."""
    if np.isinf(reach):
        return rows, np.ones(rows.n, dtype=bool)
    found = np.diff(across(odds[:, None], rows.d, neighbours, tolerance, reach).indptr) > 0
    own = {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[estimand] == 1
    used = found | ~own
    if not (used & own).any():
        raise ValueError("caliper: nobody has a match within it; use a larger one, such as 0.2.")
    return subset(rows, used), used


def cells(x: np.ndarray, bins: int | None) -> np.ndarray:
    """Number of the group of equal (coarsened) covariates of each row, from 0."""
    refuse_no_covariates(x, "name those to match on")
    columns = []
    for column in x.T:
        if bins is not None and len(np.unique(column)) > bins:
            edges = np.unique(np.quantile(column, np.arange(1, bins) / bins))
            column = np.searchsorted(edges, column).astype(float)
        columns.append(column)
    return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].ravel()


def _finish(
    rows: Rows, used: np.ndarray, point: float, variance: float, matches: Any, imputed: np.ndarray, estimand: str,
    about: About, e: np.ndarray | None = None, checks: tuple[Check, ...] = (),
) -> Estimate:  # fmt: skip
    own = {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[estimand][used]
    times = np.asarray(matches.multiply(own[:, None]).sum(axis=0)).ravel()
    weights, outcomes = np.zeros(rows.n), np.full((rows.n, 2), np.nan)
    weights[used] = own + times  # a row counts for itself, and as often as it is a match
    found = np.diff(matches.indptr) > 0
    outcomes[used] = np.where(found[:, None], imputed, np.nan)
    if not variance > 0:
        raise FloatingPointError(f"variance: {variance:.3g} found, which is not positive; match on fewer covariates.")
    pairs = np.flatnonzero(used)[np.stack(matches.nonzero(), axis=1)]
    return Estimate(
        np.array([point]), None, (estimand,), about, given=np.array([[variance]]), checks=checks, rows=rows.n,
        nuisances=Nuisances(e=e, weights=weights), details=Matched(used, outcomes, pairs),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Matched:
    """What matching found beside its estimate; in ``Estimate.details``.

    Parameters
    ----------
    kept : array of bool, shape (n,)
        The rows that were used.
    outcomes : array, shape (n, 2), optional
        Outcome of every row without and with treatment, one of them imputed from its matches.
    pairs : array of int, shape (pairs, 2), optional
        A row and one of its matches, by their places in the data; all matches of a row have the same weight.
    """

    kept: np.ndarray
    outcomes: np.ndarray | None = None
    pairs: np.ndarray | None = None


def _corrected(variance: float, extra: float) -> Check:
    passed = variance + extra > 0
    sentence = (
        "The standard error accounts for the estimated score."
        if passed
        else "The correction for the estimated score exceeds the variance, and was left out; the sample is too small."
    )
    return Check("estimated score", passed, sentence)


def _dropped(rows: Rows, used: np.ndarray, estimand: str) -> Check:
    own = {"ATE": np.ones(rows.n), "ATT": rows.d, "ATU": 1 - rows.d}[estimand] == 1
    share = float((~used & own).sum() / own.sum())
    sentence = f"{share:.1%} of the rows asked about have no match within the caliper and were dropped"
    return Check("matched rows", share <= 0.1, sentence + ("." if share <= 0.1 else "; the effect is on the others."),
                 share, 0.1)  # fmt: skip


def _refuse_settings(rows: Rows, neighbours: int, tolerance: float, local: int) -> None:
    whole("neighbours", neighbours, least=1)
    whole("variance_neighbours", local, least=1)
    least = int(min(rows.d.sum(), rows.n - rows.d.sum()))
    if max(neighbours, local + 1) > least:
        raise ValueError(
            f"neighbours: {neighbours} asked for ({local} for the variance), but the smaller arm has {least} rows; ask "
            "for fewer."
        )
    number("tie_tolerance", tolerance, least=0, such_as=1e-5)
