"""Shared by all tests: the compilation cache, and JAX's flags as a user finds them."""

import os
from pathlib import Path

os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("MPLBACKEND", "agg")

import sys

import pytest

sys.path.insert(0, str(Path(__file__).parent))


_after_clearing = [1.5]


def _resident_gib() -> float:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**30
    except OSError:  # not Linux: then nothing is cleared
        return 0.0


@pytest.fixture(autouse=True)
def keep_memory_in_bounds():
    """Drop compiled programs when they have grown by 1.5 GiB: a thousand tests in one process would fill memory."""
    yield
    if _resident_gib() > _after_clearing[0] + 1.5:
        import gc

        import jax

        jax.clear_caches()
        gc.collect()
        _after_clearing[0] = _resident_gib()
