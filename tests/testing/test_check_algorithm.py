"""The contract suite must fail, in words, for algorithms that are broken on purpose."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.engine import AbstractAlgorithm, State
from ceteris.recipe import Descend, Draws, Fixed, Loss, Streamed
from ceteris.testing import check_algorithm, count_compilations


def away(model, batch, key):
    return jnp.mean((model - batch) ** 2), {}


def anywhere(key):
    return jr.normal(key)


def zero(key):
    return jnp.array(0.0)


def points(key):
    return jr.normal(key, (4,))


def sgd():
    return eqx.Partial(optax.sgd, 0.1)


def test_an_algorithm_that_ignores_its_key():
    with pytest.raises(AssertionError, match="two seeds gave the same weights: the key is not used"):
        check_algorithm(lambda: Descend(zero, Loss(away), Fixed(jnp.ones(3)), sgd()), steps=4)


def test_a_feed_that_reads_on_instead_of_reading_at_the_step():
    reader = itertools.count()
    feed = lambda step, n: np.array([[next(reader)] for _ in range(n)], float)
    with pytest.raises(AssertionError, match="after a stop and a resume the weights differ by"):
        check_algorithm(lambda: Descend(anywhere, Loss(away), Streamed(), sgd()), steps=4, feed=feed)


class Clockwork(AbstractAlgorithm):
    """Takes a number from the host whenever it is traced, so that it depends on how often it was compiled."""

    clock = itertools.count()

    def init(self, key, model=None):
        return State(jr.normal(key) if model is None else model, (), ())

    def step(self, state, key, feed):
        model = 0.5 * state.model + next(self.clock)
        return State(model, (), ()), {"loss": model**2}

    def evaluate(self, state, key):
        return {}


def test_a_number_that_is_compiled_in():
    with pytest.raises(AssertionError, match="with chunks of one step instead of many the weights differ by"):
        check_algorithm(Clockwork, steps=4)


def test_a_rule_that_is_compiled_again_for_every_fit():
    with pytest.raises(AssertionError, match=r"a second fit of the same shapes compiled [1-9]"):
        check_algorithm(lambda: Descend(anywhere, Loss(away), Draws(points), lambda: optax.sgd(0.1)), steps=4)


class Batchwise(AbstractAlgorithm):
    """Moves by what depends on the other members of an ensemble: not the single run with its key."""

    def init(self, key, model=None):
        return State(jr.normal(key) if model is None else model, (), ())

    def step(self, state, key, feed):
        @jax.custom_batching.custom_vmap
        def move(model):
            return 0.5 * model

        @move.def_vmap
        def move_all(size, batched, model):
            return 0.5 * model + model.mean(), True

        model = move(state.model)
        return State(model, (), ()), {"loss": model**2}

    def evaluate(self, state, key):
        return {}


def test_members_that_see_each_other():
    with pytest.raises(AssertionError, match=r"a member of an ensemble \(how='vmap'\) and the single run with its key"):
        check_algorithm(Batchwise, steps=4)


def test_programs_are_counted_once_each():
    triple = jax.jit(lambda x: 3 * x)
    x, longer = jnp.ones(3), jnp.ones(4)
    with count_compilations() as compiled:
        triple(x)
        triple(x)
    assert len(compiled) == 1
    with count_compilations() as compiled:
        triple(longer)
    assert len(compiled) == 1, "another shape is another program"
