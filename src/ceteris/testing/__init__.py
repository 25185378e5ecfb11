"""Contract suites that anyone can run on their own classes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ceteris.testing.algorithm import check_algorithm
from ceteris.testing.compilation import count_compilations

# imported when first used: a suite may need a whole domain
_HOME = {
    "check_model": "ceteris.equilibrium.contract",
    "check_symmetry": "ceteris.equilibrium.contract_symmetry",
}

__all__ = ["check_algorithm", "check_model", "check_symmetry", "count_compilations"]

if TYPE_CHECKING:
    from ceteris.equilibrium.contract import check_model
    from ceteris.equilibrium.contract_symmetry import check_symmetry


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ceteris.testing' has no attribute {name!r}; it offers {', '.join(__all__)}")
