"""Losses per row, and their weighted mean.

A prediction has shape (..., outputs), its target the same, or (...) where there is one output; the loss has
shape (...) and is the mean over outputs. Formulas: script, section 1.4. (The lecture notes divide a sum over n
rows by N in the cross-entropy: both are the number of rows.) Losses with a parameter are small frozen objects
that hash by value, so that equal ones share a compilation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import equinox as eqx
import jax.numpy as jnp
import optax
from jax import Array

from ceteris.arguments import number


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
    target = jnp.asarray(target)
    if not jnp.issubdtype(target.dtype, jnp.integer) or target.shape != prediction.shape[:-1]:
        raise ValueError(
            f"target has dtype {target.dtype} and shape {target.shape} but must be integer labels of shape "
            f"{prediction.shape[:-1]}; encode the classes as 0, 1, 2, ..."
        )
    return optax.softmax_cross_entropy_with_integer_labels(prediction, target)


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
