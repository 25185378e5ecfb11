"""Income fluctuations with a borrowing limit (Deaton 1991; Aiyagari 1994, the household's side).

    max E Σ βᵗ u(cₜ),   u(c) = c^(1-γ) / (1-γ)
    c + a' = x,   a' ≥ 0,   x' = R a' + y'
    log y follows a Markov chain: Rouwenhorst's approximation of an AR(1)

    u'(c) ≥ β R E[ u'(c') ],   with equality where a' > 0

Who keeps nothing would want to consume e(y) = (β R E[ c(y', y')^(-γ) ])^(-1/γ), whatever x; so the limit binds for x
below e(y), and there c has a kink. The unknowns are e(y), and the share ω(x, y) of what is beyond it that is consumed:

    c = x where x ≤ e(y),   c = e(y) + ω (x - e(y)) beyond,

with one equation for each. Policy and limit are then exact at the kink, wherever that is; the kinks that c inherits
from tomorrow's are rounded off by the network. Interest and income are given (partial equilibrium), and βR < 1.
"""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.model import Model, actions
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Markov
from ceteris.nets import MLP
from ceteris.nets.net import AbstractStateless


class ConsumptionSaving(Model):
    """A household that saves against bad times.

    Parameters
    ----------
    beta : float
        Discount factor.
    R : float
        Gross interest rate.
    gamma : float
        Relative risk aversion.
    rho : float
        Persistence of log income.
    sigma : float
        Standard deviation of the innovations of log income.
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

    def __check_init__(self):
        if isinstance(self.beta * self.R, float) and self.beta * self.R >= 1:
            raise ValueError(
                f"ConsumptionSaving: beta R is {self.beta * self.R:g}, but must be below 1, or assets grow without "
                "bound; lower beta or R."
            )

    def recipe(self):
        # the largest error is near the kink, on ten thousand states
        return Recipe(hypothesis=KinkAndShare, widths=(24, 24), tolerance=(1e-5, 3e-3))

    def income(self):
        spread = jnp.sqrt((self.incomes - 1) / (1 - self.rho**2)) * self.sigma
        return jnp.exp(spread * jnp.linspace(-1.0, 1.0, self.incomes))

    def shocks(self):
        return {"y": Markov(rouwenhorst(self.incomes, self.rho), state="y")}

    def outputs(self):
        return {"kink": (), "share": ()}

    def actions(self, raw, s):
        kink = self.income()[s.y] * jnp.exp(raw.kink)
        beyond, share = jnp.maximum(s.x - kink, 0.0), jax.nn.sigmoid(raw.share)
        return {"kink": kink, "c": jnp.minimum(s.x, kink) + share * beyond, "a": (1 - share) * beyond}

    def move(self, s, a, shock):
        return {"x": self.R * a.a + self.income()[shock.y], "y": shock.y}

    def residuals(self, s, a, E):
        """Relative to the consumption wanted in today's state, and in a state in which nothing is kept."""

        def penniless(s1, a1, h):
            s1 = s1.replace(x=self.income()[s1.y])
            return actions(self, h(self.inputs(s1)), s1).c

        wanted = lambda c, value: (self.beta * self.R * value) ** (-1 / self.gamma) / c - 1
        kept = E(lambda s1, a1: a1.c**-self.gamma)
        nothing = E.successors(lambda s1, a1, h: penniless(s1, a1, h) ** -self.gamma)
        return {"euler": wanted(jnp.maximum(a.c, a.kink), kept), "kink": wanted(a.kink, nothing)}

    def inputs(self, s):
        return jnp.stack([jnp.log(s.x), jnp.log(self.income()[s.y])])

    def start(self, key):
        y, a = jr.split(key)
        i = jr.randint(y, (), 0, self.incomes)
        return {"x": self.income()[i] + jr.uniform(a), "y": i}

    def box(self):
        y = self.income()
        return {"x": (y[0], 4 * y[-1])}


class KinkAndShare(AbstractStateless):
    """Two perceptrons: where the kink is depends on income alone, the share beyond it on cash and income."""

    kink: MLP
    share: MLP

    def __init__(self, inputs, outputs, *widths, key):
        first, second = jr.split(key)
        self.kink, self.share = MLP(1, 1, (8,), "tanh", key=first), MLP(inputs, 1, widths, "tanh", key=second)

    def __call__(self, x):
        return jnp.concatenate([self.kink(x[..., 1:]), self.share(x)], -1)


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
