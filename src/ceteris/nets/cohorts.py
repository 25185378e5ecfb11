"""A network that answers for many cohorts at once, with kinks of their own."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

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


SCALE = 10.0  # of the outputs: weights of order one go a long way
