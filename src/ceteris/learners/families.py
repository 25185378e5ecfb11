"""Distributions of a target given its columns: from the outputs of nets to means, variances and quantiles.

Every net of an ensemble gives a distribution; the ensemble's is their mixture. What is known of a family but for a
factor φ of its variance gets this dispersion from rows that were set aside, as in quasi-likelihood.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from ceteris.learners.target import Units
from ceteris.nets import Tweedie, gamma, gaussian, negative_binomial, poisson

HALVINGS = 60  # of an interval that holds a quantile


class Family(NamedTuple):
    """A distribution with a mean μ and, as the second output of a net, a parameter s.

    Attributes
    ----------
    loss : callable
    outputs : int
    variance : callable
        ``variance(mu, s, power)``, in units of φ.
    cdf : callable
        ``cdf(y, mu, s, phi, power)``.
    least : float
        φ at least: counts vary by no less than their distribution says, and by more where the net misses something.
    """

    loss: Callable[..., Any]
    outputs: int
    variance: Callable[..., np.ndarray]
    cdf: Callable[..., np.ndarray]
    least: float


def _count_variance(mu, s, power):
    return mu + s * mu**2


def _count_cdf(y, mu, s, phi, power):
    """Negative binomial of the variance φ (μ + s μ²), which without a surplus over μ is Poisson."""
    surplus = (phi * _count_variance(mu, s, power) - mu) / mu**2
    size = 1 / np.maximum(surplus, 1e-8)
    return np.where(surplus > 1e-8, stats.nbinom.cdf(y, size, size / (size + mu)), stats.poisson.cdf(y, mu))


def _tweedie_cdf(y, mu, s, phi, power):
    """Sum over the Poisson number of gamma amounts, until what is left is negligible."""
    rate = mu ** (2 - power) / (phi * (2 - power))
    shape, scale = (2 - power) / (power - 1), phi * (power - 1) * mu ** (power - 1)
    most = int(rate.max() + 10 * np.sqrt(rate.max()) + 20)
    total = np.exp(-rate) * np.ones_like(y)
    for count in range(1, most):
        total = total + stats.poisson.pmf(count, rate) * special.gammainc(count * shape, np.maximum(y, 0) / scale)
    return np.where(y < 0, 0.0, total)


FAMILIES = {
    "gaussian": Family(
        gaussian, 2, lambda mu, s, power: s**2,
        lambda y, mu, s, phi, power: special.ndtr((y - mu) / (s * np.sqrt(phi))), 0.0,
    ),
    "poisson": Family(poisson, 1, _count_variance, _count_cdf, 1.0),
    "negative binomial": Family(negative_binomial, 2, _count_variance, _count_cdf, 1.0),
    "gamma": Family(
        gamma, 1, lambda mu, s, power: mu**2,
        lambda y, mu, s, phi, power: special.gammainc(1 / phi, np.maximum(y, 0) / (phi * mu)), 0.0,
    ),
    "tweedie": Family(Tweedie(), 1, lambda mu, s, power: mu**power, _tweedie_cdf, 0.0),
}  # fmt: skip
COUNTS = ("poisson", "negative binomial")


def parameters(name: str, outputs: np.ndarray, units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Return μ and s (zero where there is none) in the units of y, shape (members, n) each.

    Examples
    --------
    >>> units = Units(np.zeros(1), np.array([3.0]))
    >>> parameters("poisson", np.zeros((1, 2, 1)), units)[0]
    array([[3., 3.]])
    """
    first, second = outputs[..., 0], outputs[..., 1] if outputs.shape[-1] > 1 else None
    s = np.zeros_like(first) if second is None else np.exp(np.clip(second, -15, 15))
    if name == "gaussian":
        return units.mean[0] + units.scale[0] * first, units.scale[0] * s
    return units.scale[0] * np.exp(np.clip(first, -300, 300)), s


def dispersion(name: str, mu: np.ndarray, s: np.ndarray, y: np.ndarray, counts: np.ndarray, power: float) -> float:
    """Return φ: the mean of the members' squared errors, less their spread, in units of the variance they expect.

    Parameters
    ----------
    mu, s : array, shape (members, n)
    y : array, shape (n,)
    counts : array, shape (members, n)
        Weight with which a row judges a member.
    power : float
        Tweedie's.
    """
    family = FAMILIES[name]
    surprise = ((y - mu) ** 2 - mu.var(0)) / family.variance(mu, s, power)
    return max(float((counts * surprise).sum() / counts.sum()), family.least, 1e-12)


def mixture_quantiles(
    name: str, mu: np.ndarray, s: np.ndarray, phi: float, power: float, levels: np.ndarray
) -> np.ndarray:
    """Return the quantiles of the equal mixture of the members' distributions, shape (n, levels).

    They are bracketed by Cantelli's inequality and found by halving; of counts they are whole numbers.

    Examples
    --------
    >>> mu, s = np.array([[0.0], [0.0]]), np.ones((2, 1))
    >>> mixture_quantiles("gaussian", mu, s, 1.0, 1.5, np.array([0.05, 0.5, 0.95])).round(3) + 0.0
    array([[-1.645,  0.   ,  1.645]])
    """
    family = FAMILIES[name]
    mean = mu.mean(0)[:, None]
    sd = np.sqrt(mu.var(0) + phi * family.variance(mu, s, power).mean(0))[:, None]
    low, high = mean - sd / np.sqrt(levels) - 1e-9 * sd, mean + sd / np.sqrt(1 - levels) + 1e-9 * sd
    if name != "gaussian":
        low = np.full_like(high, -1.0)  # below zero, which may itself have weight
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = family.cdf(middle[None], mu[..., None], s[..., None], phi, power).mean(0) >= levels
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    if name in COUNTS:
        return np.floor(high)
    return high if name == "gaussian" else np.where(high < 1e-12 * mean, 0.0, high)


def scores(outputs: np.ndarray, y: np.ndarray, counts: np.ndarray, noise: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return quantiles of (y - prediction) / std on rows set aside, shape (levels, outputs).

    A row is predicted by the members that did not learn from it. These are fewer than all, so that the average of
    all errs less; the errors are shrunk by as much.

    Parameters
    ----------
    outputs : array, shape (members, n, outputs)
    y : array, shape (n, outputs)
    counts : array, shape (members, n)
        Weight with which a row judges a member.
    noise : array, shape (outputs,)
        See `ceteris.learners.regressor.noise`.
    levels : array, shape (levels,)
        Ascending, in [0, 1].
    """
    judges, spread = (counts > 0).sum(0)[:, None], outputs.var(0)
    share = counts / np.maximum(counts.sum(0), 1e-300)
    errors = y - (share[..., None] * outputs).sum(0)
    floor = 1e-300  # nets that are exact err by nothing
    fewer = np.sqrt((noise**2 + spread / len(outputs) + floor) / (noise**2 + spread / judges + floor))
    z, w = fewer * errors / np.sqrt(noise**2 + spread + floor), counts.max(0)
    return np.column_stack([weighted_quantiles(column, w, levels) for column in z.T])


def weighted_quantiles(z: np.ndarray, w: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return quantiles of z for a new value: the i-th of n, in order, has the level i / (n + 1).

    Examples
    --------
    >>> weighted_quantiles(np.arange(1.0, 10.0), np.ones(9), np.array([0.1, 0.5])).tolist()
    [1.0, 5.0]
    """
    order = np.argsort(z)
    reached = np.cumsum(w[order]) / (w.sum() + w.mean())
    return np.interp(levels, reached, z[order])
