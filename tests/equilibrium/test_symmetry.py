"""Exchangeable agents: the declaration, one draw of their shocks, and models that break what they promise."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from ceteris.engine import precision
from ceteris.equilibrium import (
    Agents,
    Drawn,
    Exchangeable,
    GaussHermite,
    Idiosyncratic,
    Monomial,
    MonteCarlo,
    Normal,
    OneDraw,
    Trajectories,
    solve,
)
from ceteris.equilibrium.expectation import default_rule, successors
from ceteris.equilibrium.models.industry import Industry
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import errors
from ceteris.nets import MLP
from ceteris.testing import check_symmetry


class Truth(eqx.Module):
    """The linear-quadratic policy as raw outputs of `Industry`."""

    model: Industry

    def __call__(self, x):
        level, slope = self.model.stable_root()
        return (level + slope * x["common"]) / (self.model.delta * self.model.rest()) - 1


def euler_errors(model, rule, draws):
    """Euler errors of the true policy in one state, by draw."""
    X = jnp.asarray(np.random.default_rng(0).normal(0.8, 0.05, model.firms))
    one = eqx.filter_jit(lambda k: errors(model, Truth(model), Point("state", {"X": X}), rule, k).euler)
    return np.asarray(jax.lax.map(one, jr.split(jr.key(1), draws), batch_size=500))


@pytest.mark.parametrize("firms", [16, 256])
def test_one_draw_is_wrong_by_as_much_as_the_formula_says(firms):
    with precision("double"):
        model = Industry(firms=firms)
        found = euler_errors(model, OneDraw(normalise=False, fresh=True), 4000)
        expected = model.one_draw_error(firms)[0]
    assert found.std() == pytest.approx(expected, rel=0.06)  # 4000 draws: a standard error of 1.1 per cent
    assert abs(found.mean()) < 4 * expected / np.sqrt(4000)


def test_more_draws_and_normalised_draws_are_wrong_by_less():
    with precision("double"):
        model = Industry(firms=64)
        one, four = (euler_errors(model, OneDraw(normalise=False, fresh=True, draws=k), 2000).std() for k in (1, 4))
        exact = euler_errors(model, OneDraw(fresh=True), 20)
    assert one / four == pytest.approx(2.0, rel=0.1)
    # the mean of a normalised draw is zero, and the true policy sees nothing else
    assert np.abs(exact).max() < 1e-12


def test_rules_agree_with_the_closed_form_of_a_square():
    with precision("double"):
        shocks, s = {"w": Idiosyncratic(6), "omega": Normal()}, Point("state", {})
        m, sigma, eta = np.linspace(0.5, 1.5, 6), 0.3, 0.2
        square = lambda shock: jnp.mean((m + sigma * shock.w + eta * shock.omega) ** 2)
        exact = np.mean(m**2) + sigma**2 + eta**2

        def value(rule, key=None):
            def mean(key):
                points, weights = successors(shocks, rule, s, key)
                return weights @ jax.vmap(square)(points)

            return float(jax.jit(mean)(key))

        assert value(Monomial(3)) == pytest.approx(exact, rel=1e-13)  # exact to degree three
        # what a normalised draw gets wrong is the covariance of shocks and states, which falls with draws
        assert value(OneDraw(draws=40_000)) == pytest.approx(exact, rel=0.003)
        assert value(MonteCarlo(100_000), jr.key(0)) == pytest.approx(exact, rel=0.005)


def test_the_default_rule_is_one_draw_and_says_so():
    rule, said = default_rule({"w": Idiosyncratic(10), "omega": Normal()})
    assert rule == OneDraw(GaussHermite(7))
    assert said == "E: Gauss-Hermite product, 7 nodes, times one draw of the agents' own shocks."


def test_draws_that_are_shared_are_the_same_everywhere_and_fresh_ones_are_not():
    shocks, s = {"w": Idiosyncratic(5)}, Point("state", {})
    draw = lambda rule, i: np.asarray(successors(shocks, rule, s, jr.key(i))[0].w)
    assert (draw(OneDraw(), 0) == draw(OneDraw(), 1)).all()
    assert (draw(OneDraw(seed=1), 0) != draw(OneDraw(), 0)).all()
    assert (draw(OneDraw(fresh=True), 0) != draw(OneDraw(fresh=True), 1)).all()


# ----------------------------------------------------------------------------------- models that break their promise


class First(Industry):
    """The price depends on the first firm."""

    def price(self, s):
        return self.alpha0 - self.alpha1 * s.X[0]


class Leader(Industry):
    """The first firm depreciates less."""

    def move(self, s, a, shock):
        X = super().move(s, a, shock)["X"]
        return {"X": X.at[0].add(0.01 * s.X[0])}


class Shared(Industry):
    """Every firm's shock moves all: equivariant, but correlated."""

    def move(self, s, a, shock):
        X = super().move(s, a, shock)["X"]
        return {"X": X + 0.01 * jnp.mean(shock.w)}


def flattened(firms, inputs, outputs, *widths, key):
    return _Flat(MLP(firms, outputs, widths, key=key))


class _Flat(eqx.Module):
    net: MLP

    def __call__(self, x):
        return self.net(x["set"][0][..., 0])


class Numbered(Industry):
    """The network sees a vector, firm by firm."""

    def recipe(self):
        return replace(super().recipe(), hypothesis=eqx.Partial(flattened, self.firms))


class Correlated(Industry):
    """Shocks drawn with a common component."""

    def shocks(self):
        return {"w": Drawn(self.together), "omega": Normal()}

    def together(self, key):
        return jr.normal(key, (self.firms,)) + jr.normal(key)


class Empty(Industry):
    """Nobody is in the second group."""

    def exchangeable(self):
        return Exchangeable(Agents("X", shocks="w"), Agents("Y"))

    def start(self, key):
        return {**super().start(key), "Y": jnp.zeros(0)}


@pytest.mark.parametrize(
    ("broken", "at_fault", "sentence"),
    [
        (First, "reward", "First: residuals change by .* if agents are renumbered; let prices and rewards depend"),
        (Leader, "transition", "Leader: move is not equivariant: tomorrow's states differ by"),
        (Shared, "shocks", "Shared: one agent's shock moves other agents, by .*: shocks are correlated across agents"),
        (Numbered, "network", "Numbered: the network is not invariant: .* ceteris.nets.DeepSet"),
        (Correlated, "declaration", "Correlated: shock 'w' of exchangeable agents is a Drawn, .* Idiosyncratic.5."),
        (Empty, "declaration", r"Empty: group 1 of agents \(Y\) has 0, but at least 2 are needed"),
    ],
)
def test_what_is_broken_is_named_and_not_solved(broken, at_fault, sentence):
    model = broken(firms=5)
    failed = {check.name for check in check_symmetry(model) if not check.passed}
    assert failed == {at_fault}
    with pytest.raises(ValueError, match=sentence):
        solve(model, expectation=MonteCarlo(4) if broken is Correlated else None)


def test_correlated_shocks_are_no_matter_for_draws_of_all():
    from ceteris.equilibrium.contract_symmetry import refuse_asymmetric

    with precision("double"):
        refuse_asymmetric(Shared(firms=5), MonteCarlo(4))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Idiosyncratic(1), "Idiosyncratic: agents is 1, but at least 2 are needed"),
        (lambda: Agents(()), "Agents: no states were given, but agents need at least one"),
        (lambda: Exchangeable(), "Exchangeable: no group was given; give at least one"),
        (lambda: Exchangeable(Agents("a"), Agents("b"), own=True), "Exchangeable: own=True was given with 2 groups"),
        (lambda: OneDraw(draws=0), "OneDraw: draws is 0, but must be at least 1"),
        (lambda: Trajectories(states=100, paths=2, periods=10), "Trajectories: states is 100, but 2 paths of 10 "),
        (
            lambda: solve(Industry(firms=4), expectation=GaussHermite(7)),
            r"GaussHermite would need 7\^4 nodes for shock",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
