"""Samplers hand out the points they promise, counted one by one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.recipe import AbstractSampler, Draws, Fixed, Minibatches, Replay, Rollout, Streamed


@eqx.filter_jit
def draw(sampler, memory, key, model=None, feed=None):
    return sampler.draw(model, memory, key, feed)


def stream(sampler, steps, model=None):
    """All batches of so many draws, one after the other."""
    memory, batches = sampler.init(model, jr.key(0)), []
    for t in range(steps):
        batch, memory = draw(sampler, memory, jr.fold_in(jr.key(1), t), model)
        batches.append(batch)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)


# ----------------------------------------------------------------------------------------------- minibatches


@pytest.mark.parametrize(
    ("n", "size", "updates"),
    [(12, 4, None), (10, 4, None), (7, 3, 1), (11, 5, 2), (6, 6, None), (5, 1, 3)],
)
def test_every_row_comes_exactly_once_per_epoch(n, size, updates):
    sampler = Minibatches(jnp.arange(n), size, updates=updates)
    rows = stream(sampler, steps=3 * n)
    assert rows.shape[1] == size
    epochs = rows.ravel()[: rows.size // n * n].reshape(-1, n)
    assert len(epochs) >= 3
    assert (np.sort(epochs, axis=1) == np.arange(n)).all()


def test_rows_are_shuffled_again_for_every_epoch():
    epochs = stream(Minibatches(jnp.arange(8), 4), steps=6).reshape(-1, 8)
    # 8! = 40320 orders: six epochs that share one have a chance of 15 / 40320, and the key is fixed
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 6
    assert any(epoch != sorted(epoch) for epoch in epochs.tolist())


@pytest.mark.parametrize(("size", "updates"), [(2, None), (3, None), (3, 1), (50, None)])
def test_only_the_given_rows_are_drawn(size, updates):
    chosen = np.array([1, 4, 5, 7, 8])
    drawn = stream(Minibatches(10 * np.arange(10), size, chosen, updates), steps=15).ravel()
    epochs = drawn[: drawn.size // 5 * 5].reshape(-1, 5)
    assert (np.sort(epochs, axis=1) == 10 * chosen).all()


def test_columns_of_a_table_stay_together():
    x = np.arange(12.0).reshape(6, 2)
    drawn_x, drawn_y = stream(Minibatches((x, x.sum(1)), 4), steps=5)
    assert drawn_x.shape == (5, 4, 2)
    np.testing.assert_array_equal(drawn_x.sum(2), drawn_y)


def test_a_batch_larger_than_the_table_is_the_table():
    rows = stream(Minibatches(jnp.arange(5), 100), steps=2)
    assert np.sort(rows, axis=1).tolist() == [[0, 1, 2, 3, 4]] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0, but must be a whole number of at least 1"),
        (
            {"batch_size": 1, "updates": 4},
            "updates is 4, but one step .* 3 rows make 3 batches of 1; ask for at most 3 and ta",
        ),
        ({"batch_size": 2, "rows": np.array([], int)}, "no rows to draw from; give a table with at least one row"),
    ],
)
def test_bad_arguments_of_minibatches(options, message):
    with pytest.raises(ValueError, match=f"Minibatches: .*{message}"):
        Minibatches(jnp.arange(3), **options)


# --------------------------------------------------------------------------------------- fixed, drawn, streamed


def test_fixed_is_one_batch_of_everything():
    table = (jnp.arange(6.0).reshape(3, 2), jnp.arange(3))
    x, y = stream(Fixed(table), steps=2)
    assert x.tolist() == [table[0].tolist()] * 2
    assert y.tolist() == [[0, 1, 2]] * 2


def test_draws_are_the_function_of_the_key_of_the_step():
    batches = stream(Draws(lambda key: jr.normal(key, (4,))), steps=2)
    expected = [jr.normal(jr.fold_in(jr.key(1), t), (4,)) for t in range(2)]
    # the same numbers, but compiled with and without fusion: a few units in the last place
    np.testing.assert_allclose(batches, expected, rtol=1e-6)


def test_streamed_is_what_arrived():
    batch, _ = draw(Streamed(), (), jr.key(0), feed=jnp.arange(3))
    assert batch.tolist() == [[0, 1, 2]]
    thrice, _ = draw(Streamed(updates=3), (), jr.key(0), feed={"x": jnp.arange(2), "y": 5})
    assert thrice["x"].tolist() == [[0, 1]] * 3
    assert thrice["y"].tolist() == [5] * 3
    with pytest.raises(ValueError, match=r"Streamed: no data arrived; call fit\(\.\.\., feed="):
        Streamed().draw(None, (), jr.key(0), None)


# --------------------------------------------------------------------------------------------------- rollouts


def name_paths(key, n):
    return {"path": jnp.arange(n), "t": jnp.zeros(n, int)}


def one_period(model, states, key):
    """Records say which path and which period they are from."""
    return {**states, "t": states["t"] + 1}, jnp.stack([states["path"], states["t"]], axis=1)


@pytest.mark.parametrize(("horizon", "paths", "updates", "epochs"), [(4, 3, 1, 1), (4, 3, 6, 1), (2, 3, 4, 2)])
def test_records_are_all_used_once_per_epoch(horizon, paths, updates, epochs):
    sampler = Rollout(name_paths, one_period, horizon, paths, updates, epochs)
    batches = stream(sampler, steps=2)
    assert batches.shape == (2 * updates, horizon * paths * epochs // updates, 2)
    for step, records in enumerate(batches.reshape(2, epochs, horizon * paths, 2)):
        # the second step goes on where the first one ended
        periods = range(step * horizon, (step + 1) * horizon)
        expected = sorted([path, t] for path in range(paths) for t in periods)
        for epoch in records:
            assert sorted(epoch.tolist()) == expected
            assert epoch.tolist() != expected, "the records are not shuffled"


def grow(model, states, key):
    return states * model["growth"], states


def from_one(key, n):
    return jnp.ones(n)


def test_a_rollout_simulates_with_the_model():
    sampler = Rollout(from_one, grow, horizon=3, paths=2)
    batch, memory = draw(sampler, jnp.ones(2), jr.key(0), {"growth": jnp.array(2.0), "name": "a static leaf"})
    assert sorted(batch.ravel().tolist()) == [1, 1, 2, 2, 4, 4]
    assert memory.tolist() == [8, 8]


def test_no_gradient_flows_through_the_simulation():
    sampler = Rollout(from_one, grow, horizon=3, paths=2)
    total = lambda growth: draw(sampler, jnp.ones(2), jr.key(0), {"growth": growth})[0].sum()
    assert total(jnp.array(2.0)) == 2 * (1 + 2 + 4)
    assert jax.grad(total)(jnp.array(2.0)) == 0.0


def returns(model, last, records):
    """The sum of what is still to come along each path."""
    return jnp.cumsum(records[::-1], axis=0)[::-1] + last


def test_finish_sees_whole_trajectories():
    batch, _ = draw(Rollout(from_one, grow, 3, 1, finish=returns), jnp.ones(1), jr.key(0), {"growth": jnp.array(2.0)})
    assert sorted(batch.ravel().tolist()) == [8 + 4, 8 + 4 + 2, 8 + 4 + 2 + 1]


def test_updates_of_a_rollout_must_divide():
    with pytest.raises(ValueError, match="Rollout: updates is 5, but must divide horizon x paths x epochs = 12"):
        Rollout(from_one, grow, horizon=3, paths=2, updates=5, epochs=2)


# ----------------------------------------------------------------------------------------------------- replay


class Counter(AbstractSampler):
    """The points 1, 2, 3, ... in turn, so many per draw."""

    count: int = eqx.field(static=True)

    def init(self, model, key):
        return jnp.array(1)

    def draw(self, model, memory, key, feed):
        return (memory + jnp.arange(self.count))[None], memory + self.count


def test_replay_holds_exactly_the_last_points():
    sampler = Replay(Counter(3), capacity=7, batch_size=5, updates=2)
    memory = sampler.init(None, jr.key(0))
    for t in range(1, 8):
        batch, memory = draw(sampler, memory, jr.fold_in(jr.key(0), t))
        assert batch.shape == (2, 5)
        last = list(range(max(1, 3 * t - 6), 3 * t + 1))  # at most seven, ending with the newest
        assert sorted(memory[1].tolist()) == [0] * (7 - len(last)) + last
        assert set(batch.ravel().tolist()) <= set(last), "a point was drawn that the buffer does not hold"


def test_replay_draws_from_everything_it_holds():
    sampler = Replay(Counter(2), capacity=6, batch_size=200)
    drawn = stream(sampler, steps=3)[-1]
    counts = np.bincount(drawn, minlength=7)[1:]
    # 200 uniform draws from 6: mean 33.3, standard deviation 5.3; four of them leave one chance in ten thousand
    assert (abs(counts - 200 / 6) < 4 * 5.3).all()


def test_a_rollout_reports_on_its_paths_and_replay_passes_it_on():
    rollout = Rollout(from_one, grow, 3, 2, summary=lambda states: {"height": states.mean()})
    sampler = Replay(rollout, capacity=6, batch_size=2)
    model = {"growth": jnp.array(2.0)}
    _, memory = draw(sampler, sampler.init(model, jr.key(0)), jr.key(1), model)
    assert sampler.report(memory) == rollout.report(memory[0]) == {"height": 8.0}
    assert Rollout(from_one, grow, 3, 2).report(memory[0]) == Counter(2).report(jnp.array(1)) == {}


def test_replay_must_hold_one_draw():
    with pytest.raises(ValueError, match="Replay: capacity is 4, but one draw brings 6 points; make it that large"):
        Replay(Counter(6), capacity=4, batch_size=2).init(None, jr.key(0))
