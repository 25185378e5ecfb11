"""A wide random layer: what stands behind it is linear in what is left to learn.

References
----------
Rahimi and Recht (2008), "Random features for large-scale kernel machines".
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets.net import AbstractStateless

WINDOW = 3.0  # inputs to each side, up to four times as many


class RandomFeatures(AbstractStateless):
    """y = out' (x, tanh(first' x + bias), 1): what is drawn once is not learnt.

    It computes in single precision, which is twice as fast and has digits enough for errors of 1e-6.

    Parameters
    ----------
    inputs : int
        Number of inputs.
    outputs : int
        Number of outputs.
    widths : int
        How many features; one number, for there is one layer.
    ordered : int
        How many of the first inputs lie in an order, such as that of age. Each feature then looks at a window of them
        only (and at all other inputs), and at twice the slope: what an age does depends most on its neighbours.

    Examples
    --------
    >>> net = RandomFeatures(3, 2, 50, key=jr.key(0))
    >>> net(jnp.ones((7, 3))).shape, net.features(jnp.ones((7, 3))).shape
    ((7, 2), (7, 54))
    """

    first: Array
    bias: Array
    out: Array

    def __init__(self, inputs: int, outputs: int, *widths: int, ordered: int = 0, key: Array):
        if len(widths) != 1:
            raise ValueError(
                f"widths: {widths} was given, but RandomFeatures is one layer; give one number, such as (3000,)."
            )
        features = widths[0]
        draws, centres, spans, offsets = jr.split(key, 4)
        first, slope = jr.normal(draws, (inputs, features)), 2.0 if ordered else 1.0
        if ordered:
            centre = ordered * jr.uniform(centres, (features,))
            width = WINDOW * jnp.exp(jr.uniform(spans, (features,), maxval=1.4))
            window = jnp.exp(-0.5 * ((jnp.arange(ordered)[:, None] - centre) / width) ** 2)
            first = first.at[:ordered].multiply(window)
        self.first, self.bias = slope * first / jnp.linalg.norm(first, axis=0), slope * jr.normal(offsets, (features,))
        self.out = jnp.zeros((inputs + features + 1, outputs))

    def features(self, x: Array) -> Array:
        """What the last layer combines: (..., inputs + features + 1), in single precision."""
        x, ones = x.astype(jnp.float32), jnp.ones((*x.shape[:-1], 1), jnp.float32)
        hidden = jnp.tanh(_product(x, self.first) + self.bias.astype(jnp.float32))
        return jnp.concatenate([x, hidden, ones], -1)

    def __call__(self, x: Array) -> Array:
        return _product(self.features(x), self.out).astype(x.dtype)

    def narrowed(self, features: int) -> RandomFeatures:
        """The network without all features but the first few (of one economy, or of many)."""
        n, width = self.first.shape[-2:]
        kept = jnp.r_[0 : n + min(features, width), n + width]
        new = (self.first[..., :features], self.bias[..., :features], self.out[..., kept, :])
        return eqx.tree_at(lambda net: (net.first, net.bias, net.out), self, new)

    def widened(self, wide: RandomFeatures) -> RandomFeatures:
        """Return the same function as a network with the features of ``wide``, of which these are the first few."""
        some = self.out.shape[-2] - 1
        out = jnp.zeros_like(wide.out).at[..., :some, :].set(self.out[..., :-1, :])
        out = out.at[..., -1, :].set(self.out[..., -1, :])
        return eqx.tree_at(lambda net: net.out, wide, out)


def _product(x: Array, weights: Array) -> Array:
    """Multiply in all digits of single precision, which some accelerators would shorten."""
    return jnp.matmul(x, weights.astype(jnp.float32), precision=jax.lax.Precision.HIGHEST)
