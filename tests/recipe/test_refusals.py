"""Settings that cannot work are refused in one sentence, before any work."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import recipes
from ceteris.engine import fit
from ceteris.recipe import (
    Descend,
    Draws,
    Fixed,
    LevenbergMarquardt,
    Loss,
    Minibatches,
    PointResiduals,
    Replay,
    Rollout,
    Streamed,
    optimiser,
)
from ceteris.testing import count_compilations


@pytest.mark.parametrize(
    "options", [{"rate": 0.1}, {"clip": 1.0}, {"accumulate": 2}, {"schedule": "cosine", "updates": 9}]
)
def test_lbfgs_takes_no_settings_of_first_order_rules(options):
    with pytest.raises(ValueError, match="lbfgs takes no rate, schedule, clip or accumulate"):
        optimiser("lbfgs", **options)


def test_counts_are_at_least_one():
    with pytest.raises(ValueError, match="accumulate is 0"):
        optimiser("adam", accumulate=0)
    for updates in (0, -1):
        with pytest.raises(ValueError, match=f"updates is {updates}, but must be None or a whole number of at least 1"):
            Minibatches(jnp.arange(5), 2, updates=updates)
    with pytest.raises(ValueError, match="Rollout: updates is 0, but must be a whole number of at least 1"):
        Rollout(recipes.anywhere, recipes.explore, horizon=4, paths=16, updates=0)
    with pytest.raises(ValueError, match="Streamed: updates is 0, but must be a whole number of at least 1"):
        Streamed(0)


def test_replay_refuses_a_stream():
    with pytest.raises(ValueError, match="inner is Streamed"):
        Replay(Streamed(), 10, 2)
    Replay(Draws(recipes.normal_points), 512, 2)


def test_minibatches_keep_double_precision():
    table = np.random.default_rng(0).normal(size=64)

    def away(model, batch, key):
        return jnp.mean((model - batch) ** 2), {}

    mean = Descend(lambda key: jnp.zeros(()), Loss(away), Minibatches(table, 64), optimiser("sgd", 0.5))
    found = float(fit(mean, jr.key(0), steps=5, precision="double").model)
    assert abs(found - table.mean()) < 1e-14  # a step of half the curvature's inverse lands on the mean, to rounding


def test_another_damping_or_ridge_compiles_nothing():
    build = lambda damping, ridge: LevenbergMarquardt(
        recipes.mlp(3, 1, 4, 1),
        PointResiduals(recipes.residual),
        Fixed(recipes.table(jr.key(0), 20)),
        damping=damping,
        ridge=ridge,
    )
    fit(build(1e-2, 0.0), jr.key(0), steps=1)
    again = build(1e-3, 1e-4)
    with count_compilations() as compiled:
        fit(again, jr.key(0), steps=1)
    assert not compiled
