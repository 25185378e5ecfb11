"""The partially linear model with least squares or ridge, for many samples at once.

The Gram matrix of (1, X, D, Y) of each sample and fold says all that is needed: outside fold k the coefficients of both
nuisances solve (G - G_k + αI) β = b - b_k.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.causal import linear
from ceteris.causal.crossfit import read_folds
from ceteris.causal.estimators.partially_linear import IV_TYPE, PartiallyLinear
from ceteris.causal.learners import given
from ceteris.stats.deletion import without_leverage
from ceteris.stats.small_sample import effective_rows

SINGULAR = 1e-10  # of a Gram matrix scaled to a diagonal of ones, the least square of a pivot that is trusted


def can(estimator: Any, draws: dict[str, np.ndarray]) -> bool:
    """Whether this file has the answer for the estimator: known learners, one split, nothing but y, d and x."""
    if type(estimator) is not PartiallyLinear or set(draws) != {"y", "d", "x"} or draws["d"].ndim != 2:
        return False
    learners = [estimator.outcome, estimator.treatment, given(estimator.residual, estimator.outcome)]
    penalties = [linear.penalty_of(learner) for learner in learners if learner is not None]
    known = len(penalties) == len(learners) and all(p is not None and p[0] == "ols" for p in penalties)
    n, p = draws["x"].shape[1:]
    return known and estimator.repeats == 1 and p < n // 2


def partially_linear(
    estimator: PartiallyLinear, draws: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, standard errors and degrees of freedom (infinite for the normal distribution), shapes (copies,).

    Parameters
    ----------
    estimator : PartiallyLinear
        For which ``can`` is true.
    draws : mapping
        y and d of shape (copies, n), x of shape (copies, n, p).
    """
    y, d, x = draws["y"], draws["d"], draws["x"]
    copies, n, p = x.shape
    (fold,) = read_folds(estimator.folds, n, 1, estimator.seed)
    order = np.argsort(fold, kind="stable")
    table = np.empty((copies, n, p + 3))
    table[..., 0] = 1.0
    table[..., 1 : p + 1] = (x - x.mean(axis=1, keepdims=True))[:, order]  # or a large mean passes for the constant
    table[..., p + 1], table[..., p + 2] = d[:, order], y[:, order]
    parts = np.split(table, np.cumsum(np.bincount(fold))[:-1], axis=1)
    grams = np.stack([part.swapaxes(1, 2) @ part for part in parts], axis=1)
    rest = grams.sum(1, keepdims=True) - grams
    residual = given(estimator.residual, estimator.outcome)
    problems = [(1, estimator.treatment), (2, estimator.outcome)]  # D and Y are one and two columns behind X
    if estimator.score == IV_TYPE:  # g is linear in its target Y - θD
        problems += [(1, residual), (2, residual)]
    slopes = np.stack([_slopes(rest, p + 1, p + j, _alpha(learner)) for j, learner in problems], axis=-1)
    fits = np.concatenate([part[..., : p + 1] @ slopes[:, k] for k, part in enumerate(parts)], axis=1)
    v = table[..., p + 1] - fits[..., 0]
    u = table[..., p + 2] - fits[..., 1]
    theta = np.sum(v * u, axis=1) / np.sum(v * v, axis=1)
    if estimator.score == IV_TYPE:
        u = table[..., p + 2] - fits[..., 3] + theta[:, None] * fits[..., 2]
        v_a = v * table[..., p + 1]
    else:
        v_a = v * v
    theta = np.sum(v * u, axis=1) / np.sum(v_a, axis=1)
    psi = v * u - theta[:, None] * v_a
    slope = np.sum(v_a, axis=1)
    if estimator.small_sample:
        psi, dof = without_leverage(psi, v_a / slope[:, None]), effective_rows(v.T)
    else:
        dof = np.full(copies, np.inf)
    return theta, np.sqrt(np.sum(psi**2, axis=1)) / np.abs(slope), dof


def _alpha(learner: Any) -> float:
    penalty = linear.penalty_of(learner)
    assert penalty is not None
    return penalty[1]


def _slopes(rest: np.ndarray, q: int, target: int, alpha: float) -> np.ndarray:
    """Coefficients outside each fold, shape (copies, K, q)."""
    gram = rest[..., :q, :q] + alpha * np.diag([0.0] + [1.0] * (q - 1))
    size = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
    scaled = gram / (size[..., :, None] * size[..., None, :])
    pivots = np.diagonal(np.linalg.cholesky(scaled), axis1=-2, axis2=-1)
    if (pivots**2 < SINGULAR).any():
        raise np.linalg.LinAlgError("x: columns are linear combinations of others in some sample; drop some of them.")
    return np.linalg.solve(scaled, (rest[..., :q, target] / size)[..., None])[..., 0] / size
