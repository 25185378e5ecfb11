"""The borrowing limit: identities that hold for any policy, and a short solution beside endogenous gridpoints."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.engine.devices import precision
from ceteris.equilibrium import Polish, solve
from ceteris.equilibrium.model import actions, start_states
from ceteris.equilibrium.models.consumption_saving import ConsumptionSaving
from truth import consumption_saving as slow


def test_any_policy_keeps_the_budget_and_binds_exactly_below_its_kink():
    model = ConsumptionSaving()
    with precision("double"):
        states = start_states(model, jr.key(0), 200)
        raw = 0.3 * jr.normal(jr.key(1), (200, 2))
        a = jax.vmap(lambda raw, s: actions(model, raw, s))(raw, states)
        # the parts add up to cash but for the rounding of three additions
        np.testing.assert_allclose(a.c + a.a, states.x, rtol=1e-15)
        binds = states.x <= a.kink
        assert 10 < int(jnp.sum(binds)) < 190
        assert bool(jnp.all(jnp.where(binds, a.a == 0, a.a > 0)))


@pytest.mark.slow
def test_three_incomes_are_those_of_endogenous_gridpoints_at_the_kinks_too():
    model = ConsumptionSaving(incomes=3)
    solution = solve(model, widths=(12, 12), phases=3 * (Polish(states=300, steps=30, box_share=0.3),), seed=1)
    reference = slow.solve(slow.ConsumptionSaving(states=3), points=4_000)
    y = np.repeat(np.arange(3), 81)
    x = np.repeat(reference.kink, 81) * np.tile(np.linspace(0.9, 1.1, 81), 3)
    exact = reference.consumption(x, y)
    error = np.abs(solution.policy({"x": x, "y": y})["c"] / exact - 1)
    # 1.7e-4 after so few steps; the gridpoints themselves are good to 1e-6. Kinks in the wrong place would show:
    # policies on the two sides of one differ by up to a tenth of cash.
    assert error.mean() < 4e-4
    assert error.max() < 5e-3
    assert np.abs(exact - x).max() > 0.01  # the limit does not bind everywhere
