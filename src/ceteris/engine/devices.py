"""Where a run computes and in how many digits: precision, meshes of devices, several processes.

Nothing here changes JAX's global flags.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from ceteris.programs import keep_programs

TYPES = ("float64", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Digits:
    """How many digits weights are kept in, and how many the step rule computes losses and gradients in.

    Parameters
    ----------
    params : {"float64", "float32", "bfloat16", "float16"}
        The type of the weights.
    compute : {"float64", "float32", "bfloat16", "float16"}
        The type of losses and gradients.

    Examples
    --------
    >>> Digits("float32", "bfloat16")
    Digits(params='float32', compute='bfloat16')
    """

    params: str
    compute: str

    def __post_init__(self) -> None:
        for name, given in vars(self).items():
            if given not in TYPES:
                raise ValueError(f"{name}: {given!r} was given, but it must be one of {', '.join(TYPES)}.")


DIGITS = {
    "single": Digits("float32", "float32"),
    "double": Digits("float64", "float64"),
    "mixed": Digits("float32", "bfloat16"),
    "half": Digits("bfloat16", "bfloat16"),
}
EVERY_DIGITS = [Digits(params, compute) for params in TYPES for compute in TYPES]
Precision = Literal["single", "double", "mixed", "half"] | Digits


def digits_of(name: Precision | None) -> Digits | None:
    """Return what a name of a precision stands for; None, which leaves things as they are, stays None."""
    if name is None or isinstance(name, Digits):
        return name
    if name not in DIGITS:
        named = ", ".join(map(repr, DIGITS))
        raise ValueError(f"precision: {name!r} was given, but it must be one of {named}, or Digits(params, compute).")
    return DIGITS[name]


@contextlib.contextmanager
def precision(name: Precision | None) -> Iterator[None]:
    """Compute in the named precision inside a ``with`` block; None leaves things as they are.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> with precision("double"):
    ...     print(jnp.asarray(1 / 3).dtype)
    float64
    """
    digits = digits_of(name)
    keep_programs()  # whatever is compiled here is wanted again
    with contextlib.nullcontext() if digits is None else jax.enable_x64("float64" in vars(digits).values()):
        yield


def cast(tree: Any, name: Precision | None) -> Any:
    """Return an algorithm with its arrays, such as data and rates, in single or double precision.

    Call it inside `precision`. Where weights are kept in fewer digits, data are rounded when they are used, and rates
    and schedules are not: a bfloat16 cannot count to a thousand.
    """
    digits = digits_of(name)
    return tree if digits is None else _floats_as(tree, "float64" if digits.params == "float64" else "float32")


def _floats_as(tree: Any, dtype: str) -> Any:
    def converted(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
            return jax.device_put(leaf.astype(dtype))  # on the host: nothing is compiled
        floating = eqx.is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if floating and leaf.dtype != dtype else leaf

    return jax.tree.map(converted, tree)


# ------------------------------------------------------------------------- what a step knows while it is traced


@dataclass(frozen=True)
class Setting:
    """How a run computes; compared by value, so that each setting has its own compiled programs."""

    digits: Digits | None = None
    mesh: Mesh | None = None


NO_SETTING = Setting()
_setting: contextvars.ContextVar[Setting] = contextvars.ContextVar("setting", default=NO_SETTING)


@contextlib.contextmanager
def at_work(setting: Setting) -> Iterator[None]:
    """Trace a step under a setting."""
    token = _setting.set(setting)
    try:
        yield
    finally:
        _setting.reset(token)


def computing(tree: Any) -> Any:
    """Return a model or a batch in the precision in which the run under way computes losses and gradients."""
    digits = _setting.get().digits
    return tree if digits is None else _floats_as(tree, digits.compute)


def kept(tree: Any) -> Any:
    """Return what was computed in the precision in which the run under way keeps weights."""
    digits = _setting.get().digits
    return tree if digits is None else _floats_as(tree, digits.params)


def divided(batches: Any) -> Any:
    """Divide batches, leaves of shape (updates, batch, ...), among the devices of the run under way, if it has many."""
    mesh = _setting.get().mesh
    if mesh is None or "members" in mesh.axis_names:
        return batches
    return jax.tree.map(lambda a: _constrained(a, mesh, _batch(a, mesh)), batches)


# ----------------------------------------------------------------------------------------------------- meshes


def checked_mesh(mesh: Mesh | None, members: int | None) -> Mesh | None:
    """Return a mesh with axes of the kind that leaves the rest to the compiler; refuse axes that mean nothing here."""
    if mesh is None:
        return None
    allowed = ("data", "weights") if members is None else ("members",)
    if not isinstance(mesh, Mesh):
        raise TypeError(f"mesh: {type(mesh).__name__} was given, but a Mesh of devices is needed; call jax.make_mesh.")
    if not mesh.axis_names or not set(mesh.axis_names) <= set(allowed):
        what = "one run" if members is None else "an ensemble"
        raise ValueError(
            f"mesh: its axes are {', '.join(map(repr, mesh.axis_names))}, but for {what} they may be "
            f"{' and '.join(map(repr, allowed))}; call jax.make_mesh((devices,), ({allowed[0]!r},))."
        )
    if members is not None and members % mesh.size:
        raise ValueError(
            f"mesh: {members} members cannot be divided among {mesh.size} devices; take a multiple of {mesh.size}."
        )
    return Mesh(mesh.devices, mesh.axis_names)


def placed(tree: Any, mesh: Mesh | None, like: str = "whole") -> Any:
    """Put arrays on the devices of a mesh: ``whole`` on each, by ``weights``, ``members`` or ``feed`` divided.

    What is whole or a feed stays as it is if it lies on these devices already.
    """
    if mesh is None:
        return tree
    where = {"whole": lambda a, mesh: P(), "weights": _weights, "members": _members, "feed": _batch}[like]

    def put(a: Any) -> Any:
        if not (eqx.is_array(a) or isinstance(a, np.ndarray)):
            return a
        there = isinstance(a, jax.Array) and isinstance(a.sharding, NamedSharding) and a.sharding.mesh == mesh
        if there and like in ("whole", "feed"):
            return a
        return _put(a, NamedSharding(mesh, where(a, mesh)))

    return jax.tree.map(put, tree)


def _put(a: Any, where: NamedSharding) -> Any:
    if where.is_fully_addressable or (isinstance(a, jax.Array) and not a.is_fully_addressable):
        return jax.device_put(a, where)
    if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
        return jr.wrap_key_data(_put(jr.key_data(a), where), impl=jr.key_impl(a))
    return jax.make_array_from_callback(a.shape, where, lambda part: np.asarray(a[part]))  # each process its own part


def kept_in_place(tree: Any, like: str) -> Any:
    """Within a compiled step: keep arrays divided as `placed` divides them."""
    mesh = _setting.get().mesh
    if mesh is None or "members" in mesh.axis_names:  # members have nothing in common: they stay where they are
        return tree
    where = {"whole": lambda a, mesh: P(), "weights": _weights}[like]
    return jax.tree.map(lambda a: _constrained(a, mesh, where(a, mesh)) if eqx.is_array(a) else a, tree)


def _constrained(a: Any, mesh: Mesh, spec: P) -> Any:
    return jax.lax.with_sharding_constraint(a, NamedSharding(mesh, spec))


def _weights(a: Any, mesh: Mesh) -> P:
    """Divide along the longest axis that can be; whole where none can, or where the mesh has no such axis."""
    parts = dict(zip(mesh.axis_names, mesh.axis_sizes, strict=True)).get("weights", 1)
    sides = [i for i, n in enumerate(a.shape) if n % parts == 0 and n > 0]
    if parts == 1 or not sides:
        return P()
    longest = max(sides, key=lambda i: a.shape[i])
    return P(*("weights" if i == longest else None for i in range(a.ndim)))


def _members(a: Any, mesh: Mesh) -> P:
    return P("members", *(None for _ in a.shape[1:])) if a.ndim else P()


def _batch(a: Any, mesh: Mesh) -> P:
    """Divide along the second axis, that of the points: the first counts updates, or steps of a feed."""
    if a.ndim < 2:
        return P()
    if a.shape[1] % mesh.size:
        raise ValueError(
            f"mesh: a batch of {a.shape[1]} points cannot be divided among {mesh.size} devices; take a multiple of "
            f"{mesh.size}."
        )
    return P(None, mesh.axis_names, *(None for _ in a.shape[2:]))


# -------------------------------------------------------------------------------------------------- processes


def first_process() -> bool:
    """Whether this process writes: the only one, or the first of several."""
    return jax.process_index() == 0


def agreed(value: Any) -> Any:
    """Return what the first process holds, in all of them; every process has to ask."""
    if jax.process_count() == 1:
        return value
    from jax.experimental import multihost_utils

    return multihost_utils.broadcast_one_to_all(np.asarray(value))


def of_all(value: Any) -> np.ndarray:
    """Return what every process holds, shape (processes, ...); every process has to ask."""
    if jax.process_count() == 1:
        return np.asarray(value)[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(np.asarray(value)))


def whole(a: Any) -> np.ndarray:
    """Return an array in one piece on the host, wherever its parts lie; every process has to ask.

    JAX keeps a copy on the host with an array that was fetched. Here a second handle to it is fetched, and let go.
    """
    if isinstance(a, jax.Array) and a.is_fully_replicated:
        return np.asarray(a.addressable_data(0))
    if isinstance(a, jax.Array) and a.is_fully_addressable:
        parts = [shard.data for shard in a.addressable_shards]
        return np.asarray(jax.make_array_from_single_device_arrays(a.shape, a.sharding, parts))
    if isinstance(a, jax.Array):
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(a, tiled=True))
    return np.asarray(a)
