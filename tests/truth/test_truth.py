"""The slow routes are held to closed forms, to their own rates of convergence and to the equations they solve."""

import itertools

import numpy as np
import pytest

from truth import consumption_saving, growth, irbc, irbc_iteration
from truth.consumption_saving import ConsumptionSaving, rouwenhorst
from truth.growth import Growth
from truth.irbc import Irbc

# ------------------------------------------------------------------------------------------------- stochastic growth


def test_growth_with_full_depreciation_is_the_closed_form():
    m, rng = Growth(d=1.0), np.random.default_rng(0)
    K, ln_z = m.k_star * np.exp(rng.uniform(-0.9, 0.9, 500)), rng.uniform(-0.5, 0.5, 500)
    # ln C is linear in the coordinates of the polynomial, so only rounding is left.
    np.testing.assert_allclose(
        growth.solve(m).consumption(K, ln_z), (1 - m.a * m.b) * np.exp(ln_z) * K**m.a, rtol=1e-12
    )


def test_growth_has_the_steady_state_of_the_course_and_a_box_around_its_ergodic_set():
    solution = growth.solve()
    K, ln_z = solution.path
    assert solution.model.k_star == pytest.approx(6.36684, abs=5e-6)  # as published
    assert len(K) == 10_000
    assert np.abs(np.log(K / solution.model.k_star)).max() < 0.5 * solution.model.width_k
    assert np.abs(ln_z).max() < 4.5 / 7 * solution.model.width_z


def test_growth_converges_at_a_spectral_rate():
    fine = growth.solve(degree=20, nodes=21)
    K, ln_z = fine.path
    C = fine.consumption(K, ln_z)
    errors = [np.abs(growth.solve(degree=n, nodes=9).consumption(K, ln_z) / C - 1).max() for n in (4, 6, 8, 10)]
    # Measured: 6.0e-6, 5.0e-8, 3.6e-10, 4.0e-12, a factor above 80 for every second degree.
    assert all(b < a / 50 for a, b in itertools.pairwise(errors))
    # The default is at rounding, which quadrature and degree agree on; the promise is 1e-8.
    assert np.abs(growth.solve().consumption(K, ln_z) / C - 1).max() < 1e-12


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_growth_solves_the_euler_equation_for_other_risk_aversions(gamma):
    solution = growth.solve(Growth(gamma=gamma))
    K, ln_z = solution.simulate(1_000)
    # Off the collocation nodes, with 21 instead of 13 quadrature nodes; measured below 1e-12.
    assert np.abs(solution.euler_error(K, ln_z)).max() < 1e-11


# ------------------------------------------------------------------------------------------------- income fluctuations


def test_rouwenhorst_has_the_moments_of_the_autoregression():
    x, P = rouwenhorst(0.9, 0.1, 7)
    stationary = np.linalg.matrix_power(P, 2_000)[0]
    np.testing.assert_allclose(P.sum(1), 1, rtol=1e-13)
    np.testing.assert_allclose(P @ x, 0.9 * x, atol=1e-14)  # the conditional mean, in every state
    assert np.sqrt(stationary @ x**2) == pytest.approx(0.1 / np.sqrt(1 - 0.81), rel=1e-10)


def test_constant_income_gives_the_closed_form():
    m = ConsumptionSaving(income=(1.0,), transition=((1.0,),))
    # If the limit binds in n periods: c = kappa_n + slope_n m, from c = (beta R)^(-1/gamma) c_(n-1)(R (m - c) + y).
    grow, level, slope, pieces = (m.beta * m.R) ** (-1 / m.gamma), 0.0, 1.0, []
    for _ in range(60):
        pieces.append((level, slope))
        level, slope = (np.array([level + slope, slope * m.R]) * grow) / (1 + grow * slope * m.R)
    cash = np.linspace(0.3, 5, 2_001)
    exact = np.min([a + b * cash for a, b in pieces], axis=0)  # a concave function is the lowest of its pieces
    solution = consumption_saving.solve(m)
    error = np.abs(solution.consumption(cash, 0) / exact - 1)
    # Linear interpolation is exact but in grid intervals with a kink: there 1e-6, in about one per cent of the points.
    assert np.quantile(error, 0.95) < 1e-8
    assert error.max() < 2e-6
    assert solution.kink[0] == pytest.approx(grow, rel=1e-7)


def test_consumption_converges_with_the_square_of_the_spacing():
    fine = consumption_saving.solve(points=32_000)
    cash, state = fine.simulate(5_000)
    c = fine.consumption(cash, state)
    error = {n: np.abs(consumption_saving.solve(points=n).consumption(cash, state) / c - 1) for n in (1_000, 4_000)}
    # Mean error 6.2e-7 at 1,000 points and 3.8e-8 at 4,000: a factor of 16, the square of the refinement.
    assert 10 < error[1_000].mean() / error[4_000].mean() < 25
    # The promise of the default; measured mean 2e-9, maximum 2e-7 in grid intervals with a kink.
    assert np.abs(consumption_saving.solve().consumption(cash, state) / c - 1).max() < 1e-6


def test_consumption_satisfies_the_euler_equation_and_the_limit():
    solution = consumption_saving.solve()
    for s, kink in enumerate(solution.kink):
        assert solution.next_assets(0.999 * kink, s) == 0
        assert solution.next_assets(1.001 * kink, s) > 0
    cash, state = solution.simulate(5_000)
    assert np.abs(solution.euler_error(cash, state)).max() < 1e-6


def test_savings_without_bound_are_refused():
    with pytest.raises(ValueError, match=r"beta R = 1\.0200 but must be below one"):
        consumption_saving.solve(ConsumptionSaving(beta=1.0))


# ------------------------------------------------------------------------------------------------- two countries


def box(points, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.8, 1.2, (points, 2)), rng.uniform(-0.16, 0.16, (points, 2))


def test_the_return_on_capital_is_the_derivative_of_resources():
    m, (k, z) = Irbc(), box(100)
    k_next, step = k * 1.03, 1e-20j  # a complex step has no error of cancellation
    x = k + step
    left = m.A * np.exp(z) * x**m.zeta + (1 - m.delta) * x - m.kappa / 2 * x * (k_next / x - 1) ** 2
    value = m.marginal_value(k, z, k_next / k, np.ones(100), np.zeros((100, 2)))
    np.testing.assert_allclose(value, left.imag / 1e-20, rtol=1e-13)


def test_without_shocks_two_countries_return_to_the_steady_state():
    solution = irbc_iteration.compute(Irbc(sigma=0.0, reach=1.5), n=6, rule="monomial", nodes=0)
    k = np.array([[0.85, 1.15]])
    for _ in range(800):
        now = solution.policy(k, np.zeros((1, 2)))
        k = now.k_next
    # k = lambda = 1 by the choice of A and tau; degree five misses it by 3e-6.
    np.testing.assert_allclose(k, 1, atol=1e-5)
    np.testing.assert_allclose(now.lam, 1, atol=1e-5)


def test_the_smooth_model_converges_at_a_spectral_rate_and_does_not_depend_on_the_quadrature():
    stored, (k, z) = irbc.solve(irreversible=False), box(1_000)
    truth = stored.policy(k, z).k_next

    def error(n, rule="hermite", nodes=2):
        solution = irbc_iteration.compute(stored.model, n, rule, nodes)
        return np.abs(solution.policy(k, z).k_next / truth - 1).mean()

    errors = [error(n) for n in (3, 4, 5)]
    # Measured: 8.2e-5, 7.5e-6, 9.9e-8; then 2.8e-8 and 3.8e-10 with n = 6 and 7, and the stored solution has n = 8.
    assert errors[0] < 1e-4
    assert errors[1] < errors[0] / 5
    assert errors[2] < errors[0] / 300
    # The quadrature of the specification, six points of degree three, is not what limits the accuracy.
    assert error(5, "monomial", 0) == pytest.approx(errors[2], rel=0.05)


@pytest.mark.parametrize("irreversible", [False, True])
def test_the_stored_policies_are_feasible_and_complementary(irreversible):
    solution, (k, z) = irbc.solve(irreversible), box(1_000)
    m, p = solution.model, solution.policy(k, z)
    assert p.step < 1e-12  # the inner Newton's method is at rounding
    have = m.A * np.exp(z) * k**m.zeta + (1 - m.delta) * k
    spent = p.k_next + m.kappa / 2 * k * (p.k_next / k - 1) ** 2 + m.consumption(np.log(p.lam))
    np.testing.assert_allclose(have.sum(-1), spent.sum(-1), rtol=1e-13)
    invested = p.k_next / k - (1 - m.delta)
    if irreversible:
        assert (p.mu >= 0).all()
        assert (invested > -1e-14).all()
        assert np.abs(p.mu * invested).max() < 1e-14
        # Published with the sparse grid: the limit binds for 25 to 28 per cent of states and countries on this box.
        assert 0.25 < (p.mu > 0).mean() < 0.28
    else:
        assert (p.mu == 0).all()
        assert (invested < 0).any()  # so the limit would matter


@pytest.mark.parametrize(("irreversible", "mean", "largest"), [(False, 2e-10, 1e-9), (True, 4e-6, 3e-5)])
def test_the_stored_policies_solve_the_euler_equations(irreversible, mean, largest):
    solution, (k, z) = irbc.solve(irreversible), box(150, seed=1)
    # Five nodes in each of three shocks, which is not the quadrature of the solution.
    error = np.abs(solution.euler_error(k, z, nodes=5 if not irreversible else 3))
    assert error.mean() < mean
    assert error.max() < largest


@pytest.mark.slow
def test_the_irreversible_model_converges_to_the_stored_solution():
    stored, (k, z) = irbc.solve(irreversible=True), box(1_000)
    truth, start, errors = stored.policy(k, z).k_next, None, []
    for n in (5, 7, 9):
        solution = irbc_iteration.compute(stored.model, n, "hermite", 3, tol=1e-7, start=start)
        start = solution.coefficients
        errors.append(np.abs(solution.policy(k, z).k_next / truth - 1).mean())
    # Measured: 1.6e-4, 7.7e-5, 3.6e-5, then 1.7e-5 and 9.3e-6 with n = 11 and 13: two nodes more halve the error.
    # The stored solution has n = 17, so that its own error is near 5e-6.
    assert all(b < 0.65 * a for a, b in itertools.pairwise(errors))
    assert errors[-1] < 6e-5
