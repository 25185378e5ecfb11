"""Many Lucas trees with mean-reverting dividend shares (Lucas 1978; shares as in Santos and Veronesi 2006).

Consumption C is the sum of all dividends D_i = s_i C. With C' = C e^g' and prices in units of
consumption, v = P / C,

    v_i = β E[ e^((1-γ) g') (v'_i + s'_i) ],   i = 1, ..., N
    s'_i = s̄ + φ (s_i - s̄) + ν s_i (η_i - Σ_j s_j η_j),   s̄ = 1/N
    g' = (1-ρ) μ + ρ g + σ ε

The shocks to shares have mean zero and sum to zero. Closed form for γ = 1, whatever g does:

    v_i = s̄ β / (1-β) + (s_i - s̄) βφ / (1-βφ).
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.model import Model
from ceteris.equilibrium.shocks import Normal
from ceteris.nets.heads import positive


class LucasTrees(Model):
    """Prices of N trees: functional equations that are not Euler equations of a choice.

    Parameters
    ----------
    beta : float
        Discount factor.
    gamma : float
        Relative risk aversion.
    phi : float
        Persistence of dividend shares.
    nu : float
        Volatility of dividend shares.
    mu : float
        Mean of consumption growth.
    rho : float
        Persistence of consumption growth.
    sigma : float
        Standard deviation of the innovations of consumption growth.
    trees : int
        How many trees there are.
    """

    beta: float = 0.96
    gamma: float = 1.0
    phi: float = 0.9
    nu: float = 0.1
    mu: float = 0.02
    rho: float = 0.3
    sigma: float = 0.02
    trees: int = 4

    ranges: ClassVar = {
        "beta": (0, 1), "gamma": (0, np.inf), "phi": (-1, 1), "nu": (0, 0.25), "rho": (-1, 1), "sigma": (0, np.inf),
        "trees": (0, np.inf),
    }  # fmt: skip

    def shocks(self):
        return {"eta": Normal((self.trees,)), "eps": Normal()}

    def outputs(self):
        return {"v": (self.trees,)}

    def actions(self, raw, s):
        return {"v": self.beta / (1 - self.beta) / self.trees * positive(jnp.log(jnp.e - 1) + raw.v)}

    def move(self, s, a, shock):
        mean = 1 / self.trees
        shares = mean + self.phi * (s.share - mean) + self.nu * s.share * (shock.eta - s.share @ shock.eta)
        return {"share": shares, "g": (1 - self.rho) * self.mu + self.rho * s.g + self.sigma * shock.eps}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: self.beta * jnp.exp((1 - self.gamma) * s1.g) * (a1.v + s1.share))
        return {"price": value / a.v - 1}

    def start(self, key):
        return {"share": jr.dirichlet(key, jnp.full(self.trees, 50.0)), "g": self.mu}

    def steady_state(self):
        return {"share": jnp.full(self.trees, 1 / self.trees), "g": self.mu}

    def admissible(self, s):
        return jnp.all(s.share > 0)

    def definitions(self, s, a):
        return {"market": a.v.sum(), "price_dividend": a.v / s.share}

    def truth(self, s):
        if self.gamma != 1:
            return None
        mean = 1 / self.trees
        temporary = self.beta * self.phi / (1 - self.beta * self.phi)
        return {"v": mean * self.beta / (1 - self.beta) + (s.share - mean) * temporary}
