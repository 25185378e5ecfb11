"""What one step of descent does, next to the same step in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax

from ceteris import nets
from ceteris.recipe import Descend, Fixed, Loss, optimiser
from ceteris.recipe.samplers import AbstractSampler

KEY = jr.key(0)
step = eqx.filter_jit(lambda rule, state: rule.step(state, KEY, None))


class InTurn(AbstractSampler):
    """The rows of a matrix as the batches of one step."""

    rows: jax.Array

    def init(self, model, key):
        return ()

    def draw(self, model, memory, key, feed):
        return self.rows, memory


def away(model, batch, key):
    return jnp.mean((model - batch) ** 2), {"distance": jnp.abs(model - batch.mean())}


def zero(key):
    return jnp.array(0.0)


def test_updates_of_one_step_follow_each_other():
    rows = np.array([[1.0, 3.0], [5.0, 5.0], [-2.0, 0.0]], np.float32)
    rule = Descend(zero, Loss(away), InTurn(jnp.asarray(rows)), optimiser("sgd", 0.1))
    state, info = step(rule, rule.init(KEY))
    m, losses, distances, norms = 0.0, [], [], []
    for row in rows:
        gradient = 2 * np.mean(m - row)
        losses.append(np.mean((m - row) ** 2))
        distances.append(abs(m - row.mean()))
        norms.append(abs(gradient))
        m -= 0.1 * gradient
    assert np.isclose(state.model, m)
    assert np.isclose(info["loss"], np.mean(losses)), "a step reports the average over its updates"
    assert np.isclose(info["distance"], np.mean(distances))
    assert np.isclose(info["gradient_norm"], np.mean(norms))


def test_a_given_model_is_where_descent_starts():
    rule = Descend(zero, Loss(away), Fixed(jnp.zeros(3)), optimiser("sgd", 0.1))
    state, _ = step(rule, rule.init(KEY, jnp.array(1.0)))
    assert np.isclose(state.model, 1 - 0.1 * 2)


def two(key):
    return {"free": jnp.zeros(2), "held": jnp.ones(2), "count": jnp.array(3)}


def sum_away(model, batch, key):
    return jnp.sum((model["free"] + model["held"] - batch) ** 2), {}


def test_only_what_is_trainable_moves():
    only_free = lambda model: {"free": True, "held": False, "count": False}
    rule = Descend(two, Loss(sum_away), Fixed(jnp.array([3.0, -1.0])), optimiser("adam", 0.1), trainable=only_free)
    state, info = step(rule, rule.init(KEY))
    assert state.model["held"].tolist() == [1, 1]
    assert state.model["count"] == 3
    np.testing.assert_allclose(state.model["free"], [0.1, -0.1], rtol=1e-5)  # Adam's first move is the rate
    assert np.isclose(info["gradient_norm"], 2 * np.hypot(2, 2)), "the norm is that of what moves"


def test_projection_follows_every_update():
    box = lambda m: jnp.clip(m, 0.0, 1.0)
    rows = jnp.array([[9.0], [0.5], [-9.0]])
    rule = Descend(zero, Loss(away), InTurn(rows), eqx.Partial(optax.sgd, 0.25), project=box)
    # 0 -> 4.5, cut to 1 -> 0.75 -> -4.125, cut to 0; without the cut in between 4.5 -> 2.5 -> -3.25
    state, info = step(rule, rule.init(KEY))
    assert state.model == 0.0
    assert np.isclose(info["loss"], (81 + 0.25 + 9.75**2) / 3)


def batch_loss(net, batch, key):
    y, buffers = net.training(batch, key)
    return jnp.mean(y**2), {"buffers": buffers}


def test_running_moments_are_kept_and_not_trained():
    x = jr.normal(jr.key(1), (20, 3)) * 2 + 1
    hypothesis = eqx.Partial(nets.MLP, 3, 1, 4, normalise="batch")
    rule = Descend(hypothesis, Loss(batch_loss), Fixed(x), optimiser("sgd", 0.1), trainable=nets.trainable)
    state = rule.init(KEY)
    moments = []
    for batches in (1, 2):
        dense = state.model.hidden[0].dense
        z = np.asarray(x) @ np.asarray(dense.weight) + np.asarray(dense.bias)
        moments.append((z.mean(0), z.var(0, ddof=1)))
        state, info = step(rule, state)
        running = state.model.hidden[0].norm.running
        # the first batches are averaged plainly; single precision
        np.testing.assert_allclose(running.mean, np.mean([m for m, _ in moments], axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(running.variance, np.mean([v for _, v in moments], axis=0), rtol=1e-4)
        assert running.batches == batches
        assert sorted(info) == ["gradient_norm", "loss"], "running moments are no quantity to log"
    assert np.abs(moments[0][0] - moments[1][0]).max() > 1e-5, "the weights did not move"
