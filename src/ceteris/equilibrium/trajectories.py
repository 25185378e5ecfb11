"""The phase for economies of many agents: fit the equations on a handful of states along simulated paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import Ensemble, fit
from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.model import Model, start_states
from ceteris.equilibrium.phases import Phase, objective
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import compiled_quickly
from ceteris.equilibrium.simulate import walk
from ceteris.equilibrium.visits import Economies
from ceteris.keys import apart
from ceteris.nets import trainable
from ceteris.recipe import Fixed, LevenbergMarquardt


@dataclass(frozen=True)
class Trajectories:
    """Levenberg-Marquardt on states of a few simulated paths, all of which set out from the model's ``start``.

    The paths are those of the policy so far; a second phase draws others. How many states are enough does not depend
    on the number of agents: what the policy depends on is of low dimension, and where a path goes hardly varies (002).

    Parameters
    ----------
    states : int
        States that are fitted.
    steps : int
        Steps on them.
    paths, periods : int
        Of the simulation from which the states are picked.
    damping : float
        First damping of Levenberg-Marquardt.
    """

    states: int = 128
    steps: int = 10
    paths: int = 16
    periods: int = 64
    damping: float = 1e-2

    name = "trajectories"
    box_share = rest_share = 0.0  # all states are visited

    def __post_init__(self):
        if not 0 < self.states <= self.paths * self.periods:
            raise ValueError(
                f"Trajectories: states is {self.states}, but {self.paths} paths of {self.periods} periods have "
                f"{self.paths * self.periods}; ask for fewer states, or more paths."
            )

    def run(self, economies: Economies, rule: Rule, key: Array, monitors: Any, every: int, resume: Any) -> Phase:
        """Simulate, train; return the economies with their new policies, and the fit."""
        draw, train = apart(key, 2)
        visited = self.visited(economies, draw)
        data = picked(visited, draw, self.states, economies.members)
        algorithm = LevenbergMarquardt(
            unbuilt, objective(economies.model, rule), Fixed(data), damping=self.damping, trainable=trainable
        )
        if economies.members is not None:
            own = belonging(algorithm)
            algorithm = Ensemble(algorithm, economies.members, over=own, values=own(algorithm))
        run = fit(
            algorithm, train, steps=self.steps, every=min(every, self.steps), monitors=monitors,
            model=economies.policy, resume=resume,
        )  # fmt: skip
        starts = jax.tree.map(lambda a: a[0] if economies.members is None else a[:, 0], visited)
        return Phase(economies._replace(policy=run.model, states=starts), run)

    def visited(self, economies: Economies, key: Array) -> Point:
        """States of new paths under the economies' policies: leaves (periods, paths, ...), members first."""
        if economies.members is None:
            return _along_one(economies.model, economies.policy, key, self.paths, self.periods)
        return _along_each(economies.model, economies.policy, economies.keys(key), self.paths, self.periods)


def along_paths(model: Model, policy: Any, key: Array, paths: int, periods: int) -> Point:
    """States of new paths from the model's start, leaves (periods, paths, ...)."""
    start, simulate = jr.split(key)
    return walk(model, policy, start_states(model, start, paths), simulate, periods)[1]


_along_one = compiled_quickly(along_paths)


@compiled_quickly
def _along_each(models: Model, policies: Any, keys: Array, paths: int, periods: int) -> Point:
    one = lambda model, policy, key: along_paths(model, policy, key, paths, periods)
    return eqx.filter_vmap(one, in_axes=eqx.if_array(0))(models, policies, keys)


def picked(visited: Point, key: Array, n: int, members: int | None = None) -> Point:
    """At most ``n`` of the states on some paths, leaves (n, ...): as many of every member, from the same places."""
    lead = () if members is None else (members,)
    flat = jax.tree.map(lambda a: np.asarray(a).reshape(*lead, -1, *a.shape[len(lead) + 2 :]), visited)
    rng = np.random.default_rng(np.asarray(jr.key_data(key)))  # on the host: nothing to compile
    rows = rng.permutation(jax.tree.leaves(flat)[0].shape[len(lead)])[:n]
    return jax.device_put(jax.tree.map(lambda a: np.take(a, rows, len(lead)), flat))


def belonging(algorithm: Any) -> Callable[[Any], list[Any]]:
    """What belongs to a member of an ensemble: the parameters of its economy, and its states."""
    leaves = lambda a: jax.tree.leaves((a.objective, a.sampler))
    chosen = [i for i, leaf in enumerate(leaves(algorithm)) if eqx.is_array_like(leaf) and np.ndim(leaf)]
    return lambda a: [leaves(a)[i] for i in chosen]


def unbuilt(key: Array) -> Any:
    """Stand in for the builder of a policy that is always handed over."""
    raise AssertionError("the policy is always handed over")  # pragma: no cover
