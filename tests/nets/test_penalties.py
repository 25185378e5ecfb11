"""Penalties reach the weight matrices and nothing else."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from ceteris.nets import MLP, Scaled, elastic_net, l1, l2, standardise, trainable, weight_matrices

NET = Scaled(
    MLP(3, 2, widths=(4, 4), normalise="batch", key=jr.key(0)),
    standardise(np.random.default_rng(0).normal(size=(9, 3))),
)
MATRICES = [np.asarray(d.weight) for d in (NET.net.hidden[0].dense, NET.net.hidden[1].dense, NET.net.output)]


def test_formulas():
    absolute, square = sum(np.abs(w).sum() for w in MATRICES), sum((w**2).sum() for w in MATRICES)
    assert float(l1(NET, 0.3)) == pytest.approx(0.3 * absolute, rel=1e-5)
    assert float(l2(NET, 0.3)) == pytest.approx(0.15 * square, rel=1e-5)
    assert float(elastic_net(NET, 0.3, 0.2)) == pytest.approx(0.3 * (0.2 * absolute + 0.4 * square), rel=1e-5)


def test_gradient_is_the_rate_times_the_weights_and_zero_elsewhere():
    slope = eqx.filter_grad(l2)(NET, 0.3)
    weights, others = eqx.partition(slope, weight_matrices(slope))
    for got, w in zip(jax.tree.leaves(weights), MATRICES, strict=True):
        np.testing.assert_allclose(got, 0.3 * w, rtol=1e-6)
    # 3 biases, 2 scales, 2 shifts, 2 running means and variances, mean and scale of the inputs
    assert len(jax.tree.leaves(others)) == 13
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(others))


def test_mask_serves_decoupled_weight_decay():
    theta, _ = eqx.partition(NET, trainable(NET))
    rule = optax.adamw(0.1, weight_decay=0.5, mask=weight_matrices)
    move, _ = rule.update(jax.tree.map(jnp.zeros_like, theta), rule.init(theta), theta)
    np.testing.assert_allclose(move.net.output.weight, -0.05 * NET.net.output.weight, rtol=1e-5)
    np.testing.assert_array_equal(move.net.hidden[0].norm.scale, 0)


def test_foreign_modules_and_nets_without_weights():
    linear = eqx.nn.Linear(2, 3, key=jr.key(0))
    assert float(l2(linear, 2.0)) == pytest.approx(float((linear.weight**2).sum()), rel=1e-6)
    assert float(l1(eqx.nn.LayerNorm(4), 1.0)) == 0
