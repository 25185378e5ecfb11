"""Public names that are imported when first used, so that importing a package costs nothing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its dotted name.
    homes : mapping of str to str
        For each module the public names that it holds, with spaces between them.

    Examples
    --------
    >>> of_stats, _ = lazily("ceteris.stats", {"ceteris.stats.bands": "multipliers maximum"})
    >>> of_stats("maximum").__module__
    'ceteris.stats.bands'
    """
    home = {name: module for module, names in homes.items() for name in names.split()}

    def attribute(name: str) -> Any:
        if name in home:
            return getattr(importlib.import_module(home[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(names())}")

    def names() -> list[str]:
        return sorted(sys.modules[package].__all__)

    return attribute, names
