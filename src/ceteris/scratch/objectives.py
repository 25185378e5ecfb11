"""Convex functions to descend on, each with the constants that theorems ask for.

L bounds the curvature from above (the gradient is L-Lipschitz), m >= 0 from below (f is m-strongly convex; m = 0 is
mere convexity). The minimiser is known, so that errors can be measured and not guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ceteris.scratch._checks import matrix


@dataclass(frozen=True)
class Objective:
    """A convex function with what the theorems need: f, its gradient, its minimiser (p,), and L >= m >= 0."""

    f: Callable[[np.ndarray], float]
    gradient: Callable[[np.ndarray], np.ndarray]
    minimiser: np.ndarray
    L: float
    m: float = 0.0


def quadratic(curvatures, minimiser=None) -> Objective:
    """f(x) = sum_i h_i (x_i - x*_i)^2 / 2 with L = max h and m = min h; zeros among h make it flat, m = 0."""
    h = matrix("curvatures", [curvatures])[0]
    if h.min() < 0 or h.max() == 0:
        raise ValueError(f"curvatures run from {h.min():g} to {h.max():g}; give none below zero and one above.")
    centre = np.zeros(len(h)) if minimiser is None else matrix("minimiser", [minimiser], columns=len(h))[0]
    f = lambda x: float(np.sum(h * (x - centre) ** 2) / 2)
    return Objective(f, lambda x: h * (x - centre), centre, float(h.max()), float(h.min()))


def logistic_regression(X, y, ridge: float = 0.0) -> Objective:
    """Cross-entropy of a logistic regression: mean(log(1 + e^{x'b}) - y x'b) + ridge |b|^2 / 2.

    Here L = lambda_max(X'X) / (4 n) + ridge and m = ridge. ([004], section 3.5.1, example 2, with the minus
    sign and the 1/n that its printed loss lacks and its printed gradient has.) Without a ridge the loss is convex
    only, as it is nearly flat far out; and where a line separates the classes it has no minimiser at all.
    """
    X = matrix("X", X)
    y, n = matrix("y", np.asarray(y)[..., None], rows=len(X), columns=1)[:, 0], len(X)
    if not np.isin(y, [0, 1]).all():
        raise ValueError(f"y holds {np.setdiff1d(y, [0, 1])[:3].tolist()}; code the two classes as 0 and 1.")
    p = lambda b: 0.5 * (1 + np.tanh(0.5 * X @ b))
    f = lambda b: float(np.mean(np.logaddexp(0, X @ b) - y * (X @ b)) + ridge * b @ b / 2)
    gradient = lambda b: X.T @ (p(b) - y) / n + ridge * b
    hessian = lambda b: (X.T * (p(b) * (1 - p(b)))) @ X / n + ridge * np.eye(X.shape[1])
    L = float(np.linalg.eigvalsh(X.T @ X)[-1] / (4 * n) + ridge)
    return Objective(f, gradient, _newton(gradient, hessian, np.zeros(X.shape[1])), L, ridge)


def _newton(gradient: Callable, hessian: Callable, x: np.ndarray, steps: int = 25) -> np.ndarray:
    """Minimise to the last digit, so that f* is known (25 steps: where the classes separate, x runs away)."""
    for _ in range(steps):
        move = np.linalg.lstsq(hessian(x), gradient(x), rcond=None)[0]
        x = x - move
        if np.linalg.norm(move) <= 1e-12 * (1 + np.linalg.norm(x)):
            return x
    raise ValueError("X separates y, or nearly: the loss has no minimiser in reach; give a ridge above zero.")
