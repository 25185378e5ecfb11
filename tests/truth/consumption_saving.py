"""Income fluctuations with a borrowing limit, by endogenous gridpoints: consumption and where the limit begins to bind.

    max E sum beta^t u(c_t),   u'(c) = c^-gamma,   c + a' = m,   m' = R a' + y(s'),   a' >= limit
    c^-gamma >= beta R E [c'^-gamma | s],   with equality where a' > limit                              (Euler)

m is cash on hand, y = exp(x) income, x an AR(1) with innovations of standard deviation sigma, as a Markov chain s of
Rouwenhorst's. For every a' of a fixed grid the Euler equation gives c, and m = c + a' is the grid point that belongs
to it: no root is searched. Between grid points c is linear, below the first one c = m - limit. So the first grid
point is the kink: below it the limit binds. The error of linear interpolation falls with the square of the spacing.

With constant income (`income=(1.0,)`, `transition=((1.0,),)`) and beta R < 1 the answer is known: c is piecewise
linear, and in the piece where the limit first binds in n periods it follows from the piece of n - 1; see the test.

References
----------
Carroll, C. (2006). The method of endogenous gridpoints for solving dynamic stochastic optimization problems.
Economics Letters 91, 312-320.
Kopecky, K. and Suen, R. (2010). Finite state Markov-chain approximations to highly persistent processes. Review of
Economic Dynamics 13, 701-714.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


def rouwenhorst(rho: float, sigma: float, states: int) -> tuple[np.ndarray, np.ndarray]:
    """Markov chain for x' = rho x + sigma e: values (states,), evenly spaced around zero, and rows of transition.

    Its autocorrelation and standard deviation sigma / sqrt(1 - rho^2) are exact.
    """
    p, P = (1 + rho) / 2, np.ones((1, 1))
    for _ in range(states - 1):
        low, high = np.pad(P, (0, 1)), np.pad(P, (1, 0))  # P in the first, and in the last, corner
        up, down = np.pad(P, ((0, 1), (1, 0))), np.pad(P, ((1, 0), (0, 1)))
        P = p * (low + high) + (1 - p) * (up + down)
        P[1:-1] /= 2
    edge = sigma / np.sqrt(1 - rho**2) * np.sqrt(states - 1)
    return np.linspace(-edge, edge, states), P


@dataclass(frozen=True)
class ConsumptionSaving:
    """Parameters; `income` and `transition` as tuples, or None for Rouwenhorst's chain of `states` states."""

    beta: float = 0.95
    R: float = 1.02
    gamma: float = 2.0
    rho: float = 0.9
    sigma: float = 0.1
    states: int = 7
    limit: float = 0.0
    income: tuple[float, ...] | None = None
    transition: tuple[tuple[float, ...], ...] | None = None

    def chain(self) -> tuple[np.ndarray, np.ndarray]:
        """Income (states,) and its transition matrix."""
        if self.income is not None:
            return np.array(self.income), np.array(self.transition)
        x, P = rouwenhorst(self.rho, self.sigma, self.states)
        return np.exp(x), P


@dataclass(frozen=True)
class ConsumptionSavingSolution:
    """Consumption as a function of cash on hand and income state; `kink[s]`: the largest cash at which a' = limit.

    `cash` and `spent`, shape (states, points), are the grid; beyond its last point consumption goes on linearly.
    """

    model: ConsumptionSaving
    cash: np.ndarray
    spent: np.ndarray
    kink: np.ndarray
    last_change: float

    def consumption(self, cash: np.ndarray, state: np.ndarray) -> np.ndarray:
        cash, state = np.broadcast_arrays(np.asarray(cash, dtype=float), state)
        c = np.empty(cash.shape)
        for s in range(len(self.cash)):
            at = state == s
            c[at] = interpolate(cash[at], self.cash[s], self.spent[s])
        return np.minimum(c, cash - self.model.limit)

    def next_assets(self, cash: np.ndarray, state: np.ndarray) -> np.ndarray:
        return np.asarray(cash) - self.consumption(cash, state)

    def euler_error(self, cash: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Consumption by the Euler equation, cut at the limit, over consumption by the policy, minus one."""
        cash, state = np.broadcast_arrays(np.asarray(cash, dtype=float), state)
        m, (y, P) = self.model, self.model.chain()
        c = self.consumption(cash, state)
        c_next = self.consumption(m.R * (cash - c)[..., None] + y, np.arange(len(y)))
        wanted = (m.beta * m.R * (P[state] * c_next**-m.gamma).sum(-1)) ** (-1 / m.gamma)
        return np.minimum(wanted, cash - m.limit) / c - 1

    def simulate(self, periods: int, seed: int = 0, burn_in: int = 500) -> tuple[np.ndarray, np.ndarray]:
        """Cash on hand and income state of one household, each of shape (periods,)."""
        (y, P), u = self.model.chain(), np.random.default_rng(seed).random(burn_in + periods)
        rows, a, s = P.cumsum(1), max(0.0, self.model.limit), len(y) // 2
        cash, states = np.empty(len(u)), np.empty(len(u), dtype=int)
        for t in range(len(u)):
            s = min(int(np.searchsorted(rows[s], u[t])), len(y) - 1)
            cash[t], states[t] = self.model.R * a + y[s], s
            a = cash[t] - min(interpolate(cash[t], self.cash[s], self.spent[s]), cash[t] - self.model.limit)
        return cash[burn_in:], states[burn_in:]


def interpolate(x: np.ndarray, grid: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation, continued along the last segment; below the grid the first value."""
    top = values[-1] + (values[-1] - values[-2]) / (grid[-1] - grid[-2]) * (x - grid[-1])
    return np.where(x > grid[-1], top, np.interp(x, grid, values))


def _step(m: ConsumptionSaving, assets: np.ndarray, cash: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """Consumption (states, points) that the Euler equation asks for today if a' = assets, given the policy tomorrow."""
    y, P = m.chain()
    marginal = np.empty((len(y), len(assets)))
    for s in range(len(y)):
        cash_next = m.R * assets + y[s]
        c_next = np.minimum(interpolate(cash_next, cash[s], spent[s]), cash_next - m.limit)
        marginal[s] = c_next**-m.gamma
    return (m.beta * m.R * P @ marginal) ** (-1 / m.gamma)


@lru_cache(maxsize=16)
def solve(
    model: ConsumptionSaving | None = None, points: int = 16_000, largest: float = 30.0, tolerance: float = 1e-13
) -> ConsumptionSavingSolution:
    """Solve on a grid of a' that is cubic, denser near the limit; raises if it does not settle in 5,000 steps."""
    m = model or ConsumptionSaving()
    if not m.beta * m.R < 1:
        raise ValueError(f"beta R = {m.beta * m.R:.4f} but must be below one, or savings grow for ever; lower R.")
    assets = m.limit + largest * np.linspace(0, 1, points) ** 3
    y, _ = m.chain()
    cash = np.tile(m.R * assets, (len(y), 1)) + y[:, None]
    spent = cash - m.limit  # start: the last period of life
    for _ in range(5_000):
        new = _step(m, assets, cash, spent)
        change = float(np.abs(new / spent - 1).max())
        cash, spent = assets + new, new
        if change < tolerance:
            return ConsumptionSavingSolution(m, cash, spent, cash[:, 0].copy(), change)
    raise RuntimeError(f"The policy still moves by {change:.1e} after 5,000 steps; raise the tolerance.")
