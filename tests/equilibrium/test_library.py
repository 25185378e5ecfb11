"""Every model of the library: examined, held to its closed form, solved a little, judged, saved, read and reported."""

from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.equilibrium import TimeIteration, check_model, load, solve
from ceteris.equilibrium.expectation import E, default_rule, successors
from ceteris.equilibrium.library import LIBRARY, library_class, library_name, named
from ceteris.equilibrium.model import move, residuals, start_states
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import compiled_quickly
from ceteris.equilibrium.recipe import make_plan
from ceteris.equilibrium.solver import refuse_unsolvable
from ceteris.report import Run, report

SHORT = {"steps": 1, "rounds": 1, "states": 32, "paths": 16, "horizon": 1, "updates": 1, "periods": 64, "features": 20}
SMALL = {
    "olg": {"N": 6},
    "krusell-smith": {"nodes": 30, "points": 2},
    "krusell-smith-agents": {"population": 50, "points": 2},
    "consumption-saving": {"incomes": 3},
    "industry": {"firms": 5},
    "industry-returns": {"firms": 5},
    "industry-types": {"few": 2, "many": 3},
    "lucas-trees": {"trees": 2},
}
EXACT = {
    "growth": {"delta": 1.0},
    "olg-analytic": {},
    "lucas-trees": {"trees": 3},
    "industry": {"firms": 5},
    "industry-types": {"few": 2, "many": 3},
}


@pytest.fixture(autouse=True)
def compiled_well():
    """What is slow here is so for the compiler, and runs for a second."""


def shortened(phase):
    """The phase with one step, or round, on a few states."""
    short = {f.name: SHORT[f.name] for f in fields(phase) if f.name in SHORT}
    return replace(phase, **short, **({"each": shortened(phase.each)} if isinstance(phase, TimeIteration) else {}))


@pytest.mark.parametrize("name", LIBRARY)
def test_the_functions_of_every_model_fit_together(name):
    model = named(name, **SMALL.get(name, {}))
    with precision("double"):
        refuse_unsolvable(model, make_plan(model))  # raises where they do not


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBRARY)
def test_every_model_can_be_examined(name):
    assert [check for check in check_model(named(name)) if check.passed is False] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBRARY)
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


# a closed form may be of one action; the others follow from it in the state at hand
COMPLETED = {
    "growth": lambda model, s, a: {"k1": model.resources(s) - a["c"]},
    "olg-analytic": lambda model, s, a: {"c": model.income(s) - jnp.append(a["k1"], 0.0)},
}


@pytest.mark.parametrize(("name", "changes"), EXACT.items())
def test_the_equations_vanish_at_the_closed_form(name, changes):
    model = named(name, **changes)

    @compiled_quickly
    def errors(states):  # a closed form exists for some values of parameters only, which are numbers here
        rule = default_rule(model.shocks())[0]

        def exact(s):
            a = model.truth(s)
            return Point("action", {**a, **COMPLETED.get(name, lambda *_: {})(model, s, a)})

        def one(s):
            shocks, weights = successors(model.shocks(), rule, s, jax.random.key(0))
            s1 = jax.vmap(lambda shock: move(model, s, exact(s), shock))(shocks)
            return residuals(model, s, exact(s), E(s1, jax.vmap(exact)(s1), weights))

        return jax.vmap(one)(states)

    with precision("double"):
        found = errors(compiled_quickly(start_states)(model, jax.random.key(1), 50))
    for _, value in found.items():
        assert np.abs(value).max() < 1e-12  # rounding


def test_only_models_of_the_library_are_made_from_names():
    assert library_class("growth:Growth") is type(named("growth"))
    assert library_class("os:system") is None
    assert library_class("growth:jnp") is None
    assert library_class("krusell_smith:lottery") is None
    assert library_name(dict) is None
