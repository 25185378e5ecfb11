"""International real business cycles with complete markets (Brumm and Scheidegger 2017, section 4).

N countries with productivity z_j, capital k_j and a planner's multiplier λ on the world's resources:

    c_j = (λ / τ_j)^(-γ_j),   γ_j the intertemporal elasticity of substitution
    Σ_j [ e^z_j A k_j^ζ + (1-δ) k_j - k'_j - κ/2 k_j (k'_j/k_j - 1)² - c_j ] = 0
    λ (1 + κ (k'_j/k_j - 1)) - μ_j = β E[ λ' (1 - δ + ζ A e^z'_j k'_j^(ζ-1) + κ/2 ((k''_j/k'_j)² - 1)) - (1-δ) μ'_j ]
    z'_j = ρ z_j + σ (e_j + e),   e_j, e ~ N(0, 1)

``irreversible``: 0 ≤ μ_j ⊥ k'_j - (1-δ) k_j ≥ 0; otherwise μ = 0. A and τ put the steady state at k = 1, λ = 1.

The unknown is Φ_j, the right-hand side of the Euler equation: the expected value of capital, which is smoother than the
policy. Given Φ, growth of capital is (Φ/λ - 1) / κ or its bound, and λ is what clears the resource constraint; bounds,
multipliers and the world's budget hold exactly.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.model import Model
from ceteris.equilibrium.phases import Episodes
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Normal

MANY = 20  # countries from which least squares in all weights costs too much


class IRBC(Model):
    """N countries that share risk.

    Parameters
    ----------
    beta : float
        Discount factor.
    zeta : float
        Capital share.
    delta : float
        Depreciation of capital.
    kappa : float
        Cost of adjusting capital.
    rho : float
        Persistence of log productivity.
    sigma : float
        Standard deviation of the innovations of log productivity.
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

    def recipe(self):
        if self.countries <= MANY:
            return Recipe(tolerance=(3e-6, 3e-4))
        # a step costs two successors per shock; what the linear policy leaves is small, and few steps learn it
        few = Episodes(steps=2_000, paths=64, horizon=1, updates=1, rate=2e-3)
        return Recipe(phases=(few,), tolerance=(1e-4, 2e-3))

    def shocks(self):
        return {"e": Normal((self.countries + 1,))}

    def outputs(self):
        return {"value": (self.countries,)}

    def actions(self, raw, s):
        value = jnp.exp(0.1 * raw.value)  # Φ: 1 at rest
        output = self.A * jnp.exp(s.z) * s.k**self.zeta
        world = jnp.sum(output + (1 - self.delta) * s.k)
        lam = self.multiplier(value, s, world)
        growth = self.growth(value, lam)
        mu = lam * (1 + self.kappa * growth) - value if self.irreversible else jnp.zeros_like(value)
        c = (lam / self.tau) ** -self.gamma
        k1, i = s.k * (1 + growth), s.k * (growth + self.delta)
        return {"k1": k1, "lam": lam, "mu": mu, "c": c, "i": i, "value": value}

    def growth(self, value, lam):
        """Growth of capital that the first-order condition wants, not below what irreversibility allows."""
        wanted = (value / lam - 1) / self.kappa
        return jnp.maximum(wanted, -self.delta) if self.irreversible else wanted

    def multiplier(self, value, s, world):
        """λ at which the world spends exactly what it has: Newton in logarithms, from the mean value of capital."""
        log_world, log_lam = jnp.log(world), jnp.mean(jnp.log(value))

        def spending(log_lam):
            lam = jnp.exp(log_lam)
            growth = self.growth(value, lam)
            spent = s.k * (1 + growth + self.kappa / 2 * growth**2)
            return jnp.log(jnp.sum(spent) + jnp.sum((lam / self.tau) ** -self.gamma))

        for _ in range(6):  # quadratic: rounding is reached in five steps from anywhere in the box
            gap, slope = jax.jvp(spending, (log_lam,), (jnp.ones_like(log_lam),))
            log_lam = log_lam - (gap - log_world) / slope
        return jnp.exp(log_lam)

    def move(self, s, a, shock):
        return {"k": a.k1, "z": self.rho * s.z + self.sigma * (shock.e[:-1] + shock.e[-1])}

    def residuals(self, s, a, E):
        def value(s1, a1):
            product = self.zeta * self.A * jnp.exp(s1.z) * s1.k ** (self.zeta - 1)
            adjustment = self.kappa / 2 * ((a1.k1 / s1.k) ** 2 - 1)
            return a1.lam * (1 - self.delta + product + adjustment) - (1 - self.delta) * a1.mu

        return {"euler": self.beta * E(value) / a.value - 1}

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
