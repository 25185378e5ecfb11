"""Recurrent nets: stacks of cells over time, in one direction or in both, with the state carried on.

The products W_x x_t of all t are one matrix product before the scan over time.
"""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import COUNT, SHARE, choose, require, whole
from ceteris.nets.cells import CELLS, AbstractCell, State
from ceteris.nets.mlp import dropped
from ceteris.nets.net import AbstractNet, no_buffers
from ceteris.nets.through_time import by_hand, through_time


class Recurrent(AbstractNet):
    """A stack of recurrent layers over time: (..., T, in_size) -> (..., T, width), twice that in both directions.

    Parameters
    ----------
    in_size : int
        Numbers in an element x_t.
    width : int
        Numbers in a state h_t.
    cell : {"lstm", "gru", "elman"}
        Which cell.
    depth : int
        Layers, each of which reads the one below.
    bidirectional : bool
        Whether every layer also reads backwards; outputs are both states side by side, the forward one first.
    dropout : float
        Share of what passes between two layers that is dropped in training.
    truncate : int, optional
        Back-propagation stops at every so many steps (truncated back-propagation through time); by default it goes
        through all.
    key : PRNG key
        For the weights.
    **options
        Of the cell: ``reset`` of a GRU, ``forget`` of an LSTM, ``activation`` of Elman's, ``normalise`` of all.

    Examples
    --------
    >>> net = Recurrent(3, 8, "gru", key=jr.key(0))
    >>> x = jr.normal(jr.key(1), (20, 3))
    >>> net(x).shape, net(x[None], mask=jnp.arange(20)[None] < 15).shape
    ((20, 8), (1, 20, 8))

    What is read in two goes is what is read in one:

    >>> first, state = net.read(x[:12])
    >>> bool(jnp.allclose(net.read(x[12:], state)[0], net(x)[12:], atol=1e-6))
    True
    """

    layers: tuple[tuple[AbstractCell, ...], ...]
    dropout: float = eqx.field(static=True)
    truncate: int | None = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        width: int,
        cell: Literal["lstm", "gru", "elman"] = "lstm",
        depth: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        truncate: int | None = None,
        *,
        key: Array,
        **options: Any,
    ):
        whole("depth", depth)
        build, directions = choose("cell", cell, CELLS), 1 + bool(bidirectional)
        sizes = (in_size, *(width * directions,) * (depth - 1))
        keys = jr.split(key, (depth, directions))
        self.layers = tuple(
            tuple(build(size, width, key=k, **options) for k in pair) for size, pair in zip(sizes, keys, strict=True)
        )
        self.dropout = require("dropout", dropout, SHARE)
        self.truncate = require("truncate", truncate, COUNT.or_none())

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """The states of the last layer at every t, from zeros; see `read`."""
        return self.read(x, mask=mask)[0]

    def training(self, x: Array, key: Array | None, mask: Array | None = None) -> tuple[Array, Any]:
        """The same with dropout; `key` may be None where nothing is dropped."""
        return self.read(x, mask=mask, key=key)[0], no_buffers(self)

    def start(self, shape: tuple[int, ...] = ()) -> tuple[tuple[State, ...], ...]:
        """Return the state before anything is read, for a batch of this shape."""
        return tuple(tuple(cell.start(shape) for cell in layer) for layer in self.layers)

    def read(
        self, x: Array, state: Any = None, mask: Array | None = None, key: Array | None = None
    ) -> tuple[Array, Any]:
        """Read a sequence, or any batch of them, from a state that is carried on.

        Parameters
        ----------
        x : array, shape (..., T, in_size)
            The elements.
        state : optional
            What an earlier `read` returned, or `start`; by default the latter. Take `jax.lax.stop_gradient` of it where
            back-propagation shall not reach into what was read before.
        mask : bool array, shape (..., T), optional
            True where there is an element. Where there is none the state stays, the output is zero, and x may hold
            anything.
        key : PRNG key, optional
            Drop at random, as in training.

        Returns
        -------
        outputs : array, shape (..., T, width), or twice that in both directions
            States of the last layer.
        state : tuple of layers of directions of arrays (..., width)
            After the last element there is; in the backward direction, after the first.
        """
        state = self.start(x.shape[:-2]) if state is None else state
        finals = []
        for i, (layer, begun) in enumerate(zip(self.layers, state, strict=True)):
            if i and key is not None and self.dropout > 0:
                x = dropped(x, self.dropout, jr.fold_in(key, i))
            over = [
                _over_time(cell, x, begin, mask, bool(back), self.truncate)
                for back, (cell, begin) in enumerate(zip(layer, begun, strict=True))
            ]
            x = over[0][0] if len(over) == 1 else jnp.concatenate([outputs for outputs, _ in over], axis=-1)
            finals.append(tuple(final for _, final in over))
        return x, tuple(finals)


def _over_time(
    cell: AbstractCell, x: Array, state: State, mask: Array | None, back: bool, truncate: int | None
) -> tuple[Array, State]:
    """One cell over all elements: outputs (..., T, width), and the last state."""
    if mask is not None:
        x = jnp.where(mask[..., None], x, 0)  # so that what is not there, NaN perhaps, has no gradient either
    there = None if mask is None else jnp.moveaxis(mask[..., None], -2, 0)
    T = x.shape[-2]
    cut = None if truncate is None or truncate >= T else jnp.arange(T) % truncate == 0
    if cut is not None and back:
        cut = cut[::-1]
    if by_hand(cell, x):
        return through_time(cell, x, state, there, cut, back)
    entered = jnp.moveaxis(cell.enter(x), -2, 0)

    def step(state: State, now: Any) -> tuple[State, Array]:
        entered, there, cut = now
        if cut is not None:
            state = tuple(jnp.where(cut, jax.lax.stop_gradient(s), s) for s in state)
        new = cell.step(state, entered)
        if there is None:
            return new, new[0]
        return tuple(jnp.where(there, n, s) for n, s in zip(new, state, strict=True)), jnp.where(there, new[0], 0)

    state, outputs = jax.lax.scan(step, state, (entered, there, cut), reverse=back)
    return jnp.moveaxis(outputs, 0, -2), state
