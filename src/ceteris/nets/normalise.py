"""Normalisation: subtract a mean, divide by a spread, then scale and shift by what is learned.

All of them compute ẑ = (z - μ) / √(σ² + ε) and y = γẑ + β (script, section 1.9). They differ in the axes over
which μ and σ² are pooled. The last axis holds the features (channels):

=============  =======================  ===================================================================
BatchNorm      (..., features)          every axis but the last: one μ per feature, across the batch
LayerNorm      (..., features)          the last: one μ per row
RMSNorm        (..., features)          the last, and μ = 0
GroupNorm      (..., *space, channels)  the spatial axes and the channels of a group: one μ per row and group
InstanceNorm   (..., *space, channels)  the spatial axes: one μ per row and channel
=============  =======================  ===================================================================
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from ceteris.arguments import choose, number
from ceteris.nets.net import AbstractConstants, AbstractNet, AbstractStateless, no_buffers, with_buffers

EPSILON = 1e-5


def _standardised(z: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """(z - μ) / √(σ² + ε) with moments pooled over `axes`."""
    deviation = z - jnp.mean(z, axes, keepdims=True)
    return deviation / jnp.sqrt(jnp.mean(deviation**2, axes, keepdims=True) + epsilon)


class Moments(AbstractConstants):
    """Running mean and variance of each feature, and how many batches they rest on."""

    mean: Array
    variance: Array
    batches: Array


def _updated(running: Moments, z: Array, momentum: float) -> Moments:
    """Running moments after one more batch z of shape (rows, features).

    The first batches are averaged plainly: were they blended into the starting values (0, 1), those would
    still dominate after a short fit. The variance is the unbiased one, as in Ioffe & Szegedy (2015).
    """
    z = jax.lax.stop_gradient(z)
    batches = running.batches + 1
    share = jnp.maximum(1 - momentum, 1 / batches).astype(running.mean.dtype)
    mean = running.mean + share * (jnp.mean(z, 0) - running.mean)
    variance = running.variance + share * (jnp.var(z, 0, ddof=1) - running.variance)
    return Moments(mean, variance, batches)


class BatchNorm(AbstractNet):
    """Batch normalisation: moments of each feature across the batch.

    Training uses the batch's own moments and updates the running ones; evaluation uses the running ones and
    is deterministic. A training batch of one row has no spread, so it is normalised by the running moments
    and leaves them as they are.

    Parameters
    ----------
    size : int
        Number of features.
    momentum : float
        Weight of the past in the running moments, in [0, 1).
    epsilon : float
        Added to the variance.

    References
    ----------
    Ioffe & Szegedy (2015).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> norm = BatchNorm(1)
    >>> y, buffers = norm.training(jnp.array([[1.0], [3.0]]), None)
    >>> float(eqx.combine(buffers, norm).running.mean[0])
    2.0
    """

    scale: Array
    shift: Array
    running: Moments
    momentum: float = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(self, size: int, momentum: float = 0.9, epsilon: float = EPSILON):
        number("momentum", momentum, such_as=0.9, least=0, below=1)
        self.scale, self.shift = jnp.ones(size), jnp.zeros(size)
        self.running = Moments(jnp.zeros(size), jnp.ones(size), jnp.zeros((), int))
        self.momentum, self.epsilon = momentum, epsilon

    def __call__(self, x: Array) -> Array:
        """Normalise by the running moments."""
        factor = self.scale / jnp.sqrt(self.running.variance + self.epsilon)
        return (x - self.running.mean) * factor + self.shift

    def training(self, x: Array, key: Array | None) -> tuple[Array, Any]:
        """Normalise by the batch's moments, pooled over every axis but the last."""
        rows = x.reshape(-1, x.shape[-1])
        if rows.shape[0] == 1:
            return self(x), no_buffers(self)
        y = _standardised(rows, (0,), self.epsilon) * self.scale + self.shift
        running = _updated(self.running, rows, self.momentum)
        return y.reshape(x.shape), with_buffers(self, lambda norm: norm.running, running)


class LayerNorm(AbstractStateless):
    """Layer normalisation: moments of each row across its features (Ba, Kiros & Hinton, 2016)."""

    scale: Array
    shift: Array
    epsilon: float = eqx.field(static=True)

    def __init__(self, size: int, epsilon: float = EPSILON):
        self.scale, self.shift, self.epsilon = jnp.ones(size), jnp.zeros(size), epsilon

    def __call__(self, x: Array) -> Array:
        """Normalise over the last axis."""
        return _standardised(x, (-1,), self.epsilon) * self.scale + self.shift


class RMSNorm(AbstractStateless):
    """Root-mean-square normalisation: no centring and no shift (Zhang & Sennrich, 2019)."""

    scale: Array
    epsilon: float = eqx.field(static=True)

    def __init__(self, size: int, epsilon: float = EPSILON):
        self.scale, self.epsilon = jnp.ones(size), epsilon

    def __call__(self, x: Array) -> Array:
        """Divide each row by the root of its mean square."""
        return x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + self.epsilon) * self.scale


class GroupNorm(AbstractStateless):
    """Group normalisation: moments of each row across the spatial axes and the channels of one group.

    Parameters
    ----------
    size : int
        Number of channels.
    groups : int
        Number of groups; divides `size`.
    spatial : int
        Number of axes just before the channels that belong to one row: 1 for (..., length, channels), 2 for
        images, 0 for plain feature vectors (..., channels), whose leading axes are then all batch axes.
    epsilon : float
        Added to the variance.

    References
    ----------
    Wu & He (2018).

    Examples
    --------
    >>> GroupNorm(4, groups=2, spatial=0, epsilon=0.0)(jnp.array([1.0, 3.0, 10.0, 30.0])).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    scale: Array
    shift: Array
    groups: int = eqx.field(static=True)
    spatial: int = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(self, size: int, groups: int = 8, spatial: int = 1, epsilon: float = EPSILON):
        if groups < 1 or size % groups:
            raise ValueError(f"groups is {groups!r}, but must be a divisor of the {size} channels; give one.")
        if spatial == 0 and size == groups:
            raise ValueError(
                f"groups is {groups!r}, but one channel each leaves nothing to pool over in plain feature vectors; use "
                "fewer."
            )
        self.scale, self.shift = jnp.ones(size), jnp.zeros(size)
        self.groups, self.spatial, self.epsilon = groups, spatial, epsilon

    def __call__(self, x: Array) -> Array:
        """Normalise over the spatial axes and within groups of channels."""
        _check_axes("GroupNorm", x, self.spatial)
        grouped = x.reshape(*x.shape[:-1], self.groups, -1)
        axes = (-1, *range(-2 - self.spatial, -2))
        return _standardised(grouped, axes, self.epsilon).reshape(x.shape) * self.scale + self.shift


class InstanceNorm(AbstractStateless):
    """Instance normalisation: moments of each row and channel across the spatial axes.

    Parameters
    ----------
    size : int
        Number of channels.
    spatial : int
        Number of axes just before the channels that belong to one row, at least 1: (..., length, channels)
        has 1, images have 2. Plain feature vectors have none, so there is nothing to pool over.
    epsilon : float
        Added to the variance.

    References
    ----------
    Ulyanov, Vedaldi & Lempitsky (2016).
    """

    scale: Array
    shift: Array
    spatial: int = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(self, size: int, spatial: int = 1, epsilon: float = EPSILON):
        if spatial < 1:
            raise ValueError(
                f"spatial is {spatial!r}, but that leaves InstanceNorm nothing to pool over; use LayerNorm for plain "
                "feature vectors."
            )
        self.scale, self.shift = jnp.ones(size), jnp.zeros(size)
        self.spatial, self.epsilon = spatial, epsilon

    def __call__(self, x: Array) -> Array:
        """Normalise over the spatial axes."""
        _check_axes("InstanceNorm", x, self.spatial)
        axes = tuple(range(-1 - self.spatial, -1))
        return _standardised(x, axes, self.epsilon) * self.scale + self.shift


def _check_axes(name: str, x: Array, spatial: int) -> None:
    if x.ndim <= spatial:
        raise ValueError(
            f"x of shape {x.shape} has too few axes for {name} with spatial={spatial}: it needs {spatial} "
            "spatial axes before the channels."
        )


def _grouped(size: int) -> GroupNorm:
    return GroupNorm(size, spatial=0)


NORMALISATIONS = {"batch": BatchNorm, "layer": LayerNorm, "group": _grouped, "rms": RMSNorm}


def normalisation(name: str | None, size: int) -> AbstractNet | None:
    """The normalisation of plain feature vectors called `name`, or None.

    Instance normalisation is not among them: a feature vector has no spatial axis.

    Examples
    --------
    >>> type(normalisation("layer", 4)).__name__
    'LayerNorm'
    """
    return None if name is None else choose("normalise", name, NORMALISATIONS)(size)
