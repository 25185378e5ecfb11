"""Weights and whole runs on disk: one safetensors file with a JSON header, written atomically, never pickled.

A file holds arrays by name and a few facts. Functions, shapes of nets and optimisers come from the code that
loads it, so that opening a file cannot run anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ceteris.engine.fit import Fit

FORMAT = 1


def save_weights(path: str | Path, tree: Any, facts: dict[str, Any] | None = None) -> None:
    """Save every array of a pytree, atomically; ``facts`` (anything JSON can hold) travel with it."""
    path = Path(path)
    refuse_unwritable(path)
    _write(path, _arrays(tree, "model"), {"kind": "weights", "facts": facts or {}})


def load_weights(path: str | Path, template: Any) -> Any:
    """Return ``template`` with its arrays replaced by those in the file.

    Parameters
    ----------
    path : path of a file written by `save_weights`
    template : pytree
        A model of the same architecture (its weights do not matter; shapes without values will do).
    """
    arrays, _ = _read(Path(path), "weights")
    return _fill(template, arrays, "model", Path(path))


def read_facts(path: str | Path) -> dict[str, Any]:
    """Return what `save_weights` was told to keep beside the weights."""
    return _read(Path(path), "weights")[1]["facts"]


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
    _write(path, arrays, {"kind": "run", "tick": run.tick, "phase": run.phase, "impl": str(jr.key_impl(run.key))})


def load(path: str | Path, template: Callable[[int], Fit]) -> Fit:
    """Return the run in the file; ``template(phase)`` is a run of the same algorithm, for its shapes."""
    path = Path(path)
    arrays, facts = _read(path, "run")
    like = template(facts["phase"])
    columns = lambda prefix: {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    history, metrics = columns("history."), columns("metrics.")
    return Fit(
        state=_fill(like.state, arrays, "state", path),
        status=arrays["status"],
        tick=facts["tick"],
        phase=facts["phase"],
        key=jr.wrap_key_data(jnp.asarray(arrays["key"]), impl=facts["impl"]),
        logs=(history,) if history else (),
        readings=(metrics,) if metrics else (),
        memories=_fill(like.memories, arrays, "memories", path),
    )


def refuse_unwritable(path: Path) -> None:
    """Raise, before any work is done, if nothing can be written at ``path``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.with_name(f".{path.name}.probe")
        probe.write_bytes(b"0")
        probe.unlink()
    except OSError as error:
        raise OSError(
            f"path: {path} cannot be written ({error.strerror}); give a folder you may write to, with space left."
        ) from error


# ---------------------------------------------------------------------------------------------- the file


def _write(path: Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    import ceteris

    header = {"ceteris": json.dumps({"format": FORMAT, "version": ceteris.__version__, **facts})}
    fresh = path.with_name(f".{path.name}.part")
    contiguous = {name: np.ascontiguousarray(a).reshape(np.shape(a)) for name, a in arrays.items()}
    try:
        with open(fresh, "wb") as file:
            file.write(to_bytes(contiguous, metadata=header))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OSError(
            f"{path} could not be written ({error.strerror}); the file of before, if any, is untouched"
        ) from error


def _read(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"path: {path} does not exist; give the path of a file that ceteris saved.")
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})["ceteris"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(
            f"path: {path} is truncated or was not saved by ceteris; use an earlier copy or train again."
        ) from error
    if facts["kind"] != kind:
        other = {"run": "resume it with fit(..., resume=path)", "weights": "read it with load_weights"}[facts["kind"]]
        raise ValueError(f"path: {path} holds {facts['kind']}, not {kind}; {other}.")
    return arrays, facts


def _is_leaf(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct | np.ndarray)


def _named(tree: Any, prefix: str) -> list[tuple[str, Any]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(prefix + jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def _arrays(tree: Any, prefix: str) -> dict[str, np.ndarray]:
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return {
        name: np.asarray(jr.key_data(leaf) if is_key(leaf) else leaf)
        for name, leaf in _named(tree, prefix)
        if _is_leaf(leaf)
    }


def _fill(template: Any, arrays: dict[str, np.ndarray], prefix: str, path: Path) -> Any:
    def value(name: str, like: Any) -> Any:
        if not _is_leaf(like):
            return like
        stored = arrays.get(name)
        if stored is not None and jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
            return jr.wrap_key_data(jnp.asarray(stored))
        if stored is None or stored.shape != like.shape or stored.dtype != like.dtype:
            found = "nothing" if stored is None else f"{stored.dtype}{list(stored.shape)}"
            raise ValueError(
                f"path: {path} was saved by another architecture: it holds {found} for {name} where {like.dtype}"
                f"{list(like.shape)} is needed; build the model with the settings it was saved with."
            )
        return stored if isinstance(like, np.ndarray) else jnp.asarray(stored)

    named = _named(template, prefix)
    return jax.tree.unflatten(jax.tree.structure(template), [value(name, leaf) for name, leaf in named])
