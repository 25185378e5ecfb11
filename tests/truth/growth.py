"""Stochastic growth by collocation: consumption to nine digits, as a truth for faster and rougher solvers.

    max E sum b^t u(C),   u'(C) = C^-gamma,   K' + C = z K^a + (1 - d) K,   ln z' = rho ln z + s e,   e ~ N(0, 1)

    C^-gamma = b E [C'^-gamma (a z' K'^(a - 1) + 1 - d)]                                       (Euler)

ln C is a tensor product of Chebyshev polynomials in (ln K, ln z); Newton's method, with the exact Jacobian, sets the
logarithm of the Euler equation to zero at the Chebyshev nodes, with Gauss-Hermite nodes for e. The box is far larger
than what is visited (ln z within 7 standard deviations), so that what happens at its edges, where polynomials
extrapolate, does not reach the ergodic set. With d = 1 and gamma = 1 the answer is C = (1 - a b) z K^a, a polynomial
of degree one in these coordinates.

References
----------
Judd, K. (1992). Projection methods for solving aggregate growth models. Journal of Economic Theory 58, 410-452.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import chebyshev, hermite_e


@dataclass(frozen=True)
class Growth:
    """Parameters of the economy and the box around its steady state, in logarithms: half widths of ln K and ln z."""

    a: float = 0.36
    b: float = 0.99
    d: float = 0.1
    gamma: float = 1.0
    rho: float = 0.9
    s: float = 0.04
    width_k: float = 1.0
    deviations: float = 7.0

    @property
    def k_star(self) -> float:
        """Deterministic steady state: a k^(a - 1) = 1 / b - 1 + d."""
        return ((1 / self.b - 1 + self.d) / self.a) ** (1 / (self.a - 1))

    @property
    def width_z(self) -> float:
        return self.deviations * self.s / np.sqrt(1 - self.rho**2)

    def cash(self, K: np.ndarray, ln_z: np.ndarray) -> np.ndarray:
        """What there is to consume or to keep."""
        return np.exp(ln_z) * K**self.a + (1 - self.d) * K

    def returns(self, K: np.ndarray, ln_z: np.ndarray) -> np.ndarray:
        return self.a * np.exp(ln_z) * K ** (self.a - 1) + 1 - self.d


@dataclass(frozen=True)
class GrowthSolution:
    """Consumption, next period's capital and Euler errors as functions of K and ln z, of any shapes that broadcast.

    Outside the box the polynomial is extrapolated and not to be trusted; `largest_residual` is what Newton left.
    """

    model: Growth
    coefficients: np.ndarray
    largest_residual: float

    def consumption(self, K: np.ndarray, ln_z: np.ndarray) -> np.ndarray:
        x, y = np.broadcast_arrays(*scaled(self.model, np.log(K), np.asarray(ln_z, dtype=float)))
        return np.exp(chebyshev.chebval2d(x, y, self.coefficients))

    def next_capital(self, K: np.ndarray, ln_z: np.ndarray) -> np.ndarray:
        return self.model.cash(K, ln_z) - self.consumption(K, ln_z)

    def euler_error(self, K: np.ndarray, ln_z: np.ndarray, nodes: int = 21) -> np.ndarray:
        """Consumption by the right side of the Euler equation over consumption by the policy, minus one."""
        m, (e, w) = self.model, normal_rule(nodes)
        K_next = np.asarray(self.next_capital(K, ln_z))[..., None]
        z_next = m.rho * np.asarray(ln_z)[..., None] + m.s * e
        mean = (self.consumption(K_next, z_next) ** -m.gamma * m.returns(K_next, z_next)) @ w
        return (m.b * mean) ** (-1 / m.gamma) / self.consumption(K, ln_z) - 1

    def simulate(self, periods: int, seed: int = 0, burn_in: int = 500) -> tuple[np.ndarray, np.ndarray]:
        """K and ln z of one path, each of shape (periods,), from the steady state after a burn-in."""
        m, shocks = self.model, np.random.default_rng(seed).standard_normal(burn_in + periods)
        K, ln_z, path = m.k_star, 0.0, np.empty((burn_in + periods, 2))
        for t, e in enumerate(shocks):
            path[t] = K, ln_z
            K, ln_z = float(self.next_capital(K, ln_z)), m.rho * ln_z + m.s * e
        return path[burn_in:, 0], path[burn_in:, 1]

    @cached_property
    def path(self) -> tuple[np.ndarray, np.ndarray]:
        """Ten thousand periods of the ergodic set."""
        return self.simulate(10_000)


def scaled(m: Growth, ln_K: np.ndarray, ln_z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the box, in [-1, 1]."""
    return (ln_K - np.log(m.k_star)) / m.width_k, ln_z / m.width_z


def normal_rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Hermite nodes and weights of the standard normal."""
    e, w = hermite_e.hermegauss(nodes)
    return e, w / w.sum()


def slope_basis(x: np.ndarray, degree: int) -> np.ndarray:
    """Derivatives of the Chebyshev polynomials up to a degree, shape (..., degree + 1)."""
    return np.moveaxis(chebyshev.chebval(x, chebyshev.chebder(np.eye(degree + 1))), 0, -1)


def _euler(m: Growth, grid: tuple, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln C + ln(b E[...]) / gamma at the nodes, and its Jacobian in the coefficients."""
    ln_K, ln_z, here, next_z, w, basis_z = grid
    degree = coefficients.shape[0] - 1
    C = np.exp(here @ coefficients.ravel())
    K_next = m.cash(np.exp(ln_K), ln_z) - C
    if not (K_next > 0).all():
        return np.full(len(C), np.inf), here
    x = scaled(m, np.log(K_next), ln_z)[0]
    basis, slopes = chebyshev.chebvander(x, degree), slope_basis(x, degree) / m.width_k
    of_z = basis_z @ coefficients.T  # (points, nodes, degree of K)
    ln_C_next, elasticity = np.einsum("pqa,pa->pq", of_z, basis), np.einsum("pqa,pa->pq", of_z, slopes)
    R = m.returns(K_next[:, None], next_z)
    terms = w * np.exp(-m.gamma * ln_C_next) * R
    mean = terms.sum(1)
    share = terms / mean[:, None]
    # What one per cent more consumption today does: K' falls by C / K' per cent, which moves C' and R'.
    d_ln_R = (R - 1 + m.d) * (m.a - 1) / R
    through_K = (share * (d_ln_R / m.gamma - elasticity)).sum(1) * -C / K_next
    direct = np.einsum("pa,pb->pab", basis, np.einsum("pq,pqb->pb", share, basis_z)).reshape(len(C), -1)
    residual = np.log(C) + np.log(m.b * mean) / m.gamma
    return residual, (1 + through_K)[:, None] * here - direct


def _newton(m: Growth, grid: tuple, coefficients: np.ndarray, tolerance: float = 1e-13) -> tuple[np.ndarray, float]:
    residual, jacobian = _euler(m, grid, coefficients)
    for _ in range(40):
        step = np.linalg.solve(jacobian, residual).reshape(coefficients.shape)
        for t in 0.5 ** np.arange(12):
            trial, slope = _euler(m, grid, coefficients - t * step)
            if np.abs(trial).max() < np.abs(residual).max():
                break
        else:  # rounding: no step improves any more
            break
        coefficients, residual, jacobian = coefficients - t * step, trial, slope
        if np.abs(residual).max() < tolerance:
            break
    return coefficients, float(np.abs(residual).max())


def _grid(m: Growth, degree: int, nodes: int) -> tuple:
    x = chebyshev.chebpts1(degree + 1)
    X, Y = (g.ravel() for g in np.meshgrid(x, x, indexing="ij"))
    e, w = normal_rule(nodes)
    ln_z = Y * m.width_z
    next_z = m.rho * ln_z[:, None] + m.s * e
    here = chebyshev.chebvander2d(X, Y, [degree, degree])
    basis_z = chebyshev.chebvander(next_z / m.width_z, degree)
    return np.log(m.k_star) + X * m.width_k, ln_z, here, next_z, w, basis_z


@lru_cache(maxsize=16)
def solve(model: Growth | None = None, degree: int = 16, nodes: int = 13) -> GrowthSolution:
    """Solve the economy; raises if Newton's method does not reach 1e-10 in the logarithm of the Euler equation."""
    m = model or Growth()
    grid = _grid(m, degree, nodes)
    ln_K, ln_z, here = grid[:3]
    # Start: the steady state's saving share on top of what depreciates, which is feasible everywhere.
    k = m.k_star
    start = np.log(1 - m.d * k / k**m.a) + ln_z + m.a * ln_K
    first = np.linalg.solve(here, start).reshape(degree + 1, degree + 1)
    coefficients, largest = _newton(m, grid, first)
    if not largest < 1e-10:
        raise RuntimeError(f"Newton's method stopped at a residual of {largest:.1e}; try a lower degree or box.")
    return GrowthSolution(m, coefficients, largest)
