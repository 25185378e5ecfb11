"""From scores to an estimate: the root, its influence function, clusters, repeated splits.

The root is pooled over folds, θ̂ = -Σ ψ_b / Σ ψ_a. With clusters, each fold counts by its number of clusters (pairs of
clusters, with two sets), so that θ̂ = -Σ_k (Σ_{i in k} ψ_b) / c_k over the same of ψ_a.

Standard errors of clusters are CR1, whose factor is G/(G - 1) here.

Over repeated splits the estimate is the median, and the standard error is read from the median of the upper ends of the
intervals, (median_r(θ_r + 1.96 se_r) - θ̂) / 1.96. It contains the differences between splits.

References
----------
Chernozhukov et al. (2018), Econometrics Journal 21, section 3; Chiang, Kato, Ma and Sasaki (2022), JBES 40.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from ceteris.causal.scores import Score
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.stats.covariance import cluster_totals, few_clusters
from ceteris.stats.deletion import without_leverage

NORMAL = 1.96  # of the median rule; a convention, and the same number at every level
FLAT = 1e-10  # |mean ψ_a| over mean |ψ_a| below which the parameter is not identified


def solve(
    scores: Sequence[Score],
    names: Sequence[str],
    fold: np.ndarray,
    clusters: Sequence[np.ndarray] = (),
    weights: Sequence[np.ndarray] | None = None,
) -> Estimate:
    """Return the estimate from one split.

    Parameters
    ----------
    scores : sequence of (ψ_a, ψ_b), arrays of shape (n,)
        One for each parameter.
    names : sequence of str
    fold : array, shape (n,) or (n, 2)
    clusters : sequence of arrays, shape (n,)
    weights : sequence of arrays, shape (n,), optional
        With what weight the outcome enters each score, ∂ψ_b / ∂y: asks for the correction for small samples of
        ``stats.small_sample``, where rows do not come in clusters.

    Examples
    --------
    >>> y = np.array([1.0, 2.0, 3.0, 4.0])
    >>> estimate = solve([(-np.ones(4), y)], ["mean"], np.array([0, 0, 1, 1]))
    >>> estimate.point, estimate.se.round(4)
    (array([2.5]), array([0.559]))
    """
    psi_a, psi_b = (np.stack(part, axis=1) for part in zip(*scores, strict=True))
    weight = _fold_weights(fold, clusters)[:, None]
    slope = np.mean(weight * psi_a, axis=0)
    if (np.abs(slope) <= FLAT * np.mean(np.abs(weight * psi_a), axis=0)).any():
        raise FloatingPointError(
            "score: its slope in the parameter is zero, so the parameter is not identified; look at the first stage, "
            "or at whether the covariates determine the treatment."
        )
    point = -np.mean(weight * psi_b, axis=0) / slope
    psi = psi_a * point + psi_b
    influence = -weight * psi / slope
    share = weight * psi_a / slope / len(psi)
    if len(clusters) == 1:  # leaving a cluster out is a sum over its rows
        share = cluster_totals(share, clusters[0])[np.unique(clusters[0], return_inverse=True)[1]]
    by_deletion = without_leverage(influence, share)
    if not clusters:
        by_outcome = None if weights is None else np.stack(weights, axis=1) / slope
        return Estimate(point, influence, tuple(names), by_deletion=by_deletion, weights=by_outcome)
    given = few_clusters(clusters) * _clustered(psi / slope, fold, clusters)
    return Estimate(
        point, influence, tuple(names), clusters=tuple(clusters), given=given, by_deletion=by_deletion
    )  # fmt: skip


def median_of(splits: Sequence[Estimate]) -> Estimate:
    """Return one estimate for several splits, by the median rule; correlations are those of the mean influence."""
    if len(splits) == 1:
        return splits[0]
    points = np.stack([split.point for split in splits])
    errors = np.stack([split.se for split in splits])
    point = np.median(points, axis=0)
    se = (np.median(points + NORMAL * errors, axis=0) - point) / NORMAL
    influence = np.mean(np.stack([cast(np.ndarray, split.influence) for split in splits]), axis=0)
    by_cluster, by_deletion, weights = (_mean_of(splits, name) for name in ("by_cluster", "by_deletion", "weights"))
    correlation = np.mean([_correlation(split.covariance) for split in splits], axis=0)
    given = correlation * np.outer(se, se)
    return replace(
        splits[0], point=point, influence=influence, given=given, splits=tuple(splits), by_cluster=by_cluster,
        by_deletion=by_deletion, weights=weights,
    )  # fmt: skip


def _mean_of(splits: Sequence[Estimate], name: str) -> np.ndarray | None:
    each = [getattr(split, name) for split in splits]
    return None if any(values is None for values in each) else np.mean(np.stack(each), axis=0)


def finish(
    splits: Sequence[Estimate],
    about: About,
    nuisances: Sequence[Nuisances],
    folds: Sequence[np.ndarray],
    checks: Sequence[Check] = (),
) -> Estimate:
    """Return the estimate over all splits, with what a reader must know and the means of the nuisances over splits."""
    estimate = median_of(splits)
    said = estimate.about.standard_errors
    if estimate.clusters:
        said = "CR1, by cluster, weighed by fold: variances times G/(G - 1)."
    if len(splits) > 1:
        checks = [*checks, stability(splits)]
    means = over_splits(nuisances, folds)
    return replace(estimate, about=replace(about, standard_errors=said), nuisances=means, checks=tuple(checks))


def over_splits(splits: Sequence[Nuisances], folds: Sequence[np.ndarray]) -> Nuisances:
    """Return the means of nuisances over the splits, with the folds of each.

    Examples
    --------
    >>> over_splits([Nuisances(m=np.array([1.0])), Nuisances(m=np.array([3.0]))], []).m
    array([2.])
    """
    means = {name: np.mean([getattr(split, name) for split in splits], axis=0) for name in splits[0].known}
    return replace(splits[0], **means, folds=tuple(folds))


def stability(splits: Sequence[Estimate]) -> Check:
    """Whether the estimate would be another with other folds: the spread over splits against the standard error."""
    spread = np.std([split.point for split in splits], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = float(np.max(spread / median_of(splits).se))
    advice = "" if share <= 0.5 else " Use more repeats, or more folds."
    sentence = f"Over {len(splits)} splits the estimate varies by {share:.2f} standard errors.{advice}"
    return Check("stability over splits", share <= 0.5, sentence, value=share, bar=0.5)


def _correlation(covariance: np.ndarray) -> np.ndarray:
    se = np.sqrt(np.diag(covariance))
    return covariance / np.outer(se, se)


def _fold_weights(fold: np.ndarray, clusters: Sequence[np.ndarray]) -> np.ndarray:
    """Weight of each row in the sums over folds, of mean one if folds have equal rows and clusters."""
    if not clusters:
        return np.ones(len(fold))
    counts = [_clusters_per_fold(column, groups) for column, groups in zip(_columns(fold), clusters, strict=True)]
    total = np.prod([np.sum(count) for count in counts])
    size = np.prod([count[column] for count, column in zip(counts, _columns(fold), strict=True)], axis=0)
    return total / (size * np.prod([len(count) for count in counts]))


def _clustered(scaled: np.ndarray, fold: np.ndarray, clusters: Sequence[np.ndarray]) -> np.ndarray:
    """Covariance from ψ/J, shape (k, k), J the mean of the weighted ψ_a over rows.

    One set: Σ_k 1/c_k Σ_g S_g S_g' / (K G). Two sets: within each cell of folds (k, l) the totals of the clusters of
    either set, weighed by min(c_k, c_l) / (c_k c_l)², over K² min(G, H).
    """
    n = len(fold)
    columns = _columns(fold)
    groups = [np.unique(labels, return_inverse=True)[1] for labels in clusters]
    counts = [_clusters_per_fold(column, labels) for column, labels in zip(columns, groups, strict=True)]
    sizes = [int(np.sum(count)) for count in counts]
    units = scaled * np.prod(sizes) / n  # J as a sum over clusters (pairs of clusters), not a mean over rows
    if len(clusters) == 1:
        totals = cluster_totals(units, groups[0])
        fold_of = np.zeros(sizes[0], dtype=int)
        fold_of[groups[0]] = columns[0]
        weight = 1 / counts[0][fold_of]
        return (totals * weight[:, None]).T @ totals / (len(counts[0]) * sizes[0])
    first, second = (count[column] for count, column in zip(counts, columns, strict=True))
    weight = np.minimum(first, second) / (first * second) ** 2  # the same for all rows of a cell
    rooted = units * np.sqrt(weight)[:, None]
    cell = columns[0] * len(counts[1]) + columns[1]
    meat = np.zeros((scaled.shape[1],) * 2)
    for labels in groups:
        totals = cluster_totals(rooted, np.unique(labels * (cell.max() + 1) + cell, return_inverse=True)[1])
        meat += totals.T @ totals
    return meat / (len(counts[0]) * len(counts[1]) * min(sizes))


def _columns(fold: np.ndarray) -> list[np.ndarray]:
    return [fold] if fold.ndim == 1 else list(fold.T)


def _clusters_per_fold(fold: np.ndarray, groups: np.ndarray) -> np.ndarray:
    pairs = np.unique(np.stack([fold, np.unique(groups, return_inverse=True)[1]]), axis=1)
    return np.bincount(pairs[0])
