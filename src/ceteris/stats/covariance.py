"""Covariance of an estimate from its influence function: independent rows, or rows in one or two sets of clusters.

An estimate θ̂ that is asymptotically linear, θ̂ - θ ≈ (1/n) Σ_i φ_i with E φ = 0, carries its own standard errors. With
ψ_g = Σ_{i in g} φ_i,

    independent rows    V = (1/n²) Σ_i φ_i φ_i'
    one set of clusters V = c (1/n²) Σ_g ψ_g ψ_g',   c = G / (G - 1)
    two sets            V = c (V(first) + V(second) - V(intersections)) with c of the smaller number of clusters

The factor c is the first part of the correction CR1 for few clusters. The second, (n - 1) / (n - k), is of regressions
with k coefficients (`LeastSquares.by_cluster` has it in φ), and one where nothing but a mean is estimated.

References
----------
Liang and Zeger (1986), Biometrika 73. Cameron, Gelbach and Miller (2011), "Robust inference with multiway clustering",
JBES 29.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ceteris.arguments import as_many


def iid(influence: np.ndarray) -> np.ndarray:
    """Covariance under independent rows, shape (k, k).

    Parameters
    ----------
    influence : array, shape (n, k)

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> iid((x - x.mean())[:, None])  # of the mean: Σ (x - x̄)² / n²
    array([[0.3125]])
    """
    return influence.T @ influence / len(influence) ** 2


def clustered(influence: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Covariance under one set of clusters without a correction for few of them, shape (k, k).

    Parameters
    ----------
    influence : array, shape (n, k)
    groups : array, shape (n,)
        Which cluster a row belongs to; labels of any kind.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> clustered((x - x.mean())[:, None], np.array(["a", "a", "b", "b"]))
    array([[0.5]])
    """
    totals = cluster_totals(influence, groups)
    return totals.T @ totals / len(influence) ** 2


def cluster_totals(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Sums of values (n, k) by cluster, shape (G, k)."""
    members, place = np.unique(groups, return_inverse=True)
    totals = np.zeros((len(members), values.shape[1]))
    np.add.at(totals, place, values)
    return totals


def covariance(influence: np.ndarray, cluster: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Covariance under no, one or two sets of clusters, shape (k, k); with clusters it is CR1.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> covariance((x - x.mean())[:, None], [np.array(["a", "a", "b", "b"])])
    array([[1.]])
    """
    if not cluster:
        return iid(influence)
    factor = few_clusters(cluster)
    if len(cluster) == 1:
        return factor * clustered(influence, cluster[0])
    first, second = (np.unique(groups, return_inverse=True)[1] for groups in cluster)
    both = first * (second.max() + 1) + second
    return factor * (clustered(influence, first) + clustered(influence, second) - clustered(influence, both))


def few_clusters(clusters: Sequence[np.ndarray]) -> float:
    """G / (G - 1), G being the number of clusters, the smaller one of two sets: what CR1 multiplies variances by.

    Examples
    --------
    >>> few_clusters([np.array([1, 1, 2, 2, 3, 3])])
    1.5
    """
    if not 1 <= len(clusters) <= 2:
        raise ValueError(f"clusters holds {len(clusters)} sets, but must hold one or two; merge some of them.")
    G = min(len(np.unique(groups)) for groups in clusters)
    if G < 2:
        raise ValueError("clusters: all rows are in one, but a variance needs two at least; give more.")
    return G / (G - 1)


def assembled(own: Sequence[np.ndarray], raw: np.ndarray) -> np.ndarray:
    """Joint covariance of several vectors with covariances of their own, from that of their influence functions.

    Where a vector has the covariance LL' and its influence functions say MM', what it shares with the others is
    multiplied by LM⁻¹ (for a single number: the ratio of the standard errors), so that the whole is a covariance.

    Parameters
    ----------
    own : sequence of arrays, shapes (k_1, k_1), (k_2, k_2), ...
    raw : array, shape (k, k), k = k_1 + k_2 + ...

    Examples
    --------
    >>> assembled([np.array([[4.0]]), np.array([[1.0]])], np.array([[1.0, 0.5], [0.5, 1.0]]))
    array([[4., 1.],
           [1., 1.]])
    """
    ends = np.cumsum([0, *(len(block) for block in own)])
    places = [slice(*pair) for pair in pairwise(ends)]
    scale = np.zeros_like(raw)
    for block, at in zip(own, places, strict=True):
        scale[at, at] = _ratio(block, raw[at, at])
    found = scale @ raw @ scale.T
    for block, at in zip(own, places, strict=True):
        found[at, at] = block
    return found


def _ratio(given: np.ndarray, raw: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(given) @ np.linalg.inv(np.linalg.cholesky(raw))
    except np.linalg.LinAlgError:  # some entry is a combination of others
        size = raw.diagonal()
        return np.diag(np.sqrt(np.where(size > 0, given.diagonal() / np.where(size > 0, size, 1.0), 0.0)))


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays of labels (n,) put the same rows together, whatever the labels are.

    Examples
    --------
    >>> same_partition(np.array([1, 1, 2]), np.array(["b", "b", "a"]))
    True
    """
    first, second = (np.unique(labels, return_inverse=True)[1] for labels in (one, other))
    pairs = np.unique(np.stack([first, second]), axis=1).shape[1]
    return bool(pairs == first.max() + 1 == second.max() + 1)


def read_clusters(labels: Any, n: int | None) -> np.ndarray:
    """Labels of clusters as an array, shape (n,): one for each row, none missing, two different ones at least.

    Labels of mixed kinds become numbers.

    Examples
    --------
    >>> read_clusters(["a", "a", "b"], 3)
    array([0, 0, 1])
    """
    array = np.asarray(labels) if hasattr(labels, "dtype") else np.array([*labels, None], object)[:-1]
    as_many("clusters", array, len(array) if n is None else n, of="row of the estimate")
    missing = _missing(array)
    if missing:
        raise ValueError(f"clusters holds {missing} missing labels, but must hold none; name them, or drop their rows.")
    if array.dtype == object:
        array = np.unique(array.astype(str), return_inverse=True)[1]
    few_clusters([array])
    return array


def _missing(labels: np.ndarray) -> int:
    if labels.dtype.kind in "iubUS":
        return 0
    if labels.dtype.kind == "f":
        return int(np.isnan(labels).sum())
    return sum(v is None or str(v) in ("nan", "NaT", "<NA>") for v in labels.tolist())
