"""What is called solved: small errors on many fresh states, and an economy that holds together."""

from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.equilibrium import Markov, Model, Normal, Polish, Trajectories, check_model, solve
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.models.industry import Industry

QUICK = [Polish(states=100, steps=15)]


class Firm(Model):
    """The linear-quadratic industry with one firm: u = H0 + H1 X has a stable root and an explosive one.

    ``slope`` says around which policy the network begins, and so which root it finds.
    """

    beta: float = 0.95
    gamma: float = 90.0
    delta: float = 0.05
    explosive: float = 0.0

    tolerance: ClassVar = (1e-6, 1e-3)

    def shocks(self):
        return {"omega": Normal()}

    def outputs(self):
        return {"u": ()}

    def root(self):
        return [Industry(firms=2).roots()[i] for i in (0, 1)][int(self.explosive > 0)]

    def actions(self, raw, s):
        level, slope = self.root()
        return {"u": level + slope * s.X + 1e-3 * raw.u}

    def cost(self, s):
        return 0.0

    def move(self, s, a, shock):
        return {"X": (1 - self.delta) * s.X + a.u + 0.001 * shock.omega}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: 1 - s1.X - self.cost(s1) + self.gamma * (1 - self.delta) * a1.u)
        return {"euler": self.gamma * a.u - self.beta * value}

    def start(self, key):
        return {"X": 0.69 + 0.01 * jr.normal(key)}


class ChainFirm(Firm):
    """The same, hit by a chain of two states."""

    def shocks(self):
        return {"z": Markov([[0.9, 0.1], [0.1, 0.9]], state="z")}

    def cost(self, s):
        return 0.01 * (2 * s.z - 1)

    def move(self, s, a, shock):
        return {"X": (1 - self.delta) * s.X + a.u, "z": shock.z}

    def start(self, key):
        return {**super().start(key), "z": jnp.array(0)}


class SteepIndustry(Industry):
    """Exchangeable firms whose policy begins at the explosive root."""

    def actions(self, raw, s):
        level, slope = self.roots()[1]
        return {"u": level + slope * jnp.mean(s.X) + 1e-3 * raw.u}


@pytest.mark.parametrize("kind", [Firm, ChainFirm])
def test_the_explosive_root_is_not_a_solution_and_the_stable_one_is(kind):
    stable, explosive = (solve(kind(explosive=which), phases=QUICK, tolerance=1e-4) for which in (0.0, 1.0))
    assert stable.met
    assert explosive.log[-1]["mean"] < 1e-4  # as far as errors go, it is solved
    assert not explosive.met
    assert explosive.sentence.startswith("NOT solved, although errors are small")
    assert "the economy is explosive" in explosive.sentence
    assert explosive.checks(periods=300)[0].passed is False


def test_the_growth_of_small_differences_is_the_eigenvalue():
    checks = lambda model: {c.name: c for c in solve(model, phases=QUICK, tolerance=1e-4).checks(periods=300)}
    slope = Industry(firms=2).roots()[0].slope
    for kind in (Firm, ChainFirm):  # without a chain the law of motion is linear, and with one it is so in each state
        assert checks(kind())["small differences die out"].value == pytest.approx(0.95 + slope, abs=1e-3)


def test_exchangeable_agents_at_the_explosive_root_are_not_solved():
    phases = [Trajectories(states=32, steps=6, periods=16)]
    solution = solve(SteepIndustry(firms=8), phases=phases, tolerance=(1e-3, 1.0))
    assert solution.log[-1]["mean"] < 1e-3
    assert not solution.met
    assert "grows to 1.17" in solution.sentence  # 1 - δ + H1
    stable = solve(Industry(firms=8), phases=phases, tolerance=(1e-3, 1.0))
    assert stable.met
    names = {check.name: check for check in stable.checks(periods=300)}
    assert names["stable at rest"].value == pytest.approx(0.95, abs=2e-3)  # of one firm alone: 1 - δ


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


@pytest.mark.parametrize("kind", [WrongRest, WrongSign])
def test_an_economy_that_rests_elsewhere_than_it_says_is_not_solved(kind):
    solution = solve(kind(), phases=[Polish(states=150, steps=25)] * 2, tolerance=1e-4)
    assert solution.log[-1]["mean"] < 1e-4
    assert not solution.met
    assert "without shocks the economy comes to rest at k = " in solution.sentence
    assert "either this is another branch, or an equation or steady_state() is wrong" in solution.sentence


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
    solution = solve(Rare(), phases=[Polish(states=40, steps=5)], tolerance=(1e-3, 2e-2), seed=3)
    assert "10,000 fresh states" in solution.sentence or not solution.met
    largest = solution.accuracy(periods=20_000, burn_in=10).max
    assert largest > 2e-2
    assert not solution.met
    assert "The largest error is at x = " in solution.sentence
