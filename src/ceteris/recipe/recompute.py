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
        return eqx.filter_checkpoint(found) if callable(getattr(type(self.layer), name, None)) else found


def recomputed(model: Any, layers: tuple[type, ...]) -> Any:
    """Return the model with its layers of these classes, the outermost ones, recomputed in the backward pass."""
    chosen = lambda node: isinstance(node, layers)
    nodes, structure = jax.tree.flatten(model, is_leaf=chosen)
    if layers and not any(map(chosen, nodes)):
        names = ", ".join(layer.__name__ for layer in layers)
        raise ValueError(
            f"recompute: {names} given, but the model has no such layer; name the class that repeats in it."
        )
    return jax.tree.unflatten(structure, [Recomputed(node) if chosen(node) else node for node in nodes])
