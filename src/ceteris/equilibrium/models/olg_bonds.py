"""Overlapping generations with capital and a bond under a collateral constraint: 56 cohorts, two assets, one price.

Ages h = 0, ..., 55 (25 to 80); z ∈ {0, 1, 2, 3} moves productivity ξ and depreciation δ:

    c_h = R k_h + π b_h + w l_h - k'_{h+1} - p b'_{h+1} - (ζ/2) (k'_{h+1} - R k_h)²
    k'_{h+1} ≥ 0  (multiplier λ),   q_h = k'_{h+1} + κ b'_{h+1} ≥ 0  (multiplier μ),   Σ b' = 0
    R = α ξ (L/K)^(1-α) + 1 - δ,   w = ξ (1-α) (K/L)^α,   K = Σ k_h

A bond promises 1, capital secures it, and its holder receives π = min(1, κR). With the change Δ_h = k'_{h+1} - R k_h,
and nothing bought at the last age,

    c_h^(-γ) (1 + ζ Δ_h) = β E[ R' (1 + ζ Δ'_{h+1}) c'_{h+1}^(-γ) ] + λ_h + μ_h
    c_h^(-γ) p           = β E[ π' c'_{h+1}^(-γ) ] + κ μ_h

The network says k', q and p. Both choices are floored at zero, so that bounds bind exactly, and q is scaled to the sum
of k', which is Σ b' = 0. Multipliers need no network: μ is what the bond's condition lacks where q = 0, λ what the one
for capital lacks where k' = 0. Residuals are relative errors in consumption, negative where a multiplier would be.

References
----------
Azinovic, Gaegauf and Scheidegger (2022), "Deep equilibrium nets", International Economic Review 63(4), with its code.
"""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.conditions import complementarity, euler, floored
from ceteris.equilibrium.model import Model
from ceteris.equilibrium.phases import Episodes
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Markov
from ceteris.nets.cohorts import Cohorts

XI = np.array([0.978, 1.022, 0.978, 1.022])
DELTA = np.array([0.08, 0.08, 0.11, 0.11])
TRANSITION = np.kron([[0.972, 0.028], [0.3, 0.7]], [[0.905, 0.095], [0.095, 0.905]])
A = 56


def efficiency():
    """Labour by age: a parabola to age 37 of 56, then a straight line to half of its value there at 46."""
    hump = lambda a: 0.6 + 0.6 * 1.27 / 28**2 * (28**2 - (a - 28) ** 2)
    a = np.arange(A)
    top, fall = hump(37), 0.5 * (a - 37) / (46 - 1 - 37)
    return np.where(a < 37, hump(a), np.where(a < 46, top * (1 - fall), 0.5 * top))


LABOUR = efficiency()
# A first guess of what is held at the start of ages 1, ..., 55, and of the price: a few points read off an earlier,
# short solution of this calibration. Another calibration starts from it too, and may need a guess of its own.
AGES = np.arange(1, A)
CAPITAL = np.interp(AGES, [2, 6, 15, 25, 33, 38, 46, 51, 55], [0.0, 0.18, 1.61, 3.42, 4.29, 4.45, 3.74, 2.39, 0.58])
BONDS = np.interp(AGES, [15, 21, 28, 33, 38, 43, 46, 51, 55], [-1.43, -1.9, -1.24, -0.09, 1.49, 2.41, 2.15, 1.22, 0.27])
PLEDGED = np.where(AGES < 15, 0.0, np.maximum(CAPITAL + BONDS / 0.89, 0.0))
PLEDGED = PLEDGED * CAPITAL.sum() / PLEDGED.sum()
# collateral binds for the young whatever happens: begin below the bound, lest unseen states leave it by accident
BELOW = np.minimum(0.0, 0.03 * (AGES - 15))
# Constants say `float` where they meet traced numbers: JAX may else keep them in the precision of an earlier solution.
USUAL_BONDS = 0.89 * (PLEDGED - CAPITAL)
PRICE = 0.938
UNIT, PRICE_UNIT = 0.1, 0.01


def usual_cash():
    """Cash by age at these holdings, for all ages but the last."""
    K, L = CAPITAL.sum(), LABOUR.sum()
    R, w = 0.3 * (L / K) ** 0.7 + 1 - 0.083, 0.7 * (K / L) ** 0.3
    held = R * CAPITAL + 0.89 * (PLEDGED - CAPITAL)
    return (np.append(0.0, held) + w * LABOUR)[:-1]


CASH = usual_cash()


class OLGBonds(Model):
    """56 cohorts, capital and a collateralised bond.

    Parameters
    ----------
    beta : float
        Discount factor.
    alpha : float
        Capital share.
    gamma : float
        Relative risk aversion.
    kappa : float
        Collateral: a unit of capital secures 1/κ promises.
    zeta : float
        Cost of adjusting capital.
    """

    beta: float = 0.95
    alpha: float = 0.3
    gamma: float = 2.0
    kappa: float = 1 / (1 - 0.11)
    zeta: float = 0.5

    ranges: ClassVar = {
        "beta": (0, 1), "alpha": (0, 1), "gamma": (0, np.inf), "kappa": (0, np.inf), "zeta": (-1e-9, np.inf),
    }  # fmt: skip

    def recipe(self):
        soap = {"optimiser": "soap", "rate": 2e-4, "floor": 1e-4, "clip": None}
        return Recipe(
            phases=(Episodes(steps=24_000, paths=128, horizon=1, updates=1, **soap),),
            hypothesis=eqx.Partial(Cohorts, A - 1),
            widths=(128, 128, 3),  # two layers, and three kinks of each age
            tolerance=(1e-4, 3e-3),
        )

    def shocks(self):
        return {"z": Markov(TRANSITION, state="z")}

    def outputs(self):
        return {"k": (A - 1,), "q": (A - 1,), "p": ()}

    def prices(self, s):
        K, L = s.k.sum(), float(LABOUR.sum())
        xi, delta = jnp.asarray(XI, float)[s.z], jnp.asarray(DELTA, float)[s.z]
        R = xi * self.alpha * (L / K) ** (1 - self.alpha) + 1 - delta
        return R, xi * (1 - self.alpha) * (K / L) ** self.alpha, jnp.minimum(1.0, self.kappa * R)

    def wealth(self, s):
        """Gross return on capital, and cash, by age."""
        R, w, pay = self.prices(s)
        grown = R * jnp.append(0.0, s.k)
        return grown, grown + pay * jnp.append(0.0, s.b) + w * jnp.asarray(LABOUR, float)

    def actions(self, raw, s):
        grown, cash = self.wealth(s)
        usual = cash[:-1] / jnp.asarray(CASH, float)  # raw = 0 saves the same share of cash in all states
        k1 = floored(usual * jnp.asarray(CAPITAL, float) + UNIT * raw.k)
        q = floored(usual * jnp.asarray(PLEDGED, float) + jnp.asarray(BELOW, float) + UNIT * raw.q)
        q = q * (k1.sum() / jnp.maximum(q.sum(), 1e-3))
        b1 = (q - k1) / self.kappa
        p = PRICE * jnp.exp(PRICE_UNIT * raw.p)
        change = jnp.append(k1, 0.0) - grown
        left = cash - jnp.append(k1 + p * b1, 0.0) - self.zeta / 2 * change**2
        return {"k1": k1, "b1": b1, "q": q, "p": p, "change": change, "c": 0.05 + floored(left - 0.05)}

    def move(self, s, a, shock):
        return {"z": shock.z, "k": a.k1, "b": a.b1}

    def residuals(self, s, a, E):
        def payoffs(s1, a1):
            R, _, pay = self.prices(s1)
            marginal = self.beta * a1.c[1:] ** -self.gamma
            return {"k": R * (1 + self.zeta * a1.change[1:]) * marginal, "b": pay * marginal}

        worth = jax.tree.map(jax.lax.stop_gradient, E(payoffs))
        c, cost = a.c[:-1], 1 + self.zeta * a.change[:-1]
        back = lambda value: jnp.maximum(value, 1e-6) ** (-1 / self.gamma)
        short = jnp.maximum(c**-self.gamma * a.p - worth["b"], 0.0) / self.kappa
        mu = jnp.where(a.q > 0, 0.0, short)
        capital = euler(c, back((worth["k"] + mu) / jnp.maximum(cost, 0.05)))
        bond = euler(c, back(worth["b"] / a.p))
        return {
            "capital": complementarity(a.k1 / c, capital, "switch"),
            "bond": complementarity(a.q / c, bond, "switch"),
            "clearing": a.b1.sum() / a.k1.sum(),  # zero but for rounding
        }

    def inputs(self, s):
        R, w, _ = self.prices(s)
        grown, cash = self.wealth(s)
        economy = jnp.log(jnp.stack([s.k.sum(), R, w]))
        return jnp.concatenate([cash[:-1], grown[1:], jax.nn.one_hot(s.z, 4), economy])

    def start(self, key):
        z, k, b = jr.split(key, 3)
        noise = lambda key: jnp.exp(0.03 * jr.normal(key, CAPITAL.shape))
        q, held = noise(b) * jnp.asarray(PLEDGED, float), noise(k) * jnp.asarray(CAPITAL, float)
        return {"z": jr.randint(z, (), 0, 4), "k": held, "b": (q * held.sum() / q.sum() - held) * 0.89}

    def admissible(self, s):
        # a policy in the making may lead tracks astray, where it learns nothing of use and unlearns the rest
        K = s.k.sum()
        usual = (jnp.abs(s.k - jnp.asarray(CAPITAL, float)) < 1.5) & (
            jnp.abs(s.b - jnp.asarray(USUAL_BONDS, float)) < 1.5
        )
        return (K > 105.0) & (K < 190.0) & usual.all()

    def definitions(self, s, a):
        R, w, _ = self.prices(s)
        return {
            "K": s.k.sum(), "R": R, "w": w, "price": a.p, "clearing": a.b1.sum(), "no_capital": a.k1 <= 0,
            "collateral": a.q <= 0,
        }  # fmt: skip
