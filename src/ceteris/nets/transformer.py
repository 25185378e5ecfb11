"""The transformer: blocks of attention and a perceptron, each added to its input after normalisation (pre-norm)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import SHARE, one_of, require, whole
from ceteris.nets.activations import activation as find_activation
from ceteris.nets.attention import Memory, MultiHead
from ceteris.nets.initialisers import default_initialiser, lecun_normal
from ceteris.nets.mlp import Dense, dropped
from ceteris.nets.net import AbstractNet, no_buffers
from ceteris.nets.normalise import LayerNorm
from ceteris.nets.positions import Embedding, sinusoidal

POSITIONS = ("sinusoidal", "learnt", "rotary", "none")


class TransformerBlock(eqx.Module):
    """x⁺ = x + attention(LN x); x⁺⁺ = x⁺ + attention to a context, if there is one; out = x⁺⁺ + perceptron(LN x⁺⁺).

    Parameters
    ----------
    width : int
        Numbers in an element.
    heads : int
        Of the attention.
    perceptron : int
        Units of the perceptron.
    causal : bool
        Whether elements look back only.
    rotary : bool
        Whether queries and keys are turned by their position.
    context_size : int, optional
        Numbers in an element of a context that is attended to as well.
    activation : str or callable
        Of the perceptron.
    dropout : float
        Share dropped, in training, of what each part adds.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> block = TransformerBlock(8, heads=2, perceptron=16, key=jr.key(0))
    >>> block(jnp.ones((5, 8))).shape
    (5, 8)
    """

    norms: tuple[LayerNorm, ...]
    attention: MultiHead
    cross: MultiHead | None
    up: Dense
    down: Dense
    activation: Callable[[Array], Array] = eqx.field(static=True)
    dropout: float = eqx.field(static=True)

    def __init__(
        self,
        width: int,
        heads: int,
        perceptron: int,
        causal: bool = False,
        rotary: bool = False,
        context_size: int | None = None,
        activation: str | Callable[[Array], Array] = "gelu",
        dropout: float = 0.0,
        *,
        key: Array,
    ):
        own, other, up, down = jr.split(key, 4)
        self.attention = MultiHead(width, heads, causal=causal, rotary=rotary, key=own)
        self.cross = None if context_size is None else MultiHead(width, heads, context_size, key=other)
        self.norms = tuple(LayerNorm(width) for _ in range(2 + (self.cross is not None)))
        self.activation, self.dropout = find_activation(activation), require("dropout", dropout, SHARE)
        self.up = Dense(width, whole("perceptron", perceptron), default_initialiser(self.activation), key=up)
        self.down = Dense(perceptron, width, lecun_normal, key=down)

    def __call__(
        self, x: Array, mask: Array | None = None, context: Memory | None = None, key: Array | None = None
    ) -> Array:
        """Evaluate, with what the block remembers of a context (`remember`); with a `key`, as in training."""
        y = self.norms[0](x)
        return self._rest(x, self.attention(y, mask=mask), context, key)

    def read(
        self, x: Array, memory: Memory, mask: Array | None = None, context: Memory | None = None
    ) -> tuple[Array, Memory]:
        """Read further elements of a sequence, with the memory of those before."""
        y, memory = self.attention.read(self.norms[0](x), memory, mask)
        return self._rest(x, y, context, None), memory

    def remember(self, context: Array, mask: Array | None = None) -> Memory | None:
        """Return keys and values of a context, which serve all elements that will look at it."""
        return None if self.cross is None else self.cross.memory(context, mask)

    def _rest(self, x: Array, found: Array, context: Memory | None, key: Array | None) -> Array:
        x = x + self._less(found, key, 0)
        if self.cross is not None and context is not None:
            x = x + self._less(self.cross.look(self.norms[1](x), context)[0], key, 1)
        return x + self._less(self.down(self.activation(self.up(self.norms[-1](x)))), key, 2)

    def _less(self, x: Array, key: Array | None, part: int) -> Array:
        return x if key is None or self.dropout == 0 else dropped(x, self.dropout, jr.fold_in(key, part))


class Transformer(AbstractNet):
    """A stack of equal blocks: (..., T, in_size) -> (..., T, width); encoder, decoder or language model.

    Blocks share one program (a scan over layers), so that a deep one compiles as fast as a shallow one.

    Parameters
    ----------
    in_size : int or None
        Numbers in an element, which an affine map takes to `width`; with None an element has `width` already.
    width : int
        Numbers in an element inside.
    heads : int
        Of each attention; divides `width`.
    depth : int
        Blocks.
    perceptron : int, optional
        Units of each perceptron; four times `width` by default.
    causal : bool
        Whether an element looks back only: for what predicts the next one.
    context_size : int, optional
        Numbers in an element of a context that every block attends to as well (a decoder).
    positions : {"sinusoidal", "rotary", "learnt", "none"}
        How the net knows the order; with "none" it does not, and permuted elements give permuted outputs.
    length : int, optional
        For "learnt" and needed there: elements at most.
    activation : str or callable
        Of the perceptrons.
    dropout : float
        Share dropped, in training, of what each part of a block adds.
    key : PRNG key
        For the weights.

    References
    ----------
    Vaswani et al. (2017); pre-norm: Xiong et al. (2020); 000, section 1.11.4.

    Examples
    --------
    >>> net = Transformer(3, 16, heads=2, depth=2, causal=True, key=jr.key(0))
    >>> x = jr.normal(jr.key(1), (20, 3))
    >>> net(x).shape
    (20, 16)

    Read piece by piece, with what was read before kept as keys and values:

    >>> y, state = net.read(x[:15], net.start(20))
    >>> y, state = net.read(x[15:], state)
    >>> bool(jnp.allclose(y, net(x)[15:], atol=1e-5))
    True
    """

    entrance: Dense | None
    places: Embedding | None
    blocks: TransformerBlock
    norm: LayerNorm
    positions: str = eqx.field(static=True)

    def __init__(
        self,
        in_size: int | None,
        width: int,
        heads: int = 4,
        depth: int = 2,
        perceptron: int | None = None,
        causal: bool = False,
        context_size: int | None = None,
        positions: Literal["sinusoidal", "rotary", "learnt", "none"] = "sinusoidal",
        length: int | None = None,
        activation: str | Callable[[Array], Array] = "gelu",
        dropout: float = 0.0,
        *,
        key: Array,
    ):
        self.positions = one_of("positions", positions, POSITIONS)
        whole("depth", depth)
        enter, place, rest = jr.split(key, 3)
        self.entrance = None if in_size is None else Dense(whole("in_size", in_size), width, lecun_normal, key=enter)
        learnt = positions == "learnt"
        self.places = Embedding(whole("length", length, such_as=256), width, key=place) if learnt else None

        def block(key: Array) -> TransformerBlock:
            rotary = positions == "rotary"
            return TransformerBlock(
                width, heads, perceptron or 4 * width, causal, rotary, context_size, activation, dropout, key=key
            )

        self.blocks = eqx.filter_vmap(block)(jr.split(rest, depth))
        self.norm = LayerNorm(width)

    def __call__(
        self,
        x: Array,
        mask: Array | None = None,
        context: Array | None = None,
        context_mask: Array | None = None,
        key: Array | None = None,
    ) -> Array:
        """Evaluate.

        Parameters
        ----------
        x : array, shape (..., T, in_size)
            The elements.
        mask : bool array, shape (..., T), optional
            True where there is an element; the others are looked at by none, and x may hold anything there.
        context : array, shape (..., S, context_size), optional
            What a decoder looks at.
        context_mask : bool array, shape (..., S), optional
            Which elements of the context there are.
        key : PRNG key, optional
            Drop at random, as in training.

        Returns
        -------
        array, shape (..., T, width)
        """
        x = self._placed(x, mask, 0)
        arrays, static = eqx.partition(self.blocks, eqx.is_array)

        def layer(x: Array, now: Any) -> tuple[Array, None]:
            block, i = eqx.combine(now[0], static), now[1]
            memory = None if context is None else block.remember(context, context_mask)
            return block(x, mask, memory, None if key is None else jr.fold_in(key, i)), None

        depth = self.blocks.up.bias.shape[0]
        return self.norm(jax.lax.scan(layer, x, (arrays, jnp.arange(depth)))[0])

    def training(self, x: Array, key: Array | None, mask: Array | None = None) -> tuple[Array, Any]:
        """The same with dropout."""
        return self(x, mask, key=key), no_buffers(self)

    def start(self, length: int, shape: tuple[int, ...] = ()) -> Memory:
        """Return an empty memory for `length` elements, for a batch of this shape; the first axis is blocks."""
        return eqx.filter_vmap(lambda block: block.attention.start(length, shape))(self.blocks)

    def remember(self, context: Array, mask: Array | None = None) -> Memory | None:
        """Return every block's keys and values of a context, for `read`."""
        return eqx.filter_vmap(lambda block: block.remember(context, mask))(self.blocks)

    def read(
        self, x: Array, state: Memory, mask: Array | None = None, context: Memory | None = None
    ) -> tuple[Array, Memory]:
        """Read further elements of a sequence.

        Parameters
        ----------
        x : array, shape (..., n, in_size)
            The next elements.
        state : Memory
            Of those before; from `start` or the last `read`.
        mask : bool array, shape (..., n), optional
            Which of them there are.
        context : Memory, optional
            What `remember` made of a context.

        Returns
        -------
        outputs : array, shape (..., n, width)
            NaN where more was read than `start` made room for.
        state : Memory
            With the new elements.
        """
        x = self._placed(x, mask, state.read[0])
        arrays, static = eqx.partition(self.blocks, eqx.is_array)

        def layer(x: Array, now: Any) -> tuple[Array, Memory]:
            block, memory, context = now
            return eqx.combine(block, static).read(x, memory, mask, context)

        x, state = jax.lax.scan(layer, x, (arrays, state, context))
        return self.norm(x), state

    def _placed(self, x: Array, mask: Array | None, at: Array | int) -> Array:
        """Elements of the width inside, with their positions added where these are codes."""
        if mask is not None:
            x = jnp.where(mask[..., None], x, 0)
        x = x if self.entrance is None else self.entrance(x)
        where = at + jnp.arange(x.shape[-2])
        if self.places is not None:
            longest = self.places.vectors.shape[0]
            if x.shape[-2] > longest:
                raise ValueError(f"x has {x.shape[-2]} elements, but must have at most {longest}; raise length.")
            return x + self.places(where)
        return x + sinusoidal(where, x.shape[-1]).astype(x.dtype) if self.positions == "sinusoidal" else x
