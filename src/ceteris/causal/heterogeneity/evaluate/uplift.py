"""Cumulative gain, uplift and Qini curves of a ranking, on a randomised experiment.

Among the first k units let T, C be the totals of the outcome in the two arms and N, M their numbers of units. Then, per
unit of the sample of n,

    uplift   T/N - C/M                     effect among the first k
    gain     (T/N - C/M) (N + M) / n       effect times how many they are
    qini     (T - C N/M) / n               the same per treated unit, Radcliffe's curve

The area of gain and qini is the mean over k of the curve less its chord, that of uplift the mean of the curve less its
end. Nothing is divided by anything else, so areas are in units of the outcome and can be compared between samples;
with a treatment that is not random use `rate`, which does the same with doubly robust scores.

Ties are averaged (see `ranking`): outcomes, treated and untreated units of a tie group are spread evenly over it. As
long as the first k are all of one arm, gain and qini count as zero, and uplift is left out of its area.

References
----------
Radcliffe (2007), "Using control groups to target on predicted lift"; Gutierrez and Gérardy (2017), PMLR 67. 004,
section 14.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.heterogeneity.evaluate.curve import Curve
from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, refuse_constant, refuse_treatment, vectors
from ceteris.causal.heterogeneity.evaluate.ranking import half_samples, sorted_rows, tie_means
from ceteris.causal.heterogeneity.evaluate.rate import RANKS_NOBODY, read_shares
from ceteris.results import About, Estimate

KINDS = ("gain", "uplift", "qini")


def cumulative_gain(treated_total: Any, treated_count: Any, control_total: Any, control_count: Any) -> np.ndarray:
    """Cumulative gain of groups of units, the group of highest priority first; shape (groups,).

    Gain(t) = (Σ T_i / Σ N_i - Σ C_i / Σ M_i)(Σ N_i + Σ M_i), sums over the first t groups.

    Parameters
    ----------
    treated_total, control_total : array, shape (groups,)
        Totals of the outcome, T and C. Where a table gives mean outcomes, multiply by the counts first.
    treated_count, control_count : array, shape (groups,)
        Numbers of units, N and M.

    Notes
    -----
    The example is that of 004, section 14.6. It calls the sample one of 100 units in five quantiles, but counts 200,
    and its quantiles are the upper five deciles; the outcomes are totals, as the formula divides them by the counts.
    Were they the rates that they look like, gains would be twenty times as large.

    Examples
    --------
    >>> cumulative_gain([0.9, 0.8, 0.7, 0.6, 0.5], [20] * 5, [0.3, 0.4, 0.5, 0.6, 0.7], [20] * 5).round(10).tolist()
    [1.2, 2.0, 2.4, 2.4, 2.0]
    """
    given = vectors(
        treated_total=treated_total,
        treated_count=treated_count,
        control_total=control_total,
        control_count=control_count,
    )
    T, N, C, M = (np.cumsum(values) for values in given)
    if min(given[1].min(), given[3].min()) < 0 or min(N[0], M[0]) <= 0:
        raise ValueError(
            "treated_count and control_count: the first group has an empty arm, or a count is negative; merge groups "
            "so that both arms have units from the first on."
        )
    return (T / N - C / M) * (N + M)


def gain_curve(
    y: Any,
    d: Any,
    priority: Any,
    kind: str = "gain",
    share: Any = None,
    *,
    cluster: Any = None,
    draws: int = 200,
    seed: int = 0,
) -> Curve:
    """Cumulative gain, uplift or Qini curve, with standard errors from half samples.

    Parameters
    ----------
    y, d, priority : array, shape (n,)
        Outcome, random treatment (0 or 1), and who comes first.
    kind : {"gain", "uplift", "qini"}
    share : array, increasing, in (0, 1], optional
        Where the curve is evaluated; 5 %, 10 %, ..., 100 % by default. Between units it is interpolated.
    cluster : array, shape (n,), optional
        Units that were randomised together.
    draws, seed : int

    Examples
    --------
    >>> gain_curve([4, 1, 2, 2], [1, 0, 1, 0], [4, 3, 2, 1], share=[0.5, 1.0]).value
    array([1.5, 1.5])
    """
    q = read_shares(share)
    columns, group, cluster = _prepared(y, d, priority, kind, cluster)
    statistic = lambda rows: _curve_at(columns[rows], group[rows], kind, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = half_samples(statistic, len(group), cluster, draws, seed)
        return Curve(kind, q, _curve_at(columns, group, kind, q), _spread(drawn))


def gain_area(
    y: Any, d: Any, priority: Any, kind: str = "gain", *, cluster: Any = None, draws: int = 200, seed: int = 0
) -> Estimate:
    """Area between the curve and that of a random order: the Qini coefficient and its like, un-normalised.

    Arguments are those of `gain_curve`; the standard error comes from half samples.

    Examples
    --------
    >>> y, d, priority = [4, 1, 2, 2, 1, 1, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0], [8, 7, 6, 5, 4, 3, 2, 1]
    >>> gain_area(y, d, priority).point.round(4)
    array([0.1576])
    """
    columns, group, cluster = _prepared(y, d, priority, kind, cluster)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = half_samples(lambda rows: _area(columns[rows], group[rows], kind), len(group), cluster, draws, seed)
        point = np.array([_area(columns, group, kind)])
    about = About(f"Area of the {kind} curve", "Mean over k of the curve less that of a random order.")
    return Estimate(point, None, (kind,), about, given=np.array([[_spread(drawn) ** 2]]), rows=len(group))


def _prepared(
    y: Any, d: Any, priority: Any, kind: str, cluster: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return (y d, d, y (1 - d), 1 - d) in the order of the priority, shape (n, 4), tie groups, and clusters."""
    y, d, priority = vectors(y=y, d=d, priority=priority)
    one_of("kind", kind, KINDS)
    refuse_treatment(d)
    refuse_constant("priority", priority, RANKS_NOBODY)
    order, group = sorted_rows(priority)
    labels = clusters_of(cluster, len(y))
    columns = np.stack([y * d, d, y * (1 - d), 1 - d], axis=1)[order]
    return columns, group, labels[0][order] if labels else None


def _curve(columns: np.ndarray, group: np.ndarray, kind: str) -> np.ndarray:
    """The curve after each unit, shape (n,)."""
    T, N, C, M = np.cumsum(tie_means(columns, np.ones(len(group)), group), axis=0).T
    n = len(group)
    if N[-1] == 0 or M[-1] == 0:  # a half sample of one arm
        return np.full(n, np.nan)
    if kind == "uplift":
        values = T / N - C / M
    elif kind == "gain":
        values = (T / N - C / M) * (N + M) / n
    else:
        values = (T - C * N / M) / n
    return np.where((N > 0) & (M > 0), values, np.nan if kind == "uplift" else 0.0)


def _curve_at(columns: np.ndarray, group: np.ndarray, kind: str, q: np.ndarray) -> np.ndarray:
    after = _curve(columns, group, kind)
    before = after[0] if kind == "uplift" else 0.0
    return np.interp(q * len(group), np.arange(len(group) + 1), np.r_[before, after])


def _area(columns: np.ndarray, group: np.ndarray, kind: str) -> float:
    after = _curve(columns, group, kind)
    if kind == "uplift":
        return float(after[np.isfinite(after)].mean() - after[-1]) if np.isfinite(after[-1]) else np.nan
    return float(np.mean(after - after[-1] * np.arange(1, len(group) + 1) / len(group)))


def _spread(drawn: np.ndarray) -> np.ndarray:
    """Standard deviation over the halves in which the curve is defined; nan where less than nine in ten have it."""
    defined = np.isfinite(drawn)
    count = defined.sum(0)
    total = lambda values: np.where(defined, values, 0.0).sum(0)
    variance = total((drawn - total(drawn) / count) ** 2) / (count - 1)
    return np.where(count >= 0.9 * len(drawn), np.sqrt(variance), np.nan)
