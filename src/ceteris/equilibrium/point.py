"""A named record of arrays: a state, an action, a shock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.arguments import nearest


@jax.tree_util.register_pytree_with_keys_class
class Point:
    """Arrays with names, read as attributes: ``s.k``; a pytree.

    Parameters
    ----------
    kind : str
        What it is, for messages: "state", "action", "shock".
    values : mapping of str to array

    Examples
    --------
    >>> s = Point("state", {"k": 6.0, "z": 0.1})
    >>> s.k, list(s)
    (6.0, ['k', 'z'])
    >>> s.capital
    Traceback (most recent call last):
    ...
    AttributeError: state 'capital' is not known; the states are k, z.
    """

    __slots__ = ("_kind", "_values")

    def __init__(self, kind: str, values: Mapping[str, Any]):
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_values", dict(values))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            near = nearest(name, self._values)
            hint = f", did you mean {near!r}" if near else ""
            listed = ", ".join(self._values) or "none"
            raise AttributeError(f"{self._kind} {name!r} is not known{hint}; the {self._kind}s are {listed}.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self._kind} {name!r} cannot be set: make a new {self._kind} with .replace({name}=...).")

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __repr__(self) -> str:
        return f"{self._kind}({', '.join(f'{name}={value}' for name, value in self._values.items())})"

    def items(self) -> Any:
        """Names and arrays."""
        return self._values.items()

    def asdict(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return dict(self._values)

    def replace(self, **changes: Any) -> Point:
        """The same with some arrays replaced."""
        for name in changes:
            getattr(self, name)
        return Point(self._kind, {**self._values, **changes})

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        """Names and leaves, for JAX."""
        keys = tuple(self._values)
        return [(jax.tree_util.DictKey(k), self._values[k]) for k in keys], (self._kind, keys)

    @classmethod
    def tree_unflatten(cls, aux: Any, children: Any) -> Point:
        """The way back, for JAX."""
        kind, keys = aux
        return cls(kind, dict(zip(keys, children, strict=True)))


def as_point(kind: str, values: Any) -> Point:
    """Name a model's dictionary; leaves become arrays."""
    given = values.asdict() if isinstance(values, Point) else values
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{kind}: the model returned {type(given).__name__}, but a dictionary of name and value is needed, such as "
            '{"k": k, "z": z}.'
        )
    # a Python number would be weakly typed: the loop needs the types of two periods to agree
    return Point(kind, {name: value if _is_array(value) else _as_array(value) for name, value in given.items()})


def continuous(point: Point) -> Array:
    """The floating-point entries of one point as a flat vector; what is discrete is left out."""
    leaves = [jnp.ravel(value) for _, value in point.items() if jnp.issubdtype(jnp.result_type(value), jnp.floating)]
    return jnp.concatenate(leaves) if leaves else jnp.zeros(0)


def with_continuous(point: Point, vector: Array) -> Point:
    """The point with its floating-point entries read from a flat vector: the inverse of `continuous`."""
    values, start = {}, 0
    for name, value in point.items():
        if jnp.issubdtype(jnp.result_type(value), jnp.floating):
            size, shape = int(np.prod(jnp.shape(value))), jnp.shape(value)
            values[name] = vector[start : start + size].reshape(shape)
            start += size
        else:
            values[name] = value
    return Point(point._kind, values)


def names_of(point: Point) -> list[str]:
    """One label per entry of `continuous`: ``k`` or, in a vector, ``k[0]``, ``k[1]``."""
    labels = []
    for name, value in point.items():
        if jnp.issubdtype(jnp.result_type(value), jnp.floating):
            shape = jnp.shape(value)
            labels += [f"{name}[{', '.join(map(str, i))}]" for i in np.ndindex(*shape)] if shape else [name]
    return labels


def _as_array(value: Any) -> Any:
    """An array of numbers that are none yet; by NumPy where it can be, which compiles nothing."""
    return np.asarray(value) if isinstance(value, bool | int | float | np.generic) else jnp.asarray(value)


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray | jax.ShapeDtypeStruct)
