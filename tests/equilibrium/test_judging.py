"""What is called solved: small errors on many fresh states, and an economy that holds together."""

import re
from dataclasses import replace

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.equilibrium import (
    GaussHermite,
    Markov,
    Model,
    Monomial,
    MonteCarlo,
    Normal,
    OneDraw,
    Polish,
    Trajectories,
    check_model,
    solve,
)
from ceteris.equilibrium.expectation import finer, raised
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.models.industry import Industry

QUICK = [Polish(states=100, steps=25)] * 2


class Firm(Model):
    """The linear-quadratic industry with one firm and a chain in its demand: a stable root and an explosive one.

    ``level`` and ``slope`` are the policy around which the network begins, and so decide which root it finds.
    """

    level: float = 0.06872
    slope: float = -0.05046

    def shocks(self):
        return {"z": Markov([[0.9, 0.1], [0.1, 0.9]], state="z")}

    def outputs(self):
        return {"u": ()}

    def actions(self, raw, s):
        return {"u": self.level + self.slope * s.X + 1e-2 * raw.u}

    def move(self, s, a, shock):
        return {"X": 0.95 * s.X + a.u, "z": shock.z}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: 1 - s1.X + 0.05 * (2 * s1.z - 1) + 90 * 0.95 * a1.u)
        return {"euler": 90 * a.u - 0.95 * value}

    def start(self, key):
        return {"X": 0.69 + 0.01 * jr.normal(key), "z": jnp.array(0)}


class SteepIndustry(Industry):
    """Exchangeable firms whose policy begins at the explosive root."""

    def actions(self, raw, s):
        level, slope = self.roots()[1]
        return {"u": level + slope * jnp.mean(s.X) + 1e-3 * raw.u}


def test_the_explosive_root_is_not_a_solution_and_the_stable_one_is():
    roots = Industry(firms=2).roots()
    stable, explosive = (solve(Firm(level=h0, slope=h1), phases=QUICK, tolerance=2e-3) for h0, h1 in roots)
    assert stable.met
    checks = {check.name: check for check in stable.checks(periods=60)}
    # to what two short phases leave
    assert checks["small differences die out"].value == pytest.approx(0.95 + roots[0].slope, abs=0.02)
    low, high = explosive.policy({"X": np.array([0.68, 0.7]), "z": 0})["u"]
    assert (high - low) / 0.02 == pytest.approx(roots[1].slope, abs=0.03)
    assert not explosive.met
    assert "the economy is explosive: a small displacement grows to 1.17" in explosive.sentence
    assert explosive.checks(periods=60)[0].passed is False


@pytest.mark.slow
def test_exchangeable_agents_at_the_explosive_root_are_not_solved():
    phases = [Trajectories(states=32, steps=6, periods=16)]
    solution = solve(SteepIndustry(firms=8), phases=phases, tolerance=(1e-3, 1.0))
    assert solution.log[-1]["mean"] < 1e-3
    assert not solution.met
    assert "grows to 1.17" in solution.sentence  # 1 - δ + H1


class WrongRest(Growth):
    """All is right but the steady state it names: three times too much capital."""

    def steady_state(self):
        return {"k": 3 * super().steady_state()["k"], "z": 0.0}

    def saving_rate(self):
        k = super().steady_state()["k"]
        return k / (k**self.alpha + (1 - self.delta) * k)

    def start(self, key):
        return super().steady_state()

    def box(self):
        return None


class WrongSign(Growth):
    """Depreciation is paid twice in the Euler equation: capital comes to rest two thirds below where it should."""

    def residuals(self, s, a, E):
        gross = lambda s1: self.gross_return(s1) - self.delta
        return {"euler": 1 - E(lambda s1, a1: self.beta * gross(s1) * a.c / a1.c)}

    def box(self):
        return None


@pytest.mark.slow
@pytest.mark.parametrize("kind", [WrongRest, WrongSign])
def test_an_economy_that_rests_elsewhere_than_it_says_is_not_solved(kind):
    solution = solve(kind(), phases=[Polish(states=150, steps=25)] * 2, tolerance=2e-3)
    assert solution.log[-1]["mean"] < 2e-3
    assert not solution.met
    assert "without shocks the economy comes to rest at k = " in solution.sentence
    assert "either this is another branch, or an equation or steady_state() is wrong" in solution.sentence


def test_a_solution_that_rests_elsewhere_than_its_model_says_fails_a_check(partial):
    checks = {check.name: check for check in replace(partial, model=WrongRest()).checks(periods=300)}
    wrong = checks["rests near the steady state"]
    assert wrong.passed is False
    assert "without shocks the economy comes to rest at k = " in wrong.sentence


def test_a_steady_state_that_does_not_rest_is_found_before_any_work():
    found = {check.name: check for check in check_model(WrongRest())}["steady state"]
    assert found.passed is False
    assert "does not rest" in found.sentence
    assert "k moves from 19.1 to " in found.sentence


class Rare(Model):
    """A fee that falls due in three states of a thousand, too sharp for any small network."""

    def shocks(self):
        return {"eps": Normal()}

    def outputs(self):
        return {"y": ()}

    def actions(self, raw, s):
        return {"y": raw.y}

    def move(self, s, a, shock):
        return {"x": shock.eps}

    def residuals(self, s, a, E):
        return {"level": a.y - 0.2 * jnp.maximum(s.x - 3.2, 0.0) ** 0.5}

    def start(self, key):
        return {"x": 0.0}


def test_the_largest_error_is_that_of_ten_thousand_states():
    solution = solve(Rare(), phases=[Polish(states=40, steps=5)], tolerance=(1e-3, 2e-2), seed=10)
    assert abs(float(solution.policy({"x": 3.6})["y"]) - 0.2 * 0.4**0.5) > 2e-2
    assert not solution.met
    assert int(solution.log[-1]["states"]) > 1_000
    assert re.search(r"The largest error is at x = [34]\.", solution.sentence)  # where the fee is due


# ------------------------------------------------------------------------------------- what stands in a solution's way


class Kinked(Model):
    """A household with independent incomes that may not borrow: what it wants to consume, or all it has."""

    def shocks(self):
        return {"eps": Normal()}

    def outputs(self):
        return {"wanted": ()}

    def actions(self, raw, s):
        wanted = jnp.exp(raw.wanted) * (0.9 + 0.05 * s.x)
        return {"wanted": wanted, "c": jnp.minimum(wanted, s.x)}

    def move(self, s, a, shock):
        return {"x": 1.02 * (s.x - a.c) + jnp.exp(0.2 * shock.eps)}

    def residuals(self, s, a, E):
        return {"euler": (0.95 * 1.02 * E(lambda s1, a1: a1.c**-2.0)) ** -0.5 / a.wanted - 1}

    def inputs(self, s):
        return jnp.log(s.x)[None]

    def start(self, key):
        return {"x": 1.0 + jr.uniform(key)}


@pytest.mark.slow
def test_a_kink_is_said_to_need_nodes_and_gets_them():
    phases = [Polish(states=150, steps=20)] * 3
    solution = solve(Kinked(), phases=phases, tolerance=1e-6, seed=5)
    assert solution.rule == GaussHermite(15)  # for the last phase; seven are the default
    assert "E: from phase 3 on with 15 nodes per shock. More nodes would help: the error is" in " ".join(solution.notes)
    assert "under the rule used (15 nodes per shock)" in solution.sentence
    assert solution.log[2]["mean"] < solution.log[1]["mean"] / 2
    asked = solve(Kinked(), phases=phases[:2], tolerance=1e-6, expectation=GaussHermite(7), seed=5)
    assert asked.rule == GaussHermite(7)  # who asks for a rule keeps it, and is told
    assert "More nodes would help" in asked.sentence


@pytest.mark.slow
def test_one_draw_is_said_to_be_the_floor_and_more_are_taken():
    solution = solve(Industry(firms=16, nu=1.5), phases=[Trajectories(states=64, steps=12)] * 3, tolerance=1e-6)
    assert solution.rule.draws == 4
    assert "with one draw of the agents' shocks the floor is about " in " ".join(solution.notes)
    assert "More draws would help: with 4 draws" in solution.sentence


def test_too_few_states_are_told():
    few = solve(Growth(), phases=[Polish(states=12, steps=30)], tolerance=1e-9)
    assert "More states would help: the root mean square error is" in few.sentence


@pytest.mark.slow
def test_too_small_a_network_is_told_from_too_few_states():
    small = solve(Growth(), phases=[Polish(states=150, steps=15)], widths=(1,), tolerance=1e-9)
    assert "A wider network or more steps would help" in small.sentence


def test_rules_are_raised_step_by_step_and_judged_by_a_finer_one():
    rule, seen = GaussHermite(7), []
    while rule is not None:
        seen.append(rule.points)
        assert finer(rule, 1)[0].points > rule.points
        rule = raised(rule, 1)
    assert seen == [7, 15, 31, 63]
    assert raised(OneDraw(draws=64), 0) is None
    assert raised(MonteCarlo(64, common=True), 2) == MonteCarlo(256, common=True)
    assert raised(Monomial(3), 8) == Monomial(5)
    assert raised(GaussHermite(1), 0) is None  # a chain is summed exactly
