"""The nine activations of Table 1.2, and the identity.

Formulas, ranges and smoothness follow Table 1.2 of the deep-learning script (section 1.8), where the papers of
origin are named. Three remarks on it. The lower end of ELU's range is never attained: it is (-α, ∞). The GELU
meant by "z Φ(z)" is the exact one, which is ours; GPT-2 uses a tanh approximation that differs by up to 5e-4.
A kink (ReLU, leaky ReLU) makes second derivatives vanish almost everywhere, so differential equations of
second order need one of the smooth functions.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from ceteris.arguments import choose


def identity(z: Array) -> Array:
    """The input z itself."""
    return z


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), in (0, 1); C∞; saturates on both sides."""
    return jax.nn.sigmoid(z)


def tanh(z: Array) -> Array:
    """Hyperbolic tangent, in (-1, 1); C∞; centred at zero; saturates on both sides."""
    return jnp.tanh(z)


def relu(z: Array) -> Array:
    """max(0, z), in [0, ∞); kinked at zero, where its derivative is taken to be 0."""
    return jax.nn.relu(z)


def leaky_relu(z: Array, alpha: float = 0.1) -> Array:
    """max(αz, z), onto the real line; kinked at zero; no unit ever dies."""
    return jax.nn.leaky_relu(z, alpha)


def elu(z: Array, alpha: float = 1.0) -> Array:
    """Equal to z if z > 0, else α(exp(z) - 1), in (-α, ∞); C¹ for α = 1, otherwise kinked at zero."""
    return jax.nn.elu(z, alpha)


def swish(z: Array) -> Array:
    """Product z σ(z), in [-0.278, ∞); C∞; not monotone; its derivative lies in [-0.0998, 1.0998]."""
    return jax.nn.swish(z)


def gelu(z: Array) -> Array:
    """Product z Φ(z) with the exact normal distribution function, in [-0.170, ∞); C∞; not monotone."""
    return jax.nn.gelu(z, approximate=False)


def mish(z: Array) -> Array:
    """Product z tanh(ln(1 + exp(z))), in [-0.309, ∞); C∞; not monotone."""
    return jax.nn.mish(z)


def softplus(z: Array) -> Array:
    """ln(1 + exp(z)), in (0, ∞); C∞; a smooth ReLU."""
    return jax.nn.softplus(z)


ACTIVATIONS = {g.__name__: g for g in (sigmoid, tanh, relu, leaky_relu, elu, swish, gelu, mish, softplus, identity)}


def activation(g: str | Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The activation called `g`; a function is returned as it is.

    Examples
    --------
    >>> float(activation("relu")(-2.0))
    0.0
    """
    return g if callable(g) else choose("activation", g, ACTIVATIONS)
