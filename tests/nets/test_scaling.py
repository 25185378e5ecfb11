"""Standardisation against scikit-learn and NumPy; a scaled net as one model."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from ceteris.nets import MLP, Interval, Scaled, quantiles, scaled, standardise, trainable

RNG = np.random.default_rng(0)


def test_against_scikit_learn_with_and_without_weights():
    x = RNG.normal([5, -3, 0], [1, 20, 0.1], (200, 3))
    x[:, 2] = 0.7
    weights = RNG.integers(0, 3, 200).astype(float)
    for w in (None, weights):
        truth = StandardScaler().fit(x, sample_weight=w)
        ours = standardise(x, w)
        np.testing.assert_allclose(ours.mean, truth.mean_, rtol=1e-5)  # float32
        np.testing.assert_allclose(ours.scale, truth.scale_, rtol=1e-5)
        np.testing.assert_allclose(ours.inverse(ours(jnp.asarray(x))), x, rtol=1e-4, atol=1e-5)
    assert ours.scale[2] == 1


def test_rows_without_weight_do_not_count_even_where_they_are_nan():
    x = np.array([[1.0, 2.0], [3.0, 2.0], [np.nan, 9.0]])
    ours = standardise(x, [1.0, 1.0, 0.0])
    assert ours.mean.tolist() == [2, 2]
    assert ours.scale.tolist() == [1, 1]


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_extreme_magnitudes_neither_overflow_nor_underflow(size):
    x = size * np.array([[1.0], [2.0], [3.0]])  # squares leave the range of float32
    ours = standardise(x)
    assert float(ours.scale[0]) == pytest.approx(size * np.sqrt(2 / 3), rel=1e-5)


def test_large_means_cost_no_digits():
    x = 1e6 + np.array([[0.0], [1.0], [2.0], [3.0]])
    assert float(standardise(x).scale[0]) == pytest.approx(np.sqrt(1.25), rel=1e-6)


def test_works_under_jit_and_in_double():
    x = jnp.asarray(RNG.normal(size=(20, 2)), jnp.float32)
    np.testing.assert_allclose(jax.jit(standardise)(x).scale, np.std(x, 0), rtol=1e-5)
    with jax.enable_x64(True):
        assert standardise(RNG.normal(size=(20, 2))).mean.dtype == jnp.float64


@pytest.mark.parametrize("shape", [(5,), (0, 2)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"x has shape .* but must be \(rows, columns\) with at least one row"):
        standardise(np.zeros(shape))


def test_scaled_net_is_the_net_in_other_units():
    x, y = RNG.normal(100, 7, (30, 3)), RNG.normal(-5, 0.2, (30, 1))
    net = MLP(3, 1, widths=(8,), normalise="batch", key=jr.key(0))
    whole = Scaled(net, standardise(x), standardise(y))
    z = (x - x.mean(0)) / x.std(0)
    np.testing.assert_allclose(whole(jnp.asarray(x)), net(jnp.asarray(z)) * y.std() + y.mean(), rtol=1e-4)
    out, buffers = whole.training(jnp.asarray(x), None)
    truth, inner = net.training(jnp.asarray(z), None)
    np.testing.assert_allclose(out, truth * y.std() + y.mean(), rtol=1e-4)
    merged = eqx.combine(buffers, whole)
    np.testing.assert_allclose(
        merged.net.hidden[0].norm.running.mean, eqx.combine(inner, net).hidden[0].norm.running.mean, atol=1e-5
    )
    np.testing.assert_array_equal(merged.inputs.mean, whole.inputs.mean)


def test_constants_are_not_trained():
    net = MLP(2, 1, widths=(4,), key=jr.key(0))
    whole = Scaled(net, standardise(RNG.normal(size=(9, 2))))
    theta, _ = eqx.partition(whole, trainable(whole))
    assert len(jax.tree.leaves(theta)) == len(jax.tree.leaves(net))


def test_builder_of_a_scaled_net_and_its_head():
    build = eqx.Partial(
        scaled, eqx.Partial(MLP, 2, 3, widths=(4,)), None, standardise(RNG.normal(50, 9, (40, 1))), head=quantiles
    )
    q = build(key=jr.key(0))(jnp.ones((6, 2)))
    assert (jnp.diff(q, axis=-1) > 0).all()
    assert 20 < float(q.mean()) < 80
    bounded = scaled(eqx.Partial(MLP, 2, 1, widths=(4,)), head=Interval(0.0, 2.0), key=jr.key(0))(
        1e6 * jnp.ones((6, 2))
    )
    assert ((bounded >= 0) & (bounded <= 2)).all()
