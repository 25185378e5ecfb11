"""Six overlapping generations with closed-form policies (Krueger and Kubler 2004; Huffman 1987).

Log utility, only the young work (l = 1), shocks z ∈ {0, 1, 2, 3} are independent over time:

    c_h + k'_{h+1} = R k_h + w l_h,   h = 1, ..., 6,   k_1 = k'_7 = 0
    1 / c_h = β E[ R' / c'_{h+1} ],   h = 1, ..., 5
    R = η α K^(α-1) L^(1-α) + 1 - δ,  w = η (1-α) K^α L^(-α)

Closed form: an agent with j periods to live, the present one included, saves the share β (1 - β^(j-1)) / (1 - β^j) of
income.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.conditions import euler
from ceteris.equilibrium.model import Model
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Markov
from ceteris.nets.heads import share

ETA = np.array([0.95, 1.05, 0.95, 1.05])
DELTA = np.array([0.5, 0.5, 0.9, 0.9])


class AnalyticOLG(Model):
    """Six cohorts, closed form.

    Parameters
    ----------
    beta : float
        Discount factor.
    alpha : float
        Capital share.
    cohorts : int
        Periods of life.
    """

    beta: float = 0.7
    alpha: float = 0.3
    cohorts: int = 6

    ranges: ClassVar = {"beta": (0, 1), "alpha": (0, 1), "cohorts": (1, np.inf)}

    def recipe(self):
        return Recipe(widths=(16, 16))

    def shocks(self):
        return {"z": Markov(np.full((4, 4), 0.25), state="z")}

    def outputs(self):
        return {"share": (self.cohorts - 1,)}

    def prices(self, s):
        K = s.k.sum()
        eta, delta = jnp.asarray(ETA, float)[s.z], jnp.asarray(DELTA, float)[s.z]
        return eta * self.alpha * K ** (self.alpha - 1) + 1 - delta, eta * (1 - self.alpha) * K**self.alpha

    def income(self, s):
        R, w = self.prices(s)
        return jnp.concatenate([w[None], R * s.k])

    def actions(self, raw, s):
        y = self.income(s)
        saved = share(raw.share) * y[:-1]
        return {"k1": saved, "c": y - jnp.append(saved, 0.0)}

    def move(self, s, a, shock):
        return {"z": shock.z, "k": a.k1}

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: self.beta * self.prices(s1)[0] / a1.c[1:])
        return {"euler": euler(a.c[:-1], 1 / value)}

    def inputs(self, s):
        return jnp.concatenate([jax.nn.one_hot(s.z, 4), jnp.log(s.k)])

    def start(self, key):
        z, k = jr.split(key)
        level = 0.4 * 0.4 ** jnp.arange(self.cohorts - 1)  # savings fall by more than half from age to age
        return {"z": jr.randint(z, (), 0, 4), "k": level * jnp.exp(0.1 * jr.normal(k, level.shape))}

    def definitions(self, s, a):
        R, w = self.prices(s)
        return {"K": s.k.sum(), "R": R, "w": w, "rate": a.k1 / self.income(s)[:-1]}

    def truth(self, s):
        left = jnp.arange(self.cohorts, 1, -1)  # periods still to live
        rate = self.beta * (1 - self.beta ** (left - 1)) / (1 - self.beta**left)
        return {"k1": rate * self.income(s)[:-1]}
