"""Functions of a set: every way to pool features over agents here is blind to their order.

Summing in another order changes a floating-point sum in its last digits, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.nets.net import AbstractStateless

BLOCK = 1_024  # agents at a time: what is kept for the way back does not grow with their number


class Powers(AbstractStateless):
    """The powers x^k of every column: pooled, they are moments of a set.

    Parameters
    ----------
    degrees : tuple of int
        Which powers; ``(1,)`` is the identity.

    Examples
    --------
    >>> Powers((1, 3))(jnp.array([2.0])).tolist()
    [2.0, 8.0]
    """

    degrees: tuple[int, ...] = eqx.field(static=True, default=(1,))

    def __check_init__(self):
        if not self.degrees or any(int(k) != k or k < 1 for k in self.degrees):
            raise ValueError(
                f"degrees is {self.degrees!r}, but must hold whole numbers of at least 1; give such as (1, 2, 3)."
            )

    def __call__(self, x: Array) -> Array:
        """Take (..., in_size) to its powers, (..., degrees × in_size)."""
        return jnp.concatenate([x**k for k in self.degrees], axis=-1)


def pooled_mean(
    features: Callable[[Array], Array], x: Array, weights: Array | None = None, block: int = BLOCK
) -> Array:
    """Σ wᵢ φ(xᵢ) / Σ wᵢ over the agents.

    Parameters
    ----------
    features : callable
        φ, from (..., agents, in_size) to (..., agents, latent).
    x : array, shape (..., agents, in_size)
    weights : array, shape (..., agents), optional
        Non-negative; equal by default.
    block : int
        More agents than this are worked through in blocks, each forgotten and worked out again for its gradient:
        memory is that of one block.

    Returns
    -------
    array, shape (..., latent)

    Examples
    --------
    >>> pooled_mean(jnp.square, jnp.array([[1.0], [3.0]])).tolist()
    [5.0]
    """
    share = None if weights is None else weights / jnp.sum(weights, -1, keepdims=True)
    agents, axis = x.shape[-2], x.ndim - 2
    scale = agents if share is None else 1
    parts = (x, None if share is None else jnp.broadcast_to(share, x.shape[:-1]))
    if agents <= block:
        return _total(features, parts) / scale
    one = jax.checkpoint(lambda parts: _total(features, parts))
    whole = jax.tree.map(lambda a: _blocks(a, axis, block), parts)
    rest = jax.tree.map(lambda a: jax.lax.slice_in_dim(a, agents // block * block, agents, axis=axis), parts)
    return jax.lax.scan(lambda sum, part: (sum + one(part), None), one(rest), whole)[0] / scale


def _total(features, parts):
    x, share = parts
    values = features(x)
    return jnp.sum(values, -2) if share is None else jnp.sum(share[..., None] * values, -2)


def _blocks(a: Array, axis: int, block: int) -> Array:
    """All full blocks along an axis, numbered along a new first axis."""
    count = a.shape[axis] // block
    whole = jax.lax.slice_in_dim(a, 0, count * block, axis=axis)
    return jnp.moveaxis(whole.reshape(*a.shape[:axis], count, block, *a.shape[axis + 1 :]), axis, 0)


def attended(values: Array, scores: Array, weights: Array | None = None) -> Array:
    """Σ aᵢ vᵢ with the attention a = softmax over agents of the scores; one attention per column.

    Parameters
    ----------
    values, scores : array, shape (..., agents, latent)
    weights : array, shape (..., agents), optional
        An agent of weight 2 counts like two agents.

    Returns
    -------
    array, shape (..., latent)

    References
    ----------
    Ilse, Tomczak and Welling (2018), "Attention-based deep multiple instance learning", for one head.

    Examples
    --------
    >>> attended(jnp.array([[1.0], [3.0]]), jnp.zeros((2, 1))).tolist()
    [2.0]
    """
    # a weight of zero is an attention of zero, and no infinity reaches a gradient
    mass = jnp.exp(scores - jax.lax.stop_gradient(jnp.max(scores, -2, keepdims=True)))
    mass = mass if weights is None else mass * weights[..., None]
    return jnp.sum(mass * values, -2) / jnp.sum(mass, -2)


def refuse_weights(weights: Array | np.ndarray | None, agents: int) -> None:
    """Raise for weights that are not one per agent, or negative, or all zero (where their values are known)."""
    if weights is None:
        return
    if jnp.ndim(weights) == 0 or jnp.shape(weights)[-1] != agents:
        raise ValueError(
            f"weights have shape {jnp.shape(weights)} but their last axis must have one weight for each of the "
            f"{agents} agents."
        )
    if not hasattr(weights, "_trace"):
        values = np.asarray(weights)
        if not (values >= 0).all() or not (values.sum(-1) > 0).all():
            raise ValueError(
                f"weights lie between {values.min():g} and {values.max():g}, but must not be negative, and not all "
                "zero; leave an agent out by a weight of 0."
            )
