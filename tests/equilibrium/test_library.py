"""Every model of the library: examined, solved a little, judged, saved, read again as the same, and reported."""

from dataclasses import fields, replace

import jax
import numpy as np
import pytest

from ceteris.equilibrium import TimeIteration, check_model, load, solve
from ceteris.equilibrium.library import LIBRARY, library_class, library_name, named
from ceteris.equilibrium.recipe import make_plan
from ceteris.report import Run, report

DEAR = ("olg", "olg-bonds", "krusell-smith", "krusell-smith-agents", "irbc", "irbc-irreversible", "consumption-saving")
SHORT = {"steps": 1, "rounds": 1, "states": 32, "paths": 16, "horizon": 1, "updates": 1, "periods": 64, "features": 20}


@pytest.fixture(autouse=True, scope="module")
def compiled_quickly():
    """Programs that run for a second are not worth a minute of the compiler's."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def shortened(phase):
    """The phase with one step, or round, on a few states."""
    short = {f.name: SHORT[f.name] for f in fields(phase) if f.name in SHORT}
    return replace(phase, **short, **({"each": shortened(phase.each)} if isinstance(phase, TimeIteration) else {}))


NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in DEAR)) for name in LIBRARY]


@pytest.mark.parametrize("name", NAMES)
def test_every_model_can_be_examined(name):
    assert [check for check in check_model(named(name)) if check.passed is False] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_solved_saved_read_and_reported(name, tmp_path):
    model = named(name)
    phases = [shortened(make_plan(model).phases[0])]
    solution = solve(model, phases=phases, out=tmp_path / "work")
    assert solution.met == solution.sentence.startswith("Solved")
    solution.save(tmp_path)
    again = load(tmp_path)
    # judged afresh, on as many states as the model's own phases are
    assert again.met == solution.met
    assert again.log[0]["mean"] == pytest.approx(solution.log[0]["mean"], rel=0.5)
    states = jax.tree.map(lambda a: a[:5], solution.states)
    for ours, theirs in zip(solution.policy(states).values(), again.policy(states).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with Run.create(tmp_path / "run", "c", {}, 0) as run:
        run.write(again.sections(quick=True)[:1])
    assert again.sentence[:40] in report(run.folder).read_text()


def test_only_models_of_the_library_are_made_from_names():
    assert library_class("growth:Growth") is type(named("growth"))
    assert library_class("os:system") is None
    assert library_class("growth:jnp") is None
    assert library_class("krusell_smith:lottery") is None
    assert library_name(dict) is None
