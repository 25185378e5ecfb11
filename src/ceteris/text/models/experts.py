"""A mixture of experts: a router sends each token to a few of many feed-forward nets (004, section 6.3)."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.text.models.description import Description, ExpertRule
from ceteris.text.models.parts import ACTIVATIONS, SPREAD, FeedForward, shrunk


class Load(NamedTuple):
    """How evenly a layer's experts are used by a batch."""

    share: Array  # (E,) f, of the choices that fell on each expert; sums to one
    trust: Array  # (E,) P, mean score of each, made to sum to one


def route(logits: Array, bias: Array | None, rule: ExpertRule) -> tuple[Array, Array, Load]:
    """Choose experts for tokens.

    Scores are softmax or sigmoid of logits; a bias is added for the choice only, a group of experts counts as the sum
    of its two best, and the weights of the chosen are their scores, made to sum to one if the rule says so.

    Parameters
    ----------
    logits : array, shape (n, E)
        Of the router.
    bias : array, shape (E,), optional
        Added for the choice.
    rule : ExpertRule
        How many are chosen, and how.

    Returns
    -------
    chosen : int array, shape (n, active)
    weights : array, shape (n, active)
    load : Load

    Examples
    --------
    >>> chosen, weights, load = route(jnp.log(jnp.array([[0.5, 0.3, 0.2]])), None, ExpertRule(3, 2, 8))
    >>> chosen, weights
    (Array([[0, 1]], dtype=int32), Array([[0.625, 0.375]], dtype=float32))
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    scores = jax.nn.softmax(logits, -1) if rule.router == "softmax" else jax.nn.sigmoid(logits)
    preferred = scores if bias is None else scores + bias
    if rule.groups > 1:
        grouped = preferred.reshape(-1, rule.groups, rule.count // rule.groups)
        best = jax.lax.top_k(jax.lax.top_k(grouped, 2)[0].sum(-1), rule.best_groups)[1]
        open_ = jax.nn.one_hot(best, rule.groups, dtype=bool).any(1)
        preferred = jnp.where(jnp.repeat(open_, rule.count // rule.groups, axis=1), preferred, -jnp.inf)
    chosen = jax.lax.top_k(preferred, rule.active)[1]
    weights = jnp.take_along_axis(scores, chosen, 1)
    if rule.renormalise:
        weights = weights / (weights.sum(-1, keepdims=True) + 1e-20)
    share = jnp.mean(jax.nn.one_hot(chosen, rule.count), axis=(0, 1))
    trust = jnp.mean(scores / (scores.sum(-1, keepdims=True) + 1e-20), axis=0)
    return chosen, weights * rule.scale, Load(share, trust)


def balance_loss(load: Load) -> Array:
    """N Σ fᵢ Pᵢ, one where all experts are used alike (Fedus et al. 2022).

    The source adds +H(G), which would make routing sharper, and a second term that is not a mean; this is the loss
    that published models use. Leading axes of the load (layers) are averaged.

    Examples
    --------
    >>> even = jnp.full(4, 0.25)
    >>> float(balance_loss(Load(even, even)))
    1.0
    """
    return jnp.mean(load.share.shape[-1] * jnp.sum(load.share * load.trust, -1))


def balanced_bias(bias: Array, load: Load, step: float = 1e-3) -> Array:
    """Return DeepSeek-V3's bias after a batch: up for experts used less than their share, down for the others.

    It needs no gradient, and `ceteris.text.pretrain` does not call it: there the balance loss keeps experts in use.
    """
    return bias + step * jnp.sign(1 / load.share.shape[-1] - load.share)


class ExpertMixture(eqx.Module):
    """y = Σ w_e expert_e(x) over the chosen e, + shared(x); experts are gated, act(x G) * (x U) times D.

    The source writes an expert as one affine map; published models have gated feed-forward nets, as here. Tokens are
    sorted by expert, so that one grouped product does all experts' work and nothing is dropped.
    """

    router: Array  # (width, E)
    bias: Array | None  # (E,), for the choice only
    gate: Array  # (E, width, units)
    up: Array  # (E, width, units)
    down: Array  # (E, units, width)
    shared: FeedForward | None
    rule: ExpertRule = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(self, about: Description, key: Array):
        assert about.experts is not None
        rule = self.rule = about.experts
        keys = jr.split(key, 5)
        E, inner, outer = rule.count, (rule.count, about.width, rule.width), (rule.count, rule.width, about.width)
        self.router = jr.normal(keys[0], (about.width, E)) * SPREAD
        self.bias = jnp.zeros(E) if rule.router == "sigmoid" else None
        self.gate, self.up = (jr.normal(k, inner) * SPREAD for k in keys[1:3])
        self.down = jr.normal(keys[3], outer) * SPREAD * shrunk(about)
        self.shared = FeedForward(about, rule.shared, keys[4]) if rule.shared else None
        self.activation = about.activation

    def __call__(self, x: Array) -> tuple[Array, Load]:
        """Return y for x of shape (..., width), and the load."""
        rows = x.reshape(-1, x.shape[-1])
        bias = None if self.bias is None else jax.lax.stop_gradient(self.bias)
        logits = jnp.matmul(rows.astype(jnp.promote_types(x.dtype, jnp.float32)), self.router)
        chosen, weights, load = route(logits, bias, self.rule)
        order = jnp.argsort(chosen.reshape(-1))  # tokens of expert 0 first
        sizes = jnp.bincount(chosen.reshape(-1), length=self.rule.count).astype(jnp.int32)
        sent = rows[order // self.rule.active]
        inner = ACTIVATIONS[self.activation](_grouped(sent, self.gate, sizes)) * _grouped(sent, self.up, sizes)
        done = _grouped(inner, self.down, sizes)
        back = jnp.zeros_like(done).at[order].set(done).reshape(*chosen.shape, -1)
        y = jnp.sum(back * weights[..., None].astype(back.dtype), axis=1)
        y = y if self.shared is None else y + self.shared(rows)
        return y.reshape(x.shape), load


# ------------------------------------------------------------------------------- each group of rows times its own map

ROWS = 32  # of a group that are multiplied at once on a processor


def _grouped(rows: Array, maps: Array, sizes: Array) -> Array:
    """Rows of group e times maps[e]: rows (n, a) sorted by group, maps (E, a, b), sizes (E,) -> (n, b)."""
    maps = maps.astype(rows.dtype)
    if jax.default_backend() != "cpu":
        return jax.lax.ragged_dot(rows, maps, sizes)
    return _in_blocks(rows, maps, sizes)


@jax.custom_vjp
def _in_blocks(rows: Array, maps: Array, sizes: Array) -> Array:
    """The same where `ragged_dot` multiplies all rows by all maps (processors): blocks of a group in turn.

    A block may reach into the next group; what it writes there, that group's first block writes over.
    """
    block, padded = _block_of(rows), _padded(rows)

    def one(i: Array, y: Array) -> Array:
        e, start, _ = _place(i, sizes, block)
        return jax.lax.dynamic_update_slice_in_dim(y, _cut(padded, start, block) @ maps[e], start, 0)

    empty = jnp.zeros((padded.shape[0], maps.shape[2]), rows.dtype)
    return jax.lax.fori_loop(0, _blocks_in(sizes, block).sum(), one, empty)[: rows.shape[0]]


def _forward(rows: Array, maps: Array, sizes: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return _in_blocks(rows, maps, sizes), (rows, maps, sizes)


def _backward(kept: tuple[Array, Array, Array], g: Array) -> tuple[Array, Array, None]:
    """Slopes: rows get g maps[e]', maps[e] get Σ rows' g over the rows of e."""
    rows, maps, sizes = kept
    block, padded, padded_g = _block_of(rows), _padded(rows), _padded(g)

    def one(i: Array, slope: Array) -> Array:
        e, start, own = _place(i, sizes, block)
        mine = jnp.where(jnp.arange(block)[:, None] < own, _cut(padded, start, block), 0)
        return slope.at[e].add(mine.T @ _cut(padded_g, start, block))

    slope = jax.lax.fori_loop(0, _blocks_in(sizes, block).sum(), one, jnp.zeros_like(maps))
    return _in_blocks(g, jnp.swapaxes(maps, 1, 2), sizes), slope, None


_in_blocks.defvjp(_forward, _backward)


def _block_of(rows: Array) -> int:
    return min(ROWS, rows.shape[0])


def _padded(a: Array) -> Array:
    return jnp.pad(a, ((0, _block_of(a)), (0, 0)))


def _cut(a: Array, start: Array, size: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(a, start, size, 0)


def _blocks_in(sizes: Array, block: int) -> Array:
    return -(-sizes // block)


def _place(i: Array, sizes: Array, block: int) -> tuple[Array, Array, Array]:
    """Return the group of block i, where it starts, and how many of its rows are the group's own."""
    last = jnp.cumsum(_blocks_in(sizes, block))
    e = jnp.searchsorted(last, i, side="right")
    within = (i - last[e] + _blocks_in(sizes, block)[e]) * block
    return e, jnp.cumsum(sizes)[e] - sizes[e] + within, sizes[e] - within
