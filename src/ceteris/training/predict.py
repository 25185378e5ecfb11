"""What the members of an ensemble say of rows, in blocks of one compiled shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ceteris.engine import precision
from ceteris.training.rows import filled

BLOCK = 512  # rows per compiled evaluation: the last block is filled up, so that no number of rows compiles anew


@eqx.filter_jit
def _evaluated(function: Callable[[Any, Any], Any], nets: Any, rows: Any) -> Any:
    groups = jax.tree.leaves(rows)[0].shape[0]
    own = jax.tree.map(lambda a: a.reshape(groups, len(a) // groups, *a.shape[1:]) if eqx.is_array(a) else a, nets)
    members = eqx.filter_vmap(function, in_axes=(eqx.if_array(0), None))
    return eqx.filter_vmap(members, in_axes=(eqx.if_array(0), 0))(own, rows)


def evaluate(function: Callable[[Any, Any], Any], nets: Any, rows: Sequence[Any]) -> list[Any]:
    """Evaluate the nets of each group at rows of its own, in single precision.

    Parameters
    ----------
    function : callable
        ``function(net, rows) -> pytree``, leaves with a leading axis of rows; defined at module level, or an
        ``equinox.Partial`` of such a function.
    nets : stacked nets
        Equally many for each group, those of one group next to each other.
    rows : sequence of pytrees of arrays
        For each group, leaves with a leading axis of rows.

    Returns
    -------
    list of pytrees
        For each group, leaves of shape (members, rows, ...).

    Examples
    --------
    >>> def scaled(net, x): return net * x
    >>> import jax.numpy as jnp
    >>> nets = jnp.array([1.0, 2.0, 3.0, 4.0])  # two groups of two
    >>> [found.tolist() for found in evaluate(scaled, nets, [np.array([1.0]), np.array([1.0, 10.0])])]
    [[[1.0], [2.0]], [[3.0, 30.0], [4.0, 40.0]]]
    """
    counts = [len(jax.tree.leaves(own)[0]) for own in rows]
    total = max(1, -(-max(counts) // BLOCK)) * BLOCK
    whole = jax.tree.map(lambda *own: np.stack([filled(a, total) for a in own]), *rows)
    with precision("single"):
        blocks = [
            _evaluated(function, nets, jax.tree.map(lambda a, at=at: jax.device_put(a[:, at : at + BLOCK]), whole))
            for at in range(0, total, BLOCK)
        ]
    found = jax.tree.map(lambda *parts: np.concatenate([np.asarray(part) for part in parts], axis=2), *blocks)
    return [jax.tree.map(lambda a, g=g, n=n: a[g, :, :n], found) for g, n in enumerate(counts)]


def mean_outputs(nets: Any, x: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of each group at its own rows (rows, inputs), averaged over its nets: (rows, outputs) each."""
    return [found.astype(float).mean(0) for found in evaluate(_outputs, nets, [a.astype(np.float32) for a in x])]


def _outputs(net, x):
    return net(x)
