"""Table 1.2: formulas against SciPy, ranges and derivative bounds by fine grid, messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from ceteris.nets import ACTIVATIONS, activation, gelu, leaky_relu, swish

Z = np.linspace(-30.0, 30.0, 60_001)  # step 1e-3, includes zero

FORMULAS = {
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(0.1 * z, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "swish": lambda z: z * special.expit(z),
    "gelu": lambda z: z * stats.norm.cdf(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "identity": lambda z: z,
}
# Lower ends as Table 1.2 states them, to its two digits; upper ends where finite.
LOWEST = {"sigmoid": 0, "tanh": -1, "relu": 0, "elu": -1, "swish": -0.28, "gelu": -0.17, "mish": -0.31, "softplus": 0}


def test_the_nine_of_the_table_and_the_identity():
    assert set(ACTIVATIONS) == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    with jax.enable_x64(True):
        got = np.asarray(activation(name)(jnp.asarray(Z)))
    assert got.dtype == np.float64
    # Float64 rounding; left tails are compared absolutely.
    np.testing.assert_allclose(got, FORMULAS[name](Z), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LOWEST)
def test_lower_end_of_the_range(name):
    with jax.enable_x64(True):
        lowest = float(activation(name)(jnp.asarray(Z)).min())
    assert round(lowest, 2) == LOWEST[name]


@pytest.mark.parametrize(("name", "minimum"), [("swish", -0.278465), ("gelu", -0.169971), ("mish", -0.308843)])
def test_minimum_of_those_that_are_not_monotone(name, minimum):
    # Six digits, from minimising the SciPy formulas to machine precision; the grid adds at most 1e-7.
    assert float(activation(name)(jnp.asarray(Z, jnp.float32)).min()) == pytest.approx(minimum, abs=2e-6)


def test_derivative_of_swish_lies_where_the_script_says():
    slope = jax.vmap(jax.grad(swish))(jnp.asarray(Z, jnp.float32))
    sigma = special.expit(Z)
    np.testing.assert_allclose(slope, sigma + Z * sigma * (1 - sigma), atol=1e-6)  # float32 rounding
    assert float(slope.min()) == pytest.approx(-0.0998, abs=1e-4)
    assert float(slope.max()) == pytest.approx(1.0998, abs=1e-4)


def test_tanh_approximation_of_gelu_is_another_function():
    # The docstring's remark: up to 5e-4 apart.
    gap = np.abs(jax.nn.gelu(jnp.asarray(Z, jnp.float32), approximate=True) - gelu(jnp.asarray(Z, jnp.float32))).max()
    assert 4e-4 < gap < 5e-4


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "swish", "gelu", "mish", "softplus"])
def test_smooth_ones_have_second_derivatives_everywhere(name):
    second = jax.vmap(jax.grad(jax.grad(activation(name))))(jnp.array([-200.0, -1.0, 0.0, 1.0, 200.0]))
    assert np.isfinite(second).all()
    assert np.abs(second[1:4]).max() > 0.05


def test_leaky_slope_is_a_tenth():
    assert float(leaky_relu(-1.0)) == pytest.approx(-0.1)


def test_unknown_name_lists_the_choices_and_the_nearest():
    with pytest.raises(ValueError, match=r"activation is 'swich', .* sigmoid, tanh, .*; did you mean 'swish'\?"):
        activation("swich")
    with pytest.raises(ValueError, match=r"activation is 3, but must be one of .*; choose one of them\.$"):
        activation(3)
