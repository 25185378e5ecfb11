"""The industry against its linear-quadratic solution, and its extensions against paths of perfect foresight."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are
from scipy.optimize import fsolve

from ceteris.engine import precision
from ceteris.equilibrium import solve, solve_many
from ceteris.equilibrium.models.industry import Industry, IndustryReturns, IndustryTypes
from ceteris.equilibrium.stability import mean_radius
from ceteris.testing import count_compilations


def planner(model, squares=1.0):
    """Investment of a planner who maximises surplus, which is what competitive firms do: level and slope in Q.

    max Σ βᵗ (α₀ Q - α₁/2 Q² - γ/2 Σ uᵢ²/n) with Q = mean(A X), by the Riccati equation.
    """
    root = np.sqrt(model.beta)
    A, B = np.array([[1.0, 0.0], [0.0, 1 - model.delta]]), np.array([[0.0], [1.0]])
    C = np.array([[0.0, -model.alpha0 / 2], [-model.alpha0 / 2, model.alpha1 / 2]])
    R = np.array([[model.gamma / 2 / squares]])  # u = A h costs γ/2 A² h² and adds A² h
    P = solve_discrete_are(root * A, root * B, C, R)
    level, slope = -np.linalg.solve(R + model.beta * B.T @ P @ B, model.beta * B.T @ P @ A)[0]
    return level / squares, slope / squares


@pytest.fixture(scope="module", params=[8, pytest.param(128, marks=pytest.mark.slow)])
def linear(request):
    return solve(Industry(firms=request.param))


def test_the_stable_root_is_the_planners():
    model = Industry()
    np.testing.assert_allclose(model.stable_root(), planner(model), rtol=1e-8)
    np.testing.assert_allclose(model.roots(), [(0.06872, -0.05046), (-0.1164, 0.2202)], atol=5e-5)  # as published
    # capital follows 1 - δ + H₁
    assert [abs(1 - model.delta + root.slope) < 1 for root in model.roots()] == [True, False]


def test_the_default_solution_is_the_linear_quadratic_one(linear):
    assert linear.met
    level, slope = planner(linear.model)
    off = lambda X, u: np.abs(u / (level + slope * X.mean(-1)) - 1)
    paths = linear.simulate(63, 16, seed=5)  # all set out from X₀
    assert off(paths.states.X, paths.actions.u).mean() < 1e-4  # the bar; a third of it is typical
    X = (
        np.abs(np.random.default_rng(5).normal(0.9, 0.05, (200, linear.model.firms)))
        * np.linspace(0.75, 1.05, 200)[:, None]
    )
    assert off(X, linear.policy({"X": X})["u"]).mean() < 1e-3  # more dispersed than any state on a path


@pytest.mark.slow
def test_the_solution_is_stable_and_the_checks_know(linear):
    checks = {check.name: check for check in linear.checks(periods=300)}
    assert all(check.passed is not False for check in checks.values())
    # one firm that differs from the others returns by 1 - δ, the slowest of all
    assert checks["stable at rest"].value == pytest.approx(0.95, abs=2e-3)
    assert checks["small differences die out"].value == pytest.approx(0.95, abs=2e-3)
    with precision("double"):
        radius = mean_radius(
            linear.model, linear.hypothesis, linear._starts(1, None).replace(X=np.full(linear.model.firms, 0.7))
        )
    assert float(radius) == pytest.approx(0.95 - 0.05046, abs=2e-3)


def test_order_does_not_matter_and_neither_does_the_number_of_firms(linear):
    X = np.random.default_rng(1).normal(0.8, 0.05, linear.model.firms)
    u = float(linear.policy({"X": X})["u"])
    assert float(linear.policy({"X": X[::-1]})["u"]) == pytest.approx(u, rel=1e-12)
    with precision("double"):
        raw = [linear.hypothesis(linear.model.inputs(linear._starts(1, None).replace(X=x))) for x in (X, np.tile(X, 2))]
    assert float(raw[0][0]) == pytest.approx(float(raw[1][0]), rel=1e-11)


def test_another_seed_compiles_nothing(linear):
    with count_compilations() as compiled:
        again = solve(Industry(firms=linear.model.firms, sigma=0.006), seed=3)
    assert compiled == []
    assert again.met


@pytest.mark.slow
def test_demand_that_is_not_linear_has_small_errors_on_new_paths():
    solution = solve(Industry(nu=1.5), seed=1)
    assert solution.met
    # against four other draws; 1e-9 is typical
    assert np.mean(solution.accuracy(periods=500, burn_in=0).raw["euler"] ** 2) < 1e-8


@pytest.mark.slow
def test_several_demands_side_by_side():
    solutions = solve_many(Industry(firms=16), {"nu": [1.0, 1.5]})
    u = [float(s.policy({"X": np.full(16, 0.8)})["u"]) for s in solutions]
    level, slope = Industry().stable_root()
    assert u[0] == pytest.approx(level + slope * 0.8, rel=1e-3)
    assert u[1] > u[0]  # where X < 1, X^1.5 is less than X, and the price is higher


@pytest.mark.slow
def test_two_types_invest_in_proportion_to_their_productivity():
    model = IndustryTypes(few=32, many=96)
    solution = solve(model, seed=2)
    assert solution.met
    squares = (32 * 0.9**2 + 96 * 1.1**2) / 128
    level, slope = planner(model, squares)
    rng = np.random.default_rng(0)
    L, H = rng.normal(0.85, 0.05, (50, 32)), rng.normal(0.85, 0.05, (50, 96))
    h = level + slope * (0.9 * L.sum(1) + 1.1 * H.sum(1)) / 128
    u = solution.policy({"L": L, "H": H})
    np.testing.assert_allclose(u["low"], 0.9 * h, rtol=1e-3)  # errors of the equations are a few 1e-6
    np.testing.assert_allclose(u["high"], 1.1 * h, rtol=1e-3)


def foresight(model, small, large, periods=160):
    """Investment today of two halves of the industry, without shocks, by solving all periods at once."""
    keep, theta, rest = 1 - model.delta, model.theta, float(model.rest())

    def path(u):
        x = np.empty((periods + 1, 2))
        x[0] = small, large
        for t in range(periods):
            x[t + 1] = keep * x[t] + u[t]
        return x

    def gap(flat):
        u = np.vstack([flat.reshape(periods, 2), np.full(2, model.delta * rest)])
        x = path(u[:-1])[1:]
        price = model.alpha0 - model.alpha1 * (x ** (theta * model.nu)).mean(1, keepdims=True)
        return (
            model.gamma * u[:-1] - model.beta * (theta * x ** (theta - 1) * price + model.gamma * keep * u[1:])
        ).ravel()

    return fsolve(gap, np.full(2 * periods, model.delta * rest), xtol=1e-12)[:2]


@pytest.mark.slow
def test_with_decreasing_returns_small_firms_invest_more():
    model = IndustryReturns(theta=0.7)
    solution = solve(model)
    assert solution.met
    exact = foresight(model, 0.82, 0.92)
    u = solution.policy({"X": np.repeat([0.82, 0.92], 64)})["u"]
    # shocks of half a per cent move policies by their square; errors of the equation allow as much
    np.testing.assert_allclose(u[[0, -1]], exact, rtol=2e-3)
    assert exact[0] - exact[1] > 5 * np.abs(u[[0, -1]] - exact).max()  # so that the difference is resolved
    assert np.ptp(u[:64]) < 1e-12


@pytest.mark.slow
def test_with_constant_returns_the_extension_is_the_industry():
    solution = solve(IndustryReturns(theta=1.0, firms=32))
    X = np.random.default_rng(2).normal(0.85, 0.05, 32)
    level, slope = Industry().stable_root()
    np.testing.assert_allclose(solution.policy({"X": X})["u"], level + slope * X.mean(), rtol=2e-3)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Industry(firms=1), "Industry: firms is 1, but must be above 1; change firms."),
        (lambda: Industry(nu=0.0), "Industry: nu is 0, but must be above 0; change nu."),
        (lambda: Industry(nu=float("nan")), "Industry: nu is nan, but must be above 0"),
        (lambda: IndustryTypes(few=0), "IndustryTypes: few is 0, but must be above 1"),
    ],
)
def test_what_makes_no_sense_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
