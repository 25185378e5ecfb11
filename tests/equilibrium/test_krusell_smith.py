"""The economy of Krusell and Smith: what must hold whatever the policy, and the slow route."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.equilibrium import Polish, TimeIteration, solve
from ceteris.equilibrium.model import start_states
from ceteris.equilibrium.models.krusell_smith import (
    EMPLOYMENT,
    UNEMPLOYMENT,
    KrusellSmith,
    KrusellSmithAgents,
    lottery,
)
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import act, advance, blank_compiled, compiled_quickly
from truth import krusell_smith as truth


@pytest.fixture(autouse=True)
def _double():
    with precision("double"):
        yield


def first(model):
    s = jax.tree.map(lambda a: a[0], compiled_quickly(start_states)(model, jax.random.key(1), 2))
    return s, blank_compiled(model, s, None, (8,), "tanh", jax.random.key(0))


def test_the_lottery_keeps_mass_and_mean():
    grid, rng = 250 * jnp.linspace(0, 1, 60) ** 2, np.random.default_rng(0)
    k1, mass = jnp.asarray(rng.uniform(0, 250, 300)), jnp.asarray(rng.dirichlet(np.ones(300)))
    moved = lottery(grid, k1, mass)
    assert float(moved.sum()) == pytest.approx(1, rel=1e-13)
    assert float(moved @ grid) == pytest.approx(float(mass @ k1), rel=1e-13)


def test_the_chain_of_employment_is_the_published_one():
    joint = np.array([[0.875, 0.125], [0.125, 0.875]])[:, None, :, None] * EMPLOYMENT.transpose(0, 2, 1, 3)
    np.testing.assert_allclose(joint.reshape(4, 4), truth.JOINT, atol=2e-6)


@pytest.mark.parametrize("model", [KrusellSmith(nodes=50), KrusellSmithAgents(population=100)])
def test_shares_and_mean_capital_follow_from_what_households_do(model):
    s, policy = first(model)

    @compiled_quickly
    def moved(s, z1):
        return advance(model, policy, s, Point("shock", {"z": z1})), model.saved(s, policy(model.inputs(s)))

    for z1 in (0, 1, 1, 0, 0):
        s1, saved = moved(s, jnp.asarray(z1))
        idle = s1.mass[0].sum() if isinstance(model, KrusellSmith) else jnp.mean(s1.e == 0)
        assert float(idle) == pytest.approx(UNEMPLOYMENT[z1], rel=1e-6)  # a mean of booleans is in single precision
        assert float(model.capital(s1)) == pytest.approx(float(saved), rel=1e-12)
        s = s1


def test_the_order_of_households_does_not_matter():
    model = KrusellSmithAgents(population=100)
    s, policy = first(model)
    order = np.random.default_rng(3).permutation(100)
    shuffled = s.replace(k=s.k[order], e=s.e[order])
    saved = compiled_quickly(lambda s: act(model, policy, s).k1)
    np.testing.assert_allclose(saved(shuffled), saved(s)[order], rtol=1e-12)


@pytest.mark.slow
def test_the_log_counts_the_steps_of_all_rounds():
    phase = TimeIteration(Polish(states=20, steps=2), rounds=3, momentum=0.5)
    solution = solve(KrusellSmithAgents(population=50, points=2), phases=(phase,), widths=(4,))
    assert solution.log[0]["steps"] == 6


@pytest.mark.slow
def test_rounds_of_one_step_recover_from_steps_that_are_too_long():
    phase = TimeIteration(Polish(states=20, steps=1, damping=1e-5), rounds=8)
    model = KrusellSmith(nodes=50, points=2)
    short, long = (solve(model, phases=(replace(phase, rounds=n),), seed=1) for n in (1, 8))
    assert long.log[0]["loss"] < 0.1 * short.log[0]["loss"]


@pytest.mark.slow
def test_the_slow_route_finds_the_known_capital_and_a_rule_that_fits():
    solution = truth.solve()
    assert 39.3 < solution.K[200:].mean() < 39.6
    assert solution.R2.min() > 0.9999
