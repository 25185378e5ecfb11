"""How good a policy in the making is, on states it visits, and the sentence that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import equinox as eqx
import numpy as np
from jax import Array

from ceteris.equilibrium.accuracy import errors_at, finer, normal_dimension
from ceteris.equilibrium.phases import Economies, sampled
from ceteris.equilibrium.policy import finished
from ceteris.equilibrium.trajectories import Trajectories, picked

if TYPE_CHECKING:
    from ceteris.equilibrium.solve import Plan


def judged(plan: Plan, economies: Economies, key: Array, n: int = 1000) -> tuple[np.ndarray, np.ndarray, str]:
    """Mean and largest error on fresh simulated states, by member, and which equation is worst."""
    used = economies._replace(policy=finished(economies.model, economies.policy, plan.rule))
    model, policy = used.model, used.policy
    if isinstance(plan.phases[-1], Trajectories):
        data = picked(plan.phases[-1].visited(economies, key), key, 2 * plan.phases[-1].states, economies.members)
    else:
        data, _ = used.each(eqx.Partial(sampled, n=n, spacing=7), economies.keys(key))
    one = economies if economies.members is None else None
    rule, _ = finer(plan.rule, normal_dimension(model))
    if one is not None:
        found = errors_at(model, policy, data, rule)
        axis = lambda value: tuple(range(np.ndim(value)))
    else:
        at = lambda model, policy, states: errors_at(model, policy, states, rule)
        found = eqx.filter_vmap(at, in_axes=eqx.if_array(0))(model, policy, data)
        axis = lambda value: tuple(range(1, np.ndim(value)))
    absolute = {name: np.abs(np.asarray(value)) for name, value in found.items()}
    means = {name: value.mean(axis(value)) for name, value in absolute.items()}
    tops = {name: value.max(axis(value)) for name, value in absolute.items()}
    sizes = {name: value[0].size if one is None else value.size for name, value in absolute.items()}
    total = sum(sizes.values())
    mean = sum(means[name] * sizes[name] for name in means) / total
    worst = max(tops, key=lambda name: float(np.max(np.nan_to_num(tops[name], nan=np.inf))))
    return np.asarray(mean), np.max(np.stack([np.asarray(v) for v in tops.values()]), 0), f"equation {worst}"


def culprit(plan: Plan, economies: Economies, key: Array, n: int = 1000) -> str:
    """In which state, and in which equation, the last finite policy first meets a number that is not finite."""
    data, _ = sampled(economies.model, economies.policy, economies.states, key, n=n, spacing=1)
    found = errors_at(economies.model, economies.policy, data, plan.rule)
    for name, value in found.items():
        bad = np.flatnonzero(~np.isfinite(np.asarray(value).reshape(n, -1)).all(1))
        if bad.size:
            where = ", ".join(f"{k} = {np.array2string(np.asarray(v[bad[0]]), precision=4)}" for k, v in data.items())
            return f"Equation {name!r} is not finite at {where}. The last finite weights are kept."
    return (
        "The last finite weights are kept; all equations are finite on the states they visit: lower the rate, or the "
        "share of a Regression."
    )


def verdicts(plan: Plan, entry: dict[str, Any], engine: str) -> list[str]:
    """One sentence per member: whether its errors meet the tolerance; ``engine`` is what the engine said of its run."""
    said = []
    for mean, largest in zip(np.atleast_1d(entry["mean"]), np.atleast_1d(entry["max"]), strict=True):
        figures = f"mean error {mean:.2e}, largest {largest:.2e} ({entry['where']})"
        if not np.isfinite(mean):
            said.append(f"NOT solved: {entry['where']} is not finite on simulated states. {engine}")
        elif mean <= plan.tolerance[0] and largest <= plan.tolerance[1]:
            said.append(f"Solved to tolerance: {figures} on fresh states.")
        else:
            wanted = f"{plan.tolerance[0]:.0e} and {plan.tolerance[1]:.0e}"
            said.append(f"NOT solved to tolerance: {figures} on fresh states, where {wanted} were asked for.")
    return said
