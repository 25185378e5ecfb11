"""A net for the rows of a table: linear in its inputs, and a perceptron that also sees between which knots they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ceteris.nets.mlp import MLP
from ceteris.nets.net import AbstractConstants, AbstractNet, with_buffers


class Knots(AbstractConstants):
    """Steps between knots: how far a number z has come in each is ``clip((z - low) * slope, 0, 1)``.

    Parameters
    ----------
    low : Array, shape (columns, steps)
        Where a step begins.
    slope : Array, shape (columns, steps)
        One over its length; zero for a step that is none.
    """

    low: Array
    slope: Array

    def __call__(self, x: Array) -> Array:
        """From (..., inputs), the columns first, to (..., columns x steps), centred.

        Examples
        --------
        >>> knots = Knots(jnp.array([[0.0, 1.0]]), jnp.array([[1.0, 0.5]]))
        >>> knots(jnp.array([2.0])).tolist()
        [0.5, 0.0]
        """
        columns, steps = self.low.shape
        done = jnp.clip((x[..., :columns, None] - self.low) * self.slope, 0, 1) - 0.5
        return jnp.where(self.slope > 0, done, 0).reshape(*x.shape[:-1], columns * steps)


class WithKnots(AbstractNet):
    """Any net of the inputs and of their places among knots."""

    knots: Knots
    net: AbstractNet

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        return self.net(jnp.concatenate([x, self.knots(x)], -1))

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training."""
        y, buffers = self.net.training(jnp.concatenate([x, self.knots(x)], -1), key)
        return y, with_buffers(self, lambda whole: whole.net, buffers)


def with_knots(low: ArrayLike, slope: ArrayLike, build: Callable[..., AbstractNet], *, key: Array) -> WithKnots:
    """Return the net that ``build(key=key)`` gives, which takes the places among knots after the inputs."""
    return WithKnots(Knots(jnp.asarray(low), jnp.asarray(slope)), build(key=key))


class TabularNet(AbstractNet):
    """A linear map plus a perceptron of the inputs and of their places among knots: (..., in_size) -> (..., out_size).

    Where a number lies is told by a piecewise linear encoding, which lets a small perceptron learn thresholds as well
    as slopes. Most tables are nearly linear, so that the perceptron starts at zero; the linear map is kept as a vector,
    for weight decay is for matrices and should not shrink the linear answer.

    References
    ----------
    Gorishniy, Y., Rubachev, I. and Babenko, A. (2022). On embeddings for numerical features in tabular deep learning.
    NeurIPS 35.
    """

    knots: Knots
    slopes: Array
    constant: Array
    mlp: MLP

    def linear(self, x: Array) -> Array:
        """Return the linear answer."""
        return x @ self.slopes.reshape(x.shape[-1], -1) + self.constant

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        return self.linear(x) + self.mlp(self._seen(x))

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training."""
        y, buffers = self.mlp.training(self._seen(x), key)
        return self.linear(x) + y, with_buffers(self, lambda net: net.mlp, buffers)

    def _seen(self, x: Array) -> Array:
        return jnp.concatenate([x, self.knots(x)], -1)


def tabular_net(
    low: ArrayLike, slope: ArrayLike, in_size: int, out_size: int, options: tuple[tuple[str, Any], ...], *, key: Array
) -> TabularNet:
    """Return the net, zero at first; ``options`` are those of `ceteris.nets.MLP`, as pairs.

    Examples
    --------
    >>> import jax
    >>> net = tabular_net([[0.0, 1.0]], [[1.0, 0.5]], 3, 1, (("widths", (8,)),), key=jax.random.key(0))
    >>> net(jnp.ones((5, 3))).tolist() == [[0.0]] * 5, net.mlp.hidden[0].dense.weight.shape
    (True, (5, 8))
    """
    knots = Knots(jnp.asarray(low), jnp.asarray(slope))
    mlp = MLP(in_size + knots.low.size, out_size, **dict(options), key=key)
    silent = eqx.tree_at(lambda net: net.output.weight, mlp, jnp.zeros_like(mlp.output.weight))
    return TabularNet(knots, jnp.zeros(in_size * out_size), jnp.zeros(out_size), silent)
