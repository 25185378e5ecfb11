"""Models of many agents that differ only in their states: who they are called does not matter.

A permutation of exchangeable agents permutes tomorrow's states in the same way and changes no price and no reward. Then
the optimal policy of an agent, u(x, X), does not depend on the order of X either (002), and two things follow:

- it has the form ρ(x, mean φ(Xᵢ)), a `ceteris.nets.DeepSet`, whatever the number of agents;
- a function of many agents, none of whom matters much, hardly varies with their own shocks: ONE draw of them says what
  it is on average (concentration of measure), up to an error that falls as 1/√N.

A model says so by ``exchangeable()``, and names its agents' own shocks `Idiosyncratic`; `solve` does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from ceteris.equilibrium.point import Point
from ceteris.equilibrium.shocks import normalised
from ceteris.nets import DeepSet


@dataclass(frozen=True)
class Agents:
    """One group of exchangeable agents.

    Parameters
    ----------
    states : str or sequence of str
        States whose first axis runs over the agents; a further axis holds several numbers per agent.
    shocks : str or sequence of str
        Their `Idiosyncratic` shocks.
    """

    states: tuple[str, ...]
    shocks: tuple[str, ...]

    def __init__(self, states: str | Sequence[str], shocks: str | Sequence[str] = ()):
        names = lambda given: (given,) if isinstance(given, str) else tuple(given)
        object.__setattr__(self, "states", names(states))
        object.__setattr__(self, "shocks", names(shocks))
        if not self.states:
            raise ValueError("Agents: no states were given, but agents need at least one; name it, such as 'k'.")

    def stacked(self, s: Point) -> Array:
        """All numbers that describe each agent, shape (agents, numbers)."""
        columns = [jnp.reshape(s[name], (jnp.shape(s[name])[0], -1)) for name in self.states]
        return jnp.concatenate(columns, -1)


class Exchangeable:
    """What ``Model.exchangeable`` returns: the groups of agents, and what their policy looks like.

    Parameters
    ----------
    *groups : Agents
        Agents are exchangeable within a group, not across.
    own : bool
        Whether the policy of an agent depends on its own state too: raw outputs then have a leading axis of agents.
        One group only; with two types of agents make the type a state of each agent.
    asked : int
        If own, the equations of how many agents, the first ones, ``residuals`` states: a few stand for all.
    latent : int
        Numbers into which the network φ turns each agent.
    inner : tuple of int, "identity" or "moments"
        Its hidden layers.
    pooling : str
        How they are added up; as for `ceteris.nets.DeepSet`.

    Notes
    -----
    The network sees the set of agents, and in units of their own what is common to all: other states and the mean of
    each agent's numbers, which is where most of the variation usually is. That adds the identity to φ.

    Examples
    --------
    >>> Exchangeable(Agents("k", "w"), own=True).states
    ('k',)
    """

    def __init__(
        self,
        *groups: Agents,
        own: bool = False,
        asked: int = 4,
        latent: int = 4,
        inner: Sequence[int] | Literal["identity", "moments"] = (16,),
        pooling: Literal["mean", "attention"] = "mean",
    ):
        if not groups:
            raise ValueError("Exchangeable: no group was given; give at least one, such as Agents('k', shocks='w').")
        if own and len(groups) > 1:
            raise ValueError(
                f"Exchangeable: own=True was given with {len(groups)} groups, but needs one; make the type a state of "
                "each agent."
            )
        self.groups: Sequence[Agents] = groups
        self.own, self.asked = own, asked
        self.latent = latent
        self.inner: Sequence[int] | Literal["identity", "moments"] = inner
        self.pooling: Literal["mean", "attention"] = pooling

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states of agents."""
        return tuple(name for group in self.groups for name in group.states)

    @property
    def shocks(self) -> tuple[str, ...]:
        """Names of all shocks of agents."""
        return tuple(name for group in self.groups for name in group.shocks)

    def inputs(self, s: Point, others: Array) -> dict[str, Any]:
        """What the network sees: the sets, what is common to all agents, and each agent if its own state matters."""
        sets = tuple(group.stacked(s) for group in self.groups)
        common = jnp.concatenate([others, *(X.mean(0) for X in sets)])
        own = {"agent": sets[0]} if self.own else {}
        return {**own, "common": common, "set": sets}

    def network(self, inputs: Any, outputs: int, widths: tuple[int, ...], activation: str, key: Array) -> DeepSet:
        """The invariant network for these numbers of inputs and outputs."""
        return DeepSet(
            inputs["set"], outputs, self.latent, widths, self.inner, agent=inputs.get("agent", 0),
            common=inputs["common"], pooling=self.pooling, skip=True, activation=activation, key=key,
        )  # fmt: skip

    def sizes(self, s: Point) -> tuple[int, ...]:
        """How many agents each group has."""
        return tuple(jnp.shape(s[group.states[0]])[0] for group in self.groups)


def permuted(block: Exchangeable, point: Point, orders: Sequence[Array]) -> Point:
    """A state, or a point of shocks, with the agents of each group in another order."""
    values = point.asdict()
    for group, order in zip(block.groups, orders, strict=True):
        for name in (*group.states, *group.shocks):
            if name in values:
                values[name] = values[name][order]
    return Point(point._kind, values)


def spread_by_one_draw(f: Any, shocks: Array, normalise: bool) -> Array:
    """Standard deviation of f over draws of independent standard normal shocks, to first order around those given.

    By the delta method it is the length of the gradient. A draw that is normalised can move neither the mean of the
    shocks nor their variance, so that the gradient's components along 1 and along the shocks do not count.

    Parameters
    ----------
    f : callable
        A number as a function of the agents' shocks.
    shocks : array, shape (agents,)

    Examples
    --------
    The mean of n shocks has standard deviation 1/√n, and none where draws are normalised:

    >>> w = normalised(jax.random.normal(jax.random.key(0), (100,)))
    >>> round(float(spread_by_one_draw(jnp.mean, w, False)), 6)
    0.1
    >>> bool(spread_by_one_draw(jnp.mean, w, True) < 1e-6)
    True
    """
    slope = jax.grad(f)(shocks)
    if normalise:
        w = normalised(shocks)
        slope = slope - slope.mean(0)
        slope = slope - w * jnp.mean(slope * w, 0)
    return jnp.sqrt(jnp.sum(slope**2))
