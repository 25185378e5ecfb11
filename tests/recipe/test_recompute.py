"""What is computed again is what was computed before, and is not kept."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris import nets
from ceteris.engine import precision
from ceteris.nets.mlp import Layer
from ceteris.recipe import Descend, Fixed, Loss, optimiser
from ceteris.recipe.recompute import recomputed

KEY = jr.key(0)


class Block(eqx.Module):
    """Narrow, wide, narrow, added to its input: what repeats in a transformer."""

    up: jax.Array
    down: jax.Array

    def __call__(self, x):
        return x + jax.nn.gelu(x @ self.up) @ self.down


class Deep(eqx.Module):
    blocks: list

    def __init__(self, key, depth=12):
        pair = lambda key: jr.normal(key, (2, 32, 256)) / 32
        self.blocks = [Block(up, down.T) for up, down in map(pair, jr.split(key, depth))]

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def size(model, batch, key):
    return jnp.mean(model(batch) ** 2), {}


def rule(recompute):
    batch = jr.normal(jr.key(1), (512, 32))
    return Descend(lambda key: Deep(key), Loss(size), Fixed(batch), optimiser("sgd", 1.0), recompute=recompute)


def test_the_steps_are_the_same():
    models = []
    for recompute in ((), (Block,)):
        with precision("double"):
            state, _ = eqx.filter_jit(lambda rule: rule.step(rule.init(KEY), KEY, None))(rule(recompute))
        models.append(jax.tree.leaves(state.model))
    for a, b in zip(*models, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_only_the_inputs_of_layers_are_kept():
    """What JAX keeps for the backward pass; XLA on a CPU merges both passes again, so that its memory tells nothing."""
    weights, rest = eqx.partition(Deep(KEY), eqx.is_inexact_array)
    x, kept = jr.normal(jr.key(1), (512, 32)), []
    for layers in ((), (Block,)):
        J = lambda weights: size(recomputed(eqx.combine(weights, rest), layers), x, KEY)[0]  # noqa: B023
        kept.append(sum(a.size for a in jax.tree.leaves(jax.vjp(J, weights)[1])))
    inputs = 13 * x.size + sum(a.size for a in jax.tree.leaves(weights))  # of twelve blocks, and the last output
    assert kept[1] < 1.1 * inputs
    assert kept[0] > 12 * 3 * 8 * x.size, "within a block several arrays eight times as wide are kept"


def training_loss(net, batch, key):
    y, buffers = net.training(batch, key)
    return jnp.mean(y**2), {"buffers": buffers}


def test_running_statistics_and_dropout_survive():
    build = eqx.Partial(nets.MLP, 3, 1, (8, 8), normalise="batch", dropout=0.2)
    x = jr.normal(jr.key(1), (20, 3)) * 2 + 1
    ends = []
    for recompute in ((), (Layer,)):
        one = Descend(build, Loss(training_loss), Fixed(x), optimiser("sgd", 0.1), nets.trainable, recompute=recompute)
        state, _ = eqx.filter_jit(lambda rule: rule.step(rule.init(KEY), KEY, None))(one)
        assert state.model.hidden[0].norm.running.batches == 1
        ends.append(eqx.filter(state.model, eqx.is_array))
    for a, b in zip(*map(jax.tree.leaves, ends), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # single precision


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(
        ValueError, match=r"recompute: Layer given, but the model has no such layer; name the class that re"
    ):
        recomputed(Deep(KEY, depth=1), (Layer,))
