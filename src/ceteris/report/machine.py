"""What a run ran on: package versions and hardware, found without importing anything heavy."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

PACKAGES = (
    "ceteris",
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "numpy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "safetensors",
)


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of installed packages, from their metadata.

    Parameters
    ----------
    packages : tuple of str
        Names as on the package index.

    Returns
    -------
    dict
        Packages that are not installed say so.

    Examples
    --------
    >>> versions(("no-such-package",))["no-such-package"]
    'not installed'
    """
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def hardware() -> dict[str, Any]:
    """Operating system, processor, cores this process may use, and memory in GB.

    Examples
    --------
    >>> hardware()["cores"] >= 1
    True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    facts = {"system": platform.platform(), "processor": platform.machine(), "cores": cores}
    return facts | {"memory (GB)": _memory()}


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):  # not on Windows
        return None


def devices() -> dict[str, Any]:
    """JAX's devices, if this process has used JAX; asking never loads it."""
    jax = sys.modules.get("jax")
    try:
        return {} if jax is None else {"devices": ", ".join(sorted({d.device_kind for d in jax.devices()}))}
    except RuntimeError as error:  # no backend could start: a fact about the machine too
        return {"devices": f"none ({error})"}
