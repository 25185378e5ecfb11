"""Experiments: the difference in means, within strata, and between clusters that were assigned as a whole.

Difference in means, with Ȳ_w and n_w the mean and the size of arm w:

    τ̂ = Ȳ_1 - Ȳ_0,   V̂ = (n / n_1²) Σ_{D=1} (Y - Ȳ_1)² + (n / n_0²) Σ_{D=0} (Y - Ȳ_0)²,   se = sqrt(V̂ / n)

V̂ is the plug-in variance; it estimates Var Y(0) / (1 - π) + Var Y(1) / π. With "neyman" the sums are divided by
n_w (n_w - 1), which is unbiased for a sample from a large population, and on average too large for the sample at hand.

Strata s (blocks of a design, or groups with the same covariates), with weights q_s = n_s/n, n_1s/n_1 or n_0s/n_0 for
the effect on everybody, on the treated and on the untreated:

    τ̂ = Σ_s q_s (Ȳ_1s - Ȳ_0s),   Var τ̂ = Σ_s q_s² (S²_1s / n_1s + S²_0s / n_0s)   for the sample at hand

Formulas for strata are sometimes printed with σ_1²(x)/e(x) + σ_0²(x)/(1 - e(x)) alone: that is the variance given the
covariates, of the effect in this sample. The effect in the population that the sample comes from needs Var τ(X) / n on
top, and the same holds of the efficiency bound; ``population=True`` adds it.

References
----------
Neyman (1923); Imbens and Rubin (2015), "Causal inference for statistics, social, and biomedical sciences", ch. 6-10.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.estimands import RANDOM, SUTVA, described, pick_estimand
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate
from ceteris.stats.covariance import clustered
from ceteris.stats.deletion import without_leverage

VARIANCES = ("plug-in", "neyman")


@dataclass(frozen=True)
class DifferenceInMeans:
    """Mean outcome of the treated minus mean outcome of the others, in an experiment.

    Parameters
    ----------
    variance : 'plug-in' or 'neyman'
        Sums of squares divided by n_w², or by n_w (n_w - 1).

    Examples
    --------
    >>> estimate = DifferenceInMeans().fit(y=[1.0, 3.0, 6.0, 8.0], d=[0, 0, 1, 1])
    >>> estimate.point, estimate.se.round(6)
    (array([5.]), array([1.]))
    """

    variance: str = "plug-in"

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate the average effect; `x` is not used, and `cluster` makes the standard error robust to clusters."""
        one_of("variance", self.variance, VARIANCES)
        rows = read_rows(data, y=y, d=d, cluster=cluster, binary=True)
        point, influence = arm_difference(rows.y, rows.d, self.variance)
        about = described("Difference in means", "ATE", [RANDOM, SUTVA])
        _, plain = arm_difference(rows.y, rows.d)
        by_cluster = plain[:, None] * np.sqrt((rows.n - 1) / (rows.n - 2))  # a regression on a constant and d
        size = np.where(rows.d == 1, rows.d.sum(), rows.n - rows.d.sum())
        return Estimate(
            np.array([point]), influence[:, None], ("ATE",), about, rows.clusters, by_cluster=by_cluster,
            by_deletion=without_leverage(plain, 1 / size)[:, None],
        )  # fmt: skip


@dataclass(frozen=True)
class Stratified:
    """Differences in means within strata, averaged: blocked and paired experiments, or groups of equal covariates.

    Parameters
    ----------
    estimand : 'ATE', 'ATT' or 'ATU'
        Whose strata are averaged over.
    population : bool
        Add the variance of the effects between strata: for the population the sample comes from, instead of the sample.

    Examples
    --------
    >>> y, d = [1.0, 2.0, 5.0, 6.0, 0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> estimate = Stratified(population=False).fit(y=y, d=d, strata=["a"] * 4 + ["b"] * 4)
    >>> estimate.point, estimate.se.round(6)
    (array([3.]), array([0.5]))
    """

    estimand: str = "ATE"
    population: bool = True

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None, strata: Any) -> Estimate:
        """Estimate the average effect.

        Parameters
        ----------
        data : data frame, optional
        y, d, strata : name or array
            Outcome, treatment (0 or 1), and the stratum of each row, a label of any kind. A design in which every
            stratum is a pair, one treated and one not, is recognised.
        cluster : name or array, optional
            What the standard error is robust to.
        """
        pick_estimand(self.estimand)
        rows = read_rows(data, y=y, d=d, cluster=cluster, strata=strata, binary=True)
        assert rows.strata is not None
        return stratified(rows, rows.strata, rows.clusters, self.estimand, self.population)


@dataclass(frozen=True)
class ClusterRandomised:
    """An experiment that assigned whole clusters (schools, villages): difference in means with t quantiles.

    Parameters
    ----------
    weight : 'unit' or 'cluster'
        The average over units, or over clusters with equal weight whatever their size.

    Examples
    --------
    >>> y, d, school = [1.0, 3.0, 2.0, 4.0, 7.0, 9.0, 5.0, 7.0], [0, 0, 0, 0, 1, 1, 1, 1], list("aabbccdd")
    >>> estimate = ClusterRandomised().fit(y=y, d=d, cluster=school)
    >>> estimate.point, estimate.dof
    (array([4.5]), 2.0)
    """

    weight: str = "unit"

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any) -> Estimate:
        """Estimate the average effect; the treatment must not vary within clusters."""
        one_of("weight", self.weight, ("unit", "cluster"))
        rows = read_rows(data, y=y, d=d, cluster=cluster, binary=True)
        if len(rows.clusters) != 1:
            raise ValueError(
                f"cluster names {len(rows.clusters)} sets, but must name one; give what was assigned as a whole."
            )
        point, influence, variance = cluster_difference(rows.y, rows.d, rows.clusters[0], self.weight)
        G = len(np.unique(rows.clusters[0]))
        over = "units" if self.weight == "unit" else "clusters with equal weight"
        assumptions = ["Clusters were assigned at random, each as a whole.", SUTVA]
        about = replace(
            described("Difference in means, cluster-randomised", "ATE", assumptions, f", averaged over {over}"),
            standard_errors="Neyman's, of clusters: in each arm variances times G/(G - 1) of its own clusters.",
        )
        return Estimate(
            np.array([point]), influence[:, None], ("ATE",), about, rows.clusters, given=np.array([[variance]]),
            dof=float(G - 2),
        )  # fmt: skip


def arm_difference(y: np.ndarray, d: np.ndarray, variance: str = "plug-in") -> tuple[float, np.ndarray]:
    """Difference in means, and the influence (n,) of each row on it.

    Examples
    --------
    >>> point, influence = arm_difference(np.array([1.0, 3.0, 6.0, 8.0]), np.array([0, 0, 1, 1]))
    >>> point, influence
    (5.0, array([ 2., -2., -2.,  2.]))
    """
    n, n1 = len(d), d.sum()
    mean = {1: y[d == 1].mean(), 0: y[d == 0].mean()}
    size = np.where(d == 1, n1, n - n1)
    residual = np.where(d == 1, y - mean[1], mean[0] - y)
    fix = np.sqrt(size / (size - 1)) if variance == "neyman" else 1.0
    return float(mean[1] - mean[0]), n / size * residual * fix


def stratified(
    rows: Rows,
    strata: np.ndarray,
    clusters: tuple[np.ndarray, ...] = (),
    estimand: str = "ATE",
    population: bool = True,
    about: About | None = None,
    single: bool = False,
) -> Estimate:
    """Average of the differences within strata (n,), numbered from 0; also what exact matching needs.

    Where every stratum is a pair, or with ``single`` where some stratum has one treated or one control row only, the
    noise shows in the differences between strata alone, and the standard error is clustered by stratum.
    """
    n = rows.n
    size, treated = np.bincount(strata), np.bincount(strata, rows.d)
    _refuse_one_armed(size, treated)
    effect, influence, plain = within_strata(rows.y, rows.d, strata)
    share = {"ATE": size, "ATT": treated, "ATU": size - treated}[estimand].astype(float)
    share /= share.sum()
    point = float(share @ effect)
    own = {"ATE": np.ones(n), "ATT": rows.d, "ATU": 1 - rows.d}[estimand]
    between = own / own.mean() * (effect - point)[strata]
    few = np.minimum(treated, size - treated) < 2
    if bool((size == 2).all()) or (single and few.any()):
        if len(size) < 2:
            raise ValueError("strata: one given, with a single row in an arm; no variance can be computed; give more.")
        influence, by_cluster, by_deletion, clusters = between, None, None, clusters or (strata,)
    else:
        _refuse_single(few)
        per = (n * share / size)[strata]
        moved = between if population else 0.0
        freedom = n - 2 * len(size)  # of the regression on a constant and d in every stratum
        by_cluster = (plain * per + moved)[:, None] * np.sqrt((n - 1) / freedom)
        influence = influence * per + moved
        arm = 2 * strata + rows.d.astype(int)
        by_deletion = (without_leverage(plain * per, 1 / np.bincount(arm)[arm]) + moved)[:, None]
    where = "the population" if population else "the sample at hand"
    assumptions = ["Within every stratum treatment is as good as random.", SUTVA]
    about = about or described("Differences within strata", estimand, assumptions, f", in {where}")
    return Estimate(
        np.array([point]), influence[:, None], (estimand,), about, clusters, by_cluster=by_cluster,
        by_deletion=by_deletion,
    )  # fmt: skip


def within_strata(y: np.ndarray, d: np.ndarray, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effects by stratum (S,), and the influence (n,) of each row on that of its own, with Neyman's correction and not.

    Examples
    --------
    >>> effect, influence, _ = within_strata(np.array([1.0, 3, 6, 8]), np.array([0.0, 0, 1, 1]), np.zeros(4, int))
    >>> effect, influence.round(6)
    (array([5.]), array([ 2.828427, -2.828427, -2.828427,  2.828427]))
    """
    arm = 2 * strata + d.astype(int)
    cells = 2 * (strata.max() + 1)
    count = np.bincount(arm, minlength=cells)
    mean = np.bincount(arm, y, minlength=cells) / count
    fix = np.sqrt(count / np.maximum(count - 1, 1))
    sign = np.where(d == 1, 1.0, -1.0)
    plain = sign * (y - mean[arm]) * np.bincount(strata)[strata] / count[arm]
    return mean[1::2] - mean[::2], plain * fix[arm], plain


def cluster_difference(
    y: np.ndarray, d: np.ndarray, cluster: np.ndarray, weight: str = "unit"
) -> tuple[float, np.ndarray, float]:
    """Difference between arms of clusters: point, influence (n,) to be added up by cluster, and Neyman's variance."""
    labels, first, place = np.unique(cluster, return_index=True, return_inverse=True)
    arm = d[first]
    mixed = np.flatnonzero(d != arm[place])
    if len(mixed):
        raise ValueError(
            f"d: the treatment varies within cluster number {labels[place[mixed[0]]]}; ClusterRandomised needs whole "
            "clusters; use Stratified with the clusters as strata, or DifferenceInMeans with cluster=."
        )
    G, G1 = len(labels), int(arm.sum())
    if min(G1, G - G1) < 2:
        raise ValueError(
            f"cluster: {G1} treated and {G - G1} control clusters were found, but there must be two of each; add some."
        )
    w = np.ones(len(y)) if weight == "unit" else 1 / np.bincount(place)[place]
    mean = {a: np.average(y[d == a], weights=w[d == a]) for a in (0, 1)}
    total = np.where(d == 1, w[d == 1].sum(), w[d == 0].sum())
    residual = np.where(d == 1, y - mean[1], mean[0] - y)
    influence = len(y) * w / total * residual
    fix = np.where(d == 1, G1 / (G1 - 1), (G - G1) / (G - G1 - 1)) ** 0.5
    return float(mean[1] - mean[0]), influence, float(clustered((influence * fix)[:, None], place)[0, 0])


def _refuse_one_armed(size: np.ndarray, treated: np.ndarray) -> None:
    for missing, who in ((treated == 0, "treated"), (treated == size, "control")):
        if missing.any():
            raise ValueError(
                f"strata: {int(missing.sum())} of {len(size)} have no {who} row, the first being number "
                f"{int(missing.argmax())}; merge strata, or drop theirs and say so."
            )


def _refuse_single(few: np.ndarray) -> None:
    if few.any():
        raise ValueError(
            f"strata: {int(few.sum())} of {len(few)} have a single treated or a single control row, the first being "
            f"number {int(few.argmax())}, so that no variance can be computed; merge strata."
        )
