"""Tangent kernels of ReLU nets, exact and of a finite width, and nets trained by gradient descent, lazily or not.

The computing part of `ceteris.gallery.tangent_kernel`, which has the formulas and the references.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.engine import Ensemble, fit
from ceteris.nets import MLP, squared
from ceteris.recipe import Descend, Fixed, Loss, optimiser

HIDDEN, LAST = 2.0, 1.0  # c of the layers


# ------------------------------------------------------------------------------------------------ the exact kernel


def relu_expectations(uu: Any, vv: Any, uv: Any) -> tuple[Any, Any]:
    """Return E relu(u) relu(v) and E 1(u > 0) 1(v > 0) for centred normals with these (co)variances.

    Examples
    --------
    >>> both, active = relu_expectations(1.0, 1.0, 0.0)
    >>> round(float(both * 2 * np.pi), 6), float(active)
    (1.0, 0.25)
    """
    size = np.sqrt(uu * vv)
    cosine = np.clip(uv / size, -1, 1)
    angle = np.arccos(cosine)
    return size * (np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi), (np.pi - angle) / (2 * np.pi)


def exact_kernel(x: np.ndarray, z: np.ndarray, hidden: int) -> np.ndarray:
    """Tangent kernel of an infinitely wide ReLU net, weights only, between points x (n, d) and z (k, d).

    Examples
    --------
    A linear net has the kernel of linear regression.

    >>> exact_kernel(np.eye(2), np.ones((1, 2)), hidden=0).ravel().tolist()
    [0.5, 0.5]
    """
    scales = (*[HIDDEN] * hidden, LAST)
    c = scales[0] / x.shape[1]
    S, xx, zz = c * x @ z.T, c * np.sum(x**2, 1)[:, None], c * np.sum(z**2, 1)
    K = S
    for c in scales[1:]:
        both, active = relu_expectations(xx, zz, S)
        S, K = c * both, c * both + c * active * K
        xx, zz = c * xx / 2, c * zz / 2
    return K


# ------------------------------------------------------------------------------------------- nets of a finite width


def builder(d: int, widths: tuple[int, ...]) -> Any:
    """Return what builds a ReLU net whose weights have the variances c/n_in; biases are 0 and stay there."""
    return eqx.Partial(MLP, d, 1, widths=widths, activation="relu")


def weights_only(net: Any) -> Any:
    """Mark the weight matrices."""
    return jax.tree.map(lambda leaf: eqx.is_inexact_array(leaf) and leaf.ndim == 2, net)


def layer_rates(d: int, widths: tuple[int, ...], lazy: float = 1.0) -> list[float]:
    """Rates of the layers, in units of r; ``lazy`` is the factor g on the last weights."""
    hidden = [HIDDEN / n_in / lazy**2 for n_in in (d, *widths[:-1])]
    return [*hidden, LAST / widths[-1]]


@eqx.filter_jit
def tangent_kernel(nets: Any, x: Any, rates: list[float]) -> Any:
    """Tangent kernels of an ensemble of nets on points x (n, d), shape (members, n, n)."""
    scales = jnp.asarray(rates)

    def one(net: Any) -> Any:
        theta, rest = eqx.partition(net, weights_only(net))
        slopes = jax.vmap(lambda point: jax.grad(lambda theta: eqx.combine(theta, rest)(point)[0])(theta))(x)
        flat = [leaf.reshape(len(x), -1) for leaf in jax.tree.leaves(slopes)]
        return sum(scales[i] * J @ J.T for i, J in enumerate(flat))

    arrays, static = eqx.partition(nets, eqx.is_array)
    return jax.lax.map(lambda arrays: one(eqx.combine(arrays, static)), arrays)


# -------------------------------------------------------------------------------------------------------- training


def sphere(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Return points of length one, shape (n, d)."""
    x = rng.normal(size=(n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def half_squares(net, batch, key):
    """Half the sum of squared errors, so that a step with rate r moves the outputs by r K times the errors."""
    x, y = batch
    return jnp.sum(squared(net(x), y)) / 2, {}


@eqx.filter_jit
def outputs(nets: Any, x: Any) -> Any:
    """Outputs of an ensemble of nets on points x (n, d), shape (members, n)."""
    return eqx.filter_vmap(lambda net: net(x)[:, 0])(nets)


@eqx.filter_jit
def started(build: Any, keys: Any, lazy: Any) -> Any:
    """Return an ensemble of nets whose last weights are multiplied by ``lazy``."""
    nets = eqx.filter_vmap(lambda key: build(key=key))(keys)
    return eqx.tree_at(lambda net: net.output.weight, nets, replace_fn=lambda w: w * lazy)


class TrainedNets(NamedTuple):
    """An ensemble of nets at its start and at its end, and the rates of their layers."""

    start: Any
    end: Any
    rates: list[float]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """What was learnt at points x (n, d), shape (members, n): outputs less those of the start."""
        at = jnp.asarray(x, jnp.float32)
        return np.asarray(outputs(self.end, at) - outputs(self.start, at), float)

    def kernels(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tangent kernels at the start and at the end, each (members, n, n)."""
        first, last = (tangent_kernel(nets, jnp.asarray(x, jnp.float32), self.rates) for nets in (self.start, self.end))
        return np.asarray(first, float), np.asarray(last, float)


def descend(
    x: np.ndarray, y: np.ndarray, width: int, members: int, rate: float, steps: int, seed: int, lazy: float = 1.0
) -> TrainedNets:
    """Train nets with one hidden layer by full-batch gradient descent, each from outputs of zero.

    Targets are ``y`` plus what a net gives at its start, which is taken off again: what is compared is training, and
    not the noise of the start.
    """
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    build, rates = builder(x.shape[1], (width,)), layer_rates(x.shape[1], (width,), lazy)
    nets = started(build, jr.split(jr.key(seed), members), jnp.asarray(lazy))
    targets = (jnp.asarray(y) + outputs(nets, jnp.asarray(x)))[..., None]
    rule = optimiser(
        "gradient_descent", rate * rates[-1], groups={"hidden": optimiser("gradient_descent", rate * rates[0])}
    )
    one = Descend(build, Loss(half_squares), Fixed((x, y[:, None])), rule, trainable=weights_only)
    ensemble = Ensemble(one, members, over=lambda a: a.sampler.data[1], values=targets)
    return TrainedNets(nets, fit(ensemble, jr.key(seed), steps=steps, every=steps, model=nets).model, rates)


def kernel_descent(K: np.ndarray, cross: np.ndarray, y: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """Prediction after so many steps of gradient descent with a fixed kernel, K (n, n) and cross (k, n), shape (k,).

    With infinitely many steps it is the kernel regression that interpolates.
    """
    values, vectors = np.linalg.eigh(K)
    done = -np.expm1(steps * np.log1p(-rate * values)) / values
    return cross @ (vectors @ (done * (vectors.T @ y)))
