"""Linear learners for all folds at once: from Gram matrices, of which each fold subtracts its own.

With x̃ = (1, x - mean) / scale, G = Σ x̃x̃' over all rows and G_k over those of fold k, least squares outside fold k is
β_k = (G - G_k + αI)⁻¹ (b - b_k): one pass over the rows for all folds. Logistic regression takes Newton steps from the
fit to all rows, of which that of fold k is off by O(1/√n) only: with the Hessian kept, each further step costs one
product of matrices for all folds together.

Nothing is compiled. A learner this file does not know, or a Gram matrix too near to singular, is left to the learner
itself (``None`` is returned).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.stats import centring

SINGULAR = 1e-8  # ratio of the smallest to the largest eigenvalue of a Gram matrix below which it is not trusted
CONVERGED = 1e-11  # a Newton step of this size, in units of standardised covariates, is the last
STEPS = 60


def cross_fit(
    learner: Any, x: np.ndarray, y: np.ndarray, fold: np.ndarray, among: np.ndarray | None = None
) -> np.ndarray | None:
    """Out-of-fold predictions, shape (n,), or None where this file has no answer; arguments as in ``crossfit``."""
    penalty = penalty_of(learner)
    if penalty is None or fold.ndim == 2 or x.shape[1] >= len(x) // 2:
        return None
    kind, strength = penalty
    design, scale = standardised(x)
    weights = np.concatenate([[0.0], strength / scale**2])  # the penalty is on the slopes of x as it came
    used = _membership(fold, among)
    solve = _logit if kind == "logit" else _least_squares
    slopes = solve(design, y, used, weights)
    if slopes is None:
        return None
    index = np.take_along_axis(design @ slopes.T, fold[:, None], axis=1)[:, 0]
    return sigmoid(index) if kind == "logit" else index


def penalty_of(learner: Any) -> tuple[str, float] | None:
    """Return ("ols" or "logit", the weight of ½‖slopes‖² in the objective) of a learner known here.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
    >>> penalty_of(LinearRegression()), penalty_of(Ridge(3.0)), penalty_of(LogisticRegression(C=0.5))
    (('ols', 0.0), ('ols', 3.0), ('logit', 2.0))
    """
    if not type(learner).__module__.startswith("sklearn.linear_model"):
        return None
    name, settings = type(learner).__name__, vars(learner)
    if not settings.get("fit_intercept", False) or settings.get("positive", False):
        return None
    if name == "LinearRegression":
        return "ols", 0.0
    if name == "Ridge" and np.isscalar(settings["alpha"]):
        return "ols", float(settings["alpha"])
    plain = settings.get("class_weight") is None and settings.get("solver") not in ("liblinear", "saga", "sag")
    if name == "LogisticRegression" and plain and not settings.get("l1_ratio"):
        penalty = settings.get("penalty", "deprecated")
        if penalty is None:
            return "logit", 0.0
        if penalty in ("l2", "deprecated"):
            return "logit", 1 / float(settings["C"])
    return None


def standardised(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (1, (x - mean) / scale), shape (n, p + 1), and the scale, shape (p,); 1 for a constant column."""
    design = np.empty((len(x), x.shape[1] + 1))
    design[:, 0] = 1.0
    _, _, scale = centring.standardised(x, out=design[:, 1:])
    return design, scale


def sigmoid(index: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-index)), without overflow."""
    small = np.exp(-np.abs(index))
    return np.where(index >= 0, 1.0, small) / (1 + small)


def fold_grams(design: np.ndarray, y: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrices and moments of the rows each fold learns from, shapes (K, q, q) and (K, q).

    Parameters
    ----------
    design : array, shape (n, q)
    y : array, shape (n,)
    used : array of bool, shape (K, n)
        Which rows each fold learns from.
    """
    everything = np.any(used, axis=0)
    whole, moment = _gram(design, y, everything)
    apart = [_gram(design, y, everything & ~learns) for learns in used]
    return whole - np.stack([g for g, _ in apart]), moment - np.stack([m for _, m in apart])


def _gram(design: np.ndarray, y: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    part = design if rows.all() else design[rows]
    return part.T @ part, part.T @ (y if rows.all() else y[rows])


def _membership(fold: np.ndarray, among: np.ndarray | None) -> np.ndarray:
    learns = fold[None, :] != np.arange(int(fold.max()) + 1)[:, None]
    return learns if among is None else learns & among


def _solved(matrices: np.ndarray, moments: np.ndarray) -> np.ndarray | None:
    """Solve every fold's equations, or None where one is near singular."""
    eigenvalues = np.linalg.eigvalsh(matrices)
    if (eigenvalues[:, 0] <= SINGULAR * eigenvalues[:, -1]).any():
        return None
    return np.linalg.solve(matrices, moments[..., None])[..., 0]


def _least_squares(design: np.ndarray, y: np.ndarray, used: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    grams, moments = fold_grams(design, y, used)
    return _solved(grams + np.diag(weights), moments)


def _logit(design: np.ndarray, y: np.ndarray, used: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Maximise the penalised likelihood of each fold; None where this does not converge.

    The Hessian is that at the fit to all rows; a chord method with it converges linearly, at a rate of the distance
    between the two fits.
    """
    start = _logit_once(design, y, np.any(used, axis=0), weights)
    if start is None:
        return None
    p = sigmoid(design @ start)
    spread = np.sqrt(p * (1 - p))[:, None]
    grams, _ = fold_grams(design * spread, y, used)
    hessians = grams + np.diag(weights)
    eigenvalues = np.linalg.eigvalsh(hessians)
    if (eigenvalues[:, 0] <= SINGULAR * eigenvalues[:, -1]).any():
        return None
    inverse = np.linalg.inv(hessians)
    slopes = np.tile(start, (len(used), 1))
    seen = used.T.astype(float)
    last = np.inf
    for _ in range(STEPS):
        residual = (y[:, None] - sigmoid(design @ slopes.T)) * seen
        gradient = residual.T @ design - slopes * weights
        step = np.einsum("kij,kj->ki", inverse, gradient)
        slopes = slopes + step
        size = np.abs(step).max()
        if size < CONVERGED:
            return slopes
        if size > 0.5 * last:  # too far from the start for this Hessian: every fold by itself
            break
        last = size
    alone = [_logit_once(design, y, learns, weights) for learns in used]
    return None if any(one is None for one in alone) else np.stack([one for one in alone if one is not None])


def _logit_once(design: np.ndarray, y: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Newton's method with halved steps on some rows, shape (q,), or None."""
    part, target = (design, y) if rows.all() else (design[rows], y[rows])
    slopes = np.zeros(design.shape[1])
    share = target.mean()
    slopes[0] = np.log(share / (1 - share))

    def objective(b: np.ndarray) -> float:
        index = part @ b
        return float(np.logaddexp(0, index).sum() - target @ index + 0.5 * weights @ b**2)

    index = part @ slopes
    value = None
    for _ in range(STEPS):
        p = sigmoid(index)
        hessian = (part * (p * (1 - p))[:, None]).T @ part + np.diag(weights)
        gradient = (target - p) @ part - weights * slopes
        eigenvalues = np.linalg.eigvalsh(hessian)
        if eigenvalues[0] <= SINGULAR * eigenvalues[-1]:
            return None
        step = np.linalg.solve(hessian, gradient)
        size = np.abs(step).max()
        if size > 1:  # far away: make sure of a descent
            value = objective(slopes) if value is None else value
            while objective(slopes + step) > value and size > CONVERGED:
                step, size = step / 2, size / 2
            value = None
        slopes = slopes + step
        index = part @ slopes
        if size < CONVERGED:
            return slopes
    return None
