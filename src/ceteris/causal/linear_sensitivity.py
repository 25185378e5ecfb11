"""How strong an unmeasured confounder of one OLS regression would have to be; see `ceteris.causal.sensitivity`.

The bias is a function of the t-statistic: bias = se sqrt(dof) sqrt(R²_y R²_d / (1 - R²_d)), with partial R² of the
confounder in the two regressions.

References
----------
Cinelli and Hazlett (2020), "Making sense of sensitivity", JRSS B 82.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.stats.least_squares import covariance_of, ols
from ceteris.stats.logit import with_constant


def strength_of(cf_y: Any, cf_d: Any) -> Any:
    """C_Y C_D.

    Examples
    --------
    >>> float(strength_of(0.5, 0.5).round(6))
    0.707107
    """
    return np.sqrt(np.asarray(cf_y) * np.asarray(cf_d) / (1 - np.asarray(cf_d)))


def linear_robustness(t: float, dof: float, share: float = 1.0, alpha: float | None = None) -> float:
    """Partial R², the same with outcome and treatment, at which a confounder takes `share` of an OLS coefficient.

    Parameters
    ----------
    t, dof : float
        t-statistic and residual degrees of freedom of the treatment.
    share : float
        One takes all of it.
    alpha : float, optional
        Until it is no longer significant at this level, instead of zero.

    Examples
    --------
    >>> round(linear_robustness(4.18, 783), 3), round(linear_robustness(4.18, 783, alpha=0.05), 3)
    (0.139, 0.076)
    """
    from scipy import stats

    if not dof > 1:
        raise ValueError(f"dof is {dof}, but must be above 1; use more rows.")
    f = share * abs(t) / np.sqrt(dof)
    edge = 0.0 if alpha is None else abs(float(stats.t.ppf(alpha / 2, dof - 1))) / np.sqrt(dof - 1)
    gap = f - edge
    if gap <= 0:
        return 0.0
    value = robustness_of(gap, 1.0)
    extreme = (f**2 - edge**2) / (1 + f**2)  # where explaining more of the outcome could not help any further
    return float(extreme if edge > 0 and f > 1 / edge else value)


def linear_benchmark(y: np.ndarray, d: np.ndarray, x: np.ndarray, column: int, times: float = 1.0) -> dict[str, float]:
    """Partial R² of a confounder `times` as strong as a column of x, and the OLS coefficient if there were one.

    Returns
    -------
    dict
        r2_d and r2_y of the confounder, "estimate" and "std err" after adjusting for it.
    """
    X = with_constant(x)
    fit, first = ols(np.column_stack([d, X]), y), ols(X, d)
    se = np.sqrt(np.diag(covariance_of(fit, "classic")))
    dof = len(y) - X.shape[1] - 1
    r2_dx = _partial(first.beta[1 + column], covariance_of(first, "classic")[1 + column, 1 + column], dof + 1)
    r2_yx = _partial(fit.beta[2 + column], se[2 + column] ** 2, dof)
    r2_d = times * r2_dx / (1 - r2_dx)
    r2_zx = times * r2_dx**2 / ((1 - times * r2_dx) * (1 - r2_dx))
    if not (r2_d < 1 and 0 <= r2_zx < 1):
        raise ValueError(f"times is {times}, but no confounder is so strong, as it would explain all; ask for less.")
    r2_y = ((np.sqrt(times) + np.sqrt(r2_zx)) / np.sqrt(1 - r2_zx)) ** 2 * r2_yx / (1 - r2_yx)
    r2_y = min(float(r2_y), 1.0)
    bias, after = linear_bias(se[0], dof, r2_y, r2_d)
    moved = fit.beta[0] - np.sign(fit.beta[0]) * bias
    return {"r2_d": float(r2_d), "r2_y": r2_y, "estimate": float(moved), "std err": after}


def linear_bias(se: float, dof: float, r2_y: float, r2_d: float) -> tuple[float, float]:
    """Size of the bias of an OLS coefficient from a left-out confounder, and the standard error with it in; exact.

    Parameters
    ----------
    se, dof : float
        Classical standard error of the coefficient without the confounder, residual degrees of freedom.
    r2_y, r2_d : float
        Partial R² of the confounder with the outcome (given the treatment) and with the treatment.

    Examples
    --------
    >>> bias, after = linear_bias(1.0, 100.0, 0.2, 0.2)
    >>> round(bias, 6), round(after, 6)
    (2.236068, 1.005038)
    """
    after = se * np.sqrt((1 - r2_y) / (1 - r2_d)) * np.sqrt(dof / (dof - 1))
    return float(se * np.sqrt(dof) * strength_of(r2_y, r2_d)), float(after)


def robustness_of(distance: float, scale: float) -> float:
    """Strength, the same in outcome and treatment, at which a bias of ``scale`` per unit is as large as a distance."""
    if distance == 0:
        return 0.0
    if scale == 0:
        return 1.0
    f2 = (distance / scale) ** 2
    return float(2 * f2 / (f2 + np.sqrt(f2**2 + 4 * f2)))  # (-f² + sqrt(f⁴ + 4f²)) / 2, without cancellation


def _partial(beta: float, variance: float, dof: float) -> float:
    t2 = beta**2 / variance
    return float(t2 / (t2 + dof))
