"""Whether estimated effects move with the true ones: two regressions, of scores and of residuals.

References
----------
Chernozhukov, Demirer, Duflo and Fernández-Val (2025), Econometrica 93 (best linear predictor); Athey and Wager (2019),
Observational Studies 5 (calibration test of causal forests).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, refuse_constant, vectors
from ceteris.results import About, Check, Estimate
from ceteris.stats.least_squares import ols

SLOPE = "there is no slope"


def best_linear_predictor(scores: Any, tau_hat: Any, *, cluster: Any = None) -> Estimate:
    """Regression of doubly robust scores on the estimated effect: E[τ | τ̂] ≈ average + slope (τ̂ - mean τ̂).

    A slope of one says that the estimated effects are calibrated, zero that they know nothing of the true ones.
    Standard errors are HC3, or CR1 with clusters.

    Parameters
    ----------
    scores, tau_hat : array, shape (n,)
        From different rows.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> best_linear_predictor([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4]).point.round(6)
    array([ 2.5, 10. ])
    """
    scores, tau_hat = vectors(scores=scores, tau_hat=tau_hat)
    refuse_constant("tau_hat", tau_hat, SLOPE)
    design = np.column_stack([np.ones(len(scores)), tau_hat - tau_hat.mean()])
    about = About(
        "Best linear predictor of the effect",
        "Average effect, and slope of the effect in the estimated effect; one is right, zero uninformed.",
    )
    return _regression(design, scores, ("average", "slope"), about, cluster)


def calibration_test(y: Any, d: Any, m: Any, e: Any, tau_hat: Any, *, cluster: Any = None) -> Estimate:
    """Regression of y - m on (d - e) τ̄ and (d - e)(τ̂ - τ̄): both coefficients are one if τ̂ is right.

    "mean" of one says that the average of τ̂ is right, "differential" of one that its variation is; a differential that
    is significantly above zero is evidence of heterogeneity. The check reports the one-sided p-value of the latter.

    Parameters
    ----------
    y, d, m, e, tau_hat : array, shape (n,)
        Outcome, treatment, E[Y | X], E[D | X] and the estimated effect, the last three out of fold.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, d = rng.normal(size=2000), rng.integers(2, size=2000)
    >>> y = d * (1 + x) + rng.normal(size=2000)
    >>> calibration_test(y, d, (1 + x) / 2, np.full(2000, 0.5), 1 + x / 2).point.round(1)  # varies too little by half
    array([1. , 2.1])
    """
    from scipy.stats import norm

    y, d, m, e, tau_hat = vectors(y=y, d=d, m=m, e=e, tau_hat=tau_hat)
    refuse_constant("tau_hat", tau_hat, SLOPE)
    mean = tau_hat.mean()
    if abs(mean) < 1e-10 * np.abs(tau_hat).max():
        raise ValueError("tau_hat: its mean is zero, so that the mean cannot be tested; use best_linear_predictor.")
    v = d - e
    about = About(
        "Calibration test",
        "Coefficients of the mean and of the variation of the estimated effect; both are one if right.",
    )
    design = np.column_stack([v * mean, v * (tau_hat - mean)])
    found = _regression(design, y - m, ("mean", "differential"), about, cluster)
    p = float(norm.sf(found.point[1] / found.se[1]))
    advice = "." if p < 0.05 else "; the data do not show that effects differ as estimated."
    check = Check("heterogeneity", p < 0.05, f"One-sided p-value of the differential: {p:.3f}{advice}", p, 0.05)
    return replace(found, checks=(check,))


def _regression(x: np.ndarray, y: np.ndarray, names: tuple[str, ...], about: About, cluster: Any) -> Estimate:
    groups = clusters_of(cluster, len(y))
    fit = ols(x, y)
    return Estimate(fit.beta, fit.influence("HC3"), names, about, groups, by_cluster=fit.by_cluster,
                    by_deletion=fit.by_deletion)  # fmt: skip
