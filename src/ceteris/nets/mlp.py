"""The multilayer perceptron: the hypothesis everything starts from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import COUNT, SHARE, require, whole
from ceteris.nets.activations import activation as find_activation
from ceteris.nets.activations import identity
from ceteris.nets.initialisers import Initialiser, default_initialiser
from ceteris.nets.initialisers import initialiser as find_initialiser
from ceteris.nets.net import AbstractNet, AbstractStateless, with_buffers
from ceteris.nets.normalise import normalisation


class Dense(AbstractStateless):
    """An affine map x W + b, from (..., in_size) to (..., out_size).

    Parameters
    ----------
    in_size : int
        Number of inputs.
    out_size : int
        Number of outputs.
    initialiser : callable
        ``initialiser(key, (in_size, out_size))`` gives the weights; biases start at zero.
    key : PRNG key
        For the weights.
    """

    weight: Array
    bias: Array

    def __init__(self, in_size: int, out_size: int, initialiser: Initialiser, *, key: Array):
        self.weight = initialiser(key, (in_size, out_size))
        self.bias = jnp.zeros(out_size)

    def __call__(self, x: Array) -> Array:
        """The rows x W + b."""
        if jnp.ndim(x) == 0 or jnp.shape(x)[-1] != self.weight.shape[0]:
            raise ValueError(
                f"x has shape {jnp.shape(x)} but its last axis must have the net's {self.weight.shape[0]} "
                "inputs; pass rows of that length."
            )
        return jnp.matmul(x, self.weight) + self.bias


def dropped(x: Array, rate: float, key: Array) -> Array:
    """Inverted dropout: each entry is zero with probability `rate`, else divided by 1 - rate.

    The expectation is x, so evaluation needs no rescaling (Srivastava et al., 2014; script, section 1.10).
    """
    kept = jr.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0)


class Layer(AbstractNet):
    """One hidden layer: affine map, normalisation, activation, dropout; added to its input if residual."""

    dense: Dense
    norm: AbstractNet | None
    activation: Callable[[Array], Array] = eqx.field(static=True)
    dropout: float = eqx.field(static=True)
    residual: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        """Evaluate with nothing dropped."""
        z = self.dense(x)
        a = self.activation(z if self.norm is None else self.norm(z))
        return x + a if self.residual else a

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate with batch statistics and dropout."""
        z, norm = self.dense(x), None
        if self.norm is not None:
            z, norm = self.norm.training(z, None)
        a = self.activation(z)
        if self.dropout > 0:
            a = dropped(a, self.dropout, _needed(key))
        return (x + a if self.residual else a), with_buffers(self, lambda layer: layer.norm, norm)


def _needed(key: Array | None) -> Array:
    if key is None:
        raise ValueError("key=None cannot drive dropout; pass a key to training().")
    return key


class MLP(AbstractNet):
    """A multilayer perceptron on one point or any batch: (..., in_size) -> (..., out_size).

    A hidden layer is affine map, normalisation, activation, dropout in this order; the output layer is affine.

    Parameters
    ----------
    in_size : int
        Number of inputs.
    out_size : int
        Number of outputs.
    widths : int or sequence of int
        Widths of the hidden layers; an int is one hidden layer, ``()`` a linear model.
    activation : str or callable
        Name of an activation (`ceteris.nets.activations`) or a module-level function.
    initialiser : str or callable, optional
        For all weights; by default each layer's activation decides (`default_initialiser`). Biases start
        at zero.
    normalise : {"batch", "layer", "group", "rms"}, optional
        Normalisation of the pre-activations.
    dropout : float
        Share of the hidden activations dropped in training, in [0, 1).
    residual : bool
        Whether a hidden layer as wide as the hidden layer before it adds its input to its output.
    key : PRNG key
        For the weights.

    Notes
    -----
    ``eqx.Partial(MLP, in_size, out_size, widths=...)`` is a builder for the engine, which calls it with
    ``key=``.

    Examples
    --------
    >>> import jax
    >>> net = MLP(3, 2, widths=(16, 16), activation="tanh", key=jax.random.key(0))
    >>> net(jax.numpy.ones(3)).shape, net(jax.numpy.ones((5, 4, 3))).shape
    ((2,), (5, 4, 2))
    """

    hidden: tuple[Layer, ...]
    output: Dense

    def __init__(
        self,
        in_size: int,
        out_size: int,
        widths: int | Sequence[int] = (64, 64),
        activation: str | Callable[[Array], Array] = "swish",
        initialiser: str | Initialiser | None = None,
        normalise: str | None = None,
        dropout: float = 0.0,
        residual: bool = False,
        *,
        key: Array,
    ):
        widths = (widths,) if isinstance(widths, int) else tuple(widths)
        _check(in_size, out_size, widths, dropout, residual)
        g = find_activation(activation)
        keys = jr.split(key, len(widths) + 1)
        inner, outer = (
            (default_initialiser(g), default_initialiser(identity))
            if initialiser is None
            else (find_initialiser(initialiser),) * 2
        )
        sizes = (in_size, *widths)
        self.hidden = tuple(
            Layer(
                Dense(n_in, n_out, inner, key=keys[i]),
                normalisation(normalise, n_out),
                g,
                dropout,
                residual and i > 0 and n_in == n_out,
            )
            for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes))
        )
        self.output = Dense(sizes[-1], out_size, outer, key=keys[-1])

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        for layer in self.hidden:
            x = layer(x)
        return self.output(x)

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate with batch statistics and dropout; `key` may be None where nothing is dropped."""
        buffers = []
        for i, layer in enumerate(self.hidden):
            x, updated = layer.training(x, jr.fold_in(key, i) if key is not None and layer.dropout > 0 else None)
            buffers.append(updated)
        return self.output(x), with_buffers(self, lambda net: net.hidden, tuple(buffers))


def _check(in_size: int, out_size: int, widths: tuple[int, ...], dropout: float, residual: bool) -> None:
    whole("in_size", in_size)
    whole("out_size", out_size)
    require("widths", widths, COUNT.or_several("hidden layer"))
    require("dropout", dropout, SHARE)
    if residual and not any(a == b for a, b in itertools.pairwise(widths)):
        raise ValueError(f"widths is {widths}, but residual=True needs two equal ones in a row; give such.")
