"""Lanczos, Hessians, directions, rescaling and curves against dense matrices and identities."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from ceteris.gallery import loss_landscapes_curvature as lc
from ceteris.gallery.loss_landscapes import CLASSES, SQUARES, share_below
from ceteris.nets import MLP


@pytest.fixture(scope="module")
def net():
    return MLP(2, 2, widths=(6,), activation="relu", key=jr.key(0))


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 2)).astype(np.float32), rng.integers(2, size=30)


def test_lanczos_finds_all_eigenvalues_in_as_many_steps_as_rows():
    A = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32)
    A = A + A.T
    diagonal, beside = lc.lanczos(lambda v: A @ v, jnp.ones(12), 12)
    T = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    assert np.allclose(np.linalg.eigvalsh(T), np.linalg.eigvalsh(A), atol=1e-4)


def test_the_dense_hessian_of_a_linear_model_is_its_moments():
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    model = MLP(3, 1, widths=(), key=jr.key(0))
    H = np.asarray(lc.dense_hessian(SQUARES, model, (x, np.ones((50, 1), np.float32))))
    leaves = [leaf.ndim for leaf in jax.tree.leaves(model)]
    design = np.hstack([x, np.ones((50, 1))] if leaves == [2, 1] else [np.ones((50, 1)), x])
    assert np.allclose(H, 2 * design.T @ design / 50, atol=1e-5)


def test_ritz_values_are_eigenvalues_and_their_weights_add_up(net, batch):
    H = np.asarray(lc.dense_hessian(CLASSES, net, batch), float)
    values, weights = (np.asarray(a, float) for a in lc.ritz(CLASSES, net, batch, 20, jr.split(jr.key(0), 3)))
    top = np.linalg.eigvalsh(H)
    assert np.allclose(values[:, -3:], top[-3:], rtol=1e-3)
    assert np.allclose(weights.sum(1), 1, atol=1e-4)
    assert float(lc.Sharpness(CLASSES, batch)(net, jr.key(1))["sharpness"]) == pytest.approx(top[-1], rel=1e-3)


def test_rescaling_changes_the_hessian_by_the_factors_and_no_output(net, batch):
    factor = 4.0
    other = lc.rescaled(net, factor)
    assert np.allclose(other(batch[0]), net(batch[0]), atol=1e-5)
    scale = jax.tree.map(jnp.ones_like, net)
    D = ravel_pytree(jax.tree.map(lambda new, old: old / new, lc.rescaled(scale, factor), scale))[0]
    H, turned = (np.asarray(lc.dense_hessian(CLASSES, each, batch)) for each in (net, other))
    assert np.allclose(turned, np.outer(D, D) * H, atol=1e-4)


def test_directions_by_filter_have_the_lengths_of_the_weights_into_each_unit(net):
    direction = lc.random_direction(net, jr.key(1))
    for drawn, own in (
        (direction.hidden[0].dense.weight, net.hidden[0].dense.weight),
        (direction.output.weight, net.output.weight),
    ):
        assert np.allclose(np.linalg.norm(drawn, axis=0), np.linalg.norm(own, axis=0), rtol=1e-5)
    assert direction.output.bias is None
    raw = lc.random_direction(net, jr.key(1), by_filter=False)
    total = lambda tree: sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(tree) if leaf.ndim == 2)
    assert total(raw) == pytest.approx(total(net), rel=1e-5)


def test_the_middle_of_a_surface_is_the_net(net, batch):
    directions = tuple(lc.random_direction(net, key) for key in jr.split(jr.key(0)))
    grid = lc.surface(CLASSES, net, batch, directions, jnp.array([-0.5, 0.0, 0.5]))
    assert float(grid[1, 1]) == pytest.approx(float(CLASSES(net, batch, None)[0]), rel=1e-5)
    away = lc.moved(net, (0.5, directions[0]), (-0.5, directions[1]))
    assert float(grid[2, 0]) == pytest.approx(float(CLASSES(away, batch, None)[0]), rel=1e-5)


def test_curves_begin_and_end_at_their_nets_and_a_bend_in_the_middle_is_the_line(net):
    last = MLP(2, 2, widths=(6,), activation="relu", key=jr.key(5))
    middle = lc.between(net, last, 0.5)
    for t, at in ((0.0, net), (1.0, last), (0.5, middle)):
        bent = lc.between(net, last, t, middle)
        assert all(
            np.allclose(a, b, atol=1e-6) for a, b in zip(jax.tree.leaves(bent), jax.tree.leaves(at), strict=True)
        )


def test_shares_below_a_bound():
    shares = share_below(np.array([0.0, 1.0, 2.5]), np.array([2.0, 1.0]), np.array([0.25, 0.75]))
    assert shares.tolist() == [0.0, 0.75, 1.0]
