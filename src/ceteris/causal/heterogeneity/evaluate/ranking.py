"""Units in the order of a priority, ties averaged, and half samples of them.

Ties. Units of equal priority have no order among each other, so each gets the mean of its group: what a random order
would give on average. Results do not depend on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ceteris.arguments import whole


def sorted_rows(priority: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows, the highest priority first, and the number of the tie group of each, from 0; shapes (n,).

    Examples
    --------
    >>> sorted_rows(np.array([1.0, 3.0, 1.0, 2.0]))
    (array([1, 3, 0, 2]), array([0, 1, 2, 2]))
    """
    order = np.argsort(-priority, kind="stable")
    return order, np.r_[0, np.cumsum(np.diff(priority[order]) != 0)]


def tie_means(values: np.ndarray, weights: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Replace values (n, ...), in order, by the weighted means of their tie groups.

    Examples
    --------
    >>> tie_means(np.array([5.0, 1.0, 3.0]), np.ones(3), np.array([0, 1, 1]))
    array([5., 2., 2.])
    """
    first = np.flatnonzero(np.r_[True, np.diff(group) != 0])
    if len(first) == len(group):
        return values
    scaled = weights.reshape(-1, *[1] * (values.ndim - 1))
    means = np.add.reduceat(values * scaled, first) / np.add.reduceat(scaled, first)
    return np.repeat(means, np.diff(np.r_[first, len(group)]), axis=0)


def half_samples(
    statistic: Callable[[np.ndarray], np.ndarray | float], n: int, cluster: np.ndarray | None, draws: int, seed: int
) -> np.ndarray:
    """The statistic of random halves of the rows, shape (draws, ...).

    A half drawn without replacement has twice the variance of the whole and half of it in common with the whole, so
    the standard deviation over halves estimates the standard error of the whole.

    Parameters
    ----------
    statistic : callable
        Of an increasing array of row numbers.
    cluster : array, shape (n,), or None
        Half of the clusters are drawn, with all their rows.
    """
    whole("draws", draws, least=2)
    place = np.arange(n) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    count = int(place.max()) + 1
    if count < 4:
        raise ValueError(f"cluster: there are {count} independent units, but halves need four at least; give more.")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        chosen = np.zeros(count, dtype=bool)
        chosen[rng.choice(count, count // 2, replace=False)] = True
        found.append(statistic(np.flatnonzero(chosen[place])))
    return np.stack(found)
