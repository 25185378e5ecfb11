"""Learners on disk: the nets as a safetensors file, all else as JSON facts in its header. Nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import load_weights, precision, save_weights
from ceteris.engine.checkpoint import read_facts
from ceteris.learners import network
from ceteris.learners.table import Encoding
from ceteris.learners.target import Units


def save(learner: Any, path: str | Path) -> None:
    """Save a fitted learner, atomically."""
    name = type(learner).__name__
    params = learner.get_params(deep=False)
    if not isinstance(learner.random_state, int | None):
        params["random_state"] = None  # the state of a generator is no part of what was learnt
    learnt = {key: value for key, value in vars(learner).items() if key.endswith("_") and key != "nets_"}
    try:
        facts = json.loads(json.dumps({"learner": name, "params": params, "learnt": learnt}, default=_plain))
    except TypeError as error:
        raise TypeError(
            f"save: {name} holds something that cannot be written as text ({error}); give activations by name, and "
            "labels that are numbers or strings."
        ) from None
    save_weights(path, learner.nets_, facts)


def load(path: str | Path) -> Any:
    """Return the learner in a file that ``learner.save(path)`` wrote.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from ceteris.learners import NeuralRegressor
    >>> X, y = np.arange(6.0)[:, None], np.arange(6.0)
    >>> learner = NeuralRegressor(members=2, epochs=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     learner.save(f"{folder}/learner.safetensors")
    ...     again = load(f"{folder}/learner.safetensors")
    >>> bool((again.predict(X) == learner.predict(X)).all())
    True
    """
    from ceteris import learners

    facts = read_facts(path)
    if "learner" not in facts:
        raise ValueError(f"path: {path} holds weights, but no learner; read it with ceteris.engine.load_weights.")
    params = {key: tuple(v) if isinstance(v, list) else v for key, v in facts["params"].items()}
    learner = getattr(learners, facts["learner"])(**params)
    for key, value in facts["learnt"].items():
        setattr(learner, key, _rich(value))
    learner.nets_ = load_weights(path, _template(learner))
    return learner


def _template(learner: Any) -> Any:
    """Return the shapes of a learner's nets."""
    with precision("single"):
        build = network.template(learner, len(learner.encoding_.mean), learner._task())
        members = lambda key: eqx.filter_vmap(lambda k: build(key=k))(jr.split(key, learner.n_members_))
        return eqx.filter_eval_shape(members, jr.key(0))


def _plain(value: Any) -> Any:
    """Return what JSON can hold; the inverse of `_rich`."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Encoding):
        return {"encoding": vars(value)}
    if isinstance(value, Units):
        return vars(value)
    if isinstance(value, pd.DataFrame):
        return {"frame": {name: value[name].tolist() for name in value}}
    raise TypeError(f"a value of type {type(value).__name__}")


def _rich(value: Any) -> Any:
    match value:
        case {"array": items, "dtype": dtype}:
            return np.array(items, dtype)
        case {"encoding": parts}:
            labels = tuple(None if known is None else tuple(known) for known in parts["labels"])
            return Encoding(tuple(parts["names"]), labels, _rich(parts["mean"]), _rich(parts["scale"]))
        case {"frame": columns}:
            return pd.DataFrame(columns)
        case {"mean": mean, "scale": scale}:
            return Units(_rich(mean), _rich(scale))
    return value
