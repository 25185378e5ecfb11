"""Attention: a look-up in which every query gets an average of values, weighted by how well their keys suit it.

Six ways to score a query s against a key h are in use (004, the table of section 6.3); the weights are the softmax of
the scores. `Alignment` has all six; `MultiHead` is the one transformers use, several times side by side:

=========  =========================  ==========================
cosine     cos(s, h)                  Graves et al. 2014
additive   v' tanh(W [s; h])          Bahdanau et al. 2015
location   (W s)_i, whatever h_i is   Luong et al. 2015
general    s' W h                     Luong et al. 2015
dot        s' h                       Luong et al. 2015
scaled     s' h / √n                  Vaswani et al. 2017
=========  =========================  ==========================
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import a_whole_number, one_of, require, whole
from ceteris.nets.initialisers import glorot_uniform
from ceteris.nets.mlp import Dense
from ceteris.nets.net import AbstractStateless
from ceteris.nets.positions import rotary as turned

SCORES = ("cosine", "additive", "location", "general", "dot", "scaled")


def attention_weights(scores: Array, allowed: Array | None = None) -> Array:
    """Return the softmax of scores over the last axis, among keys that are allowed; zeros where none is.

    Examples
    --------
    >>> attention_weights(jnp.array([0.9, 0.1, 1.0])).round(4)
    Array([0.3915, 0.1759, 0.4326], dtype=float32)
    """
    if allowed is None:
        return jax.nn.softmax(scores, axis=-1)
    weights = jax.nn.softmax(jnp.where(allowed, scores, jnp.finfo(scores.dtype).min), axis=-1)
    return jnp.where(allowed, weights, 0)


def attend(queries: Array, keys: Array, values: Array, allowed: Array | None = None) -> tuple[Array, Array]:
    """Scaled dot-product attention, softmax(Q K' / √d) V.

    Parameters
    ----------
    queries : array, shape (..., n, d)
        What is looked for.
    keys : array, shape (..., m, d)
        What there is.
    values : array, shape (..., m, e)
        What is got.
    allowed : bool array that broadcasts to (..., n, m), optional
        Which keys a query may look at.

    Returns
    -------
    found : array, shape (..., n, e)
        Averages of values.
    weights : array, shape (..., n, m)
        Rows sum to one, or to zero where nothing is allowed.

    Examples
    --------
    >>> x = jnp.eye(3)
    >>> found, weights = attend(x, x, x, allowed=jnp.tri(3, dtype=bool))
    >>> weights[1].round(4), found.shape
    (Array([0.3595, 0.6405, 0.    ], dtype=float32), (3, 3))
    """
    scores = jnp.matmul(queries, jnp.swapaxes(keys, -1, -2)) / math.sqrt(queries.shape[-1])
    weights = attention_weights(scores, allowed)
    return jnp.matmul(weights, values), weights


class Alignment(eqx.Module):
    """Attention of one head with any of the six scores.

    Parameters
    ----------
    query_size : int
        Numbers in a query s.
    key_size : int
        Numbers in a key h, as many as in a query for "cosine", "dot" and "scaled".
    score : {"scaled", "dot", "cosine", "general", "additive", "location"}
        How a query is held against a key.
    width : int, optional
        Rows of W in "additive"; by default `query_size`.
    length : int, optional
        For "location" and needed there: keys at most.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> look = Alignment(3, 4, "additive", key=jr.key(0))
    >>> found, weights = look(jnp.ones((2, 3)), jr.normal(jr.key(1), (5, 4)))
    >>> found.shape, weights.shape
    ((2, 4), (2, 5))
    """

    weight: Any  # an array, or None where the score has nothing to learn
    direction: Any
    score: str = eqx.field(static=True)

    def __init__(
        self,
        query_size: int,
        key_size: int,
        score: Literal["scaled", "dot", "cosine", "general", "additive", "location"] = "scaled",
        width: int | None = None,
        length: int | None = None,
        *,
        key: Array,
    ):
        self.score = one_of("score", score, SCORES)
        whole("query_size", query_size)
        if score in ("cosine", "dot", "scaled"):
            require("key_size", key_size, a_whole_number(query_size, query_size), "or choose another score")
        if score == "location":
            whole("length", length, such_as=50)
        inner, outer = jr.split(key)
        rows = query_size + key_size if score == "additive" else query_size
        columns = {"general": key_size, "additive": width or query_size, "location": length}.get(score)
        self.weight = None if columns is None else glorot_uniform(inner, (rows, columns))
        self.direction = glorot_uniform(outer, (columns, 1))[:, 0] if columns and score == "additive" else None

    def scores(self, queries: Array, keys: Array) -> Array:
        """Return how well each key suits each query: (..., n, query_size), (..., m, key_size) -> (..., n, m)."""
        if self.score == "location":
            places = jnp.matmul(queries, self.weight)[..., : keys.shape[-2]]
            return jnp.broadcast_to(places, (*places.shape[:-1], keys.shape[-2]))
        if self.score == "additive":
            n = queries.shape[-1]
            asked, given = jnp.matmul(queries, self.weight[:n]), jnp.matmul(keys, self.weight[n:])
            return jnp.matmul(jnp.tanh(asked[..., :, None, :] + given[..., None, :, :]), self.direction)
        if self.score == "general":
            queries = jnp.matmul(queries, self.weight)
        if self.score == "cosine":
            queries, keys = _of_length_one(queries), _of_length_one(keys)
        products = jnp.matmul(queries, jnp.swapaxes(keys, -1, -2))
        return products / math.sqrt(keys.shape[-1]) if self.score == "scaled" else products

    def __call__(
        self, queries: Array, keys: Array, values: Array | None = None, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """Look up.

        Parameters
        ----------
        queries : array, shape (..., n, query_size)
            What is looked for.
        keys : array, shape (..., m, key_size)
            What there is.
        values : array, shape (..., m, e), optional
            What is got; by default the keys.
        mask : bool array, shape (..., m), optional
            Which keys there are.

        Returns
        -------
        found : array, shape (..., n, e)
            Averages of values.
        weights : array, shape (..., n, m)
            Of keys, for each query.
        """
        values = keys if values is None else values
        if mask is not None:
            keys, values = (jnp.where(mask[..., None], a, 0) for a in (keys, values))
        weights = attention_weights(self.scores(queries, keys), None if mask is None else mask[..., None, :])
        return jnp.matmul(weights, values), weights


def _of_length_one(x: Array) -> Array:
    return x * jax.lax.rsqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-12)


class Memory(NamedTuple):
    """Keys and values that were made before: of a context, or of what was read so far (a key-value cache)."""

    keys: Array  # (..., heads, m, width / heads)
    values: Array  # (..., heads, m, width / heads)
    there: Array  # (..., m), True where there is a key
    read: Array  # (), how many elements were read


class MultiHead(AbstractStateless):
    """Several scaled dot-product attentions side by side: (..., n, width) -> (..., n, width).

    Parameters
    ----------
    width : int
        Numbers in an element, and in what comes out.
    heads : int
        Attentions, each of width / heads numbers.
    context_size : int, optional
        Numbers in an element of a context (cross-attention); by default the sequence attends to itself.
    causal : bool
        Whether an element may look at itself and those before it only.
    rotary : bool
        Whether queries and keys are turned by their position.
    key : PRNG key
        For the weights.

    References
    ----------
    Vaswani et al. (2017), "Attention is all you need"; 000, section 1.11.4; 004, section 6.3.2.

    Examples
    --------
    >>> net = MultiHead(8, heads=2, causal=True, key=jr.key(0))
    >>> x = jr.normal(jr.key(1), (5, 8))
    >>> net(x).shape, net.weights(x).shape
    ((5, 8), (2, 5, 5))

    With its memory of what was read, an element at a time:

    >>> memory = net.start(5)
    >>> for t in range(5):
    ...     y, memory = net.read(x[t : t + 1], memory)
    >>> bool(jnp.allclose(y, net(x)[4:], atol=1e-6))
    True
    """

    query: Dense
    key: Dense
    value: Dense
    output: Dense
    heads: int = eqx.field(static=True)
    causal: bool = eqx.field(static=True)
    rotary: bool = eqx.field(static=True)

    def __init__(
        self,
        width: int,
        heads: int = 4,
        context_size: int | None = None,
        causal: bool = False,
        rotary: bool = False,
        *,
        key: Array,
    ):
        whole("heads", heads)
        if whole("width", width) % heads:
            raise ValueError(f"heads is {heads}, but must divide the width, {width}; give such a number.")
        if rotary and width // heads % 2:
            raise ValueError(f"width is {width}, but must be even in each of {heads} heads to be turned; double it.")
        q, k, v, o = jr.split(key, 4)
        size = width if context_size is None else whole("context_size", context_size)
        self.query, self.output = (Dense(width, width, glorot_uniform, key=one) for one in (q, o))
        self.key, self.value = (Dense(size, width, glorot_uniform, key=one) for one in (k, v))
        self.heads, self.causal, self.rotary = heads, bool(causal), bool(rotary)

    def __call__(self, x: Array, context: Array | None = None, mask: Array | None = None) -> Array:
        """Attend to the context, by default to x itself; `mask` (..., m) says which of its elements there are."""
        return self.look(x, self.memory(x if context is None else context, mask))[0]

    def weights(self, x: Array, context: Array | None = None, mask: Array | None = None) -> Array:
        """Return the weights, shape (..., heads, n, m)."""
        return self.look(x, self.memory(x if context is None else context, mask))[1]

    def memory(self, context: Array, mask: Array | None = None, at: Array | int = 0) -> Memory:
        """Return keys and values of a context (..., m, context_size) whose first element stands at position `at`."""
        there = jnp.ones(context.shape[:-1], bool) if mask is None else mask
        context = context if mask is None else jnp.where(mask[..., None], context, 0)
        keys, values = self._split(self.key(context)), self._split(self.value(context))
        if self.rotary:
            keys = turned(keys, at + jnp.arange(keys.shape[-2]))
        return Memory(keys, values, there, jnp.asarray(at + context.shape[-2]))

    def look(self, x: Array, memory: Memory, at: Array | int = 0) -> tuple[Array, Array]:
        """Return what x, whose first element stands at position `at`, finds in a memory, and the weights."""
        queries, places = self._split(self.query(x)), at + jnp.arange(x.shape[-2])
        if self.rotary:
            queries = turned(queries, places)
        allowed = memory.there[..., None, None, :]
        if self.causal:
            allowed = allowed & (jnp.arange(memory.there.shape[-1]) <= places[:, None])
        found, weights = attend(queries, memory.keys, memory.values, allowed)
        found = jnp.swapaxes(found, -2, -3)
        return self.output(found.reshape(*found.shape[:-2], -1)), weights

    def start(self, length: int, shape: tuple[int, ...] = ()) -> Memory:
        """Return an empty memory for `length` elements, for a batch of this shape."""
        width = self.query.weight.shape[1]
        empty = jnp.zeros((*shape, self.heads, length, width // self.heads), self.query.weight.dtype)
        return Memory(empty, empty, jnp.zeros((*shape, length), bool), jnp.zeros((), jnp.int32))

    def read(self, x: Array, memory: Memory, mask: Array | None = None) -> tuple[Array, Memory]:
        """Read further elements of the sequence: what they find in it so far, and the memory with them.

        Where more is read than there is room for, all that comes out is NaN.
        """
        new = self.memory(x, mask, memory.read)
        here = memory.read
        put = lambda old, part, axis: jax.lax.dynamic_update_slice_in_dim(old, part, here, axis)
        memory = Memory(
            put(memory.keys, new.keys, -2),
            put(memory.values, new.values, -2),
            put(memory.there, new.there, -1),
            new.read,
        )
        y, _ = self.look(x, memory, here)
        return jnp.where(memory.read <= memory.there.shape[-1], y, jnp.nan), memory

    def _split(self, x: Array) -> Array:
        """(..., n, width) -> (..., heads, n, width / heads)."""
        return jnp.swapaxes(x.reshape(*x.shape[:-1], self.heads, -1), -2, -3)
