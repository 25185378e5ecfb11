"""Sparse attention that is trained as it is used: compressed blocks, chosen blocks and a window (Yuan et al. 2025)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.text.models.attention import Memory, SelfAttention, Sight, attend, joined
from ceteris.text.models.description import Description, SparseRule
from ceteris.text.models.parts import Affine

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

    maps: SelfAttention  # to queries, keys and values, and back
    gates: Affine  # (width, 3 heads)
    pool_key: Array  # (block,) logits of the average
    pool_value: Array  # (block,)
    rule: SparseRule = eqx.field(static=True)

    def __init__(self, about: Description, key: Array):
        assert about.sparse is not None
        maps, gates = jr.split(key)
        self.maps, self.rule = SelfAttention(about, maps), about.sparse
        self.gates = Affine(about.width, 3 * about.heads, True, gates)
        self.pool_key = self.pool_value = jnp.zeros(about.sparse.block)

    def __call__(self, x: Array, sight: Sight, near: Array | bool, memory: Memory | None) -> tuple[Array, Memory]:
        """Return what x finds in itself and in a memory, and the memory with x in it."""
        q, memory = self.maps.asked(x, sight, memory)
        compressed, best = self._compressed(q, *memory, sight)
        views = (compressed, self._chosen(q, *memory, sight, best), self._window(q, *memory, sight))
        g = jax.nn.sigmoid(self.gates(x)).reshape(*x.shape[:-1], 3, -1)
        gated = [joined(view * jnp.swapaxes(g[..., i, :], -1, -2)[..., None]) for i, view in enumerate(views)]
        return self.maps.output(gated[0] + gated[1] + gated[2]), memory

    def _compressed(self, q, k, v, sight):
        """What queries find among averages of blocks that lie behind them, and the best blocks, (B, kv, T, n)."""
        block, slots = self.rule.block, k.shape[2]
        count = -(-slots // block)
        ends = jnp.arange(1, count + 1) * block - 1
        started = (ends[None] - block + 1 <= sight.new[:, None])[None]  # (1, T, blocks)
        over = (ends[None] <= sight.new[:, None])[None]  # keys of blocks not yet over would tell of what comes
        if sight.there is not None:
            there = _blocks(sight.there, block, filled=True)  # (B, blocks, block)
            over, started = over & there.all(-1)[:, None], started & there.any(-1)[:, None]
        if sight.documents is not None:
            same = _blocks(sight.documents, block)[:, None] == sight.documents[:, :, None, None]
            over, started = over & same.all(-1), started & same.any(-1)
        averaged = lambda a, w: jnp.einsum("bkctd,t->bkcd", _blocks(a, block, axis=2), jax.nn.softmax(w))
        keys, values = averaged(k, self.pool_key), averaged(v, self.pool_value)
        groups = self.maps.heads // self.maps.kv
        scores = (
            jnp.einsum("bkgtd,bkcd->bkgtc", q.reshape(q.shape[0], self.maps.kv, groups, *q.shape[2:]), keys)
            * self.maps.scale
        )
        over, started = over[:, None, None], started[:, None]
        weights = jnp.where(over, jax.nn.softmax(jnp.where(over, scores, jnp.finfo(scores.dtype).min), -1), 0)
        found = jnp.einsum("bkgtc,bkcd->bkgtd", weights, values).reshape(q.shape[:3] + v.shape[-1:])
        own = jax.nn.one_hot(sight.new // block, count)
        trust = jax.lax.stop_gradient(weights.sum(2)) + jnp.where(started, 0, -1.0) + 1e3 * own
        return found, jax.lax.top_k(trust, min(self.rule.chosen, count))[1]

    def _chosen(self, q, k, v, sight, best):
        """What queries find among all tokens of their best blocks; a few queries at a time, for memory."""
        block, new, slots = self.rule.block, q.shape[2], k.shape[2]
        keys, values = _blocks(k, block, axis=2), _blocks(v, block, axis=2)  # (B, kv, blocks, block, d)
        within = jnp.arange(block)
        of_row = jax.vmap(lambda a, i: a[i])  # each text's own entries

        def some(start):
            cut = lambda a, axis: jax.lax.dynamic_slice_in_dim(a, start, size, axis)
            which, at = cut(best, 2), cut(sight.new, 0)  # (B, kv, t, n), (t,)
            picked = jax.vmap(jax.vmap(lambda a, i: a[i].reshape(i.shape[0], -1, a.shape[-1])))
            near_k, near_v = picked(keys, which), picked(values, which)  # (B, kv, t, n · block, d)
            slot = (which[..., None] * block + within).reshape(*which.shape[:3], -1)
            ok = slot <= at[:, None]
            slot = jnp.minimum(slot, slots - 1)
            if sight.there is not None:
                ok = ok & of_row(sight.there, slot)
            if sight.documents is not None:
                ok = ok & (of_row(sight.documents, slot) == sight.documents[:, at][:, None, :, None])
            asked = cut(q, 2).reshape(q.shape[0], self.maps.kv, self.maps.heads // self.maps.kv, size, -1)
            scores = jnp.einsum("bkgtd,bktsd->bkgts", asked, near_k) * self.maps.scale
            weights = jax.nn.softmax(jnp.where(ok[:, :, None], scores, jnp.finfo(scores.dtype).min), -1)
            return jnp.einsum("bkgts,bktsd->bkgtd", weights, near_v).reshape(q.shape[0], self.maps.heads, size, -1)

        size = AT_ONCE if new % AT_ONCE == 0 else new
        parts = jax.lax.map(some, jnp.arange(0, new, size))  # (parts, B, H, size, d)
        return jnp.moveaxis(parts, 0, 2).reshape(*q.shape[:3], v.shape[-1])

    def _window(self, q, k, v, sight):
        """What queries find among the last tokens: chunks of queries look at their own and the chunk before."""
        window, new, slots = self.rule.window, q.shape[2], k.shape[2]
        if new != slots or new <= 2 * window:
            distance = sight.new[:, None] - jnp.arange(slots)[None]
            allowed = ((distance >= 0) & (distance < window))[None, None]
            if sight.there is not None:
                allowed = allowed & sight.there[:, None, None, :]
            if sight.documents is not None:
                allowed = allowed & (sight.documents[:, None, :, None] == sight.documents[:, None, None, :])
            return attend(q, k, v, allowed, self.maps.scale)
        cut = lambda a, axis: _blocks(a, window, axis=axis)
        before = lambda a, axis: jnp.concatenate([jnp.roll(a, 1, axis), a], axis=axis + 1)
        fold = lambda a: jnp.moveaxis(a, 2, 1).reshape(-1, a.shape[1], *a.shape[3:])  # chunks beside texts
        mine, past = jnp.arange(window)[:, None] + window, jnp.arange(2 * window)[None]
        allowed = ((mine >= past) & (mine - past < window))[None]  # (1, window, 2 window)
        count = -(-new // window)
        allowed = allowed & ((jnp.arange(count)[:, None, None] > 0) | (past >= window)[None])
        allowed = jnp.broadcast_to(allowed, (q.shape[0], count, window, 2 * window))
        if sight.there is not None:
            allowed = allowed & before(cut(sight.there, 1), 1)[:, :, None, :]
        if sight.documents is not None:
            allowed = allowed & (cut(sight.documents, 1)[..., None] == before(cut(sight.documents, 1), 1)[:, :, None])
        keys, values = fold(before(cut(k, 2), 2)), fold(before(cut(v, 2), 2))
        found = attend(fold(cut(q, 2)), keys, values, allowed.reshape(-1, 1, window, 2 * window), self.maps.scale)
        found = found.reshape(q.shape[0], count, self.maps.heads, window, -1)
        return jnp.moveaxis(found, 1, 2).reshape(*q.shape[:2], -1, v.shape[-1])[:, :, :new]

    def empty(self, batch: int, length: int) -> Memory:
        """Return a memory without anything in it."""
        return self.maps.empty(batch, length)


def _blocks(a: Array, block: int, axis: int = -1, filled: bool = False) -> Array:
    """Cut an axis into blocks, the last filled up with zeros, or True: (…, S, …) -> (…, blocks, block, …)."""
    axis %= a.ndim
    short = -a.shape[axis] % block
    a = jnp.pad(a, [(0, short if i == axis else 0) for i in range(a.ndim)], constant_values=filled)
    return a.reshape(*a.shape[:axis], -1, block, *a.shape[axis + 1 :])
