"""Games: several players, each with its own loss over its own block of the model (GANs, min-max instruments)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.random as jr
from jaxtyping import PRNGKeyArray

from ceteris.engine import AbstractAlgorithm, State
from ceteris.recipe.descend import at_least_single, computed, descent, drawn_and_swept, with_buffers
from ceteris.recipe.objectives import AbstractObjective, no_metrics
from ceteris.recipe.optimisers import Builder
from ceteris.recipe.samplers import AbstractSampler


class Play(AbstractAlgorithm):
    """Players move in turns against the gradients of their own losses.

    Parameters
    ----------
    hypothesis : callable
        ``hypothesis(key=key)`` returns a dictionary ``{player: module}``.
    objectives : dict
        One per player: it sees the whole dictionary, and its player moves only its own block.
    optimisers : dict
        One per player.
    sampler : AbstractSampler
    turns : tuple of str
        Who moves in one update, in this order; a name may repeat (five critic moves to one generator move).
    heldout : callable
        As in `Descend`.

    Examples
    --------
    A zero-sum game with its saddle point at (0, 0):

    >>> import jax, jax.numpy as jnp, equinox as eqx, optax
    >>> from ceteris.engine import fit
    >>> from ceteris.recipe import Fixed, Loss
    >>> def start(key): return {"low": jnp.array(1.0), "high": jnp.array(1.0)}
    >>> def low(m, batch, key): return m["low"] ** 2 + m["low"] * m["high"] - m["high"] ** 2, {}
    >>> def high(m, batch, key): return -low(m, batch, key)[0], {}
    >>> rule = eqx.Partial(optax.sgd, 0.1)
    >>> game = Play(start, {"low": Loss(low), "high": Loss(high)}, {"low": rule, "high": rule}, Fixed(jnp.zeros(1)),
    ...             turns=("low", "high"))
    >>> {name: round(abs(float(x)), 3) for name, x in fit(game, jax.random.key(0), steps=100).model.items()}
    {'high': 0.0, 'low': 0.0}
    """

    hypothesis: Callable[..., dict[str, Any]]
    objectives: dict[str, AbstractObjective]
    optimisers: dict[str, Builder]
    sampler: AbstractSampler
    turns: tuple[str, ...] = eqx.field(static=True)
    heldout: Callable[[Any, PRNGKeyArray], dict[str, Any]] = no_metrics

    def __check_init__(self):
        players = set(self.objectives)
        if "loss" in players:
            raise ValueError(
                "Play: a player is called 'loss', which is what the log calls the sum; choose another name."
            )
        if players != set(self.optimisers) or players != set(self.turns):
            raise ValueError(
                f"Play: objectives name {sorted(players)}, optimisers {sorted(self.optimisers)} and turns "
                f"{sorted(set(self.turns))}; all three must name the same players."
            )

    def init(self, key, model=None):
        weights, sampler = jr.split(key)
        model = self.hypothesis(key=weights) if model is None else model
        blocks = {name: at_least_single(eqx.filter(model[name], eqx.is_inexact_array)) for name in self.optimisers}
        memories = {name: make().init(blocks[name]) for name, make in self.optimisers.items()}
        return State(model, memories, self.sampler.init(model, sampler))

    def step(self, state, key, feed):
        return drawn_and_swept(self.sampler, self._round, state, key, feed)

    def evaluate(self, state, key):
        return self.heldout(state.model, key)

    def _round(self, carry, batch, key):
        model, memories, losses, info = dict(carry[0]), dict(carry[1]), {}, {}
        for player, k in zip(self.turns, jr.split(key, len(self.turns)), strict=True):
            theta, rest = eqx.partition(model[player], eqx.is_inexact_array)

            def J(theta, model=model, player=player, rest=rest, k=k):
                return computed(self.objectives[player], {**model, player: eqx.combine(theta, rest)}, batch, k)

            theta, memories[player], own = descent(J, theta, self.optimisers[player], memories[player])
            model = with_buffers({**model, player: eqx.combine(theta, rest)}, own)
            losses[player] = own.pop("loss")
            if "stop" in own:  # one player's word stops the round
                info["stop"] = info.get("stop", False) | own.pop("stop")
            info |= {f"{player}_{name}": value for name, value in own.items()}
        return (model, memories), {"loss": sum(losses.values()), **losses, **info}
