"""Deep sets: functions of an agent and of all agents that do not depend on how the agents are numbered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import one_of
from ceteris.nets.initialisers import zeros
from ceteris.nets.mlp import MLP, Dense
from ceteris.nets.net import AbstractStateless
from ceteris.nets.pooling import Powers, attended, pooled_mean, refuse_weights

Sizes = int | Sequence[int]


class DeepSet(AbstractStateless):
    """ρ(x, c, pooled φ(Xᵢ)): own state x, what is common to all c, and the set of all agents X.

    Every continuous function of x and the set has this form with a latent dimension of at most the number of agents
    (Wagstaff et al. 2019); a handful does in practice. The weights know nothing of the number of agents.

    Parameters
    ----------
    in_size : int or sequence of int
        Numbers that describe an agent; one per group of agents where there are several, each with its own φ.
    out_size : int
        Outputs of ρ.
    latent : int
        Outputs L of φ, if φ is a network.
    widths : sequence of int
        Hidden layers of ρ.
    inner : sequence of int, or str
        Hidden layers of φ; "identity" and "moments" are φ(x) = x and φ(x) = (x, x², x³, x⁴), which nothing is
        learnt in.
    degrees : tuple of int
        Which moments.
    agent : int
        Number of ρ's inputs x, those of an agent.
    common : int
        Number of ρ's inputs c, those that all agents share.
    pooling : {"mean", "attention"}
        Attention weighs agents by the softmax of a score that is linear in Xᵢ, one for each entry of φ; it starts as
        the mean.
    skip : bool
        Whether an affine map of ρ's inputs is added to ρ, zero at first: many policies are nearly linear.
    activation
        Of both networks.
    key : PRNG key
        Decides the first weights.

    References
    ----------
    Zaheer et al. (2017), "Deep sets"; 002, Proposition on permutation-invariant functions.

    Examples
    --------
    >>> import jax
    >>> net = DeepSet(1, 1, latent=2, widths=(8,), inner=(8,), key=jax.random.key(0))
    >>> X = jnp.array([[1.0], [2.0], [4.0]])
    >>> bool(jnp.allclose(net(X), net(X[::-1]))), net(X[:2]).shape
    (True, (1,))

    Every agent's own state, and the set of all:

    >>> net = DeepSet(1, 1, agent=1, widths=(8,), key=jax.random.key(0))
    >>> net({"agent": X, "set": X}).shape
    (3, 1)
    """

    inner: tuple[Any, ...]
    scores: tuple[Dense, ...] | None
    outer: MLP
    skip: Dense | None

    def __init__(
        self,
        in_size: Sizes,
        out_size: int,
        latent: int = 4,
        widths: Sequence[int] = (32, 32),
        inner: Sequence[int] | Literal["identity", "moments"] = (16,),
        degrees: tuple[int, ...] = (1, 2, 3, 4),
        agent: int = 0,
        common: int = 0,
        pooling: Literal["mean", "attention"] = "mean",
        skip: bool = False,
        activation: str | Callable[[Array], Array] = "tanh",
        *,
        key: Array,
    ):
        sizes = (in_size,) if isinstance(in_size, int) else tuple(in_size)
        _check(sizes, latent, inner, pooling, agent, common)
        outer, *keys = jr.split(key, len(sizes) + 1)
        if isinstance(inner, str):
            powers = Powers((1,) if inner == "identity" else tuple(degrees))
            self.inner = (powers,) * len(sizes)
            pooled = [n * len(powers.degrees) for n in sizes]
        else:
            self.inner = tuple(MLP(n, latent, inner, activation, key=k) for n, k in zip(sizes, keys, strict=True))
            pooled = [latent] * len(sizes)
        attend = lambda n, m: Dense(n, m, zeros, key=key)
        self.scores = tuple(map(attend, sizes, pooled)) if pooling == "attention" else None
        entering = agent + common + sum(pooled)
        self.outer = MLP(entering, out_size, widths, activation, key=outer)
        self.skip = Dense(entering, out_size, zeros, key=key) if skip else None

    def __call__(self, x: Any, weights: Any = None) -> Array:
        """Evaluate.

        Parameters
        ----------
        x : array (..., agents, in_size), or dict
            The set (a tuple of sets if there are groups), or a dictionary of it, under "set", with "common" (...,
            common) and "agent", (..., agents, agent), the agents that are asked for: these may be others than those
            in the set.
        weights : array (..., agents), optional
            How much each agent counts; one array per group.

        Returns
        -------
        array, shape (..., out_size), or (..., agents, out_size) where agents are asked for
        """
        parts: Mapping[str, Any] = x if isinstance(x, Mapping) else {"set": x}
        sets = parts["set"] if isinstance(parts["set"], tuple | list) else (parts["set"],)
        given = weights if isinstance(weights, tuple | list) else (weights,) * len(sets)
        _refuse(len(self.inner), sets, given)
        seen = [self.pooled(g, X, w) for g, (X, w) in enumerate(zip(sets, given, strict=True))]
        if "common" in parts:
            seen = [parts["common"], *seen]
        around = jnp.concatenate(seen, -1)
        if "agent" not in parts:
            return self._answer(around)
        own = parts["agent"]
        around = jnp.broadcast_to(around[..., None, :], (*own.shape[:-1], around.shape[-1]))
        return self._answer(jnp.concatenate([own, around], -1))

    def _answer(self, entering: Array) -> Array:
        raw = self.outer(entering)
        return raw if self.skip is None else raw + self.skip(entering)

    def pooled(self, group: int, X: Array, weights: Array | None = None) -> Array:
        """What ρ learns of one group, shape (..., latent)."""
        features = self.inner[group]
        if self.scores is None:
            return pooled_mean(features, X, weights)
        return attended(features(X), self.scores[group](X), weights)


def _refuse(groups: int, sets: Sequence[Array], weights: Sequence[Any]) -> None:
    if len(sets) != groups or len(weights) != groups:
        raise ValueError(
            f"x holds {len(sets)} groups of agents and weights {len(weights)}, but the net was built for {groups}; "
            "pass a tuple with one array per group."
        )
    for g, (X, w) in enumerate(zip(sets, weights, strict=True)):
        if jnp.ndim(X) < 2 or jnp.shape(X)[-2] == 0:
            raise ValueError(
                f"group {g} of x has shape {jnp.shape(X)}, but a set is (..., agents, numbers per agent) with at least "
                "one agent; leave an empty group out of the model."
            )
        refuse_weights(w, jnp.shape(X)[-2])


def _check(sizes: tuple[int, ...], latent: int, inner: Any, pooling: str, agent: int, common: int) -> None:
    if not sizes or min(*sizes, latent, 1) < 1 or min(agent, common) < 0:
        raise ValueError(
            f"in_size, latent, agent and common are {sizes}, {latent}, {agent} and {common}, but must be at least 1, "
            "1, 0 and 0; give such."
        )
    if isinstance(inner, str) and inner not in ("identity", "moments"):
        raise ValueError(
            f"inner is {inner!r}, but must be 'identity', 'moments' or the widths of φ's layers; give such as (16,)."
        )
    one_of("pooling", pooling, ("mean", "attention"))
