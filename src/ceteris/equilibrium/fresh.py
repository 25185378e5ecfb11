"""States that training has not seen, and the errors there: a thousand first, ten thousand before a word is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine.ensemble import take
from ceteris.equilibrium.accuracy import errors_at, finer, normal_dimension
from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import finished
from ceteris.equilibrium.trajectories import Trajectories, picked
from ceteris.equilibrium.visits import Economies, sampled

if TYPE_CHECKING:
    from ceteris.equilibrium.solve import Plan

CHUNK = 1_000  # states judged at once: one compiled program, whatever their number in the end
SPACING = 7  # periods between two of them on one path
TOURS = 2  # simulations of `Trajectories`, all states of which are judged


def member(economies: Economies, i: int) -> Economies:
    """One economy of many, or the only one."""
    if economies.members is None:
        return economies
    own = lambda tree: take(tree, jnp.asarray(i))
    return Economies(own(economies.model), own(economies.policy), own(economies.states))


def in_use(plan: Plan, economies: Economies) -> Economies:
    """The economies with their policies as they are used: looking ahead, where the model wants that."""
    return economies._replace(policy=finished(economies.model, economies.policy, plan.rule))


def fresh(plan: Plan, used: Economies, key: Array) -> Iterator[Point]:
    """States that the economies come to, chunk by chunk, members first where there are many."""
    phase = plan.phases[-1]
    if isinstance(phase, Trajectories):  # whose paths all set out from the model's start
        size = 2 * phase.states
        for i in range(TOURS):
            again = key if i == 0 else jr.fold_in(key, i)
            states = picked(phase.visited(used, again), again, phase.paths * phase.periods, used.members)
            axis = 0 if used.members is None else 1
            for start in range(0, jax.tree.leaves(states)[0].shape[axis], size):
                part = (slice(start, start + size),) if axis == 0 else (slice(None), slice(start, start + size))
                chunk = jax.tree.map(lambda a: a[part], states)  # noqa: B023
                if start == 0 or jax.tree.leaves(chunk)[0].shape[axis] == size:
                    yield chunk
        return
    for i in range(-(-phase.judged // CHUNK)):
        again = key if i == 0 else jr.fold_in(key, i)
        data, last = sampled(used, again, CHUNK, SPACING)
        used = used._replace(states=last)
        yield data


def errors_of(plan: Plan, used: Economies, data: Point, rule: Rule | None = None) -> dict[str, np.ndarray]:
    """Residuals by equation, leaves (members, states, ...), by default with a finer rule than the one trained with."""
    rule = finer(plan.rule, normal_dimension(used.model))[0] if rule is None else rule
    if used.members is None:
        found = errors_at(used.model, used.policy, data, rule)
        return {name: np.asarray(value)[None] for name, value in found.items()}
    at = lambda model, policy, states: errors_at(model, policy, states, rule)
    found = eqx.filter_vmap(at, in_axes=eqx.if_array(0))(used.model, used.policy, data)
    return {name: np.asarray(value) for name, value in found.items()}


@dataclass(frozen=True)
class Errors:
    """Sums and largest values of absolute errors by equation, arrays over members, over as many states as were seen."""

    sums: dict[str, np.ndarray]
    largest: dict[str, np.ndarray]
    sizes: dict[str, int]  # numbers per state
    states: int

    @classmethod
    def of(cls, signed: dict[str, np.ndarray]) -> Errors:
        """Of the residuals at some states."""
        flat = {name: np.abs(value).reshape(*value.shape[:2], -1) for name, value in signed.items()}
        n = next(iter(flat.values())).shape[1]
        sums = {name: value.sum((1, 2)) for name, value in flat.items()}
        largest = {name: value.max((1, 2)) for name, value in flat.items()}
        return cls(sums, largest, {name: value.shape[2] for name, value in flat.items()}, n)

    def __add__(self, more: Errors) -> Errors:
        sums = {name: value + more.sums[name] for name, value in self.sums.items()}
        largest = {name: np.maximum(value, more.largest[name]) for name, value in self.largest.items()}
        return Errors(sums, largest, self.sizes, self.states + more.states)

    def means(self) -> np.ndarray:
        """Mean over all equations and states, by member."""
        return np.sum(list(self.sums.values()), 0) / (self.states * sum(self.sizes.values()))

    def tops(self) -> np.ndarray:
        """Largest of all equations, by member."""
        return np.max(np.stack(list(self.largest.values())), 0)

    @property
    def where(self) -> str:
        """Which equation is worst."""
        worst = lambda name: float(np.max(np.nan_to_num(self.largest[name], nan=np.inf)))
        return f"equation {max(self.largest, key=worst)}"

    def meet(self, tolerance: tuple[float, float]) -> np.ndarray:
        """Whether mean and largest are within the tolerance, by member."""
        return (self.means() <= tolerance[0]) & (self.tops() <= tolerance[1])
