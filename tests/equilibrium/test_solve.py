"""Solving: against closed forms and the slow route, honest about failure, resumable, in ensembles."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.equilibrium import (
    Episodes,
    Model,
    MonteCarlo,
    OverParameters,
    Polish,
    load,
    named,
    solve,
    solve_many,
)
from ceteris.equilibrium.model import start_states
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.point import as_point
from ceteris.equilibrium.policy import compiled_quickly
from ceteris.equilibrium.simulate import box_states, rest_states
from ceteris.testing import count_compilations

QUICK = [Polish(states=80, steps=25, box_share=0.5)]  # as of the solutions that are shared: programs are compiled once


def test_the_closed_form_is_found_to_seven_digits(full):
    truth = full.accuracy(periods=2000).truth
    assert truth.loc["c", "mean"] < 1e-7  # the bar; 6e-10 is typical
    assert full.met
    assert full.sentence.startswith("Solved to tolerance")


def test_consumption_agrees_with_the_projection(partial):
    from truth import growth as slow

    paths = partial.simulate(300, 20, seed=3)
    exact = slow.solve().consumption(paths.states.k, paths.states.z)
    # a short solution of 50 steps: 1e-5; the benchmark holds the full one to 1e-6
    assert np.abs(paths.actions.c / exact - 1).mean() < 1e-5


def test_every_check_passes_and_knows_its_figures(partial):
    checks = {check.name: check for check in partial.checks(periods=300)}
    assert all(check.passed for check in checks.values())
    assert checks["stable at rest"].value == pytest.approx(0.9, abs=1e-3)  # ρ: the law of z is exact


def test_a_hopeless_budget_is_called_unsolved():
    solution = solve(Growth(), phases=[Polish(states=80, steps=5)], tolerance=1e-12)
    assert not solution.met
    assert solution.sentence.startswith("NOT solved to tolerance: mean error")
    assert "1e-12 and 1e-10 were asked for" in solution.sentence
    assert solution.checks(periods=300)[0].passed is False


def test_two_seeds_agree_and_the_same_seed_repeats(partial):
    again = solve(Growth(), phases=QUICK * 2, tolerance=1e-6)
    other = solve(Growth(), phases=QUICK * 2, tolerance=1e-6, seed=1)
    point = {"k": 6.0, "z": 0.05}
    assert float(again.policy(point)["c"]) == float(partial.policy(point)["c"])
    assert float(other.policy(point)["c"]) == pytest.approx(float(partial.policy(point)["c"]), rel=1e-4)


def test_a_second_solve_compiles_nothing():
    # new parameters, new seed, same shapes; a tolerance out of reach makes both go through both phases
    phases = [Episodes(steps=200, paths=8, horizon=1, updates=1), Polish(states=80, steps=5)]
    solve(Growth(), phases=phases, tolerance=1e-14)
    with count_compilations() as counted:
        solve(Growth(beta=0.97, rho=0.8), phases=phases, tolerance=1e-14, seed=5)
    assert counted == []


def test_many_calibrations_match_their_closed_forms():
    betas = [0.9, 0.94, 0.98]
    solutions = solve_many(Growth(delta=1.0), {"beta": betas}, phases=QUICK)
    for beta, solution in zip(betas, solutions, strict=True):
        a = solution.policy({"k": 0.2, "z": 0.1})
        assert float(a["k1"] / (a["k1"] + a["c"])) == pytest.approx(0.36 * beta, rel=1e-6)
        assert solution.model.beta == beta
        assert solution.met


def test_each_of_many_is_what_it_is_alone_and_stops_when_it_is_solved():
    phases, sigmas = [Polish(states=80, steps=5)] * 3, [0.003, 0.05]
    asked = {"phases": phases, "tolerance": 1e-6}
    alone = [solve(Growth(sigma=sigma), **asked) for sigma in sigmas]
    assert len(alone[0].log) < len(alone[1].log)  # what varies little is learnt sooner
    with count_compilations() as compiled:
        many = solve_many(Growth(), {"sigma": sigmas}, **asked)
    assert compiled == []
    assert [len(s.log) for s in many] == [len(s.log) for s in alone]
    for one, same in zip(many, alone, strict=True):
        assert one.sentence == same.sentence
        assert float(one.policy({"k": 6.0, "z": 0.1})["c"]) == float(same.policy({"k": 6.0, "z": 0.1})["c"])


class BreaksDownIfPatient(Growth):
    """An Euler equation that is not a number at high productivity, if β is above 0.95."""

    def residuals(self, s, a, E):
        bad = (s.z > 0.02) & (self.beta > 0.95)
        return {"euler": super().residuals(s, a, E)["euler"] + jnp.where(bad, jnp.nan, 0.0)}


@pytest.mark.parametrize("how", ["loop", pytest.param("together", marks=pytest.mark.slow)])
def test_one_of_many_that_breaks_down_is_named_and_the_others_are_solved(how):
    sound, broken = solve_many(
        BreaksDownIfPatient(), {"beta": [0.9, 0.97]}, phases=[Polish(states=80, steps=5)], tolerance=1e-2, how=how
    )
    assert sound.met
    assert not broken.met
    assert "Equation 'euler' is not finite at k = " in broken.sentence
    assert "Finite weights from before are kept" in broken.sentence
    assert np.isfinite(broken.hypothesis.net.output.weight).all()


@pytest.mark.slow
def test_numbers_that_are_not_finite_are_traced_to_state_and_equation():
    solution = solve(BreaksDownIfPatient(beta=0.97), phases=[Episodes(steps=20, paths=64)])
    assert not solution.met
    assert "Equation 'euler' is not finite at k = " in solution.sentence
    assert "Finite weights from before are kept" in solution.sentence
    assert np.isfinite(solution.hypothesis.net.output.weight).all()


class OnlyImpatient(Growth):
    """Capital to start with that is not a number if β is above 0.95."""

    def start(self, key):
        return {"k": jnp.where(self.beta > 0.95, jnp.nan, 5.0), "z": 0.0}


def test_a_calibration_that_cannot_be_solved_is_named_before_any_work():
    with pytest.raises(ValueError, match=r"the calibration with beta = 0.97 cannot be solved. .*not finite"):
        solve_many(OnlyImpatient(), {"beta": [0.9, 0.97]})
    with pytest.raises(ValueError, match="how: 'vmap' was given, but it must be 'loop' or 'together'"):
        solve_many(Growth(), {"beta": [0.9]}, how="vmap")


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"beta": [0.9], "alpha": [0.3, 0.4]}, "the same number of values, at least one, but beta has 1, alpha has 2"),
        ({}, "but nothing was given"),
        ({"betta": [0.9]}, "has no parameter 'betta'"),
        ({"beta": [0.9, 1.2]}, "beta is 1.2, but must be above 0 and below 1"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(over, message):
    with pytest.raises(ValueError, match=message):
        solve_many(Growth(), over)


def test_parameters_as_states_give_one_policy_for_a_range():
    model = OverParameters(Growth(delta=1.0), {"beta": (0.9, 0.98)})
    solution = solve(model, phases=[Polish(states=80, steps=25)], tolerance=1e-4)
    for beta in (0.91, 0.95, 0.97):
        a = solution.policy({"k": 0.2, "z": 0.05, "beta": beta})
        # one policy for the range, from a short training: four digits
        assert float(a["k1"] / (a["k1"] + a["c"])) == pytest.approx(0.36 * beta, rel=1e-3)
    with pytest.raises(ValueError, match=r"beta is \(0.98, 0.9\), but a range needs low below high"):
        OverParameters(Growth(), {"beta": (0.98, 0.9)})


def test_a_solution_is_saved_and_read_back(full, tmp_path):
    full.save(tmp_path)
    again = load(tmp_path)
    point = {"k": np.array([0.15, 0.2]), "z": np.array([0.0, 0.1])}
    np.testing.assert_array_equal(again.policy(point)["c"], full.policy(point)["c"])
    assert again.model.delta == 1.0
    assert again.sentence == full.sentence
    assert again.rule == full.rule


def test_another_solution_may_be_the_start(full):
    solution = solve(Growth(delta=1.0, beta=0.98), start=full, phases=[Polish(states=80, steps=10)])
    a = solution.policy({"k": 0.2, "z": 0.0})
    assert float(a["k1"] / 0.2**0.36) == pytest.approx(0.36 * 0.98, rel=1e-5)


@pytest.mark.slow
def test_monte_carlo_expectations_work_and_say_what_they_are():
    solution = solve(
        Growth(delta=1.0),
        expectation=MonteCarlo(8, product=True),
        phases=[Episodes(steps=30, paths=32)],
        tolerance=1e-2,
    )
    assert "as asked" in solution.notes[0]
    assert np.isfinite(solution.log[-1]["mean"])


class WrongRoot(Growth):
    """Truth replaced by an explosive policy: always save two per cent more than keeps capital where it is."""

    def actions(self, raw, s):
        k1 = 1.02 * s.k + 0.0 * raw.share
        return {"k1": k1, "c": 0.5 * self.resources(s)}


def test_an_explosive_solution_is_reported(partial):
    solution = replace(partial, model=WrongRoot())
    checks = {check.name: check.passed for check in solution.checks(periods=300)}
    assert checks["paths stay bounded"] is False
    assert checks["rests without shocks"] is False


def test_box_states_fill_the_box():
    with precision("double"):
        states = compiled_quickly(box_states)(Growth(), jax.random.key(0), 4000)
        low, high = Growth().box()["k"]
        assert float(states.k.min()) >= low
        assert float(states.k.max()) <= high
        # uniform: mean within 4 standard errors
        assert float(states.k.mean()) == pytest.approx((low + high) / 2, abs=4 * (high - low) / 12**0.5 / 4000**0.5)
        with pytest.raises(ValueError, match="has no box"):
            box_states(named("olg-analytic"), jax.random.key(0), 4)


def test_states_around_the_steady_state_lie_twice_as_far_as_the_visited_ones():
    model = named("growth")
    visited = as_point("state", {"k": 4.0 + jax.random.normal(jax.random.key(0), (500,)), "z": jnp.full(500, 0.3)})
    spare = start_states(model, jax.random.key(1), 500)
    around = rest_states(model, visited, spare)
    rest = model.steady_state()["k"]
    assert np.mean(around.k) == pytest.approx(rest, rel=1e-5)
    assert np.std(around.k) == pytest.approx(2 * float(np.std(visited.k)), rel=1e-5)
    assert np.allclose(around.z, 0.0, atol=1e-6)  # its steady state, and the visited ones do not differ


def test_a_mixture_of_states_solves_the_model():
    solution = solve(Growth(), phases=[Polish(states=80, steps=25, box_share=0.3, rest_share=0.4)], tolerance=1e-4)
    assert solution.met


def test_updates_that_do_not_share_the_visited_states_evenly_are_refused():
    with pytest.raises(ValueError, match=r"Episodes: updates is 3, but must divide horizon x paths x epochs = 256"):
        Episodes(paths=64, updates=3)


class Restless(Model):
    """A share αβ of k^α is kept, as is best; where the economy comes to rest is not said."""

    def shocks(self):
        return {}

    def outputs(self):
        return {"share": ()}

    def actions(self, raw, s):
        return {"k1": 0.27 * s.k**0.3 + raw.share}

    def move(self, s, a, shock):
        return {"k": a.k1}

    def residuals(self, s, a, E):
        return {"rule": a.k1 - 0.27 * s.k**0.3}

    def start(self, key):
        return {"k": 0.2}


def test_bad_shares_and_a_missing_steady_state_are_refused():
    with pytest.raises(ValueError, match=r"box_share, rest_share: 0.7 and 0.4 given; shares .* at most 1"):
        Polish(box_share=0.7, rest_share=0.4)
    with pytest.raises(ValueError, match=r"rest_share: Restless has no steady_state\(\); write one"):
        solve(Restless(), phases=[Polish(states=20, steps=1, rest_share=0.5)])
