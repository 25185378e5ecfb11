"""The linear policy around the steady state, by time iteration on its slope.

With raw outputs y = y* + G (s - s*) tomorrow, today's residuals without risk are F(s, y; G) = 0; to first order
F_s + F_y G₊ = 0 gives today's slope from tomorrow's. Repeated from G = 0 this finds the stable solution, the one with
the smallest eigenvalues, where it is unique (Rendahl 2017, "Linear time iteration").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.equilibrium.expectation import E
from ceteris.equilibrium.model import Model, actions, count_outputs, flat, move, on_host, residuals, steady_state
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
    s = on_host(steady_state(on_host(model)))
    if s is None:
        return Linearised(None, np.nan, "The model names no steady state, so training starts without a linear policy.")
    if not all(isinstance(shock, Normal) for shock in model.shocks().values()):
        return Linearised(None, np.nan, "A chain has no zero shock, so training starts without a linear policy.")
    rest = _Rest(model, s)
    y, gap = _resting_outputs(rest)
    if not gap < 1e-8:
        return Linearised(None, np.nan, "No outputs solve the model at its steady state; check steady_state().")
    around = rest.around(y, y)
    moved = _moved(names_of(s), rest.at, around.after)
    if moved:
        return Linearised(None, np.nan, f"The steady state that the model names does not rest: {moved}; correct it.")
    with np.errstate(over="ignore", invalid="ignore"):  # of an explosive economy, which is found out
        G, change = _slope(rest, y, around)
        A = around.after_s + around.after_y @ G
    radius = float(np.abs(np.linalg.eigvals(A)).max()) if np.isfinite(A).all() else np.inf
    if not change < 1e-6 or radius >= 1:
        why = f"is explosive (radius {radius:.3f})" if change < 1e-6 else "did not converge"
        return Linearised(None, radius, f"The linear policy at the steady state {why}; training starts without it.")
    linear = Linear(*jax.device_put((y, G @ np.linalg.pinv(around.x_s, 1e-14), around.x)))
    return Linearised(linear, radius, f"Linear policy at the steady state, radius {radius:.4f}.")


def _moved(names: list[str], at: np.ndarray, after: np.ndarray) -> str:
    """Which state moves most in the first period at what is called a steady state, in words; empty if none does."""
    far = np.abs(after - at) / (np.abs(at) + 1e-3 * np.abs(at).max(initial=1.0))
    worst = int(np.nan_to_num(far, nan=np.inf).argmax()) if far.size else 0
    if not far.size or far[worst] < STILL:
        return ""
    return f"without shocks {names[worst]} moves from {at[worst]:.4g} to {after[worst]:.4g} in one period"


class _Around(NamedTuple):
    """The model without risk at one point: residuals, next state and inputs, and their slopes.

    Slopes are those in the state, in today's outputs, and in the level of tomorrow's.
    """

    F: np.ndarray
    after: np.ndarray
    x: np.ndarray
    F_s: np.ndarray
    after_s: np.ndarray
    x_s: np.ndarray
    F_y: np.ndarray
    after_y: np.ndarray
    F_level: np.ndarray


class _Rest:
    """The model without risk at its steady state, on the host; one compiled program works out all that is needed."""

    def __init__(self, model: Model, s: Point):
        self.model, self.s, self.outputs = model, s, count_outputs(model)
        floats = [np.ravel(leaf) for _, leaf in s.items() if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]
        self.at = np.concatenate([np.zeros(0), *floats])
        self.states = self.at.size

    def around(self, y: np.ndarray, level: np.ndarray, G: np.ndarray | None = None) -> _Around:
        """With outputs y today, and level + G (s - s*) tomorrow; without G, the level."""
        n, m = self.states, self.outputs
        G = np.zeros((m, n)) if G is None else G
        values, slopes = jax.device_get(_around(self.model, self.s, y, level, G))
        in_s, in_y, in_level = (
            tuple(J[:, part] for J in slopes) for part in (slice(n), slice(n, n + m), slice(n + m, None))
        )
        return _Around(*values, *in_s, *in_y[:2], in_level[0])


@compiled_quickly
def _around(model: Model, s: Point, y: Array, level: Array, G: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Residuals, next state and inputs; and their slopes in (state, outputs, level of tomorrow's outputs)."""
    at = continuous(s)
    zero = Point("shock", {name: jnp.zeros(getattr(shock, "shape", ())) for name, shock in model.shocks().items()})
    lift = lambda point: jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], point)

    def found(z):
        v, y, level = jnp.split(z, (at.size, at.size + count_outputs(model)))
        s_ = with_continuous(s, v)
        a = actions(model, y, s_)
        s1 = move(model, s_, a, zero)
        h = lambda v1: level + G @ (v1 - at)
        a1 = actions(model, h(continuous(s1)), s1)
        F = flat(residuals(model, s_, a, E(lift(s1), lift(a1), jnp.ones(1), h)))
        values = F, continuous(s1), model.inputs(s_)
        return values, values

    slopes, values = jax.jacfwd(found, has_aux=True)(jnp.concatenate([at, y, level]))
    return values, slopes


def _resting_outputs(rest: _Rest, iterations: int = 50) -> tuple[np.ndarray, float]:
    """The raw outputs that solve the model if taken for ever, and what is left: Newton with shortened steps."""
    y = np.zeros(rest.outputs)
    now = rest.around(y, y)
    left = lambda found: float(np.abs(found.F).max()) if np.isfinite(found.F).all() else np.inf
    for _ in range(iterations):
        slope = now.F_y + now.F_level
        if not (np.isfinite(slope).all() and np.isfinite(now.F).all()):
            break
        step = np.linalg.lstsq(slope, now.F, rcond=None)[0]
        tried = ((y - length * step) for length in (1.0, 0.5, 0.2, 0.05))
        better = next(((y1, new) for y1 in tried if left(new := rest.around(y1, y1)) < left(now)), None)
        if better is None:
            break
        y, now = better
    return y, left(now)


def _slope(rest: _Rest, y: np.ndarray, around: _Around) -> tuple[np.ndarray, float]:
    """The slope G of the stable linear policy, and by how much it changed in the last iteration."""

    def by_parts(G):  # E asks tomorrow's outputs at tomorrow's state
        ahead = around.F_level @ G
        return around.F_s + ahead @ around.after_s, around.F_y + ahead @ around.after_y

    def worked_out(G):
        found = rest.around(y, y, G)
        return found.F_s, found.F_y

    G, change = _iterated(by_parts, np.zeros((rest.outputs, rest.states)))
    alike = all(np.allclose(a, b, 1e-6, 1e-8) for a, b in zip(by_parts(G), worked_out(G), strict=True))
    return (G, change) if alike else _iterated(worked_out, G)  # a model may ask at points of its own making


def _iterated(slopes: Callable[[Any], Any], G: np.ndarray, iterations: int = 3000) -> tuple[np.ndarray, float]:
    """Time iteration on the slope of the policy."""
    change = np.inf
    for _ in range(iterations):
        F_s, F_y = slopes(G)
        if not (np.isfinite(F_s).all() and np.isfinite(F_y).all()):
            return G, np.inf
        new = -np.linalg.lstsq(F_y, F_s, rcond=None)[0]
        change = float(np.abs(new - G).max() / (1 + np.abs(G).max()))
        G = new
        if change <= 1e-11:
            break
    return G, change
