"""The layer of random features."""

import equinox as eqx
import jax.random as jr
import numpy as np

from ceteris.nets import RandomFeatures


def with_weights(net):
    """The network with some weights in its last layer."""
    return eqx.tree_at(lambda net: net.out, net, jr.normal(jr.key(1), net.out.shape))


def test_the_network_is_linear_in_its_features():
    net = RandomFeatures(3, 2, 40, key=jr.key(0))
    net = with_weights(net)
    x = jr.normal(jr.key(2), (9, 3))
    np.testing.assert_allclose(net(x), net.features(x) @ net.out, rtol=1e-6)


def test_a_narrowed_network_is_the_same_function_when_widened_again():
    wide = RandomFeatures(3, 2, 40, key=jr.key(0))
    narrow = wide.narrowed(10)
    narrow = with_weights(narrow)
    x = jr.normal(jr.key(2), (9, 3))
    assert narrow.features(x).shape == (9, 3 + 10 + 1)
    np.testing.assert_allclose(narrow.widened(wide)(x), narrow(x), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(wide.narrowed(99).first, wide.first)
