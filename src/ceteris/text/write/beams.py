"""Beam search: several beginnings of each text are followed at once, and the best text that ended is kept.

A text y of n tokens scores Σ_t log p(y_t | y_<t) / n^α. With α = 0 this is the source's score (004, section 10.2),
which favours short texts, for every token costs; α = 1, the default here and in transformers, is the mean. A beam that
ended leaves the search. With α = 0 the search is over when no beam can overtake any that is kept. With α > 0 a longer
text may score better than any bound known now says; then, as in transformers, beams are compared as if they ended here,
which may stop a little early.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.text.models import Cache, LanguageModel
from ceteris.text.write.choosing import ChoiceRule, unended
from ceteris.text.write.decoding import room_for, start_reading


class Beams(NamedTuple):
    """Scores and tokens of beams that run and of texts that ended, the best first; B prompts, K beams."""

    cache: Cache  # of B · K texts
    last: Array  # (B, K) the tokens to be read next
    running: Array  # (B, K) Σ log p
    tokens: Array  # (B, K, room)
    likelihood: Array  # (B, K, room)
    ended: Array  # (B, K) scores; minus infinity where no text has ended yet
    ended_tokens: Array  # (B, K, room)
    ended_likelihood: Array  # (B, K, room)
    lengths: Array  # (B, K)
    open: Array  # (B,) whether a beam may still overtake
    t: Array


@eqx.filter_jit
def search(
    model: LanguageModel,
    tokens: Any,
    mask: Any,
    length: Any,
    alpha: Any,
    least: Any,
    rule: ChoiceRule,
    beams: int,
    room: int,
) -> tuple[Array, Array, Array, Array]:
    """Return the best text of each prompt, (B, room), its tokens' log probabilities, how many they are, its score.

    Parameters
    ----------
    model : LanguageModel
        With layers apart.
    tokens, mask : arrays, shape (B, T)
        The prompts, filled up on the left; an encoder-decoder's sources.
    length : int array, shape ()
        Tokens at most.
    alpha : array, shape ()
        Exponent of the length in the score.
    least : int array, shape ()
        Tokens at least.
    rule : ChoiceRule
        Which tokens end a text, and what fills up behind.
    beams : int
        How many are followed.
    room : int
        Of the arrays, at least `length`.
    """
    batch, K = len(tokens), beams
    logits, cache = start_reading(model, tokens, mask, room)
    repeat = lambda a: jnp.repeat(a, K, axis=0)
    memories, context = jax.tree.map(repeat, (cache.memories, cache.context))
    cache = Cache(memories, repeat(cache.there), repeat(cache.count), cache.read, context)
    blank, zeros = jnp.full((batch, K, room), rule.fill, jnp.int32), jnp.zeros((batch, K, room))
    first = jnp.where(jnp.arange(K) == 0, 0.0, -jnp.inf)  # all beams begin as one
    state = Beams(
        cache, jnp.zeros((batch, K), jnp.int32), jnp.broadcast_to(first, (batch, K)), blank, zeros,
        jnp.full((batch, K), -jnp.inf), blank, zeros, jnp.zeros((batch, K), jnp.int32), jnp.ones(batch, bool),
        jnp.zeros((), jnp.int32),
    )  # fmt: skip
    state = _extended(state, jnp.repeat(logits[:, None], K, axis=1), length, alpha, least, rule)

    def step(state: Beams) -> Beams:
        x, cache = model.follow(state.last.reshape(-1, 1), state.cache)
        logits = model.headed(x)[:, 0].reshape(batch, K, -1)
        return _extended(state._replace(cache=cache), logits, length, alpha, least, rule)

    state = jax.lax.while_loop(lambda s: (s.t < length) & s.open.any(), step, state)
    return state.ended_tokens[:, 0], state.ended_likelihood[:, 0], state.lengths[:, 0], state.ended[:, 0]


def _extended(state: Beams, logits: Array, length: Any, alpha: Any, least: Any, rule: ChoiceRule) -> Beams:
    """Add a token to each beam: the best of all continuations run on, and those that end compete for a place."""
    batch, K, V = logits.shape
    log_p = unended(jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1), state.t, rule.ends, least)
    count = max(2, 1 + len(rule.ends)) * K  # so many that at least K of them do not end
    scores, place = jax.lax.top_k((state.running[..., None] + log_p).reshape(batch, -1), count)
    parent, token = place // V, place % V
    rows = jnp.arange(batch)[:, None]
    mark = lambda old, new: jax.lax.dynamic_update_slice_in_dim(old[rows, parent], new[..., None], state.t, axis=2)
    tokens = mark(state.tokens, token.astype(jnp.int32))
    likelihood = mark(state.likelihood, log_p[rows, parent, token])
    t = state.t + 1
    ends = jnp.isin(token, jnp.array(rule.ends, jnp.int32)) if rule.ends else jnp.zeros(token.shape, bool)
    ends = ends | (t >= length)

    # those among the best K that end, beside the texts that ended before
    ending = ends & (jnp.arange(count) < K) & state.open[:, None]
    new = jnp.where(ending, scores / t.astype(jnp.float32) ** alpha, -jnp.inf)
    ended, best = jax.lax.top_k(jnp.concatenate([state.ended, new], axis=1), K)
    both = lambda old, new: jnp.concatenate([old, new], axis=1)[rows, best]
    ended_tokens, ended_likelihood = both(state.ended_tokens, tokens), both(state.ended_likelihood, likelihood)
    lengths = both(state.lengths, jnp.broadcast_to(t, token.shape))

    # the best K that do not end run on
    running, on = jax.lax.top_k(jnp.where(ends, -jnp.inf, scores), K)
    hopeful = running[:, 0] / t.astype(jnp.float32) ** alpha > ended.min(axis=1)
    flat = (rows * K + parent[rows, on]).reshape(-1)
    cache = state.cache._replace(memories=jax.tree.map(lambda a: a[flat], state.cache.memories))
    return Beams(
        cache, token[rows, on].astype(jnp.int32), running, tokens[rows, on], likelihood[rows, on], ended, ended_tokens,
        ended_likelihood, lengths, state.open & hopeful, t,
    )  # fmt: skip


def search_tokens(
    model: LanguageModel, tokens: Any, mask: Any, rule: ChoiceRule, length: int, beams: int, alpha: float = 1.0,
    least: int = 0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Go on with prompts; return the best texts and their log probabilities, (B, length), filled up behind."""
    numbers = np.asarray(length, np.int32), np.asarray(alpha, np.float32), np.asarray(least, np.int32)
    found, likelihood, lengths, _ = search(model, tokens, mask, *numbers, rule, beams, room_for(length))
    found, likelihood = np.array(found)[:, :length], np.array(likelihood)[:, :length]
    behind = np.arange(length) >= np.asarray(lengths)[:, None]
    found[behind], likelihood[behind] = rule.fill, 0.0
    return found, likelihood
