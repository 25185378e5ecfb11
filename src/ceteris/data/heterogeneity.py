"""Designs with a known effect τ(x) for every row, on which estimators of heterogeneous effects are measured.

``design.draw(rng, n, copies)`` returns arrays by role with leading axes (copies, n): y, d, x, and the truth: tau
(effect), e (propensity), mean (E[Y | X]). ``simulate_...`` returns one sample as a data frame with y, d, x0, x1, ...,
tau, e.

References
----------
Nie and Wager (2021), Biometrika 108, section 4; Künzel, Sekhon, Bickel and Yu (2019), PNAS 116, supplement; Hill
(2011), Journal of Computational and Graphical Statistics 20.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ceteris.arguments import one_of, whole

if TYPE_CHECKING:
    import pandas as pd

Draws = dict[str, np.ndarray]
NIE_WAGER = ("A", "B", "C", "D")
KUENZEL = ("unbalanced", "linear", "nonlinear", "no effect", "no effect, piecewise", "confounded")
IHDP_SHARES = (0.51, 0.52, 0.36, 0.36, 0.27, 0.22, 0.14, 0.46, 0.37, 0.18, 0.59, 0.36, 0.14, 0.96, 0.14, 0.16, 0.08, 0.07, 0.13)  # fmt: skip  # noqa: E501


class EffectDesign(Protocol):
    """What a design with heterogeneous effects offers."""

    @property
    def name(self) -> str:
        """Name of the design in tables."""
        ...

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        """Samples by role, with leading axes (copies, n)."""
        ...


@dataclass(frozen=True)
class NieWagerDesign:
    """Four designs, Y = b(X) + (D - 1/2) τ(X) + σε.

    A: X uniform, e = sin(π x₁x₂) kept within [0.1, 0.9], b = sin(π x₁x₂) + 2(x₃ - 1/2)² + x₄ + x₅/2, τ = (x₁ + x₂)/2:
    difficult nuisances, an easy effect. B: a randomised trial, X normal, b = max(x₁ + x₂, x₃, 0) + max(x₄ + x₅, 0),
    τ = x₁ + log(1 + exp x₂). C: e = 1/(1 + exp(x₂ + x₃)), b = 2 log(1 + exp(x₁ + x₂ + x₃)), τ = 1. D: unrelated arms,
    e = 1/(1 + exp(-x₁) + exp(-x₂)), b = (max(x₁ + x₂ + x₃, 0) + max(x₄ + x₅, 0))/2,
    τ = max(x₁ + x₂ + x₃, 0) - max(x₄ + x₅, 0).
    """

    setup: str = "A"
    p: int = 6
    sigma: float = 1.0

    def __post_init__(self) -> None:
        one_of("setup", self.setup, NIE_WAGER)
        whole("p", self.p, 5)

    @property
    def name(self) -> str:
        return f"Nie-Wager {self.setup}"

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        shape = (copies, n, self.p)
        x = rng.random(shape) if self.setup == "A" else rng.standard_normal(shape)
        b, e, tau = _NIE_WAGER[self.setup](*np.moveaxis(x[..., :5], -1, 0))
        return _outcomes(rng, x, b - 0.5 * tau, tau, e, self.sigma)


@dataclass(frozen=True)
class KuenzelDesign:
    """Six designs of 20 covariates, by name as in ``KUENZEL``.

    unbalanced: e = 0.05 (0.01 in the paper, which has 100 times the rows), μ₀ = x'β + 5·1(x₁ > 1/2),
    τ = 8·1(x₂ > 0.1). linear: e = 1/2, μ_w = x'β_w with different coefficients. nonlinear: e = 1/2,
    μ₁ = -μ₀ = ς(x₁)ς(x₂)/2, ς(x) = 2/(1 + exp(-12(x - 1/2))). no effect: μ₀ = μ₁ linear; piecewise: the coefficients
    change with x₂₀. confounded: uniform covariates, e = (1 + Beta(x₁; 2, 4))/4, μ₀ = μ₁ = 2x₁ - 1.

    Coefficients are drawn once (`coefficients` is their seed), scaled so that x'β has variance 4. Normal covariates are
    independent here; the paper correlates them at random.
    """

    setup: str = "unbalanced"
    p: int = 20
    sigma: float = 1.0
    coefficients: int = 0

    def __post_init__(self) -> None:
        one_of("setup", self.setup, KUENZEL)
        whole("p", self.p, 2)

    @property
    def name(self) -> str:
        return f"Künzel: {self.setup}"

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        shape = (copies, n, self.p)
        x = rng.random(shape) if self.setup == "confounded" else rng.standard_normal(shape)
        beta = np.random.default_rng(self.coefficients).uniform(-5, 5, (self.p, 3))
        beta *= 2 / np.linalg.norm(beta, axis=0)
        mu0, tau, e = self._truth(x, beta)
        return _outcomes(rng, x, mu0, tau, e, self.sigma)

    def _truth(self, x: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, second, last = x[..., 0], x[..., 1], x[..., -1]
        zero, half = np.zeros_like(first), np.full_like(first, 0.5)
        if self.setup == "unbalanced":
            return x @ beta[:, 0] + 5 * (first > 0.5), 8.0 * (second > 0.1), np.full_like(first, 0.05)
        if self.setup == "linear":
            return x @ beta[:, 0], x @ (beta[:, 1] - beta[:, 0]), half
        if self.setup == "nonlinear":
            product = 4 / ((1 + np.exp(-12 * (first - 0.5))) * (1 + np.exp(-12 * (second - 0.5))))
            return -product / 2, product, half
        if self.setup == "no effect":
            return x @ beta[:, 0], zero, half
        if self.setup == "no effect, piecewise":
            region = (last > -0.4).astype(int) + (last > 0.4)
            return np.take_along_axis(x @ beta, region[..., None], axis=-1)[..., 0], zero, half
        return 2 * first - 1, zero, 0.25 * (1 + 20 * first * (1 - first) ** 3)


@dataclass(frozen=True)
class HillDesign:
    """In the manner of Hill (2011): 6 continuous and 19 binary covariates, a fifth treated, response surface A or B.

    A: Y(0) = x'β + ε, Y(1) = Y(0) + 4, coefficients among 0 (half), 1, 2, 3, 4. B: μ₀ = exp((x + 1/2)'β),
    μ₁ = x'β - ω, coefficients among 0 (six tenths), 0.1, 0.2, 0.3, 0.4, and ω such that the treated gain 4 on average.
    The paper takes covariates from a study of infants; here they are drawn, with shares like theirs, and treatment
    depends on six of them.
    """

    surface: str = "B"
    sigma: float = 1.0

    def __post_init__(self) -> None:
        one_of("surface", self.surface, ("A", "B"))

    @property
    def name(self) -> str:
        return f"Hill {self.surface}"

    def draw(self, rng: np.random.Generator, n: int, copies: int = 1) -> Draws:
        binary = rng.random((copies, n, len(IHDP_SHARES))) < np.array(IHDP_SHARES)
        x = np.concatenate([rng.standard_normal((copies, n, 6)), binary], axis=-1)
        index = (
            0.5 * x[..., 0] - 0.4 * x[..., 1] + 0.3 * x[..., 2] - 0.8 * x[..., 7] + 0.6 * x[..., 9] - 0.5 * x[..., 11]
        )
        e = 1 / (1 + np.exp(1.5 - index))
        sizes, shares = ((0, 1, 2, 3, 4), (0.5, 0.2, 0.15, 0.1, 0.05))
        if self.surface == "B":
            sizes, shares = (0.0, 0.1, 0.2, 0.3, 0.4), (0.6, 0.1, 0.1, 0.1, 0.1)
        beta = rng.choice(sizes, (copies, x.shape[-1], 1), p=shares)
        linear = (x @ beta)[..., 0]
        if self.surface == "A":
            return _outcomes(rng, x, linear, np.full_like(linear, 4.0), e, self.sigma)
        mu0 = np.exp(((x + 0.5) @ beta)[..., 0])
        gain = linear - mu0
        omega = (e * gain).sum(-1, keepdims=True) / e.sum(-1, keepdims=True) - 4
        return _outcomes(rng, x, mu0, gain - omega, e, self.sigma)


def simulate_nie_wager(setup: str = "A", n: int = 1000, p: int = 6, sigma: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """One sample of ``NieWagerDesign``.

    Examples
    --------
    >>> data = simulate_nie_wager("C", 500)
    >>> float(data["tau"].std())
    0.0
    """
    return _frame(NieWagerDesign(setup, p, sigma), n, seed)


def simulate_kuenzel(setup: str = "unbalanced", n: int = 1000, seed: int = 0) -> pd.DataFrame:
    """One sample of ``KuenzelDesign``.

    Examples
    --------
    >>> sorted(simulate_kuenzel("unbalanced", 500)["tau"].unique().tolist())
    [0.0, 8.0]
    """
    return _frame(KuenzelDesign(setup), n, seed)


def simulate_hill(surface: str = "B", n: int = 747, seed: int = 0) -> pd.DataFrame:
    """One sample of ``HillDesign``.

    Examples
    --------
    >>> data = simulate_hill("A")
    >>> float(data["tau"].mean())
    4.0
    """
    return _frame(HillDesign(surface), n, seed)


# ---------------------------------------------------------------------------------------- what the designs share


def _outcomes(
    rng: np.random.Generator, x: np.ndarray, mu0: np.ndarray, tau: np.ndarray, e: np.ndarray, sigma: float
) -> Draws:
    d = (rng.random(e.shape) < e).astype(float)
    y = mu0 + d * tau + sigma * rng.standard_normal(e.shape)
    return {"y": y, "d": d, "x": x, "tau": tau, "e": e, "mean": mu0 + e * tau}


def _frame(design: EffectDesign, n: int, seed: int) -> pd.DataFrame:
    import pandas as pd

    whole("n", n, 2)
    drawn = {role: values[0] for role, values in design.draw(np.random.default_rng(seed), n).items()}
    columns = {f"x{j}": column for j, column in enumerate(drawn["x"].T)}
    return pd.DataFrame({"y": drawn["y"], "d": drawn["d"], **columns, "tau": drawn["tau"], "e": drawn["e"]})


Truth = tuple[np.ndarray, np.ndarray, np.ndarray]


def _setup_a(x1: np.ndarray, x2: np.ndarray, x3: np.ndarray, x4: np.ndarray, x5: np.ndarray) -> Truth:
    wave = np.sin(np.pi * x1 * x2)
    return wave + 2 * (x3 - 0.5) ** 2 + x4 + 0.5 * x5, np.clip(wave, 0.1, 0.9), (x1 + x2) / 2


def _setup_b(x1: np.ndarray, x2: np.ndarray, x3: np.ndarray, x4: np.ndarray, x5: np.ndarray) -> Truth:
    b = np.maximum(np.maximum(x1 + x2, x3), 0) + np.maximum(x4 + x5, 0)
    return b, np.full_like(x1, 0.5), x1 + np.logaddexp(0, x2)


def _setup_c(x1: np.ndarray, x2: np.ndarray, x3: np.ndarray, x4: np.ndarray, x5: np.ndarray) -> Truth:
    return 2 * np.logaddexp(0, x1 + x2 + x3), 1 / (1 + np.exp(x2 + x3)), np.ones_like(x1)


def _setup_d(x1: np.ndarray, x2: np.ndarray, x3: np.ndarray, x4: np.ndarray, x5: np.ndarray) -> Truth:
    first, second = np.maximum(x1 + x2 + x3, 0), np.maximum(x4 + x5, 0)
    return (first + second) / 2, 1 / (1 + np.exp(-x1) + np.exp(-x2)), first - second


_NIE_WAGER: dict[str, Callable[..., Truth]] = {"A": _setup_a, "B": _setup_b, "C": _setup_c, "D": _setup_d}
