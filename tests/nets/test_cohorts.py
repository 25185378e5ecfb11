"""The network for cohorts."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.nets.cohorts import SCALE, Cohorts


def test_the_features_and_the_last_layer_are_the_network():
    net = Cohorts(3, 5, 3, 8, 6, 2, key=jr.key(0))
    linear, out, turn = (jr.normal(jr.key(i), w.shape) for i, w in enumerate((net.linear, net.out, net.turn)))
    net = eqx.tree_at(lambda net: (net.linear, net.out, net.turn), net, (linear, out, turn))
    x = jr.normal(jr.key(4), (4, 5))
    hidden, hinges = net.features(x)
    by_hand = x @ linear + hidden @ out[:-1] + out[-1] + jnp.einsum("nak,ak->na", hinges, turn)
    np.testing.assert_allclose(net(x), SCALE * by_hand, rtol=1e-4, atol=1e-4)  # single precision
