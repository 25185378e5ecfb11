"""What one step of descent does, next to the same step in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

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
    box = lambda m, updates: jnp.clip(m, 0.0, 1.0)
    rows = jnp.array([[9.0], [0.5], [-9.0]])
    rule = Descend(zero, Loss(away), InTurn(rows), eqx.Partial(optax.sgd, 0.25), project=box)
    # 0 -> 4.5, cut to 1 -> 0.75 -> -4.125, cut to 0; without the cut in between 4.5 -> 2.5 -> -3.25
    state, info = step(rule, rule.init(KEY))
    assert state.model == 0.0
    assert np.isclose(info["loss"], (81 + 0.25 + 9.75**2) / 3)


def test_projection_knows_how_many_updates_were_made():
    """A running average of the iterates (Polyak and Ruppert), of which NumPy takes the mean afterwards."""

    def average(model, updates):
        return {"at": model["at"], "mean": model["mean"] + (model["at"] - model["mean"]) / updates}

    def away(model, batch, key):
        return jnp.mean((model["at"] - batch) ** 2), {}

    rows = np.array([[1.0, 3.0], [5.0, 5.0], [-2.0, 0.0]], np.float32)
    start = lambda key: {"at": jnp.array(0.0), "mean": jnp.array(0.0)}
    rule = Descend(start, Loss(away), InTurn(jnp.asarray(rows)), optimiser("sgd", 0.1), project=average)
    state, path, m = rule.init(KEY), [], 0.0
    for _ in range(2):
        state, _ = step(rule, state)
        for row in rows:
            m -= 0.1 * 2 * np.mean(m - row)
            path.append(m)
    assert np.isclose(state.model["mean"], np.mean(path))
    assert state.optimiser[1] == 6


# ------------------------------------------------------------------------------------------ stopping a sweep early


def away_until(model, batch, key):
    loss = jnp.mean((model - batch) ** 2)
    return loss, {"stop": jnp.abs(model) > 1.5, "distance": jnp.abs(model - batch.mean())}


@pytest.mark.parametrize("start", [0.0, 2.0, 1.2])
@pytest.mark.parametrize("rows", [[1.0, 8.0, 3.0, -20.0, 3.0], [4.0]])
def test_updates_from_the_first_stop_on_are_not_made(start, rows):
    """The same loop in Python, which breaks."""
    rule = Descend(zero, Loss(away_until), InTurn(jnp.asarray(rows)[:, None]), optimiser("momentum", 0.1))
    state, info = step(rule, rule.init(KEY, jnp.array(start)))
    m, trace, losses = start, 0.0, []
    for row in rows:
        if abs(m) > 1.5:
            break
        losses.append((m - row) ** 2)
        trace = 0.9 * trace + 2 * (m - row)
        m -= 0.1 * trace
    assert info["updates"] == len(losses)
    assert "stop" not in info
    assert np.isclose(state.model, m)
    memory = [float(a) for a in jax.tree.leaves(state.optimiser)]
    assert np.isclose(memory[0], trace), "the optimiser remembers updates that were not made"
    assert np.isclose(info["loss"], np.mean(losses) if losses else (m - rows[0]) ** 2)


def test_each_member_of_an_ensemble_stops_when_it_must():
    rule = Descend(zero, Loss(away_until), InTurn(jnp.array([[9.0], [1.0], [2.0]])), optimiser("sgd", 0.1))
    states = jax.vmap(lambda m: rule.init(KEY, m))(jnp.array([0.0, -0.5, 3.0]))
    ended, info = eqx.filter_vmap(lambda state: rule.step(state, KEY, None))(states)
    assert info["updates"].tolist() == [1, 3, 0]
    np.testing.assert_allclose(ended.model[::2], [1.8, 3.0], rtol=1e-6)


@pytest.mark.parametrize(("stop", "what"), [(jnp.zeros(2, bool), r"bool\(2,\)"), (0.5, r"float32\(\)")])
def test_a_stop_that_is_not_one_truth_is_refused(stop, what):
    loss = Loss(lambda model, batch, key: (model**2, {"stop": stop}))
    rule = Descend(zero, loss, Fixed(jnp.zeros(1)), optimiser("sgd", 0.1))
    with pytest.raises(ValueError, match=f"stop: the objective reports {what}; report one true or false"):
        step(rule, rule.init(KEY))


# ------------------------------------------------------------------------------------------- samplers that report


class Walk(AbstractSampler):
    """A random walk that tells where it is."""

    name: str = eqx.field(static=True, default="height")
    shape: tuple = eqx.field(static=True, default=())

    def init(self, model, key):
        return jnp.array(0.0)

    def draw(self, model, memory, key, feed):
        return jnp.ones((2, 1)), memory + jr.normal(key)

    def report(self, memory):
        return {self.name: jnp.full(self.shape, memory)}


def test_what_a_sampler_reports_is_logged():
    rule = Descend(zero, Loss(away), Walk(), optimiser("sgd", 0.1))
    state, info = step(rule, rule.init(KEY))
    assert info["height"] == state.sampler != 0
    assert sorted(info) == ["distance", "gradient_norm", "height", "loss"]


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Walk("loss"), "Walk: its report holds 'loss', which the step logs already; choose another name"),
        (Walk("distance"), "Walk: its report holds 'distance', which the step logs already"),
        (Walk("height", (3,)), r"Walk: its report holds 'height' of shape \(3,\), but scalars are logged; average it"),
    ],
)
def test_a_report_that_cannot_be_logged_is_refused(sampler, message):
    rule = Descend(zero, Loss(away), sampler, optimiser("sgd", 0.1))
    with pytest.raises(ValueError, match=message):
        step(rule, rule.init(KEY))


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
