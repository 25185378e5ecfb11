"""Where an element stands in its sequence, for nets that are blind to order: codes that are added, and rotations."""

from __future__ import annotations

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import whole
from ceteris.nets.net import AbstractStateless

BASE = 10_000.0  # Vaswani et al.'s: wavelengths run from 2π to 2π times this


def angles(at: Array, width: int) -> Array:
    """Return t / 10000^(2k/width), shape (..., width / 2), at positions t of shape (...)."""
    return jnp.asarray(at, float)[..., None] / BASE ** (2 * jnp.arange((width + 1) // 2) / width)


def sinusoidal(at: Array, width: int) -> Array:
    """Return sines and cosines of falling frequency, taking turns: the positional code of Vaswani et al. (2017).

    Parameters
    ----------
    at : array, shape (...)
        Positions, counted from zero.
    width : int
        Numbers in a code.

    Returns
    -------
    array, shape (..., width)

    Examples
    --------
    >>> sinusoidal(jnp.arange(2), 4).round(4)
    Array([[0.    , 1.    , 0.    , 1.    ],
           [0.8415, 0.5403, 0.01  , 1.    ]], dtype=float32)
    """
    turns = angles(at, width)
    return jnp.stack([jnp.sin(turns), jnp.cos(turns)], axis=-1).reshape(*turns.shape[:-1], -1)[..., :width]


def rotary(x: Array, at: Array) -> Array:
    """Turn neighbouring pairs of numbers by angles that grow with the position (Su et al. 2021).

    A product of a turned query and a turned key depends on how far apart they stand, not on where.

    Parameters
    ----------
    x : array, shape (..., n, width)
        Queries or keys; `width` is even.
    at : array, shape (n,)
        Their positions.

    Examples
    --------
    >>> q, k = jr.normal(jr.key(0), (2, 1, 4))
    >>> here = rotary(q, jnp.array([5])) @ rotary(k, jnp.array([3])).T
    >>> there = rotary(q, jnp.array([9])) @ rotary(k, jnp.array([7])).T
    >>> bool(jnp.allclose(here, there, atol=1e-5))
    True
    """
    turns = angles(at, x.shape[-1]).astype(x.dtype)
    cos, sin = jnp.cos(turns), jnp.sin(turns)
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


class Embedding(AbstractStateless):
    """One vector per code, learnt: words, letters, calendar months, or positions.

    Parameters
    ----------
    count : int
        Codes, 0 to count - 1.
    width : int
        Numbers in a vector.
    key : PRNG key
        For the first vectors, normal with standard deviation ``width ** -0.5``.

    Examples
    --------
    >>> Embedding(5, 3, key=jr.key(0))(jnp.array([[0, 4]])).shape
    (1, 2, 3)
    """

    vectors: Array

    def __init__(self, count: int, width: int, *, key: Array):
        self.vectors = jr.normal(key, (whole("count", count), whole("width", width))) * width**-0.5

    def __call__(self, x: Array) -> Array:
        """The vectors of codes of shape (...): (..., width)."""
        return self.vectors[x]
