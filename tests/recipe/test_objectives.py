"""Residuals declared once: the same numbers, the same Jacobian, the loss derived from them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from ceteris.engine import precision
from ceteris.recipe import BatchResiduals, HeldOut, Loss, PointResiduals

KEY = jr.key(0)


def one_equation(model, point, key):
    x, y = point
    return model["out"] @ jnp.tanh(model["in"] @ x + model["bias"]) * model["fixed"] - y


def two_equations(model, point, key):
    r = one_equation(model, point, key)
    return jnp.stack([r, r**2 + model["bias"][0]])


def of_batch(function):
    return lambda model, batch, key: jax.vmap(lambda point: function(model, point, key))(batch)


def problem(n):
    a, b, c, d, e = jr.split(KEY, 5)
    weights = {"in": jr.normal(a, (3, 2)), "bias": jr.normal(b, (3,)), "out": jr.normal(c, (3,)), "fixed": None}
    rest = {"in": None, "bias": None, "out": None, "fixed": jnp.array(0.7)}
    return weights, rest, (jr.normal(d, (n, 2)), jr.normal(e, (n,)))


def both(weights, rest):
    return {name: rest[name] if weights[name] is None else weights[name] for name in weights}


def by_numpy(model, batch, equations):
    m, (x, y) = jax.tree.map(np.asarray, (model, batch))
    r = np.tanh(x @ m["in"].T + m["bias"]) @ m["out"] * m["fixed"] - y
    return r if equations == 1 else np.stack([r, r**2 + m["bias"][0]], axis=1).ravel()


@eqx.filter_jit
def everything(objective, weights, rest, batch):
    model = both(weights, rest)
    return (
        objective.residuals(model, batch, KEY),
        objective.linearised(weights, rest, batch, KEY)[1],
        objective(model, batch, KEY),
    )


@pytest.mark.parametrize(("function", "equations"), [(one_equation, 1), (two_equations, 2)])
@pytest.mark.parametrize("n", [3, 20])  # fewer and more residuals than the 12 weights
def test_points_and_batches_agree_with_numpy_and_finite_differences(function, equations, n):
    with precision("double"):
        weights, rest, batch = problem(n)
        theta, unravel = ravel_pytree(weights)
        theta, unravel = np.asarray(theta), jax.jit(unravel)
        f = lambda theta: by_numpy(both(unravel(theta), rest), batch, equations)
        h = 1e-6  # central differences err by h² + 1e-16/h, about 1e-10
        slopes = np.stack([(f(theta + h * e) - f(theta - h * e)) / (2 * h) for e in np.eye(theta.size)], axis=1)
        for objective in (PointResiduals(function), BatchResiduals(of_batch(function))):
            r, J, (loss, aux) = everything(objective, weights, rest, batch)
            np.testing.assert_allclose(r, f(theta), rtol=1e-12, atol=1e-14)
            assert J.shape == (n * equations, 12)
            np.testing.assert_allclose(J, slopes, rtol=1e-7, atol=1e-8)
            assert np.isclose(loss, np.mean(f(theta) ** 2), rtol=1e-12)
            assert aux == {}


def coupled(model, batch, key):
    """Each residual depends on the mean over the batch: what `PointResiduals` cannot say."""
    return model["slope"] * (batch - batch.mean()) + model["level"]


@pytest.mark.parametrize("n", [1, 5])
def test_a_batch_may_couple_its_points(n):
    x = jnp.arange(n, dtype=float)
    weights, rest = {"level": jnp.array(1.0), "slope": jnp.array(2.0)}, {"level": None, "slope": None}
    J = BatchResiduals(coupled).linearised(weights, rest, x, KEY)[1]
    np.testing.assert_allclose(J, np.stack([np.ones(n), np.asarray(x - x.mean())], axis=1))


def noisy(model, point, key):
    return model * point + jr.normal(key)


def test_every_point_has_its_own_key_and_the_jacobian_the_same():
    points = jnp.ones(200)
    r = PointResiduals(noisy).residuals(jnp.array(0.0), points, KEY)
    assert len(np.unique(r)) == 200
    # standard errors of 200 normals: 0.07 for the mean and 0.05 for the spread; four of each
    assert abs(float(r.mean())) < 0.28
    assert abs(float(r.std()) - 1) < 0.2
    assert (PointResiduals(noisy).residuals(jnp.array(0.0), points, KEY) == r).all()


def test_held_out_reads_the_objective_on_its_own_data():
    away = Loss(lambda model, batch, key: (jnp.mean((batch - model) ** 2), {"more": model}))
    assert HeldOut(away, jnp.array([1.0, 3.0]))(jnp.array(0.0), KEY) == {"heldout": 5.0}
    squares = PointResiduals(lambda model, point, key: model - point)
    assert HeldOut(squares, jnp.array([1.0, 3.0]))(jnp.array(0.0), KEY) == {"heldout": 5.0}
