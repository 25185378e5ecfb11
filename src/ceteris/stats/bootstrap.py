"""The bootstrap: pairs, Bayesian, and wild, each for independent rows or rows in clusters.

References
----------
Efron (1979), Annals of Statistics 7; Rubin (1981), Annals of Statistics 9; Liu (1988), Annals of Statistics 16;
Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90; Webb (2023), Canadian Journal of Economics
56.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ceteris.arguments import one_of, whole

SIGNS = ("rademacher", "mammen", "webb", "normal")


def pairs(
    statistic: Callable[..., Any],
    *arrays: np.ndarray,
    draws: int = 1000,
    seed: int = 0,
    cluster: np.ndarray | None = None,
) -> np.ndarray:
    """The statistic of resampled rows, or of resampled clusters of rows; shape (draws, ...).

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays) -> float or array``.
    arrays : arrays of n rows
    draws, seed : int
    cluster : array, shape (n,), optional
        Whole clusters are drawn.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> pairs(np.mean, x, draws=2000).std().round(2)  # 1 / √400
    np.float64(0.05)
    """
    n = _rows(arrays, draws, cluster)
    rng = np.random.default_rng(seed)
    if cluster is None:
        return np.stack([_of(statistic, arrays, rng.integers(n, size=n)) for _ in range(draws)])
    members, place = np.unique(cluster, return_inverse=True)
    rows = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    chosen = (rng.integers(len(members), size=len(members)) for _ in range(draws))
    return np.stack([_of(statistic, arrays, np.concatenate([rows[g] for g in which])) for which in chosen])


def bayesian(
    statistic: Callable[..., Any],
    *arrays: np.ndarray,
    draws: int = 1000,
    seed: int = 0,
    cluster: np.ndarray | None = None,
) -> np.ndarray:
    """The statistic under random weights of mean one from a Dirichlet distribution; shape (draws, ...).

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays, weights) -> float or array``, weights of shape (n,) with mean about one.
    arrays, draws, seed, cluster
        As in ``pairs``; all rows of a cluster get one weight.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> bayesian(lambda x, w: np.average(x, weights=w), x, draws=2000).std().round(2)
    np.float64(0.05)
    """
    n = _rows(arrays, draws, cluster)
    place = np.arange(n) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    weights = rng.standard_exponential((draws, int(place.max()) + 1))
    weights /= weights.mean(axis=1, keepdims=True)
    return np.stack([np.asarray(statistic(*arrays, one[place])) for one in weights])


def wild(
    x: np.ndarray,
    y: np.ndarray,
    *,
    draws: int = 1000,
    seed: int = 0,
    cluster: np.ndarray | None = None,
    signs: str = "rademacher",
) -> np.ndarray:
    """Coefficients of least squares when residuals change sign at random, shape (draws, p).

    Parameters
    ----------
    x : array, shape (n, p)
        With a column of ones, if there is a constant.
    y : array, shape (n,)
    draws, seed : int
    cluster : array, shape (n,), optional
        All residuals of a cluster change together.
    signs : {"rademacher", "mammen", "webb", "normal"}
        Distribution of the factors; that of Webb has six values, for few clusters.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.column_stack([np.ones(400), rng.normal(size=400)])
    >>> wild(x, x[:, 1] + rng.normal(size=400)).std(0).round(2)
    array([0.05, 0.05])
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    _rows((x, y), draws, cluster)
    inverse = np.linalg.pinv(x)  # (p, n)
    slopes = inverse @ y
    moves = inverse.T * (y - x @ slopes)[:, None]
    return slopes + _factors(draws, seed, cluster, len(y), signs) @ _summed(moves, cluster)


def wild_test(
    x: np.ndarray,
    y: np.ndarray,
    column: int,
    *,
    value: float = 0.0,
    draws: int = 999,
    seed: int = 0,
    cluster: np.ndarray | None = None,
    signs: str = "rademacher",
) -> float:
    """P-value of the hypothesis that one coefficient has a value, by the wild bootstrap of the t statistic under it.

    Good with few clusters, where intervals from the normal distribution are too short.

    Parameters
    ----------
    x, y, draws, seed, cluster, signs
        As in ``wild``.
    column : int
        Which coefficient.
    value : float
        Under the hypothesis.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.column_stack([np.ones(60), rng.normal(size=60)])
    >>> y = x[:, 1] + rng.normal(size=60)
    >>> wild_test(x, y, 1) < 0.01, wild_test(x, y, 1, value=1.0) > 0.05
    (True, True)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    _rows((x, y), draws, cluster)
    whole("column", column, 0, x.shape[1] - 1)
    others = np.delete(x, column, axis=1)
    shifted = y - value * x[:, column]
    restricted = others @ np.linalg.lstsq(others, shifted, rcond=None)[0] if others.shape[1] else np.zeros(len(y))
    residual = shifted - restricted
    place = np.arange(len(y)) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    factors = _factors(draws, seed, cluster, len(y), signs)[:, place]
    inverse = np.linalg.pinv(x)
    samples = np.vstack([shifted, restricted + factors * residual])  # the data first, all under value = 0
    slopes = samples @ inverse.T
    left = (samples - slopes @ x.T) * inverse[column]
    totals = np.stack([np.bincount(place, weights=row) for row in left])
    t = np.abs(slopes[:, column]) / np.sqrt(np.sum(totals**2, axis=1))
    return float((1 + np.sum(t[1:] >= t[0] * (1 - 1e-12))) / (1 + draws))


def _factors(draws: int, seed: int, cluster: np.ndarray | None, n: int, signs: str) -> np.ndarray:
    count = n if cluster is None else len(np.unique(cluster))
    rng = np.random.default_rng(seed)
    shape = (draws, count)
    if one_of("signs", signs, SIGNS) == "rademacher":
        return rng.choice([-1.0, 1.0], size=shape)
    if signs == "webb":
        size = np.sqrt(np.array([0.5, 1.0, 1.5]))
        return rng.choice(np.concatenate([-size, size]), size=shape)
    if signs == "mammen":
        root = np.sqrt(5)
        return rng.choice(
            [(1 - root) / 2, (1 + root) / 2], p=[(root + 1) / (2 * root), (root - 1) / (2 * root)], size=shape
        )
    return rng.standard_normal(shape)


def _summed(values: np.ndarray, cluster: np.ndarray | None) -> np.ndarray:
    if cluster is None:
        return values
    members, place = np.unique(cluster, return_inverse=True)
    totals = np.zeros((len(members), values.shape[1]))
    np.add.at(totals, place, values)
    return totals


def _of(statistic: Callable[..., Any], arrays: tuple[np.ndarray, ...], which: np.ndarray) -> np.ndarray:
    return np.asarray(statistic(*(np.asarray(array)[which] for array in arrays)))


def _rows(arrays: tuple[np.ndarray, ...], draws: int, cluster: np.ndarray | None) -> int:
    if not arrays:
        raise ValueError("arrays is empty, but must hold one at least; give the data that the statistic is of.")
    sizes = {len(array) for array in (*arrays, *([cluster] if cluster is not None else []))}
    if len(sizes) > 1:
        raise ValueError(f"arrays: they have {', '.join(map(str, sorted(sizes)))} rows; give equally many.")
    whole("draws", draws)
    return len(arrays[0])
