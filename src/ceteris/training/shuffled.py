"""Shuffled rows of which only some are meant, so that tables of nearly equal length share one compiled program."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.recipe import AbstractSampler


class ShuffledRows(AbstractSampler):
    """Batches of shuffled rows, every row once per round, as `ceteris.recipe.Minibatches` has it.

    How many rows there are is an array and not a shape: arrays are filled up to the size of a class, and what fills
    them is never drawn.

    Parameters
    ----------
    data : pytree of arrays with a leading axis of rows
    rows : int array
        Which rows may be drawn: the first ``count``.
    count : int array, shape ()
        How many of them are meant.
    batch_size : int
        Rows per batch.
    updates : int
        Batches per step; together at most ``count`` rows.

    Examples
    --------
    >>> sampler = ShuffledRows(jnp.arange(8), jnp.arange(8), jnp.array(5), batch_size=2, updates=2)
    >>> memory = sampler.init(None, jr.key(0))
    >>> drawn = []
    >>> for step in range(5):
    ...     batches, memory = sampler.draw(None, memory, jr.key(step), None)
    ...     drawn += batches.ravel().tolist()
    >>> [sorted(drawn[i : i + 5]) for i in (0, 5, 10, 15)] == 4 * [[0, 1, 2, 3, 4]]
    True
    """

    data: Any
    rows: Array
    count: Array
    batch_size: int = eqx.field(static=True)
    updates: int = eqx.field(static=True)

    def init(self, model, key):
        return self._shuffled(key), jnp.zeros((), jnp.int32)

    def draw(self, model, memory, key, feed):
        order, position = memory
        wanted = self.updates * self.batch_size
        through = position + wanted >= self.count
        following = jnp.where(through, self._shuffled(key), order)
        place = position + jnp.arange(wanted)
        drawn = jnp.where(place < self.count, order[place % len(order)], following[place % self.count])
        rows = self.rows[drawn].reshape(self.updates, self.batch_size)
        memory = following, jnp.where(through, position + wanted - self.count, position + wanted).astype(jnp.int32)
        return jax.tree.map(lambda a: a[rows], self.data), memory

    def _shuffled(self, key):
        """Places in random order, those that are meant first."""
        n = self.rows.shape[0]
        drawn = jr.bits(key, (n,), jnp.uint32) >> 1
        return jnp.argsort(jnp.where(jnp.arange(n) < self.count, drawn, jnp.uint32(2**32 - 1)))
