"""Time iteration by regression: a wide random layer, and least squares for what stands behind it.

A network with one hidden layer whose weights are drawn once and stay as they are is linear in what is left to learn.
If a model can say what its network should have answered, given tomorrow's policy (`Model.target`), then a round of time
iteration is one linear regression for all outputs together, exact up to rounding, where first-order steps leave what
few states tell apart unlearnt. States are simulated under the policy as it improves.

References
----------
Judd, Maliar and Maliar (2011), "Numerically stable and accurate stochastic simulation approaches", Quantitative
Economics 2, for regressions on simulated states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import AbstractAlgorithm, State
from ceteris.equilibrium.model import Model, actions, flat, residuals
from ceteris.equilibrium.phases import AbstractVisits, Needs, PhaseEnd, fitted
from ceteris.equilibrium.policy import Policy, Residuals, expectation, target
from ceteris.equilibrium.simulate import spaced
from ceteris.nets import RandomFeatures


@dataclass(frozen=True)
class Regression(AbstractVisits):
    """Rounds of time iteration, in each of which the last layer is regressed on what it should have said.

    For models with a `Model.target` and a network of `RandomFeatures`.

    Parameters
    ----------
    rounds : int
    features : int
        How many of the network's random features take part.
    states : int
        Fresh states in each round, ``spacing`` periods apart on ``paths`` tracks.
    share : float
        Share of the way to the new answer that a round goes.
    ridge : float
        Penalty on the weights, relative to the mean square of what they multiply; it keeps the first rounds, when
        policies are far off, from answers that no state has asked for.
    """

    rounds: int = 20
    features: int = 3_000
    states: int = 20_000
    paths: int = 200
    spacing: int = 2
    share: float = 0.5
    ridge: float = 1e-9

    name = "regression"
    network = RandomFeatures
    needs_target = True
    judged = 3_000  # looking ahead is dear

    def __post_init__(self):
        for name in ("rounds", "features", "states", "paths", "spacing"):
            if getattr(self, name) < 1:
                raise ValueError(f"Regression: {name} is {getattr(self, name)}, but must be at least 1.")
        if not 0 <= self.share <= 1 or not self.ridge >= 0:
            raise ValueError(
                f"Regression: share is {self.share} and ridge {self.ridge}, but a share between 0 and 1 and a ridge of "
                "at least 0 are needed."
            )

    def needs(self):
        return Needs(self.paths)

    def run(self, economies, rule, key, monitors, resume):
        wide = economies.policy.net
        narrow = eqx.tree_at(lambda p: p.net, economies.policy, wide.narrowed(self.features))
        if np.any(wide.out[..., wide.first.shape[-2] + self.features : -1, :]):  # more has been learnt than is kept
            refit = eqx.Partial(refitted, self.features, self.states, self.spacing, self.ridge)
            narrow = economies.each(refit, economies.keys(jr.fold_in(key, 1)))
        sizes = (self.states, self.spacing, self.share, self.ridge)
        rounds = Rounds(Residuals(economies.model, rule), economies.states, *sizes)
        run = fitted(rounds, economies._replace(policy=narrow), key, self.rounds, self.every, monitors, resume)
        policy = eqx.tree_at(lambda p: p.net, run.model, run.model.net.widened(wide))
        return PhaseEnd(economies._replace(policy=policy, states=run.state.sampler), run)


def refitted(
    features: int, n: int, spacing: int, ridge: float, model: Model, policy: Policy, states: Any, key: Array
) -> Policy:
    """The policy with fewer features, which answers as closely as these can what it answered with all."""
    batch, _ = spaced(model, policy, states, key, n, spacing)
    x = policy.scaling(jax.vmap(model.inputs)(batch))
    narrow = policy.net.narrowed(features)
    out = regressed(narrow.features(x), policy.net(x), ridge)
    return eqx.tree_at(lambda p: p.net, policy, eqx.tree_at(lambda net: net.out, narrow, out))


class Rounds(AbstractAlgorithm):
    """The step of `Regression`."""

    objective: Residuals
    sampler: Any
    states: int = eqx.field(static=True)
    spacing: int = eqx.field(static=True)
    share: float
    ridge: float

    def init(self, key, model=None):
        return State(model, None, self.sampler)

    def step(self, state, key, feed):
        model, policy = self.objective.model, state.model
        draw, errors = jr.split(key)
        batch, last = spaced(model, policy, state.sampler, draw, self.states, self.spacing)
        given = (batch, jr.split(errors, self.states))
        gap, loss = jax.lax.map(lambda one: shortfall(self.objective, policy, *one), given, batch_size=250)
        x = policy.scaling(jax.vmap(model.inputs)(batch))
        net = policy.net
        # a state weighs as its squared error does: what is rare, and wrong, would else be left
        weights = jnp.clip(loss / (jnp.mean(loss) + 1e-30), 0.2, 10.0)
        wanted = regressed(net.features(x), net(x) + gap / policy.size.size, self.ridge, weights)
        policy = eqx.tree_at(lambda p: p.net.out, policy, net.out + self.share * (wanted - net.out))
        return State(policy, None, last), {"loss": jnp.mean(loss)}

    def evaluate(self, state, key):
        return {}


def shortfall(objective: Residuals, policy: Policy, s: Any, key: Array) -> tuple[Array, Array]:
    """What a policy's raw outputs lack of the model's target in one state, and its mean squared residual there."""
    model, rule = objective.model, objective.rule
    raw = policy(model.inputs(s))
    a = actions(model, raw, s)
    operator = expectation(model, policy, s, a, rule, key)
    return target(model, s, a, operator) - raw, jnp.mean(flat(residuals(model, s, a, operator)) ** 2)


def regressed(features: Array, y: Array, ridge: Any, weights: Array | float = 1.0) -> Array:
    """Coefficients (features, outputs) of the ridge regression of y on features, in the precision of y.

    Examples
    --------
    >>> x = jr.normal(jr.key(0), (50, 3))
    >>> print(regressed(x, x @ jnp.array([[1.0], [2.0], [-1.0]]), 1e-7).ravel().round(3))
    [ 1.  2. -1.]
    """
    root = jnp.sqrt(jnp.broadcast_to(jnp.asarray(weights, y.dtype), len(y)))[:, None]
    X, y = root * features, root * y
    G = X.T @ X
    ridge = jnp.maximum(ridge, 100 * jnp.finfo(y.dtype).eps)  # less could not be told from rounding
    G = G + ridge * jnp.trace(G) / len(G) * jnp.eye(len(G), dtype=y.dtype)
    return jax.scipy.linalg.solve(G, X.T @ y, assume_a="pos")
