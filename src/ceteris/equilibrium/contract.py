"""Whether a model's functions fit together: found out before any work, in the model's own words."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ceteris import keys
from ceteris.engine import precision
from ceteris.equilibrium.contract_points import check_points
from ceteris.equilibrium.expectation import Rule, default_rule
from ceteris.equilibrium.linearise import linearise
from ceteris.equilibrium.mistakes import in_the_models_words
from ceteris.equilibrium.model import Model, actions, count_outputs, residuals, steady_state, traced
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import compiled_quickly, expectation
from ceteris.equilibrium.recipe import recipe_of
from ceteris.equilibrium.shocks import AbstractShock, Markov, Normal
from ceteris.equilibrium.simulate import starts_of
from ceteris.results import Check


def refuse_broken(model: Model, rule: Rule, needs_target: bool = False) -> None:
    """Trace the model once at its starting state with raw outputs of zero; raise one sentence for what is wrong."""
    name = type(model).__name__
    shocks = model.shocks()
    for label, shock in shocks.items():
        if not isinstance(shock, AbstractShock):
            raise TypeError(
                f"{name}: shock {label!r} is {type(shock).__name__}, but must be Normal(), Markov(...) or Drawn(...)."
            )
    model = traced(model)
    s = one_start(model)
    for shock in shocks.values():
        if isinstance(shock, Markov) and shock.state not in list(s):
            raise ValueError(
                f"{name}: a Markov shock names the state {shock.state!r}, but the states are {', '.join(s)}; "
                "name the state that holds the chain."
            )
    for label, value in s.items():
        if not np.isfinite(value).all():
            raise ValueError(f"{name}: start gives state {label!r} the value {value}, which is not finite; correct it.")
    x, a, s1, found, aim, unknowns = jax.tree.map(np.asarray, at_zero(model, s, rule))
    jax.eval_shape(lambda s, a: (model.definitions(s, a), model.truth(s), model.admissible(s)), s, a)
    if any(leaf.ndim < 1 or not np.isfinite(leaf).all() for leaf in jax.tree.leaves(x)):
        raise ValueError(
            f"{name}: inputs returned {x} at the starting state, but a vector of finite numbers is needed; use "
            "jnp.stack([...]) of what the policy depends on."
        )
    refuse_infinite(name, "action", a)
    for label, value in s1.items():
        if not np.isfinite(value).all():
            raise ValueError(
                f"{name}: move leads from the starting state to a value of {label!r} that is not finite; keep the "
                "state in its domain for every shock."
            )
    refuse_infinite(name, "equation", found)
    if needs_target and type(model).target is Model.target:
        raise ValueError(
            f"target: {name} has none, but Regression and looks_ahead need to know what the network should have "
            "answered given tomorrow; write target(s, a, E), or leave looks_ahead out and choose Episodes."
        )
    count = sum(value.size for _, value in found.items())
    if aim is not None:  # an equation for every output
        refuse_incomplete_target(model, aim)
    elif count < unknowns:
        raise ValueError(
            f"{name}: residuals returns {count} numbers ({', '.join(found)}) for {unknowns} unknown outputs "
            f"({', '.join(model.outputs())}); a model needs at least as many equations as unknowns."
        )


def one_start(model: Model) -> Point:
    """One starting state."""
    return jax.device_put(jax.tree.map(lambda a: np.asarray(a)[0], starts_of(model, keys.key(0), 1)))


@compiled_quickly
def at_zero(model: Model, s: Point, rule: Rule) -> tuple[Any, ...]:
    """Inputs, actions, successors, residuals and target at raw outputs of zero, and how many outputs there are."""
    x, m = model.inputs(s), count_outputs(model)
    still = lambda x: jnp.zeros((*jax.tree.leaves(x)[0].shape[:-1], m))  # one row of outputs per row of the first input
    a = actions(model, still(x), s)
    E = expectation(model, still, s, a, rule, keys.key(0))
    aim = model.target(s, a, E)
    # a network asked row by row is one unknown function, not one per row
    return x, a, E.s1, residuals(model, s, a, E), None if aim is None else as_point("raw output", aim), m


def refuse_incomplete_target(model: Model, aim: Point) -> None:
    """Raise if a target is not a value for each raw output."""
    shapes, wanted = {name: np.shape(value) for name, value in aim.items()}, model.outputs()
    if shapes != {name: tuple(shape) for name, shape in wanted.items()}:
        raise ValueError(
            f"{type(model).__name__}: target returned {shapes}, but the network's outputs are {wanted}; return each "
            "of them in its shape."
        )
    refuse_infinite(type(model).__name__, "target", aim)


def refuse_infinite(name: str, kind: str, point: Point) -> None:
    """Raise if an action or residual at the starting state is not finite."""
    for label, value in point.items():
        if not np.isfinite(value).all():
            raise ValueError(
                f"{name}: {kind} {label!r} is {np.asarray(value)} at the starting state with raw outputs of zero, but "
                "must be finite; check its formula there (a logarithm or power of a number that is not positive?)."
            )


def check_model(model: Model, rule: Rule | None = None, seed: int = 0) -> tuple[Check, ...]:
    """Examine a model where training begins and where it may come to, and report in its own words.

    Returns
    -------
    tuple of Check
        Whether its functions fit together, actions, tomorrow's states, residuals and gradients are finite, paths stay
        in the model's domain, and the state it names as steady rests. What goes wrong where training begins fails;
        what goes wrong only at random outputs is not judged, for `solve` may never come there. Each names the state.

    Examples
    --------
    >>> from ceteris.equilibrium.models.growth import Growth
    >>> all(check.passed for check in check_model(Growth()))
    True
    """
    name = "the functions fit together"
    try:
        rule = default_rule(model.shocks())[0] if rule is None else rule
        with precision("double"), in_the_models_words():
            refuse_broken(model, rule, recipe_of(model).looks_ahead)
            found = _after_one(traced(model), rule, seed)
    except Exception as error:  # whatever a user's function raises is the finding
        return (Check(name, False, " ".join(str(error).split())),)
    return (Check(name, True, "Shapes, names and types of states, actions and residuals agree."), *found)


def _after_one(model: Model, rule: Rule, seed: int) -> tuple[Check, ...]:
    """What is found once the functions are known to fit together at one point."""
    rest, linear = Check("steady state", None, "The model names none, which is allowed."), None
    if steady_state(model) is not None:
        if all(isinstance(shock, Normal) for shock in model.shocks().values()):
            found = linearise(model)
            rest, linear = Check("steady state", found.ok, found.sentence), found.policy
        else:
            rest = Check("steady state", None, "A chain has no zero shock, so it cannot be checked without risk.")
    return (*check_points(model, rule, linear, keys.key(seed)), rest)
