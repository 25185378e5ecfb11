"""What ``ceteris doctor`` finds: machine, packages, and whether a program can be compiled, kept and read back."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from importlib import import_module, metadata
from typing import Any, NamedTuple

from ceteris.programs import MOST, VARIABLE, keep_programs, others_decided, programs
from ceteris.report import machine

PACKAGES = (
    "equinox jax jaxtyping matplotlib narwhals numba numpy optax pandas rich safetensors scikit-learn threadpoolctl"
    " typer"
)
REQUIRED = {name: name.replace("scikit-learn", "sklearn") for name in PACKAGES.split()}
EXTRAS = {
    "cuda": ("jax-cuda13-plugin", "NVIDIA graphics processors"),
    "cluster": ("ray", "many runs on many machines"),
    "explain": ("shap", "Shapley values of predictions"),
    "examples": ("causaldata", "data of well-known studies"),
    "forecast": ("statsforecast", "classical methods beside our forecasts"),
    "parquet": ("pyarrow", "tables in Parquet files"),
    "text": ("tokenizers", "language models: tokenizers"),
    "tensorboard": ("tensorboard", "training curves in TensorBoard"),
}
VARIABLES = ("CETERIS_", "CUDA_VISIBLE_DEVICES", "JAX_", "MKL_", "NUMBA_", "OMP_", "OPENBLAS_", "XLA_")
REINSTALL = "install ceteris again: pip install --force-reinstall ceteris"
_HIT = "/jax/compilation_cache/cache_hits"


class Finding(NamedTuple):
    """One line of the screen.

    Attributes
    ----------
    name, text : str
        What was looked at, and what was found.
    cure : str
        What to do about it; empty unless it is broken.
    """

    name: str
    text: str
    cure: str = ""

    @property
    def line(self) -> str:
        """The finding as a line for a terminal."""
        return f"{self.name:<14} {'BROKEN: ' if self.cure else ''}{self.text}"


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after the other; what goes wrong meanwhile is a finding too.

    Examples
    --------
    >>> print(next(examine()).line)
    ceteris        ...
    """
    yield from _machine()
    for look in (_blas, _devices, _precision, _programs):
        try:
            yield from look()
        except Exception as error:
            yield Finding(look.__name__[1:], f"{type(error).__name__}: {error}", REINSTALL)
    for name, module in REQUIRED.items():
        yield _package(name, module)
    for name, (package, purpose) in EXTRAS.items():
        version = machine.versions((package,))[package]
        how = f'missing; pip install "ceteris[{name}]"' if version == "not installed" else version
        yield Finding(f"[{name}]", f"{how} ({purpose})")


def _machine() -> Iterator[Finding]:
    facts = machine.hardware()
    yield Finding("ceteris", machine.versions(("ceteris",))["ceteris"])
    yield Finding("Python", f"{platform.python_version()} on {facts['system']}")
    yield Finding("machine", f"{facts['processor']}, {facts['cores']} cores, {facts['memory (GB)']} GB of memory")
    given = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith(VARIABLES)]
    yield Finding("variables", " ".join(given) or "none that matter here")


def _package(name: str, module: str) -> Finding:
    try:
        import_module(module)
        return Finding(name, metadata.version(name))
    except Exception as error:
        return Finding(name, f"{type(error).__name__}: {error}", REINSTALL)


def _blas() -> Iterator[Finding]:
    import numpy  # noqa: F401  (it brings the library)
    from threadpoolctl import threadpool_info

    pools = {f"{pool['internal_api']} {pool['version']}, threads: {pool['num_threads']}" for pool in threadpool_info()}
    yield Finding("BLAS", "; ".join(sorted(pools)) or "none with threads of its own")


def _devices() -> Iterator[Finding]:
    import jax

    yield Finding("devices", ", ".join(f"{device} ({device.device_kind})" for device in jax.devices()))


def _precision() -> Iterator[Finding]:
    import jax

    config: Any = jax.config
    numbers = "double" if config.jax_enable_x64 else "single"
    products = config.jax_default_matmul_precision or "the device's"
    yield Finding("precision", f"{numbers} unless a call asks otherwise; precision of matrix products: {products}")


def _programs() -> Iterator[Finding]:
    """Compile and run a program that is new to the world, and again as another process would; see what is kept."""
    folder, first = keep_programs(), time.time() % 1
    compiled, _ = _run(first)
    read, was_kept = _run(first)
    again = f", read back in {read:.2f}" if was_kept else ""
    yield Finding("program", f"compiled and run in {compiled:.2f} s{again}")
    if folder is None:
        who = others_decided()
        yield Finding("kept programs", f"none by us: {who}") if who else Finding("kept programs", "none", _cure())
        return
    kept = programs(folder)
    size = sum(entry[1] for entry in kept)
    text = f"{len(kept)}, {size / 1e6:.1f} MB of at most {MOST / 1e6:,.0f}, in {folder}"
    yield Finding("kept programs", text, "" if was_kept else _cure())
    yield Finding("", f"{VARIABLE} names another folder or is off; to empty it, delete it")


def _cure() -> str:
    return f"set {VARIABLE} to a folder you may write to, or to off"


def _run(number: float) -> tuple[float, bool]:
    """Return how long a program takes that this process has not compiled, and whether it was there to be read."""
    import jax

    hits: list[str] = []
    listen = lambda event, **facts: hits.append(event)
    jax.clear_caches()
    jax.monitoring.register_event_listener(listen)
    try:
        start = time.perf_counter()
        result = float(jax.jit(lambda x: 2 * x + number)(1.0))
        seconds = time.perf_counter() - start
    finally:
        jax.monitoring.unregister_event_listener(listen)
    if abs(result - 2 - number) > 1e-6:
        raise ArithmeticError(f"a compiled program says that 2 + {number} is {result}")
    return seconds, _HIT in hits
