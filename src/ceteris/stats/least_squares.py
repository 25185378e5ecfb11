"""Ordinary and weighted least squares with robust covariances, as pure functions.

    β̂ = (X'WX)⁻¹ X'Wy,   residuals r = y - Xβ̂,   leverage h_i = w_i x_i'(X'WX)⁻¹x_i
    covariance = A (Σ_i c_i² w_i² r_i² x_i x_i') A,   A = (X'WX)⁻¹
    HC0: c_i = 1    HC1: c_i² = n / (n - k)    HC2: c_i² = 1 / (1 - h_i)    HC3: c_i = 1 / (1 - h_i)

The sandwich is given as an influence function, φ_i = n c_i w_i r_i A x_i, so that (1/n²) Σ φ_i φ_i' is the covariance
and clusters only add up rows. Clusters use CR1: c² = G/(G-1) (n-1)/(n-k), of which `covariance` knows the first part.

References
----------
MacKinnon and White (1985), Journal of Econometrics 29. Frisch and Waugh (1933), Lovell (1963): `partial_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ceteris.arguments import one_of
from ceteris.stats.centring import coordinates
from ceteris.stats.deletion import without_leverage

KINDS = ("HC0", "HC1", "HC2", "HC3")


@dataclass(frozen=True)
class LeastSquares:
    """A fitted regression: coefficients (k,), residuals (n,), leverage (n,), bread A (k, k), and what was fitted.

    ``lift`` (n, k) is xA, computed where the means are taken out.
    """

    beta: np.ndarray
    residuals: np.ndarray
    leverage: np.ndarray
    bread: np.ndarray
    x: np.ndarray
    weights: np.ndarray
    lift: np.ndarray

    def only(self, count: int) -> LeastSquares:
        """The first coefficients alone, so that what there is of each row is not computed for all."""
        return replace(self, beta=self.beta[:count], bread=self.bread[:count, :count], lift=self.lift[:, :count])

    def influence(self, kind: str = "HC1") -> np.ndarray:
        """Influence of each row on the coefficients, shape (n, k).

        Parameters
        ----------
        kind : 'HC0', 'HC1', 'HC2' or 'HC3'
            Correction for small samples, of independent rows.
        """
        return self._plain * correction(self.leverage, self.x.shape[1], kind)[:, None]

    @property
    def by_cluster(self) -> np.ndarray:
        """Influence of each row, shape (n, k), of which `covariance` makes CR1 when rows come in clusters."""
        n, k = self.x.shape
        return self._plain * np.sqrt((n - 1) / (n - k))

    @property
    def by_deletion(self) -> np.ndarray:
        """N (β̂ - β̂₋ᵢ) of each row, shape (n, k), exactly; infinite where only that row identifies a coefficient."""
        found = without_leverage(self._plain, self.leverage[:, None])
        own = np.abs(self.lift) > 1e-8 * np.abs(self.lift).max(axis=0)
        return np.where(own | np.isfinite(found), found, 0.0)  # a dummy of its own row takes nothing from the others

    @property
    def _plain(self) -> np.ndarray:
        return len(self.x) * (self.weights * self.residuals)[:, None] * self.lift


def ols(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> LeastSquares:
    """Fit y on the columns of x by least squares.

    Parameters
    ----------
    x : array, shape (n, k)
        Add the constant yourself; where there is one, means are taken out before rank is looked at. Collinear columns
        are refused.
    y : array, shape (n,)
    weights : array, shape (n,), optional

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [0.0, 0, 1, 1]])
    >>> fit = ols(x, np.array([1.0, 3.0, 5.0, 9.0]))
    >>> fit.beta.round(10), np.diag(covariance_of(fit, "HC0")).round(10)
    (array([2., 5.]), array([0.5, 2.5]))
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(f"x and y have shapes {x.shape} and {y.shape}, but must have (n, k) and (n,); reshape them.")
    n, k = x.shape
    if n <= k:
        raise ValueError(f"x has {k} columns and {n} rows, but must have more rows than columns; leave some out.")
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    root = np.sqrt(w)
    about = coordinates(x)
    z = about.z
    Q, R = np.linalg.qr(root[:, None] * z)
    size = np.linalg.norm(root[:, None] * z, axis=0)
    bad = np.flatnonzero(np.abs(R.diagonal()) <= 1e-10 * np.where(size > 0, size, 1.0))
    if len(bad):
        raise ValueError(f"x: column {bad[0]} is a combination of the columns before it; drop it.")
    beta = np.linalg.solve(R, Q.T @ (root * y))
    inverse = np.linalg.solve(R, np.eye(k))
    bread = inverse @ inverse.T @ about.inverse.T
    leverage = (Q**2).sum(axis=1)
    return LeastSquares(about.inverse @ beta, y - z @ beta, leverage, about.inverse @ bread, x, w, z @ bread)


def correction(leverage: np.ndarray, k: int, kind: str) -> np.ndarray:
    """c_i of the head of this module, shape (n,)."""
    n = len(leverage)
    if one_of("kind", kind, KINDS) == "HC0":
        return np.ones(n)
    if kind == "HC1":
        return np.full(n, np.sqrt(n / (n - k)))
    if leverage.max() > 1 - 1e-10:
        raise ValueError(
            f"kind is {kind}, but row {int(leverage.argmax())} has a leverage of one, since a column is zero in all "
            "other rows; use 'HC1', or drop that column."
        )
    return (1 - leverage) ** (-0.5 if kind == "HC2" else -1.0)


def covariance_of(fit: LeastSquares, kind: str = "HC1", cluster: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Covariance of the coefficients, shape (k, k); 'classic' for errors of equal variance."""
    from ceteris.stats.covariance import covariance

    if kind == "classic" and not cluster:
        n, k = fit.x.shape
        return fit.bread * (fit.weights @ fit.residuals**2) / (n - k)
    return covariance(fit.by_cluster if cluster else fit.influence(kind), cluster)


def partial_out(target: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Residuals of the target on the columns of x; by Frisch, Waugh and Lovell what is left gives the coefficient.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.column_stack([np.ones(50), rng.normal(size=(50, 2))])
    >>> d = x[:, 1] + rng.normal(size=50)
    >>> y = 2 * d - x[:, 2] + rng.normal(size=50)
    >>> u, v = partial_out(y, x), partial_out(d, x)
    >>> bool(np.isclose(v @ u / (v @ v), ols(np.column_stack([x, d]), y).beta[-1], rtol=1e-12))
    True
    """
    return ols(x, target).residuals
