"""Recurrent nets: cells that read a sequence one element at a time, and stacks of them.

A cell keeps a state, of which the first part h_t is what it puts out (script 000, section 1.11; 001; 004, section 6.2):

=====  ==============================================================================================================
Elman  h_t = g(W_h h_{t-1} + W_x x_t + b)
GRU    z, r = σ(W [h_{t-1}, x_t] + b), h_t = (1 - z) h_{t-1} + z h̃, and the candidate is, reset **before** the product,
       h̃ = tanh(W_h (r h_{t-1}) + W_x x_t + b) (Cho et al. 2014, the script), or **after** it,
       h̃ = tanh(r (W_h h_{t-1} + c) + W_x x_t + b) (cuDNN, PyTorch, Keras), which needs one product a step, not two
LSTM   i, f, o = σ(W [h_{t-1}, x_t] + b), C_t = f C_{t-1} + i tanh(W [h_{t-1}, x_t] + b), h_t = o tanh(C_t)
=====  ==============================================================================================================

PyTorch's z is one minus the one here. W_h starts orthogonal and the LSTM's forget gates open (bias one), which keeps
gradients alive at first. The products W_x x_t of all t are one matrix product before the scan over time.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import COUNT, SHARE, choose, one_of, require, whole
from ceteris.nets.activations import activation as find_activation
from ceteris.nets.initialisers import glorot_uniform, orthogonal
from ceteris.nets.mlp import Dense, dropped
from ceteris.nets.net import AbstractNet, no_buffers
from ceteris.nets.normalise import LayerNorm

State = tuple[Array, ...]


class AbstractCell(eqx.Module):
    """One step of a recurrent net: a state and what enters at t to the next state, whose first part is the output."""

    entrance: eqx.AbstractVar[Dense]
    recurrent: eqx.AbstractVar[Array]
    norms: eqx.AbstractVar[tuple[LayerNorm, LayerNorm] | None]

    @abc.abstractmethod
    def start(self, shape: tuple[int, ...] = ()) -> State:
        """Return the state before the first element, zeros, for sequences of a batch of this shape."""

    @abc.abstractmethod
    def step(self, state: State, entered: Array) -> State:
        """Return the next state; `entered` is what `enter` made of x_t."""

    def enter(self, x: Array) -> Array:
        """Return W_x x_t + b, for any number of elements at once."""
        if self.norms is None:
            return self.entrance(x)
        return self.norms[0](jnp.matmul(x, self.entrance.weight)) + self.entrance.bias

    def normalised(self, product: Array) -> Array:
        """Return a product with the state, normalised where the cell is."""
        return product if self.norms is None else self.norms[1](product)


class Elman(AbstractCell):
    """h_t = g(W_h h_{t-1} + W_x x_t + b), the plain recurrent cell (Elman 1990).

    Parameters
    ----------
    in_size : int
        Numbers in x_t.
    width : int
        Numbers in h_t.
    activation : str or callable
        g, see `ceteris.nets.ACTIVATIONS`.
    normalise : bool
        Whether both products are normalised (layer normalisation, Ba et al. 2016).
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> cell = Elman(3, 4, key=jr.key(0))
    >>> cell.step(cell.start(), cell.enter(jnp.ones(3)))[0].shape
    (4,)
    """

    entrance: Dense
    recurrent: Array
    norms: tuple[LayerNorm, LayerNorm] | None
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        width: int,
        activation: str | Callable[[Array], Array] = "tanh",
        normalise: bool = False,
        *,
        key: Array,
    ):
        self.entrance, self.recurrent, self.norms = _weights(in_size, width, 1, normalise, key)
        self.activation = find_activation(activation)

    def start(self, shape: tuple[int, ...] = ()) -> State:
        """Zeros."""
        return (jnp.zeros((*shape, self.recurrent.shape[0]), self.recurrent.dtype),)

    def step(self, state: State, entered: Array) -> State:
        """The next state."""
        return (self.activation(entered + self.normalised(jnp.matmul(state[0], self.recurrent))),)


class GRU(AbstractCell):
    """The gated recurrent unit (Cho et al. 2014): the state moves from h_{t-1} to a candidate by a share z.

    Parameters
    ----------
    in_size : int
        Numbers in x_t.
    width : int
        Numbers in h_t.
    reset : {"after", "before"}
        Whether r multiplies what W_h made of the state (PyTorch, Keras; faster) or the state before W_h (the paper).
        "before" has exactly three quarters of an LSTM's numbers, "after" has `width` more, the shift c.
    normalise : bool
        Whether both products are normalised.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> cell = GRU(3, 4, key=jr.key(0))
    >>> cell.step(cell.start(), cell.enter(jnp.ones(3)))[0].shape
    (4,)
    """

    entrance: Dense
    recurrent: Array
    shift: Array | None
    norms: tuple[LayerNorm, LayerNorm] | None

    def __init__(
        self,
        in_size: int,
        width: int,
        reset: Literal["after", "before"] = "after",
        normalise: bool = False,
        *,
        key: Array,
    ):
        one_of("reset", reset, ("after", "before"))
        self.entrance, self.recurrent, self.norms = _weights(in_size, width, 3, normalise, key)
        self.shift = jnp.zeros(width) if reset == "after" else None

    def start(self, shape: tuple[int, ...] = ()) -> State:
        """Zeros."""
        return (jnp.zeros((*shape, self.recurrent.shape[0]), self.recurrent.dtype),)

    def step(self, state: State, entered: Array) -> State:
        """The next state; gates stand in the order r, z, candidate."""
        (h,), n = state, self.recurrent.shape[0]
        gates, candidate = entered[..., : 2 * n], entered[..., 2 * n :]
        if self.shift is None:
            r, z = _halves(jax.nn.sigmoid(gates + self.normalised(jnp.matmul(h, self.recurrent[:, : 2 * n]))))
            candidate = candidate + jnp.matmul(r * h, self.recurrent[:, 2 * n :])
        else:
            product = self.normalised(jnp.matmul(h, self.recurrent))
            r, z = _halves(jax.nn.sigmoid(gates + product[..., : 2 * n]))
            candidate = candidate + r * (product[..., 2 * n :] + self.shift)
        return (h + z * (jnp.tanh(candidate) - h),)


class LSTM(AbstractCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gates: Gers et al. 2000).

    Parameters
    ----------
    in_size : int
        Numbers in x_t.
    width : int
        Numbers in h_t and in C_t.
    forget : float
        The forget gates' first bias; one keeps the memory open (Jozefowicz et al. 2015).
    normalise : bool
        Whether both products are normalised.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> cell = LSTM(3, 4, key=jr.key(0))
    >>> h, C = cell.step(cell.start(), cell.enter(jnp.ones(3)))
    >>> h.shape, C.shape
    ((4,), (4,))
    """

    entrance: Dense
    recurrent: Array
    norms: tuple[LayerNorm, LayerNorm] | None

    def __init__(self, in_size: int, width: int, forget: float = 1.0, normalise: bool = False, *, key: Array):
        entrance, self.recurrent, self.norms = _weights(in_size, width, 4, normalise, key)
        bias = entrance.bias.at[width : 2 * width].set(forget)
        self.entrance = eqx.tree_at(lambda dense: dense.bias, entrance, bias)

    def start(self, shape: tuple[int, ...] = ()) -> State:
        """Zeros for h and for C."""
        zeros = jnp.zeros((*shape, self.recurrent.shape[0]), self.recurrent.dtype)
        return (zeros, zeros)

    def step(self, state: State, entered: Array) -> State:
        """The next state; gates stand in the order i, f, candidate, o, as in PyTorch."""
        h, C = state
        i, f, candidate, o = jnp.split(entered + self.normalised(jnp.matmul(h, self.recurrent)), 4, axis=-1)
        C = jax.nn.sigmoid(f) * C + jax.nn.sigmoid(i) * jnp.tanh(candidate)
        return (jax.nn.sigmoid(o) * jnp.tanh(C), C)


CELLS: dict[str, Callable[..., AbstractCell]] = {"elman": Elman, "gru": GRU, "lstm": LSTM}


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
    entered = jnp.moveaxis(cell.enter(x), -2, 0)
    there = None if mask is None else jnp.moveaxis(mask[..., None], -2, 0)
    T = entered.shape[0]
    cut = None if truncate is None or truncate >= T else jnp.arange(T) % truncate == 0
    if cut is not None and back:
        cut = cut[::-1]

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


def _weights(
    in_size: int, width: int, gates: int, normalise: bool, key: Array
) -> tuple[Dense, Array, tuple[LayerNorm, LayerNorm] | None]:
    """W_x with its bias (Glorot), W_h (orthogonal gate by gate), and what normalises both products."""
    whole("in_size", in_size)
    whole("width", width)
    inner, outer = jr.split(key)
    recurrent = jnp.concatenate([orthogonal(k, (width, width)) for k in jr.split(inner, gates)], axis=1)
    norms = (LayerNorm(gates * width), LayerNorm(gates * width)) if normalise else None
    return Dense(in_size, gates * width, glorot_uniform, key=outer), recurrent, norms


def _halves(gates: Array) -> tuple[Array, Array]:
    n = gates.shape[-1] // 2
    return gates[..., :n], gates[..., n:]
