"""Trees of arrays as arrays by name, and back: what a file holds of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np


def filled(path: str | Path, arrays: dict[str, np.ndarray], **templates: Any) -> dict[str, Any]:
    """Return trees with their arrays replaced by those of a file; every one must be there, and no other.

    The arrays are taken out of ``arrays``, so that those on a device do not stay on the host as well.
    """
    value = lambda name, leaf: _value(path, arrays, name, leaf) if is_leaf(leaf) else leaf
    trees = {
        prefix: jax.tree.unflatten(jax.tree.structure(tree), [value(*each) for each in named(tree, prefix)])
        for prefix, tree in templates.items()
    }
    if arrays:
        some = ", ".join(name[:60] for name in sorted(arrays)[:3]) + (", ..." if len(arrays) > 3 else "")
        raise ValueError(
            f"path: {path} was saved by another architecture: it holds {len(arrays)} arrays for which there is no "
            f"place ({some}); build the model with the settings it was saved with."
        )
    return trees


def _value(path: str | Path, arrays: dict[str, np.ndarray], name: str, like: Any) -> Any:
    implementation, shape = _stored_as(like)
    stored = arrays.pop(name, None)
    if stored is None or stored.shape != shape.shape or stored.dtype != shape.dtype:
        found = "nothing" if stored is None else f"{stored.dtype}{list(stored.shape)}"
        raise ValueError(
            f"path: {path} was saved by another architecture: it holds {found} for {name} where {shape.dtype}"
            f"{list(shape.shape)} is needed; build the model with the settings it was saved with."
        )
    if isinstance(like, np.ndarray):
        return stored
    on_device = jax.device_put(stored)
    return on_device if implementation is None else jr.wrap_key_data(on_device, impl=implementation)


def _stored_as(like: Any) -> tuple[Any, Any]:
    """Return the implementation of random keys (None for other arrays), and the shape in which they are saved."""
    if not _is_key(like):
        return None, like
    found = []
    shape = jax.eval_shape(lambda key: (found.append(jr.key_impl(key)), jr.key_data(key))[1], like)
    return found[0], shape


def arrays_of(tree: Any, prefix: str) -> dict[str, Any]:
    """Return every array of a tree by its path, random keys as their numbers."""
    leaves = [(name, leaf) for name, leaf in named(tree, prefix) if is_leaf(leaf)]
    arrays = {name: jr.key_data(leaf) if _is_key(leaf) else leaf for name, leaf in leaves}
    if len(arrays) < len(leaves):
        raise ValueError("tree: two of its arrays have the same name, so that one would be lost; rename one.")
    return arrays


def named(tree: Any, prefix: str) -> list[tuple[str, Any]]:
    """Return every leaf of a tree with its path, in order."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(prefix + jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def is_leaf(leaf: Any) -> bool:
    """Whether a leaf is an array, or the shape of one."""
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct | np.ndarray)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
