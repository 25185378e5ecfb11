"""The phases of a solution: what is done to a policy, on which states, one after the other.

`Episodes` are first-order steps on states that the policy visits as it is trained; `Polish` is Levenberg-Marquardt on
a sample of states that stays fixed, `TimeIteration` rounds of it with tomorrow's policy given, and `Trajectories` the
same on a few paths from the model's start. `ceteris.equilibrium.regression` has one more.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import Ensemble, Fit, Status, fit
from ceteris.equilibrium.expectation import MonteCarlo, Rule
from ceteris.equilibrium.model import Model, start_states
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import Residuals
from ceteris.equilibrium.simulate import (
    SEGMENT,
    Economies,
    entries,
    mixed,
    next_period,
    picked,
    sampled,
    set_out,
    simulated,
)
from ceteris.keys import apart, folded
from ceteris.nets import trainable
from ceteris.recipe import Descend, Fixed, LevenbergMarquardt, Loss, PointResiduals, Rollout, optimiser

CHUNK = 1_000  # states judged at once: one compiled program, whatever their number in the end
SPACING = 7  # periods between two of them on one path
TOURS = 2  # simulations of `Trajectories`, all states of which are judged


class Needs(NamedTuple):
    """What a phase needs of the simulation before the first step.

    These are the number of paths (0 if any will do), the number of states at once, and the shares of these that come
    from the model's box and from around its steady state.
    """

    paths: int = 0
    states: int = 1_000
    box_share: float = 0.0
    rest_share: float = 0.0


class PhaseEnd(NamedTuple):
    """The economies with the policies that a phase has found, and its run."""

    economies: Economies
    run: Fit


class AbstractPhase(abc.ABC):
    """One stage of a solution; this is all that `ceteris.equilibrium.solve` asks of it.

    Attributes
    ----------
    name : str
    every : int
        Steps between two looks of progress bars and checkpoints.
    network : type
        The only kind of network that it trains.
    needs_target : bool
        Whether the model must have a `Model.target`.
    """

    name: ClassVar[str]
    every: ClassVar[int] = 5
    network: ClassVar[type] = object
    needs_target: ClassVar[bool] = False

    @abc.abstractmethod
    def needs(self) -> Needs:
        """What the first simulation must have."""

    @abc.abstractmethod
    def first_states(self, economies: Economies, key: Array, needs: Needs) -> tuple[Point, Point]:
        """States on which inputs are standardised, if it is the first phase, and where the economies are then."""

    @abc.abstractmethod
    def run(self, economies: Economies, rule: Rule, key: Array, monitors: Any, resume: Any) -> PhaseEnd:
        """Train the policies of some economies."""

    @abc.abstractmethod
    def fresh_states(self, economies: Economies, key: Array) -> Iterator[Point]:
        """States on which the economies are judged if it is the last phase, chunk by chunk, members first."""


class AbstractVisits(AbstractPhase):
    """A phase on states that the economies come to, wherever they are.

    Attributes
    ----------
    judged : int
        Fresh states on which they are judged.
    """

    judged: ClassVar[int] = 10_000

    def first_states(self, economies, key, needs):
        _, states = simulated(economies, key, SEGMENT)
        economies, key = economies._replace(states=states), folded(key, 1)
        return sampled(economies, key, needs.states, box_share=needs.box_share, rest_share=needs.rest_share)

    def fresh_states(self, economies, key):
        for i in range(-(-self.judged // CHUNK)):
            data, last = sampled(economies, key if i == 0 else folded(key, i), CHUNK, SPACING)
            economies = economies._replace(states=last)
            yield data


# ------------------------------------------------------------------------------------------------- first-order steps


@dataclass(frozen=True)
class Episodes(AbstractVisits):
    """First-order steps on states simulated under the current policy (001, Algorithm 1).

    Parameters
    ----------
    steps : int
        How many episodes: each simulates, and makes updates on what it visited.
    paths : int
        Tracks that are simulated side by side.
    horizon : int
        Periods that an episode simulates.
    updates : int
        Updates that it makes, on as many batches.
    epochs : int
        How often each state it visited is used.
    rate : float
        Highest learning rate; it falls to ``floor`` of it along a cosine.
    optimiser : str
        One of those of `ceteris.recipe.optimiser`.
    clip : float, optional
        Largest norm of a gradient.
    box_share : float
        Share of the states that come from the model's box.
    rest_share : float
        Share of the states that come from around its steady state; what neither takes is visited.
    floor : float
        Share of the rate that is left at the end.
    """

    steps: int = 300
    paths: int = 256
    horizon: int = 4
    updates: int = 4
    epochs: int = 1
    rate: float = 3e-3
    optimiser: str = "adam"
    clip: float | None = 1.0
    box_share: float = 0.0
    rest_share: float = 0.0
    floor: float = 0.01

    name = "episodes"
    every = 100

    def __post_init__(self):
        refuse_shares(self.box_share, self.rest_share)
        visited = self.horizon * self.paths * self.epochs
        if self.updates < 1 or visited % self.updates:
            raise ValueError(
                f"Episodes: updates is {self.updates}, but must divide horizon x paths x epochs = {visited}; choose "
                "another number of updates, or of paths."
            )

    def needs(self):
        return Needs(self.paths, box_share=self.box_share, rest_share=self.rest_share)

    def run(self, economies, rule, key, monitors, resume):
        schedule = {"schedule": "cosine", "updates": self.steps * self.updates, "floor": self.floor}
        build = optimiser(self.optimiser, self.rate, clip=self.clip, **schedule)
        learn = objective(economies.model, rule)
        algorithm = Descend(no_builder, learn, self.sampler(economies), build, trainable=trainable)
        run = fitted(algorithm, economies, key, self.steps, self.every, monitors, resume)
        return PhaseEnd(economies._replace(policy=run.model, states=run.state.sampler), run)

    def sampler(self, economies: Economies) -> Rollout:
        """The states that the policy visits as it is trained, from those that the economies are in."""
        move = eqx.Partial(_visited, economies.model, self.box_share, self.rest_share)
        return Rollout(eqx.Partial(_go_on, economies.states), move, self.horizon, self.paths, self.updates, self.epochs)


def _go_on(states: Point, key: Array, paths: int) -> Point:
    return states


def _visited(
    model: Model, box_share: float, rest_share: float, policy: Any, states: Point, key: Array
) -> tuple[Point, Point]:
    """One period on all paths: the next states, and those to learn from."""
    simulate, fresh, place = jr.split(key, 3)
    after = next_period(model, policy, states, simulate)
    if not (box_share or rest_share):
        return after, states
    n = jax.tree.leaves(states)[0].shape[0]
    dice = jr.uniform(place, (n, 1 + entries(states)))
    return after, mixed(model, states, start_states(model, fresh, n), dice, box_share, rest_share)


# ------------------------------------------------------------------------------------------------------ least squares


@dataclass(frozen=True)
class Polish(AbstractVisits):
    """Levenberg-Marquardt steps on a sample of states that stays fixed for a round.

    Parameters
    ----------
    states : int
        States per round; simulated under the policy of the round's start.
    steps : int
        Steps of the round.
    box_share : float
        Share of the states that come from the model's box.
    rest_share : float
        Share of the states that come from around its steady state; what neither takes is visited.
    spacing : int
        Periods between two states of one track.
    damping : float
        First damping of Levenberg-Marquardt.
    """

    states: int = 600
    steps: int = 25
    box_share: float = 0.0
    rest_share: float = 0.0
    spacing: int = 5
    damping: float = 1e-2

    name = "polish"

    def __post_init__(self):
        refuse_shares(self.box_share, self.rest_share)

    def needs(self):
        return Needs(states=self.states, box_share=self.box_share, rest_share=self.rest_share)

    def run(self, economies, rule, key, monitors, resume):
        return self.round(economies, None, rule, key, monitors, resume)

    def round(
        self, economies: Economies, tomorrow: Any, rule: Rule, key: Array, monitors: Any, resume: Any
    ) -> PhaseEnd:
        """Sample and train, with the policy itself for tomorrow's, or another one."""
        draw, train = apart(key, 2)
        data, last = sampled(economies, draw, self.states, self.spacing, self.box_share, self.rest_share)
        learn = objective(economies.model, rule, tomorrow)
        algorithm = LevenbergMarquardt(no_builder, learn, Fixed(data), damping=self.damping, trainable=trainable)
        run = fitted(algorithm, economies, train, self.steps, self.every, monitors, resume)
        return PhaseEnd(economies._replace(policy=run.model, states=last), run)


@dataclass(frozen=True)
class TimeIteration(AbstractVisits):
    """Rounds of `Polish` in which tomorrow's policy is the one of the round's start.

    Only the stable solution attracts them. Least squares with both policies free may end at one with hardly an error
    on its states that saves, or eats, ever more: Euler equations alone barely say how much is consumed.

    Parameters
    ----------
    each : Polish
        One round.
    rounds : int
    momentum : float
        With momentum m tomorrow's weights are θ + m (θ - θ₋): an error that a round shrinks to 0.993 falls to 0.96 with
        m = 0.8.
    """

    each: Polish = field(default_factory=Polish)
    rounds: int = 100
    momentum: float = 0.0

    name = "time iteration"

    def needs(self):
        return self.each.needs()

    def run(self, economies, rule, key, monitors, resume):
        steps, before, one = 0, economies.policy, self.each
        for i in range(self.rounds):
            tomorrow = jax.tree.map(lambda new, old: new + self.momentum * (new - old), economies.policy, before)
            # no resume: an interrupted phase begins again, for what it left behind is one round of many
            end = one.round(economies, tomorrow, rule, jr.fold_in(key, i), monitors, None)
            # a round too short to find the damping it needs hands on what it found; else none would ever make a step
            one = replace(one, damping=max(self.each.damping, float(np.max(end.run.state.optimiser))))
            before, economies = economies.policy, end.economies
            steps += int(end.run.tick)
            if np.any(end.run.status == Status.INTERRUPTED):
                break
        return PhaseEnd(economies, replace(end.run, tick=steps))


@dataclass(frozen=True)
class Trajectories(AbstractPhase):
    """Levenberg-Marquardt on states of a few simulated paths, all of which set out from the model's ``start``.

    This is for economies of many agents. The paths are those of the policy so far; a second phase draws others. How
    many states are enough does not depend on the number of agents: what the policy depends on is of low dimension, and
    where a path goes hardly varies (002).

    Parameters
    ----------
    states : int
        States that are fitted.
    steps : int
        Steps on them.
    paths : int
        Paths of the simulation from which the states are picked.
    periods : int
        Periods of that simulation.
    damping : float
        First damping of Levenberg-Marquardt.
    """

    states: int = 128
    steps: int = 10
    paths: int = 16
    periods: int = 64
    damping: float = 1e-2

    name = "trajectories"

    def __post_init__(self):
        if not 0 < self.states <= self.paths * self.periods:
            raise ValueError(
                f"Trajectories: states is {self.states}, but {self.paths} paths of {self.periods} periods have "
                f"{self.paths * self.periods}; ask for fewer states, or more paths."
            )

    def needs(self):
        return Needs(self.paths)

    def visited(self, economies: Economies, key: Array) -> Point:
        """States of new paths under the economies' policies: leaves (periods, paths, ...), members first."""
        return set_out(economies, key, self.paths, self.periods)

    def first_states(self, economies, key, needs):
        return picked(self.visited(economies, key), key, 1_000, economies.members), economies.states

    def fresh_states(self, economies, key):
        size, axis = 2 * self.states, economies.axis
        for i in range(TOURS):
            again = key if i == 0 else folded(key, i)
            states = picked(self.visited(economies, again), again, self.paths * self.periods, economies.members)
            for start in range(0, jax.tree.leaves(states)[0].shape[axis], size):
                part = (*axis * (slice(None),), slice(start, start + size))
                chunk = jax.tree.map(lambda a: a[part], states)  # noqa: B023
                if start == 0 or jax.tree.leaves(chunk)[0].shape[axis] == size:
                    yield chunk

    def run(self, economies, rule, key, monitors, resume):
        draw, train = apart(key, 2)
        visited = self.visited(economies, draw)
        data = Fixed(picked(visited, draw, self.states, economies.members))
        learn = objective(economies.model, rule)
        algorithm = LevenbergMarquardt(no_builder, learn, data, damping=self.damping, trainable=trainable)
        run = fitted(algorithm, economies, train, self.steps, self.every, monitors, resume)
        starts = jax.tree.map(lambda a: a[0] if economies.members is None else a[:, 0], visited)
        return PhaseEnd(economies._replace(policy=run.model, states=starts), run)


# ------------------------------------------------------------------------------------------------- what phases share


def refuse_shares(box_share: float, rest_share: float) -> None:
    """Raise if the shares of a mixture of states are not shares."""
    if min(box_share, rest_share) < 0 or box_share + rest_share > 1:
        raise ValueError(
            f"box_share, rest_share: {box_share} and {rest_share} given; shares that sum to at most 1 are allowed."
        )


class SquaredProduct(eqx.Module):
    """The mean product of two residuals from independent draws: unbiased for the squared conditional expectation."""

    residuals: Residuals

    def __call__(self, policy: Any, states: Point, key: Array) -> tuple[Array, dict[str, Array]]:
        n = jax.tree.leaves(states)[0].shape[0]
        drawn = lambda k: jax.vmap(lambda s, k: self.residuals(policy, s, k))(states, jr.split(k, n))
        first, second = (drawn(k) for k in jr.split(key))
        return jnp.mean(first * second), {}


def objective(model: Model, rule: Rule, tomorrow: Any = None) -> Any:
    """Least squares of all residuals, or the product of two independent ones where only draws exist."""
    if isinstance(rule, MonteCarlo) and rule.product:
        return Loss(SquaredProduct(Residuals(model, MonteCarlo(rule.draws // 2), tomorrow)))
    return PointResiduals(Residuals(model, rule, tomorrow))


def no_builder(key: Array) -> Any:
    """Stand in for the builder of a policy that is always handed over."""
    raise AssertionError("the policy is always handed over")  # pragma: no cover


def fitted(algorithm: Any, economies: Economies, key: Array, steps: int, every: int, monitors: Any, resume: Any) -> Fit:
    """Train one economy, or all of them side by side."""
    if economies.members is not None:
        # what belongs to a member: the parameters of its economy, wherever they are, and its states
        leaves = lambda a: jax.tree.leaves((a.objective, a.sampler))
        own = [i for i, leaf in enumerate(leaves(algorithm)) if eqx.is_array_like(leaf) and np.ndim(leaf)]
        chosen = lambda a: [leaves(a)[i] for i in own]
        algorithm = Ensemble(algorithm, economies.members, over=chosen, values=chosen(algorithm))
    return fit(
        algorithm, key, steps=steps, every=min(every, steps), monitors=monitors, model=economies.policy, resume=resume
    )
