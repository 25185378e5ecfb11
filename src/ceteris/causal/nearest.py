"""Nearest neighbours in the other arm, or the own one, as a sparse matrix of weights; ties share the weight.

A row whose M-th nearest neighbour is at distance r is matched to everyone within r + tolerance. How large a difference
counts as a tie is a choice that matters: packages that take 1e-5 in the distance for equal average over neighbours that
an exact search tells apart, and give another answer where scores are dense.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.stats.centring import standardised

METRICS = ("mahalanobis", "scaled", "euclidean")


def whiten(x: np.ndarray, metric: str) -> np.ndarray:
    """Coordinates in which the metric is the Euclidean distance, shape (n, q).

    'mahalanobis' uses the covariance of all rows, 'scaled' their variances only. Directions without variance are left
    out, so that collinear covariates are no obstacle.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [2.0, 1.0], [4.0, 5.0], [6.0, 2.0]])
    >>> z = whiten(x, "mahalanobis")
    >>> np.cov(z.T).round(10)
    array([[1., 0.],
           [0., 1.]])
    """
    if metric == "euclidean":
        return x - x.mean(axis=0)
    z, _, _ = standardised(x)
    z = z[:, z.any(axis=0)] * np.sqrt((len(x) - 1) / len(x))  # divided by n - 1
    if metric == "scaled":
        return z
    values, vectors = np.linalg.eigh(z.T @ z / (len(z) - 1))
    useful = values > 1e-10 * values.max()
    return z @ vectors[:, useful] / np.sqrt(values[useful])


def nearest(
    z: np.ndarray, sources: np.ndarray, targets: np.ndarray, neighbours: int, tolerance: float, caliper: float = np.inf
) -> Any:
    """Weights of the rows that each source is matched to, sparse, shape (n, n); sources without a match have none.

    Parameters
    ----------
    z : array, shape (n, q)
        Coordinates; see `whiten`.
    sources, targets : array of int
        Rows to be matched, and rows that may be matched to them; a row is never matched to itself.
    neighbours : int
    tolerance : float
        Distances that differ by no more than this from the M-th are ties.
    caliper : float
        Nobody further away than this is matched.

    Examples
    --------
    >>> z = np.array([[0.0], [1.0], [-1.0], [5.0]])
    >>> nearest(z, np.array([0]), np.array([1, 2, 3]), 1, 1e-10).toarray()[0]
    array([0. , 0.5, 0.5, 0. ])
    """
    from scipy.sparse import csr_matrix
    from scipy.spatial import KDTree

    tree = KDTree(z[targets])
    both = np.isin(sources, targets).any()
    k = min(neighbours + int(both), len(targets))
    distance = np.reshape(tree.query(z[sources], k=k)[0], (len(sources), k))[:, -1]
    radius = np.minimum(distance * (1 + 1e-12) + tolerance, caliper)
    found = tree.query_ball_point(z[sources], radius)
    rows, columns = [], []
    for source, near in zip(sources, found, strict=True):
        chosen = targets[near]
        chosen = chosen[chosen != source] if both else chosen
        rows.append(np.full(len(chosen), source))
        columns.append(np.sort(chosen))
    row, column = np.concatenate(rows).astype(int), np.concatenate(columns).astype(int)
    count = np.bincount(row, minlength=len(z))
    return csr_matrix((1 / count[row], (row, column)), shape=(len(z), len(z)))


def across(z: np.ndarray, d: np.ndarray, neighbours: int, tolerance: float, caliper: float = np.inf) -> Any:
    """Each row matched to the other arm, sparse, shape (n, n)."""
    one, none = np.flatnonzero(d == 1), np.flatnonzero(d == 0)
    return nearest(z, one, none, neighbours, tolerance, caliper) + nearest(z, none, one, neighbours, tolerance, caliper)


def within(z: np.ndarray, d: np.ndarray, neighbours: int, tolerance: float) -> Any:
    """Each row matched to others of its own arm, sparse, shape (n, n)."""
    one, none = np.flatnonzero(d == 1), np.flatnonzero(d == 0)
    return nearest(z, one, one, neighbours, tolerance) + nearest(z, none, none, neighbours, tolerance)
