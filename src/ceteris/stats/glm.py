"""Generalised linear models with the canonical link and an offset, in NumPy: logit and Poisson.

    log L(β) = Σ_i y_i η_i - A(η_i) + a constant,   η = o + Xβ,   A = log(1 + e^η) or e^η
    gradient X'(y - μ),   information X' diag(A'') X,   μ = A'

By maximum likelihood, and, since the score has mean zero wherever E[y | x] = μ, as an M-estimator: the influence
function gives robust standard errors of a Poisson regression whatever the variance is. `stats.logit` is the logit for
large tables, with weights and a check of separation.

References
----------
McCullagh and Nelder (1989), Generalized Linear Models. Gourieroux, Monfort and Trognon (1984), "Pseudo maximum
likelihood methods: applications to Poisson models", Econometrica 52.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import one_of
from ceteris.stats.centring import coordinates
from ceteris.stats.logit import sigmoid

FAMILIES = ("logit", "poisson")
STEPS = 100  # of Newton; six to ten are usual
NEVER = -25.0  # log of a mean below which a row of a Poisson regression counts as always zero


@dataclass(frozen=True)
class Glm:
    """A fitted model.

    Parameters
    ----------
    beta : array, shape (k,)
        Coefficients.
    fitted : array, shape (n,)
        Means of the rows.
    covariance : array, shape (k, k)
        Inverse of the information.
    influence : array, shape (n, k)
        Of each row on the coefficients: β̂ - β ≈ mean of it.
    steps : int
        Newton steps taken.
    """

    beta: np.ndarray
    fitted: np.ndarray
    covariance: np.ndarray
    influence: np.ndarray
    steps: int


def glm(x: np.ndarray, y: np.ndarray, family: str, offset: np.ndarray | None = None) -> Glm:
    """Fit by maximum likelihood.

    Parameters
    ----------
    x : array, shape (n, k)
        Add the constant yourself; columns must be independent. None (k = 0) leave the offset alone.
    y : array, shape (n,)
        Zeros and ones for a logit, not negative for Poisson.
    family : {"logit", "poisson"}
    offset : array, shape (n,), optional
        What is added to the linear predictor.

    Examples
    --------
    With a constant and one dummy the fit gives the means of the two groups:

    >>> x = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    >>> glm(x, np.array([1.0, 2.0, 0.0, 6.0]), "poisson").fitted.round(6)
    array([1.5, 1.5, 3. , 3. ])
    """
    one_of("family", family, FAMILIES)
    y = np.asarray(y, dtype=float)
    about = coordinates(np.asarray(x, dtype=float))
    z, o = about.z, np.zeros(len(y)) if offset is None else np.asarray(offset, dtype=float)
    beta = _first(z, y, family, o)
    value = _likelihood(o + z @ beta, y, family)
    for step in range(1, STEPS + 1):
        mu, curve = _mean(o + z @ beta, family)
        direction = np.linalg.lstsq((curve[:, None] * z).T @ z, z.T @ (y - mu), rcond=None)[0]
        size = 1.0
        while size > 1e-8:
            new = _likelihood(o + z @ (beta + size * direction), y, family)
            if new >= value - 1e-12 * (1 + abs(value)):
                break
            size /= 2
        beta, value = beta + size * direction, new
        eta = o + z @ beta
        if family == "poisson" and eta.min() < NEVER:
            break
        if np.abs(z @ direction).max(initial=0.0) <= 1e-10 * (1 + np.abs(eta).max()):
            return _found(z, y, family, beta, about.inverse, eta, step)
    raise RuntimeError(
        f"{family}: there is no maximum, as a combination of the columns tells the rows that are always zero; leave "
        "the column out that does."
    )


def log_likelihood(eta: np.ndarray, y: np.ndarray, family: str) -> float:
    """Log-likelihood at a linear predictor, shape (n,), less what depends on y alone.

    Examples
    --------
    >>> round(log_likelihood(np.zeros(2), np.array([0.0, 1.0]), "logit"), 4)  # 2 log(1/2)
    -1.3863
    """
    return _likelihood(eta, y, one_of("family", family, FAMILIES))


def _found(
    z: np.ndarray, y: np.ndarray, family: str, beta: np.ndarray, inverse: np.ndarray, eta: np.ndarray, step: int
) -> Glm:
    mu, curve = _mean(eta, family)
    spread = np.linalg.pinv((curve[:, None] * z).T @ z, hermitian=True)
    influence = len(y) * (y - mu)[:, None] * (z @ spread @ inverse.T)
    return Glm(inverse @ beta, mu, inverse @ spread @ inverse.T, influence, step)


def _first(z: np.ndarray, y: np.ndarray, family: str, o: np.ndarray) -> np.ndarray:
    """Least squares on the link of what lies between the outcome and its mean."""
    if family == "logit" or not z.shape[1]:
        return np.zeros(z.shape[1])
    weight = np.sqrt(y + y.mean() + 1e-8)
    return np.linalg.lstsq(weight[:, None] * z, weight * (np.log((y + y.mean() + 1e-8) / 2) - o), rcond=None)[0]


def _mean(eta: np.ndarray, family: str) -> tuple[np.ndarray, np.ndarray]:
    """A' and A''."""
    if family == "logit":
        p = sigmoid(eta)
        return p, p * (1 - p)
    mu = np.exp(np.minimum(eta, 500.0))
    return mu, mu


def _likelihood(eta: np.ndarray, y: np.ndarray, family: str) -> float:
    grown = np.logaddexp(0.0, eta) if family == "logit" else np.exp(np.minimum(eta, 500.0))
    return float(y @ eta - grown.sum())
