"""What the loop iterates: an algorithm is three pure functions of a state."""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import PRNGKeyArray


class State(NamedTuple):
    """Everything that must survive from one step to the next; a pytree.

    Attributes
    ----------
    model : the hypothesis with its current weights
    optimiser : what the step rule remembers (moments, damping)
    sampler : what the sampler remembers (states of the economy, a replay buffer, a shuffled order)
    """

    model: Any
    optimiser: Any
    sampler: Any


Info = dict[str, Any]


class AbstractAlgorithm(eqx.Module):
    """A pure step and what surrounds it. Subclasses are final: fields plus these three methods.

    Array leaves (data, learning rates, parameters of an economy) are traced, everything else is static and
    compared by value: two algorithms that differ in arrays only share one compiled program.
    """

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, model: Any = None) -> State:
        """Return the state before the first step, around ``model`` where one is given."""

    @abc.abstractmethod
    def step(self, state: State, key: PRNGKeyArray, feed: Any) -> tuple[State, Info]:
        """Return the next state and what happened; ``info["loss"]`` is obligatory, all entries are scalars."""

    @abc.abstractmethod
    def evaluate(self, state: State, key: PRNGKeyArray) -> Info:
        """Return held-out metrics (possibly none); called once per chunk of steps."""
