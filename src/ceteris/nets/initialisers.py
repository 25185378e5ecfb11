"""Random starting weights that neither blow up nor die out with depth.

With independent centred weights of variance v and zero biases, z = Wᵀa has E[z²] = n_in v E[a²]: the second
moment of the pre-activations is kept from layer to layer when v = 1 / (n_in κ), with κ = E[g(z)²] / E[z²].
For the identity (and tanh near zero) κ = 1, for ReLU κ = 1/2 exactly, since half of a symmetric z survives.
The deep-learning script (section 1.7) gives these rules; three remarks on it and on the lecture notes:

- For ReLU the script calls the factor 2 an approximation, because the *variance* of the activations is below
  their second moment (by 32 % for a normal z). What the next layer receives is E[a²], so for E[z²] the factor
  is exact.
- Glorot's rule is a compromise between the forward and the backward pass; it keeps the forward variance only
  where n_in = n_out.
- The notes call N(0, 1/k) with k inputs "Xavier"; that is LeCun's rule. Xavier Glorot's averages n_in and n_out.

Weights have shape (n_in, n_out).

References
----------
LeCun et al. (1998); Glorot & Bengio (2010); Saxe et al. (2014); He et al. (2015).
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jax.nn.initializers import orthogonal as _orthogonal
from jax.nn.initializers import variance_scaling

from ceteris.arguments import choose
from ceteris.nets import activations

Initialiser = Callable[[Array, tuple[int, ...]], Array]


def glorot_uniform(key: Array, shape: tuple[int, ...]) -> Array:
    """Uniform on ±√(6 / (n_in + n_out))."""
    return variance_scaling(1.0, "fan_avg", "uniform")(key, shape)


def glorot_normal(key: Array, shape: tuple[int, ...]) -> Array:
    """N(0, 2 / (n_in + n_out))."""
    return variance_scaling(1.0, "fan_avg", "normal")(key, shape)


def he_uniform(key: Array, shape: tuple[int, ...]) -> Array:
    """Uniform on ±√(6 / n_in)."""
    return variance_scaling(2.0, "fan_in", "uniform")(key, shape)


def he_normal(key: Array, shape: tuple[int, ...]) -> Array:
    """N(0, 2 / n_in)."""
    return variance_scaling(2.0, "fan_in", "normal")(key, shape)


def lecun_normal(key: Array, shape: tuple[int, ...]) -> Array:
    """N(0, 1 / n_in)."""
    return variance_scaling(1.0, "fan_in", "normal")(key, shape)


def orthogonal(key: Array, shape: tuple[int, ...]) -> Array:
    """Orthonormal rows or columns, whichever are fewer, uniformly distributed."""
    return _orthogonal()(key, shape)


def zeros(key: Array, shape: tuple[int, ...]) -> Array:
    """Zeros: for biases. As hidden weights they leave every unit the same for ever."""
    return jnp.zeros(shape)


INITIALISERS = {
    f.__name__: f for f in (glorot_uniform, glorot_normal, he_normal, he_uniform, lecun_normal, orthogonal, zeros)
}

# At E[z²] = 1, κ is 0.36 to 0.51 for the first five, so that of the rules He's 2 / n_in comes nearest to
# 1 / (n_in κ). ELU (κ = 0.64) lies between He and LeCun: over 20 layers He gains a factor 12, LeCun loses 60.
_HE = (
    activations.relu,
    activations.leaky_relu,
    activations.swish,
    activations.gelu,
    activations.mish,
    activations.elu,
)
_GLOROT = (activations.tanh, activations.sigmoid)


def default_initialiser(activation: str | Callable[[Array], Array]) -> Initialiser:
    """The rule that suits an activation: He for the ReLU family, Glorot if it saturates, else LeCun.

    Examples
    --------
    >>> default_initialiser("tanh").__name__, default_initialiser("swish").__name__
    ('glorot_uniform', 'he_normal')
    """
    g = activations.activation(activation)
    if g in _HE:
        return he_normal
    return glorot_uniform if g in _GLOROT else lecun_normal


def initialiser(name: str | Initialiser) -> Initialiser:
    """The initialiser called `name`; a function ``(key, shape) -> Array`` is returned as it is.

    Examples
    --------
    >>> initialiser("zeros").__name__
    'zeros'
    """
    return name if callable(name) else choose("initialiser", name, INITIALISERS)
