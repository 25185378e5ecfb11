"""Local linear estimates with a forest's weights.

At x, the regression Ỹ ≈ c + b'(X - x) + D̃ (t + s'(X - x)) is fitted with weights α_i(x) and a ridge penalty on the
slopes b and s, and t is the effect. A slope of the effect, which an average over the neighbourhood takes for a level,
is so accounted for. All x share the products of regressors: their moments are one product of matrices.

References
----------
Friedberg, Tibshirani, Athey and Wager (2021), "Local linear forests", JCGS 30.
"""

from __future__ import annotations

import numpy as np

from ceteris.arguments import number
from ceteris.causal.heterogeneity.forest.forest import Forest, slices
from ceteris.tables.frames import finite


def local_linear(
    forest: Forest,
    x: np.ndarray,
    y: np.ndarray,
    d: np.ndarray | None,
    at: np.ndarray | None = None,
    penalty: float = 0.1,
) -> np.ndarray:
    """Local linear effects of d, or means of y where d is None, at the rows of ``at`` or out of bag; shape (m,).

    Parameters
    ----------
    x : array, shape (n, p)
        Covariates of the rows the forest was grown on.
    y, d : array, shape (n,)
        Residuals, for effects.
    penalty : float
        Relative to the mean weighted variance of the regressors.
    """
    number("penalty", penalty, above=0, such_as=0.1)
    for covariates in (x, x if at is None else at):
        finite("x", covariates)
    centre, scale = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1.0)
    u = (x - centre) / scale
    points = u if at is None else (at - centre) / scale
    basis = np.column_stack([np.ones(len(u)), u])
    if d is not None:
        basis = np.column_stack([d[:, None] * basis, basis])
    k = basis.shape[1]
    products = np.column_stack([(basis[:, :, None] * basis[:, None, :]).reshape(len(u), -1), basis * y[:, None]])
    slopes = np.arange(k) % (u.shape[1] + 1) > 0
    found = np.empty(len(points))
    for rows in slices(len(points), len(u)):
        moments = forest.weights(at, rows) @ products
        A, b = moments[:, : k * k].reshape(-1, k, k), moments[:, k * k :]
        size = A[:, slopes, slopes].mean(axis=1) if slopes.any() else np.ones(len(A))
        A = A + penalty * size[:, None, None] * np.diag(slopes.astype(float))
        beta = np.linalg.solve(A, b[:, :, None])[:, :, 0]
        # Unpenalised levels make it the same whether slopes are around x or around the mean.
        found[rows] = beta[:, 0] + (beta[:, 1 : u.shape[1] + 1] * points[rows]).sum(axis=1)
    return found
