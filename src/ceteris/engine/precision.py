"""Single or double precision as an explicit choice; nothing here changes JAX's global flags."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

Precision = Literal["single", "double"]


@contextlib.contextmanager
def precision(name: Precision | None):
    """Compute in the named precision inside a ``with`` block; None leaves things as they are.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> with precision("double"):
    ...     print(jnp.asarray(1 / 3).dtype)
    float64
    """
    if name not in (None, "single", "double"):
        raise ValueError(f"precision: {name!r} was given, but it must be 'single' or 'double'.")
    with contextlib.nullcontext() if name is None else jax.enable_x64(name == "double"):
        yield


def cast(tree: Any, name: Precision | None) -> Any:
    """Return the tree with its floating-point arrays in the named precision (call inside `precision`)."""
    if name is None:
        return tree
    dtype = jnp.float64 if name == "double" else jnp.float32
    floating = lambda leaf: eqx.is_inexact_array(leaf) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f")
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype) if floating(leaf) else leaf, tree)
