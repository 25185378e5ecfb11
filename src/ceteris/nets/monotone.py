"""A net that rises or falls with some of its inputs, whatever its weights are.

    hidden    h = g(h₋ |W| + c(x_free)),   h₀ = the constrained inputs, each times its sign
    output    y = h |W| + c(x_free) + a linear map whose constrained coefficients have their signs

g rises: a third of the units has a convex one, a third a concave one, a third a saturating one, since with positive
weights and one convex g only convex functions can be had (Runje & Shankaranarayana, 2023). The other inputs enter by
c, a perceptron that shifts every layer, and are free.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.arguments import COUNT, as_many, require
from ceteris.nets.initialisers import zeros
from ceteris.nets.linear_plus import LinearPlus, linear_plus
from ceteris.nets.mlp import MLP, Dense
from ceteris.nets.net import AbstractNet, with_buffers


class Monotone(AbstractNet):
    """A linear map plus a perceptron, both monotone in some inputs: (..., in_size) -> (..., out_size).

    Parameters
    ----------
    in_size : int
        Number of inputs.
    out_size : int
        Number of outputs.
    signs : sequence of {-1, 0, 1}
        Of each input: outputs fall with it, are free, rise with it.
    directions : sequence of {-1, 0, 1}, optional
        Of each output: its signs are reversed, it is free, its signs are as given; by default all are as given.
    widths : int or sequence of int
        Hidden layers, of the part that is monotone and of the one that is free.
    options
        Of `ceteris.nets.MLP`, for the part that is free.
    key : PRNG key
        For the weights.

    References
    ----------
    Runje, D. and Shankaranarayana, S. M. (2023). Constrained monotonic neural networks. ICML.

    Examples
    --------
    >>> net = Monotone(2, 1, signs=(1, 0), key=jr.key(0))
    >>> slopes = jax.vmap(jax.grad(lambda x: net(x)[0]))(jr.normal(jr.key(1), (100, 2)))
    >>> bool((slopes[:, 0] >= 0).all())
    True
    """

    linear: Dense
    rising: tuple[Array, ...]
    bias: Array
    context: MLP | None
    free: LinearPlus | None
    signs: tuple[int, ...] = eqx.field(static=True)
    directions: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        signs: Sequence[int],
        directions: Sequence[int] | None = None,
        widths: int | Sequence[int] = (64, 64),
        *,
        key: Array,
        **options: Any,
    ):
        directions = (1,) * out_size if directions is None else directions
        require("widths", widths, COUNT.or_several("hidden layer"))
        self.signs, self.directions = _checked("signs", signs, in_size), _checked("directions", directions, out_size)
        widths = (widths,) if isinstance(widths, int) else tuple(widths)
        bound, shifted = sum(d != 0 for d in self.directions), in_size - sum(s != 0 for s in self.signs)
        keys = jr.split(key, len(widths) + 3)
        sizes = (in_size - shifted, *widths, bound)
        self.linear = Dense(in_size, bound, zeros, key=keys[0])
        self.rising = tuple(
            _weights(keys[i + 3], i, pair, len(widths)) for i, pair in enumerate(itertools.pairwise(sizes))
        )
        self.bias = jnp.zeros(sum(sizes[1:]))
        self.context = _context(shifted, sizes[1:], widths, options, keys[1]) if shifted else None
        settings = (("widths", widths), *options.items())
        self.free = linear_plus(in_size, out_size - bound, settings, key=keys[2]) if bound < out_size else None

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        shifts = None if self.context is None else self.context(x[..., self._where(0)])
        return self._merged(self._bound(x, shifts), None if self.free is None else self.free(x))

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training."""
        keys = (None, None) if key is None else jr.split(key)
        shifts = free = context_buffers = free_buffers = None
        if self.context is not None:
            shifts, context_buffers = self.context.training(x[..., self._where(0)], keys[0])
        if self.free is not None:
            free, free_buffers = self.free.training(x, keys[1])
        buffers = with_buffers(self, lambda net: (net.context, net.free), (context_buffers, free_buffers))
        return self._merged(self._bound(x, shifts), free), buffers

    def _where(self, constrained: int) -> np.ndarray:
        return np.flatnonzero((np.array(self.signs) != 0) == bool(constrained))

    def _bound(self, x: Array, shifts: Array | None) -> Array:
        """The outputs that are monotone; they rise, before their directions are given to them."""
        signs = np.array(self.signs, np.float32)
        shift = self.bias if shifts is None else self.bias + shifts
        ends = np.cumsum([weight.shape[1] for weight in self.rising])[:-1]
        *hidden, last = jnp.split(shift, ends, axis=-1)
        h = (x * signs)[..., self._where(1)]
        for weight, moved in zip(self.rising, hidden, strict=False):
            h = rising(h @ magnitude(weight) + moved)
        towards = np.array([d for d in self.directions if d], np.float32)
        slopes = jnp.where(signs[:, None] == 0, self.linear.weight, signs[:, None] * magnitude(self.linear.weight))
        rises = h @ magnitude(self.rising[-1]) + last + x @ slopes + self.linear.bias
        return jnp.asarray(towards) * rises

    def _merged(self, bound: Array, free: Array | None) -> Array:
        if free is None:
            return bound
        order = np.argsort(np.argsort([d == 0 for d in self.directions], kind="stable"), kind="stable")
        return jnp.concatenate([bound, free], -1)[..., order]


def monotone(
    in_size: int,
    out_size: int,
    signs: tuple[int, ...],
    directions: tuple[int, ...],
    options: tuple[tuple[str, Any], ...],
    *,
    key: Array,
) -> Monotone:
    """Return the net; ``options`` are those of `ceteris.nets.MLP`, as pairs."""
    return Monotone(in_size, out_size, signs, directions, **dict(options), key=key)


def magnitude(w: Array) -> Array:
    """|w|, whose slope at zero is one, so that weights that start there can leave."""
    return jnp.where(w >= 0, w, -w)


def rising(z: Array) -> Array:
    """Activations that rise: of the units a third each has elu(z), -elu(-z) and tanh(z)."""
    third = z.shape[-1] // 3
    convex, concave, bounded = z[..., :third], z[..., third : 2 * third], z[..., 2 * third :]
    return jnp.concatenate([jax.nn.elu(convex), -jax.nn.elu(-concave), jnp.tanh(bounded)], -1)


def _weights(key: Array, layer: int, sizes: tuple[int, int], hidden: int) -> Array:
    """Units that all rise with the same inputs add up and not out, so that deeper weights are of order 1/n."""
    if layer == hidden:
        return jnp.zeros(sizes)
    spread = jr.uniform(key, sizes, minval=0.0, maxval=2.0)
    return spread / (np.sqrt(sizes[0]) if layer == 0 else sizes[0])


def _context(inputs: int, layers: tuple[int, ...], widths: Any, options: dict[str, Any], key: Array) -> MLP:
    """The perceptron of the free inputs, which is silent at the output at first."""
    net = MLP(inputs, sum(layers), widths, **options, key=key)
    return eqx.tree_at(lambda n: n.output.weight, net, net.output.weight.at[:, -layers[-1] :].set(0))


def _checked(argument: str, given: Sequence[int], count: int) -> tuple[int, ...]:
    as_many(argument, given, count, of="input" if argument == "signs" else "output")
    if wrong := [s for s in given if s not in (-1, 0, 1)]:
        raise ValueError(f"{argument} holds {wrong[0]!r}, but must hold -1, 0 and 1 only; give the direction of each.")
    signs = tuple(int(s) for s in given)
    if not any(signs):
        raise ValueError(f"{argument} is {signs}, but must hold a -1 or 1; use linear_plus where nothing is monotone.")
    return signs
