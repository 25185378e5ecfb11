"""International real business cycles with complete markets (Brumm and Scheidegger 2017, section 4).

N countries with productivity z_j, capital k_j and a planner's multiplier λ on the world's resources:

    c_j = (λ / τ_j)^(-γ_j),   γ_j the intertemporal elasticity of substitution
    Σ_j [ e^z_j A k_j^ζ + (1-δ) k_j - k'_j - κ/2 k_j (k'_j/k_j - 1)² - c_j ] = 0
    λ (1 + κ (k'_j/k_j - 1)) - μ_j = β E[ λ' (1 - δ + ζ A e^z'_j k'_j^(ζ-1) + κ/2 ((k''_j/k'_j)² - 1)) - (1-δ) μ'_j ]
    z'_j = ρ z_j + σ (e_j + e),   e_j, e ~ N(0, 1)

``irreversible``: 0 ≤ μ_j ⊥ k'_j - (1-δ) k_j ≥ 0; otherwise μ = 0. A and τ put the steady state at k = 1, λ = 1. The
resource constraint is solved for λ inside ``actions``, so that it holds exactly.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.conditions import signed
from ceteris.equilibrium.model import Model
from ceteris.equilibrium.shocks import Normal


class IRBC(Model):
    """N countries that share risk.

    Parameters
    ----------
    beta, zeta, delta, kappa : float
        Discount factor, capital share, depreciation, adjustment cost.
    rho, sigma : float
        Persistence and innovations of productivity.
    countries : int
        N; elasticities γ_j are spread evenly from 0.25 to 1.
    irreversible : bool
        Whether investment must not be negative.
    """

    beta: float = 0.99
    zeta: float = 0.36
    delta: float = 0.01
    rho: float = 0.95
    sigma: float = 0.01
    kappa: float = 0.5
    countries: int = 2
    irreversible: bool = False

    ranges: ClassVar = {
        "beta": (0, 1), "zeta": (0, 1), "delta": (0, 1), "rho": (-1, 1), "sigma": (0, np.inf), "kappa": (0, np.inf),
        "countries": (0, np.inf),
    }  # fmt: skip

    @property
    def A(self):
        return (1 / self.beta - 1 + self.delta) / self.zeta

    @property
    def gamma(self):
        return jnp.linspace(0.25, 1.0, self.countries)

    @property
    def tau(self):
        return (self.A - self.delta) ** (1 / self.gamma)

    def shocks(self):
        return {"e": Normal((self.countries + 1,))}

    def outputs(self):
        return {"investment": (self.countries,)}

    def actions(self, raw, s):
        rate = self.delta + 0.1 * raw.investment  # of investment, as a share of capital
        if self.irreversible:
            rate, mu = signed(rate, self.kappa + 0.5)
        else:
            mu = jnp.zeros_like(rate)
        k1 = s.k * (1 - self.delta + rate)
        output = self.A * jnp.exp(s.z) * s.k**self.zeta
        cost = self.kappa / 2 * s.k * (k1 / s.k - 1) ** 2
        world = jnp.sum(output + (1 - self.delta) * s.k - k1 - cost)
        lam = self.multiplier(world)
        return {"k1": k1, "lam": lam, "mu": lam * mu, "c": (lam / self.tau) ** -self.gamma, "i": rate * s.k}

    def multiplier(self, world):
        """λ such that the world consumes exactly what is there: Newton in logs."""
        steady = self.countries * (self.A - self.delta)
        log_world = jnp.log(jnp.maximum(world, 0.01 * steady))  # a policy that would eat more than all is stopped there
        log_lam = jnp.zeros_like(log_world)
        for _ in range(5):  # quadratic from a good start: five steps reach rounding within 90 % of the steady state
            parts = self.tau**self.gamma * jnp.exp(-self.gamma * log_lam)
            slope = -jnp.sum(self.gamma * parts) / jnp.sum(parts)
            log_lam = log_lam - (jnp.log(jnp.sum(parts)) - log_world) / slope
        return jnp.exp(log_lam)

    def move(self, s, a, shock):
        return {"k": a.k1, "z": self.rho * s.z + self.sigma * (shock.e[:-1] + shock.e[-1])}

    def residuals(self, s, a, E):
        def value(s1, a1):
            product = self.zeta * self.A * jnp.exp(s1.z) * s1.k ** (self.zeta - 1)
            adjustment = self.kappa / 2 * ((a1.k1 / s1.k) ** 2 - 1)
            return a1.lam * (1 - self.delta + product + adjustment) - (1 - self.delta) * a1.mu

        price = a.lam * (1 + self.kappa * (a.k1 / s.k - 1))
        return {"euler": (self.beta * E(value) + a.mu) / price - 1}

    def inputs(self, s):
        return jnp.concatenate([jnp.log(s.k), s.z])

    def start(self, key):
        capital, z = jr.split(key)
        spread = 0.5 * self.sigma / jnp.sqrt(1 - self.rho**2)
        shape = (self.countries,)
        return {"k": jnp.exp(0.02 * jr.normal(capital, shape)), "z": spread * jr.normal(z, shape)}

    def steady_state(self):
        return {"k": jnp.ones(self.countries), "z": jnp.zeros(self.countries)}

    def box(self):
        n = self.countries
        return {"k": (jnp.full(n, 0.8), jnp.full(n, 1.2)), "z": (jnp.full(n, -0.16), jnp.full(n, 0.16))}

    def admissible(self, s):
        return jnp.all((s.k > 0.3) & (s.k < 3.0))

    def definitions(self, s, a):
        return {"y": self.A * jnp.exp(s.z) * s.k**self.zeta, "binding": (a.i <= 0).astype(a.i.dtype)}
