"""The phases of a solution: episodes of first-order steps, then Levenberg-Marquardt on fixed states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import Ensemble, Fit, fit
from ceteris.equilibrium.expectation import MonteCarlo, Rule
from ceteris.equilibrium.model import Model, start_states
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import Residuals
from ceteris.equilibrium.simulate import entries, mixed, next_period
from ceteris.equilibrium.visits import Economies, sampled
from ceteris.keys import apart
from ceteris.nets import trainable
from ceteris.recipe import Descend, Fixed, LevenbergMarquardt, Loss, PointResiduals, Rollout, optimiser


@dataclass(frozen=True)
class Episodes:
    """First-order steps on states simulated under the current policy (001, Algorithm 1).

    Parameters
    ----------
    steps : int
        Episodes; each simulates ``horizon`` periods on ``paths`` tracks and makes ``updates`` updates on them.
    rate : float
        Highest learning rate; it falls to a hundredth of it along a cosine.
    box_share, rest_share : float
        Shares of the states that come from the model's box and from around its steady state; the rest is visited.
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

    def __post_init__(self):
        refuse_shares(self.box_share, self.rest_share)

    name = "episodes"
    judged = 10_000  # fresh states, before it is called solved

    def run(self, economies: Economies, rule: Rule, key: Array, monitors: Any, every: int, resume: Any) -> Phase:
        """Train; return the economies with their new policies, and the fit."""
        build = optimiser(
            self.optimiser,
            self.rate,
            schedule="cosine",
            updates=self.steps * self.updates,
            clip=self.clip,
            floor=self.floor,
        )
        learn = objective(economies.model, rule)
        algorithm = Descend(_given, learn, self.sampler(economies), build, trainable=trainable)
        run = fitted(algorithm, economies, key, self.steps, monitors, every, resume)
        return Phase(economies._replace(policy=run.model, states=run.state.sampler), run)

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


@dataclass(frozen=True)
class Polish:
    """Levenberg-Marquardt steps on a sample of states that stays fixed for a round.

    Parameters
    ----------
    states : int
        States per round; simulated under the policy of the round's start.
    steps : int
        Steps of the round.
    box_share, rest_share : float
        Shares of the states that come from the model's box and from around its steady state; the rest is visited.
    spacing : int
        Periods between two states of one track.
    """

    states: int = 600
    steps: int = 25
    box_share: float = 0.0
    rest_share: float = 0.0
    spacing: int = 5
    damping: float = 1e-2

    def __post_init__(self):
        refuse_shares(self.box_share, self.rest_share)

    name = "polish"
    judged = 10_000

    def run(self, economies: Economies, rule: Rule, key: Array, monitors: Any, every: int, resume: Any) -> Phase:
        """Sample, train; return the economies with their new policies, and the fit."""
        draw, train = apart(key, 2)
        data, last = sampled(economies, draw, self.states, self.spacing, self.box_share, self.rest_share)
        algorithm = LevenbergMarquardt(
            _given, objective(economies.model, rule), Fixed(data), damping=self.damping, trainable=trainable
        )
        run = fitted(algorithm, economies, train, self.steps, monitors, every, resume)
        return Phase(economies._replace(policy=run.model, states=last), run)


class Phase(NamedTuple):
    """What a phase hands on."""

    economies: Economies
    run: Fit


class HowTrained(NamedTuple):
    """How training went in a phase, arrays over members: status, and the last loss that is a number, else NaN."""

    status: np.ndarray
    losses: np.ndarray

    @classmethod
    def of(cls, run: Fit) -> HowTrained:
        """Of the run of a phase."""
        status = np.atleast_1d(run.status)
        losses = np.asarray(run.history.get("loss", ())).reshape(-1, len(status))
        finite = losses[np.isfinite(losses).all(1)]
        return cls(status, finite[-1] if len(finite) else np.full(len(status), np.nan))


def refuse_shares(box_share: float, rest_share: float) -> None:
    """Raise if the shares of a mixture of states are not shares."""
    if min(box_share, rest_share) < 0 or box_share + rest_share > 1:
        raise ValueError(
            f"box_share, rest_share: {box_share} and {rest_share} given; shares that sum to at most 1 are allowed."
        )


class SquaredProduct(eqx.Module):
    """The mean product of two residuals from independent draws: unbiased for the squared conditional expectation."""

    model: Model
    rule: MonteCarlo

    def __call__(self, policy: Any, states: Point, key: Array) -> tuple[Array, dict[str, Array]]:
        half = Residuals(self.model, MonteCarlo(self.rule.draws // 2))
        n = jax.tree.leaves(states)[0].shape[0]
        first, second = (jax.vmap(lambda s, k: half(policy, s, k))(states, jr.split(k, n)) for k in jr.split(key))
        return jnp.mean(first * second), {}


def objective(model: Model, rule: Rule) -> Any:
    """Least squares of all residuals, or the product of two independent ones where only draws exist."""
    if isinstance(rule, MonteCarlo) and rule.product:
        return Loss(SquaredProduct(model, rule))
    return PointResiduals(Residuals(model, rule))


def _given(key: Array) -> Any:
    raise AssertionError("the policy is always handed over")  # pragma: no cover


def fitted(algorithm: Any, economies: Economies, key: Array, steps: int, monitors: Any, every: int, resume: Any) -> Fit:
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
