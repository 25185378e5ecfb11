"""The small parts of a transformer: affine maps, norms, positions, the feed-forward part."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.text.models.description import Description, RotaryRule

ACTIVATIONS = {
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "gelu_tanh": lambda z: jax.nn.gelu(z, approximate=True),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "none": lambda z: z,
}
SPREAD = 0.02  # standard deviation of first weights, as published models have it


class Affine(eqx.Module):
    """A map x W + b, or x W; weights start with standard deviation .02, constants at zero."""

    weight: Array  # (inputs, outputs)
    bias: Array | None  # (outputs,)

    def __init__(self, inputs: int, outputs: int, bias: bool, key: Array, shrunk: float = 1.0):
        self.weight = jr.normal(key, (inputs, outputs)) * SPREAD * shrunk
        self.bias = jnp.zeros(outputs) if bias else None

    def __call__(self, x: Array) -> Array:
        y = jnp.matmul(x, self.weight)
        return y if self.bias is None else y + self.bias


class Norm(eqx.Module):
    """Layer or root-mean-square normalisation; moments are taken in single precision whatever x has."""

    scale: Array
    shift: Array | None  # of layer normalisation, which also centres
    epsilon: float = eqx.field(static=True)

    def __init__(self, size: int, kind: str, epsilon: float):
        self.scale, self.epsilon = jnp.ones(size), epsilon
        self.shift = jnp.zeros(size) if kind == "layer" else None

    def __call__(self, x: Array) -> Array:
        z = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        if self.shift is not None:
            z = z - jnp.mean(z, -1, keepdims=True)
        z = z * jax.lax.rsqrt(jnp.mean(z * z, -1, keepdims=True) + self.epsilon)
        y = z.astype(x.dtype) * self.scale
        return y if self.shift is None else y + self.shift


class FeedForward(eqx.Module):
    """act(x U) D, or gated, (act(x G) * x U) D: each token by itself."""

    up: Affine
    gate: Affine | None
    down: Affine
    activation: str = eqx.field(static=True)

    def __init__(self, about: Description, units: int, key: Array):
        up, gate, down = jr.split(key, 3)
        bias = about.bias_perceptron
        self.up = Affine(about.width, units, bias, up)
        self.gate = Affine(about.width, units, bias, gate) if about.gated else None
        self.down = Affine(units, about.width, bias, down, shrunk(about))
        self.activation = about.activation

    def __call__(self, x: Array) -> Array:
        act = ACTIVATIONS[self.activation]
        return self.down(act(self.up(x)) if self.gate is None else act(self.gate(x)) * self.up(x))


def shrunk(about: Description) -> float:
    """What maps back into the sum of a deep pre-norm net are multiplied by at first, 1/√(2 depth): GPT-2's rule."""
    return (2 * about.depth) ** -0.5 if about.norm_first else 1.0


def less(x: Array, rate: float, key: Array | None, part: int) -> Array:
    """Drop a share of x in training: with a key, and a number that says which part of the net asks."""
    if key is None or rate == 0:
        return x
    kept = jr.bernoulli(jr.fold_in(key, part), 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0).astype(x.dtype)


# ----------------------------------------------------------------------------------------------------- rotations


def frequencies(rule: RotaryRule, size: int) -> np.ndarray:
    """Return radians per position of each pair of numbers: θ^(-2k/size), stretched by the rule, shape (size/2,).

    Examples
    --------
    >>> frequencies(RotaryRule(), 4)
    array([1.  , 0.01])
    """
    plain = rule.theta ** (-np.arange(0, size, 2) / size)
    if rule.scaling == "none":
        return plain
    if rule.scaling == "linear":
        return plain / rule.factor
    if rule.scaling == "llama3":
        turns = rule.original * plain / (2 * math.pi)  # within the length that was trained
        kept = np.clip((turns - rule.low) / (rule.high - rule.low), 0, 1)
    else:  # YaRN: a ramp over the pairs between two numbers of turns
        places = [
            size * math.log(rule.original / (turns * 2 * math.pi)) / (2 * math.log(rule.theta))
            for turns in (rule.fast, rule.slow)
        ]
        first, last = max(math.floor(places[0]), 0), min(math.ceil(places[1]), size - 1)
        kept = 1 - np.clip((np.arange(size // 2) - first) / max(last - first, 1e-3), 0, 1)
    return plain * kept + plain / rule.factor * (1 - kept)


def rotation(rule: RotaryRule, size: int, at: Array) -> tuple[Array, Array]:
    """Return cosines and sines of the angles at positions (..., T), shape (..., 1, T, pairs): heads come before T."""
    size = int(size * rule.share)
    angles = at[..., None].astype(jnp.float32) * jnp.asarray(frequencies(rule, size), jnp.float32)
    angles = jnp.expand_dims(angles, -3)
    return jnp.cos(angles) * rule.multiplier, jnp.sin(angles) * rule.multiplier


def turned(x: Array, cos: Array, sin: Array, interleaved: bool) -> Array:
    """Turn pairs of numbers of x, shape (..., T, size); numbers beyond the pairs stay."""
    pairs = cos.shape[-1]
    part, rest = x[..., : 2 * pairs].astype(cos.dtype), x[..., 2 * pairs :]
    if interleaved:
        a, b = part[..., 0::2], part[..., 1::2]
        y = jnp.stack([a * cos - b * sin, b * cos + a * sin], axis=-1).reshape(part.shape)
    else:
        a, b = part[..., :pairs], part[..., pairs:]
        y = jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)
    y = y.astype(x.dtype)
    return jnp.concatenate([y, rest], axis=-1) if rest.shape[-1] else y


# ------------------------------------------------------------------------------------- T5's biases of distances


def buckets(distance: Any, count: int, far: int, both_ways: bool) -> Array:
    """Return the bucket of each distance key - query: near ones exactly, far ones by their logarithm.

    Examples
    --------
    >>> buckets(jnp.array([0, -1, -5, -100, 3]), count=8, far=20, both_ways=False)
    Array([0, 1, 4, 7, 0], dtype=int32)
    """
    start = 0
    if both_ways:
        count //= 2
        start, back = jnp.where(distance > 0, count, 0), jnp.abs(distance)
    else:
        back = jnp.maximum(-distance, 0)
    exact = count // 2
    ratio = jnp.log(jnp.maximum(back, 1).astype(jnp.float32) / exact) / math.log(far / exact)
    distant = jnp.minimum(exact + (ratio * (count - exact)).astype(jnp.int32), count - 1)
    return start + jnp.where(back < exact, back, distant)
