"""Income fluctuations with a borrowing limit (Deaton 1991; Aiyagari 1994, the household's side).

    max E Σ βᵗ u(cₜ),   u(c) = c^(1-γ) / (1-γ)
    c + a' = x,   a' ≥ 0,   x' = R a' + y'
    log y follows a Markov chain: Rouwenhorst's approximation of an AR(1)

    u'(c) ≥ β R E[ u'(c') ],   with equality where a' > 0

The unknown is the consumption the Euler equation wants, e = (β R E[ c'^(-γ) ])^(-1/γ); then c = min(e, x), and the
limit binds exactly. Interest and income are given (partial equilibrium), and βR < 1.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.model import Model
from ceteris.equilibrium.shocks import Markov
from ceteris.nets.heads import positive


class ConsumptionSaving(Model):
    """A household that saves against bad times.

    Parameters
    ----------
    beta, R, gamma : float
        Discount factor, gross interest rate, relative risk aversion.
    rho, sigma : float
        Persistence and standard deviation of the innovations of log income.
    incomes : int
        States of the income chain.
    """

    beta: float = 0.95
    R: float = 1.02
    gamma: float = 2.0
    rho: float = 0.9
    sigma: float = 0.1
    incomes: int = 7

    ranges: ClassVar = {
        "beta": (0, 1), "R": (0, np.inf), "gamma": (0, np.inf), "rho": (-1, 1), "sigma": (0, np.inf),
        "incomes": (1, np.inf),
    }  # fmt: skip

    widths: ClassVar = (24, 24)
    tolerance: ClassVar = (1e-5, 1e-3)

    def __check_init__(self):
        if isinstance(self.beta * self.R, float) and self.beta * self.R >= 1:
            raise ValueError(
                f"ConsumptionSaving: beta R is {self.beta * self.R:g}, but must be below 1, or assets grow without "
                "bound; lower beta or R."
            )

    def income(self):
        spread = jnp.sqrt((self.incomes - 1) / (1 - self.rho**2)) * self.sigma
        return jnp.exp(spread * jnp.linspace(-1.0, 1.0, self.incomes))

    def shocks(self):
        return {"y": Markov(rouwenhorst(self.incomes, self.rho), state="y")}

    def outputs(self):
        return {"wish": ()}

    def actions(self, raw, s):
        wish = s.x * positive(raw.wish)
        return {"wish": wish, "c": jnp.minimum(wish, s.x), "a": jnp.maximum(s.x - wish, 0.0)}

    def move(self, s, a, shock):
        return {"x": self.R * a.a + self.income()[shock.y], "y": shock.y}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: self.beta * self.R * (a1.c / a.wish) ** -self.gamma)
        return {"euler": value ** (-1 / self.gamma) - 1}

    def inputs(self, s):
        return jnp.stack([jnp.log(s.x), jnp.log(self.income()[s.y])])

    def start(self, key):
        y, a = jr.split(key)
        i = jr.randint(y, (), 0, self.incomes)
        return {"x": self.income()[i] + jr.uniform(a), "y": i}

    def box(self):
        y = self.income()
        return {"x": (y[0], 4 * y[-1])}


def rouwenhorst(n: int, rho: float):
    """The transition matrix of an n-state chain with autocorrelation rho (Kopecky and Suen 2010)."""
    p = (1 + rho) / 2
    P = jnp.ones((1, 1))
    for m in range(1, n):
        Z = jnp.zeros((m + 1, m + 1))
        P = (
            Z.at[:m, :m].add(p * P).at[:m, 1:].add((1 - p) * P).at[1:, :m].add((1 - p) * P).at[1:, 1:].add(p * P)
            / jnp.ones(m + 1).at[1:-1].set(2.0)[:, None]
        )
    return P
