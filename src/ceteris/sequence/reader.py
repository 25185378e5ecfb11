"""A recurrent net and a linear map on its hidden states: what reads series in this part."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr


class Reader(eqx.Module):
    """A recurrent net whose hidden states a linear map reads, at each period or on average.

    Parameters
    ----------
    cell : {"gru", "lstm"}
    inputs : int
        Numbers per period.
    width : int
        Hidden states.
    outputs : int
    pooled : bool
        Whether the mean hidden state is read, which gives (..., outputs), or each, which gives
        (..., periods, outputs).
    key : PRNG key
    """

    cell: Any
    read: eqx.nn.Linear
    pooled: bool = eqx.field(static=True)

    def __init__(self, cell: str, inputs: int, width: int, outputs: int, pooled: bool, *, key: Any) -> None:
        own, read = jr.split(key)
        self.cell = {"gru": eqx.nn.GRUCell, "lstm": eqx.nn.LSTMCell}[cell](inputs, width, key=own)
        self.read = eqx.nn.Linear(width, outputs, key=read)
        self.pooled = pooled

    def __call__(self, x):
        """Return the outputs of one series (periods, inputs), or of many with leading axes."""
        if x.ndim > 2:
            return jax.vmap(self)(x)
        zero = jnp.zeros(self.read.in_features, x.dtype)
        start = (zero, zero) if isinstance(self.cell, eqx.nn.LSTMCell) else zero

        def step(state, now):
            state = self.cell(now, state)
            return state, state[0] if isinstance(state, tuple) else state

        states = jax.lax.scan(step, start, x)[1]
        return self.read(states.mean(0)) if self.pooled else jax.vmap(self.read)(states)
