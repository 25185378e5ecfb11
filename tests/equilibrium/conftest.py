"""Shared by the tests of equilibrium models: programs that are compiled fast, and two solutions of the growth model.

Nearly all of what these tests cost is compiling. A program is compiled once per process for each class of model and
each shape, so that tests use few of both: `Growth`, and phases of 80 states whose steps are a multiple of five.
"""

from contextlib import contextmanager

import jax
import pytest

from ceteris.equilibrium import Polish, solve
from ceteris.equilibrium.models.growth import Growth

QUICK = [Polish(states=80, steps=25, box_share=0.5)]


@contextmanager
def optimised(well):
    """Whether programs are compiled to run fast, or fast."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", not well)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(autouse=True, scope="module")
def compiled_quickly():
    """Programs that run for a second are not worth a minute of the compiler's."""
    with optimised(False):
        yield


@pytest.fixture(autouse=True)
def compiled_well(request):
    """What is slow runs for long, and as users run it."""
    with optimised(request.node.get_closest_marker("slow") is not None):
        yield


@pytest.fixture(scope="session")
def full():
    """Growth with full depreciation: the saving rate is αβ."""
    with optimised(False):
        return solve(Growth(delta=1.0), phases=QUICK)


@pytest.fixture(scope="session")
def partial():
    """Growth with δ = 0.1, to a few digits."""
    with optimised(False):
        return solve(Growth(), phases=QUICK * 2, tolerance=1e-6)
