"""Levenberg-Marquardt for networks: least squares in which every point matters and digits are wanted.

The linear systems are those of `ceteris.stats.damped`. Written here rather than taken from a library because it must
batch over an ensemble with nothing but matrix products and Cholesky factors inside; ``benchmarks/least_squares.py``
measures it against nlls-gram.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.flatten_util import ravel_pytree
from jaxtyping import PRNGKeyArray

from ceteris.arguments import one_of
from ceteris.engine import AbstractAlgorithm, State
from ceteris.engine.devices import computing
from ceteris.recipe.descend import drawn_and_swept
from ceteris.recipe.objectives import AbstractResiduals, as_array, every_float, no_metrics
from ceteris.recipe.samplers import AbstractSampler
from ceteris.stats.damped import TRIALS, bend, best_trial, dual_form, matrix_free, primal_form

Solver = Literal["auto", "primal", "dual", "matrix-free"]


class LevenbergMarquardt(AbstractAlgorithm):
    """Damped Gauss-Newton steps; several dampings are tried per step and the best is taken.

    One factorisation per trial is cheap beside the Jacobian's Gram matrix, which they share; trying them side by
    side needs no inner loop, so that a whole ensemble moves in lockstep. A step that does not lower the loss is
    not taken, and the damping grows.

    Parameters
    ----------
    hypothesis : callable
        ``hypothesis(key=key)`` builds the model.
    objective : AbstractResiduals
        `PointResiduals` where each residual depends on one point (cheap Jacobian), else `BatchResiduals`.
    sampler : AbstractSampler
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
    geodesic : bool
        Follow the bend of a narrow valley: add δ₂ = -½ (JᵀJ/n + λI)⁻¹ Jᵀr_vv/n to a step δ, where r_vv is the second
        derivative of the residuals along it, if 2‖δ₂‖ ≤ ¾‖δ‖. It costs a few evaluations of the residuals per trial,
        and no factorisation. For residuals that depend on one point each.
    trainable : callable
        ``trainable(model)`` marks the leaves that move; see `Descend`.
    heldout : callable
        ``heldout(model, key)`` returns metrics, read once per chunk.

    References
    ----------
    Levenberg (1944), Marquardt (1963); Nocedal and Wright (2006), section 10.3; Transtrum and Sethna (2012),
    "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares minimization".

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
    trials: tuple[float, ...] = eqx.field(static=True, default=TRIALS)
    cg_steps: int = eqx.field(static=True, default=50)
    geodesic: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if not isinstance(self.objective, AbstractResiduals):
            raise TypeError(
                f"LevenbergMarquardt: objective is {type(self.objective).__name__}, a scalar loss, but residuals are "
                "needed; write it as PointResiduals, BatchResiduals or a weighted_sum of such, or use Descend."
            )
        one_of("LevenbergMarquardt: solver", self.solver, ("auto", "primal", "dual", "matrix-free"))
        if self.geodesic and not self.objective.pointwise:
            raise ValueError(
                f"LevenbergMarquardt: geodesic is True, but objective is {type(self.objective).__name__}, and the bend "
                "is that of residuals of one point each; write them as PointResiduals, or leave geodesic out."
            )

    def init(self, key, model=None):
        weights, sampler = jr.split(key)
        model = self.hypothesis(key=weights) if model is None else model
        theta, _ = ravel_pytree(eqx.filter(model, self.trainable(model)))
        if computing(theta).dtype.itemsize < 4:
            raise ValueError(
                f"precision: LevenbergMarquardt solves linear systems, for which {computing(theta).dtype} has too few "
                "digits; take 'single' or 'double'."
            )
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

        if self.solver == "matrix-free":
            r = residuals(theta)
            system = matrix_free(residuals, theta, self.ridge, self.cg_steps)
        else:
            r, J = self.objective.linearised(weights, rest, batch, key)
            dual = self.solver == "dual" or (self.solver == "auto" and J.shape[0] < J.shape[1])
            system = (dual_form if dual else primal_form)(J, self.ridge)

        def step(damping):
            solve = system(damping)
            first = solve(r, theta)
            if not self.geodesic:
                return first
            second = solve(bend(residuals, theta, first) / 2, jnp.zeros_like(theta))
            near = 2 * jnp.linalg.norm(second) <= 0.75 * jnp.linalg.norm(first)
            return first + jnp.where(near, second, 0)

        dampings = damping * jnp.asarray(self.trials, theta.dtype)
        steps = jax.lax.map(step, dampings) if self.solver == "matrix-free" else jax.vmap(step)(dampings)
        before = jnp.mean(r**2) + self.ridge * jnp.sum(theta**2)
        theta, value, damping = best_trial(loss, theta, before, steps, damping, self.trials)
        info = {"loss": value, "damping": damping, **self.objective.report(model_of(theta), batch, key)}
        return (model_of(theta), damping), info
