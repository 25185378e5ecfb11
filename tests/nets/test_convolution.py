"""Convolutions: PyTorch's outputs and gradients, how far back they see and that they see no further, images."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import torch_sequences as truth
from ceteris.engine import precision
from ceteris.nets import CausalConvolution, ConvNet, Convolution2D, TemporalNet, pooled


@pytest.mark.parametrize("digits", truth.PRECISIONS)
def test_a_dilated_causal_convolution_is_torchs(digits):
    with precision(digits):
        tolerance, w = truth.PRECISIONS[digits], truth.part("causal")
        net = CausalConvolution(3, 4, span=3, dilation=2, key=jr.key(0))
        net = truth.replaced(net, dense__weight=w["W"], dense__bias=w["b"])
        outputs, d, (dx,) = truth.gradients(lambda net, x: net(x), net, w["x"])
        for found, expected in ((outputs, "outputs"), (dx, "dx"), (d.dense.weight, "dW"), (d.dense.bias, "db")):
            truth.close(found, w[expected], tolerance)


@pytest.mark.parametrize(("stride", "padding"), [(1, "same"), (2, "valid")])
@pytest.mark.parametrize("digits", truth.PRECISIONS)
def test_a_convolution_over_images_with_pooling_is_torchs(digits, stride, padding):
    with precision(digits):
        tolerance, w = truth.PRECISIONS[digits], truth.part(f"2d{stride}")
        net = Convolution2D(2, 3, 3, stride, padding, key=jr.key(0))
        net = truth.replaced(net, weight=w["W"], bias=w["b"])
        truth.close(net(w["x"]), w["outputs"], tolerance)
        most, mean = pooled(w["outputs"], 2, "max"), pooled(w["outputs"], 2, "mean")
        truth.close(most, w["max"], tolerance)
        truth.close(mean, w["mean"], tolerance)
        in_torchs_order = lambda y: jnp.transpose(y, (0, 3, 1, 2))

        def objective(net, x):
            y = net(x)
            return sum(truth.loss(in_torchs_order(pooled(y, 2, how))) for how in ("max", "mean"))

        d, dx = jax.jit(jax.grad(lambda v: objective(*v)))((net, w["x"]))
        for found, expected in ((dx, "dx"), (d.weight, "dW"), (d.bias, "db")):
            truth.close(found, w[expected], tolerance)


@pytest.mark.parametrize(("dilations", "span"), [((1, 2, 4), 3), ((1, 3), 2)])
def test_an_output_depends_on_as_many_elements_as_the_net_says_and_no_other(dilations, span):
    net = TemporalNet(2, 5, dilations, span, activation="tanh", key=jr.key(0))
    x = jr.normal(jr.key(1), (net.receptive + 6, 2))
    reach = jax.jit(jax.jacrev(lambda x: jnp.sum(net(x), -1)))(x)
    moved = np.any(reach != 0, axis=-1)
    back = np.arange(len(x))[:, None] - np.arange(len(x))
    np.testing.assert_array_equal(moved, (back >= 0) & (back < net.receptive))
    assert net.receptive == 1 + 2 * (span - 1) * sum(dilations)


def test_the_future_changes_the_past_by_no_bit():
    net, x = TemporalNet(2, 5, key=jr.key(0)), jr.normal(jr.key(1), (3, 12, 2))
    run = eqx.filter_jit(net)
    np.testing.assert_array_equal(run(x)[:, :7], run(x.at[:, 7:].add(100.0))[:, :7])


def test_what_is_masked_counts_as_before_the_first():
    net, x = TemporalNet(2, 5, (1, 2), dropout=0.3, key=jr.key(0)), jr.normal(jr.key(1), (6, 2))
    wide = jnp.full((10, 2), jnp.nan).at[4:].set(x)
    outputs = eqx.filter_jit(net)(wide, jnp.arange(10) >= 4)
    truth.close(outputs[4:], net(x), 1e-6)
    assert np.all(outputs[:4] == 0)
    assert np.any(net.training(x, jr.key(0))[0] != net(x))


def test_an_image_that_moves_moves_what_a_convolution_makes_of_it():
    net = Convolution2D(1, 3, key=jr.key(0))
    image = jnp.zeros((12, 12, 1)).at[3:6, 3:6].set(jr.normal(jr.key(1), (3, 3, 1)))
    moved = jnp.roll(image, (2, 3), (0, 1))
    np.testing.assert_allclose(net(moved), jnp.roll(net(image), (2, 3), (0, 1)), atol=1e-6)


def test_a_net_for_images_takes_one_or_a_batch():
    net = ConvNet((9, 8, 2), 4, channels=(3, 5), widths=(6,), dropout=0.5, key=jr.key(0))
    x = jr.normal(jr.key(1), (3, 9, 8, 2))
    assert net(x).shape == (3, 4)
    truth.close(net(x)[1], net(x[1]), 1e-6)
    assert np.any(net.training(x, jr.key(0))[0] != net(x))


def test_wrong_settings_are_answered_in_a_sentence():
    key = jr.key(0)
    with pytest.raises(ValueError, match=r"dilations is \(1, 0\), but must be a whole number of at least 1 or a"):
        TemporalNet(2, 3, (1, 0), key=key)
    with pytest.raises(ValueError, match="padding is 'zero', but must be one of same, valid"):
        Convolution2D(1, 2, padding="zero", key=key)
    with pytest.raises(ValueError, match="shorter side of shape is 3, but must be a whole number of at least 4"):
        ConvNet((8, 3, 1), 2, channels=(4, 4), key=key)
    with pytest.raises(ValueError, match="how is 'least', but must be one of max, mean"):
        pooled(jnp.ones((4, 4, 1)), how="least")
