"""A recurrent net and a linear map on its states: what reads series in this part."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.random as jr

from ceteris.nets import Recurrent
from ceteris.nets.initialisers import lecun_normal
from ceteris.nets.mlp import Dense


class Reader(eqx.Module):
    """A recurrent net whose states a linear map reads, at each period or on average.

    Parameters
    ----------
    cell : {"gru", "lstm", "elman"}
        See `ceteris.nets.Recurrent`.
    inputs : int
        Numbers per period.
    width : int
        Numbers in a state.
    outputs : int
        Numbers that are read off.
    pooled : bool
        Whether the mean state is read, which gives (..., outputs), or each, which gives (..., periods, outputs).
    key : PRNG key
        For the weights.
    """

    states: Recurrent
    read: Dense
    pooled: bool = eqx.field(static=True)

    def __init__(self, cell: Any, inputs: int, width: int, outputs: int, pooled: bool, *, key: Any) -> None:
        own, read = jr.split(key)
        self.states = Recurrent(inputs, width, cell, key=own)
        self.read = Dense(width, outputs, lecun_normal, key=read)
        self.pooled = pooled

    def __call__(self, x):
        """Return the outputs of series (..., periods, inputs)."""
        states = self.states(x)
        return self.read(states.mean(-2) if self.pooled else states)
