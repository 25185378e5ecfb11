"""Equilibrium conditions as unit-free residuals: Euler equations and complementarity.

Complementarity, 0 ≤ x ⊥ g ≥ 0, says that a bound binds (x = 0) or its condition holds (g = 0). Four forms:

``fischer-burmeister``  x + g - √(x² + g² + ε²), zero exactly where the condition holds (Fischer 1992); smooth.
``min``                 min(x, g): the same zeros, one-sided derivatives.
``product``             x g: the form of Azinovic, Gaegauf and Scheidegger (2022). Needs x ≥ 0 and g ≥ 0 from elsewhere,
                        and is flat where both are small, so that bounds leak.
``switch``              for x = `floored` (raw): g where x > 0, min(g, 0) where x = 0. The bound then binds exactly.
"""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

Form = Literal["fischer-burmeister", "min", "product", "switch"]
FORMS = ("fischer-burmeister", "min", "product", "switch")


def complementarity(x: Array, g: Array, form: Form = "fischer-burmeister", smooth: float = 0.0) -> Array:
    """The residual of 0 ≤ x ⊥ g ≥ 0; give both as shares of something, so that they compare.

    Parameters
    ----------
    x, g : Array
        The distance from the bound, and the slack of its condition.
    form : {"fischer-burmeister", "min", "product", "switch"}
    smooth : float
        ε of the Fischer-Burmeister form; 0 binds exactly.

    Examples
    --------
    >>> float(complementarity(jnp.array(0.0), jnp.array(0.3))), float(complementarity(jnp.array(0.2), jnp.array(0.0)))
    (0.0, 0.0)
    >>> round(float(complementarity(jnp.array(-0.1), jnp.array(0.3), "min")), 3)
    -0.1
    """
    if form not in FORMS:
        raise ValueError(f"complementarity: form is {form!r}, but must be one of {', '.join(FORMS)}.")
    if form == "min":
        return jnp.minimum(x, g)
    if form == "product":
        return x * g
    if form == "switch":
        return jnp.where(x > 0, g, jnp.minimum(g, 0.0))
    # x + g - √(x²+g²) loses every digit where x or g is small: multiply and divide by the sum instead; the floor
    # under the root keeps its derivative finite at the origin
    root = jnp.sqrt(x**2 + g**2 + smooth**2 + jnp.finfo(jnp.result_type(x, g)).tiny)
    both = (x >= 0) & (g >= 0)
    safe = jnp.where(both, x + g + root, 1.0)
    return jnp.where(both, (2 * x * g - smooth**2) / safe, x + g - root)


@jax.custom_jvp
def floored(raw: Array) -> Array:
    """max(raw, 0) with derivative 1 everywhere: a choice held at its bound still learns when to leave it."""
    return jnp.maximum(raw, 0.0)


@floored.defjvp
def _floored_jvp(primals, tangents):
    return floored(*primals), tangents[0]


def signed(raw: Array, scale: float | Array = 1.0) -> tuple[Array, Array]:
    """A choice and the multiplier of its bound from one number: x = max(raw, 0), λ = scale max(-raw, 0).

    Complementarity then holds by construction, and the first-order condition with λ inside is an equation
    everywhere.

    Examples
    --------
    >>> x, multiplier = signed(jnp.array([0.5, -0.2]))
    >>> [round(float(v), 2) for v in (*x, *multiplier)]
    [0.5, 0.0, 0.0, 0.2]
    """
    return jnp.maximum(raw, 0.0), scale * jnp.maximum(-raw, 0.0)


def euler(consumption: Array | float, required: Array) -> Array:
    """The relative Euler error c_required / c - 1: what share of consumption the household gets wrong (Judd 1992)."""
    return required / consumption - 1.0
