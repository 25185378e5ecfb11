"""What a model's class declares, read from its file without running it: a typing error is answered before JAX is there.

Whatever cannot be told from the text alone is left to the class itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ceteris.arguments import listed, nearest

UNTOLD = object()  # a default that the text alone does not tell


def declared(path: Path, kind: str) -> dict[str, Any] | None:
    """Names of a model's parameters and their defaults; None where the text does not tell, or holds no such model.

    Examples
    --------
    >>> from ceteris.equilibrium.library import MODELS
    >>> list(declared(MODELS / "growth.py", "Growth"))
    ['beta', 'alpha', 'delta', 'gamma', 'rho', 'sigma']
    """
    try:
        body = ast.parse(path.read_text("utf-8")).body
    except (OSError, SyntaxError, ValueError):
        return None
    return _of({node.name: node for node in body if isinstance(node, ast.ClassDef)}, kind)


def _of(classes: dict[str, ast.ClassDef], kind: str) -> dict[str, Any] | None:
    if kind not in classes or len(classes[kind].bases) != 1 or classes[kind].decorator_list:
        return None
    node, base = classes[kind], classes[kind].bases[0]
    if any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body):
        return None
    above = {} if ast.unparse(base).rpartition(".")[2] == "Model" else _of(classes, ast.unparse(base))
    if above is None:
        return None
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)]
    own = {ast.unparse(f.target): _default(f.value) for f in fields if "ClassVar" not in ast.unparse(f.annotation)}
    return above | own


def _default(value: ast.expr | None) -> Any:
    """A default that is written out, alone or as ``field(default=...)``."""
    if isinstance(value, ast.Call):
        value = next((word.value for word in value.keywords if word.arg == "default"), None)
    try:
        return UNTOLD if value is None else ast.literal_eval(value)
    except ValueError:
        return UNTOLD


def refuse_unknown(kind: str, known: Iterable[str], names: Iterable[str]) -> None:
    """Raise for the first name that is not a parameter.

    Examples
    --------
    >>> refuse_unknown("Growth", ["beta", "alpha"], ["bta"])
    Traceback (most recent call last):
    ValueError: Growth has no parameter 'bta'; did you mean 'beta'? Its parameters are beta, alpha.
    """
    known = tuple(known)
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}? Its" if near else "its"
            raise ValueError(f"{kind} has no parameter {name!r}; {hint} parameters are {listed(known) or 'none'}.")


def settings(kind: str, defaults: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Parameters from ``name=value`` words, with the types of the defaults.

    Examples
    --------
    >>> settings("Growth", {"beta": 0.99}, ["beta=0.95"])
    {'beta': 0.95}
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"--set: {word!r} was given, but NAME=VALUE is needed, such as --set beta=0.95.")
        refuse_unknown(kind, defaults, [name])
        default = defaults[name]
        try:
            if default is UNTOLD:
                continue
            if isinstance(default, bool):
                found[name] = {"true": True, "false": False}[value.lower()]
            else:
                found[name] = type(default)(value)
        except (ValueError, KeyError):
            raise ValueError(
                f"--set: {name}={value} was given, but {name} is a {type(default).__name__}, {default} by default."
            ) from None
    return found
