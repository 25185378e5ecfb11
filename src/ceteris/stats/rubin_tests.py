"""Joint tests and R² from m completed data sets.

    D1, of Wald       r = (1 + 1/m) tr(B W⁻¹) / k,                        D = θ̄' W⁻¹ θ̄ / (k (1 + r))
    D2, of statistics r = (1 + 1/m) Var(√d_i),                            D = (d̄/k - r (m + 1)/(m - 1)) / (1 + r)
    D3, of likelihood r = (m + 1)/(k (m - 1)) (d̄ - d̃),                   D = d̃ / (k (1 + r))

where d_i is the test statistic on data set i alone, chi-squared with k degrees of freedom if the data were complete,
and d̃ the mean likelihood-ratio statistic with the coefficients of all data sets set to their means. Each D is held
against an F distribution; D1 and D3 with, for t = k (m - 1) > 4,

    ν = 4 + (t - 4) (1 + (1 - 2/t) / r)²

degrees of freedom in the denominator, and D1 with those of Reiter where the complete data leave few.

References
----------
Li, Raghunathan and Rubin (1991), "Large-sample significance levels from multiply imputed data using moment-based
statistics and an F reference distribution", Journal of the American Statistical Association 86 (D1). Reiter (2007),
"Small-sample degrees of freedom for multi-component significance tests with multiple imputation for missing data",
Biometrika 94. Li, Meng, Raghunathan and Rubin (1991), "Significance levels from repeated p-values with multiply-imputed
data", Statistica Sinica 1 (D2). Meng and Rubin (1992), "Performing likelihood ratio tests with multiply-imputed data
sets", Biometrika 79 (D3). Harel (2009), "The estimation of R² and adjusted R² in incomplete data sets using multiple
imputation", Journal of Applied Statistics 36.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import number, probability, whole
from ceteris.stats.rubin import refuse_estimates, rubin


@dataclass(frozen=True)
class PooledTest:
    """A joint test of k restrictions.

    Attributes
    ----------
    statistic : float
        D, held against an F distribution. D2 may be negative.
    dof : tuple of float
        Its degrees of freedom, k and ν.
    increase : float
        r, the average relative increase in variance that is due to the holes.
    p_value : float
    """

    statistic: float
    dof: tuple[float, float]
    increase: float
    p_value: float


def d1(points: np.ndarray, covariances: np.ndarray, dof: float | None = None) -> PooledTest:
    """Wald test that all estimands are zero, pooled: D1.

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
    >>> points = np.array([[1.0, 0.5], [1.2, 0.3], [0.8, 0.4], [1.1, 0.6]])
    >>> test = d1(points, np.tile(0.1 * np.eye(2), (4, 1, 1)), dof=50)
    >>> round(test.statistic, 3), round(test.p_value, 4)
    (4.87, 0.0237)
    """
    points, covariances = np.asarray(points, float), np.asarray(covariances, float)
    refuse_estimates(points, covariances, dof)
    m, k = points.shape
    point, within = points.mean(0), covariances.mean(0)
    between = np.atleast_2d(np.cov(points, rowvar=False))
    r = float((1 + 1 / m) * np.trace(np.linalg.solve(within, between)) / k)
    value = float(point @ np.linalg.solve(within, point) / (k * (1 + r)))
    return _held(value, k, r, _degrees(r, k, m, np.inf if dof is None else dof))


def d2(statistics: np.ndarray, k: int) -> PooledTest:
    """Test from m chi-squared statistics alone: D2.

    It has less power than the others, and is what is left where only the statistics are known.

    Parameters
    ----------
    statistics : array, shape (m,)
        Of the same hypothesis on each completed data set.
    k : int
        Their degrees of freedom.

    Examples
    --------
    >>> test = d2(np.array([9.0, 6.0, 8.0, 7.0]), k=2)
    >>> round(test.statistic, 3), round(test.dof[1], 1), round(test.p_value, 4)
    (3.395, 415.1, 0.0345)
    """
    d = np.asarray(statistics, float)
    _refuse_statistics("statistics", d)
    whole("k", k)
    m = len(d)
    r = float((1 + 1 / m) * np.sqrt(d).var(ddof=1))
    value = float((d.mean() / k - (m + 1) / (m - 1) * r) / (1 + r))
    with np.errstate(divide="ignore"):
        return _held(value, k, r, float(k ** (-3 / m) * (m - 1) * (1 + 1 / np.float64(r)) ** 2))


def d3(fitted: np.ndarray, pooled: np.ndarray, k: int) -> PooledTest:
    """Likelihood-ratio test, pooled: D3.

    Where the pooled coefficients fit better than chance allows, r would be negative and is taken as zero.

    Parameters
    ----------
    fitted : array, shape (m,)
        Twice the difference in log-likelihood between both models, each as fitted to its data set.
    pooled : array, shape (m,)
        The same with the coefficients of both at their means over the data sets.
    k : int
        How many restrictions tell the models apart.

    Examples
    --------
    >>> test = d3(np.array([9.0, 6.0, 8.0, 7.0]), np.array([8.0, 5.5, 7.5, 6.0]), k=2)
    >>> round(test.statistic, 3), round(test.increase, 3), round(test.p_value, 4)
    (2.077, 0.625, 0.1663)
    """
    fitted, pooled = np.asarray(fitted, float), np.asarray(pooled, float)
    _refuse_statistics("fitted", fitted)
    whole("k", k)
    if pooled.shape != fitted.shape or not np.isfinite(pooled).all():
        raise ValueError(
            f"pooled has shape {pooled.shape}, but must hold a finite number for each of the {len(fitted)} in fitted; "
            "give these."
        )
    m = len(fitted)
    r = max(float((m + 1) / (k * (m - 1)) * (fitted.mean() - pooled.mean())), 0.0)
    return _held(float(pooled.mean() / (k * (1 + r))), k, r, _degrees(r, k, m, np.inf))


@dataclass(frozen=True)
class PooledShare:
    """A pooled R² with its interval and the fraction of missing information."""

    estimate: float
    low: float
    high: float
    missing_information: float


def pooled_r_squared(values: np.ndarray, n: int, level: float = 0.95) -> PooledShare:
    """Pool R², or adjusted R², by Rubin's rules for Fisher's z of its root.

    The variance of z is 1/(n - 3) on each data set, and the interval is that of the normal distribution. What is
    negative, as an adjusted R² and the low end of an interval may be, keeps its sign.

    Parameters
    ----------
    values : array, shape (m,)
        R² on each completed data set.
    n : int
        Rows of the data.
    level : float
        Of the interval.

    Examples
    --------
    >>> found = pooled_r_squared(np.array([0.30, 0.34, 0.32]), n=200)
    >>> round(found.estimate, 4), round(found.low, 4), round(found.high, 4)
    (0.32, 0.206, 0.4355)
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 or not (np.abs(values) < 1).all():
        raise ValueError("values must be 2 numbers at least, each between -1 and 1; give R² of each completed table.")
    number("n", n, least=4)
    probability("level", level)
    from scipy import stats

    z = np.arctanh(np.sign(values) * np.sqrt(np.abs(values)))
    pooled = rubin(z[:, None], np.full((len(z), 1, 1), 1 / (n - 3)))
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(pooled.covariance[0, 0])
    ends = np.tanh(pooled.point[0] + half * np.array([0, -1, 1]))
    estimate, low, high = np.sign(ends) * ends**2
    return PooledShare(float(estimate), float(low), float(high), float(pooled.missing_information[0]))


def _degrees(r: float, k: int, m: int, complete: float) -> float:
    """ν of the F distribution; with few imputations, or almost no complete data, in the manner of Barnard and Rubin."""
    t = k * (m - 1)
    star = complete * ((complete + 1) / (complete + 3) if np.isfinite(complete) else 1.0)
    if r <= 1e-14:  # nothing is missing: what there is between the data sets is rounding
        return star
    large = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2 if t > 4 else t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2
    if np.isinf(star):
        return large
    a = r * t / (t - 2) if t > 4 else np.inf
    if star > 4 * (1 + a):
        return _reiter(a, t, star)
    return 1 / (1 / large + (1 + r) / star)


def _reiter(a: float, t: int, star: float) -> float:
    """Reiter (2007), equations 1 and 2."""
    c1, c2, b = star - 2 * (1 + a), star - 4 * (1 + a), 1 + a
    parts = (
        a**2 * c1 / (b**2 * c2), 8 * a**2 * c1 / (b * c2**2), 4 * a**2 / (b * c2), 4 * a**2 / (c2 * c1),
        16 * a**2 * c1 / c2**3, 8 * a**2 / c2**2,
    )  # fmt: skip
    return 4 + 1 / (1 / c2 + sum(parts) / (t - 4))


def _held(value: float, k: int, r: float, nu: float) -> PooledTest:
    from scipy import stats

    p = stats.chi2.sf(k * value, k) if np.isinf(nu) else stats.f.sf(value, k, nu)
    return PooledTest(value, (float(k), float(nu)), r, float(p))


def _refuse_statistics(argument: str, values: np.ndarray) -> None:
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{argument} has shape {values.shape}, but must be 2 numbers at least; give one per data set.")
    if not (np.isfinite(values) & (values >= -1e-8)).all():
        raise ValueError(
            f"{argument}: a statistic that is negative or not finite is given, but must be a chi-squared one; look at "
            "the test on each completed data set."
        )
