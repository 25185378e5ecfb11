"""A linear effect β'(1, x) from the R-loss: it says how much a forest smooths away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PENALTIES = 10.0 ** np.arange(-4, 5)  # per row, on standardised covariates


@dataclass(frozen=True, eq=False)
class LinearEffect:
    """Effects that are linear in the covariates, missing ones at their means.

    Attributes
    ----------
    beta : array, shape (p + 1, k)
        Intercept first, a column for each of k treatments.
    mean, scale : array, shape (p,)
    """

    beta: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @property
    def average(self) -> np.ndarray:
        """Mean effect over the rows it was fitted on, shape (k,)."""
        return self.beta[0]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Effects at the rows of x (n, p), shape (n, k)."""
        return _with_one(x, self.mean, self.scale) @ self.beta


def fit_linear_effect(x: np.ndarray, y: np.ndarray, d: np.ndarray, z: np.ndarray | None = None) -> LinearEffect:
    """Minimise Σ (y - d'τ(x))² over linear τ, penalised as leave-one-out errors ask; y and d are residuals.

    Parameters
    ----------
    x : array, shape (n, p)
    y : array, shape (n,)
    d : array, shape (n,) or (n, k)
    z : array of the shape of d, optional
        Instruments; then the moments Σ z (1, x) (y - d'τ(x)) = 0 are solved by two-stage least squares.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, d = rng.normal(size=(2, 500))
    >>> linear = fit_linear_effect(x[:, None], (1 + 2 * x) * d, d)
    >>> linear(np.array([[0.0], [1.0]])).ravel().round(2)
    array([1., 3.])
    """
    from sklearn.linear_model import RidgeCV

    mean = np.nanmean(x, axis=0)
    scale = np.nanstd(x, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    basis = _with_one(x, mean, scale)
    D = d.reshape(len(y), -1)
    design = _times(D, basis)
    if z is not None:
        by = _times(z.reshape(len(y), -1), basis)
        design = by @ np.linalg.lstsq(by, design, rcond=None)[0]
    ridge = RidgeCV(PENALTIES * len(y) * np.mean(D**2), fit_intercept=False).fit(design, y)
    beta = np.asarray(ridge.coef_)
    return LinearEffect(beta.reshape(D.shape[1], basis.shape[1]).T, mean, scale)


def _with_one(x: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), np.nan_to_num((x - mean) / scale)])


def _times(d: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return (d[:, :, None] * basis[:, None, :]).reshape(len(d), -1)
