"""What is random from one period to the next."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.equilibrium.point import Point


class AbstractShock(eqx.Module):
    """One source of randomness; its law may depend on today's state through a Markov chain only."""

    @abc.abstractmethod
    def draw(self, s: Point, key: Array) -> Array:
        """One realisation for tomorrow, given today's state."""


class Normal(AbstractShock):
    """Independent standard normal innovations; scale and correlate them in ``move``.

    Parameters
    ----------
    shape : tuple of int
        ``()`` for one number.
    """

    shape: tuple[int, ...] = eqx.field(static=True, default=())

    def draw(self, s, key):
        return jr.normal(key, self.shape)


class Idiosyncratic(AbstractShock):
    """A standard normal innovation for each of many agents, independent across them; scale it in ``move``.

    Parameters
    ----------
    agents : int
    shape : tuple of int
        Shape of one agent's innovation; ``()`` is one number.

    Examples
    --------
    >>> Idiosyncratic(1)
    Traceback (most recent call last):
    ...
    ValueError: Idiosyncratic: agents is 1, but at least 2 are needed: one agent's shock is aggregate, so use Normal().
    """

    agents: int = eqx.field(static=True)
    one: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, agents: int, shape: tuple[int, ...] = ()):
        if agents < 2:
            raise ValueError(
                f"Idiosyncratic: agents is {agents}, but at least 2 are needed: one agent's shock is aggregate, so use "
                "Normal()."
            )
        self.agents, self.one = agents, shape

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all agents' innovations together."""
        return (self.agents, *self.one)

    def draw(self, s, key):
        return jr.normal(key, self.shape)


class Markov(AbstractShock):
    """A chain on 0, ..., n-1; the realisation is tomorrow's state of the chain, which ``move`` puts into the state.

    Parameters
    ----------
    transition : array, shape (n, n)
        Row i holds the probabilities of tomorrow's states when today's is i.
    state : str
        Name of the integer state that holds the chain.

    Examples
    --------
    >>> Markov([[0.9, 0.1], [0.4, 0.7]], state="z")
    Traceback (most recent call last):
    ...
    ValueError: Markov: row 1 of transition sums to 1.1, but every row must sum to 1; correct that row.
    """

    transition: Array
    state: str = eqx.field(static=True)

    def __init__(self, transition: Any, state: str):
        concrete = not isinstance(transition, Array) or not hasattr(transition, "_trace")
        if concrete:
            P = np.asarray(transition, dtype=float)
            if P.ndim != 2 or P.shape[0] != P.shape[1]:
                raise ValueError(f"Markov: transition has shape {P.shape}, but must be square; give one row per state.")
            if (P < 0).any():
                i, j = np.argwhere(P < 0)[0]
                raise ValueError(
                    f"Markov: transition[{i}, {j}] is {P[i, j]:g}, but a probability is not negative; correct it."
                )
            # published matrices are rounded to 6 digits: allow that, and no more
            wrong = np.flatnonzero(np.abs(P.sum(1) - 1) > 1e-5)
            if wrong.size:
                raise ValueError(
                    f"Markov: row {wrong[0]} of transition sums to {P[wrong[0]].sum():.6g}, but every row must sum to "
                    "1; correct that row."
                )
            transition = P / P.sum(1, keepdims=True)
        self.transition = transition
        self.state = state

    @property
    def n(self) -> int:
        """How many states the chain has."""
        return self.transition.shape[0]

    def draw(self, s, key):
        return jr.categorical(key, jnp.log(jnp.asarray(self.transition)[s[self.state]]))

    def stationary(self) -> np.ndarray:
        """The chain's long-run distribution."""
        P = np.asarray(self.transition)
        A = np.vstack([P.T - np.eye(self.n), np.ones(self.n)])
        return np.linalg.lstsq(A, np.append(np.zeros(self.n), 1.0), rcond=None)[0]


class Drawn(AbstractShock):
    """Anything that can be drawn: ``function(key) -> array``; expectations over it are Monte Carlo."""

    function: Callable[[Array], Array]

    def draw(self, s, key):
        return self.function(key)


def normalised(w: Array) -> Array:
    """Shocks with mean 0 and variance 1 over the agents, the first axis: the two moments a draw need not get wrong."""
    centred = w - w.mean(0)
    return centred / jnp.sqrt(jnp.mean(centred**2, 0))


def draw(shocks: dict[str, AbstractShock], s: Point, key: Array) -> Point:
    """One realisation of all shocks."""
    keys = jr.split(key, len(shocks))
    return Point("shock", {name: shock.draw(s, k) for (name, shock), k in zip(shocks.items(), keys, strict=True)})
