"""Gates over time with their gradient written by hand, for whole batches of the LSTM and of the GRU.

What automatic differentiation keeps of each step is three times what is needed, and a training step spends more time
on carrying it to memory and back than on products. Here the forward pass keeps the gates and the states before, and
the backward pass adds the weights' gradients up as it goes. Truth: the same scan, differentiated automatically.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.nets.cells import GRU, LSTM, AbstractCell, State


def by_hand(cell: AbstractCell, x: Array) -> bool:
    """Whether a cell's gradient is written here; for a batch, since one sequence gains nothing."""
    return x.ndim > 2 and cell.norms is None and (isinstance(cell, LSTM) or _resets_after(cell))


def through_time(
    cell: AbstractCell, x: Array, state: State, there: Array | None, cut: Array | None, back: bool
) -> tuple[Array, State]:
    """One cell over a batch of sequences.

    Parameters
    ----------
    cell : LSTM or GRU
        One that `by_hand` is true of.
    x : array, shape (..., T, in_size)
        The elements.
    state : tuple of arrays (..., width)
        Before the first.
    there : bool array, shape (T, ..., 1), optional
        Which elements there are; the state passes by the others, and their output is zero.
    cut : bool array, shape (T,), optional
        Before which elements no gradient passes.
    back : bool
        Whether to read backwards.

    Returns
    -------
    outputs : array, shape (..., T, width)
        Zero where nothing is there.
    state : tuple of arrays (..., width)
        The last.
    """
    batch, T = x.shape[:-2], x.shape[-2]
    weights = (cell.entrance.weight, cell.entrance.bias, cell.recurrent, _shift(cell))
    flat = tuple(s.reshape(-1, s.shape[-1]) for s in state)
    first = jnp.moveaxis(x.reshape(-1, *x.shape[-2:]), 1, 0)
    masks = (None if there is None else jnp.broadcast_to(there, (T, *batch, 1)).reshape(T, -1, 1), cut)
    found: Any = _run("lstm" if isinstance(cell, LSTM) else "gru", back, weights, first, flat, masks)
    outputs, last = found
    outputs = jnp.moveaxis(outputs, 0, 1).reshape(*batch, T, -1)
    return outputs, tuple(s.reshape(*batch, s.shape[-1]) for s in last)


def _shift(cell: AbstractCell) -> Array | None:
    """What is added to the product with the state: the shift c of the candidate, for a GRU."""
    if isinstance(cell, GRU) and cell.shift is not None:
        return jnp.pad(cell.shift, (2 * cell.shift.shape[0], 0))
    return None


def _resets_after(cell: AbstractCell) -> bool:
    return isinstance(cell, GRU) and cell.shift is not None


def _lstm(state: State, entered: Array, product: Array) -> tuple[State, Any]:
    """One step, and the four gates as the tanh of all at once leaves them (σ(u) = ½ + ½ tanh(u/2))."""
    n = entered.shape[-1] // 4
    half = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], entered.dtype), n)
    gates = jnp.tanh((entered + product) * half) * half + (1 - half)
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    C = f * state[1] + i * g
    return (o * jnp.tanh(C), C), gates


def _lstm_back(d: State, before: State, gates: Array) -> tuple[State, Array, Array]:
    """Gradients with respect to C_{t-1} (and h_{t-1}, but for the product), to what entered, and to the product."""
    (dh, dC), (_, past) = d, before
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    tanh_C = jnp.tanh(f * past + i * g)
    dC = dC + dh * o * (1 - tanh_C**2)
    parts = [dC * g * i * (1 - i), dC * past * f * (1 - f), dC * i * (1 - g**2), dh * tanh_C * o * (1 - o)]
    dz = jnp.concatenate(parts, axis=-1)
    return (jnp.zeros_like(dh), dC * f), dz, dz


def _gru(state: State, entered: Array, product: Array) -> tuple[State, Any]:
    (h,), n = state, entered.shape[-1] // 3
    rz = 0.5 + 0.5 * jnp.tanh(0.5 * (entered[..., : 2 * n] + product[..., : 2 * n]))
    r, z = rz[..., :n], rz[..., n:]
    candidate = jnp.tanh(entered[..., 2 * n :] + r * product[..., 2 * n :])
    return (h + z * (candidate - h),), (rz, product[..., 2 * n :], candidate)


def _gru_back(d: State, before: State, kept: Any) -> tuple[State, Array, Array]:
    (dh,), (h,), (rz, product, candidate) = d, before, kept
    n = h.shape[-1]
    r, z = rz[..., :n], rz[..., n:]
    dn = dh * z * (1 - candidate**2)
    gates = [dn * product * r * (1 - r), dh * (candidate - h) * z * (1 - z)]
    return (dh * (1 - z),), jnp.concatenate([*gates, dn], axis=-1), jnp.concatenate([*gates, dn * r], axis=-1)


_STEPS = {"lstm": (_lstm, _lstm_back), "gru": (_gru, _gru_back)}


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(kind: str, back: bool, weights: Any, x: Array, state: State, masks: Any) -> tuple[Array, State]:
    return _forward(kind, back, weights, x, state, masks)[0]


def _forward(
    kind: str, back: bool, weights: Any, x: Array, state: State, masks: Any
) -> tuple[tuple[Array, State], Any]:
    weight, bias, recurrent, shift = weights

    def step(state: State, now: Any) -> tuple[State, Any]:
        entered, there = now
        product = jnp.matmul(state[0], recurrent)
        new, kept = _STEPS[kind][0](state, entered, product if shift is None else product + shift)
        if there is None:
            return new, (new[0], state, kept)
        after = tuple(jnp.where(there, n, s) for n, s in zip(new, state, strict=True))
        return after, (jnp.where(there, new[0], 0), state, kept)

    entered = jnp.matmul(x, weight) + bias
    last, (outputs, before, kept) = jax.lax.scan(step, state, (entered, masks[0]), reverse=back)
    return (outputs, last), (weights, x, before, kept, masks)


def _backward(kind: str, back: bool, saved: Any, given: tuple[Array, State]) -> tuple[Any, Array, State, None]:
    weights, x, before, kept, masks = saved
    inward, outward = weights[0].T, weights[2].T

    def step(carry: Any, now: Any) -> tuple[Any, Array]:
        d, sums = carry
        d_output, x, before, kept, (there, cut) = now
        d, past = _apart((d[0] + d_output, *d[1:]), d, there)
        d, d_entered, d_product = _STEPS[kind][1](d, before, kept)
        d = (d[0] + jnp.matmul(d_product, outward), *d[1:])
        d = d if past is None else jax.tree.map(jnp.add, d, past)
        d = d if cut is None else tuple(jnp.where(cut, 0, one) for one in d)
        products = (jnp.matmul(x.T, d_entered), jnp.sum(d_entered, 0), jnp.matmul(before[0].T, d_product))
        more = (*products, None if sums[3] is None else jnp.sum(d_product, 0))
        return (d, jax.tree.map(jnp.add, sums, more)), jnp.matmul(d_entered, inward)

    none_yet = jax.tree.map(jnp.zeros_like, weights)
    swept = (given[0], x, before, kept, masks)
    (d, d_weights), dx = jax.lax.scan(step, (given[1], none_yet), swept, reverse=not back)
    return d_weights, dx, d, None


def _apart(d: State, without: State, there: Array | None) -> tuple[State, State | None]:
    """What goes back through a step, and what passes it by where nothing is there."""
    if there is None:
        return d, None
    return tuple(jnp.where(there, one, 0) for one in d), tuple(jnp.where(there, 0, one) for one in without)


_run.defvjp(_forward, _backward)
