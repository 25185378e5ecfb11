"""A network that answers for many cohorts at once, and least squares for its last layer.

First-order steps find the hidden layers. What they leave unlearnt in the last one, where the output is linear in the
weights, is what tells apart cohorts whose cash moves together: directions with a hundredth of the usual spread. There
each output's equation can be solved at once, tomorrow's policy held fixed, which is time iteration by regression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.engine import AbstractAlgorithm, State
from ceteris.equilibrium.expectation import Rule
from ceteris.equilibrium.phases import Economies, Phase, fitted, sampled
from ceteris.equilibrium.policy import Residuals
from ceteris.nets.net import AbstractStateless


class Cohorts(AbstractStateless):
    """A perceptron for all cohorts at once, with kinks of their own for each of them.

    The first ``ages`` inputs belong to one cohort each. Policies inherit the kinks of tomorrow's limits, which a smooth
    network for sixty ages can only round off: so each age adds ``kinks`` hinges, whose place depends on its own
    input and, by way of the hidden layers, on the economy.
    """

    first: Array
    second: Array
    linear: Array
    out: Array
    place: Array
    own: Array
    turn: Array
    ages: int = eqx.field(static=True)

    def __init__(self, ages, inputs, outputs, first, second, kinks, *, key):
        self.ages, choices = ages, outputs // ages
        keys = jr.split(key, 3)
        weights = lambda i, n, m: jnp.concatenate([jr.normal(keys[i], (n, m)) / jnp.sqrt(n), jnp.zeros((1, m))])
        self.first, self.second = weights(0, inputs, first), weights(1, first, second)
        self.linear, self.out = jnp.zeros((inputs, outputs)), jnp.zeros((second + 1, outputs))
        places = jnp.tile(jnp.linspace(-1.5, 1.5, kinks), ages * choices)
        self.place = (0.3 * weights(2, second, ages * choices * kinks)).at[-1].set(places)
        self.own, self.turn = jnp.ones((ages * choices, kinks)), jnp.zeros((ages * choices, kinks))

    def features(self, x: Array) -> tuple[Array, Array]:
        """What the last layer combines: hidden units (..., second), and hinges (..., ages x choices, kinks)."""
        affine = lambda weight, a: a @ weight[:-1].astype(a.dtype) + weight[-1].astype(a.dtype)
        hidden = jnp.tanh(affine(self.second, jnp.tanh(affine(self.first, x))))
        rows, kinks = self.own.shape
        own = jnp.concatenate([x[..., : self.ages]] * (rows // self.ages), -1)[..., None] * self.own.astype(x.dtype)
        return hidden, jax.nn.relu(own + affine(self.place, hidden).reshape(*x.shape[:-1], rows, kinks))

    def __call__(self, x):
        z = x.astype(jnp.float32)  # seven digits are plenty for errors of 1e-5, and twice as fast
        single = lambda a: a.astype(jnp.float32)
        hidden, hinges = self.features(z)
        kinked = jnp.sum(hinges * single(self.turn), -1)
        y = z @ single(self.linear) + hidden @ single(self.out[:-1]) + single(self.out[-1])
        rows = len(self.own)
        y = jnp.concatenate([y[..., :rows] + kinked, y[..., rows:]], -1)
        return SCALE * y.astype(x.dtype)

    def moved(self, change: Array) -> Cohorts:
        """The network after a change (outputs, inputs + second + 1 + kinks) of the weights of its last layer."""
        linear, out, turn = jnp.split(change, (len(self.linear), len(self.linear) + len(self.out)), axis=1)
        new = (self.linear + linear.T, self.out + out.T, self.turn + turn)
        return eqx.tree_at(lambda net: (net.linear, net.out, net.turn), self, new)


SCALE = 10.0  # of the outputs: weights of order one go a long way


@dataclass(frozen=True)
class LastLayer:
    """Rounds of time iteration in which each output's last layer solves its own equation by least squares.

    For models with one equation per output, which depends on no other output once tomorrow is given, and a network of
    `Cohorts` with one choice per cohort.

    Parameters
    ----------
    rounds : int
    states : int
        Fresh states in each round, ``spacing`` periods apart.
    share : float
        Share of the way to the solution that a round goes.
    ridge : float
        Penalty on the change of the weights, relative to the mean square of what they multiply.
    """

    rounds: int = 20
    states: int = 6_000
    spacing: int = 4
    share: float = 0.5
    ridge: float = 1e-5

    name = "last layer"
    paths, box_share, rest_share = 100, 0.0, 0.0  # tracks, where no phase before it has more

    def run(self, economies: Economies, rule: Rule, key: Array, monitors: Any, every: int, resume: Any) -> Phase:
        """Solve; return the economies with their new policies, and the fit."""
        objective = Residuals(economies.model, rule)
        rounds = Rounds(objective, economies.states, self.states, self.spacing, self.share, self.ridge)
        run = fitted(rounds, economies, key, self.rounds, monitors, every, resume)
        return Phase(economies._replace(policy=run.model, states=run.state.sampler), run)


class Rounds(AbstractAlgorithm):
    """The step of `LastLayer`."""

    objective: Residuals
    sampler: Any
    states: int = eqx.field(static=True)
    spacing: int = eqx.field(static=True)
    share: float
    ridge: float

    def init(self, key, model=None):
        return State(model, None, self.sampler)

    def step(self, state, key, feed):
        draw, errors = jr.split(key)
        model = self.objective.model
        batch, last = sampled(model, state.model, state.sampler, draw, n=self.states, spacing=self.spacing)
        r, slope = by_output(self.objective, state.model, batch, errors)
        change = self.share * last_layer(state.model, jax.vmap(model.inputs)(batch), r, slope, self.ridge)
        policy = eqx.tree_at(lambda p: p.net, state.model, state.model.net.moved(change))
        return State(policy, None, last), {"loss": jnp.mean(r**2)}

    def evaluate(self, state, key):
        return {}


class Shifted(eqx.Module):
    """A policy whose raw outputs are shifted by a constant."""

    policy: Any
    shift: Array

    def __call__(self, x):
        return self.policy(x) + self.shift


def by_output(residuals: Residuals, policy: Any, batch: Any, key: Array) -> tuple[Array, Array]:
    """Residuals (states, outputs), and how each moves with its own raw output while tomorrow stays as it is."""
    ones = jnp.ones_like(policy.size.size)

    def one(s):
        return jax.jvp(lambda shift: residuals(Shifted(policy, shift), s, key), (0 * ones,), (ones,))

    return jax.vmap(one)(batch)


def last_layer(policy: Any, inputs: Array, r: Array, slope: Array, ridge: Any) -> Array:
    """The change of the last layer, one row per output, that brings each output's residuals closest to zero."""
    x = policy.scaling(inputs)
    hidden, hinges = policy.net.features(x)
    shared = jnp.concatenate([x, hidden, jnp.ones((len(x), 1))], 1)

    def one(given):
        r, slope, hinges = given
        X = jnp.concatenate([shared, hinges], 1) * slope[:, None]
        G = X.T @ X
        penalty = ridge * jnp.trace(G) / len(G) + 1e-20  # a cohort whose limit always binds has nothing to solve
        return -jnp.linalg.solve(G + penalty * jnp.eye(len(G)), X.T @ r)

    change = jax.lax.map(one, (r.T, slope.T, hinges.transpose(1, 0, 2)))
    return change / (SCALE * policy.size.size)[:, None]
