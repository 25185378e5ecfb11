"""Rubin's rules: one estimate from m completed data sets.

    θ̄ = mean of θ_i,   W = mean of V_i,   B = Σ (θ_i - θ̄)(θ_i - θ̄)' / (m - 1),   T = W + (1 + 1/m) B

Per coefficient, with λ = (1 + 1/m) B / T, the degrees of freedom are those of Barnard and Rubin,

    1/ν = λ²/(m - 1) + 1/ν_obs,   ν_obs = ν (ν + 1)/(ν + 3) (1 - λ)

where the ν on the right are those of the complete data, and the fraction of missing information is
(r + 2/(ν + 3)) / (r + 1) with r = λ/(1 - λ).

References
----------
Rubin (1987), Multiple Imputation for Nonresponse in Surveys. Barnard and Rubin (1999), "Small-sample degrees of
freedom with multiple imputation", Biometrika 86. Van Buuren (2018), Flexible Imputation of Missing Data, section 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import number


@dataclass(frozen=True)
class Pooled:
    """What Rubin's rules give.

    Attributes
    ----------
    point : array, shape (k,)
        Mean of the estimates.
    covariance, within, between : arrays, shape (k, k)
        T, W and B.
    dof : array, shape (k,)
        Degrees of freedom of Student's t; infinite where nothing limits them.
    missing_share : array, shape (k,)
        λ, the share of the variance that is due to the holes.
    increase : array, shape (k,)
        r, the relative increase in variance that is due to the holes.
    missing_information : array, shape (k,)
        Fraction of missing information, λ corrected for a finite number of data sets.
    """

    point: np.ndarray
    covariance: np.ndarray
    within: np.ndarray
    between: np.ndarray
    dof: np.ndarray
    missing_share: np.ndarray
    increase: np.ndarray
    missing_information: np.ndarray


def rubin(points: np.ndarray, covariances: np.ndarray, dof: float | None = None) -> Pooled:
    """Pool the estimates of m completed data sets.

    Parameters
    ----------
    points : array, shape (m, k)
        Estimates, m at least 2.
    covariances : array, shape (m, k, k)
        Of the estimates, each as if its data set were complete.
    dof : float, optional
        Degrees of freedom of the complete data, such as n - k; infinite if not given.

    Examples
    --------
    >>> pooled = rubin(np.array([[1.0], [2.0], [3.0]]), np.full((3, 1, 1), 1.0))
    >>> pooled.point, pooled.covariance.round(3), pooled.dof.round(3)
    (array([2.]), array([[2.333]]), array([6.125]))
    """
    points, covariances = np.asarray(points, float), np.asarray(covariances, float)
    refuse_estimates(points, covariances, dof)
    m = len(points)
    within, between = covariances.mean(0), np.atleast_2d(np.cov(points, rowvar=False))
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between.diagonal() / total.diagonal()
    nu = _degrees(share, m, np.inf if dof is None else dof)
    ratio = share / (1 - share)
    information = (ratio + 2 / (nu + 3)) / (ratio + 1)
    return Pooled(points.mean(0), total, within, between, nu, share, ratio, information)


def _degrees(share: np.ndarray, m: int, complete: float) -> np.ndarray:
    observed = complete * (1 - share) * ((complete + 1) / (complete + 3) if np.isfinite(complete) else 1.0)
    with np.errstate(divide="ignore"):
        return 1 / (share**2 / (m - 1) + 1 / observed)


def refuse_estimates(points: np.ndarray, covariances: np.ndarray, dof: float | None) -> None:
    """Raise unless there are m estimates with a covariance each, all finite, of m at least 2."""
    if points.ndim != 2 or covariances.shape != (*points.shape, points.shape[1]):
        raise ValueError(
            f"points and covariances have shapes {points.shape} and {covariances.shape}, but must have (m, k) and "
            "(m, k, k); reshape them."
        )
    if len(points) < 2:
        raise ValueError(
            f"points holds {len(points)} data set(s), but must hold 2 at least, as they differ; give more."
        )
    if not (np.isfinite(points).all() and np.isfinite(covariances).all()):
        raise ValueError("points: an estimate or covariance is not finite; look at the fit on each completed data set.")
    if not (np.diagonal(covariances, axis1=1, axis2=2) > 0).all():
        raise ValueError("covariances: a variance that is not positive given; each estimate needs one.")
    if dof is not None:
        number("dof", dof, above=0)
