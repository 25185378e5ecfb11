"""What a dynamic model has to say for itself; everything is a function of ONE point."""

from __future__ import annotations

import abc
import dataclasses
import inspect
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.equilibrium.declared import refuse_unknown
from ceteris.equilibrium.expectation import E
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.shocks import AbstractShock, Markov
from ceteris.equilibrium.symmetry import Exchangeable

Values = Mapping[str, Any] | Point
Box = Mapping[str, tuple[Any, Any]]


class Model(eqx.Module):
    """A dynamic equilibrium model in the symbols of its paper.

    Subclass it, make the parameters fields, and write the methods below in plain ``jax.numpy`` for one state ``s``
    and the actions ``a`` taken there; names are attributes (``s.k``). Parameters written as floats may be swept,
    differentiated and turned into states; sizes (``int``) fix shapes.

    Attributes
    ----------
    ranges : dict
        Open interval in which each parameter must lie, checked when the model is made.

    See Also
    --------
    ceteris.equilibrium.models.growth : the shortest complete example.
    """

    ranges: ClassVar[dict[str, tuple[float, float]]] = {}

    def __new__(cls, *args: Any, **parameters: Any):
        """Refuse what is no parameter, with the nearest that is."""
        if parameters:
            known = list(inspect.signature(cls.__init__).parameters.values())[1:]
            if not any(p.kind is p.VAR_KEYWORD for p in known):
                refuse_unknown(cls.__name__, [p.name for p in known], parameters)
        return super().__new__(cls)

    def __check_init__(self):
        for name, (low, high) in self.ranges.items():
            given = getattr(self, name)
            if isinstance(given, int | float | np.floating) and not low < given < high:
                above = f" and below {high:g}" if math.isfinite(high) else ""
                raise ValueError(
                    f"{type(self).__name__}: {name} is {given:g}, but must be above {low:g}{above}; change {name}."
                )

    # -------------------------------------------------------------------------------------- what a model must say

    @abc.abstractmethod
    def shocks(self) -> dict[str, AbstractShock]:
        """What is random, by name; ``{}`` for a model without risk."""

    @abc.abstractmethod
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the network's raw outputs; ``()`` is one number."""

    @abc.abstractmethod
    def actions(self, raw: Point, s: Point) -> Values:
        """Feasible actions from raw outputs: bounds live here, not in penalties; raw = 0 should be a sensible guess."""

    @abc.abstractmethod
    def move(self, s: Point, a: Point, shock: Point) -> Values:
        """Tomorrow's state."""

    @abc.abstractmethod
    def residuals(self, s: Point, a: Point, E: E) -> Values:
        """What is zero in equilibrium, by equation, free of units: a share of consumption, of output, of a price."""

    @abc.abstractmethod
    def start(self, key: Array) -> Values:
        """One state from which a simulation may start."""

    # --------------------------------------------------------------------------------------- what a model may say

    def inputs(self, s: Point) -> Any:
        """What the network sees, in any units (it is standardised): all states, chains as indicators.

        A matrix (agents, inputs) asks the same network for every agent; a dictionary goes to the network as it is.
        An exchangeable model's inputs are the set of its agents and what is common to all.
        """
        block = self.exchangeable()
        chains = {shock.state: shock.n for shock in self.shocks().values() if isinstance(shock, Markov)}
        alike = () if block is None else block.states
        encoded = lambda k, value: jax.nn.one_hot(value, chains[k]) if k in chains else jnp.ravel(value)
        x = jnp.concatenate([jnp.zeros(0), *(encoded(k, value) for k, value in s.items() if k not in alike)])
        return x if block is None else block.inputs(s, x)

    def steady_state(self) -> Values | None:
        """The state in which the economy rests if all shocks are zero, where there is one."""
        return None

    def truth(self, s: Point) -> Values | None:
        """The exact actions (or some of them), where a closed form exists."""
        return None

    def box(self) -> Box | None:
        """Lowest and highest value of each continuous state, for solutions and checks beyond the ergodic set."""
        return None

    def admissible(self, s: Point) -> Array:
        """Whether a simulation may go on from this state; one that may not is started again, and counted."""
        return jnp.array(True)

    def definitions(self, s: Point, a: Point) -> Values:
        """Further quantities for simulations, moments and responses: output, prices, consumption."""
        return {}

    def exchangeable(self) -> Exchangeable | None:
        """Which agents are alike, so that `solve` takes a network that does not depend on their order."""
        return None

    def target(self, s: Point, a: Point, E: E) -> Values | None:
        """The raw outputs, by name, that the network should have given in ``s`` if tomorrow is as ``E`` has it.

        For time iteration (`ceteris.equilibrium.regression`), where equations can be solved for what is learnt.
        """
        return None

    def recipe(self) -> Any:
        """How `solve` goes about this model, where the defaults are not the best: a `ceteris.equilibrium.Recipe`."""
        return None


def traced(model: Any) -> Any:
    """The model with its float parameters as arrays: another value of one compiles nothing."""
    as_array = lambda leaf: np.asarray(leaf) if isinstance(leaf, float) else leaf
    return jax.tree.map(as_array, model)


def on_host(model: Any) -> Any:
    """The model with its arrays as NumPy's, so that what it works out of its parameters alone compiles nothing."""
    return jax.tree.map(lambda leaf: np.asarray(leaf) if eqx.is_array(leaf) else leaf, model)


def parameters(model: Model) -> dict[str, Any]:
    """Names and values of all fields."""
    return {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}


def with_parameters(model: Any, **values: Any) -> Any:
    """The model with some fields replaced; unknown names and values out of range raise.

    Examples
    --------
    >>> from ceteris.equilibrium.models.growth import Growth
    >>> with_parameters(Growth(), beta=0.95).beta
    0.95
    >>> with_parameters(Growth(), bete=0.95)
    Traceback (most recent call last):
    ...
    ValueError: Growth has no parameter 'bete'; did you mean 'beta'? Its parameters are beta, alpha, delta, gamma, ...
    """
    refuse_unknown(type(model).__name__, parameters(model), values)
    return type(model)(**{**parameters(model), **values})


# ------------------------------------------------------------------------ the model's methods with names attached


def start_states(model: Model, key: Array, n: int) -> Point:
    """``n`` states to start from, leaves (n, ...)."""
    return jax.vmap(lambda k: as_point("state", model.start(k)))(jr.split(key, n))


def steady_state(model: Model) -> Point | None:
    """The model's steady state as a point, if it has one."""
    values = model.steady_state()
    return None if values is None else as_point("state", values)


def actions(model: Model, raw: Array, s: Point) -> Point:
    """Feasible actions from a flat vector of raw outputs (or one per agent, (agents, outputs))."""
    return as_point("action", model.actions(unpack(model, raw), s))


def unpack(model: Model, raw: Array) -> Point:
    """Name the raw outputs, which lie on the last axis."""
    values, start = {}, 0
    for name, shape in model.outputs().items():
        size = int(np.prod(shape))
        values[name] = raw[..., start : start + size].reshape(*raw.shape[:-1], *shape)
        start += size
    return Point("raw output", values)


def count_outputs(model: Model) -> int:
    """How many raw outputs the model wants."""
    return sum(int(np.prod(shape)) for shape in model.outputs().values())


def move(model: Model, s: Point, a: Point, shock: Point) -> Point:
    """Tomorrow's state, with the names and types of today's."""
    s1 = as_point("state", model.move(s, a, shock))
    if set(s1) != set(s):
        raise ValueError(
            f"{type(model).__name__}.move returned the states {', '.join(s1)}, but the states are {', '.join(s)}; "
            "return each of them."
        )
    for name, value in s.items():
        if jnp.shape(s1[name]) != jnp.shape(value):
            raise ValueError(
                f"{type(model).__name__}.move returned state {name!r} with shape {jnp.shape(s1[name])}, but start gave "
                f"it shape {jnp.shape(value)}; return the same shape."
            )
    cast = lambda name: jnp.asarray(s1[name], jnp.result_type(s[name]))
    return Point("state", {name: cast(name) for name in s})


def residuals(model: Model, s: Point, a: Point, operator: E) -> Point:
    """The model's residuals by equation."""
    return as_point("equation", model.residuals(s, a, operator))


def flat(values: Point) -> Array:
    """All entries of a point as one vector."""
    return jnp.concatenate([jnp.ravel(value) for _, value in values.items()])
