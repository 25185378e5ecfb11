"""Krusell and Smith's (1998) economy: households that save against unemployment, and the capital they own together.

    max E Σ βᵗ log cₜ,   c + k' = R k + y(e, Z),   k' ≥ 0,   y = ψ w without work, (1-τ) l w at work
    R = 1-δ + α Z (K/L)^(α-1),   w = (1-α) Z (K/L)^α,   K = ∫ k,   L = l (1 - u(Z)),   τ = ψ u / (l (1-u))
    1/c ≥ β E[ R'/c' ],   with equality where k' > 0

Z ∈ {bad, good} and employment e follow one chain, in which the share u(Z) without work depends on Z alone. Prices of
tomorrow depend on the distribution of capital today, which is therefore a state. Two representations of it:

`KrusellSmith`        a continuum: a histogram over capital and employment, carried forward by Young's lottery.
`KrusellSmithAgents`  a finite set of households.

One network answers for every household, whatever its place: it sees its capital and employment, Z and K. Other moments
of the distribution are left out of what the policy sees; that they hardly matter is Krusell and Smith's finding.

References
----------
Krusell and Smith (1998), "Income and wealth heterogeneity in the macroeconomy"; Den Haan, Judd and Juillard (2010),
"Computational suite of models with heterogeneous agents" (the calibration); Young (2010), "Solving the incomplete
markets model with aggregate uncertainty using the Krusell-Smith algorithm and non-stochastic simulations".
"""

from __future__ import annotations

import abc
from dataclasses import replace
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.scipy.special import ndtri

from ceteris.equilibrium.conditions import complementarity, euler
from ceteris.equilibrium.model import Model
from ceteris.equilibrium.phases import Polish, TimeIteration
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Markov

TRANSITION = np.array([[0.875, 0.125], [0.125, 0.875]])  # of Z
UNEMPLOYMENT = np.array([0.10, 0.04])
STAYS = np.array([[0.6, 0.25], [0.75, 1 / 3]])  # probability that who is without work remains so, by Z and Z'
LOSES = (UNEMPLOYMENT - STAYS * UNEMPLOYMENT[:, None]) / (1 - UNEMPLOYMENT[:, None])  # what makes the shares u(Z')
EMPLOYMENT = np.stack([np.stack([STAYS, 1 - STAYS], -1), np.stack([LOSES, 1 - LOSES], -1)], 2)  # Z, Z', e, e'
FRINGE = np.array([0.02, 0.1, 2.5, 3.0, 3.5, 4.25, 5.0])  # the 99.99th percentile is 4.4 times the mean


class _Households(Model):
    """What both representations share: technology, preferences, the policy of one household, its Euler equation."""

    alpha: float = 0.36
    beta: float = 0.99
    delta: float = 0.025
    spread: float = 0.01
    hours: float = 1 / 0.9
    benefit: float = 0.15
    points: int = 10

    ranges: ClassVar = {
        "alpha": (0, 1), "beta": (0, 1), "delta": (0, 1), "spread": (-1e-12, 1), "hours": (0, np.inf),
        "benefit": (0, 1), "points": (1, np.inf),
    }  # fmt: skip

    def recipe(self):
        # at first near the start; then on the distribution that the policy itself brings about, which takes centuries
        near = TimeIteration(Polish(states=80, steps=2, spacing=1, damping=1e-5), rounds=60)
        far = TimeIteration(Polish(states=80, steps=1, spacing=10, damping=1e-5), rounds=200, momentum=0.8)
        # errors of 1e-4 in one direction would move mean capital by half a per cent
        return Recipe(phases=(near, far), widths=(24, 24), tolerance=(3e-5, 1e-2))

    @abc.abstractmethod
    def households(self, s) -> tuple[Any, Any, Any]:
        """Capital, employment and weight of all households."""

    def capital(self, s):
        """Mean capital K."""
        k, _, weight = self.households(s)
        return jnp.sum(weight * k)

    def quantile(self, s, q):
        """Quantiles of capital."""
        k, _, weight = self.households(s)
        weight = weight[jnp.argsort(k)]
        return jnp.interp(q, jnp.cumsum(weight) - weight / 2, jnp.sort(k))

    def inputs(self, s):
        k, e, _ = self.households(s)
        return self.features(s.z, self.capital(s), k, e)

    def actions(self, raw, s):
        k, e, _ = self.households(s)
        c, k1, _ = self.choice(raw.c[..., None], s.z, self.capital(s), k, e)
        return {"c": c, "k1": k1}

    def saved(self, s, raw):
        """Mean capital of tomorrow, given what the network says of every household."""
        k, e, weight = self.households(s)
        return jnp.sum(weight * self.choice(raw, s.z, self.capital(s), k, e)[1])

    def shocks(self):
        return {"z": Markov(TRANSITION, state="z")}

    def outputs(self):
        return {"c": ()}

    def economy(self, z, K):
        """Output, gross return, wage and incomes by employment."""
        u, Z = jnp.asarray(UNEMPLOYMENT, float)[z], 1 + self.spread * (2 * z - 1)
        L = self.hours * (1 - u)
        Y = Z * K**self.alpha * L ** (1 - self.alpha)
        w = (1 - self.alpha) * Y / L
        incomes = w * jnp.stack([self.benefit, (L - self.benefit * u) / (1 - u)])
        return Y, 1 - self.delta + self.alpha * Y / K, w, incomes

    def choice(self, raw, z, K, k, e):
        """Consumption, savings, and what would be saved without the limit as a share of cash.

        raw = 0 consumes the yield of capital and the mean income of all, and less where there is less.
        """
        Y, R, _, y = self.economy(z, K)
        cash = R * k + y[e]
        yields = (1 / self.beta - 1) * k + (1 - self.alpha) * Y
        wanted = cash - jnp.exp(raw[..., 0]) * (cash**-1.5 + yields**-1.5) ** (-1 / 1.5)
        k1 = jnp.maximum(wanted, 0.0)
        return cash - k1, k1, wanted / cash

    def features(self, z, K, k, e):
        """What the network sees of a household and of the economy."""
        _, R, _, y = self.economy(z, K)
        same = lambda value: jnp.broadcast_to(value, k.shape)
        return jnp.stack([jnp.log(R * k + y[e]), k / 40, e * 1.0, same(z * 1.0), same(jnp.log(K))], -1)

    def residuals(self, s, a, E):
        # at quantiles of wealth, and at a few poor and rich households of which the economy has hardly any, each with
        # and without work
        K = self.capital(s)
        k = jnp.concatenate(
            [self.quantile(s, (jnp.arange(self.points) + 0.5) / self.points), K * jnp.asarray(FRINGE, float)]
        )
        k, e = jnp.tile(k, 2), jnp.repeat(jnp.arange(2), k.size)
        c, k1, wanted = self.choice(E.h(self.features(s.z, K, k, e)), s.z, K, k, e)
        both, work = jnp.tile(k1, 2), jnp.repeat(jnp.arange(2), k1.size)
        K1 = with_gradient(lambda h: self.saved(s, h(self.inputs(s))), E.h)  # known today, whatever Z' will be

        def value(s1, a1, h):
            c1, *_ = self.choice(h(self.features(s1.z, K1, both, work)), s1.z, K1, both, work)
            chance = jnp.asarray(EMPLOYMENT, float)[s.z, s1.z][e]  # (households, e')
            return self.beta * self.economy(s1.z, K1)[1] * jnp.sum(chance.T / c1.reshape(2, -1), 0)

        return {"euler": complementarity(wanted, euler(c, 1 / E.successors(value)))}

    def definitions(self, s, a):
        Y, R, w, _ = self.economy(s.z, self.capital(s))
        return {"K": self.capital(s), "y": Y, "r": R - 1, "w": w}

    def admissible(self, s):
        return (self.capital(s) > 15) & (self.capital(s) < 100)


class KrusellSmith(_Households):
    """A continuum of households: the state is (Z, a histogram over capital and employment).

    Parameters
    ----------
    alpha : float
        Capital share.
    beta : float
        Discount factor.
    delta : float
        Depreciation of capital.
    spread : float
        Z is 1 - spread and 1 + spread.
    hours : float
        Hours l of those at work.
    benefit : float
        Benefit of those without, as a share ψ of the wage.
    points : int
        Quantiles of wealth at which the Euler equation must hold, beside the fringe.
    nodes : int
        Nodes of the histogram on [0, top], denser near the limit.
    top : float
        Highest wealth in the histogram.
    """

    nodes: int = 200
    top: float = 250.0

    def grid(self):
        return self.top * jnp.linspace(0.0, 1.0, self.nodes) ** 2

    def households(self, s):
        return jnp.tile(self.grid(), 2), jnp.repeat(jnp.arange(2), self.nodes), s.mass.ravel()

    def move(self, s, a, shock):
        moved = jax.vmap(lottery, (None, 0, 0))(self.grid(), a.k1.reshape(2, -1), s.mass)
        mass = jnp.asarray(EMPLOYMENT, float)[s.z, shock.z].T @ moved
        share = shares(shock.z) / mass.sum(1)  # 1 but for rounding, which would add up over thousands of periods
        return {"z": shock.z, "mass": mass * share[:, None]}

    def start(self, key):
        z, level = jr.split(key)
        i = jr.randint(z, (), 0, 2)
        k = 39.0 * jnp.exp(0.05 * jr.normal(level)) * wealth(200)
        mass = lottery(self.grid(), k, jnp.full(200, 1 / 200))
        return {"z": i, "mass": shares(i)[:, None] * mass}


class KrusellSmithAgents(_Households):
    """A finite set of households: the state is (Z, capital and employment of each, a seed for who finds work).

    The share without work is u(Z) in every period: who changes is drawn, how many is not.

    Parameters
    ----------
    alpha : float
        Capital share.
    beta : float
        Discount factor.
    delta : float
        Depreciation of capital.
    spread : float
        Z is 1 - spread and 1 + spread.
    hours : float
        Hours l of those at work.
    benefit : float
        Benefit of those without, as a share ψ of the wage.
    points : int
        Quantiles of wealth at which the Euler equation must hold, beside the fringe.
    population : int
        How many households there are; a multiple of 50 makes the shares without work exact.
    """

    population: int = 200

    def recipe(self):
        # the policy sees K alone, and 200 households are not quite told by it
        return replace(super().recipe(), tolerance=(5e-5, 1e-2))

    def households(self, s):
        return s.k, s.e, jnp.full(self.population, 1 / self.population)

    def move(self, s, a, shock):
        # among those without work, the chance to remain decides how many do; the rest of u(Z') loses work
        luck = jr.uniform(jr.key(s.seed), (self.population + 1,))
        out, out1 = self.without(s.z), self.without(shock.z)
        stay = jnp.minimum(jnp.floor(jnp.asarray(STAYS, float)[s.z, shock.z] * out + luck[-1]), out1)
        rank = jnp.argsort(jnp.argsort(luck[:-1] + s.e))  # those without work first, each group in random order
        idle = (rank < stay) | ((rank >= out) & (rank < out + out1 - stay))
        # a full-period generator: the seed is a state, so that the next draw follows from it
        seed = s.seed * jnp.uint32(1664525) + jnp.uint32(1013904223)
        return {"z": shock.z, "k": a.k1, "e": jnp.where(idle, 0, 1), "seed": seed}

    def without(self, z):
        """How many households have no work."""
        return jnp.asarray(np.round(UNEMPLOYMENT * self.population).astype(int))[z]

    def start(self, key):
        z, level, who, seed = jr.split(key, 4)
        i = jr.randint(z, (), 0, 2)
        k = 39.0 * jnp.exp(0.05 * jr.normal(level)) * jr.permutation(who, wealth(self.population))
        e = jnp.where(jnp.arange(self.population) < self.without(i), 0, 1)
        return {"z": i, "k": k, "e": e, "seed": jr.bits(seed, (), jnp.uint32)}


def shares(z):
    """Shares of households without work and at work."""
    u = jnp.asarray(UNEMPLOYMENT, float)[z]
    return jnp.stack([u, 1 - u])


def wealth(n):
    """``n`` quantiles of capital of mean one, spread as wide as in the stationary economy: a start, no more."""
    k = jnp.exp(0.5 * ndtri((jnp.arange(n) + 0.5) / n))
    return k / k.mean()


def lottery(grid, k1, mass):
    """Mass put on the two neighbours of k1 so that its mean remains k1 (Young 2010)."""
    low = jnp.clip(jnp.searchsorted(grid, k1, side="right") - 1, 0, grid.size - 2)
    up = jnp.clip((k1 - grid[low]) / (grid[low + 1] - grid[low]), 0.0, 1.0)
    return jnp.zeros(grid.shape, mass.dtype).at[low].add(mass * (1 - up)).at[low + 1].add(mass * up)


def with_gradient(f, h):
    """f(h), a number, whose gradient is worked out once and not once for every residual that depends on it."""
    weights, rest = eqx.partition(h, eqx.is_inexact_array)
    value = lambda weights: f(eqx.combine(weights, rest))
    number = jax.custom_vjp(value)
    number.defvjp(jax.value_and_grad(value), lambda slope, g: (jax.tree.map(lambda leaf: g * leaf, slope),))
    return number(weights)
