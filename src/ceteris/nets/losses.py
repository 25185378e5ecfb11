"""Losses per row, and their weighted mean.

A prediction has shape (..., outputs), its target the same, or (...) where there is one output; the loss has
shape (...) and is the mean over outputs. Formulas: script, section 1.4. (The lecture notes divide a sum over n
rows by N in the cross-entropy: both are the number of rows.) Losses with a parameter are small frozen objects
that hash by value, so that equal ones share a compilation.

Likelihoods leave out what depends on the target alone. Means that must be positive have the log link, so that a
prediction is any number; a loss and its gradient stay finite in single precision however large that number is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from ceteris.arguments import number

STEEP = 30.0  # where an exponential goes on as its tangent: e^30 squared still fits single precision
SMALL = 15.0  # logarithms of standard deviations and dispersions are kept within so much of zero where they matter


def _like(target: Array, prediction: Array) -> Array:
    """`target` in the shape of `prediction`: broadcasting (n,) against (n, 1) would compare all pairs."""
    target, shape = jnp.asarray(target), prediction.shape
    if target.shape == shape:
        return target
    if shape[-1:] == (1,) and target.shape == shape[:-1]:
        return target[..., None]
    raise ValueError(
        f"target has shape {target.shape} but the prediction has {shape}: give the target the same shape, or "
        "leave out its last axis where there is one output."
    )


def squared(prediction: Array, target: Array) -> Array:
    """Squared error (y - ŷ)², which estimates the conditional mean."""
    return jnp.mean((prediction - _like(target, prediction)) ** 2, -1)


def absolute(prediction: Array, target: Array) -> Array:
    """Absolute error |y - ŷ|, which estimates the conditional median."""
    return jnp.mean(jnp.abs(prediction - _like(target, prediction)), -1)


class Huber(eqx.Module):
    """Huber's loss: r²/2 up to |r| = delta, then δ(|r| - δ/2) (Huber, 1964).

    Examples
    --------
    >>> Huber(1.0)(jnp.array([[0.0], [0.0]]), jnp.array([0.5, 3.0])).tolist()
    [0.125, 2.5]
    """

    delta: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        number("delta", self.delta, above=0)

    def __call__(self, prediction: Array, target: Array) -> Array:
        """Loss of each row."""
        return jnp.mean(optax.huber_loss(prediction, _like(target, prediction), delta=self.delta), -1)


def _levels(levels: float | Iterable[float]) -> tuple[float, ...]:
    return tuple(map(float, levels)) if isinstance(levels, Iterable) else (float(levels),)


class Pinball(eqx.Module):
    """Quantile loss max(τr, (τ-1)r) with r = y - q, averaged over levels (Koenker & Bassett, 1978).

    Parameters
    ----------
    levels : float or sequence of float
        Levels τ in (0, 1), ascending; column k of the prediction estimates the k-th.

    Examples
    --------
    >>> Pinball(0.75)(jnp.array([[0.0], [0.0]]), jnp.array([1.0, -1.0])).tolist()
    [0.75, 0.25]
    """

    levels: tuple[float, ...] = eqx.field(static=True, default=(0.5,), converter=_levels)

    def __check_init__(self) -> None:
        bounded = (0.0, *self.levels, 1.0)
        if not self.levels or not all(a < b for a, b in itertools.pairwise(bounded)):
            raise ValueError(f"levels is {self.levels}, but must ascend strictly between 0 and 1; sort them.")

    def __call__(self, prediction: Array, target: Array) -> Array:
        """Loss of each row; the target has shape (...) or (..., 1), the prediction (..., levels)."""
        if prediction.shape[-1] != len(self.levels):
            raise ValueError(
                f"prediction has {prediction.shape[-1]} columns but there are {len(self.levels)} levels; give "
                "the net one output per level."
            )
        tau = jnp.asarray(self.levels, prediction.dtype)
        r = _like(target, prediction[..., :1]) - prediction
        return jnp.mean(jnp.maximum(tau * r, (tau - 1) * r), -1)


def _exponential(z: Array) -> Array:
    """e^z up to z = STEEP and its tangent beyond, which stays convex and finite."""
    return jnp.exp(jnp.minimum(z, STEEP)) * (1 + jnp.maximum(z - STEEP, 0))


def poisson(prediction: Array, target: Array) -> Array:
    """Poisson likelihood e^z - y z with z the logarithm of the mean; y counts, or any amounts of at least zero.

    Examples
    --------
    >>> poisson(jnp.array([[0.0]]), jnp.array([3.0])).tolist()
    [1.0]
    """
    return jnp.mean(_exponential(prediction) - _like(target, prediction) * prediction, -1)


def gamma(prediction: Array, target: Array) -> Array:
    """Gamma likelihood z + y e^(-z), in units of its dispersion, with z the logarithm of the mean; y is positive.

    Examples
    --------
    >>> gamma(jnp.array([[0.0]]), jnp.array([3.0])).tolist()
    [3.0]
    """
    return jnp.mean(prediction + _like(target, prediction) * _exponential(-prediction), -1)


class Tweedie(eqx.Module):
    """Tweedie's quasi-likelihood: variance φ mean^power, for amounts of which many are exactly zero.

    It is e^((2-p)z) / (2-p) - y e^((1-p)z) / (1-p) with z the logarithm of the mean: a sum of a Poisson number of
    gamma amounts for 1 < p < 2 (Jørgensen, 1987).

    Parameters
    ----------
    power : float
        p, between 1 (Poisson) and 2 (gamma), both excluded.

    Examples
    --------
    >>> Tweedie(1.5)(jnp.array([[0.0]]), jnp.array([3.0])).tolist()
    [8.0]
    """

    power: float = eqx.field(static=True, default=1.5)

    def __check_init__(self) -> None:
        number("power", self.power, above=1, below=2, such_as=1.5)

    def __call__(self, prediction: Array, target: Array) -> Array:
        """Loss of each row."""
        up, down = 2 - self.power, self.power - 1
        y = _like(target, prediction)
        return jnp.mean(_exponential(up * prediction) / up + y * _exponential(-down * prediction) / down, -1)


def gaussian(prediction: Array, target: Array) -> Array:
    """Normal likelihood ln σ + (y - μ)² / (2 σ²); the two columns of the prediction are μ and ln σ.

    Examples
    --------
    >>> gaussian(jnp.array([[0.0, 0.0]]), jnp.array([2.0])).tolist()
    [2.0]
    """
    _two_columns(prediction)
    log_sigma = jnp.maximum(prediction[..., 1], -SMALL)
    r = (_like(target, prediction[..., :1]) - prediction[..., :1])[..., 0]
    return log_sigma + (r * jnp.exp(-log_sigma)) ** 2 / 2


def negative_binomial(prediction: Array, target: Array) -> Array:
    """Negative binomial likelihood with mean μ and variance μ + α μ² (Cameron & Trivedi's NB2).

    Parameters
    ----------
    prediction : Array, shape (..., 2)
        ln μ (per unit of exposure) and ln α.
    target : Array, shape (...), (..., 1) or (..., 2)
        Counts y and, in a second column, exposures, which multiply μ.

    Examples
    --------
    >>> loss = negative_binomial(jnp.array([[0.0, 0.0]]), jnp.array([0.0]))  # P(0) = 1/2 where μ = α = 1
    >>> round(float(loss[0]), 4)
    0.6931
    """
    _two_columns(prediction)
    target = jnp.asarray(target, prediction.dtype)
    exposed = target.ndim == prediction.ndim and target.shape[-1] == 2
    y = target[..., 0] if exposed else _like(target, prediction[..., :1])[..., 0]
    log_mu = prediction[..., 0] + (jnp.log(jnp.maximum(target[..., 1], 1e-30)) if exposed else 0)
    log_alpha = jnp.clip(prediction[..., 1], -SMALL, SMALL)
    k = jnp.exp(-log_alpha)
    return (y + k) * jax.nn.softplus(log_mu + log_alpha) - y * log_mu - _log_rising(k, y)


def _log_rising(k: Array, y: Array) -> Array:
    """Return ln Γ(k + y) - ln Γ(k) - y ln k by Stirling's series, four steps up.

    The difference of two log-gammas has no correct digits in single precision once k is large.
    """
    s, steps = k + 4, jnp.arange(4, dtype=k.dtype)
    climbed = y * jnp.log1p(4 / k) - jnp.sum(jnp.log1p(y[..., None] / (k[..., None] + steps)), -1)
    series = lambda z: 1 / (12 * z) - 1 / (360 * z**3)
    return (s + y - 0.5) * jnp.log1p(y / s) - y + series(s + y) - series(s) + climbed


def _two_columns(prediction: Array) -> None:
    if prediction.shape[-1:] != (2,):
        raise ValueError(
            f"prediction has shape {prediction.shape}, but its last axis must be 2, location and scale; give the net "
            "two outputs."
        )


def binary_cross_entropy(prediction: Array, target: Array) -> Array:
    """-y log σ(z) - (1-y) log σ(-z) from logits z, for targets in [0, 1]; accurate however large z is."""
    return jnp.mean(optax.sigmoid_binary_cross_entropy(prediction, _like(target, prediction)), -1)


def categorical_cross_entropy(prediction: Array, target: Array) -> Array:
    """-log softmax(z)_c from logits z.

    Parameters
    ----------
    prediction : Array, shape (..., classes)
        Logits.
    target : Array of int, shape (...)
        The class c of each row, from 0; a label outside the classes gives NaN.
    """
    return optax.softmax_cross_entropy_with_integer_labels(prediction, _labels(target, prediction))


class SmoothedCrossEntropy(eqx.Module):
    """Cross-entropy with a share of the label spread evenly over all classes (Szegedy et al., 2016).

    Parameters
    ----------
    smoothing : float
        That share, at least 0 and below 1; with 0 it is `categorical_cross_entropy`.

    Examples
    --------
    >>> round(float(SmoothedCrossEntropy(0.1)(jnp.array([[0.0, 0.0]]), jnp.array([1]))[0]), 4)
    0.6931
    """

    smoothing: float = eqx.field(static=True, default=0.1)

    def __check_init__(self) -> None:
        number("smoothing", self.smoothing, least=0, below=1, such_as=0.1)

    def __call__(self, prediction: Array, target: Array) -> Array:
        """Loss of each row."""
        even = jax.nn.logsumexp(prediction, -1) - jnp.mean(prediction, -1)
        return (1 - self.smoothing) * categorical_cross_entropy(prediction, target) + self.smoothing * even


def hinge(prediction: Array, target: Array) -> Array:
    """Hinge loss of several classes: by how much the label's score fails to exceed every other by one.

    It is max_k (z_k + [k ≠ c]) - z_c (Crammer & Singer, 2001); of two classes it is the usual one of their difference.

    Examples
    --------
    >>> hinge(jnp.array([[0.5, 0.0, 3.0]]), jnp.array([2])).tolist(), hinge(jnp.zeros((1, 3)), jnp.array([2])).tolist()
    ([0.0], [1.0])
    """
    own = jax.nn.one_hot(_labels(target, prediction), prediction.shape[-1], dtype=prediction.dtype)
    return jnp.max(prediction + 1 - own, -1) - jnp.sum(prediction * own, -1)


def _labels(target: Array, prediction: Array) -> Array:
    target = jnp.asarray(target)
    if not jnp.issubdtype(target.dtype, jnp.integer) or target.shape != prediction.shape[:-1]:
        raise ValueError(
            f"target has dtype {target.dtype} and shape {target.shape} but must be integer labels of shape "
            f"{prediction.shape[:-1]}; encode the classes as 0, 1, 2, ..."
        )
    return target


def weighted_mean(losses: Array, weights: Array | None = None) -> Array:
    """Σ w l / Σ w over all rows; zero if no row has weight.

    Examples
    --------
    >>> float(weighted_mean(jnp.array([1.0, 4.0]), jnp.array([2.0, 1.0])))
    2.0
    """
    if weights is None:
        return jnp.mean(losses)
    total = jnp.sum(weights)
    return jnp.sum(weights * losses) / jnp.where(total > 0, total, 1)
