"""Which token comes next: the likeliest, or one drawn from what temperature, top-k, top-p and min-p leave.

With logits z over the vocabulary and p = softmax(z / τ), in this order:

    repetition penalty θ   z_v <- z_v / θ if z_v > 0 else z_v θ, for tokens v that were read or written
    temperature τ          z <- z / τ; τ = 0 is the likeliest token
    top-k                  the k likeliest stay
    top-p                  the fewest stay that have a probability of p together
    min-p                  those stay that have at least min-p times the probability of the likeliest

All three that narrow are one threshold on z, the largest of three, for which z is sorted once. A token is drawn as the
largest of z and Gumbel noise, whose key belongs to the prompt and the place: who else is in the batch changes nothing.

References
----------
004, section 10.2; Keskar et al. (2019), penalty; Holtzman et al. (2020), top-p; Nguyen et al. (2024), min-p. The order
is that of transformers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array


class ChoiceRule(NamedTuple):
    """What is compiled: whether tokens are drawn, narrowed, penalised; which end a text, and what fills up behind."""

    drawn: bool
    narrowed: bool
    penalised: bool
    ends: tuple[int, ...]
    fill: int


class ChoiceNumbers(NamedTuple):
    """What is not: the settings, the seed, and per prompt two numbers of its own from which its keys are made."""

    temperature: Any
    top_k: Any
    top_p: Any
    min_p: Any
    penalty: Any
    least: Any  # tokens before which no text ends
    seed: Any
    own: Any  # (B, 2) uint32


def threshold(z: Array, top_k: Any, top_p: Any, min_p: Any) -> Array:
    """Return the least logit that may be drawn, shape (B, 1); z has shape (B, V), in units of the temperature.

    Examples
    --------
    >>> z = jnp.log(jnp.array([[0.5, 0.25, 0.15, 0.1]]))
    >>> count = lambda **given: int((z >= threshold(z, **({"top_k": 4, "top_p": 1.0, "min_p": 0.0} | given))).sum())
    >>> count(), count(top_k=3), count(top_p=0.7), count(min_p=0.4), count(top_k=3, top_p=0.55)
    (4, 3, 2, 2, 1)
    """
    downwards = -jnp.sort(-z, axis=-1)
    rank = jnp.arange(z.shape[-1])
    kth = jnp.take_along_axis(downwards, jnp.broadcast_to(top_k - 1, (z.shape[0], 1)), axis=-1)
    p = jax.nn.softmax(jnp.where(rank < top_k, downwards, -jnp.inf), axis=-1)
    before = jnp.cumsum(p, axis=-1) - p  # probability of the likelier ones
    enough = jnp.min(jnp.where((before < top_p) & (rank < top_k), downwards, jnp.inf), axis=-1, keepdims=True)
    enough = jnp.where(top_p < 1, enough, -jnp.inf)
    return jnp.maximum(jnp.maximum(kth, enough), downwards[:, :1] + jnp.log(min_p))


def penalised(z: Array, seen: Array, penalty: Any) -> Array:
    """Return logits, those of tokens seen made smaller."""
    return jnp.where(seen, jnp.where(z > 0, z / penalty, z * penalty), z)


def unended(z: Array, t: Any, ends: tuple[int, ...], least: Any) -> Array:
    """Return logits (..., V), minus infinity for tokens that would end a text before it has so many tokens."""
    return z if not ends else z.at[..., jnp.array(ends)].add(jnp.where(t < least, -jnp.inf, 0.0))


def choose_token(z: Array, seen: Array | None, t: Any, rule: ChoiceRule, given: ChoiceNumbers) -> Array:
    """Return the next token of each text, (B,), from logits (B, V) at step t."""
    z = unended(z.astype(jnp.float32), t, rule.ends, given.least)
    if rule.penalised and seen is not None:
        z = penalised(z, seen, given.penalty)
    if not rule.drawn:
        return jnp.argmax(z, axis=-1)
    z = z / given.temperature
    if rule.narrowed:
        z = jnp.where(z >= threshold(z, given.top_k, given.top_p, given.min_p), z, -jnp.inf)

    def noise(own: Array) -> Array:
        key = jr.fold_in(jr.fold_in(jr.key(given.seed), own[0]), own[1])
        return jr.gumbel(jr.fold_in(key, t), z.shape[-1:])

    return jnp.argmax(z + jax.vmap(noise)(given.own), axis=-1)
