"""Packages whose public names are imported when first used, so that importing the package costs nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def lazily(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

    What it offers is written down once, where type checkers and editors read it too: in the imports below
    ``if TYPE_CHECKING:`` in its ``__init__.py``.

    Parameters
    ----------
    package, file : str
        ``__name__`` and ``__file__`` inside it.

    Examples
    --------
    >>> import ceteris
    >>> find, names = lazily("ceteris", ceteris.__file__)
    >>> find("fit").__module__, "solve" in names()
    ('ceteris.engine.fit', True)
    """

    @cache
    def homes() -> dict[str, str]:
        import ast  # ten milliseconds, which only who asks for a name pays

        block = next(node for node in ast.parse(Path(file).read_text("utf-8")).body if isinstance(node, ast.If))
        lines = [node for node in block.body if isinstance(node, ast.ImportFrom)]
        return {alias.name: str(line.module) for line in lines for alias in line.names}

    def find(name: str) -> Any:
        if name in homes():
            return getattr(importlib.import_module(homes()[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(homes())}")

    return find, lambda: sorted(homes())
