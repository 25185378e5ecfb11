"""Losses of estimated effects on held-out rows: what is lowest at the true τ(x), up to a constant.

    R-loss    mean of (y - m - (d - e) τ̂)²
    DR-loss   mean of (Γ - τ̂)²
    MSE       mean of (τ - τ̂)², where the truth is known

The first two contain noise that no τ̂ can take off, so their differences count: several estimates are compared on the
same rows with ``.contrast([1, -1])``, whose standard error is small where they agree.

References
----------
Nie and Wager (2021), Biometrika 108; Kennedy (2023), Electronic Journal of Statistics 17.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, named, same_length, vectors
from ceteris.results import About, Estimate


def r_loss(y: Any, d: Any, m: Any, e: Any, tau_hat: Any, *, cluster: Any = None) -> Estimate:
    """Squared residual of the outcome after the treatment's residual times the effect.

    Parameters
    ----------
    y, d, m, e : array, shape (n,)
        Outcome, treatment, E[Y | X] and E[D | X], the last two from other rows.
    tau_hat : array, shape (n,), or mapping or data frame of several by name
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> y, d, zero, half = [1.0, -1.0], [1, 0], [0.0, 0.0], [0.5, 0.5]
    >>> r_loss(y, d, zero, half, {"right": [2.0, 2.0], "zero": zero}).point
    array([0., 1.])
    """
    y, d, m, e = vectors(y=y, d=d, m=m, e=e)
    return _loss("R-loss", y - m, d - e, tau_hat, cluster)


def dr_loss(scores: Any, tau_hat: Any, *, cluster: Any = None) -> Estimate:
    """Squared distance of estimated effects from doubly robust scores; arguments as in `r_loss`.

    Examples
    --------
    >>> dr_loss([1.0, 3.0], [1.0, 1.0]).point
    array([2.])
    """
    (scores,) = vectors(scores=scores)
    return _loss("DR-loss", scores, np.ones_like(scores), tau_hat, cluster)


def effect_mse(tau: Any, tau_hat: Any) -> Estimate:
    """Mean squared error where the true effects are known, in simulations.

    Examples
    --------
    >>> effect_mse([1.0, 2.0], [1.0, 4.0]).point
    array([2.])
    """
    (tau,) = vectors(tau=tau)
    return _loss("MSE", tau, np.ones_like(tau), tau_hat, None)


def _loss(kind: str, target: np.ndarray, slope: np.ndarray, tau_hat: Any, cluster: Any) -> Estimate:
    estimates = named("tau_hat", tau_hat, kind)
    same_length(target=target, **estimates)
    losses = np.stack([(target - slope * tau) ** 2 for tau in estimates.values()], axis=1)
    mean = losses.mean(0)
    about = About(f"{kind} of estimated effects", "Lowest at the true effects; compare, do not read.")
    return Estimate(mean, losses - mean, tuple(estimates), about, clusters_of(cluster, len(target)))
