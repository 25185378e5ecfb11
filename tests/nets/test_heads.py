"""Heads obey their restriction, also far out and in the last digit."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import special

from ceteris.nets import Interval, positive, probabilities, quantiles, share

RAW = np.linspace(-1e4, 1e4, 2001).astype(np.float32)


def test_quantiles_formula():
    raw = np.random.default_rng(0).normal(size=(4, 5)) * 3
    truth = raw[:, :1] + np.cumsum(np.column_stack([np.zeros(4), np.logaddexp(0, raw[:, 1:])]), 1)
    np.testing.assert_allclose(quantiles(jnp.asarray(raw, jnp.float32)), truth, rtol=1e-5, atol=1e-6)


def test_quantiles_do_not_cross_even_by_rounding():
    # A plain cumulative sum of these steps, some below its last digit, crosses in hundreds of places.
    raw = jr.uniform(jr.key(300), (20_000, 300), minval=-22, maxval=1)
    steps = jnp.concatenate([jnp.zeros((20_000, 1)), jax.nn.softplus(raw[:, 1:])], -1)
    assert (jnp.diff(jax.jit(lambda s: jnp.cumsum(s, -1))(steps), axis=-1) < 0).any()
    assert not (jnp.diff(jax.jit(quantiles)(raw), axis=-1) < 0).any()


def test_quantiles_gradient_is_that_of_the_sum():
    raw = jnp.array([0.3, -1.0, 2.0])
    slope = jax.jacobian(quantiles)(raw)
    s = special.expit([-1.0, 2.0])
    np.testing.assert_allclose(slope, [[1, 0, 0], [1, s[0], 0], [1, s[0], s[1]]], atol=1e-6)


def test_one_quantile_is_free():
    assert quantiles(jnp.array([[-3.0]])).tolist() == [[-3.0]]


def test_probabilities():
    raw = jnp.array([[1e4, 0.0, -1e4], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(probabilities(raw), special.softmax(np.asarray(raw), -1), atol=1e-7)


def test_ranges():
    assert (positive(RAW) >= 0).all()
    assert float(positive(jnp.float32(-20.0))) == pytest.approx(np.log1p(np.exp(-20)), rel=1e-5)
    assert float(share(RAW).min()) == 0
    assert float(share(RAW).max()) == 1
    squeeze = Interval(0.1, 0.3)
    assert float(squeeze(RAW).min()) == np.float32(0.1)
    assert float(squeeze(RAW).max()) == np.float32(0.3)
    np.testing.assert_allclose(squeeze(jnp.array([-1.0, 0.5])), 0.1 + 0.2 * special.expit([-1.0, 0.5]), rtol=1e-6)


def test_heads_hash_by_value():
    assert hash(Interval(0.0, 1.0)) == hash(Interval(0.0, 1.0))
    assert Interval(0.0, 1.0) != Interval(0.0, 2.0)


def test_empty_interval():
    with pytest.raises(ValueError, match=r"low is 2.0, but must be below high, 1.0"):
        Interval(2.0, 1.0)
