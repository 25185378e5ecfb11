"""Rosenbaum's bounds: how much hidden bias in who is treated within matched pairs a conclusion survives.

If an unmeasured covariate makes the odds of treatment within a pair differ by at most Γ ≥ 1, the chance that the
treated one has the larger outcome, were there no effect, is between 1/(1 + Γ) and p = Γ/(1 + Γ). Wilcoxon's
signed-rank statistic T = Σ ranks of |difference| where the difference is positive is then, at worst, a sum with

    E T = p Σ q_i,   Var T = p (1 - p) Σ q_i²,   q_i the ranks (ties averaged)

Pairs without a difference take part in the ranking and then count for nothing, as in the reference. Γ = 1 is Wilcoxon's
test with Pratt's treatment of zeros. Pairs must not share rows: `pairs` matches without replacement.

References
----------
Rosenbaum (2002), Observational Studies, ch. 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import number, one_of, probability
from ceteris.causal import figures
from ceteris.causal.nearest import METRICS, whiten
from ceteris.results import Check, Section, Table
from ceteris.tables.frames import finite


def pairs(x: np.ndarray, d: np.ndarray, metric: str = "mahalanobis") -> tuple[np.ndarray, np.ndarray]:
    """Match each row of the smaller arm to another one, without replacement, at the least total distance.

    Returns
    -------
    treated, control : arrays of int, shape (pairs,)

    Examples
    --------
    >>> pairs(np.array([[0.0], [1.0], [0.9], [5.0]]), np.array([1, 1, 0, 0]), "euclidean")
    (array([0, 1]), array([2, 3]))
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    one_of("metric", metric, METRICS)
    one, none = np.flatnonzero(np.asarray(d) == 1), np.flatnonzero(np.asarray(d) == 0)
    if len(one) * len(none) > 10**8:
        raise ValueError(
            f"d has {len(one):,} treated and {len(none):,} control rows, but at most 1e8 distances are compared; match "
            "on a sample of the controls."
        )
    z = whiten(np.asarray(x, dtype=float), metric)
    i, j = linear_sum_assignment(cdist(z[one], z[none]))
    return one[i], none[j]


def signed_rank_bounds(differences: np.ndarray, gamma: float = 1.0) -> tuple[float, float]:
    """Smallest and largest one-sided p-value of no effect against a positive one, under hidden bias up to gamma.

    Examples
    --------
    >>> low, high = signed_rank_bounds(np.arange(1.0, 21.0), gamma=1.0)
    >>> low == high, round(low, 6)
    (True, 4.4e-05)
    """
    from scipy import stats

    number("gamma", gamma, least=1, such_as=1.5)
    v = finite("differences", differences)
    if (v != 0).sum() < 10:
        raise ValueError(
            f"differences holds {(v != 0).sum()} that are not zero, but must hold ten at least; give more pairs."
        )
    q = stats.rankdata(np.abs(v)) * (v != 0)
    T = q[v > 0].sum()
    found = []
    for p in (1 / (1 + gamma), gamma / (1 + gamma)):
        found.append(float(stats.norm.sf((T - p * q.sum()) / np.sqrt(p * (1 - p) * (q**2).sum()))))
    return found[0], found[1]


def critical_gamma(differences: np.ndarray, level: float = 0.95, most: float = 100.0) -> float:
    """Hidden bias up to which a positive effect is significant; 1 if it is not even without, `most` if it always is."""
    from scipy.optimize import brentq

    probability("level", level)
    gap = lambda gamma: signed_rank_bounds(differences, gamma)[1] - (1 - level)
    if gap(1.0) >= 0:
        return 1.0
    root: Any = brentq(gap, 1.0, most) if gap(most) > 0 else most
    return float(root)


def hidden_bias(differences: np.ndarray, gammas: Any = (1.0, 1.25, 1.5, 2.0, 3.0), level: float = 0.95) -> Section:
    """Bounds of the p-value by Γ, and the Γ at which the conclusion falls.

    Parameters
    ----------
    differences : array, shape (pairs,)
        Outcome of the treated minus that of its control; turn the sign for a negative effect.
    gammas : sequence of float
    level : float
        Confidence level of the one-sided test.
    """
    import pandas as pd

    rows = [
        {"Γ": g, **dict(zip(("p, least", "p, most"), signed_rank_bounds(differences, g), strict=True))} for g in gammas
    ]
    limit, alpha = critical_gamma(differences, level), 1 - level
    table = Table("p-values under hidden bias", pd.DataFrame(rows), "Wilcoxon's signed-rank test, one-sided.")
    passed = limit > 1
    sentence = (
        f"The effect stays significant at {alpha:g} until hidden bias multiplies the odds of treatment by {limit:.2f}."
        if passed
        else f"The effect is not significant at {alpha:g} even without hidden bias."
    )
    check = Check("significant without hidden bias", passed, sentence, limit, 1.0)
    figure = figures.line(table.frame, "Γ", "p, most", "Largest p-value by hidden bias", alpha)
    return Section("Hidden bias (Rosenbaum)", "", (table,), (figure,), (check,))
