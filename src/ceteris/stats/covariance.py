"""Covariance of an estimate from its influence function: independent rows, or rows in one or two sets of clusters.

An estimate θ̂ that is asymptotically linear, θ̂ - θ ≈ (1/n) Σ_i φ_i with E φ = 0, carries its own standard errors. With
ψ_g = Σ_{i in g} φ_i,

    independent rows    V = (1/n²) Σ_i φ_i φ_i'
    one set of clusters V = (1/n²) Σ_g ψ_g ψ_g'
    two sets            V = V(first) + V(second) - V(intersections)

References
----------
Cameron, Gelbach and Miller (2011), "Robust inference with multiway clustering", JBES 29.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
    """Covariance under one set of clusters, shape (k, k).

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
    members, place = np.unique(groups, return_inverse=True)
    totals = np.zeros((len(members), influence.shape[1]))
    np.add.at(totals, place, influence)
    return totals.T @ totals / len(influence) ** 2


def covariance(influence: np.ndarray, clusters: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Covariance under no, one or two sets of clusters, shape (k, k)."""
    if not clusters:
        return iid(influence)
    if len(clusters) == 1:
        return clustered(influence, clusters[0])
    if len(clusters) == 2:
        first, second = (np.unique(groups, return_inverse=True)[1] for groups in clusters)
        both = first * (second.max() + 1) + second
        return clustered(influence, first) + clustered(influence, second) - clustered(influence, both)
    raise ValueError(f"clusters: {len(clusters)} sets given; none, one and two are allowed; merge some of them.")
