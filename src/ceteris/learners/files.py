"""Learners on disk: the nets as arrays, all else as JSON facts beside them. Nothing is pickled.

What a file says is checked against the tables below before anything is made of it: the learners there are, their
parameters, what they have learnt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import precision
from ceteris.engine.checkpoint import save_weights
from ceteris.learners import network, settings
from ceteris.learners.target import Units
from ceteris.tables.coding import Encoding


def save(learner: Any, path: str | Path) -> None:
    """Save a fitted learner, atomically."""
    kind, name = type(learner), type(learner).__name__
    if not kind.__module__.startswith("ceteris.learners."):
        raise TypeError(
            f"save: {name} is not a learner of ceteris, so load would not know it; save its nets_ with save_weights."
        )
    params = learner.get_params(deep=False)
    if not isinstance(learner.random_state, int | None):
        params["random_state"] = None  # the state of a generator is no part of what was learnt
    if isinstance(params.get("class_weight"), dict):
        params["class_weight"] = {"weights": list(params["class_weight"].items())}
    learnt = {key: getattr(learner, key) for key in (*_needed(name), *OPTIONAL) if hasattr(learner, key)}
    try:
        facts = json.loads(json.dumps({"learner": name, "params": params, "learnt": learnt}, default=_plain))
        unfilled(facts, {name: kind})
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"save: {name} holds something that cannot be written as text ({error}); give activations by name, and "
            "labels that are numbers or strings."
        ) from None
    save_weights(path, learner.nets_, facts)


def unfilled(facts: dict[str, Any], known: dict[str, Any]) -> Any:
    """Return the learner, one of those known by name, that the facts describe, without its nets."""
    name, params, learnt = (facts.get(key) for key in ("learner", "params", "learnt"))
    if not isinstance(name, str) or not isinstance(params, dict) or not isinstance(learnt, dict):
        raise ValueError("it does not say which learner, its parameters and what it has learnt")
    if name not in known:
        raise ValueError(f"{name[:60]!r} is not one of {', '.join(known)}")
    learner = known[name]()
    params = {"progress" if key == "verbose" else key: value for key, value in params.items()}  # as it was called
    _refuse_unknown(params, set(learner.get_params(deep=False)), set())
    learner.set_params(**{key: _parameter(key, value) for key, value in params.items()})
    settings.check(learner)
    _refuse_unknown(learnt, {*_needed(name), *OPTIONAL}, set(_needed(name)))
    for key, value in learnt.items():
        try:
            setattr(learner, key, LEARNT[key](value))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"what it says of {key} is not as it was learnt ({error})") from None
    _refuse_disagreement(learner)
    return learner


def template(learner: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the shapes of a learner's nets, of a size that the arrays can have."""
    inputs, task, widths = len(learner.encoding_.mean), learner._task(), np.atleast_1d(learner.widths).tolist()
    most = max((a.size for a in arrays.values()), default=0)
    if {a.shape[:1] for a in arrays.values()} != {(learner.n_members_,)}:
        raise ValueError(f"its arrays are not those of {learner.n_members_} members")
    if len(widths) > len(arrays) or max(inputs, task.outputs, *widths) > most:
        raise ValueError(f"its arrays are too small for widths of {learner.widths}")
    with precision("single"):
        build = network.template(learner, inputs, task)
        members = lambda key: eqx.filter_vmap(lambda k: build(key=k))(jr.split(key, learner.n_members_))
        return eqx.filter_eval_shape(members, jr.key(0))


def _refuse_unknown(given: dict[str, Any], allowed: set[str], needed: set[str]) -> None:
    wrong = sorted(set(given) - allowed) or sorted(needed - set(given))
    if wrong:
        raise ValueError(f"{wrong[0][:60]!r} is {'not known' if wrong[0] in given else 'missing'}")


def _refuse_disagreement(learner: Any) -> None:
    """Raise unless columns, classes and units fit together."""
    encoding = learner.encoding_
    wide = sum(1 if known is None else len(known) for known in encoding.labels)
    if not len(encoding.names) == len(encoding.labels) == learner.n_features_in_ or len(encoding.mean) != wide:
        raise ValueError("its columns and their encoding do not fit together")
    named = getattr(learner, "feature_names_in_", None)
    if named is not None and named.tolist() != list(encoding.names):
        raise ValueError("its columns have two sets of names")
    if hasattr(learner, "noise_") and len(learner.noise_) != len(learner.units_.mean):
        raise ValueError("its outputs and their noise do not fit together")


# ------------------------------------------------------------------------------------------ what a file may hold


def _parameter(name: str, value: Any) -> Any:
    """Return a parameter as it was given; those that `settings.check` does not know are checked here."""
    if name == "class_weight" and isinstance(value, dict):
        return {_scalar(label): _number(weight) for label, weight in map(_pair, _part(value, "weights"))}
    allowed = {
        "activation": str, "normalise": str | None, "loss": str, "optimiser": str, "unseen": str, "progress": bool,
        "class_weight": str | None, "levels": list, "random_state": int | None,
    }.get(name, object)  # fmt: skip
    if not isinstance(value, allowed) or isinstance(value, dict):
        raise ValueError(f"{name} is a {type(value).__name__}")
    if isinstance(value, list):
        return tuple(_number(v) for v in value)
    return value


def _pair(value: Any) -> list[Any]:
    if isinstance(value, list) and len(value) == 2:
        return value
    raise ValueError("a weight belongs to a label")


def _needed(name: str) -> tuple[str, ...]:
    own = {"NeuralRegressor": ("flat_", "units_", "noise_"), "NeuralClassifier": ("classes_",)}
    return (*COMMON, *own.get(name, ("units_",)))


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a label is a {type(value).__name__}")


def _part(value: Any, name: str, kind: type = list) -> Any:
    if isinstance(value, dict) and isinstance(value.get(name), kind):
        return value[name]
    raise ValueError(f"it lacks {name!r}")


def _floats(value: Any) -> np.ndarray:
    return np.array([float(_number(v)) for v in _part(value, "array")])


def _number(value: Any) -> Any:
    if type(value) in (int, float):
        return value
    raise ValueError(f"a {type(value).__name__} stands for a number")


def _whole(value: Any) -> int:
    if type(value) is int and 0 <= value < 10**9:
        return value
    raise ValueError("a whole number is needed")


def _share(value: Any) -> float:
    if 0 <= _number(value) <= 1:
        return value
    raise ValueError("a number from 0 to 1 is needed")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("text is needed")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("yes or no is needed")


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_text(v) for v in value]
    raise ValueError("a list of texts is needed")


def _names(value: Any) -> np.ndarray:
    return np.array(_texts(_part(value, "array")), object)


def _reals(value: Any) -> np.ndarray:
    """Return non-negative numbers, infinity included."""
    a = _floats(value)
    if np.isnan(a).any() or (a < 0).any():
        raise ValueError("a number is negative or NaN")
    return a


def _classes(value: Any) -> np.ndarray:
    """Return labels, of the type they had."""
    labels, kind = [_scalar(v) for v in _part(value, "array")], _part(value, "dtype", str)
    if not re.fullmatch(r"object|bool|u?int(8|16|32|64)|float(16|32|64)|[<>|=]U\d{1,4}", kind):
        raise ValueError(f"labels of the type {kind[:20]!r}")
    a = np.array(labels, kind)
    if a.tolist() != labels or len(set(labels)) < max(len(labels), 2):
        raise ValueError("two classes or more are needed, each once")
    return a


def _units(value: Any) -> Units:
    mean, scale = (_floats(_part(value, key, dict)) for key in ("mean", "scale"))
    if len(mean) != len(scale) or not len(mean) or not np.isfinite([mean, scale]).all() or not (scale > 0).all():
        raise ValueError("a mean and a positive scale for each output are needed")
    return Units(mean, scale)


def _encoding(value: Any) -> Encoding:
    parts = _part(value, "encoding", dict)
    names = _texts(_part(parts, "names"))
    labels = [None if known is None else _texts(known) for known in _part(parts, "labels")]
    mean, scale = (_floats(_part(parts, key, dict)) for key in ("mean", "scale"))
    if len(mean) != len(scale) or not np.isfinite(mean).all() or not (scale > 0).all():
        raise ValueError("a mean and a positive scale for each column are needed")
    if any(known is not None and len(set(known)) < len(known) for known in labels):
        raise ValueError("a label is given twice")
    return Encoding(tuple(names), tuple(None if known is None else tuple(known) for known in labels), mean, scale)


def _frame(value: Any) -> pd.DataFrame:
    frame = _part(value, "frame", dict)
    columns = {name: [_number(v) for v in _part(frame, name)] for name in frame}
    if set(columns) != {"epoch", "member", "loss", "heldout"} or len({len(column) for column in columns.values()}) > 1:
        raise ValueError("columns epoch, member, loss, heldout of equal length are needed")
    return pd.DataFrame(columns)


COMMON = (
    "encoding_", "constant_columns_", "history_", "n_iter_", "status_", "weight_decays_", "late_fall_", "n_members_",
    "n_features_in_",
)  # fmt: skip
OPTIONAL = ("feature_names_in_",)
LEARNT: dict[str, Callable[[Any], Any]] = {
    "encoding_": _encoding, "constant_columns_": _texts, "history_": _frame, "n_iter_": _whole, "status_": _text,
    "weight_decays_": _reals, "late_fall_": _share, "n_members_": _whole, "n_features_in_": _whole,
    "feature_names_in_": _names, "flat_": _flag, "units_": _units, "noise_": _reals, "classes_": _classes,
}  # fmt: skip


def _plain(value: Any) -> Any:
    """Return what JSON can hold."""
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
