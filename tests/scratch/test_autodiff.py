"""The scalar engine against jax.grad, to rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.scratch import autodiff as ad
from ceteris.scratch.autodiff import Value, gradient

JAX = {"exp": jnp.exp, "log": jnp.log, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid, "relu": jax.nn.relu}
OURS = {name: getattr(ad, name) for name in JAX}
EXPRESSIONS = {
    "sums": lambda x, y, f: 3 + x - y + 2 * x - (1 - y),
    "products": lambda x, y, f: x * y * x / (y + 4) - 2 / x,
    "powers": lambda x, y, f: x**3 + x**-1.5 + y**2 + x**0 - (-y) ** 3,
    "power of a value": lambda x, y, f: x**y + 2.0**y,
    "elementary": lambda x, y, f: f["exp"](x * y) + f["log"](x) * f["tanh"](y) - f["logistic"](x - y),
    "both sides of the kink": lambda x, y, f: f["relu"](x) * y + f["relu"](y) * x,
    "reuse": lambda x, y, f: (z := f["tanh"](x + y)) * z * z + z / (1 + z * z),
    "a plain number": lambda x, y, f: -x,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_value_and_gradient_equal_jax(name):
    f, at = EXPRESSIONS[name], (0.7, -1.3)
    x, y = Value(at[0]), Value(at[1])
    out = f(x, y, OURS)
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(lambda p: f(p[0], p[1], JAX))(jnp.array(at))
    # a handful of operations, each exact to half a unit in the last place; powers may differ by one more
    np.testing.assert_allclose(out.data, value, rtol=2e-15)
    np.testing.assert_allclose(gradient(out, [x, y]), slope, rtol=5e-15)


def test_network_equals_jax():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=(1, 4))]
    x, t = rng.normal(size=2), 0.3
    layers = [[[Value(w) for w in row] for row in W] for W in weights]
    loss = (ad.network(layers, x, output=ad.logistic)[0] - t) ** 2

    def jax_loss(weights):
        a = jnp.array(x)
        for W in weights[:-1]:
            a = jnp.tanh(W[:, 0] + W[:, 1:] @ a)
        return (jax.nn.sigmoid(weights[-1][:, 0] + weights[-1][:, 1:] @ a)[0] - t) ** 2

    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(jax_loss)([jnp.array(W) for W in weights])
    np.testing.assert_allclose(loss.data, value, rtol=1e-13)
    ours = gradient(loss, [w for layer in layers for row in layer for w in row])
    # rtol: about twenty operations deep
    np.testing.assert_allclose(ours, np.concatenate([np.ravel(s) for s in slope]), rtol=1e-12)


def test_network_learns_xor():
    # by nothing but Values and plain gradient descent
    rng = np.random.default_rng(1)
    layers = [[[Value(w) for w in rng.normal(size=3)] for _ in range(4)], [[Value(w) for w in rng.normal(size=5)]]]
    rows = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    parameters = [w for layer in layers for row in layer for w in row]
    for _ in range(400):
        loss = sum((ad.network(layers, x)[0] - t) ** 2 for x, t in rows)
        for w, slope in zip(parameters, gradient(loss, parameters), strict=True):
            w.data -= 0.1 * slope
    assert [round(ad.network(layers, x)[0].data) for x, _ in rows] == [0, 1, 1, 0]


def test_deep_and_wide_graphs():
    # no recursion limit, and a diamond on a diamond is not walked twice: 2^5000 paths, 5000 values
    x = Value(1.0)
    y = x
    for _ in range(5000):
        y = 0.5 * y + 0.5 * y
    assert gradient(y, [x]) == [1.0]


def test_an_input_that_does_not_matter_has_slope_zero():
    x, y = Value(1.0), Value(2.0)
    assert gradient(x * 2, [x, y]) == [2.0, 0.0]


def test_saturated_logistic_does_not_overflow():
    x = Value(-1e4)
    assert gradient(ad.logistic(x), [x]) == [0.0]


@pytest.mark.parametrize(
    ("f", "sentence"),
    [
        (lambda x: ad.log(x * 0.0), "log was asked of 0; its argument must be above zero"),
        (lambda x: (-x) ** 0.5, "a fractional power was asked of -1; its argument must be zero or more"),
        (lambda x: 1 / (x - x), "was asked of 0; its argument must be different from zero"),
    ],
)
def test_outside_the_domain_is_answered_in_a_sentence(f, sentence):
    with pytest.raises(ValueError, match=sentence):
        f(Value(1.0))


def test_powers_at_zero():
    x = Value(0.0)
    assert gradient(x**1 + x**2 + x**0, [x]) == [1.0]
