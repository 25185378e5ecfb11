"""What comes from the host: asked for in time, refused in words, and what a step may not do to a state."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.engine import AbstractAlgorithm, Checkpoint, State, Status, fit
from ceteris.recipe import Descend, Draws, Loss, Rollout, Streamed


def zero(key):
    return jnp.array(0.0)


def away(model, batch, key):
    return jnp.mean((model - batch) ** 2), {}


def mean():
    return Descend(zero, Loss(away), Streamed(), eqx.Partial(optax.sgd, 0.1))


def rows(step, n):
    return np.arange(step, step + n, dtype=np.float32)[:, None] * np.ones(4, np.float32)


# --------------------------------------------------------------------------------------------------- when it is asked


def test_a_feed_is_asked_while_the_device_works_and_one_that_sees_the_model_afterwards():
    def feed(step, n):
        said.append(("asked", step))
        return rows(step, n)

    def acting(step, n, model):
        seen.append(float(model))
        return feed(step, n)

    def told(run):
        said.append(("recorded", run.tick))
        models.append(float(run.state.model))

    said, seen, models = [], [], []
    ahead = fit(mean(), jr.key(0), steps=5, every=2, feed=feed, monitors=[told])
    assert said == [("asked", 0), ("asked", 2), ("recorded", 2), ("asked", 4), ("recorded", 4), ("recorded", 5)]
    said.clear(), models.clear()
    behind = fit(mean(), jr.key(0), steps=5, every=2, feed=acting, monitors=[told])
    assert said == [("asked", 0), ("recorded", 2), ("asked", 2), ("recorded", 4), ("asked", 4), ("recorded", 5)]
    assert seen == [0.0, *models[:2]]
    assert models[-1] == behind.model == ahead.model


@pytest.mark.parametrize("acting", [False, True])
def test_an_error_in_a_feed_is_raised_when_its_chunk_is_due(acting, tmp_path):
    def feed(step, n, *model):
        if step >= 4:
            raise RuntimeError("the river is dry")
        return rows(step, n)

    path, ticks = tmp_path / "run", []
    given = (lambda step, n, model: feed(step, n)) if acting else (lambda step, n: feed(step, n))
    monitors = [Checkpoint(path, seconds=0), lambda run: ticks.append(run.tick)]
    with pytest.raises(RuntimeError, match="the river is dry"):
        fit(mean(), jr.key(0), steps=8, every=2, feed=given, monitors=monitors)
    assert ticks == [2, 4]
    resumed = fit(mean(), jr.key(0), steps=8, every=2, feed=rows, monitors=[lambda run: None], resume=path)
    assert resumed.model == fit(mean(), jr.key(0), steps=8, every=2, feed=rows).model


def test_a_file_that_a_feed_cannot_read_ends_the_run_and_keeps_it():
    def feed(step, n):
        if step >= 4:
            raise FileNotFoundError("rows-4.parquet is not there")
        return rows(step, n)

    with pytest.warns(RuntimeWarning, match=r"or the feed could not read: rows-4\.parquet is not there"):
        run = fit(mean(), jr.key(0), steps=8, every=2, feed=feed)
    assert (run.tick, run.status) == (4, Status.INTERRUPTED)


# ------------------------------------------------------------------------------------------------- what it may not give


def ended(step, n):
    raise StopIteration


ENDS = r"feed: it ended at step 4 of 8; give it more data, or take fewer steps\."
KINDS = "; types and shapes have to stay the same"


@pytest.mark.parametrize(
    ("feed", "sentence"),
    [
        (lambda step, n: None, ENDS),
        (lambda step, n: (), ENDS),
        (ended, ENDS),
        (lambda step, n, model: ended(step, n), ENDS),
        (lambda step, n: rows(step, n)[1:], "feed: an array with 1 entries was given for the 2 steps from step 4 on"),
        (
            lambda step, n: rows(step, n).T,
            "with 4 entries .* return arrays with one entry per step, or take fewer steps",
        ),
        (lambda step, n: 3.0, "feed: an array with no entries was given for the 2 steps from step 4 on"),
        (lambda step, n: rows(step, n)[:, 1:], r"from step 4 on it gives float32\[3\] per step where .* float32\[4\]"),
        (lambda step, n: rows(step, n).astype(int), rf"gives int32\[4\] per step where it gave float32\[4\].*{KINDS}"),
        (
            lambda step, n: {"x": rows(step, n), "y": rows(step, n)},
            rf"float32\[4\], float32\[4\] per step where.*{KINDS}",
        ),
    ],
)
def test_a_feed_that_changes_or_ends_is_refused(feed, sentence):
    ticks = []
    given = (lambda s, n, m: feed(s, n, m) if s >= 4 else rows(s, n)) if feed.__code__.co_argcount > 2 else None
    given = given or (lambda s, n: feed(s, n) if s >= 4 else rows(s, n))
    with pytest.raises(ValueError, match=sentence):
        fit(mean(), jr.key(0), steps=8, every=2, feed=given, monitors=[lambda run: ticks.append(run.tick)])
    assert ticks == [2, 4], "what was learnt before is lost"


# ------------------------------------------------------------------------------------ what a step may not do to a state


class Changes(AbstractAlgorithm):
    """Turns its model and what it reports into something else."""

    model: object = eqx.field(static=True)
    info: object = eqx.field(static=True)

    def init(self, key, model=None):
        return State(jnp.array(0.0), (), ())

    def step(self, state, key, feed):
        return State(self.model(state.model), (), ()), self.info(state.model)

    def evaluate(self, state, key):
        return {}


def same(x):
    return x


def loss(x):
    return {"loss": x}


KEEPS = "but a state keeps its types and shapes; convert what the step returns"


@pytest.mark.parametrize(
    ("model", "info", "sentence"),
    [
        (lambda x: x.astype(int), loss, rf"step turns state\.model from float32\[\] into int32\[\], {KEEPS}"),
        (lambda x: x[None], loss, rf"step turns state\.model from float32\[\] into float32\[1\], {KEEPS}"),
        (lambda x: None, loss, rf"step turns state\.model from float32\[\] into nothing, {KEEPS}"),
        (lambda x: (x, x), loss, rf"step turns state\.model from float32\[\] into nothing, {KEEPS}"),
        (same, lambda x: {"cost": x}, r"step reports cost, but info\['loss'\] is needed"),
        (same, lambda x: {}, r"step reports nothing, but info\['loss'\] is needed"),
        (same, lambda x: {"loss": x[None]}, r"step reports loss of shape \(1,\), but only scalars are logged"),
    ],
)
def test_a_step_that_changes_the_state_is_refused(model, info, sentence):
    with pytest.raises(ValueError, match=f"algorithm: its {sentence}"):
        fit(Changes(model, info), jr.key(0), steps=1)


def stays(model, states, key):
    return states, states


def places(key, n):
    return jnp.arange(float(n))


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (
            lambda states: {"place": states},
            r"Rollout: its report holds 'place' of shape \(3,\), but scalars are logged",
        ),
        (lambda states: {"loss": states[0]}, "Rollout: its report holds 'loss', which the step logs already"),
        (lambda states: {"place": "home"}, "Rollout: its report holds 'place' of type str, but scalars are logged"),
        (lambda states: {"place": None}, "Rollout: its report holds 'place' of type NoneType, but scalars are logged"),
    ],
)
def test_a_sampler_that_reports_no_scalars_is_refused(summary, sentence):
    sampler = Rollout(places, stays, horizon=1, paths=3, summary=summary)
    with pytest.raises(ValueError, match=sentence):
        fit(Descend(zero, Loss(away), sampler, eqx.Partial(optax.sgd, 0.1)), jr.key(0), steps=1)


# ---------------------------------------------------------------------------------------------- resuming, if there is


def test_a_run_goes_on_if_there_is_one(tmp_path):
    points = Descend(zero, Loss(away), Draws(jr.normal), eqx.Partial(optax.sgd, 0.1))
    with pytest.raises(ValueError, match='fit: resume is "if there", but no Checkpoint is among the monitors; add one'):
        fit(points, jr.key(0), steps=4, resume="if there")
    checkpoint = Checkpoint(tmp_path / "run")
    first = fit(points, jr.key(0), steps=4, monitors=[checkpoint], resume="if there")
    second = fit(points, jr.key(0), steps=8, monitors=[checkpoint], resume="if there")
    assert (len(first.history["loss"]), len(second.history["loss"])) == (4, 8)
    assert second.model == fit(points, jr.key(0), steps=8).model
