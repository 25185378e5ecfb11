"""What a forest estimates: linear moments b_i - A_i θ of the rows, and their solution.

    mean           A = 1,                        b = Y
    effect of d    A = [[ZD', Z], [D', 1]],      b = (ZY, Y),    θ = (effects, intercept)

with Z = D for an effect and Z an instrument for one that is instrumented; D may be a vector. Whoever has other moments
that are linear in θ gives their A and b to `linear_target`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.causal.heterogeneity.forest.grow import CLASSES, LINEAR, SINGULAR


@dataclass(frozen=True, eq=False)
class Target:
    """Moments of the rows.

    Attributes
    ----------
    moments : array, shape (n, d² + d + e d)
        A_i, row by row, b_i, and b of e further outcomes, of which it is asked what the forest makes of them.
    shape : (kind, d, r)
        How pseudo-outcomes are made; dimension of θ; how many of its entries are of interest.
    balance : array, shape (n, s)
        What must vary within each leaf.
    levels : array
        Quantiles, where pseudo-outcomes are classes.
    """

    moments: np.ndarray
    shape: tuple[int, int, int]
    balance: np.ndarray
    levels: np.ndarray

    def solve(self, means: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return θ = A⁻¹ b of averaged moments (m, q), and the linear functions of moments that are its influence.

        Returns
        -------
        theta : array, shape (m, r)
            NaN where A is singular.
        linear : array, shape (m, r, q)
            A⁻¹ (b - A θ) of any other moments (A, b), as their coefficients: A⁻¹ on b, -A⁻¹ times θ' on A.
        further : array, shape (m, e, r)
            θ of the further outcomes.
        """
        d, r = self.shape[1:]
        A, sides = means[:, : d * d].reshape(-1, d, d), means[:, d * d :].reshape(len(means), -1, d)
        inverse = _inverses(A)
        theta = np.einsum("mij,mej->mei", inverse, sides)
        rows = inverse[:, :r]
        on_A = (-rows[:, :, :, None] * theta[:, 0, None, None, :]).reshape(len(A), r, d * d)
        on_further = np.zeros((len(A), r, means.shape[1] - d * d - d))
        return theta[:, 0, :r], np.concatenate([on_A, rows, on_further], axis=2), theta[:, 1:, :r]


def linear_target(
    A: np.ndarray,
    b: np.ndarray,
    of_interest: int,
    balance: np.ndarray | None = None,
    further: np.ndarray | None = None,
) -> Target:
    """Moments b_i - A_i θ, A (n, d, d) and b (n, d), of which the first entries of θ are of interest.

    Parameters
    ----------
    balance : array, shape (n, s), optional
    further : array, shape (n, e, d), optional
        b of further outcomes.
    """
    n, d = b.shape
    balance = np.empty((n, 0)) if balance is None else balance
    sides = [] if further is None else [further.reshape(n, -1)]
    moments = np.concatenate([A.reshape(n, d * d), b, *sides], axis=1)
    return Target(np.ascontiguousarray(moments, float), (LINEAR, d, of_interest), np.ascontiguousarray(balance, float),
                  np.empty(0))  # fmt: skip


def mean_target(y: np.ndarray) -> Target:
    """E[Y | X = x]; several columns of y (n, k) are fitted by one forest.

    Examples
    --------
    >>> mean_target(np.array([1.0, 2.0])).moments
    array([[1., 1.],
           [1., 2.]])
    """
    wide = np.asarray(y, float).reshape(len(y), -1)
    k = wide.shape[1]
    return linear_target(np.broadcast_to(np.eye(k), (len(y), k, k)), wide, k)


def effect_target(
    y: np.ndarray, d: np.ndarray, z: np.ndarray | None = None, linear: np.ndarray | None = None
) -> Target:
    """Effects of d (n,) or (n, k) on y, instrumented by z of the same shape if it is given.

    Parameters
    ----------
    linear : array, shape (n,) or (n, k), optional
        Effects of each row by another model, of which it is asked how the forest smooths them: the further outcome is
        the linear effect times d.

    Examples
    --------
    >>> d = np.array([0.0, 0.0, 1.0, 1.0])
    >>> target = effect_target(np.array([1.0, 1.0, 3.0, 5.0]), d)
    >>> target.solve(target.moments.mean(0, keepdims=True))[0]
    array([[3.]])
    """
    D = d.reshape(len(y), -1)
    Z = D if z is None else z.reshape(len(y), -1)
    with_one, by = (np.column_stack([part, np.ones(len(y))]) for part in (D, Z))
    further = None
    if linear is not None:
        further = by[:, None, :] * (D * linear.reshape(D.shape)).sum(1)[:, None, None]
    return linear_target(by[:, :, None] * with_one[:, None, :], by * y[:, None], D.shape[1], Z, further)


def quantile_target(y: np.ndarray, levels: np.ndarray) -> Target:
    """Quantiles of Y given X = x; they are read off the weights of the rows."""
    return Target(np.asarray(y, float)[:, None].copy(), (CLASSES, 0, len(levels) + 1), np.empty((len(y), 0)),
                  np.asarray(levels, float))  # fmt: skip


def _inverses(A: np.ndarray) -> np.ndarray:
    """Inverses of matrices (m, d, d), NaN for those that are singular whatever the units of rows and columns."""
    with np.errstate(divide="ignore", invalid="ignore"):
        by_row = np.abs(A).max(axis=2, keepdims=True)
        by_column = np.abs(A / by_row).max(axis=1, keepdims=True)
        scaled = A / by_row / by_column
    good = np.asarray(np.isfinite(scaled).all(axis=(1, 2)))
    good[good] = np.abs(np.linalg.det(scaled[good])) > SINGULAR
    inverse = np.full(A.shape, np.nan)
    inverse[good] = np.linalg.inv(scaled[good]) / np.swapaxes(by_row * by_column, 1, 2)[good]
    return inverse
