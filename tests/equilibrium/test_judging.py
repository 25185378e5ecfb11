"""What is called solved: small errors on many fresh states, and an economy that holds together."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.equilibrium import Markov, Model, Normal, Polish, Trajectories, check_model, solve
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
    assert checks["small differences die out"].value == pytest.approx(
        0.95 + roots[0].slope, abs=0.02
    )  # from two short phases
    taken = float(explosive.policy({"X": 0.7, "z": 0})["u"])
    away = [abs(taken - sum(root * np.array([1, 0.7]))) for root in roots]
    assert away[1] < 0.1 * away[0]  # at the explosive root, not at the stable one
    assert not explosive.met
    assert "the economy is explosive: a small displacement grows to 1.17" in explosive.sentence
    assert explosive.checks(periods=60)[0].passed is False


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


@pytest.mark.parametrize("kind", [WrongRest, WrongSign])
def test_an_economy_that_rests_elsewhere_than_it_says_is_not_solved(kind):
    solution = solve(kind(), phases=[Polish(states=150, steps=25)] * 2, tolerance=2e-3)
    assert solution.log[-1]["mean"] < 2e-3
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
    solution = solve(Rare(), phases=[Polish(states=40, steps=5)], tolerance=(1e-3, 2e-2), seed=4)
    assert abs(float(solution.policy({"x": 3.6})["y"]) - 0.2 * 0.4**0.5) > 2e-2
    assert not solution.met
    assert int(solution.log[-1]["states"]) > 1_000
    assert "The largest error is at x = 3." in solution.sentence
