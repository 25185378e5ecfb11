"""Sparse attention that is trained as it is used: compressed blocks, chosen blocks and a window (Yuan et al. 2025)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.text.models.attention import Memory, Sight, apart, attend, joined, put
from ceteris.text.models.description import Description, SparseRule
from ceteris.text.models.parts import Affine, shrunk, turned

AT_ONCE = 64  # queries whose chosen keys are gathered together


class SparseAttention(eqx.Module):
    """y = Σ gᵢ attentionᵢ over three views of the past, gates g = σ(x G) for each head.

    1. *compressed*: each block of tokens is one key and one value, their learnt average;
    2. *chosen*: the tokens of the blocks whose compressed keys got most weight, summed over heads that share keys; a
       token's own block is always among them;
    3. *window*: the last tokens.

    A query costs T / block + chosen · block + window products in place of T. With all blocks chosen the second view is
    full attention. It looks back only.
    """

    query: Affine
    key: Affine
    value: Affine
    output: Affine
    gates: Affine  # (width, 3 heads)
    pool_key: Array  # (block,) logits of the average
    pool_value: Array  # (block,)
    rule: SparseRule = eqx.field(static=True)
    heads: int = eqx.field(static=True)
    kv: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    interleaved: bool = eqx.field(static=True)

    def __init__(self, about: Description, key: Array):
        assert about.sparse is not None
        q, k, v, o, g = jr.split(key, 5)
        size, bias = about.per_head, about.bias_query
        self.query = Affine(about.width, about.heads * size, bias, q)
        self.key = Affine(about.width, about.kv * size, bias, k)
        self.value = Affine(about.width, about.kv * size, bias, v)
        self.output = Affine(about.heads * size, about.width, about.bias_output, o, shrunk(about))
        self.gates = Affine(about.width, 3 * about.heads, True, g)
        self.pool_key = self.pool_value = jnp.zeros(about.sparse.block)
        self.rule, self.heads, self.kv = about.sparse, about.heads, about.kv
        self.scale = size**-0.5 if about.scale is None else about.scale
        self.interleaved = about.rotary.interleaved

    def __call__(self, x: Array, sight: Sight, near: Array | bool, memory: Memory | None) -> tuple[Array, Memory]:
        """Return what x finds in itself and in a memory, and the memory with x in it."""
        q, k, v = apart(self.query(x), self.heads), apart(self.key(x), self.kv), apart(self.value(x), self.kv)
        if sight.cos is not None and sight.sin is not None:
            q, k = (turned(a, sight.cos, sight.sin, self.interleaved) for a in (q, k))
        k, v = memory = put(memory, (k, v), sight.at)
        allowed = sight.allowed
        assert allowed is not None  # it looks back only, so that there is a mask
        allowed = jnp.broadcast_to(allowed[:, 0], (q.shape[0], *allowed.shape[-2:]))  # (B, T, S)
        compressed, best = self._compressed(q, k, v, allowed, sight.at)
        views = (compressed, self._chosen(q, k, v, allowed, best), self._window(q, k, v, allowed, sight.at))
        g = jax.nn.sigmoid(self.gates(x)).reshape(*x.shape[:-1], 3, self.heads)
        gated = [joined(view * jnp.swapaxes(g[..., i, :], -1, -2)[..., None]) for i, view in enumerate(views)]
        return self.output(gated[0] + gated[1] + gated[2]), memory

    def _compressed(self, q, k, v, allowed, at):
        """What queries find among averages of blocks that lie behind them, and the best blocks, (B, kv, T, n)."""
        block, slots = self.rule.block, k.shape[2]
        count = -(-slots // block)
        seen = _blocks(allowed, block)  # (B, T, blocks, block)
        whole = seen.all(-1)  # compressed keys of blocks not yet over would tell of what comes
        averaged = lambda a, w: jnp.einsum("bkctd,t->bkcd", _blocks(a, block, axis=2), jax.nn.softmax(w))
        keys, values = averaged(k, self.pool_key), averaged(v, self.pool_value)
        groups = self.heads // self.kv
        scores = (
            jnp.einsum("bkgtd,bkcd->bkgtc", q.reshape(q.shape[0], self.kv, groups, *q.shape[2:]), keys) * self.scale
        )
        there = whole[:, None, None]
        weights = jnp.where(there, jax.nn.softmax(jnp.where(there, scores, jnp.finfo(scores.dtype).min), -1), 0)
        found = jnp.einsum("bkgtc,bkcd->bkgtd", weights, values).reshape(q.shape[:3] + v.shape[-1:])
        own = jax.nn.one_hot((at + jnp.arange(q.shape[2])) // block, count)
        trust = jax.lax.stop_gradient(weights.sum(2)) + jnp.where(seen.any(-1)[:, None], 0, -1.0) + 1e3 * own
        return found, jax.lax.top_k(trust, min(self.rule.chosen, count))[1]

    def _chosen(self, q, k, v, allowed, best):
        """What queries find among all tokens of their best blocks; a few queries at a time, for memory."""
        block, new = self.rule.block, q.shape[2]
        keys, values = _blocks(k, block, axis=2), _blocks(v, block, axis=2)  # (B, kv, blocks, block, d)
        seen = _blocks(allowed, block)  # (B, T, blocks, block)
        groups = self.heads // self.kv

        def some(start):
            cut = lambda a, axis: jax.lax.dynamic_slice_in_dim(a, start, size, axis)
            which = cut(best, 2)  # (B, kv, t, n)
            picked = jax.vmap(jax.vmap(lambda a, i: a[i].reshape(i.shape[0], -1, a.shape[-1])))
            near_k, near_v = picked(keys, which), picked(values, which)  # (B, kv, t, n · block, d)
            ok = jax.vmap(lambda s, i: jax.vmap(lambda one: jax.vmap(lambda a, j: a[j].reshape(-1))(s, one))(i))(
                cut(seen, 1), which
            )  # (B, kv, t, n · block)
            asked = cut(q, 2).reshape(q.shape[0], self.kv, groups, size, -1)
            scores = jnp.einsum("bkgtd,bktsd->bkgts", asked, near_k) * self.scale
            weights = jax.nn.softmax(jnp.where(ok[:, :, None], scores, jnp.finfo(scores.dtype).min), -1)
            return jnp.einsum("bkgts,bktsd->bkgtd", weights, near_v).reshape(q.shape[0], self.heads, size, -1)

        size = AT_ONCE if new % AT_ONCE == 0 else new
        parts = jax.lax.map(some, jnp.arange(0, new, size))  # (parts, B, H, size, d)
        return jnp.moveaxis(parts, 0, 2).reshape(*q.shape[:3], v.shape[-1])

    def _window(self, q, k, v, allowed, at):
        """What queries find among the last tokens: chunks of queries look at their own and the chunk before."""
        window, new, slots = self.rule.window, q.shape[2], k.shape[2]
        distance = at + jnp.arange(new)[:, None] - jnp.arange(slots)[None]
        allowed = allowed & (distance < window)
        if new != slots or new % window or new == window:
            return attend(q, k, v, allowed[:, None], self.scale)
        count = new // window
        cut = lambda a: a.reshape(*a.shape[:2], count, window, a.shape[-1])
        before = lambda a: jnp.concatenate([jnp.roll(a, 1, 2).at[:, :, 0].set(0), a], axis=3)
        mask = allowed.reshape(allowed.shape[0], count, window, count, window)
        at_chunk = jnp.arange(count)
        own, last = mask[:, at_chunk, :, at_chunk], mask[:, at_chunk, :, at_chunk - 1]  # (count, B, window, window)
        last = last & (at_chunk > 0)[:, None, None, None]
        mask = jnp.moveaxis(jnp.concatenate([last, own], -1), 0, 1)  # (B, count, window, 2 window)
        fold = lambda a: jnp.moveaxis(a, 2, 1).reshape(-1, a.shape[1], *a.shape[3:])
        mask = mask.reshape(-1, 1, window, 2 * window)
        found = attend(fold(cut(q)), fold(before(cut(k))), fold(before(cut(v))), mask, self.scale)
        found = found.reshape(q.shape[0], count, self.heads, window, -1)
        return jnp.moveaxis(found, 1, 2).reshape(*q.shape[:3], v.shape[-1])

    def empty(self, batch: int, length: int) -> Memory:
        """Return a memory without anything in it."""
        size, dtype = self.key.weight.shape[-1] // self.kv, self.key.weight.dtype
        return jnp.zeros((batch, self.kv, length, size), dtype), jnp.zeros((batch, self.kv, length, size), dtype)


def _blocks(a: Array, block: int, axis: int = -1) -> Array:
    """Cut an axis into blocks, the last filled up with zeros or False: (…, S, …) -> (…, blocks, block, …)."""
    axis %= a.ndim
    short = -a.shape[axis] % block
    a = jnp.pad(a, [(0, short if i == axis else 0) for i in range(a.ndim)])
    return a.reshape(*a.shape[:axis], -1, block, *a.shape[axis + 1 :])
