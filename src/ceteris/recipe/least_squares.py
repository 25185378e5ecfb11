"""Levenberg-Marquardt for networks: least squares in which every point matters and digits are wanted.

A step solves (JᵀJ/n + μI) δ = -(Jᵀr/n + ρθ) for n residuals r, Jacobian J, damping μ and ridge ρ. With fewer
residuals than weights the same δ comes from an n × n system (the dual or Gram form):

    δ = -Jᵀv - (ρ/μ)θ,   (JJᵀ/n + μI) v = (r - (ρ/μ)Jθ)/n.

Written here rather than taken from a library because it must batch over an ensemble with nothing but matrix
products and Cholesky factors inside; ``benchmarks/least_squares.py`` measures it against nlls-gram.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from ceteris.engine import AbstractAlgorithm, State
from ceteris.recipe.descend import drawn_and_swept
from ceteris.recipe.objectives import AbstractResiduals, as_array, every_float, no_metrics
from ceteris.recipe.samplers import AbstractSampler

Solver = Literal["auto", "primal", "dual", "matrix-free"]


class LevenbergMarquardt(AbstractAlgorithm):
    """Damped Gauss-Newton steps; several dampings are tried per step and the best is taken.

    One factorisation per trial is cheap beside the Jacobian's Gram matrix, which they share; trying them side by
    side needs no inner loop, so that a whole ensemble moves in lockstep. A step that does not lower the loss is
    not taken, and the damping grows.

    Parameters
    ----------
    hypothesis, sampler, trainable, heldout
        As in `Descend`.
    objective : AbstractResiduals
        `PointResiduals` where each residual depends on one point (cheap Jacobian), else `BatchResiduals`.
    damping : float
        First μ, relative to the mean non-zero eigenvalue of JᵀJ/n.
    ridge : float
        ρ in the objective mean(r²) + ρ‖θ‖².
    solver : {"auto", "primal", "dual", "matrix-free"}
        The form of the linear system; "auto" takes the smaller dense one. "matrix-free" runs conjugate
        gradients on Jacobian products and never forms J: for systems too large to hold.
    trials : tuple of float
        Factors applied to the damping at each step.
    cg_steps : int
        Iterations of the matrix-free solver.

    References
    ----------
    Levenberg (1944), Marquardt (1963); Nocedal and Wright (2006), section 10.3.

    Examples
    --------
    Rosenbrock's valley as least squares, minimum at (1, 1):

    >>> import jax, jax.numpy as jnp
    >>> from ceteris.engine import fit
    >>> from ceteris.recipe import BatchResiduals, Fixed
    >>> def valley(model, batch, key): return jnp.stack([10 * (model[1] - model[0] ** 2), 1 - model[0]])
    >>> def start(key): return jnp.array([-1.2, 1.0])
    >>> rule = LevenbergMarquardt(start, BatchResiduals(valley), Fixed(jnp.zeros(1)))
    >>> fit(rule, jax.random.key(0), steps=30).model.round(3)
    Array([1., 1.], dtype=float32)
    """

    hypothesis: Callable[..., Any]
    objective: AbstractResiduals
    sampler: AbstractSampler
    damping: Any = eqx.field(converter=as_array, default=1e-2)
    ridge: Any = eqx.field(converter=as_array, default=0.0)
    trainable: Callable[[Any], Any] = every_float
    heldout: Callable[[Any, PRNGKeyArray], dict[str, Any]] = no_metrics
    solver: Solver = eqx.field(static=True, default="auto")
    trials: tuple[float, ...] = eqx.field(static=True, default=(0.1, 0.5, 2.0, 10.0))
    cg_steps: int = eqx.field(static=True, default=50)

    def __check_init__(self):
        if not isinstance(self.objective, AbstractResiduals):
            raise TypeError(
                f"LevenbergMarquardt: objective is {type(self.objective).__name__}, a scalar loss, but residuals are "
                "needed; write it as PointResiduals, BatchResiduals or a weighted_sum of such, or use Descend."
            )
        if self.solver not in ("auto", "primal", "dual", "matrix-free"):
            raise ValueError(
                f"LevenbergMarquardt: solver is {self.solver!r}, but must be 'auto', 'primal', 'dual' or 'matrix-free'."
            )

    def init(self, key, model=None):
        weights, sampler = jr.split(key)
        model = self.hypothesis(key=weights) if model is None else model
        theta, _ = ravel_pytree(eqx.filter(model, self.trainable(model)))
        return State(model, jnp.asarray(self.damping, theta.dtype), self.sampler.init(model, sampler))

    def step(self, state, key, feed):
        return drawn_and_swept(self.sampler, self._update, state, key, feed)

    def evaluate(self, state, key):
        return self.heldout(state.model, key)

    def _update(self, carry, batch, key):
        model, damping = carry
        weights, rest = eqx.partition(model, self.trainable(model))
        theta, unravel = ravel_pytree(weights)
        model_of = lambda theta: eqx.combine(unravel(theta), rest)
        residuals = lambda theta: self.objective.residuals(model_of(theta), batch, key)
        loss = lambda theta: jnp.mean(residuals(theta) ** 2) + self.ridge * jnp.sum(theta**2)

        r = residuals(theta)
        factors = jnp.asarray(self.trials, theta.dtype)
        if self.solver == "matrix-free":
            steps = matrix_free_steps(residuals, theta, r, damping * factors, self.ridge, self.cg_steps)
        else:
            J = self.objective.jacobian(weights, rest, batch, key)
            dual = self.solver == "dual" or (self.solver == "auto" and J.shape[0] < J.shape[1])
            steps = (dual_steps if dual else primal_steps)(J, r, theta, damping * factors, self.ridge)

        losses = jax.vmap(lambda step: loss(theta + step))(steps)
        losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
        best = jnp.argmin(losses)
        before = jnp.mean(r**2) + self.ridge * jnp.sum(theta**2)
        better = losses[best] < before
        theta = jnp.where(better, theta + steps[best], theta)
        damping = damping * jnp.where(better, factors[best], 10 * factors.max())
        floor = jnp.finfo(theta.dtype).eps * 10
        info = {"loss": jnp.where(better, losses[best], before), "damping": damping}
        info |= self.objective.report(model_of(theta), batch, key)
        return (model_of(theta), jnp.clip(damping, floor, 1 / floor)), info


def primal_steps(J, r, theta, dampings, ridge) -> Float[Array, "trials weights"]:
    """Return the step for each relative damping from the weights × weights system."""
    n, p = J.shape
    A = J.T @ J / n
    scale = jnp.trace(A) / min(n, p) + _tiny(A)
    g = J.T @ r / n + ridge * theta

    def step(damping):
        factor = jax.scipy.linalg.cho_factor(A + (damping * scale + ridge) * jnp.eye(p, dtype=A.dtype))
        return -jax.scipy.linalg.cho_solve(factor, g)

    return jax.vmap(step)(dampings)


def dual_steps(J, r, theta, dampings, ridge) -> Float[Array, "trials weights"]:
    """Return the same steps from the residuals × residuals system."""
    n, p = J.shape
    K = J @ J.T / n
    scale = jnp.trace(K) / min(n, p) + _tiny(K)
    fitted = J @ theta

    def coefficients(damping):
        mu = damping * scale + ridge
        factor = jax.scipy.linalg.cho_factor(K + mu * jnp.eye(n, dtype=K.dtype))
        return jax.scipy.linalg.cho_solve(factor, r - ridge / mu * fitted) / n, ridge / mu

    v, shrink = jax.vmap(coefficients)(dampings)
    return -v @ J - shrink[:, None] * theta


def matrix_free_steps(residuals, theta, r, dampings, ridge, cg_steps) -> Float[Array, "trials weights"]:
    """Return approximate steps by conjugate gradients on products with J and Jᵀ."""
    n, p = r.size, theta.size
    _, forward = jax.linearize(residuals, theta)
    backward = lambda u: jax.linear_transpose(forward, theta)(u)[0]
    gauss_newton = lambda x: backward(forward(x)) / n
    probe = jr.rademacher(
        jr.key(0), (n,), theta.dtype
    )  # Hutchinson: E‖Jᵀz‖² = trace(JJᵀ); only a scale, so one fixed probe will do
    scale = jnp.sum(backward(probe) ** 2) / n / min(n, p) + _tiny(theta)
    g = backward(r) / n + ridge * theta

    def step(damping):
        system = lambda x: gauss_newton(x) + (damping * scale + ridge) * x
        return -jax.scipy.sparse.linalg.cg(system, g, maxiter=cg_steps)[0]

    return jax.lax.map(step, dampings)


def _tiny(a):
    return jnp.finfo(a.dtype).tiny
