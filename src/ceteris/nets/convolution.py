"""Convolutions: over time, where the present never sees the future, and over images, with pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import COUNT, SHARE, one_of, require, whole
from ceteris.nets.activations import activation as find_activation
from ceteris.nets.initialisers import default_initialiser, lecun_normal
from ceteris.nets.mlp import MLP, Dense, dropped
from ceteris.nets.net import AbstractNet, AbstractStateless, no_buffers


class CausalConvolution(AbstractStateless):
    """y_t = b + Σ_j W_j x_{t - j·dilation}, j = 0 … span - 1: (..., T, in_size) -> (..., T, width).

    What lies before the first element counts as zero.

    Parameters
    ----------
    in_size : int
        Numbers in x_t.
    width : int
        Numbers in y_t.
    span : int
        Elements that y_t depends on.
    dilation : int
        Steps between two of them.
    initialiser : callable
        ``initialiser(key, (span * in_size, width))`` gives the weights.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> net = CausalConvolution(2, 3, span=2, dilation=4, key=jr.key(0))
    >>> net(jnp.ones((10, 2))).shape
    (10, 3)
    """

    dense: Dense
    span: int = eqx.field(static=True)
    dilation: int = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        width: int,
        span: int = 3,
        dilation: int = 1,
        initialiser: Callable[..., Array] = lecun_normal,
        *,
        key: Array,
    ):
        self.span, self.dilation = whole("span", span), whole("dilation", dilation)
        self.dense = Dense(span * whole("in_size", in_size), whole("width", width), initialiser, key=key)

    def __call__(self, x: Array) -> Array:
        """The convolution, as one matrix product with delayed copies of x side by side, the oldest first."""
        T, past = x.shape[-2], (self.span - 1) * self.dilation
        before = jnp.concatenate([jnp.zeros((*x.shape[:-2], past, x.shape[-1]), x.dtype), x], axis=-2)
        copies = [before[..., j * self.dilation : j * self.dilation + T, :] for j in range(self.span)]
        return self.dense(jnp.concatenate(copies, axis=-1))


class TemporalBlock(eqx.Module):
    """Two causal convolutions, each with its activation, added to their input."""

    convolutions: tuple[CausalConvolution, CausalConvolution]
    bridge: Dense | None

    def __init__(
        self, in_size: int, width: int, span: int, dilation: int, initialiser: Callable[..., Array], key: Array
    ):
        first, second, third = jr.split(key, 3)
        self.convolutions = (
            CausalConvolution(in_size, width, span, dilation, initialiser, key=first),
            CausalConvolution(width, width, span, dilation, initialiser, key=second),
        )
        self.bridge = None if in_size == width else Dense(in_size, width, lecun_normal, key=third)


class TemporalNet(AbstractNet):
    """A temporal convolutional net (TCN): residual blocks of causal convolutions whose dilation doubles.

    (..., T, in_size) -> (..., T, width). The output at t depends on the last `receptive` elements and on no other.

    Parameters
    ----------
    in_size : int
        Numbers in x_t.
    width : int
        Numbers in an output.
    dilations : sequence of int
        One block of two convolutions for each.
    span : int
        Elements that a convolution looks at.
    activation : str or callable
        See `ceteris.nets.ACTIVATIONS`.
    dropout : float
        Share of the hidden units dropped in training.
    key : PRNG key
        For the weights.

    References
    ----------
    Bai, Kolter & Koltun (2018), "An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling"; without their weight normalisation.

    Examples
    --------
    >>> net = TemporalNet(2, 8, dilations=(1, 2, 4), span=3, key=jr.key(0))
    >>> net(jnp.ones((50, 2))).shape, net.receptive
    ((50, 8), 29)
    """

    blocks: tuple[TemporalBlock, ...]
    activation: Callable[[Array], Array] = eqx.field(static=True)
    dropout: float = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        width: int,
        dilations: Sequence[int] = (1, 2, 4, 8),
        span: int = 3,
        activation: str | Callable[[Array], Array] = "relu",
        dropout: float = 0.0,
        *,
        key: Array,
    ):
        dilations = require("dilations", tuple(dilations), COUNT.or_several("block", least=1))
        self.activation, self.dropout = find_activation(activation), require("dropout", dropout, SHARE)
        start = default_initialiser(self.activation)
        sizes = (in_size, *(width,) * (len(dilations) - 1))
        keys = jr.split(key, len(dilations))
        self.blocks = tuple(
            TemporalBlock(size, width, span, d, start, k) for size, d, k in zip(sizes, dilations, keys, strict=True)
        )

    @property
    def receptive(self) -> int:
        """How many elements, the present one included, an output depends on: 1 + Σ (span - 1)·dilation."""
        return 1 + sum((c.span - 1) * c.dilation for block in self.blocks for c in block.convolutions)

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Evaluate; elements where `mask` (..., T) is False count as zero in every layer, as if before the first."""
        return self._read(x, mask, None)

    def training(self, x: Array, key: Array | None, mask: Array | None = None) -> tuple[Array, Any]:
        """The same with dropout."""
        return self._read(x, mask, key), no_buffers(self)

    def _read(self, x: Array, mask: Array | None, key: Array | None) -> Array:
        x = _there(x, mask)
        for i, block in enumerate(self.blocks):
            h = x
            for j, convolution in enumerate(block.convolutions):
                h = _there(self.activation(convolution(h)), mask)
                if key is not None and self.dropout > 0:
                    h = dropped(h, self.dropout, jr.fold_in(key, 2 * i + j))
            x = _there(self.activation(h + (x if block.bridge is None else block.bridge(x))), mask)
        return x


def _there(x: Array, mask: Array | None) -> Array:
    return x if mask is None else jnp.where(mask[..., None], x, 0)


class Convolution2D(AbstractStateless):
    """A convolution over images: (..., height, breadth, in_size) -> (..., height', breadth', out_size).

    Parameters
    ----------
    in_size : int
        Channels that come in.
    out_size : int
        Channels that go out.
    span : int
        Side of the square that an output sees.
    stride : int
        Pixels from one square to the next.
    padding : {"same", "valid"}
        Zeros around the image, so that its size stays (at stride one), or none.
    initialiser : callable
        ``initialiser(key, (span * span * in_size, out_size))`` gives the weights.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> Convolution2D(1, 4, key=jr.key(0))(jnp.ones((8, 8, 1))).shape
    (8, 8, 4)
    """

    weight: Array
    bias: Array
    stride: int = eqx.field(static=True)
    padding: str = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        span: int = 3,
        stride: int = 1,
        padding: Literal["same", "valid"] = "same",
        initialiser: Callable[..., Array] = lecun_normal,
        *,
        key: Array,
    ):
        whole("span", span)
        self.stride, self.padding = whole("stride", stride), one_of("padding", padding, ("same", "valid"))
        rows = span * span * whole("in_size", in_size)
        self.weight = initialiser(key, (rows, whole("out_size", out_size))).reshape(span, span, in_size, out_size)
        self.bias = jnp.zeros(out_size)

    def __call__(self, x: Array) -> Array:
        """The convolution (in the machine-learning sense: the kernel is not flipped)."""
        images = x.reshape(-1, *x.shape[-3:])
        y = jax.lax.conv_general_dilated(
            images,
            self.weight,
            (self.stride,) * 2,
            self.padding.upper(),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return y.reshape(*x.shape[:-3], *y.shape[1:]) + self.bias


def pooled(x: Array, by: int = 2, how: Literal["max", "mean"] = "max") -> Array:
    """Return one number per square of `by` × `by` pixels and channel; pixels that fill no square are left out.

    Examples
    --------
    >>> pooled(jnp.arange(16.0).reshape(4, 4, 1))[..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    one_of("how", how, ("max", "mean"))
    height, breadth = (n // whole("by", by) for n in x.shape[-3:-1])
    squares = x[..., : height * by, : breadth * by, :].reshape(*x.shape[:-3], height, by, breadth, by, x.shape[-1])
    return (jnp.max if how == "max" else jnp.mean)(squares, axis=(-4, -2))


class ConvNet(AbstractNet):
    """A convolutional net for images: convolutions with pooling, then a perceptron: (..., *shape) -> (..., out_size).

    Parameters
    ----------
    shape : tuple of int
        Height, breadth and channels of an image.
    out_size : int
        Outputs.
    channels : sequence of int
        Channels of the convolutions, each of which is followed by pooling over squares of 2 × 2.
    span : int
        Side of the square that a convolution sees.
    widths : sequence of int
        Hidden layers of the perceptron.
    activation : str or callable
        See `ceteris.nets.ACTIVATIONS`.
    pooling : {"max", "mean"}
        What is kept of a square.
    dropout : float
        Share of the perceptron's hidden units dropped in training.
    key : PRNG key
        For the weights.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner (1998), "Gradient-based learning applied to document recognition"; 001, on
    convolutional nets.

    Examples
    --------
    >>> net = ConvNet((8, 8, 1), 10, channels=(4, 8), key=jr.key(0))
    >>> net(jnp.ones((5, 8, 8, 1))).shape
    (5, 10)
    """

    convolutions: tuple[Convolution2D, ...]
    perceptron: MLP
    activation: Callable[[Array], Array] = eqx.field(static=True)
    pooling: Any = eqx.field(static=True)

    def __init__(
        self,
        shape: tuple[int, int, int],
        out_size: int,
        channels: Sequence[int] = (16, 32),
        span: int = 3,
        widths: Sequence[int] = (64,),
        activation: str | Callable[[Array], Array] = "relu",
        pooling: Literal["max", "mean"] = "max",
        dropout: float = 0.0,
        *,
        key: Array,
    ):
        height, breadth, colours = shape
        whole("the shorter side of shape", min(height, breadth), least=2 ** len(channels))
        self.activation, self.pooling = find_activation(activation), one_of("pooling", pooling, ("max", "mean"))
        last, *keys = jr.split(key, len(channels) + 1)
        start, sizes = default_initialiser(self.activation), (colours, *channels)
        self.convolutions = tuple(
            Convolution2D(sizes[i], sizes[i + 1], span, initialiser=start, key=k) for i, k in enumerate(keys)
        )
        flat = (height >> len(channels)) * (breadth >> len(channels)) * sizes[-1]
        self.perceptron = MLP(flat, out_size, widths, activation, dropout=dropout, key=last)

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        return self.perceptron(self._flat(x))

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate with dropout."""
        return self.perceptron.training(self._flat(x), key)[0], no_buffers(self)

    def _flat(self, x: Array) -> Array:
        for convolution in self.convolutions:
            x = pooled(self.activation(convolution(x)), 2, self.pooling)
        return x.reshape(*x.shape[:-3], -1)
