"""Penalties on weight matrices: never on biases, on a normalisation's scale and shift, or on constants.

The script (section 1.10) adds λ/2 ‖θ‖² with every parameter in θ; leaving out biases and scales is the usual
refinement, since shrinking them moves the fit without making it simpler. The lecture notes write the decay as
λ‖E[W]‖₂; the sum of *squared* weights is meant, and there is no expectation in it.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array


def weight_matrices(net: Any) -> Any:
    """Which leaves of `net` are weight matrices: a boolean pytree, also for a mask of decoupled weight decay.

    They are the floating-point arrays called ``weight`` with two or more axes.

    Examples
    --------
    >>> from ceteris.nets import MLP
    >>> mask = weight_matrices(MLP(2, 1, widths=(3,), key=jax.random.key(0)))
    >>> mask.output.weight, mask.output.bias
    (True, False)
    """

    def mark(path: tuple[Any, ...], leaf: Any) -> bool:
        named = bool(path) and getattr(path[-1], "name", None) == "weight"
        return named and eqx.is_inexact_array(leaf) and leaf.ndim >= 2

    return jax.tree_util.tree_map_with_path(mark, net)


def _matrices(net: Any) -> list[Array]:
    return jax.tree.leaves(eqx.filter(net, weight_matrices(net)))


def l1(net: Any, rate: float) -> Array:
    """λ Σ |W|, which sets weights to zero (lasso)."""
    return rate * sum((jnp.sum(jnp.abs(w)) for w in _matrices(net)), jnp.zeros(()))


def l2(net: Any, rate: float) -> Array:
    """λ/2 Σ W², whose gradient is λW (ridge; Krogh & Hertz, 1991)."""
    return rate / 2 * sum((jnp.sum(w**2) for w in _matrices(net)), jnp.zeros(()))


def elastic_net(net: Any, rate: float, mix: float = 0.5) -> Array:
    """λ (m Σ |W| + (1 - m)/2 Σ W²) with the share m = `mix` of the first (Zou & Hastie, 2005)."""
    return l1(net, rate * mix) + l2(net, rate * (1 - mix))
