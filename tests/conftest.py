"""Shared by all tests: the compilation cache, JAX's flags as a user finds them, and what each test costs."""

import itertools
import os
from pathlib import Path

os.environ.setdefault("CETERIS_CACHE", str(Path(__file__).parents[1] / ".cache" / "programs"))
os.environ.setdefault("MPLBACKEND", "agg")
# Threads of boosted trees that wait for each other spin: on two busy cores one test took 20 seconds instead of one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys

import pytest

from ceteris.programs import keep_programs

keep_programs()  # here already, for tests that compile without the engine
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["seconds"]
collect_ignore = ["truth/language.py", "truth/sequence.py", "truth/tokens.py"]  # need packages that tests do not

# What runs once or a few times is worth little optimising: compiled so, programs take a third of the seconds. A jaxlib
# that no longer knows one of these flags ends the process and names it: take it out here.
QUICKLY = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
)


def pytest_configure(config: pytest.Config):
    """Compile quickly where slow tests are left out; a run of all tests compiles as users do."""
    if config.getoption("markexpr") == "not slow":
        os.environ.setdefault("XLA_FLAGS", QUICKLY)


_after_clearing = [1.5]
_tests = itertools.count()
LARGEST_MAPS = 25_000  # of 65,530 that Linux allows a process by default


def _resident_gib() -> float:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**30
    except OSError:  # not Linux: then nothing is cleared
        return 0.0


def _maps() -> int:
    try:
        return Path("/proc/self/maps").read_bytes().count(b"\n")
    except OSError:
        return 0


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None):
    """Drop compiled programs when they have grown by 1.5 GiB, or map memory in too many places.

    A thousand tests in one process would fill memory; and every program takes a few mappings, of which a process may
    have so many: the next one to be compiled, or read from the cache, then aborts the process. Programs go between two
    files: within one, a test may count what is compiled after what its fixtures have compiled.
    """
    between_files = nextitem is None or nextitem.path != item.path
    maps = _maps() if between_files or next(_tests) % 10 == 0 else 0
    full = _resident_gib() > _after_clearing[0] + 1.5 or maps > LARGEST_MAPS
    if (between_files and full) or maps > 2 * LARGEST_MAPS:
        import gc

        import jax

        jax.clear_caches()
        gc.collect()
        _after_clearing[0] = _resident_gib()
