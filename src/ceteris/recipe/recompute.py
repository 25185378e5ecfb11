"""Layers that are computed a second time in the backward pass instead of being remembered: less memory, more work."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax


class Recomputed(eqx.Module):
    """A layer of which the backward pass keeps the inputs only."""

    layer: Any

    def __call__(self, *args, **kwargs):
        return eqx.filter_checkpoint(self.layer)(*args, **kwargs)

    def __getattr__(self, name):
        if name == "layer":  # not yet there
            raise AttributeError(name)
        found = getattr(self.layer, name)
        method = callable(getattr(type(self.layer), name, None))
        return eqx.filter_checkpoint(found) if method else found


def recomputed(model: Any, layers: tuple[type, ...]) -> Any:
    """Return the model with its layers of these classes, the outermost ones, recomputed in the backward pass.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> net = eqx.nn.MLP(2, 1, 8, 3, key=jax.random.key(0))
    >>> thrifty = recomputed(net, (eqx.nn.Linear,))
    >>> type(thrifty.layers[0]).__name__, bool((net(jnp.ones(2)) == thrifty(jnp.ones(2))).all())
    ('Recomputed', True)
    """
    chosen = lambda node: isinstance(node, layers)
    return jax.tree.map(lambda node: Recomputed(node) if chosen(node) else node, model, is_leaf=chosen)


def refuse_absent(model: Any, layers: tuple[type, ...]) -> None:
    """Raise if the model has no layer of one of these classes."""
    for layer in layers:
        found = lambda node: isinstance(node, layer)  # noqa: B023
        if not any(map(found, jax.tree.leaves(model, is_leaf=found))):
            raise ValueError(
                f"Descend: recompute holds {layer.__name__}, but the model ({type(model).__name__}) has no such layer; "
                "name the class of its repeated layers."
            )
