"""Complementarity and its derivatives at the points where they matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.equilibrium import complementarity, euler, floored, signed
from ceteris.equilibrium.conditions import FORMS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("x", "g"), [(0.0, 0.3), (0.4, 0.0), (0.0, 0.0)])
def test_every_form_is_zero_where_complementarity_holds(form, x, g):
    assert float(complementarity(jnp.array(x), jnp.array(g), form)) == 0.0


@pytest.mark.parametrize("form", ["fischer-burmeister", "min"])
@pytest.mark.parametrize(("x", "g"), [(0.2, 0.3), (-0.2, 0.3), (0.2, -0.3), (-0.1, -0.1)])
def test_and_nowhere_else(form, x, g):
    assert abs(float(complementarity(jnp.array(x), jnp.array(g), form))) > 0.05


def test_fischer_burmeister_keeps_its_digits_and_its_derivatives():
    # x + g - √(x²+g²) would lose all digits of x = 1e-12 beside g = 1 in single precision
    assert float(complementarity(jnp.array(1e-12), jnp.array(1.0))) == pytest.approx(1e-12, rel=1e-5)
    assert float(complementarity(jnp.array(3.0), jnp.array(4.0))) == pytest.approx(2.0)
    slope = jax.grad(lambda x: complementarity(x, x))(jnp.array(0.0))
    assert np.isfinite(slope)


def test_smoothing_moves_the_kink_inside():
    # x g = ε²/2 is where the smoothed form vanishes
    assert float(complementarity(jnp.array(0.1), jnp.array(0.05), smooth=0.1)) == pytest.approx(0.0, abs=1e-7)


def test_switch_wants_the_condition_only_off_the_bound():
    assert float(complementarity(jnp.array(0.0), jnp.array(-0.2), "switch")) == pytest.approx(-0.2)
    assert float(complementarity(jnp.array(0.1), jnp.array(0.2), "switch")) == pytest.approx(0.2)


def test_a_floored_choice_still_learns_to_leave_its_bound():
    assert float(floored(jnp.array(-3.0))) == 0.0
    assert float(jax.grad(floored)(jnp.array(-3.0))) == 1.0


def test_signed_is_complementary_by_construction():
    x, multiplier = signed(jnp.linspace(-1, 1, 11), scale=2.0)
    assert float(jnp.abs(x * multiplier).max()) == 0.0
    assert float(multiplier[0]) == 2.0


def test_the_euler_error_is_a_share_of_consumption():
    assert float(euler(jnp.array(2.0), jnp.array(2.02))) == pytest.approx(0.01, abs=1e-6)


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form is 'soft', but must be one of fischer-burmeister"):
        complementarity(jnp.array(0.0), jnp.array(0.0), "soft")
