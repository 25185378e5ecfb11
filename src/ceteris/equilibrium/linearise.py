"""The linear policy around the steady state, by time iteration on its slope.

With raw outputs y = y* + G (s - s*) tomorrow, today's residuals without risk are F(s, y; G) = 0; to first order
F_s + F_y G₊ = 0 gives today's slope from tomorrow's. Repeated from G = 0 this finds the stable solution, the one with
the smallest eigenvalues, where it is unique (Rendahl 2017, "Linear time iteration").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.equilibrium.expectation import E
from ceteris.equilibrium.model import Model, actions, count_outputs, flat, move, residuals, steady_state
from ceteris.equilibrium.point import Point, continuous, names_of, with_continuous
from ceteris.equilibrium.policy import Linear, compiled_quickly
from ceteris.equilibrium.shocks import Normal

STILL = 1e-4  # relative change in a period up to which a state counts as at rest: one may be given to a few digits


@dataclass(frozen=True)
class Linearised:
    """A linear policy and whether it can be trusted.

    Attributes
    ----------
    policy : Linear
    radius : float
        Largest modulus among the eigenvalues of the linear law of motion; below 1 if the steady state is stable.
    sentence : str
        What was found; says why where there is no linear policy.
    """

    policy: Linear | None
    radius: float
    sentence: str

    @property
    def ok(self) -> bool:
        """Whether a stable linear policy was found."""
        return self.policy is not None


def linearise(model: Model) -> Linearised:
    """Return the stable linear policy around the model's steady state, where there is one."""
    s = steady_state(model)
    if s is None:
        return Linearised(None, np.nan, "The model names no steady state, so training starts without a linear policy.")
    if not all(isinstance(shock, Normal) for shock in model.shocks().values()):
        return Linearised(None, np.nan, "A chain has no zero shock, so training starts without a linear policy.")
    gap, change, A, linear, after = _work_out(model, s)
    moved = _moved(s, np.asarray(after))
    if not gap < 1e-8:
        return Linearised(None, np.nan, "No outputs solve the model at its steady state; check steady_state().")
    if moved:
        return Linearised(None, np.nan, f"The steady state that the model names does not rest: {moved}; correct it.")
    radius = float(np.abs(np.linalg.eigvals(np.asarray(A))).max()) if np.isfinite(A).all() else np.inf
    if not change < 1e-6 or radius >= 1:
        why = f"is explosive (radius {radius:.3f})" if change < 1e-6 else "did not converge"
        return Linearised(None, radius, f"The linear policy at the steady state {why}; training starts without it.")
    return Linearised(linear, radius, f"Linear policy at the steady state, radius {radius:.4f}.")


def _moved(s: Point, after: np.ndarray) -> str:
    """Which state moves most in the first period at what is called a steady state, in words; empty if none does."""
    at = np.asarray(continuous(s))
    far = np.abs(after - at) / (np.abs(at) + 1e-3 * np.abs(at).max(initial=1.0))
    worst = int(np.nan_to_num(far, nan=np.inf).argmax()) if far.size else 0
    if not far.size or far[worst] < STILL:
        return ""
    return f"without shocks {names_of(s)[worst]} moves from {at[worst]:.4g} to {after[worst]:.4g} in one period"


@compiled_quickly
def _work_out(model: Model, s: Point) -> tuple[Any, ...]:
    at, rest = continuous(s), _Rest(model, s)
    y, gap = _resting_outputs(rest, at, count_outputs(model))
    G, change = _slope(rest, at, y)
    to_inputs = jax.jacobian(lambda v: model.inputs(with_continuous(s, v)))(at)
    linear = Linear(y, G @ jnp.linalg.pinv(to_inputs), model.inputs(s))
    return gap, change, rest.law(at, y, G), linear, rest.following(at, y)


class _Rest:
    """The model without risk, as functions of flat states and outputs."""

    def __init__(self, model: Model, s: Point):
        self.model, self.s = model, s
        self.zero = Point(
            "shock", {name: jnp.zeros(getattr(shock, "shape", ())) for name, shock in model.shocks().items()}
        )

    def F(self, v: Array, y: Array, at: Array, level: Array, G: Array) -> Array:
        s = with_continuous(self.s, v)
        a = actions(self.model, y, s)
        s1 = move(self.model, s, a, self.zero)
        h = lambda v1: level + G @ (v1 - at)
        a1 = actions(self.model, h(continuous(s1)), s1)
        lift = lambda point: jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], point)
        return flat(residuals(self.model, s, a, E(lift(s1), lift(a1), jnp.ones(1), h)))

    def following(self, at: Array, y: Array) -> Array:
        s = with_continuous(self.s, at)
        return continuous(move(self.model, s, actions(self.model, y, s), self.zero))

    def law(self, at: Array, y: Array, G: Array) -> Array:
        def following(v):
            s = with_continuous(self.s, v)
            return continuous(move(self.model, s, actions(self.model, y + G @ (v - at), s), self.zero))

        return jax.jacobian(following)(at)


def _resting_outputs(rest: _Rest, at: Array, m: int, iterations: int = 50) -> tuple[Array, Array]:
    """The raw outputs that solve the model if taken for ever, and what is left: Newton with shortened steps."""
    still = lambda y: rest.F(at, y, at, y, jnp.zeros((m, at.size)))
    lengths = jnp.array([1.0, 0.5, 0.2, 0.05, 0.0])

    def body(_, y):
        step = jnp.linalg.lstsq(jax.jacobian(still)(y), still(y))[0]
        tried = y - lengths[:, None] * step
        left = jax.vmap(lambda y: jnp.max(jnp.abs(still(y))))(tried)
        return tried[jnp.argmin(jnp.where(jnp.isfinite(left), left, jnp.inf))]

    y = jax.lax.fori_loop(0, iterations, body, jnp.zeros(m))
    return y, jnp.max(jnp.abs(still(y)))


def _slope(rest: _Rest, at: Array, y: Array, iterations: int = 3000) -> tuple[Array, Array]:
    """The slope G of the stable linear policy, and by how much it changed in the last iteration."""
    F_s = jax.jacobian(lambda v, G: rest.F(v, y, at, y, G))
    F_y = jax.jacobian(lambda y0, G: rest.F(at, y0, at, y, G))

    def body(carry):
        G, _, t = carry
        new = -jnp.linalg.lstsq(F_y(y, G), F_s(at, G))[0]
        return new, jnp.max(jnp.abs(new - G)) / (1 + jnp.max(jnp.abs(G))), t + 1

    unfinished = lambda carry: (carry[2] < iterations) & (carry[1] > 1e-11)
    G, change, _ = jax.lax.while_loop(unfinished, body, (jnp.zeros((y.size, at.size)), jnp.asarray(jnp.inf), 0))
    return G, change
