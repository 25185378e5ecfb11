"""What an answer depends on, as short texts that can be kept and compared: values, and the code of functions.

A folder that keeps work in progress carries the fingerprint of its question. Work on another question is then told by
the part that differs, however small: a bound within an equation, a constant that a helper function reads.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import sys
import sysconfig
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

SHORT = 60  # characters of a text that are shown as they are
# what a class has without its author having written it
GIVEN = frozenset(vars(object)) - {"__init__"} | {
    "__module__", "__qualname__", "__dict__", "__weakref__", "__annotations__", "__annotate__", "__annotate_func__",
    "__annotations_cache__", "__dataclass_fields__", "__dataclass_params__", "__match_args__", "__abstractmethods__",
    "_abc_impl", "__firstlineno__", "__static_attributes__", "__parameters__", "__orig_bases__", "__slots__",
    "__replace__", "__signature__",
}  # fmt: skip


def described(value: Any) -> str:
    """Return a text that is the same for equal values, in any process, and another one for others.

    Parameters
    ----------
    value : anything
        Numbers, texts, arrays, containers, functions, and objects made of these. Of an object of another kind its class
        and its fields count.

    Examples
    --------
    >>> described(0.95), described((16, 16)), described(None)
    ('0.95', '(16, 16)', 'None')
    >>> described(np.zeros(3)) == described(np.zeros(3)), described(np.zeros(3)) == described(np.ones(3))
    (True, False)
    >>> described(lambda x: x + 1) == described(lambda x: x + 2)
    False
    """
    return _Reader().text(value)


def class_parts(kind: type, below: type = object) -> dict[str, str]:
    """Return a text for each part of a class and of its bases: methods with all they call, defaults, constants.

    Parameters
    ----------
    kind : type
    below : type
        Bases from here on are left out.

    Examples
    --------
    >>> class Square:
    ...     side = 2.0
    ...     def area(self): return self.side**2
    >>> list(class_parts(Square))
    ['Square', 'Square.side', 'Square.area']
    """
    parts = {kind.__name__: kind.__qualname__}
    for base in kind.__mro__:
        if base is below or base is object:
            break
        own = {name: value for name, value in vars(base).items() if name not in GIVEN}
        # each part is read afresh, so that its text does not depend on what was read before
        parts |= {f"{base.__name__}.{name}": described(value) for name, value in own.items()}
    return parts


def packages(names: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of packages, and of Python, whose byte code is part of a fingerprint.

    Examples
    --------
    >>> list(packages(["numpy"]))
    ['version of python', 'version of numpy']
    """
    from importlib import metadata

    found = {"version of python": ".".join(map(str, sys.version_info[:2]))}
    return found | {f"version of {name}": metadata.version(name) for name in names}


def differences(before: Mapping[str, Any], now: Mapping[str, str]) -> list[str]:
    """Return, in words, every part in which two fingerprints differ.

    Examples
    --------
    >>> differences({"beta": "0.99", "seed": "0"}, {"beta": "0.9", "seed": "0"})
    ['beta = 0.99, where 0.9 is asked for']
    """
    said = []
    plain = lambda value: " ".join(str(value).split())[:200]  # a file that was edited may say anything
    for key in [*now, *(name for name in before if name not in now)]:
        name, old, new = plain(key), before.get(key), now.get(key)
        if old == new:
            continue
        if old is None or new is None:
            said.append(f"{name}, which {'is asked for but was not there' if old is None else 'is not asked for'}")
        elif "#" in f"{old}{new}":  # of long values and of code there are digests only, which tell a reader nothing
            said.append(f"another {name}")
        else:
            said.append(f"{name} = {plain(old)}, where {new} is asked for")
    return said


class _Reader:
    """Describes one value; remembers what it is in the middle of, for values that contain themselves."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.read: dict[types.FunctionType, str] = {}

    def text(self, value: Any) -> str:
        if value is None or isinstance(value, bool | int | float | complex | type(Ellipsis)):
            return repr(value)
        if isinstance(value, str | bytes):
            return repr(value) if len(value) <= SHORT else f"{repr(value[:20])[:-1]}…' #{_digest(repr(value))}"
        if id(value) in self.open:
            return f"(the same {type(value).__name__})"
        self.open.add(id(value))
        try:
            return self._inner(value)
        finally:
            self.open.discard(id(value))

    def _inner(self, value: Any) -> str:
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            return value.__name__
        if isinstance(value, np.generic):
            return repr(value.item())
        if hasattr(value, "__array__") and hasattr(value, "dtype"):
            return _array(value)
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{self.text(k)}: {self.text(v)}" for k, v in value.items()) + "}"
        if isinstance(value, set | frozenset):
            return "{" + ", ".join(sorted(map(self.text, value))) + "}"
        if isinstance(value, list | tuple):
            inside = ", ".join(map(self.text, value))
            return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
        if isinstance(value, functools.partial):
            return f"partial({self.text(value.func)}, {self.text(value.args)}, {self.text(value.keywords)})"
        if isinstance(value, types.CodeType):
            return f"code #{_digest(self._code(value))}"
        if isinstance(value, property):
            return f"property #{_digest(self.text((value.fget, value.fset)))}"
        function = _function(value)
        if function is not None:
            if function not in self.read:
                self.read[function] = self._function(function)
            return self.read[function]
        return self._object(value)

    def _object(self, value: Any) -> str:
        kind = type(value)
        if dataclasses.is_dataclass(value):
            fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        else:
            fields = getattr(value, "__dict__", {})
        inside = ", ".join(f"{name}={self.text(v)}" for name, v in fields.items())
        return f"{self._class(kind)}({inside})"

    def _class(self, kind: type) -> str:
        """A class of a package by its name; of the user's own code its parts count as well."""
        if not _is_users(kind.__module__):
            return kind.__qualname__
        own = {n: v for n, v in vars(kind).items() if n not in GIVEN}
        bases = [base for base in kind.__bases__ if base is not object]
        return f"{kind.__qualname__} #{_digest(self.text((own, bases)))}"

    def _function(self, function: types.FunctionType) -> str:
        anonymous = "<" in function.__qualname__  # a lambda, or a function within another: no name tells it
        if not anonymous and not _is_users(function.__module__):
            return f"{function.__module__}.{function.__qualname__}"
        closure = {}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            closure[name] = "" if name == "__class__" else self.text(_cell(cell))
        reads = {name: self.text(value) for name, value in _globals(function).items()}
        parts = (self._code(function.__code__), function.__defaults__, function.__kwdefaults__, closure, reads)
        return f"{function.__qualname__} #{_digest(self.text(parts))}"

    def _code(self, code: types.CodeType) -> str:
        """What a function does: its instructions and constants, without line numbers, comments and docstring."""
        constants = code.co_consts[1:] if _has_docstring(code) else code.co_consts
        return self.text((code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _array(value: Any) -> str:
    if not isinstance(value, np.ndarray) and hasattr(value, "aval") and "key<" in str(value.dtype):
        import jax

        value = jax.random.key_data(value)
    array = np.asarray(value)
    if array.ndim == 0:
        return repr(array.item())
    inside = repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes()
    return f"{array.dtype}{list(array.shape)} #{hashlib.sha256(inside).hexdigest()[:12]}"


def _has_docstring(code: types.CodeType) -> bool:
    """Whether the first constant is a docstring, which lambdas and comprehensions do not have."""
    return not code.co_name.startswith("<") and bool(code.co_consts) and isinstance(code.co_consts[0], str)


def _function(value: Any) -> types.FunctionType | None:
    """The plain function within a method, a decorated or a compiled one; None for what is no function."""
    seen: set[int] = set()
    while not isinstance(value, types.FunctionType) and id(value) not in seen:
        seen.add(id(value))
        for name in ("__func__", "__wrapped__", "method", "_fun"):
            inner = inspect.getattr_static(value, name, None)
            inner = getattr(value, name, None) if inner is not None else None
            if callable(inner):
                value = inner
                break
    return value if isinstance(value, types.FunctionType) else None


def _globals(function: types.FunctionType) -> dict[str, Any]:
    """What a function reads from its module, in it and in the functions within it."""
    names: set[str] = set()
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    known = function.__globals__
    return {name: known[name] for name in sorted(names) if name in known}


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


@functools.cache
def _is_users(module: str | None) -> bool:
    """Whether a module is the user's own, or a model of the library: neither installed nor the library's machinery."""
    name = module or "__main__"
    if name.startswith("ceteris.equilibrium.models."):
        return True
    if name.split(".")[0] == "ceteris" or name in sys.builtin_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return name == "__main__" or name not in sys.modules
    homes = {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(home in Path(file).resolve().parents for home in homes)
