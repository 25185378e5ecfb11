"""The loop over tokens: one compiled program reads the prompts, another writes until it is told to look up.

Prompts are filled up on the left, so that all go on at the same slot; keys and values are kept in arrays whose length
is known beforehand. A loop ends early where all texts have ended. Both programs depend on shapes only: lengths are
rounded up, and where to look up is a number that is handed over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.text.models import Cache, LanguageModel
from ceteris.text.write.choosing import ChoiceNumbers, ChoiceRule, choose_token

ROOM = 32  # lengths of what is written are rounded up to multiples of it


class WritingState(NamedTuple):
    """Where the writing stands: what has been written, and what is needed to go on."""

    cache: Cache
    tokens: Array  # (B, room)
    likelihood: Array  # (B, room) log probabilities of the tokens under the model as it is
    done: Array  # (B,)
    seen: Array | None  # (B, V) which tokens were read or written, for the penalty
    t: Array  # () tokens written


def room_for(length: int) -> int:
    """Return a number of tokens, rounded up."""
    return -(-length // ROOM) * ROOM


def start_reading(model: LanguageModel, tokens: Array, mask: Array, room: int) -> tuple[Array, Cache]:
    """Read prompts; return logits of what comes next, (B, V), and the cache.

    An encoder-decoder's encoder reads them, and its decoder the token it starts with.
    """
    batch, length = tokens.shape
    if model.encoder is None:
        x, cache = model.follow(tokens, model.start(batch, length + room), mask)
    else:
        first = jnp.full((batch, 1), model.description.start or 0, jnp.int32)
        x, cache = model.follow(first, model.start(batch, 1 + room, tokens, mask))
    return model.headed(x[:, -1:])[:, 0], cache


@eqx.filter_jit
def begin_writing(
    model: LanguageModel, tokens: Array, mask: Array, given: ChoiceNumbers, rule: ChoiceRule, room: int
) -> WritingState:
    """Read prompts and write the first token of each.

    Parameters
    ----------
    model : LanguageModel
        With layers apart.
    tokens, mask : arrays, shape (B, T)
        The prompts, filled up on the left.
    given : ChoiceNumbers
        The settings.
    rule : ChoiceRule
        What is compiled.
    room : int
        Tokens that can be written.
    """
    logits, cache = start_reading(model, tokens, mask, room)
    batch, seen = len(tokens), None
    if rule.penalised:
        read = tokens if model.encoder is None else jnp.full((batch, 1), model.description.start or 0)
        there = mask if model.encoder is None else jnp.ones((batch, 1), bool)
        seen = jnp.zeros(logits.shape, bool).at[jnp.arange(batch)[:, None], read].max(there)
    empty = jnp.full((batch, room), rule.fill, jnp.int32)
    blank = WritingState(cache, empty, jnp.zeros((batch, room)), jnp.zeros(batch, bool), seen, jnp.zeros((), jnp.int32))
    return _written_down(blank, logits, rule, given)


@eqx.filter_jit
def go_on_writing(
    model: LanguageModel, progress: WritingState, until: Any, given: ChoiceNumbers, rule: ChoiceRule
) -> WritingState:
    """Write until so many tokens are there, or all texts have ended."""

    def step(progress: WritingState) -> WritingState:
        last = jax.lax.dynamic_slice_in_dim(progress.tokens, progress.t - 1, 1, axis=1)
        x, cache = model.follow(last, progress.cache)
        return _written_down(progress._replace(cache=cache), model.headed(x)[:, 0], rule, given)

    return jax.lax.while_loop(lambda p: (p.t < until) & ~p.done.all(), step, progress)


def _written_down(progress: WritingState, logits: Array, rule: ChoiceRule, given: ChoiceNumbers) -> WritingState:
    """Choose the next tokens and write them down."""
    chosen = choose_token(logits, progress.seen, progress.t, rule, given)
    chosen = jnp.where(progress.done, rule.fill, chosen).astype(jnp.int32)
    logits = logits.astype(jnp.float32)
    own = jnp.take_along_axis(logits, chosen[:, None], axis=1)[:, 0]
    log_p = jnp.where(progress.done, 0.0, own - jax.nn.logsumexp(logits, axis=-1))
    put = lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new[:, None], progress.t, axis=1)
    seen = progress.seen if progress.seen is None else progress.seen.at[jnp.arange(len(chosen)), chosen].set(True)
    ended = jnp.isin(chosen, jnp.array(rule.ends, jnp.int32)) if rule.ends else jnp.zeros(len(chosen), bool)
    return WritingState(
        progress.cache, put(progress.tokens, chosen), put(progress.likelihood, log_p), progress.done | ended, seen,
        progress.t + 1,
    )  # fmt: skip


def write_tokens(
    model: LanguageModel, tokens: Any, mask: Any, given: ChoiceNumbers, rule: ChoiceRule, length: int,
    look: Callable[[np.ndarray], np.ndarray] | None = None, every: int = 8,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Go on with prompts; return the tokens and their log probabilities, (B, length).

    Parameters
    ----------
    model : LanguageModel
        With layers apart.
    tokens, mask : arrays, shape (B, T)
        The prompts, filled up on the left; an encoder-decoder's sources.
    given, rule
        How tokens are chosen.
    length : int
        Tokens at most.
    look : callable, optional
        Called with what is written so far, (B, t), every few tokens; returns which texts are to end there, (B,).
    every : int
        How many tokens.
    """
    progress = begin_writing(model, tokens, mask, given, rule, room_for(length))
    stops = range(every, length + every, every) if look else (length,)
    for until in stops:
        until = min(until, length)
        progress = go_on_writing(model, progress, np.asarray(until, np.int32), given, rule)
        done, t = np.asarray(progress.done), int(progress.t)
        if look:
            done = done | look(np.asarray(progress.tokens)[:, :t])
            progress = progress._replace(done=jnp.asarray(done))
        if done.all():
            break
    return np.asarray(progress.tokens)[:, :length], np.asarray(progress.likelihood)[:, :length]
