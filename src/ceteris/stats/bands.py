"""Joint confidence bands: intervals that hold all of several estimands at once with a given probability.

With the t statistics approximately jointly normal, the critical value is a quantile of max_j |T_j|. The multiplier
bootstrap draws T* = Σ_i ξ_i φ_i / (n se) with weights ξ of mean zero and variance one, one for each row or cluster: no
estimate is computed again.

References
----------
Chernozhukov, Chetverikov and Kato (2013), Annals of Statistics 41; Belloni, Chernozhukov, Chetverikov and Wei (2018),
Annals of Statistics 46.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ceteris.arguments import one_of, whole

WEIGHTS = ("normal", "exponential", "wild")
AT_ONCE = 2**22  # weights drawn at once: 32 MiB


def multipliers(rng: np.random.Generator, shape: tuple[int, ...], kind: str = "normal") -> np.ndarray:
    """Weights of mean zero and variance one.

    Parameters
    ----------
    rng : Generator
    shape : tuple of int
    kind : {"normal", "exponential", "wild"}
        Standard normal; exponential less one (the Bayesian bootstrap); or normal about ``z/√2 + (w² - 1)/2``, whose
        third moment is one too.

    Examples
    --------
    >>> w = multipliers(np.random.default_rng(0), (100_000,), "wild")
    >>> np.round([w.mean(), w.var(), (w**3).mean()], 1) + 0.0
    array([0., 1., 1.])
    """
    if one_of("kind", kind, WEIGHTS) == "normal":
        return rng.standard_normal(shape)
    if kind == "exponential":
        return rng.standard_exponential(shape) - 1
    return rng.standard_normal(shape) / np.sqrt(2) + (rng.standard_normal(shape) ** 2 - 1) / 2


def multiplier_bootstrap(
    influence: np.ndarray,
    draws: int = 1000,
    seed: int = 0,
    cluster: Sequence[np.ndarray] = (),
    kind: str = "normal",
) -> np.ndarray:
    """Draws of θ* - θ̂, shape (draws, k).

    Parameters
    ----------
    influence : array, shape (n, k)
    draws, seed : int
    cluster : sequence of at most one array, shape (n,)
        All rows of a cluster get the same weight.
    kind : {"normal", "exponential", "wild"}

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> multiplier_bootstrap((x - x.mean())[:, None], 4000).std().round(2)  # 1 / √400
    np.float64(0.05)
    """
    if len(cluster) > 1:
        raise ValueError(f"cluster holds {len(cluster)} sets, but must hold one at most; use ``normal_maximum``.")
    whole("draws", draws)
    totals = influence / len(influence)
    if cluster:
        members, place = np.unique(cluster[0], return_inverse=True)
        summed = np.zeros((len(members), influence.shape[1]))
        np.add.at(summed, place, totals)
        totals = summed
    rng = np.random.default_rng(seed)
    step = max(1, AT_ONCE // len(totals))
    sizes = [min(step, draws - start) for start in range(0, draws, step)]
    return np.concatenate([multipliers(rng, (size, len(totals)), kind) @ totals for size in sizes])


def maximum(deviations: np.ndarray, se: np.ndarray, level: float = 0.95) -> float:
    """Quantile of max_j |θ*_j - θ̂_j| / se_j over draws; estimates without a standard error do not count."""
    sure = se > 0
    if not sure.any():
        return 0.0
    return float(np.quantile(np.abs(deviations[:, sure] / se[sure]).max(axis=1), level))


def normal_maximum(covariance: np.ndarray, level: float = 0.95, draws: int = 20_000, seed: int = 0) -> float:
    """Quantile of max_j |T_j| for normal T with the correlations of a covariance, shape (k, k), by simulation.

    Examples
    --------
    >>> bool(1.9 < normal_maximum(np.eye(1)) < 2.02), bool(2.3 < normal_maximum(np.eye(3)) < 2.5)  # 1.96, 2.39
    (True, True)
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = np.random.default_rng(seed).standard_normal((draws, len(covariance))) @ root.T
    return maximum(drawn, np.sqrt(np.diag(covariance)), level)
