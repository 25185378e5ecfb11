"""Solutions on disk: weights and states as safetensors, the model by name and parameters; nothing in it can run.

Only models and rules of the library are made from what a file says, by names from a table and with values of the types
that they have. A user's own model is handed over by who loads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ceteris import keys
from ceteris.engine import precision, save_weights
from ceteris.equilibrium.expectation import Rule, as_facts, from_facts
from ceteris.equilibrium.library import library_class, library_name
from ceteris.equilibrium.model import Model, parameters, start_states, traced
from ceteris.equilibrium.policy import blank, finished, learnt_alone
from ceteris.equilibrium.recipe import MOVED, Recipe, recipe_of
from ceteris.equilibrium.work import is_log
from ceteris.files import read_arrays, refuse_non_finite
from ceteris.files.objects import refuse_foreign_file
from ceteris.files.trees import filled
from ceteris.fingerprint import class_parts, described
from ceteris.nets.activations import ACTIVATIONS

ENDING = ".safetensors"
FILE = f"solution{ENDING}"
LARGEST = 10_000_000  # a whole number that fixes a shape, or a weight of a table of probabilities

_natural = lambda value: type(value) is int and 0 <= value < LARGEST
_time = lambda value: type(value) in (int, float) and 0 <= value < math.inf
_positive = lambda value: type(value) in (int, float) and 0 < value < math.inf
_listed = lambda kind: lambda value: isinstance(value, list) and all(kind(one) for one in value)
SCHEMA = {
    "widths": lambda value: _listed(lambda n: _natural(n) and n > 0)(value) and len(value) < 100,
    "activation": lambda value: value in ACTIVATIONS,
    "precision": lambda value: value in ("single", "double"),
    "seed": lambda value: type(value) is int,
    "tolerance": lambda value: _listed(_positive)(value) and len(value) == 2,
    "seconds": _time,
    "cpu": _time,
    "said": _listed(lambda one: isinstance(one, str)),
    "phase": lambda value: type(value) is int and -1 <= value < LARGEST,
    "log": lambda value: value == [] or is_log(value),
    "model": lambda value: isinstance(value, dict) and all(isinstance(value.get(k), str) for k in ("name", "home")),
    "code": lambda value: isinstance(value, dict) and all(isinstance(text, str) for text in value.values()),
    "parameters": lambda value: isinstance(value, dict),
    "rule": lambda value: isinstance(value, dict),
}


def save(folder: str | Path, solution: Any) -> Path:
    """Write a solution into a folder, or the file of this name; returns the file."""
    path, model = Path(folder), solution.model
    path = path if path.suffix == ENDING else path / FILE
    refuse_foreign_file(path)
    own = library_name(type(model))
    facts = {
        "model": {"name": own or type(model).__qualname__, "home": "library" if own else type(model).__module__},
        "code": class_parts(type(model), Model),
        "parameters": {name: _stored(value) for name, value in parameters(model).items()},
        "rule": as_facts(solution.rule),
        **{name: getattr(solution, name) for name in ("widths", "activation", "precision", "seed", "tolerance")},
        **{name: getattr(solution, name) for name in ("seconds", "cpu", "phase")},
        "said": solution.notes,
        "log": [{name: np.asarray(value).tolist() for name, value in entry.items()} for entry in solution.log],
    }
    save_weights(path, (learnt_alone(solution.hypothesis), solution.states), facts)
    return path


def read(
    folder: str | Path, model: Model | None = None, rule: Rule | None = None, recipe: Recipe | None = None
) -> dict[str, Any]:
    """What a file says of a solution, but for the verdict, which is not read but found anew."""
    path = Path(folder) if Path(folder).is_file() else Path(folder) / FILE
    arrays, facts = read_arrays(path, "weights")
    refuse_non_finite(path, arrays)
    for name, allows in SCHEMA.items():
        if name not in facts or not allows(facts[name]):
            raise ValueError(f"folder: {path} was edited or is of another kind: its {name} cannot be used; save anew.")
    found = _model(path, facts) if model is None else model
    try:
        rule = rule or from_facts(facts["rule"])
    except ValueError as error:
        raise ValueError(
            f"folder: {path} does not name a rule for expectations that can be made again ({error}); pass "
            "load(folder, model=..., expectation=...) with the one it was solved with."
        ) from None
    recipe = recipe_of(found) if recipe is None else recipe
    hypothesis, states = _weights(path, arrays, facts, found, recipe)
    plain = {name: tuple(facts[name]) for name in ("widths", "tolerance", "log")}
    plain |= {name: facts[name] for name in ("activation", "precision", "seed", "seconds", "cpu", "phase")}
    plain["notes"], differing = tuple(facts["said"]), _differing(facts, found)
    if differing:
        plain["notes"] += (f"The model it was solved for had {differing}; the verdict is on the model given.",)
    hypothesis = finished(hypothesis, rule, recipe.looks_ahead)
    return {**plain, "model": found, "rule": rule, "hypothesis": hypothesis, "states": states}


def _weights(
    path: Path, arrays: dict[str, np.ndarray], facts: Mapping[str, Any], model: Model, recipe: Recipe
) -> tuple[Any, Any]:
    """The policy and the states, of the shapes that the model gives them."""

    def like():
        key = keys.key(0)
        states = start_states(traced(model), key, 1)
        one = jax.tree.map(lambda a: a[0], states)
        return blank(traced(model), one, recipe.hypothesis, tuple(facts["widths"]), facts["activation"], key), states

    with precision(facts["precision"]):
        try:
            policy, states = eqx.filter_eval_shape(like)
        except Exception as error:  # the model's own code, with parameters that a file gave it
            raise ValueError(
                f"folder: {path} was saved for another model, or edited: {type(model).__name__} gives no states and "
                f"policy with these parameters ({error}); pass the model it was solved for."
            ) from None
        tracks = _tracks(path, arrays)
        states = jax.tree.map(lambda a: jax.ShapeDtypeStruct((tracks, *a.shape[1:]), a.dtype), states)
        return filled(path, arrays, model=(policy, states))["model"]


def _tracks(path: Path, arrays: Mapping[str, np.ndarray]) -> int:
    """How many tracks of states were saved."""
    shapes = [a.shape for name, a in arrays.items() if name.startswith("model[1]")]
    if not shapes or not all(shape and shape[0] for shape in shapes):
        raise ValueError(f"folder: {path} holds no states; save the solution anew.")
    return shapes[0][0]


# ------------------------------------------------------------------------------------------------- models and rules


def _model(path: Path, facts: Mapping[str, Any]) -> Model:
    """The model of the library that a file names, with its parameters."""
    name, home = facts["model"]["name"], facts["model"]["home"]
    kind = library_class(name) if home == "library" else None
    if kind is None:
        raise ValueError(
            f"model: {path} holds the solution of {name} ({home}), which is not a model of the library, and no code is "
            f"run by loading; pass load(folder, model={name.rpartition(':')[2]}(...)) with the parameters it was "
            "solved for."
        )
    given, default = facts["parameters"], parameters(kind())
    for one, value in given.items():
        if one not in default or not _fits(value, default[one]):
            raise ValueError(
                f"folder: {path} was edited or is not plain: parameter {one} of {name} cannot be read from it; pass "
                "load(folder, model=...) with the parameters it was solved for."
            )
    return kind(**{one: np.asarray(value) if isinstance(value, list) else value for one, value in given.items()})


def _fits(value: Any, default: Any) -> bool:
    """Whether a value of a file is of the kind that a parameter has."""
    if isinstance(default, bool) or default is None or isinstance(default, str):
        return type(value) is type(default)
    if isinstance(default, int):
        return type(value) is int and abs(value) < LARGEST
    numbers = lambda value: all(map(numbers, value)) if isinstance(value, list) else type(value) in (int, float)
    return numbers(value) and np.ndim(default) in (0, np.ndim(value))


def _differing(facts: Mapping[str, Any], model: Model) -> str:
    """Which parameters and which equations differ from those of the solution, in words; how it is solved is neither."""
    stored = {name: _stored(value) for name, value in parameters(model).items()}
    names = [name for name in {**facts["parameters"], **stored} if facts["parameters"].get(name) != stored.get(name)]
    code = class_parts(type(model), Model)
    own = [name for name in {**facts["code"], **code} if name.rpartition(".")[2] not in ("recipe", *MOVED)]
    parts = [name for name in own if facts["code"].get(name) != code.get(name)]
    which = [f"another value of {', '.join(names)}"] * bool(names) + [f"another {', '.join(parts[:3])}"] * bool(parts)
    return " and ".join(which)


def _stored(value: Any) -> Any:
    """What JSON holds of a parameter; of what is not plain a text that tells whether it is the same."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | jax.Array | np.generic):
        return np.asarray(value).tolist()
    return {"text": described(value)}
