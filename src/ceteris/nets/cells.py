"""Recurrent cells, which read a sequence one element at a time.

A cell keeps a state, of which the first part h_t is what it puts out (script 000, section 1.11; 001; 004, section 6.2):

=====  ==============================================================================================================
Elman  h_t = g(W_h h_{t-1} + W_x x_t + b)
GRU    z, r = σ(W [h_{t-1}, x_t] + b), h_t = (1 - z) h_{t-1} + z h̃, and the candidate is, reset **before** the product,
       h̃ = tanh(W_h (r h_{t-1}) + W_x x_t + b) (Cho et al. 2014, the script), or **after** it,
       h̃ = tanh(r (W_h h_{t-1} + c) + W_x x_t + b) (cuDNN, PyTorch, Keras), which needs one product a step, not two
LSTM   i, f, o = σ(W [h_{t-1}, x_t] + b), C_t = f C_{t-1} + i tanh(W [h_{t-1}, x_t] + b), h_t = o tanh(C_t)
=====  ==============================================================================================================

PyTorch's z is one minus the one here. W_h starts orthogonal and the LSTM's forget gates open (bias one), which keeps
gradients alive at first.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import one_of, whole
from ceteris.nets.activations import activation as find_activation
from ceteris.nets.initialisers import glorot_uniform, orthogonal
from ceteris.nets.mlp import Dense
from ceteris.nets.normalise import LayerNorm

State = tuple[Array, ...]


class AbstractCell(eqx.Module):
    """One step of a recurrent net: a state and what enters at t to the next state, whose first part is the output."""

    entrance: eqx.AbstractVar[Dense]
    recurrent: eqx.AbstractVar[Array]
    norms: eqx.AbstractVar[tuple[LayerNorm, LayerNorm] | None]

    @abc.abstractmethod
    def step(self, state: State, entered: Array) -> State:
        """Return the next state; `entered` is what `enter` made of x_t."""

    def start(self, shape: tuple[int, ...] = ()) -> State:
        """Return the state before the first element, zeros, for sequences of a batch of this shape."""
        return (jnp.zeros((*shape, self.recurrent.shape[0]), self.recurrent.dtype),)

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
        return super().start(shape) * 2

    def step(self, state: State, entered: Array) -> State:
        """The next state; gates stand in the order i, f, candidate, o, as in PyTorch."""
        h, C = state
        i, f, candidate, o = jnp.split(entered + self.normalised(jnp.matmul(h, self.recurrent)), 4, axis=-1)
        C = jax.nn.sigmoid(f) * C + jax.nn.sigmoid(i) * jnp.tanh(candidate)
        return (jax.nn.sigmoid(o) * jnp.tanh(C), C)


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


CELLS: dict[str, Callable[..., AbstractCell]] = {"elman": Elman, "gru": GRU, "lstm": LSTM}
