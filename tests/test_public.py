"""The lazy door: what ``import ceteris`` offers, and what it does not load."""

import subprocess
import sys

import pytest

import ceteris


def test_every_public_name_resolves_and_is_listed():
    for name in ceteris.__all__:
        assert getattr(ceteris, name) is not None
    assert {*dir(ceteris), "__version__"} == set(ceteris.__all__)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(AttributeError, match=r"no attribute 'solve_all'; it offers Ensemble, Fit, fit"):
        ceteris.solve_all  # noqa: B018


def test_importing_the_package_and_its_lazy_domains_loads_nothing_heavy():
    heavy = "{'jax', 'numpy', 'sklearn', 'pandas', 'matplotlib', 'equinox'}"
    lazy = "ceteris, ceteris.learners, ceteris.causal.policy, ceteris.impute, ceteris.synthesis, ceteris.text"
    lazy += ", ceteris.text.data, ceteris.text.tokens"
    command = f"import sys, {lazy}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
