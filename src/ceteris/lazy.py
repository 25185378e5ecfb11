"""Packages whose public names are imported when first used, so that importing the package costs nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its dotted name, ``__name__`` inside it.
    homes : dict
        Public names, separated by spaces, by the module they live in, which is named from the package on; one more
        dot in front means the package above.

    Examples
    --------
    >>> find, names = lazily("ceteris", {"stats": "ols rubin", "stats.covariance": "covariance_of"})
    >>> names()
    ['covariance_of', 'ols', 'rubin']
    >>> find("ols").__name__
    'ols'
    """
    home = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> Any:
        if name in home:
            return getattr(importlib.import_module(f".{home[name]}", package), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(home)}")

    return find, lambda: sorted(home)
