"""How likely given texts are: log probabilities of their tokens, and of continuations behind prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array

from ceteris.arguments import as_many, whole
from ceteris.programs import keep_programs
from ceteris.text.models import LanguageModel
from ceteris.text.tokens import Encoded
from ceteris.text.tokens.encoded import padded
from ceteris.text.write.prompts import Writer, token_rows, writer_of

AT_ONCE = 64  # places of a text whose probabilities over the vocabulary are in memory at the same time


def score(model: Any, prompts: Sequence[Any], continuations: Sequence[Any], *, batch_size: int = 8) -> pd.DataFrame:
    """Return how likely a model finds continuations of prompts: log P(continuation | prompt).

    Nothing is drawn and nothing parsed: one pass, the same answer each time. Prompt and continuation are read as one
    text, and every token counts that reaches into the continuation (the space between two words belongs to the second
    in most vocabularies, so begin continuations with it, or end prompts with it).

    Parameters
    ----------
    model : Pretrained or LanguageModel
        One that writes. Without a tokenizer, prompts and continuations are lists of tokens.
    prompts : sequence of str
        What comes before.
    continuations : sequence of str
        One for each prompt; repeat a prompt to ask about several.
    batch_size : int
        Texts that are read at once.

    Returns
    -------
    DataFrame
        A row per pair: "prompt", "continuation", "log_probability" (in nats), "tokens" and "bytes" of the continuation;
        divide by these to compare continuations of unequal length.

    Examples
    --------
    >>> from ceteris.text.models import Description
    >>> tiny = Description(vocabulary=50, width=16, depth=1, heads=2, perceptron=32, length=32)
    >>> found = score(LanguageModel(tiny, key=jax.random.key(0)), [[3, 1], [3, 1]], [[4, 1], [5]])
    >>> found["tokens"].tolist(), bool((found["log_probability"] < 0).all())
    ([2, 1], True)
    """
    keep_programs()
    writer = writer_of(model)
    prompts, continuations = list(prompts), list(continuations)
    as_many("continuations", continuations, len(prompts), of="prompt")
    whole("batch_size", batch_size)
    if not prompts:
        raise ValueError("prompts holds none, but must hold one at least; give one for each continuation.")
    read = _target_read if writer.model.encoder is not None else _joint_read
    encoded, counted, sources = read(writer, prompts, continuations)
    log_p = log_probabilities(writer.model, encoded, batch_size, sources)
    return pd.DataFrame(
        {
            "prompt": [str(prompt) for prompt in prompts],
            "continuation": [str(text) for text in continuations],
            "log_probability": np.where(counted, log_p, 0.0).sum(1),
            "tokens": counted.sum(1),
            "bytes": [len(text.encode()) if isinstance(text, str) else 0 for text in continuations],
        }
    )


def log_probabilities(
    model: LanguageModel, encoded: Encoded, batch_size: int, sources: Encoded | None = None
) -> np.ndarray:
    """Return the log probability of each token given those before it, (n, T); 0 for the first, and for padding.

    Parameters
    ----------
    model : LanguageModel
    encoded : Encoded
        Texts filled up on the right; what an encoder-decoder's decoder reads, its first token included.
    batch_size : int
        Texts at once.
    sources : Encoded, optional
        What an encoder-decoder's encoder reads.
    """
    found = np.zeros(encoded.tokens.shape)
    for rows, batch in encoded.batches(min(batch_size, len(encoded))):
        source = None if sources is None else (sources.tokens[rows], sources.mask[rows])
        log_p = np.asarray(_log_probabilities(model, batch.tokens, batch.mask, source))
        if not np.isfinite(log_p[:, 1:][batch.mask[:, 1:]]).all():
            raise ArithmeticError("The model's probabilities are not finite; look at its weights.")
        found[rows, : log_p.shape[1]] = np.where(batch.mask, log_p, 0.0)
    return found


@eqx.filter_jit
def _log_probabilities(model: LanguageModel, tokens: Any, mask: Any, source: tuple[Any, Any] | None) -> Array:
    """Log p(token t | tokens before t), (B, T): the head is applied to some places at a time, for memory."""
    x = model.hidden(tokens, mask) if source is None else model.hidden(*source, targets=tokens)
    batch, length = tokens.shape
    size = next(size for size in (AT_ONCE, 8, length) if length % size == 0)
    following = jnp.roll(tokens, -1, axis=1)
    cut = lambda a: jnp.moveaxis(a.reshape(batch, length // size, size, *a.shape[2:]), 1, 0)

    def some(part: tuple[Array, Array]) -> Array:
        logits = model.headed(part[0]).astype(jnp.float32)
        own = jnp.take_along_axis(logits, part[1][..., None], axis=-1)[..., 0]
        return own - jax.nn.logsumexp(logits, axis=-1)

    found = jax.lax.map(some, (cut(x), cut(following)))  # (parts, B, size)
    found = jnp.moveaxis(found, 0, 1).reshape(batch, length)
    return jnp.concatenate([jnp.zeros((batch, 1)), found[:, :-1]], axis=1)


def _joint_read(writer: Writer, prompts: list, continuations: list) -> tuple[Encoded, np.ndarray, None]:
    """Prompts and continuations as one text each, and which tokens reach into the continuation."""
    about, tokenizer = writer.model.description, writer.tokenizer
    if tokenizer is None or not isinstance(prompts[0], str):
        before, after = token_rows("prompts", prompts, writer), token_rows("continuations", continuations, writer)
        encoded = padded([a + b for a, b in zip(before, after, strict=True)], pad=about.pad or 0)
        behind = np.arange(encoded.tokens.shape[1]) >= np.array([[len(row)] for row in before])
    else:
        _refuse_empty(continuations)
        whole_texts = [a + b for a, b in zip(prompts, continuations, strict=True)]
        encoded = tokenizer.encode(whole_texts, offsets=True, side="right")
        assert encoded.offsets is not None
        behind = encoded.offsets[:, :, 1] > np.array([[len(prompt)] for prompt in prompts])
    counted = behind & encoded.mask
    counted[:, 0] = False  # before the first token there is nothing that it could follow
    missing = np.flatnonzero(~counted.any(axis=1))
    if len(missing):
        raise ValueError(
            f"prompts: number {missing[0]} (from 0) has no token before the continuation, but must have one that it "
            "follows; give a prompt."
        )
    _refuse_long(about.positions, about.length, encoded)
    return encoded, counted, None


def _target_read(writer: Writer, prompts: list, continuations: list) -> tuple[Encoded, np.ndarray, Encoded]:
    """Sources for the encoder, and what the decoder reads: its first token and the continuation."""
    about, tokenizer = writer.model.description, writer.tokenizer
    if tokenizer is None or not isinstance(prompts[0], str):
        sources = padded(token_rows("prompts", prompts, writer), pad=about.pad or 0)
        targets = token_rows("continuations", continuations, writer)
    else:
        _refuse_empty(continuations)
        sources, targets = tokenizer.encode(prompts, side="right"), tokenizer.ragged(continuations)
    encoded = padded([[about.start or 0, *row] for row in targets], pad=about.pad or 0)
    _refuse_long(about.positions, about.length, encoded)
    _refuse_long(about.positions, about.length, sources)
    counted = encoded.mask.copy()
    counted[:, 0] = False
    return encoded, counted, sources


def _refuse_empty(continuations: Sequence[Any]) -> None:
    empty = next((i for i, text in enumerate(continuations) if not isinstance(text, str) or not text), None)
    if empty is not None:
        raise ValueError(
            f"continuations: number {empty} (from 0) is {continuations[empty]!r}, but must be a text of one sign or "
            "more; drop it."
        )


def _refuse_long(positions: str, length: int, encoded: Encoded) -> None:
    longest = int(encoded.lengths.max())
    if positions not in ("buckets", "none") and longest > length:
        raise ValueError(
            f"prompts: number {int(encoded.lengths.argmax())} (from 0) has {longest:,} tokens with its continuation, "
            f"but the model has places for {length:,}; give a shorter one."
        )
