"""A linear map and, beside it, a perceptron for what is left."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from ceteris.nets.initialisers import zeros
from ceteris.nets.mlp import MLP, Dense
from ceteris.nets.net import AbstractNet, with_buffers


class LinearPlus(AbstractNet):
    """A linear map plus a multilayer perceptron that starts at zero: (..., in_size) -> (..., out_size).

    Most tables of business and social science are nearly linear; the perceptron learns what is left.
    """

    linear: Dense
    mlp: MLP

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        return self.linear(x) + self.mlp(x)

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training."""
        y, buffers = self.mlp.training(x, key)
        return self.linear(x) + y, with_buffers(self, lambda net: net.mlp, buffers)


def linear_plus(in_size: int, out_size: int, options: tuple[tuple[str, Any], ...], *, key: Array) -> LinearPlus:
    """Return the net, zero at first in its perceptron; ``options`` are those of `ceteris.nets.MLP`, as pairs."""
    mlp = MLP(in_size, out_size, **dict(options), key=key)
    silent = eqx.tree_at(lambda net: net.output.weight, mlp, jnp.zeros_like(mlp.output.weight))
    return LinearPlus(Dense(in_size, out_size, zeros, key=key), silent)
