"""The whole transformer on one page: tokens -> vectors -> layers -> what a head makes of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets.positions import sinusoidal
from ceteris.text.models.attention import sight_of
from ceteris.text.models.blocks import Context, groups_of, put_together, taken_apart, through
from ceteris.text.models.description import Description
from ceteris.text.models.experts import balance_loss
from ceteris.text.models.parts import ACTIVATIONS, SPREAD, Affine, Norm, buckets, less


class Outputs(NamedTuple):
    """What a pass through the model gives."""

    outputs: Array  # of the head
    hidden: Array  # (B, T, width), after the final norm
    balance: Array  # balance loss of experts, averaged over layers; zero without experts


class Cache(NamedTuple):
    """What was read so far: every layer's keys and values, and which slots hold a token."""

    memories: Any
    there: Array  # (B, length)
    count: Array  # (B,) tokens read that are not padding
    read: Array  # () slots taken
    context: Context | None


class LayerStack(eqx.Module):
    """Layers, what normalises their result, and T5's biases of distances, which all layers share."""

    groups: tuple[Any, ...]
    norm: Norm | None
    distances: Array | None  # (buckets, heads)

    def __init__(self, about: Description, depth: int, cross: bool, key: Array):
        layers, distances = jr.split(key)
        self.groups = groups_of(about, depth, cross, layers)
        self.norm = Norm(about.width, about.norm, about.epsilon) if about.final_norm else None
        biased = about.positions == "buckets"
        self.distances = jr.normal(distances, (about.buckets, about.heads)) * SPREAD if biased else None


class OutputHead(eqx.Module):
    """What is made of the last vectors."""

    layer: Affine | None
    norm: Norm | None
    out: Affine | None
    bias: Array | None  # (vocabulary,), of masked tokens
    pooler: Affine | None
    following: Affine | None

    def __init__(self, about: Description, key: Array):
        layer, out, pooler, following = jr.split(key, 4)
        masked, width = about.head == "masked", about.width
        self.layer = Affine(width, width, True, layer) if masked or about.head_layer != "none" else None
        self.norm = Norm(width, "layer", about.epsilon) if masked else None
        self.bias = jnp.zeros(about.vocabulary) if masked else None
        self.out = None
        if about.head == "own":
            self.out = Affine(width, about.vocabulary, False, out)
        elif about.head in ("class", "token", "labels", "regression", "reward"):
            bias = about.head != "reward" and (about.read_at == "first" or about.head == "token")
            self.out = Affine(width, max(about.outputs, 1), bias, out)
        self.pooler = Affine(width, width, True, pooler) if about.pooler else None
        self.following = Affine(width, 2, True, following) if about.next_sentence else None


class LanguageModel(eqx.Module):
    """A transformer of any family: a decoder that writes, an encoder that reads, or both.

    Parameters
    ----------
    description : Description
        What it is made of.
    key : PRNG key
        For the weights.

    References
    ----------
    004, section 6.3; Vaswani et al. (2017); Devlin et al. (2019); Radford et al. (2019); Raffel et al. (2020); Touvron
    et al. (2023); DeepSeek-AI (2024).

    Examples
    --------
    >>> tiny = Description(vocabulary=50, width=16, depth=2, heads=2, perceptron=32, length=32)
    >>> model = LanguageModel(tiny, key=jr.key(0))
    >>> tokens = jnp.array([[3, 1, 4, 1, 5]])
    >>> model(tokens).shape
    (1, 5, 50)

    Token by token, with what was read before remembered as keys and values:

    >>> cache = model.start(batch_size=1, length=8)
    >>> first, cache = model.read(tokens[:, :3], cache)
    >>> rest, cache = model.read(tokens[:, 3:], cache)
    >>> bool(jnp.allclose(rest, model(tokens)[:, 3:], atol=1e-5))
    True
    """

    tokens: Array  # (vocabulary, width)
    places: Array | None  # (length + offset, width)
    segments: Array | None  # (segments, width)
    norm: Norm | None  # of the embeddings
    encoder: LayerStack | None
    decoder: LayerStack | None
    head: OutputHead
    description: Description = eqx.field(static=True)

    def __init__(self, description: Description, *, key: Array):
        about = self.description = description
        keys = jr.split(key, 6)
        normal = lambda key, rows: jr.normal(key, (rows, about.width)) * SPREAD
        self.tokens = normal(keys[0], about.vocabulary)
        self.places = normal(keys[1], about.length + about.offset) if about.positions == "learnt" else None
        self.segments = normal(keys[2], about.segments) if about.segments else None
        self.norm = Norm(about.width, about.norm, about.epsilon) if about.norm_embeddings else None
        both = about.kind == "encoder-decoder"
        self.encoder = None if about.kind == "decoder" else LayerStack(about, about.depth, False, keys[3])
        depth = (about.decoder_depth or about.depth) if both else about.depth
        self.decoder = None if about.kind == "encoder" else LayerStack(about, depth, both, keys[4])
        self.head = OutputHead(about, keys[5])

    # ------------------------------------------------------------------------------------------- whole texts at once

    def __call__(self, tokens: Array, mask: Array | None = None, **others: Any) -> Array:
        """Return what the head gives; arguments are those of `run`."""
        return self.run(tokens, mask, **others).outputs

    def hidden(self, tokens: Array, mask: Array | None = None, **others: Any) -> Array:
        """Return the last vectors, (B, T, width), after the final norm; arguments are those of `run`."""
        return self.run(tokens, mask, **others).hidden

    def run(
        self,
        tokens: Array,
        mask: Array | None = None,
        *,
        targets: Array | None = None,
        segments: Array | None = None,
        positions: Array | None = None,
        documents: Array | None = None,
        vectors: Array | None = None,
        entering: Array | None = None,
        key: Array | None = None,
        frugal: bool = False,
    ) -> Outputs:
        """Send texts through the model.

        Parameters
        ----------
        tokens : int array, shape (B, T)
            The texts; an encoder-decoder's sources.
        mask : bool array, shape (B, T), optional
            True where there is a token.
        targets : int array, shape (B, S), optional
            What an encoder-decoder's decoder reads: the target behind its start token.
        segments : int array, shape (B, T), optional
            Kind of each token (BERT: first or second text); zeros by default.
        positions : int array, shape (T,) or (B, T), optional
            By default 0, 1, 2, … whatever the mask says; of packed documents, from zero in each.
        documents : int array, shape (B, T), optional
            Where several documents are packed into a row: which one each token belongs to. Others are not seen.
        vectors : array, shape (B, T, width), optional
            What stands for the tokens, in the place of their rows of the embedding.
        entering : array, shape (B, T, width), optional
            What enters the first layer, in the place of all embeddings: what lower layers of another made of them.
        key : PRNG key, optional
            Drop at random, as in training.
        frugal : bool
            Whether layers are computed again in the backward pass rather than kept in memory.
        """
        about = self.description
        if (about.kind == "encoder-decoder") is (targets is None):
            asked = (
                "an array of tokens, as its decoder reads them" if targets is None else "None, there is one stack only"
            )
            raise ValueError(
                f"targets is {'None' if targets is None else 'given'}, but must be {asked}; see Description.kind."
            )
        x = self._entered(tokens, mask, segments, positions, key, vectors) if entering is None else entering
        places = jnp.arange(tokens.shape[1]) if positions is None else positions
        stack, causal = (self.decoder, True) if self.encoder is None else (self.encoder, False)
        x, balance = self._passed(stack, x, causal, mask, places, documents, None, key, frugal)
        if targets is not None:
            context = Context(x, None, None if mask is None else mask[:, None, None, :])
            key = None if key is None else jr.fold_in(key, 2_000_000)
            x = self._entered(targets, None, None, None, key)
            places = jnp.arange(targets.shape[1])
            x, balance = self._passed(self.decoder, x, True, None, places, None, context, key, frugal)
        mask = None if about.kind == "encoder-decoder" else mask
        return Outputs(self.headed(x, mask, key), x, balance)

    def _passed(self, stack, x, causal, mask, places, documents, context, key, frugal):
        about, T = self.description, x.shape[1]
        slots = jnp.arange(T)
        bias = self._bias(stack, slots, T, causal, x.dtype)
        sight = sight_of(about, slots, mask, 0, T, places, documents, bias, both_ways=not causal)
        x, _, loads = through(stack.groups, x, sight, about.windowed, None, context, key, frugal)
        losses = [balance_loss(load) for load in loads if load is not None]
        return (x if stack.norm is None else stack.norm(x)), sum(losses, jnp.zeros(()))

    def _entered(self, tokens, mask, segments, positions, key, vectors=None):
        """Vectors of tokens, with those of positions and segments, normalised where the family does so."""
        about = self.description
        if about.positions == "learnt" and positions is None and tokens.shape[1] > about.length:
            raise ValueError(
                f"tokens: a row has {tokens.shape[1]:,}, but must have at most {about.length:,}, the positions that "
                "this model knows; cut texts or split them."
            )
        x = self.tokens[tokens] if vectors is None else vectors
        if about.positions in ("learnt", "sinusoidal"):
            if about.pad_positions and positions is None:
                there = jnp.ones(tokens.shape, int) if mask is None else mask.astype(int)
                at = jnp.cumsum(there, -1) * there - 1 + about.offset
            else:
                at = (jnp.arange(tokens.shape[1]) if positions is None else positions) + about.offset
            x = x + (sinusoidal(at, about.width).astype(x.dtype) if self.places is None else self.places[at])
        if self.segments is not None:
            x = x + (self.segments[0] if segments is None else self.segments[segments])
        x = x if self.norm is None else self.norm(x)
        return less(x, about.dropout, key, 1_000_000)

    def _bias(self, stack, new, slots, causal, dtype):
        if stack.distances is None:
            return None
        distance = jnp.arange(slots)[None, :] - new[:, None]
        which = buckets(distance, self.description.buckets, self.description.distance, both_ways=not causal)
        return jnp.moveaxis(stack.distances[which], -1, 0).astype(jnp.promote_types(dtype, jnp.float32))

    # -------------------------------------------------------------------------------------------------- heads

    def headed(self, x: Array, mask: Array | None = None, key: Array | None = None) -> Array:
        """Return what the head makes of last vectors x, (B, T, width)."""
        about, head = self.description, self.head
        if about.head == "none":
            return x
        if about.head in ("tied", "masked"):
            if head.layer is not None and head.norm is not None:
                x = head.norm(ACTIVATIONS[about.activation](head.layer(x)))
            logits = jnp.einsum("vd,btd->btv", self.tokens, x * about.head_scale)
            return logits if head.bias is None else logits + head.bias
        assert head.out is not None
        if about.head in ("own", "token"):
            return head.out(x)
        x = text_vector(x, mask, about.read_at)
        if head.layer is not None:
            x = ACTIVATIONS[about.head_layer](head.layer(x))
        return head.out(less(x, about.dropout, key, 1_000_001))

    def pooled(self, x: Array) -> Array:
        """Return tanh of an affine map of each text's first vector, BERT's summary; x has shape (B, T, width)."""
        assert self.head.pooler is not None
        return jnp.tanh(self.head.pooler(x[:, 0]))

    def follows(self, x: Array) -> Array:
        """Return two logits for each pair of texts: in published files the first says that B follows A, (B, 2)."""
        assert self.head.following is not None
        return self.head.following(self.pooled(x))

    # -------------------------------------------------------------------------------------- token by token

    def apart(self) -> LanguageModel:
        """Return the same model with layers one by one: what writes fast."""
        return self._regrouped(taken_apart)

    def together(self) -> LanguageModel:
        """Return the same model with layers stacked: what compiles fast and trains."""
        return self._regrouped(put_together)

    def _regrouped(self, how: Any) -> LanguageModel:
        stacks = [stack for stack in (self.encoder, self.decoder) if stack is not None]
        where = lambda m: [s.groups for s in (m.encoder, m.decoder) if s is not None]
        return eqx.tree_at(where, self, [how(stack.groups) for stack in stacks])

    def start(
        self, batch_size: int, length: int, context: Array | None = None, context_mask: Array | None = None
    ) -> Cache:
        """Return an empty cache.

        Parameters
        ----------
        batch_size : int
            Texts.
        length : int
            Slots, for all tokens that will be read.
        context : int array, shape (batch_size, S), optional
            An encoder-decoder's source, which is read by the encoder here.
        context_mask : bool array, shape (batch_size, S), optional
            True where the source has a token.
        """
        assert self.decoder is not None
        empty, known = [], []
        if context is not None:
            assert self.encoder is not None
            x = self._entered(context, context_mask, None, None, None)
            places = jnp.arange(context.shape[1])
            x, _ = self._passed(self.encoder, x, False, context_mask, places, None, None, None, False)
        for group in self.decoder.groups:
            if isinstance(group, tuple):
                empty.append(tuple(block.attention.empty(batch_size, length) for block in group))
                known.append(None if context is None else tuple(block.remember(x) for block in group))
            else:
                empty.append(eqx.filter_vmap(lambda block: block.attention.empty(batch_size, length))(group))
                known.append(None if context is None else eqx.filter_vmap(lambda block: block.remember(x))(group))
        allowed = None if context_mask is None else context_mask[:, None, None, :]
        seen = None if context is None else Context(None, tuple(known), allowed)
        there, count = jnp.zeros((batch_size, length), bool), jnp.zeros(batch_size, jnp.int32)
        return Cache(tuple(empty), there, count, jnp.zeros((), jnp.int32), seen)

    def read(self, tokens: Array, cache: Cache, mask: Array | None = None) -> tuple[Array, Cache]:
        """Read further tokens.

        Parameters
        ----------
        tokens : int array, shape (B, n)
            The next tokens.
        cache : Cache
            From `start` or the last `read`.
        mask : bool array, shape (B, n), optional
            True where there is a token: texts of unequal length are filled up on the left.

        Returns
        -------
        outputs : array, shape (B, n, …)
            Of the head; NaN where more was read than `start` made room for, or than the model has positions.
        cache : Cache
        """
        x, cache = self.follow(tokens, cache, mask)
        return self.headed(x), cache

    def follow(self, tokens: Array, cache: Cache, mask: Array | None = None) -> tuple[Array, Cache]:
        """Read further tokens; return last vectors, (B, n, width), for a head that is wanted for few, and the cache."""
        about, stack = self.description, self.decoder
        assert stack is not None
        new = jnp.ones(tokens.shape, bool) if mask is None else mask
        slots, at = cache.read + jnp.arange(tokens.shape[1]), cache.read
        there = jax.lax.dynamic_update_slice_in_dim(cache.there, new, at, 1)
        places = jnp.maximum(cache.count[:, None] + jnp.cumsum(new, 1) - 1, 0)
        x = self._entered(tokens, None, None, places, None)
        length = there.shape[1]
        bias = self._bias(stack, slots, length, True, x.dtype)
        sight = sight_of(about, slots, there, at, length, places, None, bias)
        x, memories, _ = through(stack.groups, x, sight, about.windowed, cache.memories, cache.context)
        x = x if stack.norm is None else stack.norm(x)
        read = at + tokens.shape[1]
        x = jnp.where(read <= length, x, jnp.nan)
        x = jnp.where((places < about.length)[..., None], x, jnp.nan) if about.positions == "learnt" else x
        return x, Cache(memories, there, cache.count + new.sum(1, dtype=jnp.int32), read, cache.context)


def text_vector(x: Array, mask: Array | None, read_at: str) -> Array:
    """Return the vector that stands for a text: its first token's or its last's, (B, T, width) -> (B, width)."""
    if read_at == "first" or mask is None:
        return x[:, 0 if read_at == "first" else -1]
    last = jnp.max(jnp.where(mask, jnp.arange(mask.shape[1]), 0), axis=1)
    return jnp.take_along_axis(x, last[:, None, None], axis=1)[:, 0]


def averaged(x: Array, mask: Array | None) -> Array:
    """Return the mean vector of each text's tokens, (B, T, width) -> (B, width)."""
    if mask is None:
        return x.mean(1)
    weights = mask.astype(x.dtype)[..., None]
    return (x * weights).sum(1) / jnp.maximum(weights.sum(1), 1)
