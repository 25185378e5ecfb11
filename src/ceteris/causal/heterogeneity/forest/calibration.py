"""How much too little, or too much, a forest's effects differ between rows: the factor that calibrates them.

Averaging over neighbourhoods flattens effects. In the regression of Y - m on (D - e) τ̄ and (D - e)(τ̂ - τ̄), with τ̂ out
of bag, the second coefficient λ̂ says by which factor the differences should be multiplied. It is believed as far as it
is known, λ = 1 + (λ̂ - 1) max(0, 1 - se² / (λ̂ - 1)²), the positive-part rule of James and Stein.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ceteris.stats.least_squares import covariance_of, ols


@dataclass(frozen=True)
class Calibration:
    """τ̂ → centre + factor (τ̂ - centre), the factor having a standard error.

    Examples
    --------
    >>> Calibration(1.0, 2.0, 0.1).of(np.array([1.0, 2.0]))
    array([1., 3.])
    """

    centre: float
    factor: float
    se: float

    def of(self, tau: np.ndarray) -> np.ndarray:
        """Calibrated effects."""
        return self.centre + self.factor * (tau - self.centre)

    def variance(self, tau: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Sampling variance of calibrated effects."""
        return self.factor**2 * variance + self.se**2 * (tau - self.centre) ** 2


AS_IS = Calibration(0.0, 1.0, 0.0)  # leaves effects as they are


def fit_calibration(tau: np.ndarray, y: np.ndarray, d: np.ndarray, clusters: Sequence[np.ndarray] = ()) -> Calibration:
    """Measure the factor on residuals y and d (n,) with effects out of bag; one where effects do not differ."""
    centre = float(tau.mean())
    deviation = tau - centre
    if np.ptp(tau) <= 1e-10 * max(abs(centre), np.ptp(y)):
        return AS_IS
    fit = ols(np.column_stack([d, d * deviation]), y)
    gap, se = fit.beta[1] - 1, float(np.sqrt(covariance_of(fit, "HC3", clusters)[1, 1]))
    if gap <= se:
        return AS_IS
    return Calibration(centre, float(1 + gap * (1 - (se / gap) ** 2)), se)
