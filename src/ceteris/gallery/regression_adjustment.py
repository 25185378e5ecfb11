"""What covariates buy in an experiment, and the theorem behind partialling out.

With a share π treated at random, Var X = A and best linear projections β_0, β_1 of the two potential outcomes,

    V_DM - V_IREG = |sqrt((1-π)/π) β_1 + sqrt(π/(1-π)) β_0|²_A ≥ 0,   |b|²_A = b'Ab

whether or not the outcomes are linear. At π = 1/2 this is |β_0 + β_1|²_A; sometimes |β_0|²_A + |β_1|²_A is printed,
which is right only for β_0'Aβ_1 = 0. With β_1 = -β_0 nothing is gained, and with β_1 = β_0 twice as much as printed.

The theorem of Frisch, Waugh and Lovell: the coefficient of d in a regression on d and x is that of the residual of y on
the residual of d, whatever x is.

References
----------
Lin (2013). Annals of Applied Statistics 7. Frisch and Waugh (1933), Econometrica 1. Lovell (1963), JASA 58.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ceteris.gallery._plots import panels
from ceteris.results import Check, Figure, Section, Table
from ceteris.stats.least_squares import ols, partial_out

if TYPE_CHECKING:
    import matplotlib.figure

ROWS = 400


class OutcomeModel(NamedTuple):
    """Y(w) = β_w x + q (x² - 1) + ε, x standard normal: the best linear projection is β_w x, the rest has 1 + 2q²."""

    name: str
    b0: float
    b1: float
    share: float
    q: float


CASES = (
    OutcomeModel("same slopes", 1.0, 1.0, 0.5, 0.0),
    OutcomeModel("one slope is zero", 0.0, 1.5, 0.5, 0.0),
    OutcomeModel("opposite slopes", 1.0, -1.0, 0.5, 0.0),
    OutcomeModel("a quarter treated", 1.0, 2.0, 0.25, 0.0),
    OutcomeModel("nonlinear", 1.0, 1.0, 0.5, 1.0),
)


def variances(case: OutcomeModel) -> tuple[float, float, float]:
    """Asymptotic variances of DM and of IREG, times n, and the gain as it is sometimes printed.

    Examples
    --------
    >>> variances(CASES[2])  # opposite slopes: no gain, where 2 is printed
    (8.0, 8.0, 2.0)
    """
    _, b0, b1, share, q = case
    noise = 1 + 2 * q**2
    ireg = noise / share + noise / (1 - share) + (b1 - b0) ** 2
    dm = (b1**2 + noise) / share + (b0**2 + noise) / (1 - share)
    return dm, ireg, b0**2 + b1**2


def simulate(case: OutcomeModel, rng: np.random.Generator, copies: int) -> tuple[np.ndarray, np.ndarray]:
    """Difference in means and interacted regression on experiments of 400 rows; each shape (copies,)."""
    x = rng.standard_normal((copies, ROWS))
    d = (rng.uniform(size=(copies, ROWS)) < case.share).astype(float)
    slope = np.where(d == 1, case.b1, case.b0)
    y = slope * x + case.q * (x**2 - 1) + rng.standard_normal((copies, ROWS))
    means, ends = [], []
    for arm in (d, 1 - d):
        n = arm.sum(1)
        mx, my = (arm * x).sum(1) / n, (arm * y).sum(1) / n
        gap = arm * (x - mx[:, None])
        beta = (gap * y).sum(1) / (gap * x).sum(1)
        means.append(my)
        ends.append(my + beta * (x.mean(1) - mx))
    return means[0] - means[1], ends[0] - ends[1]


def gains(rng: np.random.Generator, copies: int) -> pd.DataFrame:
    """Simulated and exact variances, times n, by case."""
    rows = []
    for case in CASES:
        dm, ireg = simulate(case, rng, copies)
        v_dm, v_ireg, printed = variances(case)
        difference = ROWS * ((dm - dm.mean()) ** 2 - (ireg - ireg.mean()) ** 2)
        rows.append(
            {
                "case": case.name,
                "DM": ROWS * dm.var(),
                "IREG": ROWS * ireg.var(),
                "DM, exact": v_dm,
                "IREG, exact": v_ireg,
                "gain": difference.mean(),
                "standard error": difference.std() / np.sqrt(copies),
                "gain, exact": v_dm - v_ireg,
                "gain as printed": printed,
            }
        )
    return pd.DataFrame(rows)


def partialling(rng: np.random.Generator, n: int = 300) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The coefficient of d the long way and by residuals, with 1, 5 and 20 covariates; the last's residuals."""
    rows, residuals = [], pd.DataFrame()
    for p in (1, 5, 20):
        x = rng.standard_normal((n, p))
        X = np.column_stack([np.ones(n), x])
        d = x.sum(1) / np.sqrt(p) + rng.standard_normal(n)
        y = 0.5 * d + x.sum(1) + rng.standard_normal(n)
        u, v = partial_out(y, X), partial_out(d, X)
        long = float(ols(np.column_stack([d, X]), y).beta[0])
        short = float(v @ u / (v @ v))
        naive = float(np.cov(d, y)[0, 1] / np.var(d, ddof=1))
        rows.append(
            {
                "covariates": p,
                "long regression": long,
                "residual on residual": short,
                "without covariates": naive,
                "difference": abs(long - short),
            }
        )
        residuals = pd.DataFrame({"residual of d": v, "residual of y": u, "fit": short * v})
    return pd.DataFrame(rows), residuals


def _draw_gains(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    place = np.arange(len(data))
    axes.errorbar(data["gain"], place, xerr=2 * data["standard error"], fmt="o", label="simulated")
    axes.plot(data["gain, exact"], place, "|", markersize=18, label="exact")
    axes.plot(data["gain as printed"], place, "x", color="C3", label="as printed")
    axes.set_yticks(place, data["case"])
    axes.set(xlabel="n (Var DM - Var IREG)")
    axes.legend()


def _draw_residuals(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    axes.plot(data["residual of d"], data["residual of y"], ".", alpha=0.6)
    axes.plot(data["residual of d"], data["fit"], color="C1")
    axes.set(xlabel="residual of d", ylabel="residual of y")


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Simulate the gain in five cases, and partial out; see `ceteris.gallery.sections`."""
    rng = np.random.default_rng([seed, 4])
    table: Any = gains(rng, 2_000 if quick else 20_000)
    equal, residuals = partialling(rng)
    gain, error, exact, printed = (
        table[name].to_numpy() for name in ("gain", "standard error", "gain, exact", "gain as printed")
    )
    z = float(np.abs((gain - exact) / error).max())
    off = float(np.abs((gain - printed) / error)[[0, 2]].min())
    opposite, gap = float(gain[2]), float(equal["difference"].to_numpy().max())
    return (
        Section(
            "The gain from covariates in an experiment",
            "Regression in both arms is never worse than the difference in means in large samples, also where the "
            "regression is wrong; but it need not be better.",
            (Table("Variances times n", table, f"Experiments of {ROWS} rows; exact: in large samples."),),
            (Figure("Gain in five cases", "Points with two standard errors.", table, _draw_gains),),
            (
                # five comparisons at 4.5 standard errors, which leaves room for terms of order 1/n
                Check("gains are those of the formula", z < 4.5, f"Off by {z:.1f} standard errors at most.", z, 4.5),
                Check("the printed sum is another number", off > 5,
                      f"Off by {off:.0f} standard errors with equal and with opposite slopes.", off, 5.0),
                Check("opposite slopes gain nothing", abs(opposite) < 0.5,
                      f"The gain is {opposite:.2f}, of a variance of 8.", abs(opposite), 0.5),
            ),
        ),
        Section(
            "Frisch, Waugh and Lovell",
            "Regress y and d on the covariates, keep the residuals, and regress the one on the other: the coefficient "
            "is that of the long regression, to rounding. Debiased machine learning replaces the two regressions.",
            (Table("The coefficient of d", equal, "The truth is 0.5."),),
            (Figure("Residual on residual", "Twenty covariates partialled out.", residuals, _draw_residuals),),
            (Check("both ways agree", gap < 1e-10, f"They differ by {gap:.1e}.", gap, 1e-10),),
        ),
    )  # fmt: skip
