"""Designs of the literature on causal effects, with known truth: many samples as arrays, or one as a data frame.

``design.draw(rng, n, copies)`` returns arrays by role with leading axes (copies, n), which ``causal.monte_carlo`` uses;
``simulate_...`` returns one sample as a data frame with the columns y, d, x0, x1, ... and, where the design has them, z
(instrument), before (outcome before) or time.

References
----------
Robinson (1988), Econometrica 56; Chernozhukov et al. (2018), Econometrics Journal 21; Belloni, Chernozhukov,
Fernández-Val and Hansen (2017), Econometrica 85; Farbmacher, Guber and Klaassen (2022), JBES 40; Kang and Schafer
(2007), Statistical Science 22; Sant'Anna and Zhao (2020), Journal of Econometrics 219; Callaway and Sant'Anna (2021),
Journal of Econometrics 225.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ceteris.arguments import whole

if TYPE_CHECKING:
    import pandas as pd

Draws = dict[str, np.ndarray]


class CausalDesign(Protocol):
    """What a design offers."""

    @property
    def truth(self) -> float:
        """The estimand's value."""
        ...

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        """Samples by role, with leading axes (copies, n)."""
        ...


class _EffectIsTheta:
    theta: float

    @property
    def truth(self) -> float:
        """The parameter that the outcome was drawn with."""
        return self.theta


@dataclass(frozen=True)
class PartiallyLinearDesign(_EffectIsTheta):
    """Y = θD + g(X) + ζ, D = m(X) + v, with smooth g and m of two covariates, and p that are correlated.

    m = x₀ + Λ(x₂)/4, g = Λ(x₀) + x₂/4, Λ the logistic function; cov(x_j, x_k) = 0.7^|j - k|; unit noises.
    """

    theta: float = 0.5
    p: int = 20

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        x = _correlated(rng, (copies, n), self.p, 0.7)
        d = x[..., 0] + 0.25 * _logistic(x[..., 2]) + rng.standard_normal((copies, n))
        y = self.theta * d + _logistic(x[..., 0]) + 0.25 * x[..., 2] + rng.standard_normal((copies, n))
        return {"y": y, "d": d, "x": x}


@dataclass(frozen=True)
class InteractiveDesign(_EffectIsTheta):
    """A binary treatment with effect θ + X'β c_y: D = 1(Λ(c_d X'β) > U), Y = θD + c_y X'β D + ζ, β_j = 1/j².

    c_d and c_y give the index the shares ``r2_d`` and ``r2_y`` of the variance; cov(x_j, x_k) = 0.5^|j - k|.
    """

    theta: float = 0.5
    p: int = 20
    r2_d: float = 0.5
    r2_y: float = 0.5

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        x = _correlated(rng, (copies, n), self.p, 0.5)
        beta = 1 / np.arange(1, self.p + 1) ** 2
        j = np.arange(self.p)
        variance = beta @ 0.5 ** np.abs(j[:, None] - j) @ beta
        c_d = np.sqrt(np.pi**2 / 3 * self.r2_d / ((1 - self.r2_d) * variance))
        c_y = np.sqrt(self.r2_y / ((1 - self.r2_y) * variance))
        index = x @ beta
        d = (_logistic(c_d * index) > rng.random((copies, n))).astype(float)
        y = self.theta * d + c_y * index * d + rng.standard_normal((copies, n))
        return {"y": y, "d": d, "x": x}


@dataclass(frozen=True)
class PartiallyLinearIVDesign(_EffectIsTheta):
    """Y = θD + g(X) + ε, D = πZ + m(X) + v, Z = h(X) + u, with corr(ε, v) = 0.6; g, m, h as in the design without Z."""

    theta: float = 0.5
    p: int = 20
    strength: float = 1.0

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        x = _correlated(rng, (copies, n), self.p, 0.7)
        z = 0.5 * x[..., 0] + _logistic(x[..., 1]) + rng.standard_normal((copies, n))
        v = rng.standard_normal((copies, n))
        noise = 0.6 * v + 0.8 * rng.standard_normal((copies, n))
        d = self.strength * z + x[..., 0] + 0.25 * _logistic(x[..., 2]) + v
        y = self.theta * d + _logistic(x[..., 0]) + 0.25 * x[..., 2] + noise
        return {"y": y, "d": d, "x": x, "z": z}


@dataclass(frozen=True)
class InteractiveIVDesign(_EffectIsTheta):
    """A binary instrument offered at random, D = 1(αZ + v > 0), Y = θD + X'β + u, corr(u, v) = 0.3, β_j = 1/j²."""

    theta: float = 1.0
    p: int = 20
    strength: float = 1.5

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        x = _correlated(rng, (copies, n), self.p, 0.5)
        z = (rng.random((copies, n)) < _logistic(0.5 * x[..., 1])).astype(float)
        v = rng.standard_normal((copies, n))
        u = 0.3 * v + np.sqrt(1 - 0.09) * rng.standard_normal((copies, n))
        d = (self.strength * z - self.strength / 2 + 0.2 * x[..., 0] + v > 0).astype(float)
        y = self.theta * d + x @ (1 / np.arange(1, self.p + 1) ** 2) + u
        return {"y": y, "d": d, "x": x, "z": z}


@dataclass(frozen=True)
class KangSchaferDesign:
    """An outcome around 210 that treatment does not change, and covariates that may hide what they are made of.

    Y = 210 + 27.4 z₁ + 13.7 (z₂ + z₃ + z₄) + ε, P(D = 1) = Λ(-z₁ + z₂/2 - z₃/4 - z₄/10). If ``transformed``, x holds
    exp(z₁/2), z₂/(1 + exp z₁) + 10, (z₁z₃/25 + 0.6)³ and (z₂ + z₄ + 20)², standardised, so that models linear in x are
    wrong for both nuisances.
    """

    transformed: bool = True

    @property
    def truth(self) -> float:
        return 0.0

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        z = rng.standard_normal((copies, n, 4))
        e = _logistic(z @ np.array([-1.0, 0.5, -0.25, -0.1]))
        d = (rng.random((copies, n)) < e).astype(float)
        y = 210 + z @ np.array([27.4, 13.7, 13.7, 13.7]) + rng.standard_normal((copies, n))
        return {"y": y, "d": d, "x": _hidden(z) if self.transformed else z}


@dataclass(frozen=True)
class WeakOverlapDesign(_EffectIsTheta):
    """Propensities Λ(strength · x₀) that come close to 0 and 1, with Y = θD + x₀ + ½x₁ + ζ."""

    theta: float = 1.0
    p: int = 5
    strength: float = 3.0

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        x = rng.standard_normal((copies, n, self.p))
        d = (rng.random((copies, n)) < _logistic(self.strength * x[..., 0])).astype(float)
        y = self.theta * d + x[..., 0] + 0.5 * x[..., 1] + rng.standard_normal((copies, n))
        return {"y": y, "d": d, "x": x}


@dataclass(frozen=True)
class DifferenceInDifferencesDesign(_EffectIsTheta):
    """Two periods whose trend depends on the covariates, as a panel or as repeated cross-sections.

    With f = 210 + 27.4 z₁ + 13.7 (z₂ + z₃ + z₄) and ν ~ N(D f, 1): Y₀ = f + ν + ε₀, Y₁ = 2f + ν + θD + ε₁, and
    P(D = 1) = Λ(¾(-z₁ + z₂/2 - z₃/4 - z₄/10)). Repeated cross-sections show each row in one period, the second one with
    probability ``after``.
    """

    theta: float = 0.0
    panel: bool = True
    after: float = 0.5
    transformed: bool = False

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        z = rng.standard_normal((copies, n, 4))
        d = (rng.random((copies, n)) < _logistic(0.75 * z @ np.array([-1.0, 0.5, -0.25, -0.1]))).astype(float)
        f = 210 + z @ np.array([27.4, 13.7, 13.7, 13.7])
        level = d * f + rng.standard_normal((copies, n))
        before = f + level + rng.standard_normal((copies, n))
        after = 2 * f + level + self.theta * d + rng.standard_normal((copies, n))
        x = _hidden(z) if self.transformed else z
        if self.panel:
            return {"y": after, "before": before, "d": d, "x": x}
        time = (rng.random((copies, n)) < self.after).astype(float)
        return {"y": np.where(time == 1, after, before), "d": d, "x": x, "time": time}


def simulate_partially_linear(n: int = 500, *, theta: float = 0.5, p: int = 20, seed: int = 0) -> pd.DataFrame:
    """One sample of ``PartiallyLinearDesign``: y, d, x0, ...

    Examples
    --------
    >>> simulate_partially_linear(100, p=3).columns.tolist()
    ['y', 'd', 'x0', 'x1', 'x2']
    """
    return _frame(PartiallyLinearDesign(theta, whole("p", p, least=3)), n, seed)


def simulate_interactive(n: int = 500, *, theta: float = 0.5, p: int = 20, seed: int = 0) -> pd.DataFrame:
    """One sample of ``InteractiveDesign``: y, d, x0, ...

    Examples
    --------
    >>> sorted(simulate_interactive(100)["d"].unique().tolist())
    [0.0, 1.0]
    """
    return _frame(InteractiveDesign(theta, whole("p", p, least=1)), n, seed)


def simulate_partially_linear_iv(n: int = 500, *, theta: float = 0.5, p: int = 20, seed: int = 0) -> pd.DataFrame:
    """One sample of ``PartiallyLinearIVDesign``: y, d, x0, ..., z."""
    return _frame(PartiallyLinearIVDesign(theta, whole("p", p, least=3)), n, seed)


def simulate_interactive_iv(n: int = 500, *, theta: float = 1.0, p: int = 20, seed: int = 0) -> pd.DataFrame:
    """One sample of ``InteractiveIVDesign``: y, d, x0, ..., z."""
    return _frame(InteractiveIVDesign(theta, whole("p", p, least=2)), n, seed)


def simulate_kang_schafer(n: int = 1000, *, transformed: bool = True, seed: int = 0) -> pd.DataFrame:
    """One sample of ``KangSchaferDesign``: y, d, x0, ..., x3; the effect is zero.

    Examples
    --------
    >>> data = simulate_kang_schafer(5000)
    >>> treated, control = data[data["d"] == 1], data[data["d"] == 0]
    >>> bool(treated["y"].mean() - control["y"].mean() < -15)  # confounded: the naive effect is about -20
    True
    """
    return _frame(KangSchaferDesign(transformed), n, seed)


def simulate_weak_overlap(n: int = 1000, *, strength: float = 3.0, seed: int = 0) -> pd.DataFrame:
    """One sample of ``WeakOverlapDesign``: y, d, x0, ..., x4; the effect is one."""
    return _frame(WeakOverlapDesign(strength=strength), n, seed)


def simulate_difference_in_differences(
    n: int = 500, *, panel: bool = True, theta: float = 0.0, transformed: bool = False, seed: int = 0
) -> pd.DataFrame:
    """One sample of ``DifferenceInDifferencesDesign``: y, d, x0, ..., x3 and before (panel) or time."""
    return _frame(DifferenceInDifferencesDesign(theta, panel, transformed=transformed), n, seed)


def simulate_staggered(units: int = 500, *, periods: int = 4, seed: int = 0) -> pd.DataFrame:
    """A panel in which treatment starts in period 2, 3, ... or never, with an effect of 1, 2, ... from its start on.

    Which group a unit is in, and the trend of its outcome, depend on the covariates x0 and x1.

    Returns
    -------
    DataFrame, shape (units * periods, 6)
        unit, time (from 1), group (0 for never), x0, x1, y.

    Examples
    --------
    >>> simulate_staggered(100)["group"].unique().size
    4
    """
    units, periods = whole("units", units, least=10), whole("periods", periods, least=2)
    import pandas as pd

    rng = np.random.default_rng(whole("seed", seed, least=0))
    x = rng.standard_normal((units, 2))
    starts = np.array([0, *range(2, periods + 1)])
    score = x @ np.stack([np.linspace(0, 0.5, len(starts)), np.linspace(0.3, 0, len(starts))])
    group = starts[np.argmax(score + rng.gumbel(size=score.shape), axis=1)]
    time = np.arange(1, periods + 1)
    treated = (group[:, None] > 0) & (time >= group[:, None])
    effect = np.where(treated, time - group[:, None] + 1, 0)
    own = rng.standard_normal(units) + x[:, 0]
    y = own[:, None] + time * (1 + 0.5 * x[:, [0]]) + effect + rng.standard_normal((units, periods))
    columns = {"unit": np.arange(units), "group": group, "x0": x[:, 0], "x1": x[:, 1]}
    frame = pd.DataFrame({name: np.repeat(column, periods) for name, column in columns.items()})
    frame.insert(1, "time", np.tile(time, units))
    return frame.assign(y=y.ravel())


def _frame(design: CausalDesign, n: int, seed: int) -> pd.DataFrame:
    n = whole("n", n, least=2)
    import pandas as pd

    draws = design.draw(np.random.default_rng(whole("seed", seed, least=0)), n)
    x = draws.pop("x")[0]
    columns = {name: values[0] for name, values in draws.items()}
    ordered = {"y": columns.pop("y"), "d": columns.pop("d")}
    return pd.DataFrame({**ordered, **{f"x{j}": x[:, j] for j in range(x.shape[1])}, **columns})


def _correlated(rng: np.random.Generator, shape: tuple[int, ...], p: int, rho: float) -> np.ndarray:
    """Standard normal covariates with cov(x_j, x_k) = rho^|j - k|, shape (*shape, p)."""
    j = np.arange(p)
    root = np.linalg.cholesky(rho ** np.abs(j[:, None] - j))
    return rng.standard_normal((*shape, p)) @ root.T


def _hidden(z: np.ndarray) -> np.ndarray:
    """Kang and Schafer's covariates; means and standard deviations are, to four digits, those of the population."""
    x = np.stack(
        [
            np.exp(z[..., 0] / 2),
            z[..., 1] / (1 + np.exp(z[..., 0])) + 10,
            (z[..., 0] * z[..., 2] / 25 + 0.6) ** 3,
            (z[..., 1] + z[..., 3] + 20) ** 2,
        ],
        axis=-1,
    )
    return (x - np.array([1.1331, 10.0, 0.2189, 402.0])) / np.array([0.6039, 0.5416, 0.0445, 56.64])


def _logistic(u: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(u / 2))
