"""Overlapping generations: identities that hold for any policy (solutions with few cohorts: test_regression.py)."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.engine.devices import precision
from ceteris.equilibrium.model import actions, count_outputs, start_states
from ceteris.equilibrium.models.olg import DELTA, ETA, OLG
from ceteris.equilibrium.models.olg import TRANSITION as OLG_TRANSITION
from ceteris.equilibrium.models.olg_bonds import LABOUR, TRANSITION, OLGBonds
from ceteris.equilibrium.policy import compiled_quickly


@pytest.fixture
def double():
    with precision("double"):
        yield


def some(model, size):
    """States and the actions of an arbitrary policy there."""

    @compiled_quickly
    def both(model):
        states = start_states(model, jr.key(0), 20)
        raw = size * jr.normal(jr.key(1), (20, count_outputs(model)))
        return states, jax.vmap(lambda raw, s: actions(model, raw, s))(raw, states)

    return both(model)


def test_calibrations():
    np.testing.assert_allclose(OLG_TRANSITION[[0, 2]], [[0.49, 0.49, 0.01, 0.01], [0.125, 0.125, 0.375, 0.375]])
    np.testing.assert_allclose(TRANSITION.sum(1), 1.0)
    assert LABOUR.sum() == pytest.approx(57.7767, abs=1e-4)  # the published code's


@pytest.mark.parametrize("limit", [0.0, -0.5])
def test_one_asset_budgets_hold_and_the_limit_binds_exactly(double, limit):
    model = OLG(limit=limit)
    states, a = some(model, 0.5)
    cash = jax.vmap(model.cash)(states)
    np.testing.assert_allclose(a.c[:, :-1] + a.k1, cash[:, :-1], atol=1e-12)
    bound = a.k1 == limit
    assert (a.k1 >= limit).all()
    assert 0 < bound.sum() < bound.size


def test_factors_are_paid_what_is_produced(double):
    model = OLG()
    states, _ = some(model, 0.0)
    R, w = jax.vmap(model.prices)(states)
    K, L = states.k.sum(1), model.labour.sum()
    produced = ETA[states.z] * K**0.3 * L**0.7
    np.testing.assert_allclose((R - 1 + DELTA[states.z]) * K + w * L, produced, rtol=1e-12)


def test_two_assets_budgets_hold_and_the_bond_market_clears(double):
    model = OLGBonds()
    states, a = some(model, 1.0)
    grown, cash = jax.vmap(model.wealth)(states)
    none = jnp.zeros((20, 1))
    k1, b1 = jnp.concatenate([a.k1, none], 1), jnp.concatenate([a.b1, none], 1)
    spent = k1 + a.p[:, None] * b1 + 0.25 * (k1 - grown) ** 2
    np.testing.assert_allclose(jnp.where(a.c > 0.05, a.c + spent, cash), cash, atol=1e-12)
    np.testing.assert_allclose(a.b1.sum(1), 0.0, atol=1e-10)
    for choice in (a.k1, a.q):
        assert choice.min() == 0
    np.testing.assert_allclose(a.q, a.k1 + model.kappa * a.b1, atol=1e-10)
