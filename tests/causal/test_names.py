"""What ``ceteris.causal`` offers, and that importing it costs nothing."""

import subprocess
import sys

import pytest

import ceteris.causal


@pytest.mark.parametrize("name", ceteris.causal.__all__)
def test_every_name_is_there(name):
    assert getattr(ceteris.causal, name) is not None
    assert name in dir(ceteris.causal)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'DoubleML'; it offers .*AutomaticDebiasing, "):
        ceteris.causal.DoubleML  # noqa: B018


def test_importing_it_loads_nothing_heavy():
    """The bar is a second; JAX, scikit-learn and pandas would each cost most of it."""
    script = (
        "import sys, ceteris.causal\n"
        "from ceteris.causal import PartiallyLinear\n"
        "print(*(name for name in ('jax', 'sklearn', 'pandas', 'scipy') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
