"""Normalisation layers against their formulas in NumPy, running statistics, and wrong uses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.nets import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm, trainable

EPSILON = 1e-5
GAMMA = np.array([0.5, -1.0, 2.0, 3.0, 1.0, -2.0])
BETA = np.arange(6.0) - 2


def affine(norm):
    """The norm with known scale and shift, so that a swapped or missing one shows."""
    norm = eqx.tree_at(lambda n: n.scale, norm, jnp.asarray(GAMMA, jnp.float32))
    return norm if isinstance(norm, RMSNorm) else eqx.tree_at(lambda n: n.shift, norm, jnp.asarray(BETA, jnp.float32))


def by_hand(x, axes):
    mu = x.mean(axes, keepdims=True)
    sigma2 = ((x - mu) ** 2).mean(axes, keepdims=True)
    return (x - mu) / np.sqrt(sigma2 + EPSILON)


X = np.random.default_rng(0).normal(3, 2, (5, 7, 6))  # batch, length, channels


def group_by_hand(x, groups, axes):
    parts = x.reshape(*x.shape[:-1], groups, -1)
    return by_hand(parts, axes).reshape(x.shape)


CASES = {
    "layer": (LayerNorm(6), by_hand(X, -1) * GAMMA + BETA),
    "rms": (RMSNorm(6), X / np.sqrt((X**2).mean(-1, keepdims=True) + EPSILON) * GAMMA),
    "instance": (InstanceNorm(6), by_hand(X, 1) * GAMMA + BETA),
    "instance, images": (InstanceNorm(6, spatial=2), by_hand(X, (0, 1)) * GAMMA + BETA),
    "group": (GroupNorm(6, groups=2), group_by_hand(X, 2, (1, 3)) * GAMMA + BETA),
    "group, vectors": (GroupNorm(6, groups=3, spatial=0), group_by_hand(X, 3, 3) * GAMMA + BETA),
    "group, images": (GroupNorm(6, groups=6, spatial=2), by_hand(X, (0, 1)) * GAMMA + BETA),
}


@pytest.mark.parametrize("case", CASES)
def test_formula(case):
    norm, truth = CASES[case]
    norm, x = affine(norm), jnp.asarray(X, jnp.float32)
    np.testing.assert_allclose(
        norm(x), truth, atol=2e-4
    )  # float32 rounding, enlarged in groups of two near-equal channels
    y, buffers = norm.training(x, None)
    np.testing.assert_array_equal(y, norm(x))
    assert jax.tree.leaves(buffers) == []


def test_batch_formula_in_training():
    y, _ = affine(BatchNorm(6)).training(jnp.asarray(X, jnp.float32), None)
    np.testing.assert_allclose(y, by_hand(X, (0, 1)) * GAMMA + BETA, atol=2e-5)


def test_running_moments_average_plainly_and_then_by_momentum():
    # By hand: the weight of batch t is max(1 - momentum, 1 / t), so 1, 1/2, 1/2, 1/2 for momentum 1/2.
    norm, rows = BatchNorm(6, momentum=0.5), np.random.default_rng(1).normal(size=(4, 9, 6))
    mean, variance = 0.0, 1.0
    for share, batch in zip((1, 0.5, 0.5, 0.5), rows, strict=True):
        norm = eqx.combine(norm.training(jnp.asarray(batch, jnp.float32), None)[1], norm)
        mean = mean + share * (batch.mean(0) - mean)
        variance = variance + share * (batch.var(0, ddof=1) - variance)
    np.testing.assert_allclose(norm.running.mean, mean, atol=1e-6)
    np.testing.assert_allclose(norm.running.variance, variance, atol=1e-6)
    assert int(norm.running.batches) == 4
    x = rows[0]
    truth = (x - mean) / np.sqrt(variance + EPSILON) * GAMMA + BETA
    np.testing.assert_allclose(affine(norm)(jnp.asarray(x, jnp.float32)), truth, atol=2e-5)


def test_evaluation_does_not_depend_on_the_other_rows():
    norm = eqx.combine(BatchNorm(6).training(jnp.asarray(X, jnp.float32), None)[1], BatchNorm(6))
    x = jnp.asarray(X[0], jnp.float32)
    np.testing.assert_allclose(norm(x)[2], norm(x[2]), rtol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (1, 6), (1, 1, 6)])
def test_batch_of_one_uses_and_keeps_the_running_moments(shape):
    norm = eqx.combine(BatchNorm(6).training(jnp.asarray(X, jnp.float32), None)[1], BatchNorm(6))
    x = jnp.arange(6.0).reshape(shape)
    y, buffers = norm.training(x, None)
    np.testing.assert_array_equal(y, norm(x))
    assert eqx.tree_equal(eqx.combine(buffers, norm), norm)


def test_running_moments_are_no_parameters_and_carry_no_gradient():
    norm, x = BatchNorm(6), jnp.asarray(X, jnp.float32)
    assert jax.tree.leaves(trainable(norm)) == [True, True, False, False, False]
    slope = jax.grad(lambda x: norm.training(x, None)[1].running.mean.sum())(x)
    np.testing.assert_array_equal(slope, 0)


def test_wrong_uses():
    with pytest.raises(ValueError, match="momentum is 1, but must be a number of at least 0 and below 1"):
        BatchNorm(2, momentum=1)
    with pytest.raises(ValueError, match="groups is 4, but must be a divisor of the 6 channels"):
        GroupNorm(6, groups=4)
    with pytest.raises(ValueError, match="groups is 6, but one channel each leaves nothing to pool over"):
        GroupNorm(6, groups=6, spatial=0)
    with pytest.raises(ValueError, match="spatial is 0, but that leaves InstanceNorm nothing to pool over"):
        InstanceNorm(6, spatial=0)
    with pytest.raises(ValueError, match=r"x of shape \(6,\) has too few axes for InstanceNorm with spatial=1"):
        InstanceNorm(6)(jr.normal(jr.key(0), (6,)))
    with pytest.raises(ValueError, match=r"x of shape \(6,\) has too few axes for GroupNorm with spatial=1"):
        GroupNorm(6, groups=2)(jr.normal(jr.key(0), (6,)))
