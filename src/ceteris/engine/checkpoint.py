"""Weights and whole runs on disk: arrays by name and a few facts, through `ceteris.files`, never pickled.

Functions, shapes of nets and optimisers come from the code that loads a file, so that opening one cannot run
anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.engine.devices import Policy
from ceteris.engine.run import Fit, Status
from ceteris.files import read_arrays, refuse_non_finite, write_arrays


def save_weights(path: str | Path, tree: Any, facts: dict[str, Any] | None = None) -> None:
    """Save every array of a pytree, atomically; ``facts`` (anything JSON can hold) travel with it.

    NaN and infinite weights are refused; an array of zeros and -inf, a mask, may stay.
    """
    arrays = _arrays(tree, "model")
    refuse_non_finite(path, arrays, masks=True)
    write_arrays(path, "weights", arrays, facts or {})


def load_weights(path: str | Path, template: Any) -> Any:
    """Return ``template`` with its arrays replaced by those in the file: all of them, and no others.

    Parameters
    ----------
    path : path of a file written by `save_weights`
    template : pytree
        A model of the same architecture (its weights do not matter; shapes without values will do).
    """
    arrays, _ = read_arrays(path, "weights")
    refuse_non_finite(path, arrays, masks=True)
    return filled(path, arrays, model=template)["model"]


def read_facts(path: str | Path) -> dict[str, Any]:
    """Return what `save_weights` was told to keep beside the weights."""
    return read_arrays(path, "weights")[1]


def save(path: Path, run: Fit) -> None:
    """Save a whole run, atomically."""
    arrays = {
        **_arrays(run.state, "state"),
        **_arrays(run.memories, "memories"),
        "status": run.status,
        "key": np.asarray(jr.key_data(run.key)),
        **{f"history.{name}": column for name, column in run.history.items()},
        **{f"metrics.{name}": column for name, column in run.metrics.items()},
    }
    _refuse_lost(path, arrays, run.status)
    write_arrays(path, "run", arrays, {"tick": run.tick})


def load(path: str | Path, like: Fit, policy: Policy | None = None) -> Fit:
    """Return the run in the file; ``like`` is a run of the same algorithm, for its shapes."""
    arrays, facts = read_arrays(path, "run")
    tick = _whole(path, facts, "tick", 2**48)
    columns = lambda prefix: {name: arrays.pop(name) for name in list(arrays) if name.startswith(prefix)}
    history, metrics = _log(path, columns("history.")), _log(path, columns("metrics."))
    if tick and "loss" not in history:
        raise ValueError(f"path: {path} lacks the losses of its {tick} steps; use an earlier copy or train again.")
    status = _status(path, arrays.pop("status", None), like.status)
    _refuse_lost(path, arrays, status)
    own = filled(path, arrays, state=like.state, memories=like.memories, key=like.key)
    logs, readings = ((log,) if log else () for log in (history, metrics))
    return Fit(status=status, tick=tick, logs=logs, readings=readings, **own)


# --------------------------------------------------------------------------------------- from arrays to trees


def filled(path: str | Path, arrays: Mapping[str, np.ndarray], **templates: Any) -> dict[str, Any]:
    """Return trees with their arrays replaced by those of a file; every one must be there, and no other."""
    named = {prefix: _named(template, prefix) for prefix, template in templates.items()}
    values = lambda leaves: [_value(path, arrays, name, leaf) if _is_leaf(leaf) else leaf for name, leaf in leaves]
    trees = {
        prefix: jax.tree.unflatten(jax.tree.structure(template), values(named[prefix]))
        for prefix, template in templates.items()
    }
    extra = sorted(set(arrays) - {name for leaves in named.values() for name, leaf in leaves if _is_leaf(leaf)})
    if extra:
        some = ", ".join(name[:60] for name in extra[:3]) + (", ..." if len(extra) > 3 else "")
        raise ValueError(
            f"path: {path} was saved by another architecture: it holds {len(extra)} arrays for which there is no "
            f"place ({some}); build the model with the settings it was saved with."
        )
    return trees


def _value(path: str | Path, arrays: Mapping[str, np.ndarray], name: str, like: Any) -> Any:
    implementation, shape = _stored_as(like)
    stored = arrays.get(name)
    if stored is None or stored.shape != shape.shape or stored.dtype != shape.dtype:
        found = "nothing" if stored is None else f"{stored.dtype}{list(stored.shape)}"
        raise ValueError(
            f"path: {path} was saved by another architecture: it holds {found} for {name} where {shape.dtype}"
            f"{list(shape.shape)} is needed; build the model with the settings it was saved with."
        )
    if isinstance(like, np.ndarray):
        return stored
    return jnp.asarray(stored) if implementation is None else jr.wrap_key_data(jnp.asarray(stored), impl=implementation)


def _stored_as(like: Any) -> tuple[Any, Any]:
    """Return the implementation of random keys (None for other arrays), and the shape in which they are saved."""
    if not _is_key(like):
        return None, like
    found = []
    shape = jax.eval_shape(lambda key: (found.append(jr.key_impl(key)), jr.key_data(key))[1], like)
    return found[0], shape


def _arrays(tree: Any, prefix: str) -> dict[str, np.ndarray]:
    leaves = [(name, leaf) for name, leaf in _named(tree, prefix) if _is_leaf(leaf)]
    arrays = {name: np.asarray(jr.key_data(leaf) if _is_key(leaf) else leaf) for name, leaf in leaves}
    if len(arrays) < len(leaves):
        raise ValueError("tree: two of its arrays have the same name, so that one would be lost; rename one.")
    return arrays


def _named(tree: Any, prefix: str) -> list[tuple[str, Any]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(prefix + jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def _is_leaf(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct | np.ndarray)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


# ------------------------------------------------------------------------------------------ what a run must hold


def _whole(path: str | Path, facts: dict[str, Any], name: str, most: int) -> int:
    value = facts.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(
            f"path: {path} holds {name} {str(value)[:40]!r}, but a whole number from 0 to {most} is needed; resume "
            "with the algorithm of that run, or train again."
        )
    return value


def _status(path: str | Path, stored: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    known = np.array(list(Status))
    if (
        stored is None
        or stored.dtype.kind not in "iu"
        or stored.shape != like.shape
        or not np.isin(stored, known).all()
    ):
        raise ValueError(
            f"path: {path} does not say how each of {max(like.size, 1)} members stood; resume with the algorithm of "
            "that run, or train again."
        )
    return stored


def _refuse_lost(path: str | Path, arrays: Mapping[str, np.ndarray], status: np.ndarray) -> None:
    """Raise if the model of a member that is not lost holds no numbers, or the copy of it that a judge keeps."""
    sound = ~np.isin(status, (Status.NONFINITE, Status.DIVERGED))
    own = {name: a for name, a in arrays.items() if name.startswith("state.model")}
    models = own | _copies({name.removeprefix("state.model"): a for name, a in own.items()}, arrays)
    refuse_non_finite(path, {name: a[sound] if status.ndim else a for name, a in models.items()}, masks=True)


def _copies(model: dict[str, np.ndarray], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of whole copies of a model, of several arrays, among what judges remember."""
    alike = lambda a, b: a is not None and a.shape == b.shape and a.dtype == b.dtype
    first = next(iter(model), "")
    homes = [name.removesuffix(first) for name in arrays if name.startswith("memories") and name.endswith(first)]
    whole = [home for home in homes if all(alike(arrays.get(home + end), a) for end, a in model.items())]
    return {home + end: arrays[home + end] for home in whole if len(model) > 1 for end in model}


def _log(path: str | Path, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a history: columns of equal length without their prefix."""
    if len({a.shape[:1] for a in columns.values()}) > 1 or any(a.ndim == 0 for a in columns.values()):
        raise ValueError(f"path: {path} holds a history of unequal lengths; use an earlier copy or train again.")
    return {name.partition(".")[2]: a for name, a in columns.items()}
