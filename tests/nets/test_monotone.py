"""Nets that rise or fall with some inputs, at weights of any kind."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.nets import Monotone, ascending, monotone

SIGNS, DIRECTIONS = (1, 0, -1, 0), (1, 0, -1)


def wild(net, key, spread=2.0):
    """The net with every weight and bias drawn anew."""
    leaves, tree = jax.tree.flatten(eqx.filter(net, eqx.is_array))
    drawn = [spread * jr.normal(jr.fold_in(key, i), leaf.shape) for i, leaf in enumerate(leaves)]
    return eqx.combine(jax.tree.unflatten(tree, drawn), net)


@eqx.filter_jit
def slopes_of(net, x):
    return jax.vmap(jax.jacobian(net))(x)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{}, {"normalise": "layer", "activation": "tanh"}])
def test_slopes_have_their_signs_at_any_weights(seed, options):
    net = wild(Monotone(4, 3, SIGNS, DIRECTIONS, widths=(9, 6), key=jr.key(0), **options), jr.key(seed))
    x = 2 * jr.normal(jr.key(100 + seed), (200, 4))
    slopes = np.asarray(slopes_of(net, x))  # (points, outputs, inputs)
    assert (slopes[:, 0, 0] >= 0).all()
    assert (slopes[:, 0, 2] <= 0).all()
    assert (slopes[:, 2, 0] <= 0).all()
    assert (slopes[:, 2, 2] >= 0).all()
    free = np.stack([slopes[:, 1, 0], slopes[:, 1, 2], slopes[:, 0, 1], slopes[:, 2, 3]])
    assert free.min() < 0 < free.max()


def test_far_steps_keep_the_order():
    net = wild(Monotone(4, 1, SIGNS, key=jr.key(0), widths=(16,)), jr.key(1))
    x = 3 * jr.normal(jr.key(2), (500, 4))
    further = x + jnp.array([1.0, 0.0, -1.0, 0.0]) * jr.uniform(jr.key(3), (500, 4), maxval=5)
    low, high = net(x), net(further)
    assert float((high - low).min()) >= -1e-5 * float(jnp.abs(low).max())  # rounding of single precision


def test_training_is_evaluation_without_dropout_and_builders_agree():
    net = Monotone(4, 3, SIGNS, DIRECTIONS, widths=(9,), key=jr.key(0))
    x = jr.normal(jr.key(1), (7, 4))
    np.testing.assert_array_equal(net.training(x, None)[0], net(x))
    again = monotone(4, 3, SIGNS, DIRECTIONS, (("widths", (9,)),), key=jr.key(0))
    np.testing.assert_array_equal(again(x), net(x))
    assert net(x[0]).shape == (3,)
    noisy = Monotone(4, 1, SIGNS, widths=(9,), dropout=0.5, key=jr.key(0))
    noisy = wild(noisy, jr.key(1))
    assert not np.allclose(noisy.training(x, jr.key(2))[0], noisy(x))


def test_all_inputs_may_be_constrained():
    net = wild(Monotone(2, 1, (1, 1), key=jr.key(0), widths=(8,)), jr.key(1))
    assert (slopes_of(net, jr.normal(jr.key(2), (50, 2))) >= 0).all()


def test_order_of_rising_outputs_rises():
    raw = jr.normal(jr.key(0), (100, 3))
    further = raw + jr.uniform(jr.key(1), (100, 3))
    assert (ascending(further) >= ascending(raw)).all()
    assert (jnp.diff(ascending(raw), axis=-1) >= 0).all()


@pytest.mark.parametrize(
    ("signs", "directions", "message"),
    [
        ((1, 0), None, "signs holds 2, but must hold 3, one for each input"),
        ((1, 2, 0), None, "signs holds 2, but must hold -1, 0 and 1 only"),
        ((0, 0, 0), None, r"signs is \(0, 0, 0\), but must hold a -1 or 1"),
        ((1, 0, 0), (1, 1), "directions holds 2, but must hold 1, one for each output"),
    ],
)
def test_signs_complain(signs, directions, message):
    with pytest.raises(ValueError, match=message):
        Monotone(3, 1, signs, directions, key=jr.key(0))
