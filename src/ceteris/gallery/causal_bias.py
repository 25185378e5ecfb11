"""Two biases of machine learning in causal estimates: of regularisation, and of overfitting.

Regularisation. In Y = θD + X'β + U, D = X'γ + V with X ~ N(0, I), a ridge regression shrinks what it estimates by
s = λ/(1 + λ). The plug-in estimator with ĝ from a ridge regression of Y on D and X, and the orthogonal one, residual
on residual, then have the biases

    plug-in      E[D(g - ĝ)] / E[D²],                          of order λ
    orthogonal   s² γ'β / (Var V + s² γ'γ),                    of order λ²

so that with λ = n^(-1/3) the bias times sqrt(n) goes to infinity for the one and to zero for the other. (For the
plug-in estimator ĝ would have to converge faster than n^(-1/2), not n^(-1/4) as is sometimes printed.)

Overfitting. Augmented inverse probability weighting corrects a regression by weighting its residuals. A nearest-
neighbour regression that has seen the rows has too small residuals on them, so the correction fails and the standard
error is too small; on rows that it has not seen it works.

References
----------
Chernozhukov et al. (2018). Double/debiased machine learning for treatment and structural parameters. Econometrics
Journal 21, figures 1 and 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.causal.crossfit import make_folds
from ceteris.causal.scores import interactive
from ceteris.gallery._plots import lines, panels, ticks_at
from ceteris.results import Check, Figure, Section, Table
from ceteris.stats.logit import logit, sigmoid, with_constant

if TYPE_CHECKING:
    import matplotlib.figure

THETA, GAMMA, BETA = 0.5, np.array([1.0, 0.5, 0.0, 0.0]), np.array([1.0, 0.0, 0.5, 0.0])
SIZES = (128, 512, 2_048, 8_192)
NEIGHBOURS, ROWS = 2, 1_000


def penalty(n: int) -> float:
    """λ of a sample of n rows."""
    return n ** (-1 / 3)


def limits(lam: float) -> tuple[float, float]:
    """Biases of the plug-in and of the orthogonal estimator in large samples, for a given penalty.

    Examples
    --------
    >>> [round(bias, 4) for bias in limits(0.1)]
    [0.0816, 0.0082]
    """
    p = len(GAMMA)
    moments = np.block([[np.array([[1 + GAMMA @ GAMMA]]), GAMMA[None]], [GAMMA[:, None], (1 + lam) * np.eye(p)]])
    target = np.concatenate([[THETA * moments[0, 0] + GAMMA @ BETA], THETA * GAMMA + BETA])
    slope = np.linalg.solve(moments, target)[1:]
    s = lam / (1 + lam)
    plug_in = GAMMA @ (BETA - slope) / moments[0, 0]
    return float(plug_in), float(s**2 * GAMMA @ BETA / (1 + s**2 * GAMMA @ GAMMA))


def ridge(free: np.ndarray, x: np.ndarray, y: np.ndarray, lam: float) -> np.ndarray:
    """Coefficients (copies, q + p) of y on columns without and with a penalty, for every copy at once."""
    z = np.concatenate([free, x], axis=-1)
    weight = np.concatenate([np.zeros(free.shape[-1]), np.full(x.shape[-1], lam * x.shape[1])])
    gram = np.swapaxes(z, 1, 2) @ z + np.diag(weight)
    return np.linalg.solve(gram, np.swapaxes(z, 1, 2) @ y[..., None])[..., 0]


def regularised(rng: np.random.Generator, n: int, copies: int) -> dict[str, np.ndarray]:
    """Both estimators on samples of n rows, nuisances from the other half; each shape (copies,)."""
    x = rng.standard_normal((copies, n, len(GAMMA)))
    d = x @ GAMMA + rng.standard_normal((copies, n))
    y = THETA * d + x @ BETA + rng.standard_normal((copies, n))
    lam, half = penalty(n), n // 2
    sums = {"plug-in": np.zeros((2, copies)), "orthogonal": np.zeros((2, copies))}
    for own, other in ((slice(0, half), slice(half, n)), (slice(half, n), slice(0, half))):
        g = x[:, own] @ ridge(d[:, other, None], x[:, other], y[:, other], lam)[:, 1:, None]
        sums["plug-in"] += np.stack([(d[:, own] * (y[:, own] - g[..., 0])).sum(1), (d[:, own] ** 2).sum(1)])
        empty = np.empty((copies, half, 0))
        u, v = (
            target[:, own] - (x[:, own] @ ridge(empty, x[:, other], target[:, other], lam)[..., None])[..., 0]
            for target in (y, d)
        )
        sums["orthogonal"] += np.stack([(u * v).sum(1), (v**2).sum(1)])
    return {name: top / bottom for name, (top, bottom) in sums.items()}


def regularisation(rng: np.random.Generator, copies: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bias by sample size, simulated and in the limit; and the estimates of one size, standardised."""
    rows, shown = [], []
    for n in SIZES:
        truth = dict(zip(("plug-in", "orthogonal"), limits(penalty(n)), strict=True))
        parts = [regularised(rng, n, 100) for _ in range(copies // 100)]
        for name in truth:
            error = np.concatenate([part[name] for part in parts]) - THETA
            rows.append(
                {
                    "estimator": name,
                    "n": n,
                    "bias": error.mean(),
                    "standard error": error.std() / np.sqrt(copies),
                    "limit": truth[name],
                    "sd": error.std(),
                    "√n bias": np.sqrt(n) * error.mean(),
                    "√n limit": np.sqrt(n) * truth[name],
                }
            )
            if n == SIZES[2]:
                shown.append(pd.DataFrame({"estimator": name, "standardised": error / error.std()}))
    return pd.DataFrame(rows), pd.concat(shown, ignore_index=True)


def neighbour_means(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Mean outcome of the nearest rows x at each of the rows `at`; a row that is among them counts itself."""
    from scipy.spatial import KDTree

    return y[np.asarray(KDTree(x).query(at, k=NEIGHBOURS)[1])].mean(axis=1)


def overfitted(seed: int) -> dict[str, tuple[float, float]]:
    """Estimate and standard error of the ATE (which is one), nuisances from all rows and from other folds."""
    rng = np.random.default_rng([seed, 3])
    x = rng.standard_normal((ROWS, 4))
    d = (rng.uniform(size=ROWS) < sigmoid(0.7 * x[:, 0] + 0.3 * x[:, 1])).astype(float)
    y = d + 2 * x[:, 0] + x[:, 1] ** 2 + rng.standard_normal(ROWS)
    (fold,) = make_folds(ROWS, 5, seed=seed, stratify=d)
    found = {}
    for how in ("full sample", "cross-fitted"):
        g, e = np.empty((2, ROWS)), np.empty(ROWS)
        for k in range(5) if how == "cross-fitted" else (None,):
            test = np.ones(ROWS, bool) if k is None else fold == k
            train = np.ones(ROWS, bool) if k is None else fold != k
            e[test] = logit(with_constant(x[train]), d[train]).probability(with_constant(x[test]))
            for arm in (0, 1):
                mine = train & (d == arm)
                g[arm, test] = neighbour_means(x[mine], y[mine], x[test])
        _, psi = interactive(y, d, g[0], g[1], np.clip(e, 0.01, 0.99))
        found[how] = (float(psi.mean()), float(psi.std() / np.sqrt(ROWS)))
    return found


def overfitting(seed: int, copies: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bias, spread, mean standard error and coverage by how nuisances are fitted; and the t-statistics."""
    draws = [overfitted(1_000 * seed + r) for r in range(copies)]
    rows, shown = [], []
    for how in draws[0]:
        point, se = np.array([draw[how] for draw in draws]).T
        rows.append(
            {
                "nuisances": how,
                "bias": point.mean() - 1,
                "standard error of the bias": point.std() / np.sqrt(copies),
                "sd": point.std(),
                "mean std err": se.mean(),
                "coverage of 95 %": np.mean(np.abs(point - 1) < 1.96 * se),
            }
        )
        shown.append(pd.DataFrame({"nuisances": how, "t": (point - 1) / se}))
    return pd.DataFrame(rows), pd.concat(shown, ignore_index=True)


def _densities(data: pd.DataFrame, by: str, value: str, edges: np.ndarray) -> pd.DataFrame:
    """Histograms by group, with the standard normal density, in long form."""
    middle = (edges[1:] + edges[:-1]) / 2
    parts = [
        pd.DataFrame({by: name, value: middle, "density": np.histogram(part[value], edges, density=True)[0]})
        for name, part in data.groupby(by, sort=False)
    ]
    normal = pd.DataFrame({by: "normal", value: middle, "density": np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)})
    return pd.concat([*parts, normal], ignore_index=True)


def _draw_densities(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    by, value = data.columns[:2]
    for name, part in data.groupby(by, sort=False):
        style: dict[str, Any] = {"color": "0.5", "linestyle": "--"} if name == "normal" else {"drawstyle": "steps-mid"}
        lines(axes, part, value, "density", label=name, **style)
    axes.set(xlabel="error in standard deviations" if value == "standardised" else "t-statistic", ylabel="density")
    axes.legend()


def _draw_rates(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    for i, (name, part) in enumerate(data.groupby("estimator", sort=False)):
        axes.errorbar(
            part["n"],
            part["√n bias"],
            2 * np.sqrt(part["n"]) * part["standard error"],
            fmt="o",
            color=f"C{i}",
            label=name,
        )
        lines(axes, part, "n", "√n limit", color=f"C{i}", linestyle=":")
    axes.set(xlabel="rows", ylabel="√n times the bias", xscale="log")
    ticks_at(axes, SIZES)
    axes.legend()


def _regularisation_checks(table: Any) -> tuple[Check, ...]:
    z = float(np.abs((table["bias"] - table["limit"]) / table["standard error"])[table["n"] >= SIZES[2]].max())
    last = table[table["n"] == SIZES[-1]].set_index("estimator")
    first = table[table["n"] == SIZES[0]].set_index("estimator")
    grows = float(last["√n bias"]["plug-in"] / first["√n bias"]["plug-in"])
    share = float(abs(last["√n bias"]["orthogonal"] / last["√n bias"]["plug-in"]))
    return (
        # four comparisons at 4 standard errors: a false alarm in one run in 4,000
        Check("biases are those of the formulas", z < 4, f"Off by {z:.1f} standard errors.", z, 4.0),
        Check("the plug-in bias outgrows the noise", grows > 1.3, f"√n bias grows {grows:.1f}-fold.", grows, 1.3),
        Check("the orthogonal score takes it out", share < 0.25, f"It leaves {share:.0%} of the bias.", share, 0.25),
    )  # fmt: skip


def _overfitting_checks(table: Any) -> tuple[Check, ...]:
    full, cross = (table.iloc[i] for i in (0, 1))
    ratio = float(abs(cross["bias"]) / abs(full["bias"]))
    return (
        Check("cross-fitting takes most of the bias out", ratio < 0.5, f"It leaves {ratio:.0%} of it.", ratio, 0.5),
        Check("intervals of the full sample fail", bool(full["coverage of 95 %"] < 0.8),
              f"They cover {full['coverage of 95 %']:.1%}.", float(full["coverage of 95 %"]), 0.8),
        Check("intervals of other folds hold", bool(cross["coverage of 95 %"] > 0.9),
              f"They cover {cross['coverage of 95 %']:.1%}.", float(cross["coverage of 95 %"]), 0.9),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Simulate both biases; see `ceteris.gallery.sections`."""
    rates, errors = regularisation(np.random.default_rng([seed, 2]), 200 if quick else 1_000)
    fits, t = overfitting(seed, 150 if quick else 1_000)
    first = _densities(errors, "estimator", "standardised", np.linspace(-5, 8, 53))
    second = _densities(t, "nuisances", "t", np.linspace(-5, 12, 52))
    return (
        Section(
            "Regularisation bias",
            "A penalised regression is biased by design. Plugged into a moment that is not orthogonal, its bias passes "
            "through; in the orthogonal score only the product of two biases is left.",
            (Table("Bias by sample size", rates, "Penalty n^(-1/3); limits are closed forms."),),
            (
                Figure("Bias against noise", "With two standard errors; dotted: closed forms.", rates, _draw_rates),
                Figure(f"Estimates at n = {SIZES[2]:,}", "Errors in standard deviations.", first, _draw_densities),
            ),
            _regularisation_checks(rates),
        ),
        Section(
            "Overfitting bias",
            f"The effect is one; outcome regressions are means of {NEIGHBOURS} nearest neighbours in {ROWS:,} rows, "
            "the propensity a logit, the score that of augmented inverse probability weighting. On the full sample "
            "each row is its own nearest neighbour.",
            (Table("Nuisances from all rows and from other folds", fits),),
            (Figure("t-statistics", "They should be standard normal.", second, _draw_densities),),
            _overfitting_checks(fits),
        ),
    )  # fmt: skip
