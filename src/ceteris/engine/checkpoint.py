"""Weights and whole runs on disk: arrays by name and a few facts, through `ceteris.files`, never pickled.

Functions, shapes of nets and optimisers come from the code that loads a file, so that opening one cannot run anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ceteris.engine.devices import DIGITS, EVERY_DIGITS, Digits, agreed, first_process, whole
from ceteris.engine.run import Fit, Status
from ceteris.files import read_arrays, read_growing, refuse_non_finite, write_arrays
from ceteris.files.trees import arrays_of, filled, is_leaf, named

_PARTS = ("history.", "metrics.")


def save_weights(path: str | Path, tree: Any, facts: dict[str, Any] | None = None) -> None:
    """Save every array of a pytree, atomically; ``facts`` (anything JSON can hold) travel with it.

    NaN and infinite weights are refused; an array of zeros and -inf, a mask, may stay. Among several processes all
    have to call it, and the first of them writes.
    """
    arrays = arrays_of(tree, "model")
    examine = lambda name, a: refuse_non_finite(path, {name: a}, masks=True)
    _stream(arrays, examine, lambda made: write_arrays(path, "weights", arrays, facts or {}, made))


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


def save(path: Path, run: Fit, file: Any) -> None:
    """Save a whole run, atomically; ``file`` is the `GrowingFile` of its last save, in the first process."""
    arrays = {**arrays_of(run.state, "state"), **arrays_of(run.memories, "memories"), **arrays_of(run.key, "key")}
    arrays["status"], models = run.status, _models(arrays)
    facts = {"tick": run.tick, "digits": str(run.digits)}
    examine = lambda name, a: _refuse_non_finite(path, name, a, run.status) if name in models else None
    write = lambda made: file.write("run", arrays, facts, partial(_columns, run), len(run.logs), made)
    _stream(arrays, examine, write)


def load(path: str | Path, like: Fit, digits: Digits | None = None) -> Fit:
    """Return the run in the file; ``like`` is a run of the same algorithm, for its shapes and its precision."""
    arrays, facts, chunks = read_growing(path, "run")
    tick, status = _tick(path, facts), _status(path, arrays.pop("status", None), like.status)
    chunks.append({name: arrays.pop(name) for name in list(arrays) if name.startswith(_PARTS)})
    logs, readings = _history(path, chunks, tick, status.shape)
    for name in _models(arrays):
        _refuse_non_finite(path, name, arrays[name], status)
    _refuse_precision(path, arrays, like, digits)
    own = filled(path, arrays, state=like.state, memories=like.memories, key=like.key)
    kept = next((p for p in EVERY_DIGITS if str(p) == facts.get("digits")), None)
    return Fit(status=status, tick=tick, logs=logs, readings=readings, digits=kept, **own)


def is_gone(run: Fit) -> bool:
    """Whether what the step rule or the sampler remembers was given away to steps that did not end."""
    return any(a.is_deleted() for a in jax.tree.leaves(run.state) if isinstance(a, jax.Array))


# --------------------------------------------------------------------------------------- from devices to a file


def by_first(work: Callable[[], Any], meanwhile: Callable[[], None] = lambda: None) -> Any:
    """Have the first of several processes write; an error of it is one of all, so that none waits for the others."""
    found = failed = None
    try:
        found = work() if first_process() else None
    except Exception as error:
        failed = error
    meanwhile()
    if agreed(failed is not None):
        raise failed or OSError("the first process could not write; see what it says")
    return found


def _stream(arrays: Mapping[str, Any], examine: Callable[[str, np.ndarray], Any], write: Callable[..., None]) -> None:
    """Have ``write(made)`` ask for one array after the other; every process has a hand in those that lie on several."""
    left = iter(arrays)

    def made(name: str) -> np.ndarray:
        a = whole(arrays[next(left)])
        examine(name, a)
        return a

    def gather_with_the_first() -> None:
        for name in left:
            whole(arrays[name])

    by_first(lambda: write(made), gather_with_the_first)


def _columns(run: Fit, begin: int, end: int) -> dict[str, np.ndarray]:
    """Return what the chunks of a run from ``begin`` to ``end`` reported."""
    some = replace(run, logs=run.logs[begin:end], readings=run.readings[begin:end])
    parts = zip(_PARTS, (some.history, some.metrics), strict=True)
    return {part + name: column for part, columns in parts for name, column in columns.items()}


# ------------------------------------------------------------------------------------------ what a run must hold


def _tick(path: str | Path, facts: dict[str, Any]) -> int:
    tick = facts.get("tick")
    if type(tick) is not int or not 0 <= tick <= 2**48:
        raise ValueError(
            f"path: {path} holds tick {str(tick)[:40]!r}, but a whole number of steps is needed; train again."
        )
    return tick


def _status(path: str | Path, stored: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    fits = lambda a: a.dtype.kind in "iu" and a.shape == like.shape and np.isin(a, list(Status)).all()
    if stored is None or not fits(stored):
        raise ValueError(
            f"path: {path} does not say how each of {max(like.size, 1)} members stood; resume with the algorithm of "
            "that run, or train again."
        )
    return stored


def _refuse_precision(path: str | Path, arrays: Mapping[str, np.ndarray], like: Fit, digits: Digits | None) -> None:
    """Raise if weights were saved in another precision than the one this run keeps them in."""
    floats = lambda a: is_leaf(a) and jnp.issubdtype(a.dtype, jnp.floating)
    for name, leaf in named(like.state.model, "state.model"):
        was = arrays.get(name)
        if was is not None and floats(was) and floats(leaf) and was.dtype != leaf.dtype:
            fit = next((repr(name) for name, p in DIGITS.items() if p.params == was.dtype), f"one in {was.dtype}")
            raise ValueError(
                f"path: {path} was saved with weights in {was.dtype}, and this run keeps them in "
                f"{digits.params if digits else leaf.dtype}; resume with precision {fit}, or train again."
            )


def _refuse_non_finite(path: str | Path, name: str, a: np.ndarray, status: np.ndarray) -> None:
    """Raise if an array of a model holds no numbers where a member is not lost."""
    sound = status != Status.NONFINITE
    refuse_non_finite(path, {name: a[sound] if status.ndim and not sound.all() else a}, masks=True)


def _models(arrays: Mapping[str, Any]) -> set[str]:
    """Return the names of the model's arrays, and of those of whole copies of it, of several, that judges remember."""
    alike = lambda a, b: a is not None and a.shape == b.shape and a.dtype == b.dtype
    own = {name.removeprefix("state.model"): a for name, a in arrays.items() if name.startswith("state.model")}
    first = next(iter(own), "")
    homes = [name.removesuffix(first) for name in arrays if name.startswith("memories") and name.endswith(first)]
    copies = [home for home in homes if all(alike(arrays.get(home + end), a) for end, a in own.items())]
    return {home + end for home in ["state.model", *(copies if len(own) > 1 else ())] for end in own}


def _history(path: str | Path, chunks: list[dict[str, np.ndarray]], tick: int, members: tuple[int, ...]) -> Any:
    """Return logs and readings, chunk by chunk; raise unless they tell the loss of every step and member."""
    own = lambda part, each: {name.removeprefix(part): a for name, a in each.items() if name.startswith(part)}
    logs, readings = (tuple(own(part, each) for each in chunks if each) for part in _PARTS)
    rows = [sum(np.shape(log.get("loss", 0))[:1]) for log in logs]
    even = all({a.shape for a in log.values()} == {(n, *members)} for log, n in zip(logs, rows, strict=True))
    read = all("step" in r and {a.shape[:1] for a in r.values()} == {(r["step"].size,)} for r in readings)
    if not even or not read or sum(rows) != tick:
        raise ValueError(
            f"path: {path} holds a history that does not fit its {tick} steps; use an earlier copy or train again."
        )
    return logs, readings
