"""Overlapping generations with aggregate shocks and a borrowing limit: the benchmark of deep equilibrium nets.

N cohorts, ages h = 1, ..., N; capital is the only asset; z ∈ {0, 1, 2, 3} moves productivity η and depreciation δ:

    c_h + k'_{h+1} = m_h = R k_h + w l_h,   k'_{h+1} ≥ a̲,   k_1 = 0,   nothing is left at the end of life
    c_h^(-γ) ≥ β E[ R' c'_{h+1}^(-γ) ],   with equality where k'_{h+1} > a̲
    R = η α (L/K)^(1-α) + 1 - δ,   w = η (1-α) (K/L)^α,   K = Σ k_h,   L = Σ l_h

The Euler equation wants c = ( β Σ_j π_j R'_j c'_j^(-γ) )^(-1/γ), j tomorrow's shock, and c'_j itself is the smaller of
a wish and of what may be spent, m'_j - a̲. The kink where tomorrow's limit begins to bind is at another place for every
age and state, and no network draws sixty of them well. What is learnt instead is smooth: what may be spent tomorrow
under each shock (``room``), and how far the wish lies below or above it (``gap``), both in logarithms. The formula then
has its kinks where they belong. Today's c is the smaller of the wish and m - a̲, so that the limit binds exactly.
Residuals, relative errors in consumption, are zero where the household wants more than it has, and the multiplier
needs no network. The policy looks one period ahead: what is wrong with what was learnt is wrong about tomorrow only.

References
----------
Azinovic, Gaegauf and Scheidegger (2019), "Deep equilibrium nets", section 5; (2022), International Economic Review 63.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.conditions import complementarity, euler, floored
from ceteris.equilibrium.model import Model
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.regression import Regression
from ceteris.equilibrium.shocks import Markov
from ceteris.nets import RandomFeatures

ETA = np.array([0.85, 1.15, 0.85, 1.15])
DELTA = np.array([0.5, 0.5, 0.9, 0.9])
TRANSITION = np.kron([[0.98, 0.02], [0.25, 0.75]], [[0.5, 0.5], [0.5, 0.5]])


class OLG(Model):
    """N cohorts, one asset, an occasionally binding borrowing limit.

    Parameters
    ----------
    beta : float
        Discount factor.
    alpha : float
        Capital share.
    gamma : float
        Relative risk aversion.
    limit : float
        Lowest asset holding a̲: 0, or negative where borrowing is allowed.
    N : int
        Cohorts, five or more.
    """

    beta: float = 0.95
    alpha: float = 0.3
    gamma: float = 2.0
    limit: float = 0.0
    N: int = 60

    ranges: ClassVar = {
        "beta": (0, 1), "alpha": (0, 1), "gamma": (0, np.inf), "limit": (-np.inf, 1e-9), "N": (4, np.inf),
    }  # fmt: skip

    def recipe(self):
        first = Regression(rounds=80, features=300, states=4_000, ridge=1e-7)
        return Recipe(
            phases=(first, Regression(features=4_000, rounds=12)),
            hypothesis=eqx.Partial(RandomFeatures, ordered=self.N - 1),
            widths=(4_000,),
            tolerance=(6e-5, 2e-3),
            looks_ahead=True,
        )

    @property
    def labour(self):
        """Efficiency by age."""
        return jnp.asarray(efficiency(self.N), float)

    def shocks(self):
        return {"z": Markov(TRANSITION, state="z")}

    def outputs(self):
        return {"room": (4, self.N - 1), "gap": (4, self.N - 1)}

    def capital(self, s):
        """K; far below what is admissible it is kept from zero, where debts might exceed savings on the way."""
        return jnp.maximum(s.k.sum(), self.N / 60)

    def prices(self, s):
        K, L = self.capital(s), self.labour.sum()
        eta, delta = jnp.asarray(ETA, float)[s.z], jnp.asarray(DELTA, float)[s.z]
        R = eta * self.alpha * (L / K) ** (1 - self.alpha) + 1 - delta
        return R, eta * (1 - self.alpha) * (K / L) ** self.alpha

    def cash(self, s):
        R, w = self.prices(s)
        return R * jnp.append(0.0, s.k) + w * self.labour

    def spare(self, s):
        """What may be consumed at most; a household whose debt exceeds its income in a bust keeps a crumb."""
        return jnp.maximum(self.cash(s) - self.limit, 1e-3)

    def usual(self, s):
        """What raw = 0 says: in log, room and gap with which today's consumption is the benchmark's at rest."""
        wished, rest, _ = jnp.asarray(life(self.N))
        share = jnp.log(wished / (rest - self.limit))  # of what may be consumed
        gap = jnp.append(share[1:], 0.0)
        return share + jnp.log(self.spare(s)[:-1]) - jnp.minimum(gap, 0.0), gap

    def actions(self, raw, s):
        spare, cash = self.spare(s), self.cash(s)
        room, gap = self.usual(s)
        later = room + raw.room + jnp.minimum(gap + raw.gap, 0)  # log c' less log(βR')/γ, by tomorrow's shock
        wish = jnp.tensordot(jnp.asarray(TRANSITION, float)[s.z], jnp.exp(-self.gamma * later), 1) ** (-1 / self.gamma)
        wish = jnp.clip(wish, 0.01 * spare[:-1], 20 * spare[:-1])
        saved = floored(spare[:-1] - wish)  # what would be borrowed beyond the limit is not
        c = jnp.append(spare[:-1] - saved, jnp.maximum(cash[-1], 1e-3))
        return {"k1": self.limit + saved, "c": c, "wish": wish}

    def target(self, s, a, E):
        def tomorrow(s1, a1):
            spare = self.spare(s1)[1:].at[-1].set(a1.c[-1])  # the last age spends everything, and has no limit
            room = jnp.log(spare) - jnp.log(self.beta * self.prices(s1)[0]) / self.gamma
            return room, jnp.append(jnp.log(a1.wish[1:] / spare[:-1]), 0.0)

        room, gap = jax.vmap(tomorrow)(E.s1, E.a1)
        return {"room": room - self.usual(s)[0], "gap": gap - self.usual(s)[1]}

    def move(self, s, a, shock):
        return {"z": shock.z, "k": a.k1}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: self.beta * self.prices(s1)[0] * a1.c[1:] ** -self.gamma)
        # fitted time iteration: no derivative through tomorrow, which costs five times the step
        slack = euler(a.c[:-1], jax.lax.stop_gradient(value) ** (-1 / self.gamma))
        return {"euler": complementarity(a.k1 - self.limit, slack, "switch")}

    def inputs(self, s):
        R, w = self.prices(s)
        return jnp.concatenate(
            [jnp.log(self.spare(s)[:-1]), jax.nn.one_hot(s.z, 4), jnp.log(jnp.stack([self.capital(s), R, w]))]
        )

    def start(self, key):
        z, k = jr.split(key)
        hump = jnp.asarray(life(self.N)[2])
        return {"z": jr.randint(z, (), 0, 4), "k": hump * jnp.exp(0.1 * jr.normal(k, hump.shape))}

    def admissible(self, s):
        K = s.k.sum() * 60 / self.N
        return (K > 3.0) & (K < 120.0)

    def definitions(self, s, a):
        R, w = self.prices(s)
        return {"K": s.k.sum(), "R": R, "w": w, "binding": a.k1 <= self.limit}


def efficiency(N):
    """Labour by age: from .6 at 21 to 1.4 at 41, flat to 61, down to .7 at 71, whatever the number of cohorts."""
    return np.interp(21 + 60 * np.arange(N) / N, [21, 41, 61, 71], [0.6, 1.4, 1.4, 0.7])


@lru_cache
def life(N):
    """Wanted consumption, cash and savings by age: the benchmark at rest, by endogenous grid points.

    As numbers: an array that is kept would be taken by JAX for the one it met in another precision.
    """
    beta, alpha, gamma, delta = 0.95, 0.3, 2.0, 0.53
    labour = efficiency(N)

    def lives(K):
        per_head = K / labour.sum()
        R, w = alpha * per_head ** (alpha - 1) + 1 - delta, (1 - alpha) * per_head**alpha
        saved = np.append(0.0, np.geomspace(1e-4, 60.0, 400))
        cash, wish = [np.array([1e-6, 1e3])], [np.array([1e-6, 1e3])]  # consumption of the last age, then backwards
        for h in range(N - 2, -1, -1):
            later = np.interp(R * saved + w * labour[h + 1], cash[0], np.minimum(wish[0], cash[0]))
            c = (beta * R * later**-gamma) ** (-1 / gamma)
            cash.insert(0, np.append(1e-6, c + saved))
            wish.insert(0, np.append(1e-6, c))
        wishes, held, k = [], [], [0.0]
        for h in range(N - 1):
            m = R * k[-1] + w * labour[h]
            c = min(np.interp(m, cash[h], wish[h]), m)
            later = R * (m - c) + w * labour[h + 1]
            wanted = (beta * R) ** (-1 / gamma) * np.interp(later, cash[h + 1], wish[h + 1])
            wishes.append(wanted)
            held.append(m)
            k.append(m - c)
        return wishes, held, k[1:]

    low, high = 5.0 * N / 60, 80.0 * N / 60
    for _ in range(40):
        K = (low + high) / 2
        low, high = (K, high) if sum(lives(K)[2]) > K else (low, K)
    wishes, held, k = lives(K)
    return tuple(map(float, wishes)), tuple(map(float, held)), tuple(max(float(x), 1e-3) for x in k)
