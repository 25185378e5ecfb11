"""Rank-weighted average effects: how much more those gain who come first in a ranking.

    TOC(q) = E[Γ | among the q of highest priority] - E[Γ]
    AUTOC = ∫ TOC(q) dq,   QINI = ∫ q TOC(q) dq

Γ is a doubly robust score, whose mean is the average effect. In a sample the integrals are means over q = 1/n, ..., 1,
not divided by anything, so they are in units of the outcome; a ranking that knows nothing has zero. AUTOC sees a few
units with large effects better, QINI effects that vary over everybody.

The ranking must come from other rows than the scores: a sample apart, or other folds.

Ties are averaged (see `ranking`). Standard errors come from the influence function, the derivative of the estimate by
the weights of the units, or from half samples.

References
----------
Yadlowsky, Fleming, Shah, Brunskill and Wager (2025), "Evaluating treatment prioritization rules via rank-weighted
average treatment effects", JASA 120.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import LIKELY, one_of
from ceteris.causal.heterogeneity.evaluate.curve import Curve
from ceteris.causal.heterogeneity.evaluate.inputs import (
    clusters_of,
    named,
    refuse_constant,
    same_length,
    vectors,
    weights_of,
)
from ceteris.causal.heterogeneity.evaluate.ranking import half_samples, sorted_rows, tie_means
from ceteris.results import About, Estimate
from ceteris.tables.frames import finite

TARGETS = ("AUTOC", "QINI")
ERRORS = ("influence", "half samples")
RANKS_NOBODY = "it ranks nobody"


def rate(
    scores: Any,
    priority: Any,
    target: str = "AUTOC",
    *,
    weights: Any = None,
    cluster: Any = None,
    error: str = "influence",
    draws: int = 200,
    seed: int = 0,
) -> Estimate:
    """Rank-weighted average effect of one ranking, or of several for comparison.

    Parameters
    ----------
    scores : array, shape (n,)
        Doubly robust scores, such as the ``scores`` of a fitted model.
    priority : array, shape (n,), or mapping or data frame of several by name
        Who comes first; estimated effects, or anything else. ``.contrast([1, -1])`` compares two.
    target : {"AUTOC", "QINI"}
    weights : array, shape (n,), optional
    cluster : array, shape (n,), optional
    error : {"influence", "half samples"}
        Where standard errors come from.
    draws, seed : int
        For half samples.

    Examples
    --------
    >>> rate([3.0, 1.0, 2.0, 0.0], [4, 3, 2, 1]).point.round(4)  # TOC: 1.5, 0.5, 0.5, 0
    array([0.625])
    """
    (scores,) = vectors(scores=scores)
    rankings = named("priority", priority, target)
    for name, ranking in rankings.items():
        role = "priority" if len(rankings) == 1 else f"priority[{name!r}]"
        same_length(scores=scores, **{role: ranking})
        refuse_constant(role, ranking, RANKS_NOBODY)
    one_of("target", target, TARGETS)
    one_of("error", error, ERRORS)
    n = len(scores)
    w, groups = weights_of(weights, n), clusters_of(cluster, n)
    about = About(
        f"Rank-weighted average effect, {target}",
        "Weighted mean over q of the gain of the first q over the average; zero for an uninformed ranking.",
    )
    pairs = [weighted_rank(scores, ranking, w, target) for ranking in rankings.values()]
    point = np.array([value for value, _ in pairs])
    if error == "influence":
        influence = np.stack([phi for _, phi in pairs], axis=1)
        return Estimate(point, influence, tuple(rankings), about, groups)
    columns = [_in_order(scores, ranking, w) for ranking in rankings.values()]

    def statistic(rows: np.ndarray) -> np.ndarray:
        keep = np.zeros(n, dtype=bool)
        keep[rows] = True
        halves = [(keep[order], gamma, w, group) for order, gamma, w, group in columns]
        return np.array([_area(gamma[half], w[half], group[half], target) for half, gamma, w, group in halves])

    drawn = half_samples(statistic, n, groups[0] if groups else None, draws, seed)
    return Estimate(point, None, tuple(rankings), about, given=np.atleast_2d(np.cov(drawn, rowvar=False)), rows=n)


def toc(
    scores: Any,
    priority: Any,
    share: Any = None,
    *,
    weights: Any = None,
    cluster: Any = None,
    draws: int = 200,
    seed: int = 0,
) -> Curve:
    """Gain of the first q over the average, with standard errors from half samples.

    Parameters
    ----------
    share : array, increasing, in (0, 1], optional
        Values of q; 5 %, 10 %, ..., 100 % by default. A unit may be counted in part.
    scores, priority, weights, cluster, draws, seed
        As in `rate`, for one ranking.

    Examples
    --------
    >>> toc([3.0, 1.0, 2.0, 0.0], [4, 3, 2, 1], [0.25, 0.5, 1.0]).value
    array([1.5, 0.5, 0. ])
    """
    scores, priority = vectors(scores=scores, priority=priority)
    refuse_constant("priority", priority, RANKS_NOBODY)
    q = read_shares(share)
    n = len(scores)
    w, groups = weights_of(weights, n), clusters_of(cluster, n)
    order, gamma, weights, group = _in_order(scores, priority, w)
    statistic = lambda rows: _toc_at(gamma[rows], weights[rows], group[rows], q)
    drawn = half_samples(statistic, n, groups[0][order] if groups else None, draws, seed)
    return Curve("TOC", q, _toc_at(gamma, weights, group, q), drawn.std(0, ddof=1))


def weighted_rank(scores: np.ndarray, priority: np.ndarray, w: np.ndarray, target: str) -> tuple[float, np.ndarray]:
    """Return AUTOC or QINI and its influence function, shape (n,), for weights of mean one.

    Notes
    -----
    With A_k = Σ_{j≤k} w_j, C_k = Σ_{j≤k} w_j Γ_j, M_k = C_k/A_k, in the order of the priority and W = A_n, the
    derivatives by w_i, times W, are

        AUTOC   M_i - Σ_k w_k M_k / W + Σ_{k≥i} (w_k/A_k)(Γ_i - M_k) - (Γ_i - M_n)
        QINI    (C_i + Γ_i Σ_{k≥i} w_k - 2 Σ_k w_k C_k / W) / W - (Γ_i - M_n) B - M_n (1 + w_i/W - 2B),

    B = Σ_k w_k A_k / W². Within a tie group the place of a unit is averaged out.
    """
    order, gamma, weights, group = _in_order(scores, priority, w)
    means = tie_means(gamma, weights, group)
    total = weights.sum()
    A, C = np.cumsum(weights), np.cumsum(weights * means)
    M = C / A
    beyond = lambda values: np.cumsum(values[::-1])[::-1]  # Σ over k ≥ i
    ties = lambda values: tie_means(values, weights, group)
    if target == "AUTOC":
        value = weights @ M / total - M[-1]
        phi = ties(M - beyond(weights / A * M)) + gamma * ties(beyond(weights / A))
        phi += -weights @ M / total - (gamma - M[-1])
    else:
        B = weights @ A / total**2
        value = weights @ C / total**2 - M[-1] * B
        phi = (ties(C) + gamma * ties(beyond(weights)) - 2 * weights @ C / total) / total
        phi += -(gamma - M[-1]) * B - M[-1] * (1 + weights / total - 2 * B)
    influence = np.empty_like(phi)
    influence[order] = phi * weights
    return float(value), influence


def read_shares(share: Any) -> np.ndarray:
    """Return the grid of shares; 5 %, 10 %, ..., 100 % by default."""
    if share is None:
        return np.arange(1, 21) / 20
    (q,) = vectors(share=share)
    if (np.diff(q) <= 0).any():
        raise ValueError("share must increase from one value to the next, but does not; sort it.")
    return finite("share", q, within=LIKELY)


def _in_order(scores: np.ndarray, priority: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, ...]:
    order, group = sorted_rows(priority)
    return order, scores[order], w[order], group


def _area(gamma: np.ndarray, w: np.ndarray, group: np.ndarray, target: str) -> float:
    A, C = np.cumsum(w), np.cumsum(w * tie_means(gamma, w, group))
    gain = C / A - C[-1] / A[-1]
    return float(w @ (gain if target == "AUTOC" else gain * A / A[-1]) / A[-1])


def _toc_at(gamma: np.ndarray, w: np.ndarray, group: np.ndarray, q: np.ndarray) -> np.ndarray:
    A, C = np.cumsum(w), np.cumsum(w * tie_means(gamma, w, group))
    at = q * A[-1]
    return np.interp(at, np.r_[0, A], np.r_[0, C]) / at - C[-1] / A[-1]
