"""Whether a solution is the stable equilibrium: small residuals alone do not say so.

An explosive root, or a wrong branch, can satisfy every Euler equation. Three signs give it away: simulated paths leave
every bound, discounted wealth does not vanish, or the law of motion at the resting point has an eigenvalue outside the
unit circle.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ceteris.equilibrium.model import Model
from ceteris.equilibrium.point import Point, continuous, with_continuous
from ceteris.equilibrium.policy import advance
from ceteris.equilibrium.simulate import Paths
from ceteris.equilibrium.trial import EXPLOSIVE, Stability, can_be_quiet
from ceteris.results import Check

LARGEST_JACOBIAN = 500  # states whose law of motion is taken apart into eigenvalues
GROWTH = 2.0  # the second half of a long path may spread at most so much wider than the first


def bounded(paths: Paths) -> Check:
    """Whether simulated states stay finite and do not drift: the spread of the last third against the second."""
    worst, worst_name = 0.0, ""
    for name, value in paths.states.items():
        x = np.asarray(value, float)
        if not np.isfinite(x).all():
            t, *_ = np.argwhere(~np.isfinite(x))[0]
            return Check(
                "paths stay bounded", False, f"State {name} is not finite from period {t} of the simulation on."
            )
        x = x.reshape(x.shape[0], x.shape[1], -1)
        middle, end = x[len(x) // 3 : 2 * len(x) // 3], x[2 * len(x) // 3 :]
        centre = middle.mean((0, 1))
        reach = np.abs(middle - centre).max((0, 1))
        scale = np.maximum(reach, 1e-3 * np.maximum(np.abs(centre), reach.max()) + 1e-12)
        ratio = float((np.abs(end - centre).max((0, 1)) / scale).max())
        if ratio > worst:
            worst, worst_name = ratio, name
    good = worst <= GROWTH
    sentence = f"State {worst_name} wanders at most {worst:.2f} times as far in the last third of the paths as before."
    return Check("paths stay bounded", good, sentence, value=worst, bar=GROWTH)


def repaired(paths: Paths) -> Check:
    """Whether any path had to be started again."""
    n = int(paths.repairs)
    return Check("no repairs", n == 0, f"{n} simulated states were outside what the model admits.", value=n, bar=0)


def resting_point(model: Model, policy: Any, s: Point, periods: int = 5000) -> tuple[Point, float]:
    """Where the economy comes to rest without shocks, from ``s``, and how far it still moves per period there."""

    @eqx.filter_jit
    def rest(model, policy, s):
        zero = _zero(model)
        step = lambda _, s: advance(model, policy, s, zero)
        last = jax.lax.fori_loop(0, periods, step, s)
        return last, continuous(step(0, last)) - continuous(last)

    last, change = rest(model, policy, s)
    return last, float(jnp.max(jnp.abs(change) / (1 + jnp.abs(continuous(last)))))


def spectral_radius(model: Model, policy: Any, s: Point) -> tuple[float, np.ndarray]:
    """Largest eigenvalue, in modulus, of the law of motion under the policy at a resting point, and all of them."""

    @eqx.filter_jit
    def slope(model, policy, s):
        return jax.jacobian(lambda v: continuous(advance(model, policy, with_continuous(s, v), _zero(model))))(
            continuous(s)
        )

    values = np.linalg.eigvals(np.asarray(slope(model, policy, s)))
    return float(np.abs(values).max()), values


def at_rest(model: Model, policy: Any, start: Point) -> tuple[Check, ...]:
    """Whether the economy rests without shocks, where it should, with eigenvalues inside the unit circle."""
    if not model.shocks() or not can_be_quiet(model):
        return ()
    last, change = resting_point(model, policy, start)
    if not change < 1e-6:
        return (
            Check("rests without shocks", False, f"Without shocks the economy still moves by {change:.1e} a period."),
        )
    rests = Check("rests without shocks", True, "Without shocks the economy comes to rest.", value=change, bar=1e-6)
    if continuous(last).size > LARGEST_JACOBIAN:
        return (rests,)
    radius, _ = spectral_radius(model, policy, last)
    return (
        rests,
        Check(
            "stable at rest",
            radius < 1,
            f"The largest eigenvalue of the law of motion there is {radius:.4f}; below 1 is stable.",
            value=radius,
            bar=1.0,
        ),
    )


def differences(held: Stability) -> Check:
    """Whether a small displacement dies out, be there chains, kinks or many agents."""
    verb = "shrinks" if held.radius < 1 else "grows"
    said = f"A small displacement {verb} to {held.radius:.4f} times itself each period; below 1 it dies out."
    return Check("small differences die out", held.radius <= EXPLOSIVE, said, value=held.radius, bar=EXPLOSIVE)


def near_the_named(held: Stability) -> tuple[Check, ...]:
    """Whether the economy rests, or is on average, near the steady state that the model names, if it names one."""
    if np.isnan(held.gap):
        return ()
    # with risk the resting point is not the steady state without risk: precautionary saving moves it a little
    good = held.gap <= 1
    said = (
        f"It is off the steady state that the model names by {100 * held.gap:.2g} % of what precaution may account for."
    )
    return (Check("rests near the steady state", good, said if good else f"{held.reason}.", value=held.gap, bar=1.0),)


def _zero(model: Model) -> Point:
    return Point("shock", {name: jnp.zeros(getattr(shock, "shape", ())) for name, shock in model.shocks().items()})
