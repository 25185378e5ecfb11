"""Whatever was fitted as arrays and text, and back: one format for learners, forests, policies, imputers, estimates.

An object is written as the name of its class and its fields, these as theirs, down to arrays, numbers and text. A file
can name only classes and functions of the lists in `ceteris.files.names`. Reading calls none of these functions: it
makes empty objects and fills their fields, and says so where these are not those of the class.
"""

from __future__ import annotations

import enum
import importlib
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.files import pandas_values
from ceteris.files.arrays import read_arrays, refuse_non_finite, write_arrays
from ceteris.files.estimators import made
from ceteris.files.fields import filled
from ceteris.files.names import class_of, external_of, function_of
from ceteris.files.writer import PARTIALS, ObjectWriter, described_type
from ceteris.version import __version__


def save_object(path: str | Path, thing: Any) -> Path:
    """Save anything that was fitted into one file, atomically.

    Parameters
    ----------
    path : path
        A file. One that something else wrote, and a folder, are refused.
    thing : object
        Of a class of this package; learners of scikit-learn in it are saved too.

    Examples
    --------
    >>> import tempfile
    >>> from ceteris.results import Estimate
    >>> mean = Estimate(np.ones(1), np.array([[1.0], [-1.0]]), ("mean",))
    >>> path = save_object(Path(tempfile.mkdtemp()) / "mean.safetensors", mean)
    >>> load_object(path).conf_int().tolist() == mean.conf_int().tolist()
    True
    """
    path = Path(path)
    refuse_foreign_file(path)
    writer = ObjectWriter()
    node = writer.node(thing, type(thing).__name__)
    write_arrays(path, "object", writer.arrays, {"object": node, "version": __version__})
    return path


def load_object(path: str | Path, kind: type | tuple[type, ...] = object) -> Any:
    """Return what `save_object` wrote; of another kind than asked for it is refused.

    Parameters
    ----------
    path : path
    kind : class or tuple of classes, optional
        What it must be.
    """
    arrays, facts = read_arrays(path, "object")
    version = facts.get("version")
    if not isinstance(version, str) or "object" not in facts:
        raise ValueError(f"path: {path} does not say what it holds; use an earlier copy or fit again.")
    _refuse_newer(path, version)
    reader = ObjectReader(arrays)
    try:
        thing = reader.value(facts["object"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        older = "" if version == __version__ else f", which ceteris {version[:20]} wrote,"
        raise ValueError(
            f"path: {path}{older} cannot be read ({_told(error)}); use an earlier copy, the version "
            "that wrote it, or fit again."
        ) from None
    refuse_non_finite(path, reader.weights, masks=True)
    if not isinstance(thing, kind):
        names = ", ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise ValueError(
            f"path: {path} holds a {type(thing).__name__}, but must hold a {names}; read it with ceteris.load."
        )
    return thing


def _told(error: Exception) -> str:
    """Return what an error says as part of a sentence, without what steers a screen."""
    text = " ".join(str(error).split())[:300].rstrip(".")
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def refuse_foreign_file(path: Path) -> None:
    """Raise if something stands at a path that was not saved by ceteris, and would be lost."""
    if path.is_dir():
        raise ValueError(f"path: {path} is a folder, but must be a file; name one in it, such as {path / 'fitted'}.")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            begin = file.read(120)
        if b'"__metadata__"' not in begin:
            raise ValueError(
                f"path: {path} exists and was not saved by ceteris; give another name, or remove that file first."
            )


def _refuse_newer(path: str | Path, version: str) -> None:
    numbers = lambda text: [int(part) for part in re.findall(r"\d+", text)[:2]]
    if numbers(version) > numbers(__version__):
        raise ValueError(
            f"path: {path} was saved by ceteris {version[:20]}, which is newer than {__version__} here; install that "
            "version."
        )


# ------------------------------------------------------------------------------------------------- from objects to text


# ------------------------------------------------------------------------------------------------- from text to objects


class ObjectReader:
    """Makes objects of what a file says; nothing in it is taken on trust."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.weights: dict[str, np.ndarray] = {}  # the arrays of nets

    def value(self, node: Any) -> Any:
        """Return the value of a node."""
        if isinstance(node, bool | int | float | str) or node is None:
            return node
        if isinstance(node, list):
            return [self.value(one) for one in node]
        if len(node) != 1:
            raise ValueError("a value is of two kinds")
        ((kind, held),) = node.items()
        read = getattr(self, f"_{kind}", None)
        if read is None or kind not in _KINDS:
            raise ValueError(f"a value is of the kind {kind[:40]!r}, which is not known")
        return read(held)

    def _float(self, held: str) -> float:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[held]

    def _tuple(self, held: list[Any]) -> tuple[Any, ...]:
        return tuple(self.value(held))

    def _set(self, held: list[Any]) -> set[Any]:
        return set(self.value(held))

    def _frozenset(self, held: list[Any]) -> frozenset[Any]:
        return frozenset(self.value(held))

    def _slice(self, held: list[Any]) -> slice:
        return slice(*self.value(held))

    def _dict(self, held: list[Any]) -> dict[Any, Any]:
        return {self.value(key): self.value(value) for key, value in held}

    def _array(self, held: str) -> np.ndarray:
        return self.arrays[held]

    def _scalar(self, held: Any) -> Any:
        return self.value(held)[()]

    def _record(self, held: list[Any]) -> np.ndarray:
        name, description, shape = held
        return np.frombuffer(self.arrays[name].tobytes(), described_type(description)).reshape(shape).copy()

    def _labels(self, held: list[Any]) -> np.ndarray:
        kind, shape, values = held
        if not re.fullmatch(r"O|[<>|=]U\d{1,6}", kind):
            raise ValueError(f"labels are of the type {kind[:20]!r}")
        found = np.empty(len(values), object)
        found[:] = self.value(values)
        return found.reshape(shape).astype(kind, copy=False)

    def _dtype(self, held: list[Any]) -> Any:
        name, as_type = held
        return np.dtype(str(name)).type if as_type else np.dtype(str(name))

    def _pandas(self, held: list[Any]) -> Any:
        return pandas_values.put_together([self.value(part) for part in held])

    def _jax(self, held: str) -> Any:
        self.weights[held] = self.arrays[held]
        return _on_device(self.arrays[held])

    def _key(self, held: list[Any]) -> Any:
        import jax

        name, implementation = held
        return jax.random.wrap_key_data(_on_device(self.arrays[name]), impl=str(implementation))

    def _enum(self, held: list[Any]) -> Any:
        name, member = held
        kind = class_of(name)
        if not issubclass(kind, enum.Enum):
            raise ValueError(f"{name[:60]} has no members by name")
        return kind[member]

    def _class(self, held: str) -> type:
        return class_of(held)

    def _function(self, held: str) -> Callable[..., Any]:
        return function_of(held)

    def _partial(self, held: list[Any]) -> Any:
        kind, function, arguments, keywords = held
        if kind not in PARTIALS:
            raise ValueError(f"{str(kind)[:60]} is not a function with arguments")
        module, _, name = kind.partition(":")
        return getattr(importlib.import_module(module), name)(
            self.value(function), *self.value(arguments), **self.value(keywords)
        )

    def _external(self, held: list[Any]) -> Any:
        name, inside = held
        return made(external_of(name), self.value(inside))

    def _object(self, held: list[Any]) -> Any:
        name, fields, *items = held
        values = {key: self.value(node) for key, node in fields.items()}
        return filled(class_of(name), tuple(self.value(items[0])) if items else None, values)


_KINDS = {name[1:] for name in vars(ObjectReader) if name.startswith("_") and not name.startswith("__")}


def _on_device(array: np.ndarray) -> Any:
    import jax

    wide: bool = array.dtype.itemsize == 8 or jax.config.read("jax_enable_x64")
    with jax.enable_x64(wide):
        return jax.device_put(array)
