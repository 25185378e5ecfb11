"""Attention: of heads that share keys and values or do not, through a latent vector, to another text."""

from __future__ import annotations

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.text.models.description import Description, LatentRule
from ceteris.text.models.parts import Affine, Norm, rotation, shrunk, turned


class Sight(NamedTuple):
    """What every layer of a pass shares: who may see whom, and where everybody stands."""

    allowed: Array | None  # (B or 1, 1, T, S) True where a token of the row may see one of the column; None: all
    near: Array | None  # the same through the window, for layers that have one
    cos: Array | None  # (B or 1, 1, T, pairs), of the new tokens
    sin: Array | None
    bias: Array | None  # (heads, T, S), T5's
    at: Array | int  # slot of the first new token in a memory
    new: Array  # (T,) slots of the new tokens
    there: Array | None  # (B, S) which slots hold a token
    documents: Array | None  # (B, S) which document each belongs to


Memory = tuple[Array, Array]  # a layer's keys and values, (B, kv, S, size) each; latent: (B, S, rank), (B, S, turned)


def attend(q: Array, k: Array, v: Array, allowed: Array | None, scale: float, bias: Array | None = None) -> Array:
    """softmax(scale Q K' + bias) V, each head of keys and values serving H / K heads of queries.

    Parameters
    ----------
    q : array, shape (B, H, T, d)
        Queries.
    k : array, shape (B, K, S, d)
        Keys.
    v : array, shape (B, K, S, e)
        Values.
    allowed : bool array that broadcasts to (B, H, T, S), optional
        Who may look at whom.
    scale : float
        On the products, 1/√d by default elsewhere.
    bias : array, shape (H, T, S), optional
        Added to the products.

    Returns
    -------
    array, shape (B, H, T, e)
    """
    heads, groups, new = q.shape[1], k.shape[1], q.shape[2]
    if jax.default_backend() == "gpu" and q.dtype in (jnp.bfloat16, jnp.float16) and bias is None:
        swapped = [jnp.swapaxes(a, 1, 2) for a in (q, k, v)]  # FlashAttention has its own order of axes
        found = jax.nn.dot_product_attention(*swapped, mask=allowed, scale=scale, implementation="cudnn")
        return jnp.swapaxes(found, 1, 2)
    q = q.reshape(q.shape[0], groups, (heads // groups) * new, q.shape[3])
    scores = jnp.matmul(q * scale, jnp.swapaxes(k, -1, -2)).reshape(q.shape[0], heads, new, k.shape[2])
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    if bias is not None:
        scores = scores + bias
    if allowed is not None:
        scores = jnp.where(allowed, scores, jnp.finfo(scores.dtype).min)
    weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
    weights = weights.reshape(q.shape[0], groups, -1, k.shape[2])
    return jnp.matmul(weights, v).reshape(q.shape[0], heads, new, v.shape[3])


def apart(x: Array, heads: int) -> Array:
    """(B, T, heads · size) -> (B, heads, T, size)."""
    return jnp.swapaxes(x.reshape(*x.shape[:-1], heads, -1), -2, -3)


def joined(x: Array) -> Array:
    """(B, heads, T, size) -> (B, T, heads · size)."""
    x = jnp.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], -1)


def put(memory: Memory | None, new: Memory, at: Array | int) -> Memory:
    """Write new keys and values into a memory from slot `at` on; without a memory they are all there is."""
    if memory is None:
        return new
    write = lambda old, part: jax.lax.dynamic_update_slice_in_dim(old, part.astype(old.dtype), at, old.ndim - 2)
    return write(memory[0], new[0]), write(memory[1], new[1])


class SelfAttention(eqx.Module):
    """Scaled dot-product attention of several heads; also to another text, whose keys and values are given."""

    query: Affine
    key: Affine
    value: Affine
    output: Affine
    query_norm: Norm | None
    key_norm: Norm | None
    heads: int = eqx.field(static=True)
    kv: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    interleaved: bool = eqx.field(static=True)

    def __init__(self, about: Description, key: Array):
        q, k, v, o = jr.split(key, 4)
        size, bias = about.per_head, about.bias_query
        self.query = Affine(about.width, about.heads * size, bias, q)
        self.key = Affine(about.width, about.kv * size, bias, k)
        self.value = Affine(about.width, about.kv * size, bias, v)
        self.output = Affine(about.heads * size, about.width, about.bias_output, o, shrunk(about))
        self.query_norm = Norm(size, about.norm, about.epsilon) if about.query_key_norm else None
        self.key_norm = Norm(size, about.norm, about.epsilon) if about.query_key_norm else None
        self.heads, self.kv, self.interleaved = about.heads, about.kv, about.rotary.interleaved
        self.scale = size**-0.5 if about.scale is None else about.scale

    def __call__(self, x: Array, sight: Sight, near: Array | bool, memory: Memory | None) -> tuple[Array, Memory]:
        """Return what x finds in itself and in a memory, and the memory with x in it."""
        q, memory = self.asked(x, sight, memory)
        found = attend(q, *memory, seen(sight, near), self.scale, sight.bias)
        return self.output(joined(found)), memory

    def asked(self, x: Array, sight: Sight, memory: Memory | None) -> tuple[Array, Memory]:
        """Return queries of x, (B, H, T, size), and the memory with its keys and values in it."""
        q, k, v = apart(self.query(x), self.heads), apart(self.key(x), self.kv), apart(self.value(x), self.kv)
        if self.query_norm is not None and self.key_norm is not None:
            q, k = self.query_norm(q), self.key_norm(k)
        if sight.cos is not None and sight.sin is not None:
            q, k = (turned(a, sight.cos, sight.sin, self.interleaved) for a in (q, k))
        return q, put(memory, (k, v), sight.at)

    def remember(self, context: Array) -> Memory:
        """Return keys and values of another text, (B, S, width)."""
        return apart(self.key(context), self.kv), apart(self.value(context), self.kv)

    def look(self, x: Array, memory: Memory, allowed: Array | None) -> Array:
        """Return what x finds there."""
        found = attend(apart(self.query(x), self.heads), *memory, allowed, self.scale)
        return self.output(joined(found))

    def empty(self, batch: int, length: int) -> Memory:
        """Return a memory without anything in it."""
        size, dtype = self.key.weight.shape[-1] // self.kv, self.key.weight.dtype
        return jnp.zeros((batch, self.kv, length, size), dtype), jnp.zeros((batch, self.kv, length, size), dtype)


class LatentAttention(eqx.Module):
    """Multi-head latent attention (DeepSeek-V2 and V3; 004, section 6.3).

    A token leaves one latent vector c = norm(x W) and one turned key, which all heads share; heads make their keys
    and values of c when they look: rank + turned numbers are remembered per token and layer, not 2 H d as 004 counts
    when it gives every head a latent of its own. With a memory the maps from c are applied to queries and to what was
    found instead (they are linear), so that old tokens are never taken apart again.
    """

    query_in: Affine | None
    query_norm: Norm | None
    query: Affine
    latent: Affine  # to the latent vector and the shared key
    latent_norm: Norm
    unfold: Affine  # latent -> plain keys and values of all heads
    output: Affine
    rule: LatentRule = eqx.field(static=True)
    heads: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    interleaved: bool = eqx.field(static=True)

    def __init__(self, about: Description, key: Array):
        assert about.latent is not None
        rule = self.rule = about.latent
        keys = jr.split(key, 5)
        ranked = rule.query_rank is not None
        self.query_in = Affine(about.width, rule.query_rank or 0, about.bias_query, keys[0]) if ranked else None
        self.query_norm = Norm(rule.query_rank or 0, "rms", 1e-6) if ranked else None
        self.query = Affine(rule.query_rank or about.width, about.heads * about.per_head, False, keys[1])
        self.latent = Affine(about.width, rule.rank + rule.turned, about.bias_query, keys[2])
        self.latent_norm = Norm(rule.rank, "rms", 1e-6)  # published models have this ε whatever their others are
        self.unfold = Affine(rule.rank, about.heads * (rule.plain + rule.value), False, keys[3])
        self.output = Affine(about.heads * rule.value, about.width, about.bias_output, keys[4], shrunk(about))
        self.heads, self.interleaved = about.heads, about.rotary.interleaved
        self.scale = about.per_head**-0.5 if about.scale is None else about.scale

    def __call__(self, x: Array, sight: Sight, near: Array | bool, memory: Memory | None) -> tuple[Array, Memory]:
        """Return what x finds in itself and in a memory, and the memory with x in it."""
        asked = x if self.query_in is None or self.query_norm is None else self.query_norm(self.query_in(x))
        q, q_turned = jnp.split(apart(self.query(asked), self.heads), [self.rule.plain], axis=-1)
        c, shared = jnp.split(self.latent(x), [self.rule.rank], axis=-1)
        c = self.latent_norm(c)
        if sight.cos is not None and sight.sin is not None:
            q_turned = turned(q_turned, sight.cos, sight.sin, self.interleaved)
            shared = turned(shared[:, None], sight.cos, sight.sin, self.interleaved)[:, 0]
        allowed = seen(sight, near)
        if memory is None:
            found = self._unfolded(q, q_turned, c, shared, allowed)
            return self.output(joined(found)), (c, shared)
        memory = put(memory, (c, shared), sight.at)
        return self.output(joined(self._folded(q, q_turned, *memory, allowed))), memory

    def _unfolded(self, q: Array, q_turned: Array, c: Array, shared: Array, allowed: Array | None) -> Array:
        k, v = jnp.split(apart(self.unfold(c), self.heads), [self.rule.plain], axis=-1)
        shared = jnp.broadcast_to(shared[:, None], (*k.shape[:3], shared.shape[-1]))
        q, k = jnp.concatenate([q, q_turned], -1), jnp.concatenate([k, shared], -1)
        return attend(q, k, v, allowed, self.scale)

    def _folded(self, q: Array, q_turned: Array, c: Array, shared: Array, allowed: Array | None) -> Array:
        maps = self.unfold.weight.reshape(self.rule.rank, self.heads, -1)  # k = c U, v = c W of each head
        U, W = maps[..., : self.rule.plain], maps[..., self.rule.plain :]
        q = jnp.concatenate([jnp.einsum("bhtp,rhp->bhtr", q, U), q_turned], -1)
        k = jnp.concatenate([c, shared], -1)[:, None]
        return jnp.einsum("bhtr,rhv->bhtv", attend(q, k, c[:, None], allowed, self.scale), W)

    def empty(self, batch: int, length: int) -> Memory:
        """Return a memory without anything in it."""
        dtype = self.latent.weight.dtype
        return jnp.zeros((batch, length, self.rule.rank), dtype), jnp.zeros((batch, length, self.rule.turned), dtype)


def seen(sight: Sight, near: Array | bool) -> Array | None:
    """Return who may see whom in a layer that has the window (`near`) or has not; a scan over layers traces which."""
    if sight.near is None or sight.allowed is None or near is False:
        return sight.allowed
    return sight.near if near is True else jnp.where(near, sight.near, sight.allowed)


def sight_of(
    about: Description,
    new: Array,
    there: Array | None,
    at: Array | int,
    slots: int,
    places: Array,
    documents: Array | None = None,
    bias: Array | None = None,
    both_ways: bool = False,
) -> Sight:
    """Return what tokens at slots `new` see among `slots` slots.

    Parameters
    ----------
    about : Description
        Of the model: window, rotation.
    new : array, shape (T,)
        Slots of the new tokens.
    there : bool array, shape (B, slots), optional
        Which slots hold a token; all by default.
    at : int or array
        The first new slot.
    slots : int
        How many there are.
    places : array, shape (T,) or (B, T)
        Positions of the new tokens, for rotations.
    documents : int array, shape (B, T), optional
        Which document each token belongs to (only without a memory); others' tokens are not seen.
    bias : array, shape (heads, T, slots), optional
        Handed on.
    both_ways : bool
        Whether tokens see those behind them too.
    """
    allowed = near = None
    distance = new[:, None] - jnp.arange(slots)[None, :]
    if not both_ways:
        allowed = (distance >= 0)[None, None]
    if there is not None:
        allowed = _both(allowed, there[:, None, None, :])
    if documents is not None:
        allowed = _both(allowed, (documents[:, :, None] == documents[:, None, :])[:, None])
    if about.window is not None:
        near = _both(allowed, (jnp.abs(distance) < about.window)[None, None])
        allowed = near if allowed is None else allowed
    cos = sin = None
    if about.positions == "rotary":
        size = about.per_head if about.latent is None else about.latent.turned
        cos, sin = rotation(about.rotary, size, places if places.ndim == 2 else places[None])
    return Sight(allowed, near, cos, sin, bias, at, new, there, documents)


def _both(a: Array | None, b: Array) -> Array:
    return b if a is None else a & b


def numbers_remembered(about: Description) -> int:
    """Return how many numbers a token leaves per layer for those after it (elements, not bytes).

    Examples
    --------
    >>> shape = dict(vocabulary=9, width=4096, depth=1, heads=32, perceptron=9, length=9)
    >>> numbers_remembered(Description(**shape)), numbers_remembered(Description(**shape, key_value_heads=8))
    (8192, 2048)
    """
    if about.latent is not None:
        return about.latent.rank + about.latent.turned
    return 2 * about.kv * about.per_head


def score_scale(size: int, factor: float = 1.0, mscale: float = 0.0) -> float:
    """Return 1/√size, times YaRN's correction for stretched positions, (.1 m ln factor + 1)², where it has one."""
    stretch = 0.1 * mscale * math.log(factor) + 1 if mscale and factor > 1 else 1.0
    return size**-0.5 * stretch**2
