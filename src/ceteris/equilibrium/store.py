"""Solutions on disk: weights and states as safetensors, the model by name and parameters; nothing is pickled."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ceteris.engine import load_weights, precision, save_weights
from ceteris.engine.checkpoint import read_facts
from ceteris.equilibrium import expectation as rules
from ceteris.equilibrium.model import Model, parameters, start_states, traced
from ceteris.equilibrium.policy import blank, finished, learnt_alone

FILE = "solution.safetensors"
RULES = ("GaussHermite", "Monomial", "QuasiMonteCarlo", "MonteCarlo")


def save(folder: str | Path, solution: Any) -> Path:
    """Write a solution into a folder; returns the file."""
    path = Path(folder) / FILE
    facts = {
        "model": reference(type(solution.model)),
        "parameters": {name: _plain(name, value) for name, value in parameters(solution.model).items()},
        "rule": {"name": type(solution.rule).__name__, **vars(solution.rule)},
        **{name: getattr(solution, name) for name in PLAIN},
        "log": [{k: _number(v) for k, v in entry.items()} for entry in solution.log],
    }
    save_weights(path, (learnt_alone(solution.hypothesis), solution.states), facts)
    return path


PLAIN = ("widths", "activation", "precision", "seed", "tolerance", "seconds", "cpu", "said", "sentence", "met")


def read(folder: str | Path, model: Model | None = None) -> dict[str, Any]:
    """The arguments of the `Solution` in a folder."""
    path = Path(folder) if Path(folder).is_file() else Path(folder) / FILE
    facts = read_facts(path)
    if model is None:
        model = find_model(facts["model"])(**{k: _value(v) for k, v in facts["parameters"].items()})
    rule = dict(facts["rule"])
    rule = getattr(rules, rule.pop("name"))(**rule)
    with precision(facts["precision"]):
        key = jax.random.key(0)
        states = start_states(traced(model), key, 1)
        one = jax.tree.map(lambda a: a[0], states)
        policy = blank(traced(model), one, tuple(facts["widths"]), facts["activation"], key)
        hypothesis, states = load_weights(path, (policy, _like(states, path)))
    log = tuple({**entry} for entry in facts["log"])
    plain = {name: tuple(facts[name]) if isinstance(facts[name], list) else facts[name] for name in PLAIN}
    return {
        **plain,
        "model": model,
        "hypothesis": finished(model, hypothesis, rule),
        "states": states,
        "rule": rule,
        "log": log,
    }


def reference(kind: type) -> str:
    """Where a model's class is to be found again: ``module:Class`` or ``file.py:Class``."""
    if kind.__module__.startswith("ceteris."):
        return f"{kind.__module__}:{kind.__qualname__}"
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return f"{file or kind.__module__}:{kind.__qualname__}"


def find_model(name: str) -> type[Model]:
    """The class behind ``module:Class`` or ``file.py:Class``; says in one sentence what is wrong."""
    home, _, kind = name.rpartition(":")
    if not home or not kind:
        raise ValueError(f"model: {name!r} was given, but FILE:CLASS is needed, such as my_model.py:MyModel.")
    if home.endswith(".py"):
        path = Path(home)
        if not path.is_file():
            raise FileNotFoundError(f"model: there is no file {path}; give the path of the file that holds {kind}.")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(home)
    found = getattr(module, kind, None)
    if not (isinstance(found, type) and issubclass(found, Model)):
        offered = [
            k for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Model) and v is not Model
        ]
        raise ValueError(f"model: {home} has no model {kind!r}; it has {', '.join(offered) or 'none'}.")
    return found


def _like(states: Any, path: Path) -> Any:
    """States with as many tracks as were saved."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        name = next(name for name in file.keys() if name.startswith("model[1]"))  # noqa: SIM118 (not a dict)
        tracks = file.get_slice(name).get_shape()[0]
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct((tracks, *a.shape[1:]), a.dtype), states)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | jax.Array):
        return np.asarray(value).tolist()
    raise TypeError(
        f"save: parameter {name!r} is {type(value).__name__}, which cannot be saved; use numbers or arrays."
    )


def _value(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, list) else value


def _number(value: Any) -> Any:
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else value
