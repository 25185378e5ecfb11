"""Krusell and Smith's economy by their own algorithm: a forecasting rule, endogenous gridpoints and a histogram.

    c + k' = R k + y_e(Z),   k' >= 0,   1/c >= beta E [R' / c'],   with equality where k' > 0
    ln K' = a_Z + b_Z ln K                                                        (the rule households forecast with)
    R = 1 - delta + alpha Z (K / L)^(alpha-1),   w = (1-alpha) Z (K / L)^alpha,   L = hours (1 - u_Z)

Given the rule, the Euler equation at every k' of a fixed grid gives c and with it the k that it belongs to; given the
policy, the distribution of (k, e) moves by Young's lottery along a given path of Z; the rule is estimated again, until
it reproduces itself. Everything between nodes is linear; the errors fall with the square of the spacing.

References
----------
Krusell, P. and Smith, A. (1998). Income and wealth heterogeneity in the macroeconomy. Journal of Political Economy 106.
Den Haan, W., Judd, K. and Juillard, M. (2010). Computational suite of models with heterogeneous agents: incomplete
markets and aggregate uncertainty. Journal of Economic Dynamics and Control 34, 1-3 (the calibration).
Young, E. (2010). Solving the incomplete markets model with aggregate uncertainty. Same issue, 36-41.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

# rows and columns (Z, e) = (bad, without work), (bad, at work), (good, without), (good, at work), as published
JOINT = np.array([
    [0.525, 0.35, 0.03125, 0.09375],
    [0.038889, 0.836111, 0.002083, 0.122917],
    [0.09375, 0.03125, 0.291667, 0.583333],
    [0.009115, 0.115885, 0.024306, 0.850694],
])  # fmt: skip


@dataclass(frozen=True)
class KrusellSmith:
    """Parameters of Den Haan, Judd and Juillard (2010), and the grids."""

    alpha: float = 0.36
    beta: float = 0.99
    delta: float = 0.025
    hours: float = 1 / 0.9
    benefit: float = 0.15
    Z: tuple[float, float] = (0.99, 1.01)
    u: tuple[float, float] = (0.10, 0.04)
    points: int = 400
    top: float = 250.0
    aggregate: int = 12
    grid: np.ndarray = field(init=False, repr=False, compare=False)
    K: np.ndarray = field(init=False, repr=False, compare=False)
    P: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "grid", self.top * np.linspace(0, 1, self.points) ** 3)
        object.__setattr__(self, "K", np.exp(np.linspace(np.log(31.0), np.log(49.0), self.aggregate)))
        P, u = JOINT.reshape(2, 2, 2, 2) / JOINT.sum(1).reshape(2, 2, 1, 1), self.u
        for z in range(2):
            for z1 in range(2):  # the published digits are rounded: make the shares without work exact
                P[z, 0, z1] *= JOINT[2 * z, 2 * z1 : 2 * z1 + 2].sum().round(3) / P[z, 0, z1].sum()
                total, out = P[z, 0, z1].sum(), P[z, 0, z1, 0]
                lost = (u[z1] * total - u[z] * out) / (1 - u[z])
                P[z, 1, z1] = lost, total - lost
        object.__setattr__(self, "P", P)

    def prices(self, K: np.ndarray, z: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Gross return, and income by employment on a first axis."""
        Z, u = np.array(self.Z)[z], np.array(self.u)[z]
        ratio = K / (self.hours * (1 - u))
        w = (1 - self.alpha) * Z * ratio**self.alpha
        after_tax = self.hours - self.benefit * u / (1 - u)
        return 1 - self.delta + self.alpha * Z * ratio ** (self.alpha - 1), np.stack([self.benefit * w, after_tax * w])

    def between(self, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index of the node of K below, and the weight of the next one."""
        j = np.clip(np.searchsorted(self.K, K, "right") - 1, 0, self.aggregate - 2)
        return j, (K - self.K[j]) / (self.K[j + 1] - self.K[j])

    def households(self, rule: np.ndarray, c: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
        """Consumption (Z, e, K, k) given the rule, by endogenous gridpoints."""
        for _ in range(5_000):
            new = np.empty_like(c)
            for z in range(2):
                marginal = np.zeros((2, self.aggregate, self.points))
                K1 = np.exp(rule[z, 0] + rule[z, 1] * np.log(self.K))
                j, t = self.between(K1)
                for z1 in range(2):
                    c1 = (1 - t[:, None]) * c[z1][:, j] + t[:, None] * c[z1][:, j + 1]  # (e', K, k')
                    R1 = self.prices(K1, z1)[0][:, None]
                    marginal += self.beta * np.einsum("ef,fKk->eKk", self.P[z, :, z1], R1 / c1)
                R, y = self.prices(self.K, z)
                for e in range(2):
                    for i in range(self.aggregate):
                        cash = self.grid + 1 / marginal[e, i]
                        have = R[i] * self.grid + y[e, i]
                        new[z, e, i] = have - np.interp(have, cash, self.grid)  # below the first node k' = 0
            change, c = np.abs(new / c - 1).max(), new
            if change < tolerance:
                return c
        raise RuntimeError(f"Consumption still moves by {change:.1e} after 5,000 steps.")

    def simulate(self, c: np.ndarray, z: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean capital (periods + 1, paths) along z (periods, paths), and the last histograms (paths, e, k)."""
        paths, mass, K = np.arange(z.shape[1]), first, np.empty((len(z) + 1, z.shape[1]))
        K[0] = (mass * self.grid).sum((1, 2))
        for t in range(len(z)):
            j, weight = (v[:, None, None] for v in self.between(K[t]))
            now = z[t]
            spent = (1 - weight) * c[now, :, j[:, 0, 0]] + weight * c[now, :, j[:, 0, 0] + 1]
            R, y = self.prices(K[t], now)
            k1 = np.clip(R[:, None, None] * self.grid + y.T[..., None] - spent, 0, self.top)
            low = np.clip(np.searchsorted(self.grid, k1, "right") - 1, 0, self.points - 2)
            up = (k1 - self.grid[low]) / np.diff(self.grid)[low]
            moved = np.zeros_like(mass)
            cell = (paths[:, None, None] * 2 + np.arange(2)[:, None]) * self.points + low
            for index, part in ((cell, 1 - up), (cell + 1, up)):
                moved += np.bincount(index.ravel(), (mass * part).ravel(), mass.size).reshape(mass.shape)
            z1 = z[min(t + 1, len(z) - 1)]
            step = self.P[now, :, z1] / self.P[now, :, z1].sum(-1, keepdims=True)
            mass = np.einsum("pef,pek->pfk", step, moved)
            K[t + 1] = (mass * self.grid).sum((1, 2))
        return K, mass


@dataclass(frozen=True)
class KrusellSmithSolution:
    """The rule (Z, [a, b]), its R² by Z, consumption, and the simulation it comes from (z, K, the last histograms)."""

    model: KrusellSmith
    rule: np.ndarray
    R2: np.ndarray
    consumption: np.ndarray
    z: np.ndarray
    K: np.ndarray
    mass: np.ndarray


def regression(K: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of ln K' on ln K for each Z, and R²; K (periods + 1, paths) and z (periods, paths)."""
    rule, R2 = np.empty((2, 2)), np.empty(2)
    for i in range(2):
        x, y = np.log(K[:-1][z == i]), np.log(K[1:][z == i])
        rule[i, 1] = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
        rule[i, 0] = y.mean() - rule[i, 1] * x.mean()
        R2[i] = 1 - np.var(y - rule[i, 0] - rule[i, 1] * x) / np.var(y)
    return rule, R2


@lru_cache(maxsize=4)
def solve(
    model: KrusellSmith | None = None, paths: int = 20, periods: int = 1_500, seed: int = 0
) -> KrusellSmithSolution:
    """Solve the economy; raises if the rule does not reproduce itself to 1e-6 in 60 rounds."""
    m, rng = model or KrusellSmith(), np.random.default_rng(seed)
    z = np.empty((periods, paths), dtype=int)
    z[0] = rng.integers(0, 2, paths)
    for t in range(1, periods):
        z[t] = np.where(rng.random(paths) < 0.875, z[t - 1], 1 - z[t - 1])
    k = m.grid
    mass = np.exp(-(((k - 38.0) / 20.0) ** 2)) * np.gradient(k)
    mass = (mass / mass.sum())[None, None] * np.stack([np.array(m.u)[z[0]], 1 - np.array(m.u)[z[0]]], 1)[..., None]
    rule = np.array([[0.08, 0.977], [0.10, 0.974]])
    c = np.broadcast_to(0.01 * k + 2.0, (2, 2, m.aggregate, m.points)).copy()
    for _ in range(60):
        c = m.households(rule, c)
        K, mass = m.simulate(c, z, mass)  # from where the last simulation ended: the burn-in grows with the rounds
        new, R2 = regression(K[200:], z[200:])
        change = np.abs((new - rule) @ np.array([1.0, np.log(39.0)])).max() + np.abs(new - rule)[:, 1].max()
        rule = 0.7 * rule + 0.3 * new  # more of the new rule would overshoot and diverge
        if change < 1e-5:
            return KrusellSmithSolution(m, rule, R2, c, z, K, mass)
    raise RuntimeError(f"The rule still moves by {change:.1e} after 60 rounds.")
