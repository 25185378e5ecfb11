"""Two countries, one complete market, smooth or irreversible investment: a global solution by time iteration.

    z_j' = rho z_j + sigma (e_j + e),   c_j = (lambda / tau_j)^(-gamma_j),   elasticities gamma = (1/4, 1)
    sum_j  A exp(z_j) k_j^zeta + (1 - delta) k_j - k_j' - kappa/2 k_j (k_j'/k_j - 1)^2 - c_j  =  0        (resources)
    lambda (1 + kappa (k_j'/k_j - 1)) - mu_j  =  Phi_j(k', z)                                            (Euler)
    Phi_j(k', z)  =  beta E [lambda' MPK_j' - (1 - delta) mu_j' | z]
    MPK_j  =  1 - delta + zeta A exp(z_j) k_j^(zeta - 1) + kappa/2 ((k_j'/k_j)^2 - 1)
    irreversible:  mu_j >= 0,  k_j' >= (1 - delta) k_j,  one of them zero;      smooth:  mu_j = 0
    A = (1/beta - 1 + delta) / zeta,   tau_j = (A - delta)^(1/gamma_j): steady state k = lambda = 1, c = A - delta

What is approximated is ln Phi, the expected marginal value, and not the policy: policies have kinks where the limit
begins to bind, and the expectation smooths them away. Given Phi, the policy at a state is the maximum of a concave
programme, which Newton's method with an active set finds to rounding. ln Phi is a tensor product of Chebyshev
polynomials in (ln k', z). `irbc_iteration` computes the coefficients in minutes and stores them; `solve` reads them.

References
----------
Brumm, J. and Scheidegger, S. (2017). Using adaptive sparse grids to solve high-dimensional dynamic models.
Econometrica 85, 1575-1612.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.polynomial import hermite_e

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Irbc:
    """Parameters; half widths of the box of the polynomials in ln k and z, and how far beyond it they are trusted."""

    irreversible: bool = False
    beta: float = 0.99
    zeta: float = 0.36
    delta: float = 0.01
    rho: float = 0.95
    sigma: float = 0.01
    kappa: float = 0.5
    gamma: tuple[float, float] = (0.25, 1.0)
    width_k: float = 0.45
    width_z: float = 0.24
    reach: float = 1.0

    @property
    def A(self) -> float:
        return (1 / self.beta - 1 + self.delta) / self.zeta

    def consumption(self, ln_lambda: np.ndarray) -> np.ndarray:
        """Consumption of both countries, shape (..., 2)."""
        return (self.A - self.delta) * np.exp(-np.array(self.gamma) * np.asarray(ln_lambda)[..., None])

    def marginal_value(
        self, k: np.ndarray, z: np.ndarray, g: np.ndarray, lam: np.ndarray, mu: np.ndarray
    ) -> np.ndarray:
        """lambda MPK_j - (1 - delta) mu_j, what one more unit of k_j is worth if k_j'/k_j = g_j."""
        mpk = 1 - self.delta + self.zeta * self.A * np.exp(z) * k ** (self.zeta - 1) + self.kappa / 2 * (g**2 - 1)
        return lam[..., None] * mpk - (1 - self.delta) * mu


@dataclass(frozen=True)
class Policy:
    """Next capital (..., 2), lambda (...), multipliers mu (..., 2), and the last Newton step, which tells rounding."""

    k_next: np.ndarray
    lam: np.ndarray
    mu: np.ndarray
    step: float


@dataclass(frozen=True)
class IrbcSolution:
    """Policies as functions of k and z, shape (..., 2); `coefficients` of ln Phi_j: (2, z_1, z_2, k_1, k_2)."""

    model: Irbc
    coefficients: np.ndarray
    last_change: float

    def policy(self, k: np.ndarray, z: np.ndarray, block: int = 20_000) -> Policy:
        m = self.model
        k, z = (np.asarray(a, dtype=float) for a in np.broadcast_arrays(k, z))
        flat_k, flat_z = k.reshape(-1, 1, 2), z.reshape(-1, 1, 2)
        parts = []
        for i in range(0, len(flat_k), block):  # for memory: (degree + 1)^2 numbers a point
            here, there = flat_k[i : i + block], flat_z[i : i + block]
            at = at_shocks(m, self.coefficients, there[:, 0])
            v, l, step = choose(m, at, here, there)
            parts.append((here * np.exp(v), np.exp(l), multipliers(m, v, l, at, here), step))
        k_next, lam, mu, steps = zip(*parts, strict=True)
        k_next, mu = (np.concatenate(a).reshape(k.shape) for a in (k_next, mu))
        return Policy(k_next, np.concatenate(lam).reshape(k.shape[:-1]), mu, max(steps))

    def euler_error(self, k: np.ndarray, z: np.ndarray, nodes: int = 5) -> np.ndarray:
        """(beta E[...] + mu) / (lambda (1 + kappa (k'/k - 1))) - 1, (..., 2); Gauss-Hermite in all three shocks."""
        m, now, (e, w) = self.model, self.policy(k, z), hermite(nodes, 3)
        z_next = m.rho * np.asarray(z)[..., None, :] + m.sigma * (e[:, :2] + e[:, 2:])
        k_next = np.broadcast_to(now.k_next[..., None, :], z_next.shape)
        then = self.policy(k_next, z_next)
        value = m.marginal_value(k_next, z_next, then.k_next / k_next, then.lam, then.mu)
        price = now.lam[..., None] * (1 + m.kappa * (now.k_next / k - 1))
        return (m.beta * np.einsum("...qj,q->...j", value, w) + now.mu) / price - 1


def basis(x: np.ndarray, n: int, reach: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev polynomials at x (p, q) and their slopes, shape (p, n, q), linear outside [-reach, reach]."""
    inside = np.clip(x, -reach, reach)
    T, U = np.ones((2, len(x), n, x.shape[1]))  # of the first and of the second kind
    T[:, 1], U[:, 1] = inside, 2 * inside
    for i in range(2, n):
        T[:, i] = 2 * inside * T[:, i - 1] - T[:, i - 2]
        U[:, i] = 2 * inside * U[:, i - 1] - U[:, i - 2]
    slopes = np.arange(n)[:, None] * np.roll(U, 1, axis=1)  # T_n' = n U_(n - 1)
    return T + slopes * (x - inside)[:, None], slopes


def at_shocks(m: Irbc, coefficients: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Coefficients in k' of ln Phi_j at given shocks (points, 2): shape (2, points, k_2, k_1)."""
    n = coefficients.shape[1]
    one, two = (basis(z[:, i : i + 1] / m.width_z, n, m.reach)[0][..., 0] for i in (0, 1))
    both = (one[:, :, None] * two[:, None, :]).reshape(len(z), -1)
    return np.swapaxes((both @ coefficients.reshape(2, n * n, -1)).reshape(2, len(z), n, n), -1, -2).copy()


def expectations(m: Irbc, at: np.ndarray, ln_k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln Phi_j at next capital (p, q, 2), shape (p, q, 2), and its slopes in ln k_i', shape (p, q, 2, 2)."""
    (one, d_one), (two, d_two) = (basis(ln_k[..., i] / m.width_k, at.shape[-1], m.reach) for i in (0, 1))
    value, slopes = np.empty(ln_k.shape), np.empty((*ln_k.shape, 2))
    for j in (0, 1):
        half = at[j] @ one
        value[..., j] = (half * two).sum(1)
        slopes[..., j, 0] = (at[j] @ d_one * two).sum(1) / m.width_k
        slopes[..., j, 1] = (half * d_two).sum(1) / m.width_k
    return value, slopes


def multipliers(m: Irbc, v: np.ndarray, l: np.ndarray, at: np.ndarray, k: np.ndarray) -> np.ndarray:
    """mu_j = lambda (1 + kappa (k'/k - 1)) - Phi_j where the constraint binds, and zero elsewhere."""
    if not m.irreversible:
        return np.zeros(v.shape)
    phi = np.exp(expectations(m, at, np.log(k) + v)[0])
    gap = np.exp(l)[..., None] * (1 + m.kappa * (np.exp(v) - 1)) - phi
    return np.where(v < np.log(1 - m.delta) + 1e-12, np.maximum(gap, 0), 0.0)


def choose(
    m: Irbc, at: np.ndarray, k: np.ndarray, z: np.ndarray, start: tuple | None = None, steps: int = 60
) -> tuple[np.ndarray, np.ndarray, float]:
    """v = ln k'/k and l = ln lambda at states (p, q, 2), and the last step; Newton's method with an active set."""
    k, z = np.broadcast_arrays(k, z)
    ln_k, have = np.log(k), (m.A * np.exp(z) * k**m.zeta + (1 - m.delta) * k).sum(-1)
    v, l = start or (np.zeros(k.shape), np.zeros(k.shape[:-1]))
    floor = np.log(1 - m.delta)
    for _ in range(steps):
        g, c = np.exp(v), m.consumption(l)
        q, cost = 1 + m.kappa * (g - 1), m.kappa / 2 * (g - 1) ** 2
        spent = (k * (g + cost)).sum(-1) + c.sum(-1)
        slope_l = (np.array(m.gamma) * c).sum(-1)
        short = (spent - have) / slope_l
        ln_phi, slopes = expectations(m, at, ln_k + v)
        gap = l[..., None] + np.log(q) - ln_phi
        price = k * q * g / slope_l[..., None]
        # l follows from resources: dl = short + price dv. What remains are two equations in v.
        M = price[..., None, :] - slopes
        M += (m.kappa * g / q)[..., None] * np.eye(2)
        right = -(gap + short[..., None])
        if m.irreversible:
            binds = m.kappa * (v - floor) < gap
            M = np.where(binds[..., None], np.eye(2), M)
            right = np.where(binds, floor - v, right)
        det = M[..., 0, 0] * M[..., 1, 1] - M[..., 0, 1] * M[..., 1, 0]
        own, cross = np.stack([M[..., 1, 1], M[..., 0, 0]], -1), np.stack([M[..., 0, 1], M[..., 1, 0]], -1)
        dv = (own * right - cross * right[..., ::-1]) / det[..., None]
        dl = short + (price * dv).sum(-1)
        shrink = 1 / np.maximum(1, np.maximum(np.abs(dv).max(-1) / 0.1, np.abs(dl)))
        v, l = v + shrink[..., None] * dv, l + shrink * dl
        step = max(np.abs(dv).max(), np.abs(dl).max())
        if step < 1e-12:
            break
    return v, l, step


def hermite(nodes: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Product of Gauss-Hermite rules: nodes (n^d, d) and weights of the standard normal."""
    e, w = hermite_e.hermegauss(nodes)
    grid = np.stack(np.meshgrid(*[e] * dimensions, indexing="ij"), -1).reshape(-1, dimensions)
    weights = np.stack(np.meshgrid(*[w / w.sum()] * dimensions, indexing="ij"), -1).reshape(-1, dimensions)
    return grid, weights.prod(-1)


@lru_cache(maxsize=2)
def solve(irreversible: bool = False) -> IrbcSolution:
    """Read the stored solution of the smooth or of the irreversible model."""
    with np.load(FOLDER / f"irbc_{'irreversible' if irreversible else 'smooth'}.npz") as file:
        model = Irbc(irreversible, **{name: float(file[name]) for name in ("width_k", "width_z", "reach")})
        return IrbcSolution(model, file["coefficients"] * file["unit"], float(file["last_change"]))
