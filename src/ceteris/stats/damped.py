"""Damped linear systems, and the rule by which a damping adapts.

For n residuals r with Jacobian J, damping μ and ridge ρ, a direction solves

    (JᵀJ/n + λI) δ = -(Jᵀu/n + ρt),   λ = μ + ρ,

with u = r and t = θ for the step of Levenberg and Marquardt; other directions have other right-hand sides. With fewer
residuals than weights the same δ comes from an n × n system (the dual or Gram form):

    δ = -Jᵀv - (ρ/λ)t,   (JJᵀ/n + λI) v = (u - (ρ/λ)Jt)/n.

Each form is a function of the damping that returns ``solve(u, t)``, so that a system is factorised once for all its
right-hand sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

Solve = Callable[[Array, Array], Array]
TRIALS = (0.1, 0.5, 2.0, 10.0)


def factorised(A: Float[Array, "m m"], shift: Any) -> Callable[[Array], Array]:
    """Return x(b) with (A + shift I) x = b, for a symmetric matrix; NaN where that is not positive definite."""
    factor = jax.scipy.linalg.cho_factor(A + shift * jnp.eye(len(A), dtype=A.dtype))
    return lambda b: jax.scipy.linalg.cho_solve(factor, b)


def primal_form(J: Float[Array, "residuals weights"], ridge: Any) -> Callable[[Any], Solve]:
    """Return ``solve`` for each relative damping, from the weights × weights system."""
    n = len(J)
    A = J.T @ J / n
    scale = mean_eigenvalue(jnp.trace(A), J.shape)

    def system(damping):
        inverse = factorised(A, damping * scale + ridge)
        return lambda u, t: -inverse(J.T @ u / n + ridge * t)

    return system


def dual_form(J: Float[Array, "residuals weights"], ridge: Any) -> Callable[[Any], Solve]:
    """Return the same from the residuals × residuals system."""
    n = len(J)
    K = J @ J.T / n
    scale = mean_eigenvalue(jnp.trace(K), J.shape)

    def system(damping):
        mu = damping * scale + ridge
        inverse = factorised(K, mu)
        return lambda u, t: -(inverse(u - ridge / mu * (J @ t)) / n) @ J - ridge / mu * t

    return system


def matrix_free(residuals: Callable[..., Array], theta: Array, ridge: Any, cg_steps: int) -> Callable[[Any], Solve]:
    """Return approximately the same by conjugate gradients on products with J and Jᵀ, which is never formed."""
    r, forward = jax.linearize(residuals, theta)
    n = r.size
    backward = lambda u: jax.linear_transpose(forward, theta)(u)[0]
    # Hutchinson: E‖Jᵀz‖² = trace(JJᵀ) for random signs z; it is only a scale, so one fixed probe will do
    probe = jr.rademacher(jr.key(0), (n,), theta.dtype)
    scale = mean_eigenvalue(jnp.sum(backward(probe) ** 2) / n, (n, theta.size))

    def system(damping):
        matrix = lambda x: backward(forward(x)) / n + (damping * scale + ridge) * x
        return lambda u, t: -jax.scipy.sparse.linalg.cg(matrix, backward(u) / n + ridge * t, maxiter=cg_steps)[0]

    return system


def mean_eigenvalue(trace: Array, shape: tuple[int, ...]) -> Array:
    """Return the mean of the eigenvalues of JᵀJ that can differ from zero: what dampings are relative to."""
    return trace / min(shape) + jnp.finfo(trace.dtype).tiny


def bend(residuals: Callable[[Array], Array], theta: Array, velocity: Array) -> Array:
    """Return the second derivative of the residuals along a direction."""
    slope = lambda theta: jax.jvp(residuals, (theta,), (velocity,))[1]
    return jax.jvp(slope, (theta,), (velocity,))[1]


def best_trial(
    loss: Callable[[Array], Array], theta: Array, before: Any, steps: Array, damping: Any, trials: Any, slack: Any = 0.0
) -> tuple[Array, Array, Array]:
    """Take the step that lowers the loss most, and its damping; where none does, stay and raise the damping.

    ``steps`` has one row for each of the factors ``trials``. Losses that differ by no more than ``slack`` count as
    equal, and the first of them is taken. Returns the new ``theta``, its loss and the damping.
    """
    factors = jnp.asarray(trials, theta.dtype)
    losses = jax.vmap(lambda step: loss(theta + step))(steps)
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    best = jnp.argmax(losses <= losses.min() + slack)
    better = losses[best] < before + slack
    damping = damping * jnp.where(better, factors[best], 10 * factors.max())
    floor = jnp.finfo(theta.dtype).eps * 10
    theta, value = jnp.where(better, theta + steps[best], theta), jnp.where(better, losses[best], before)
    return theta, value, jnp.clip(damping, floor, 1 / floor)


def minimise(loss: Callable[[Array], Array], curvature: Callable[[Array], Array], theta: Array, steps: int) -> Array:
    """Minimise a smooth function of a few numbers by damped Newton or scoring steps.

    ``curvature`` is its second derivative, or what stands for it, such as the information; it need not be positive
    definite.

    Examples
    --------
    >>> valley = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> minimise(valley, jax.hessian(valley), jnp.array([-1.2, 1.0]), 25).round(3)
    Array([1., 1.], dtype=float32)
    """

    def step(_, carry):
        theta, value, damping = carry
        H, g = curvature(theta), jax.grad(loss)(theta)
        # relative to the diagonal: the unit of a number does not matter
        unit = jnp.sqrt(jnp.abs(jnp.diag(H)) + 1e-12 * jnp.abs(jnp.trace(H)))
        A = H / unit[:, None] / unit
        moves = jax.vmap(lambda mu: -factorised(A, mu)(g / unit) / unit)(damping * jnp.asarray(TRIALS, theta.dtype))
        rounding = 4 * jnp.finfo(value.dtype).eps * jnp.abs(value)  # below it the gradient knows better than the loss
        return best_trial(loss, theta, value, moves, damping, TRIALS, rounding)

    return jax.lax.fori_loop(0, steps, step, (theta, loss(theta), jnp.asarray(1e-3, theta.dtype)))[0]
