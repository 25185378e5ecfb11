"""What PyTorch said of small sequences (`truth/sequence.py`), and the loss it differentiated."""

from functools import cache
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

PRECISIONS = {"single": 1e-5, "double": 1e-10}  # relative to the largest entry


@cache
def _stored():
    with np.load(Path(__file__).parent / "truth" / "sequence.npz") as stored:
        return dict(stored)


def part(name):
    """The arrays of one part; numbers in the precision that is on."""
    found = {key[len(name) + 1 :]: value for key, value in _stored().items() if key.rpartition("/")[0] == name}
    return {key: jnp.asarray(v, float) if v.dtype.kind == "f" else v for key, v in found.items()}


def loss(outputs):
    weights = jnp.cos(jnp.arange(outputs.size)).reshape(outputs.shape)
    return jnp.sum(outputs * weights) + jnp.sum(outputs**2)


def replaced(net, **arrays):
    """The net with arrays at paths such as ``entrance__weight``."""
    for path, array in arrays.items():
        where = lambda tree, path=path: _at(tree, path)
        net = eqx.tree_at(where, net, array)
    return net


def _at(tree, path):
    for name in path.split("__"):
        tree = tree[int(name)] if name.isdigit() else getattr(tree, name)
    return tree


def close(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, float(np.abs(expected).max())))


def gradients(function, net, *inputs):
    """Outputs, and the gradients of the loss for the net and the inputs."""

    def objective(net, *inputs):
        outputs = function(net, *inputs)
        return loss(outputs), outputs

    whole = jax.jit(jax.value_and_grad(lambda v: objective(*v), has_aux=True, allow_int=True))
    (_, outputs), d = whole((net, *inputs))
    return outputs, d[0], d[1:]
