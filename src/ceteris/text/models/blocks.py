"""Layers of a transformer, and how tokens pass through them: scanned for training, one by one for writing."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.text.models.attention import LatentAttention, Memory, SelfAttention, Sight
from ceteris.text.models.description import Description
from ceteris.text.models.experts import ExpertMixture, Load
from ceteris.text.models.parts import FeedForward, Norm, less
from ceteris.text.models.sparse import SparseAttention


class Context(NamedTuple):
    """Another text that every layer looks at: its vectors, or keys and values that layers made of them before."""

    vectors: Array | None  # (B, S, width)
    memories: Any  # as groups are
    allowed: Array | None  # (B, 1, 1, S)


class LanguageBlock(eqx.Module):
    """x⁺ = x + attention(norm x), then x⁺ + feed-forward(norm x⁺); without `norm_first`, norm(x + attention(x))."""

    attention_norm: Norm
    attention: SelfAttention | LatentAttention | SparseAttention
    cross_norm: Norm | None
    cross: SelfAttention | None
    forward_norm: Norm
    forward: FeedForward | ExpertMixture
    norm_first: bool = eqx.field(static=True)
    dropout: float = eqx.field(static=True)

    def __init__(self, about: Description, experts: bool, cross: bool, key: Array):
        attention, other, forward = jr.split(key, 3)
        norm = lambda: Norm(about.width, about.norm, about.epsilon)
        self.attention_norm, self.forward_norm = norm(), norm()
        kind = LatentAttention if about.latent else SparseAttention if about.sparse else SelfAttention
        self.attention = kind(about, attention)
        self.cross_norm, self.cross = (norm(), SelfAttention(about, other)) if cross else (None, None)
        self.forward = ExpertMixture(about, forward) if experts else FeedForward(about, about.perceptron, forward)
        self.norm_first, self.dropout = about.norm_first, about.dropout

    def __call__(
        self,
        x: Array,
        sight: Sight,
        near: Array | bool,
        memory: Memory | None,
        context: tuple[Memory, Array | None] | None,
        key: Array | None,
    ) -> tuple[Array, Memory, Load | None]:
        """Return x after this layer, the memory with x in it, and the load of experts."""
        pre = (lambda norm, x: norm(x)) if self.norm_first else (lambda norm, x: x)
        post = (lambda norm, x: x) if self.norm_first else (lambda norm, x: norm(x))
        found, memory = self.attention(pre(self.attention_norm, x), sight, near, memory)
        x = post(self.attention_norm, x + less(found, self.dropout, key, 0))
        if self.cross is not None and context is not None:
            found = self.cross.look(pre(self.cross_norm, x), *context)
            x = post(self.cross_norm, x + less(found, self.dropout, key, 1))
        y, part = pre(self.forward_norm, x), self.forward
        # units of a dense part are most of what a backward pass would keep
        y, load = part(y) if isinstance(part, ExpertMixture) else (eqx.filter_checkpoint(part)(y), None)
        return post(self.forward_norm, x + less(y, self.dropout, key, 2)), memory, load

    def remember(self, context: Array) -> Memory:
        """Return this layer's keys and values of another text."""
        assert self.cross is not None
        return self.cross.remember(context)


Group = LanguageBlock | tuple[LanguageBlock, ...]  # stacked along a first axis, or one by one


def groups_of(about: Description, depth: int, cross: bool, key: Array) -> tuple[Group, ...]:
    """Return the layers, those alike stacked: first layers without experts are a group of their own."""
    first = depth if about.experts is None else min(about.experts.dense, depth)
    keys = jr.split(key, depth)
    build = lambda experts: lambda key: LanguageBlock(about, experts, cross, key)
    parts = [(False, keys[:first]), (True, keys[first:])]
    return tuple(eqx.filter_vmap(build(experts))(some) for experts, some in parts if len(some))


def size_of(group: Group) -> int:
    """Return how many layers a group has."""
    return len(group) if isinstance(group, tuple) else group.forward_norm.scale.shape[0]


def taken_apart(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the same layers one by one."""
    one = lambda group, i: jax.tree.map(lambda a: a[i], group)
    return tuple(g if isinstance(g, tuple) else tuple(one(g, i) for i in range(size_of(g))) for g in groups)


def put_together(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the same layers stacked."""
    return tuple(jax.tree.map(lambda *a: jnp.stack(a), *g) if isinstance(g, tuple) else g for g in groups)


def through(
    groups: tuple[Group, ...],
    x: Array,
    sight: Sight,
    windowed: tuple[bool, ...] | None,
    memories: tuple[Any, ...] | None = None,
    context: Context | None = None,
    key: Array | None = None,
    frugal: bool = False,
) -> tuple[Array, tuple[Any, ...], tuple[Any, ...]]:
    """Send x through all layers.

    Parameters
    ----------
    groups : tuple
        The layers.
    x : array, shape (B, T, width)
        Vectors of the tokens.
    sight : Sight
        Who sees whom.
    windowed : tuple of bool, optional
        Which layers see through the window only; all where it is None.
    memories : tuple, optional
        Keys and values of each layer, in the form of the groups; new tokens are written into them.
    context : Context, optional
        Another text.
    key : PRNG key, optional
        Drop at random, as in training.
    frugal : bool
        Whether what a layer computed is computed again in the backward pass rather than kept (rematerialisation).

    Returns
    -------
    x : array, shape (B, T, width)
    memories : tuple
        Where there were any.
    loads : tuple
        Of each group of experts, stacked over its layers.
    """

    def layer(block: Any, x: Array, near: Any, memory: Any, known: Any, i: Any) -> Any:
        others = None
        if context is not None:
            known = block.remember(context.vectors) if known is None else known
            others = (known, context.allowed)
        return block(x, sight, near, memory, others, None if key is None else jr.fold_in(key, i))

    if frugal:
        layer = eqx.filter_checkpoint(layer)
    else:  # what maps by weights give is kept for the backward pass; the cheap rest of a layer is computed again
        layer = eqx.filter_checkpoint(layer, policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable)
    kept, loads, i = [], [], 0
    for number, group in enumerate(groups):
        memory = None if memories is None else memories[number]
        known = None if context is None or context.memories is None else context.memories[number]
        near = [windowed is None or windowed[i + j] for j in range(size_of(group))]
        if isinstance(group, tuple):
            new, load = [], []
            for j, block in enumerate(group):
                one = lambda parts, j=j: None if parts is None else parts[j]
                x, m, used = layer(block, x, near[j], one(memory), one(known), i + j)
                new.append(m)
                load.append(used)
            new, load = tuple(new), jax.tree.map(lambda *a: jnp.stack(a), *load)
        else:
            arrays, static = eqx.partition(group, eqx.is_array)
            same = len(set(near)) == 1  # then who sees whom is not a question for each layer

            def scanned(x: Array, now: Any, static: Any = static, same: Any = near[0] if same else None) -> Any:
                arrays, near, memory, known, i = now
                x, m, load = layer(eqx.combine(arrays, static), x, near if same is None else same, memory, known, i)
                return x, (None if memory is None else m, load)

            steps = (arrays, jnp.array(near), memory, known, i + jnp.arange(len(near)))
            x, (new, load) = jax.lax.scan(scanned, x, steps)
        kept.append(new)
        loads.append(load)
        i += size_of(group)
    return x, tuple(kept), tuple(loads)
