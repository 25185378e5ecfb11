"""An industry of N firms that invest under adjustment costs (Lucas and Prescott 1971, as in 002).

    max E Σ βᵗ (p(X) x - γ/2 u²)
    p(X) = α₀ - α₁ mean(Xᵢ^ν)
    Xᵢ' = (1-δ) Xᵢ + u + σ wᵢ + η ω,   wᵢ, ω ~ N(0, 1)

    Euler equation:  γ u(X) = β E[ p(X') + γ (1-δ) u(X') ]

A firm takes prices as given, and all firms have the same technology, so that all invest the same u(X), which does not
depend on how they are numbered. With ν = 1 the problem is linear-quadratic and u = H₀ + H₁ mean(X). Matching
coefficients leaves a quadratic for H₁ with a stable root, H₁ < 0, and an explosive one.

The error of the Euler equation is a share of α₀, the price at which nobody buys.

`IndustryReturns` lets returns decrease: x^θ is produced, and the policy depends on the firm's own x. `IndustryTypes`
has two groups of firms of different productivity. These are the first two extensions 002 names in its conclusions.
"""

from __future__ import annotations

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.equilibrium.model import Model
from ceteris.equilibrium.phases import Trajectories
from ceteris.equilibrium.recipe import Recipe
from ceteris.equilibrium.shocks import Idiosyncratic, Normal
from ceteris.equilibrium.symmetry import Agents, Exchangeable

POSITIVE = {
    "nu": (0, np.inf), "beta": (0, 1), "gamma": (0, np.inf), "delta": (0, 1), "sigma": (-1e-12, np.inf),
    "eta": (-1e-12, np.inf), "alpha0": (0, np.inf), "alpha1": (0, np.inf),
}  # fmt: skip
PHASES = 6 * (Trajectories(states=64, steps=12),)


class Root(NamedTuple):
    """One solution u = level + slope · mean(X) of the linear-quadratic case."""

    level: float
    slope: float


class _Calibrated(Model):
    """What all industries share: preferences, technology and shocks."""

    nu: float = 1.0
    beta: float = 0.95
    gamma: float = 90.0
    delta: float = 0.05
    sigma: float = 0.005
    eta: float = 0.001
    alpha0: float = 1.0
    alpha1: float = 1.0


class _OneKind(_Calibrated):
    """Firms that have the same technology."""

    firms: int = eqx.field(static=True, default=128)

    @abc.abstractmethod
    def rest(self) -> Any:
        """Capital of every firm where no shock ever hits."""

    def shocks(self):
        return {"w": Idiosyncratic(self.firms), "omega": Normal()}

    def outputs(self):
        return {"u": ()}

    def actions(self, raw, s):
        return {"u": self.delta * self.rest() * (1 + raw.u)}  # raw = 0 replaces what depreciates at rest

    def move(self, s, a, shock):
        return {"X": (1 - self.delta) * s.X + a.u + self.sigma * shock.w + self.eta * shock.omega}

    def start(self, key):
        return {"X": jnp.abs(0.9 + 0.05 * jr.normal(key, (self.firms,)))}


class Industry(_OneKind):
    """An industry of firms that differ in capital only.

    Parameters
    ----------
    firms : int
        N, at least 2.
    nu : float
        ν in the inverse demand; 1 is linear.
    beta : float
        Discount factor.
    gamma : float
        Cost of adjusting capital.
    delta : float
        Depreciation of capital.
    sigma : float
        Standard deviation of a firm's own shock.
    eta : float
        Standard deviation of the shock common to all.
    alpha0 : float
        Level of inverse demand.
    alpha1 : float
        Slope of inverse demand.

    Examples
    --------
    >>> [round(float(h), 5) for h in Industry().stable_root()]
    [0.06872, -0.05046]
    """

    ranges: ClassVar = {"firms": (1, np.inf), **POSITIVE}

    def recipe(self):
        # one layer and an affine map beside it: two would take a second more to compile
        return Recipe(phases=PHASES, widths=(16,), tolerance=(3e-5, 5e-4))

    def exchangeable(self):
        return Exchangeable(Agents("X", shocks="w"), inner=(8,))

    def price(self, s):
        return self.alpha0 - self.alpha1 * jnp.mean(power(s.X, self.nu))

    def residuals(self, s, a, E):
        value = E(lambda s1, a1: self.price(s1) + self.gamma * (1 - self.delta) * a1.u)
        return {"euler": (self.gamma * a.u - self.beta * value) / self.alpha0}

    def definitions(self, s, a):
        return {"K": jnp.mean(s.X), "price": self.price(s)}

    def truth(self, s):
        if self.nu != 1:
            return None
        level, slope = self.stable_root()
        return {"u": level + slope * jnp.mean(s.X)}

    def rest(self):
        """Capital of every firm where no shock ever hits: α₀ - α₁ K^ν = γ δ K (1 - β (1-δ)) / β."""
        cost = self.gamma * self.delta * (1 - self.beta * (1 - self.delta)) / self.beta
        return resting(self.alpha0, self.alpha1, self.nu, cost)

    def roots(self) -> tuple[Root, Root]:
        """Both solutions for ν = 1: the stable one, then the explosive one."""
        return linear_roots(self, 1.0)

    def stable_root(self) -> Root:
        """The solution for ν = 1 under which capital does not explode."""
        return self.roots()[0]

    def one_draw_error(self, firms):
        """Standard deviations of what one draw, not normalised, gets wrong for ν = 1: (Euler equation, tomorrow's u).

        Tomorrow's mean is off by σ w̄ with w̄ ~ N(0, 1/N); the price moves against it by α₁, investment with it by H₁.
        A normalised draw has w̄ = 0 and gets nothing wrong here.

        Examples
        --------
        >>> euler, u = Industry().one_draw_error(128)
        >>> round(float(euler), 6), round(float(u), 8)
        (0.002231, 2.23e-05)
        """
        slope = self.stable_root().slope
        spread = self.sigma / np.sqrt(firms)
        return (
            self.beta * (self.alpha1 - self.gamma * (1 - self.delta) * slope) * spread / self.alpha0,
            -slope * spread,
        )


def power(x, nu):
    """x^ν, continued as an odd function: capital near zero may be drawn, and must give a price."""
    return jnp.sign(x) * jnp.abs(x) ** nu


def resting(alpha0, alpha1, nu, cost):
    """The positive root K of α₀ - α₁ K^ν = cost K: Newton's method in log K, from the root of the flatter case."""
    log = jnp.log(alpha0 / (alpha1 + cost))
    for _ in range(20):
        k = jnp.exp(log)
        log = log + (alpha0 - alpha1 * k**nu - cost * k) / (alpha1 * nu * k**nu + cost * k)
    return jnp.exp(log)


def linear_roots(model, squares):
    """Return (h₀, h₁) at the stable and the explosive root of u = A (h₀ + h₁ Q), with Q = mean(A X).

    ``squares`` is mean(A²).

    γ h = β E[α₀ - α₁ Q' + γ (1-δ) h'] with Q' = (1-δ) Q + mean(A²) h is matched coefficient by coefficient.
    """
    beta, gamma, keep, m = model.beta, model.gamma, 1 - model.delta, squares
    a = beta * gamma * keep * m
    b = beta * gamma * keep**2 - beta * model.alpha1 * m - gamma
    c = -beta * model.alpha1 * keep
    distance = (b**2 - 4 * a * c) ** 0.5
    level = lambda h: beta * model.alpha0 / (gamma + beta * model.alpha1 * m - beta * gamma * keep * (1 + m * h))
    low, high = (-b - distance) / (2 * a), (-b + distance) / (2 * a)
    return Root(level(low), low), Root(level(high), high)


class IndustryReturns(_OneKind):
    """The industry if a firm with capital x produces x^θ, θ < 1.

        γ u(x, X) = β E[ θ x'^(θ-1) p(X') + γ (1-δ) u(x', X') ],   p(X) = α₀ - α₁ mean(Xᵢ^(θν))

    A small firm gains more from growing, so that u depends on x. One draw stands for the shocks of all firms; the
    firm's own shock decides its own marginal product, and is integrated by quadrature.

    Parameters
    ----------
    theta : float
        Returns to scale θ; 1 is `Industry`.
    others
        As for `Industry`.
    """

    theta: float = 0.8
    ranges: ClassVar = {"firms": (1, np.inf), "theta": (0, 1.0000001), **POSITIVE}

    def recipe(self):
        return Recipe(phases=6 * (Trajectories(states=128, steps=12),), widths=(16, 16), tolerance=(1e-4, 3e-3))

    def exchangeable(self):
        return Exchangeable(Agents("X", shocks="w"), own=True, asked=2, inner=(8,))

    def price(self, X):
        return self.alpha0 - self.alpha1 * jnp.mean(power(X, self.theta * self.nu))

    def marginal(self, x):
        return self.theta * jnp.maximum(x, 1e-3) ** (self.theta - 1)

    def residuals(self, s, a, E):
        n = self.exchangeable().asked
        kept = (1 - self.delta) * s.X + a.u
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        own = kept[:n, None] + self.sigma * nodes  # of each firm that is asked, at every node of its own shock

        def value(s1, a1, h):
            x = own + jnp.mean(s1.X - kept)  # what hit all firms alike: a normalised draw has no mean
            seen = self.inputs(s1)
            scaled = h({**seen, "agent": x.reshape(-1, 1)})
            u = self.delta * self.rest() * (1 + scaled.reshape(x.shape))
            return (self.marginal(x) * self.price(s1.X) + self.gamma * (1 - self.delta) * u) @ (weights / weights.sum())

        return {"euler": (self.gamma * a.u[:n] - self.beta * E.successors(value)) / self.alpha0}

    def definitions(self, s, a):
        return {"K": jnp.mean(s.X), "price": self.price(s.X)}

    def rest(self):
        """Capital of every firm where no shock ever hits: θ K^(θ-1) (α₀ - α₁ K^(θν)) = γ δ K (1 - β (1-δ)) / β."""
        cost = self.gamma * self.delta * (1 - self.beta * (1 - self.delta)) / self.beta
        log = jnp.log(self.alpha0 / (self.alpha1 + cost))
        for _ in range(20):
            k = jnp.exp(log)
            gain = self.theta * k ** (self.theta - 1)
            price, slope = self.alpha0 - self.alpha1 * k ** (self.theta * self.nu), self.alpha1 * self.theta * self.nu
            off = gain * price - cost * k
            log = log - off / (gain * ((self.theta - 1) * price - slope * k ** (self.theta * self.nu)) - cost * k)
        return jnp.exp(log)


class IndustryTypes(_Calibrated):
    """The industry with two groups of firms: a firm of productivity A produces A x.

        γ u_A = β E[ A p(X') + γ (1-δ) u_A' ],   p = α₀ - α₁ mean((Aᵢ Xᵢ)^ν)

    With ν = 1, u_A = A (h₀ + h₁ mean(Aᵢ Xᵢ)).

    Parameters
    ----------
    few : int
        How many firms are in the first group.
    many : int
        How many firms are in the second group.
    low : float
        Productivity of the first group.
    high : float
        Productivity of the second group.
    others
        As for `Industry`.
    """

    few: int = eqx.field(static=True, default=64)
    many: int = eqx.field(static=True, default=64)
    low: float = 0.9
    high: float = 1.1
    ranges: ClassVar = {"few": (1, np.inf), "many": (1, np.inf), "low": (0, np.inf), "high": (0, np.inf), **POSITIVE}

    def recipe(self):
        return Recipe(phases=PHASES, widths=(16, 16), tolerance=(5e-5, 1e-3))

    def exchangeable(self):
        return Exchangeable(Agents("L", shocks="w_low"), Agents("H", shocks="w_high"), inner=(8,))

    def shocks(self):
        return {"w_low": Idiosyncratic(self.few), "w_high": Idiosyncratic(self.many), "omega": Normal()}

    def outputs(self):
        return {"low": (), "high": ()}

    def mean(self, low, high):
        """The mean over all firms of what each of the groups has."""
        return (jnp.sum(low) + jnp.sum(high)) / (self.few + self.many)

    def price(self, s):
        sold = self.mean(power(self.low * s.L, self.nu), power(self.high * s.H, self.nu))
        return self.alpha0 - self.alpha1 * sold

    def actions(self, raw, s):
        guess = 0.03  # near what depreciates at rest
        return {"low": guess * (1 + raw.low), "high": guess * (1 + raw.high)}

    def move(self, s, a, shock):
        step = lambda x, u, w: (1 - self.delta) * x + u + self.sigma * w + self.eta * shock.omega
        return {"L": step(s.L, a.low, shock.w_low), "H": step(s.H, a.high, shock.w_high)}

    def residuals(self, s, a, E):
        kept = self.gamma * (1 - self.delta)
        low, high = E(
            lambda s1, a1: self.price(s1) * jnp.stack([self.low, self.high]) + kept * jnp.stack([a1.low, a1.high])
        )
        return {
            "low": (self.gamma * a.low - self.beta * low) / self.alpha0,
            "high": (self.gamma * a.high - self.beta * high) / self.alpha0,
        }

    def start(self, key):
        low, high = jr.split(key)
        drawn = lambda key, n: jnp.abs(0.9 + 0.05 * jr.normal(key, (n,)))
        return {"L": drawn(low, self.few), "H": drawn(high, self.many)}

    def definitions(self, s, a):
        return {"K": self.mean(s.L, s.H), "price": self.price(s)}

    def truth(self, s):
        if self.nu != 1:
            return None
        squares = (self.few * self.low**2 + self.many * self.high**2) / (self.few + self.many)
        h0, h1 = linear_roots(self, squares)[0]
        h = h0 + h1 * self.mean(self.low * s.L, self.high * s.H)
        return {"low": self.low * h, "high": self.high * h}
