"""The multivariate normal as part of a net: what is not seen, given what is.

The systems Σ_ss w = b, another one for each row, are solved side by side by conjugate gradients, which need products
with Σ only.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from ceteris.nets.net import AbstractConstants

STEPS = 12  # of conjugate gradients; exact where there are fewer columns


class Gaussian(AbstractConstants):
    """Mean (d,) and covariance (d, d) of standardised columns."""

    mean: Array
    covariance: Array


def expected(model: Gaussian, x: Array, seen: Array) -> Array:
    """Fill what is not seen with its expectation given what is, (rows, d)."""
    gap = jnp.where(seen, x - model.mean, 0.0)
    filled = model.mean + solve_seen(model.covariance, gap, seen) @ model.covariance
    return jnp.where(seen, x, filled)


def solve_seen(covariance: Array, b: Array, seen: Array) -> Array:
    """Solve Σ_ss w = b_s in every row, w zero where nothing is seen; conjugate gradients."""

    def step(_, carry):
        w, r, p, rr = carry
        Ap = jnp.where(seen, p @ covariance, 0.0)
        alpha = rr / jnp.maximum((p * Ap).sum(1), 1e-20)
        w, r = w + alpha[:, None] * p, r - alpha[:, None] * Ap
        new = (r * r).sum(1)
        return w, r, r + (new / jnp.maximum(rr, 1e-20))[:, None] * p, new

    start = jnp.zeros_like(b), b, b, (b * b).sum(1)
    return jax.lax.fori_loop(0, min(b.shape[1], STEPS), step, start)[0]
