"""The loop is ready for acting: policies learn in jitted worlds and in worlds of the host, and keep its promises."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import actors
from ceteris.engine import Ensemble, Status, fit
from ceteris.recipe import AbstractSampler, Descend, Loss, Streamed, optimiser
from ceteris.testing import check_algorithm
from ceteris.testing.algorithm import Poisoned

# chunks of four steps and worlds of one size throughout: a policy that acts takes five seconds to compile
EVERY = 4


# --------------------------------------------------------------------------------- the world and the formulas are right


def test_the_pole_moves_as_lagrange_says():
    """Accelerations solve M q'' = f of two coordinates, the pole being a uniform rod of half-length l; Euler's rule."""
    rng, l, m, M = np.random.default_rng(0), 0.5, 0.1, 1.0
    for s, a in zip(rng.normal(size=(20, 4)) * [1, 1, 0.1, 1], rng.integers(0, 2, 20), strict=True):
        sin, cos = np.sin(s[2]), np.cos(s[2])
        mass = np.array([[M + m, m * l * cos], [m * l * cos, 4 / 3 * m * l**2]])
        force = np.array([(-10, 10)[a] + m * l * s[3] ** 2 * sin, m * 9.8 * l * sin])
        speeds, spins = np.linalg.solve(mass, force)
        truth = s + 0.02 * np.array([s[1], speeds, s[3], spins])
        np.testing.assert_allclose(actors.moved(s, a, np)[0], truth, rtol=1e-12)
        np.testing.assert_allclose(actors.moved(jnp.asarray(s), a)[0], truth, rtol=1e-5, atol=1e-6)


def test_the_world_of_the_host_is_that_of_gymnasium():
    gymnasium = pytest.importorskip("gymnasium")
    theirs, ours = gymnasium.make("CartPole-v1"), actors.Pole()
    for seed in range(5):
        ours.reset(seed=seed)
        ours.s = np.array(theirs.reset(seed=seed)[0], float)
        theirs.unwrapped.state = ours.s.copy()
        over = False
        while not over:
            a = int(ours.s[2] + ours.s[3] > 0)  # balances for some hundred periods
            mine, yours = ours.step(a), theirs.step(a)
            np.testing.assert_allclose(mine[0], yours[0], rtol=1e-5, atol=1e-6)
            assert mine[1:4] == yours[1:4]
            over = yours[2] or yours[3]
    worlds = actors.Episodes(lambda: gymnasium.make("CartPole-v1"))
    run = fit(actors.hosted(), jr.key(0), steps=3, every=1, feed=worlds)
    assert run.ok
    assert (run.history["return"] > 8).all()  # no pole falls sooner


def test_advantages_are_their_sum_written_out():
    """A_t = Σ (γλ)^k δ_{t+k} to the end of the episode, where only a fall makes the value of what follows zero."""
    rng, T, n = np.random.default_rng(0), 12, 3
    model = actors.actor_and_critic(jr.key(0))
    terminal = rng.random((T, n)) < 0.15
    truncated = (rng.random((T, n)) < 0.15) & ~terminal
    played = {"s": rng.normal(size=(T, n, 4)), "s1": rng.normal(size=(T, n, 4)), "reward": rng.normal(size=(T, n))}
    played = {name: a.astype(np.float32) for name, a in played.items()}
    extra = {"a": np.zeros((T, n), int), "log_chance": np.zeros((T, n)), "counts": np.ones((T, n), bool)}
    played |= {"terminal": terminal, "truncated": truncated}
    learnt = eqx.filter_jit(actors.advantages)(model, None, played | extra)
    value = eqx.filter_jit(lambda model, s: jax.vmap(jax.vmap(model["critic"]))(s))
    v, v1 = np.asarray(value(model, played["s"])), np.asarray(value(model, played["s1"]))
    for i in range(n):
        for t in range(T):
            total, weight = 0.0, 1.0
            for u in range(t, T):
                following = 0.0 if terminal[u, i] else v1[u, i]
                total += weight * (played["reward"][u, i] + actors.DISCOUNT * following - v[u, i])
                weight *= actors.DISCOUNT * actors.TRACE
                if terminal[u, i] or truncated[u, i]:
                    break
            assert np.isclose(learnt["advantage"][t, i], total, rtol=1e-4, atol=1e-5)
            assert np.isclose(learnt["value"][t, i], total + v[t, i], rtol=1e-4, atol=1e-5)


# --------------------------------------------------------------------------------------------------- they keep promises


@pytest.mark.slow
def test_contract_in_a_jitted_world():
    check_algorithm(actors.jitted)


@pytest.mark.slow
def test_contract_in_worlds_of_the_host():
    # a stop and a resume give the same bits, since the seeds of all episodes are functions of the step
    check_algorithm(actors.hosted, feed=actors.Episodes(), every=1)


# ----------------------------------------------------------------------------------------------------------- they learn


def test_a_policy_learns_in_a_jitted_world_and_knows_that_of_the_host():
    run = fit(actors.jitted(), jr.key(0), steps=196, every=EVERY)  # 50,000 periods; 500 is the most there is
    assert run.ok
    assert run.history["return"][-10:].mean() > 400  # 500 for each of six seeds, here and below
    episodes = actors.Episodes(horizon=actors.LIMIT)(0, 1, run.model)
    assert episodes["return"].mean() > 400


def test_a_policy_learns_in_worlds_of_the_host():
    run = fit(actors.hosted(), jr.key(0), steps=20, every=1, feed=actors.Episodes())
    returns = run.history["return"]
    assert returns[0] < 40  # pushed at random a pole stays up for some twenty periods
    assert returns[-4:].mean() > 120  # 153 to 199 over six seeds, of 200, where episodes are cut


# --------------------------------------------------------------------------------------------- reports and early stops


def test_the_return_in_the_history_is_that_counted_by_hand():
    rule, key, steps = actors.jitted(), jr.key(3), 6
    play = eqx.filter_jit(actors.play)
    runs = [fit(rule, key, steps=t, every=EVERY) for t in range(steps + 1)]
    length, last = np.zeros(8, int), np.zeros(8)
    for t, run in enumerate(runs[:-1]):
        # the states and the draws of this step, period by period in Python
        draw, _ = jr.split(jr.fold_in(jr.fold_in(key, 1), t))
        states = run.state.sampler
        for k in jr.split(jr.split(draw)[0], 32):
            states, played = play(run.model, states, k)
            length += 1
            over = np.asarray(played["terminal"] | played["truncated"])
            last, length = np.where(over, length, last), np.where(over, 0, length)
        truth = last[last > 0].mean() if last.any() else np.nan
        assert np.isclose(runs[-1].history["return"][t], truth, equal_nan=True)
    assert last.any(), "no episode has ended"


def test_a_sweep_ends_where_the_policy_has_moved_far_enough():
    never, soon = (fit(actors.jitted(far), jr.key(0), steps=4, every=EVERY).history for far in (np.inf, 1e-5))
    assert never["updates"].tolist() == [20] * 4
    assert all((soon["updates"] >= 1) & (soon["updates"] < 20))  # the first batch is of the policy itself
    assert all(soon["divergence"] < 1.5e-5), "the average is over the updates that were made"


def test_a_target_is_copied_after_every_fifth_update_that_was_made():
    """Plain gradient descent, followed in NumPy, on a stream; sweeps of four updates, some of which stop early."""

    def start(key):
        return {"at": jnp.array(0.0), "target": jnp.array(0.0)}

    def away(model, row, key):
        return jnp.sum((model["at"] - row) ** 2), {"stop": jnp.abs(model["at"]) > 2.0}

    def copied(model, updates):
        return {**model, "target": jnp.where(updates % 5 == 0, model["at"], model["target"])}

    def feed(step, n):
        return np.array([[(1.0, -1.0, 6.0, 0.5)[t % 4]] for t in range(step, step + n)], np.float32)

    rule = Descend(start, Loss(away), Streamed(updates=4), eqx.Partial(optax.sgd, 0.1), project=copied)
    targets = []
    note = lambda run: targets.append(float(run.state.model["target"]))
    run = fit(rule, jr.key(0), steps=12, every=1, feed=feed, monitors=[note])
    at, target, updates, truth, made = 0.0, 0.0, 0, [], []
    for t in range(12):
        before = updates
        for _ in range(4):
            if abs(at) > 2:
                break
            at, updates = at - 0.2 * (at - feed(t, 1)[0, 0]), updates + 1
            target = at if updates % 5 == 0 else target
        truth.append(target)
        made.append(updates - before)
    np.testing.assert_allclose(targets, truth, rtol=1e-5)
    assert run.history["updates"].tolist() == made
    assert {1, 2, 3} & set(made), "the test needs a sweep that stops early"


# ---------------------------------------------------------------------------------------------- members that are frozen


def squares(model, batch, key):
    return jnp.mean((model - batch) ** 2), {}


class Wanders(AbstractSampler):
    """Points that move about; what is remembered is where they are."""

    def init(self, model, key):
        return jr.normal(key, (3,))

    def draw(self, model, memory, key, feed):
        memory = memory + jr.normal(key, (3,))
        return memory[None], memory


@pytest.mark.parametrize("by", [Status.NONFINITE, Status.REACHED])
def test_a_member_that_has_stopped_stays_as_it_was_while_its_sampler_goes_on(by):
    at, nan = 4, by == Status.NONFINITE
    rule = Descend(lambda key: jr.normal(key), Loss(squares), Wanders(), optimiser("adam"))
    poisoned = Poisoned(rule, jnp.array(False), jnp.array(at))
    members = Ensemble(poisoned, 2, lambda a: a.bad, jnp.array([False, nan]), how="vmap")
    judges = [] if nan else [lambda run: np.array([False, run.tick >= at])]
    then, run = (fit(members, jr.key(0), steps=steps, every=2, monitors=judges) for steps in (at, 3 * at))
    assert run.status.tolist() == [Status.FINISHED, by]
    arrays = lambda tree, i: [np.asarray(a[i]) for a in jax.tree.leaves(eqx.filter(tree, eqx.is_array))]
    same = lambda part, i: all(map(np.array_equal, arrays(part(run.state), i), arrays(part(then.state), i)))
    assert same(lambda state: state.model, 1)
    assert not same(lambda state: state.model, 0)
    assert not same(lambda state: state.sampler[1], 1)
    assert np.isnan(run.history["loss"][at + nan :, 1]).all()
