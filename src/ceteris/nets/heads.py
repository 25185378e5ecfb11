"""Output heads: from a net's raw outputs to numbers that obey a restriction, by construction."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array


def quantiles(raw: Array) -> Array:
    """Quantiles that never cross: the first is free, each next adds a softplus.

    Parameters
    ----------
    raw : Array, shape (..., K)
        One column per level, levels ascending (see `Pinball`).

    Returns
    -------
    Array, shape (..., K)
        Non-decreasing along the last axis.

    Examples
    --------
    >>> [round(float(q), 3) for q in quantiles(jnp.array([1.0, 0.0, 0.0]))]  # softplus(0) = ln 2
    [1.0, 1.693, 2.386]
    """
    steps = jnp.concatenate([jnp.zeros_like(raw[..., :1]), jax.nn.softplus(raw[..., 1:])], -1)
    q = raw[..., :1] + jnp.cumsum(steps, -1)
    # A parallel sum of many columns may round a later one below an earlier one in the last digit. The correction
    # is exact and, being at most rounding, carries no gradient.
    return q + jax.lax.stop_gradient(jax.lax.cummax(q, axis=q.ndim - 1) - q)


def ascending(raw: Array) -> Array:
    """Quantiles that never cross: the outputs in order.

    Where every output rises with an input, so does each of them in order; `quantiles` would make their distances
    rise too.

    Examples
    --------
    >>> ascending(jnp.array([2.0, 1.0, 3.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    return jnp.sort(raw, axis=-1)


def probabilities(raw: Array) -> Array:
    """Softmax over the last axis: class probabilities from logits of shape (..., classes)."""
    return jax.nn.softmax(raw, axis=-1)


def positive(raw: Array) -> Array:
    """Softplus: numbers above zero."""
    return jax.nn.softplus(raw)


def share(raw: Array) -> Array:
    """Sigmoid: numbers between zero and one."""
    return jax.nn.sigmoid(raw)


class Interval(eqx.Module):
    """Numbers between `low` and `high`: low σ(-z) + high σ(z), which reaches both ends exactly.

    Examples
    --------
    >>> float(Interval(-1.0, 3.0)(jnp.array(0.0)))
    1.0
    """

    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def __check_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low is {self.low!r}, but must be below high, {self.high!r}; exchange them.")

    def __call__(self, raw: Array) -> Array:
        """Squeeze raw outputs into the interval."""
        return self.low * jax.nn.sigmoid(-raw) + self.high * jax.nn.sigmoid(raw)
