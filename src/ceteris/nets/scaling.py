"""Standardised inputs and outputs as part of the model, so that a saved model needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ceteris.nets.activations import identity
from ceteris.nets.net import AbstractConstants, AbstractNet, with_buffers


class Standardise(AbstractConstants):
    """The map x -> (x - mean) / scale, and back.

    Parameters
    ----------
    mean : Array, shape (columns,)
        What is subtracted; a constant that is never trained.
    scale : Array, shape (columns,)
        What is divided by; a constant too.
    """

    mean: Array
    scale: Array

    def __call__(self, x: Array) -> Array:
        """(x - mean) / scale."""
        return (x - self.mean) / self.scale

    def inverse(self, z: Array) -> Array:
        """The way back: z scale + mean."""
        return z * self.scale + self.mean


def standardise(x: ArrayLike, weights: ArrayLike | None = None) -> Standardise:
    """Standardisation to mean 0 and variance 1 on the given rows.

    Parameters
    ----------
    x : array, shape (rows, columns)
        The rows to measure.
    weights : array, shape (rows,), optional
        Weight of each row; rows of weight zero do not count. Negative weights are the caller's to refuse.

    Returns
    -------
    Standardise
        Weighted mean and standard deviation; a column that is constant over the rows that count gets scale 1.

    Examples
    --------
    >>> standard = standardise([[1.0, 7.0], [3.0, 7.0]])
    >>> standard.mean.tolist(), standard.scale.tolist()
    ([2.0, 7.0], [1.0, 1.0])
    """
    x = jnp.asarray(x, dtype=jnp.result_type(jnp.asarray(x), float))
    if x.ndim != 2 or x.shape[0] == 0:
        raise ValueError(f"x has shape {x.shape} but must be (rows, columns) with at least one row; reshape it.")
    share = jnp.ones(x.shape[0], x.dtype) if weights is None else jnp.asarray(weights, x.dtype)
    share = share / jnp.sum(share)
    counts = (share > 0)[:, None]
    low = jnp.min(jnp.where(counts, x, jnp.inf), 0)
    spread = jnp.max(jnp.where(counts, x, -jnp.inf), 0) - low
    # Measured from the minimum in units of the range, squares neither overflow nor underflow and large
    # means cost no digits.
    unit = jnp.where(spread > 0, spread, 1)
    u = jnp.where(counts, (x - low) / unit, 0)
    mean = share @ u
    deviation = jnp.sqrt(share @ (u - mean) ** 2)
    return Standardise(low + unit * mean, jnp.where(spread > 0, unit * deviation, 1))


class Scaled(AbstractNet):
    """A net between a standardisation of its inputs and one of its outputs.

    Parameters
    ----------
    net : AbstractNet
        Works on standardised inputs and gives standardised outputs.
    inputs : Standardise, optional
        Applied before the net; None leaves its inputs as they are.
    outputs : Standardise, optional
        Undone after the net; None leaves its outputs as they are.
    head : callable
        Applied to the net's raw output before un-standardising; hashable (`ceteris.nets.heads`).

    Examples
    --------
    >>> import jax
    >>> from ceteris.nets import MLP
    >>> x = jax.numpy.array([[0.0], [10.0]])
    >>> net = Scaled(MLP(1, 1, key=jax.random.key(0)), standardise(x), standardise(100 * x))
    >>> net(x).shape
    (2, 1)
    """

    net: AbstractNet
    inputs: Standardise | None = None
    outputs: Standardise | None = None
    head: Callable[[Array], Array] = eqx.field(static=True, default=identity)

    def __call__(self, x: Array) -> Array:
        """Evaluate in the units of the data."""
        return self._finish(self.net(self._start(x)))

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training, in the units of the data."""
        raw, buffers = self.net.training(self._start(x), key)
        return self._finish(raw), with_buffers(self, lambda scaled: scaled.net, buffers)

    def _start(self, x: Array) -> Array:
        return x if self.inputs is None else self.inputs(x)

    def _finish(self, raw: Array) -> Array:
        y = self.head(raw)
        return y if self.outputs is None else self.outputs.inverse(y)


def scaled(
    build: Callable[..., AbstractNet],
    inputs: Standardise | None = None,
    outputs: Standardise | None = None,
    head: Callable[[Array], Array] = identity,
    *,
    key: Array,
) -> Scaled:
    """Build a net and scale it: ``eqx.Partial(scaled, builder, inputs, outputs)`` is again a builder.

    Parameters
    ----------
    build : callable
        ``build(key=key)`` gives the net.
    inputs, outputs, head
        As for `Scaled`.
    key : PRNG key
        Passed on.
    """
    return Scaled(build(key=key), inputs, outputs, head)
