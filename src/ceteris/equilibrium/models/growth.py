"""Stochastic growth (Brock and Mirman 1972), with partial depreciation and CRRA utility.

    max E Σ βᵗ u(Cₜ),   u(C) = C^(1-γ) / (1-γ)
    C + K' = e^z K^α + (1-δ) K
    z' = ρ z + σ ε,   ε ~ N(0, 1)

    Euler equation:  C^(-γ) = β E[ C'^(-γ) (α e^z' K'^(α-1) + 1 - δ) ]

Closed form for γ = 1, δ = 1:  C = (1 - αβ) e^z K^α.

`GrowthLabour` adds hours N:  u = u(C) - χ N^(1+1/ν) / (1+1/ν),  output e^z K^α N^(1-α), and the condition
χ N^(1/ν) C^γ = (1-α) e^z (K/N)^α; χ is such that hours rest at one third.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp

from ceteris.equilibrium.conditions import euler
from ceteris.equilibrium.model import Model
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Normal
from ceteris.nets.heads import share


class Growth(Model):
    """Stochastic growth.

    Parameters
    ----------
    beta : float
        Discount factor.
    alpha : float
        Capital share.
    delta : float
        Depreciation of capital.
    gamma : float
        Relative risk aversion; 1 is log utility.
    rho : float
        Persistence of log productivity.
    sigma : float
        Standard deviation of the innovations of log productivity.

    Examples
    --------
    >>> round(Growth().steady_state()["k"], 5)
    6.36684
    """

    beta: float = 0.99
    alpha: float = 0.36
    delta: float = 0.1
    gamma: float = 1.0
    rho: float = 0.9
    sigma: float = 0.04

    ranges: ClassVar = {
        "beta": (0, 1), "alpha": (0, 1), "delta": (0, 1.0000001), "gamma": (0, jnp.inf), "rho": (-1, 1),
        "sigma": (0, jnp.inf),
    }  # fmt: skip

    def recipe(self):
        return Recipe(tolerance=(4e-8, 1e-6))

    def shocks(self):
        return {"eps": Normal()}

    def outputs(self):
        return {"share": ()}

    def resources(self, s):
        return jnp.exp(s.z) * s.k**self.alpha + (1 - self.delta) * s.k

    def gross_return(self, s):
        return self.alpha * jnp.exp(s.z) * s.k ** (self.alpha - 1) + 1 - self.delta

    def actions(self, raw, s):
        level = jnp.log(self.saving_rate() / (1 - self.saving_rate()))  # raw = 0 is the saving rate at rest
        k1 = share(level + raw.share) * self.resources(s)
        return {"k1": k1, "c": self.resources(s) - k1}

    def move(self, s, a, shock):
        return {"k": a.k1, "z": self.rho * s.z + self.sigma * shock.eps}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: self.beta * self.gross_return(s1) * (a1.c / a.c) ** -self.gamma)
        return {"euler": euler(1.0, value ** (-1 / self.gamma))}

    def inputs(self, s):
        return jnp.stack([jnp.log(s.k), s.z])

    def start(self, key):
        return self.steady_state()

    def steady_state(self):
        k = (self.alpha / (1 / self.beta - 1 + self.delta)) ** (1 / (1 - self.alpha))
        return {"k": k, "z": 0.0}

    def saving_rate(self):
        k = self.steady_state()["k"]
        return k / (k**self.alpha + (1 - self.delta) * k)

    def box(self):
        k, z = self.steady_state()["k"], 4.5 * self.sigma / jnp.sqrt(1 - self.rho**2)
        return {"k": (0.4 * k, 2.0 * k), "z": (-z, z)}

    def definitions(self, s, a):
        y = jnp.exp(s.z) * s.k**self.alpha
        return {"y": y, "i": y - a.c, "r": self.gross_return(s) - 1}

    def truth(self, s):
        if not (self.delta == 1 and self.gamma == 1):
            return None
        return {"c": (1 - self.alpha * self.beta) * jnp.exp(s.z) * s.k**self.alpha}


class GrowthLabour(Model):
    """Stochastic growth with elastic labour.

    Parameters
    ----------
    beta : float
        Discount factor.
    alpha : float
        Capital share.
    delta : float
        Depreciation of capital.
    gamma : float
        Relative risk aversion; 1 is log utility.
    rho : float
        Persistence of log productivity.
    sigma : float
        Standard deviation of the innovations of log productivity.
    nu : float
        Frisch elasticity of hours.
    """

    beta: float = 0.99
    alpha: float = 0.36
    delta: float = 0.025
    gamma: float = 1.0
    nu: float = 1.0
    rho: float = 0.95
    sigma: float = 0.007

    ranges: ClassVar = {**Growth.ranges, "nu": (0, jnp.inf)}

    def recipe(self):
        return Recipe(tolerance=(1e-7, 1e-5))

    def shocks(self):
        return {"eps": Normal()}

    def outputs(self):
        return {"c": (), "n": ()}

    def rest(self):
        """Capital, output and consumption at rest, with hours of one third, and χ."""
        n = 1 / 3
        k = n * (self.alpha / (1 / self.beta - 1 + self.delta)) ** (1 / (1 - self.alpha))
        y = k**self.alpha * n ** (1 - self.alpha)
        c = y - self.delta * k
        return k, y, c, (1 - self.alpha) * y / n / (n ** (1 / self.nu) * c**self.gamma)

    def output(self, s, n):
        return jnp.exp(s.z) * s.k**self.alpha * n ** (1 - self.alpha)

    def actions(self, raw, s):
        k, y, c, _ = self.rest()
        eaten = c / (y + (1 - self.delta) * k)
        n = share(raw.n - jnp.log(2.0))  # raw = 0 is one third
        resources = self.output(s, n) + (1 - self.delta) * s.k
        consumed = share(jnp.log(eaten / (1 - eaten)) + raw.c) * resources
        return {"c": consumed, "n": n, "k1": resources - consumed}

    def move(self, s, a, shock):
        return {"k": a.k1, "z": self.rho * s.z + self.sigma * shock.eps}

    def residuals(self, s, a, E):
        chi = self.rest()[3]

        def value(s1, a1):
            gross = self.alpha * self.output(s1, a1.n) / s1.k + 1 - self.delta
            return self.beta * gross * (a1.c / a.c) ** -self.gamma

        wage = (1 - self.alpha) * self.output(s, a.n) / a.n
        return {
            "euler": euler(1.0, E(value) ** (-1 / self.gamma)),
            "labour": chi * a.n ** (1 / self.nu) * a.c**self.gamma / wage - 1,
        }

    def inputs(self, s):
        return jnp.stack([jnp.log(s.k), s.z])

    def start(self, key):
        return self.steady_state()

    def steady_state(self):
        return {"k": self.rest()[0], "z": 0.0}

    def box(self):
        k, z = self.rest()[0], 4.5 * self.sigma / jnp.sqrt(1 - self.rho**2)
        return {"k": (0.6 * k, 1.5 * k), "z": (-z, z)}

    def definitions(self, s, a):
        y = self.output(s, a.n)
        return {"y": y, "i": y - a.c, "w": (1 - self.alpha) * y / a.n}
