"""What every hypothesis is: a function of a batch, with a training mode that says what it measured."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
import jax
from jax import Array


class AbstractNet(eqx.Module):
    """A function of one point or of any batch of points: ``(..., in_size) -> (..., out_size)``."""

    @abc.abstractmethod
    def __call__(self, x: Array) -> Array:
        """Evaluate: deterministic, nothing dropped, running statistics as they stand."""

    @abc.abstractmethod
    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training.

        Parameters
        ----------
        x : Array, shape (..., in_size)
            The whole batch at once, since batch statistics are pooled over it.
        key : PRNG key
            For what is random (dropout).

        Returns
        -------
        y : Array, shape (..., out_size)
            The output.
        buffers : pytree
            The net's own structure with the updated running statistics and None elsewhere, so that
            ``eqx.combine(buffers, net)`` is the net with these statistics.
        """


class AbstractStateless(AbstractNet):
    """A net that trains as it evaluates: nothing random, nothing to keep count of."""

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """The evaluation and no buffers."""
        return self(x), no_buffers(self)


class AbstractConstants(eqx.Module):
    """A part of a net whose arrays are measured or given, never trained."""


def no_buffers(net: Any) -> Any:
    """The structure of `net` with None at every leaf."""
    return jax.tree.map(lambda _: None, net)


def with_buffers(net: Any, where: Any, buffers: Any) -> Any:
    """The structure of `net` with `buffers` at the node ``where(net)`` and None elsewhere."""
    return eqx.tree_at(where, no_buffers(net), buffers, is_leaf=lambda leaf: leaf is None)


def trainable(net: Any) -> Any:
    """Which leaves of `net` are trained.

    Parameters
    ----------
    net : pytree
        A net, or any pytree of nets.

    Returns
    -------
    mask : pytree of bool
        True at floating-point arrays, False inside `AbstractConstants` (running statistics, scaling) and at
        everything that is not such an array; for ``eqx.partition(net, trainable(net))``.

    Examples
    --------
    >>> import jax
    >>> from ceteris.nets import BatchNorm
    >>> mask = trainable(BatchNorm(3))
    >>> mask.scale, mask.running.mean
    (True, False)
    """

    def constant(node: Any) -> bool:
        return isinstance(node, AbstractConstants)

    def mark(node: Any) -> Any:
        return jax.tree.map(lambda _: False, node) if constant(node) else eqx.is_inexact_array(node)

    return jax.tree.map(mark, net, is_leaf=constant)
