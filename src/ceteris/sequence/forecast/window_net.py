"""Nets that read a window of a series and say what comes next, all horizons at once."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets import MLP, AbstractNet, Dense, with_buffers, zeros
from ceteris.nets.convolution import TemporalNet
from ceteris.nets.recurrent import Recurrent
from ceteris.nets.transformer import Transformer

NETS = {
    "linear": "a linear map of the window",
    "mlp": "a perceptron of the window",
    "nhits": "perceptrons of the window at several resolutions, each of which explains what the others left",
    "lstm": "an LSTM over the window",
    "gru": "a GRU over the window",
    "tcn": "causal, dilated convolutions over the window",
    "transformer": "causal attention over the window",
}
POOLS = (8, 4, 1)  # resolutions of "nhits"


class WindowNet(AbstractNet):
    """A linear map of all inputs plus a net of the window, both zero at first: (..., inputs) -> (..., outputs).

    Parameters
    ----------
    sizes : (int, int, int)
        Length of the window, channels of it, other inputs.
    outputs : int
    kind : str
        One of `NETS`.
    width : int
        Units of a layer.
    depth : int
        Layers.
    dropout : float
    key : PRNG key
    """

    linear: Dense
    body: Any
    last: Dense | None
    sizes: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        sizes: tuple[int, int, int],
        outputs: int,
        kind: str,
        width: int,
        depth: int,
        dropout: float,
        *,
        key: Array,
    ) -> None:
        length, channels, others = sizes
        inputs = length * channels + others
        one, two = jr.split(key)
        self.sizes = sizes
        self.linear = Dense(inputs, outputs, zeros, key=one)
        self.body, features = _body(sizes, kind, width, depth, dropout, two)
        self.last = None if self.body is None else Dense(features + others, outputs, zeros, key=one)

    def __call__(self, x: Array) -> Array:
        """Evaluate."""
        if self.body is None or self.last is None:
            return self.linear(x)
        return self.linear(x) + self.last(jnp.concatenate([_read(self.body(self._of(x))), self._others(x)], -1))

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate as in training."""
        if self.body is None or self.last is None:
            return self(x), with_buffers(self, lambda net: net.linear, None)
        features, buffers = self.body.training(self._of(x), key)
        y = self.linear(x) + self.last(jnp.concatenate([_read(features), self._others(x)], -1))
        return y, with_buffers(self, lambda net: net.body, buffers)

    def _of(self, x: Array) -> Array:
        """What the net of the window reads: the window by time, or all inputs for a perceptron."""
        length, channels, _ = self.sizes
        if isinstance(self.body, MLP):
            return x
        return x[..., : length * channels].reshape(*x.shape[:-1], length, channels)

    def _others(self, x: Array) -> Array:
        length, channels, _ = self.sizes
        return x[..., length * channels :]


def _read(features: Array) -> Array:
    """The state after the last time; a net without times has only one."""
    return features[..., -1, :] if features.ndim == 3 else features


def _body(
    sizes: tuple[int, int, int], kind: str, width: int, depth: int, dropout: float, key: Array
) -> tuple[Any, int]:
    length, channels, others = sizes
    if kind == "linear":
        return None, 0
    if kind == "mlp":
        return MLP(length * channels + others, width, (width,) * depth, dropout=dropout, key=key), width
    if kind == "nhits":
        return Resolutions(length, channels, width, depth, key=key), len(POOLS) * width
    if kind in ("lstm", "gru"):
        return Recurrent(channels, width, kind, depth=depth, dropout=dropout, key=key), width  # pyright: ignore[reportArgumentType]
    if kind == "tcn":
        dilations = [2**k for k in range(max(1, (length // 4).bit_length()))]
        return TemporalNet(channels, width, dilations, dropout=dropout, key=key), width
    return Transformer(channels, width, depth=depth, causal=True, dropout=dropout, key=key), width


class Resolutions(AbstractNet):
    """Perceptrons of a window averaged over 8, 4 and 1 steps; each takes away what it explains of it before the next.

    After N-HiTS (Challu, C. et al., 2023. N-HiTS: neural hierarchical interpolation for time series forecasting. AAAI
    37), without its interpolation of the forecast.
    """

    parts: tuple[MLP, ...]
    backcasts: tuple[Dense, ...]
    pools: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, length: int, channels: int, width: int, depth: int, *, key: Array) -> None:
        self.pools = POOLS
        keys = jr.split(key, 2 * len(POOLS))
        self.parts = tuple(
            MLP(-(-length // pool) * channels, width, (width,) * depth, key=k)
            for pool, k in zip(POOLS, keys, strict=False)
        )
        self.backcasts = tuple(Dense(width, length * channels, zeros, key=k) for k in keys[len(POOLS) :])

    def __call__(self, x: Array) -> Array:
        """From (rows, length, channels) to the features of all resolutions, (rows, features)."""
        found = []
        for pool, part, back in zip(self.pools, self.parts, self.backcasts, strict=True):
            feature = part(_averaged(x, pool))
            x = x - back(feature).reshape(x.shape)
            found.append(feature)
        return jnp.concatenate(found, -1)

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Evaluate; nothing is random here."""
        from ceteris.nets import no_buffers

        return self(x), no_buffers(self)


def _averaged(x: Array, pool: int) -> Array:
    """Means over so many steps, counted from the last one back, flat."""
    short = -x.shape[-2] % pool
    x = jnp.concatenate([jnp.repeat(x[..., :1, :], short, axis=-2), x], axis=-2)
    shape = (*x.shape[:-2], x.shape[-2] // pool, pool, x.shape[-1])
    return x.reshape(shape).mean(-2).reshape(*x.shape[:-2], -1)


def window_net(
    sizes: tuple[int, int, int], outputs: int, options: tuple[tuple[str, Any], ...], *, key: Array
) -> WindowNet:
    """Return a net; ``options`` are those of `WindowNet`, as pairs."""
    return WindowNet(sizes, outputs, **dict(options), key=key)
