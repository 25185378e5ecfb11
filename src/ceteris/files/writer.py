"""From objects to arrays and text: the half of `ceteris.files.objects` that writes."""

from __future__ import annotations

import enum
import functools
import math
import types
from typing import Any

import numpy as np

from ceteris.files import pandas_values
from ceteris.files.arrays import TYPES
from ceteris.files.estimators import EXTERNAL, parts
from ceteris.files.names import name_of_class, name_of_external, name_of_function

DEEPEST = 100
COLLECTIONS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
PARTIALS = ("functools:partial", "equinox:Partial", "jax.tree_util:Partial")


class ObjectWriter:
    """Collects arrays while objects are taken apart."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.names: dict[int, str] = {}  # of arrays that were met, by identity: each is kept once
        self.met: list[Any] = []  # keeps them alive, so that no identity is used again
        self.depth = 0

    def node(self, value: Any, where: str) -> Any:
        """Return what JSON holds of a value; ``where`` it stands names its arrays and begins a complaint."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TypeError(
                f"save: {where[:60]} is nested more than {DEEPEST} deep, perhaps in itself; save its parts."
            )
        try:
            return self._node(value, where)
        finally:
            self.depth -= 1

    def _node(self, value: Any, where: str) -> Any:
        if type(value) in (bool, int, str, type(None)):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is list:
            return self.nodes(value, where)
        if isinstance(value, enum.Enum):
            return {"enum": [name_of_class(type(value)), value.name]}
        if isinstance(value, np.ndarray):
            return self.array(value, where)
        if isinstance(value, np.generic):
            return {"scalar": self.array(np.asarray(value), where)}
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return {"dtype": [np.dtype(value).str, isinstance(value, type)]}
        if isinstance(value, np.random.RandomState | np.random.Generator):
            return None  # the state of a generator is no part of what was learnt
        for name, kind in COLLECTIONS.items():
            if type(value) is kind:
                return {name: self.nodes(value, where)}
        if type(value) in (dict, types.MappingProxyType):
            return {"dict": [[self.node(k, where), self.node(v, f"{where}[{k!r}]")] for k, v in value.items()]}
        if isinstance(value, slice):
            return {"slice": self.nodes((value.start, value.stop, value.step), where)}
        if pandas_values.is_one(value):
            return {"pandas": [self.node(part, f"{where}.{i}") for i, part in enumerate(pandas_values.taken(value))]}
        return self.jax_array(value, where) or self.partial(value, where) or self.whole(value, where)

    def nodes(self, values: Any, where: str) -> list[Any]:
        """Return the nodes of several values."""
        return [self.node(value, f"{where}[{i}]") for i, value in enumerate(values)]

    def array(self, value: np.ndarray, where: str) -> Any:
        """Keep an array; one of labels as a list."""
        if value.dtype.kind in "OU":
            kind = "O" if value.dtype.kind == "O" else value.dtype.str
            return {"labels": [kind, list(value.shape), self.nodes(value.reshape(-1).tolist(), where)]}
        plain = value.dtype.isnative and value.dtype.str in TYPES.values()
        kept = value if plain else np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        name = self.kept(kept, where, value)
        return {"array": name} if plain else {"record": [name, _description(value.dtype), list(value.shape)]}

    def kept(self, stored: np.ndarray, where: str, original: Any) -> str:
        """Return the name under which an array is stored; the same one if it was met before."""
        if id(original) not in self.names:
            name = where if where not in self.arrays else f"{where} ({len(self.arrays)})"
            self.names[id(original)], self.arrays[name] = name, stored
            self.met.append(original)
        return self.names[id(original)]

    def jax_array(self, value: Any, where: str) -> Any:
        """Return the node of an array of JAX, or of a random key; None for anything else."""
        if not type(value).__module__.startswith(("jax", "jaxlib")) or not hasattr(value, "dtype"):
            return None
        import jax
        import jax.numpy as jnp

        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            stored = np.asarray(jax.random.key_data(value))
            return {"key": [self.kept(stored, where, value), str(jax.random.key_impl(value))]}
        return {"jax": self.kept(np.asarray(value), where, value)}

    def partial(self, value: Any, where: str) -> Any:
        """Return the node of a function whose first arguments are given; None for anything else."""
        kind = f"{type(value).__module__.split('._')[0]}:{type(value).__qualname__}"
        if kind not in PARTIALS:
            return None
        held = {"dict": [[k, self.node(v, f"{where}.{k}")] for k, v in value.keywords.items()]}
        return {"partial": [kind, self.node(value.func, where), self.nodes(value.args, where), held]}

    def whole(self, value: Any, where: str) -> Any:
        """Return the node of a class, a function or an object."""
        kind = type(value)
        if isinstance(value, type):
            return {"class": name_of_class(value, where)}
        if callable(value) and hasattr(value, "__qualname__"):
            return {"function": name_of_function(value, where)}
        if kind.__module__.split(".")[0] in EXTERNAL:
            return {"external": [name_of_external(kind, where), self.node(parts(value, where), where)]}
        name = name_of_class(kind, where)
        items = self.nodes(tuple(value), where) if isinstance(value, tuple) else None
        fields = {key: self.node(part, f"{where}.{key}") for key, part in fields_of(value).items()}
        return {"object": [name, fields, *([] if items is None else [items])]}


def fields_of(value: Any) -> dict[str, Any]:
    """Return the fields of an object that are to be saved: all but what is computed from the others when asked for."""
    cached = {
        name
        for kind in type(value).__mro__
        for name, a in vars(kind).items()
        if isinstance(a, functools.cached_property)
    }
    return {name: part for name, part in getattr(value, "__dict__", {}).items() if name not in cached}


def _description(dtype: np.dtype[Any]) -> Any:
    """Return a type of numbers as JSON can hold it."""
    if dtype.names is None:
        return dtype.str
    held: Any = dtype.fields
    fields: list[Any] = [(name, *held[name][:2]) for name in dtype.names]
    each = [[name, kind.base.str, list(kind.shape), offset] for name, kind, offset in fields]
    return {"fields": each, "itemsize": dtype.itemsize}


def described_type(description: Any) -> np.dtype[Any]:
    """Return the type that `_description` described; of numbers and text only."""
    if isinstance(description, str):
        found = np.dtype(description)
    else:
        names, kinds, shapes, offsets = zip(*description["fields"], strict=True)
        formats = [(str(kind), tuple(shape)) for kind, shape in zip(kinds, shapes, strict=True)]
        size = description["itemsize"]
        found = np.dtype({"names": list(names), "formats": formats, "offsets": list(offsets), "itemsize": size})
    if found.hasobject:
        raise ValueError("an array holds objects")
    return found
