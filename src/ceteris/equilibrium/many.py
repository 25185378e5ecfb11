"""Many calibrations: one after the other, together as an ensemble, or as one policy over states and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.engine import precision as in_precision
from ceteris.engine.devices import Precision
from ceteris.equilibrium.declared import refuse_unknown
from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.model import Model, parameters, with_parameters
from ceteris.equilibrium.phases import AbstractPhase
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.recipe import Plan, Recipe, make_plan
from ceteris.equilibrium.solution import Solution
from ceteris.equilibrium.solver import refuse_unsolvable, solve_economies


def solve_many(
    model: Model,
    over: Mapping[str, Sequence[float]],
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    tolerance: float | tuple[float, float] | None = None,
    expectation: Rule | None = None,
    phases: Sequence[AbstractPhase] | None = None,
    widths: Sequence[int] | None = None,
    activation: str = "tanh",
    precision: Precision = "double",
    progress: bool = False,
    how: Literal["loop", "together"] = "loop",
) -> list[Solution]:
    """Solve a whole set of calibrations with programs that are compiled once; each stops as soon as it is solved.

    Parameters
    ----------
    model : Model
        Gives the parameters that are not swept.
    over : dict of name to values
        Swept parameters; all with the same number of values, one per calibration.
    how : {"loop", "together"}
        One calibration after the other, each of which is exactly what `solve` finds with the same seed; or side by side
        as an ensemble, where all take as many phases as the slowest. On a CPU the loop is two to three times cheaper.
    others
        As in `solve`.

    Returns
    -------
    list of Solution
        In the order of the values.

    Examples
    --------
    >>> from ceteris.equilibrium import Polish, solve_many
    >>> from ceteris.equilibrium.models.growth import Growth
    >>> patient = solve_many(Growth(delta=1.0), {"beta": [0.9, 0.95]}, phases=[Polish(100, 15)])
    >>> [round(float(s.policy({"k": 0.2, "z": 0.0})["k1"] / 0.2**0.36), 4) for s in patient]  # αβ
    [0.324, 0.342]
    """
    refuse_unknown(type(model).__name__, parameters(model), over)
    counts = {name: len(values) for name, values in over.items()}
    if len(set(counts.values())) != 1 or not min(counts.values()):
        counted = ", ".join(f"{name} has {n}" for name, n in counts.items()) or "nothing was given"
        raise ValueError(f"over: every parameter needs the same number of values, at least one, but {counted}.")
    if how not in ("loop", "together"):
        raise ValueError(f"how: {how!r} was given, but it must be 'loop' or 'together'; leave it out.")
    n = next(iter(counts.values()))
    swept = [with_parameters(model, **{name: float(values[i]) for name, values in over.items()}) for i in range(n)]
    plan = make_plan(model, recipe, expectation, tolerance=tolerance, phases=phases, widths=widths)
    if how == "together":
        return solve_economies(swept, n, plan, activation, precision, seed, progress=progress)
    refuse_any(swept, plan, over, precision)
    return [solve_economies((m,), None, plan, activation, precision, seed, progress=progress)[0] for m in swept]


def refuse_any(swept: Sequence[Model], plan: Plan, over: Mapping[str, Sequence[float]], precision: Precision) -> None:
    """Raise, before any work, if a single calibration does not fit together; and say which."""
    for i, model in enumerate(swept):
        try:
            with in_precision(precision):
                refuse_unsolvable(model, plan)
        except (ValueError, TypeError) as error:
            which = ", ".join(f"{name} = {float(values[i]):g}" for name, values in over.items())
            raise ValueError(f"over: the calibration with {which} cannot be solved. {error}") from error


class OverParameters(Model):
    """A model with some of its parameters as states that never move: one policy for a whole range of calibrations.

    ``solve(OverParameters(Growth(), {"beta": (0.95, 0.99)}))`` costs about as much as one calibration of a model
    with one more state; afterwards ``solution.policy({"k": 6.0, "z": 0.0, "beta": 0.97})`` needs no further solving.

    Parameters
    ----------
    model : Model
    over : dict of name to (low, high)
        Every simulated track draws its parameters from these ranges when it starts, and keeps them.
    """

    model: Model
    names: tuple[str, ...] = eqx.field(static=True)
    low: Any
    high: Any

    def __init__(self, model: Model, over: Mapping[str, tuple[float, float]]):
        refuse_unknown(type(model).__name__, parameters(model), over)
        for name, (low, high) in over.items():
            if not low < high:
                raise ValueError(f"over: {name} is ({low}, {high}), but a range needs low below high.")
            for end in (low, high):
                with_parameters(model, **{name: end})  # both ends must be allowed
        self.model, self.names = model, tuple(over)
        self.low = np.array([float(low) for low, _ in over.values()])
        self.high = np.array([float(high) for _, high in over.values()])

    def split(self, s: Point) -> tuple[Model, Point]:
        """The model at the parameters of a state, and the state without them."""
        where = lambda model: [getattr(model, name) for name in self.names]
        model = eqx.tree_at(where, self.model, [s[name] for name in self.names])
        return model, Point("state", {name: value for name, value in s.items() if name not in self.names})

    def shocks(self):
        return self.model.shocks()

    def outputs(self):
        return self.model.outputs()

    def actions(self, raw, s):
        model, inner = self.split(s)
        return model.actions(raw, inner)

    def move(self, s, a, shock):
        model, inner = self.split(s)
        following = as_point("state", model.move(inner, a, shock)).asdict()
        return {**following, **{name: s[name] for name in self.names}}

    def residuals(self, s, a, E):
        model, inner = self.split(s)
        within: Any = lambda f: E(lambda s1, a1: f(self.split(s1)[1], a1))
        return model.residuals(inner, a, within)

    def inputs(self, s):
        model, inner = self.split(s)
        return jnp.concatenate([model.inputs(inner), jnp.stack([s[name] for name in self.names])])

    def start(self, key):
        draw, inner = jr.split(key)
        values = jr.uniform(draw, (len(self.names),))
        values = jnp.asarray(self.low) + (jnp.asarray(self.high) - jnp.asarray(self.low)) * values
        point = Point("state", dict(zip(self.names, values, strict=True)))
        model, _ = self.split(point)
        return {**as_point("state", model.start(inner)).asdict(), **point.asdict()}

    def admissible(self, s):
        model, inner = self.split(s)
        return model.admissible(inner)

    def definitions(self, s, a):
        model, inner = self.split(s)
        return model.definitions(inner, a)
