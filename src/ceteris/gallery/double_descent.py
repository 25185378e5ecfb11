"""Double descent: least squares past the point where it interpolates.

Two experiments with the minimum-norm least-squares fit of n rows on p features. With random Fourier
features the test error rises to a peak at p = n, where the fit first interpolates, and falls again beyond
it. In the isotropic linear model y = x'b + e, with x of p independent standard normals, ||b||² = r² and
Var(e) = s², the excess risk has a closed form in the limit p/n -> gamma,

    s² gamma / (1 - gamma)                      for gamma < 1,
    r² (1 - 1/gamma) + s² / (gamma - 1)         for gamma > 1.

References
----------
Belkin, M., Hsu, D., Ma, S. and Mandal, S. (2019). Reconciling modern machine-learning practice and the
classical bias-variance trade-off. PNAS 116 (random Fourier features). Hastie, T., Montanari, A., Rosset, S.
and Tibshirani, R. J. (2022). Surprises in high-dimensional ridgeless least squares interpolation. Annals of
Statistics 50 (the limits above: Theorem 1 and Proposition 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ceteris.data.genz import genz
from ceteris.gallery._plots import lines, panels, ticks_at
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

R2, S2 = 1.0, 0.25  # squared norm of the coefficients, variance of the noise
ROWS = 200
WIDTHS = (190, 210, 260, 300, 400, 800, 1_600)


def excess_risk_limit(p: int, n: int, r2: float = R2, s2: float = S2) -> float:
    """Excess risk of minimum-norm least squares in the isotropic model as n and p grow, p/n fixed.

    Parameters
    ----------
    p, n : int
        Features and rows.
    r2, s2 : float
        Squared norm of the coefficients and variance of the noise.

    Returns
    -------
    float
        Infinite at p = n.

    Examples
    --------
    >>> excess_risk_limit(400, 200)
    0.75
    """
    if p == n:
        return np.inf
    gamma = p / n
    return s2 * gamma / (1 - gamma) if gamma < 1 else r2 * (1 - 1 / gamma) + s2 / (gamma - 1)


def excess_risk_exact(p: int, n: int, r2: float = R2, s2: float = S2) -> float:
    """Expected excess risk at finite n and p, from the mean of an inverted Wishart matrix.

    E tr (X'X)^-1 = p / (n - p - 1) for p < n - 1 and n / (p - n - 1) for p > n + 1; otherwise the mean is
    infinite.

    Examples
    --------
    >>> round(excess_risk_exact(400, 200), 4)
    0.7513
    """
    if abs(p - n) <= 1:
        return np.inf
    return s2 * p / (n - p - 1) if p < n else r2 * (1 - n / p) + s2 * n / (p - n - 1)


def minimum_norm(Z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the shortest of the least-squares solutions, shape (p,) or (p, m), for Z of shape (n, p)."""
    return np.linalg.lstsq(Z, y, rcond=None)[0]


def simulate_excess_risk(p: int, n: int, designs: int, rng: np.random.Generator) -> np.ndarray:
    """Excess risk ||b_hat - b||² over independent designs, each averaged over 20 draws of b and the noise."""
    risks = np.empty(designs)
    for i in range(designs):
        X = rng.normal(size=(n, p))
        b = rng.normal(size=(p, 20))
        b *= np.sqrt(R2) / np.linalg.norm(b, axis=0)
        y = X @ b + np.sqrt(S2) * rng.normal(size=(n, 20))
        risks[i] = np.mean(np.sum((minimum_norm(X, y) - b) ** 2, axis=0))
    return risks


def isotropic_table(designs: int, seed: int) -> pd.DataFrame:
    """Simulated and theoretical excess risk for every width."""
    rows = []
    for p in WIDTHS:
        risks = simulate_excess_risk(p, ROWS, designs, np.random.default_rng([seed, p]))
        rows.append(
            {
                "p": p,
                "p/n": p / ROWS,
                "simulated": risks.mean(),
                "standard error": risks.std(ddof=1) / np.sqrt(designs),
                "limit": excess_risk_limit(p, ROWS),
                "exact": excess_risk_exact(p, ROWS),
            }
        )
    return pd.DataFrame(rows)


def fourier_features(x: np.ndarray, frequencies: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Random Fourier features sqrt(2/p) cos(x W + u) of a Gaussian kernel, shape (n, p).

    Rahimi, A. and Recht, B. (2007). Random features for large-scale kernel machines. NeurIPS 20.
    """
    return np.sqrt(2 / phases.size) * np.cos(x @ frequencies + phases)


def fourier_errors(p: int, n: int, rng: np.random.Generator) -> dict[str, float]:
    """Training and test error, and norm, of one minimum-norm fit on p random Fourier features."""
    d, noise = 10, 0.2
    c, w = np.ones(d), np.full(d, 0.1)
    x, x_fresh = rng.uniform(size=(n, d)), rng.uniform(size=(1_000, d))
    y, truth = genz("oscillatory", x, c, w) + noise * rng.normal(size=n), genz("oscillatory", x_fresh, c, w)
    frequencies, phases = 1.5 * rng.normal(size=(d, p)), rng.uniform(0, 2 * np.pi, size=p)
    Z, Z_fresh = (fourier_features(a, frequencies, phases) for a in (x, x_fresh))
    theta = minimum_norm(Z, y)
    return {
        "training error": float(np.mean((Z @ theta - y) ** 2)),
        "test error": float(np.mean((Z_fresh @ theta - truth) ** 2)),
        "error of the mean": float(np.mean((y.mean() - truth) ** 2)),
        "norm": float(np.linalg.norm(theta)),
    }


def fourier_table(n: int, repeats: int, seed: int) -> pd.DataFrame:
    """Median errors over repeated samples for widths around the threshold p = n."""
    shares = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20)
    rows = []
    for p in (round(share * n) for share in shares):
        runs = [fourier_errors(p, n, np.random.default_rng([seed, p, i])) for i in range(repeats)]
        rows.append({"p": p, "p/n": p / n, **pd.DataFrame(runs).median().to_dict()})
    return pd.DataFrame(rows)


def _draw_isotropic(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    gamma = np.concatenate([np.linspace(0.5, 0.98, 200), [np.nan], np.linspace(1.02, 8, 600)])
    limit = [excess_risk_limit(round(g * 10_000), 10_000) if g == g else np.nan for g in gamma]
    axes.plot(gamma, limit, label="published limit, n → ∞")
    axes.errorbar(
        data["p/n"], data["simulated"], yerr=2 * data["standard error"], fmt="o", color="C1",
        label=f"simulated, n = {ROWS} (± 2 standard errors)",
    )  # fmt: skip
    axes.axvline(1, color="0.5", linestyle=":", label="interpolation threshold, p = n")
    axes.axhline(R2, color="0.5", linewidth=0.8, label="predicting zero")
    axes.set(xscale="log", yscale="log", ylim=(0.2, 20), xlabel="features per row, p/n", ylabel="excess risk")
    ticks_at(axes, (0.5, 1, 2, 4, 8))
    axes.legend()


def _draw_fourier(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    left, right = panels(figure, 1, 2)
    fitted = data[data["p/n"] < 1]  # beyond the threshold the training error is rounding
    lines(left, data, "p/n", "test error", label="test", marker="o", markersize=3)
    lines(left, fitted, "p/n", "training error", label="training", marker="o", markersize=3)
    left.axhline(np.median(data["error of the mean"]), color="0.5", linewidth=0.8, label="mean of y")
    left.set(ylabel="median squared error")
    left.legend(loc="upper left")
    lines(right, data, "p/n", "norm", color="C2", marker="o", markersize=3)
    right.set(ylabel="median norm of the coefficients")
    for axes in (left, right):
        axes.axvline(1, color="0.5", linestyle=":")
        axes.set(xscale="log", yscale="log", xlabel="features per row, p/n")
        ticks_at(axes, (0.1, 1, 10))


def _fourier_checks(data: pd.DataFrame) -> tuple[Check, ...]:
    error, share = data["test error"].to_numpy(), data["p/n"].to_numpy()
    peak, where = float(error.max()), float(share[error.argmax()])
    beyond, before = float(error[share > 1].min()), float(error[share < 1].min())
    return (
        Check(
            "peak at the interpolation threshold", abs(where - 1) <= 0.05,
            f"The test error is largest at p/n = {where:.2f}; theory puts the peak at 1.", where, 1.0,
        ),
        Check(
            "second descent", beyond < before,
            f"Past its peak of {peak:.2g} the test error falls to {beyond:.2g}; the best fit narrower than "
            f"the sample has {before:.2g}.", beyond, before,
        ),
    )  # fmt: skip


def _isotropic_check(data: pd.DataFrame) -> Check:
    gap = np.abs(data["simulated"].to_numpy() / data["exact"].to_numpy() - 1)
    return Check(
        "theory of the isotropic model", bool(gap.max() <= 0.2),
        f"Simulated and expected excess risk differ by at most {gap.max():.1%} (at p = "
        f"{WIDTHS[gap.argmax()]}); 20 % are allowed.", float(gap.max()), 0.2,
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Random Fourier features, then the isotropic linear model; see `ceteris.gallery.sections`."""
    with threadpool_limits(1):  # many small factorisations: a second thread would only wait for the first
        fourier = fourier_table(n=100, repeats=5 if quick else 40, seed=seed)
        isotropic = isotropic_table(designs=15 if quick else 100, seed=seed)
    return (
        Section(
            "Double descent with random Fourier features",
            "A wave in ten variables (Genz's oscillatory function) is fitted to 100 noisy rows by least "
            "squares on p random Fourier features; where many fits interpolate the data, the one of "
            "smallest norm is taken.\n\n"
            "At p = n exactly one fit passes through all points, however large its coefficients must be. "
            "With more features there is a choice, and the smallest fit is a tame one: the error descends "
            "a second time.",
            (Table("Median over repeated samples", fourier),),
            (
                Figure(
                    "Error and norm against the number of features",
                    "The test error and the norm of the coefficients peak together, where p = n and the "
                    "training error reaches 0.",
                    fourier, _draw_fourier, (8.0, 3.6),
                ),
            ),
            _fourier_checks(fourier),
        ),
        Section(
            "Minimum-norm least squares in the isotropic linear model",
            f"With independent standard normal features, coefficients of norm {R2:g} in a random direction "
            f"and noise of variance {S2:g}, the expected excess risk is known. The limit holds as n and p "
            "grow together; the exact mean at finite n uses the mean of an inverted Wishart matrix and is "
            "infinite for |p - n| <= 1.",
            (
                Table(
                    f"Excess risk, n = {ROWS}: published formula, and ours",
                    isotropic.rename(columns={"limit": "published limit", "exact": "exact at this n"}),
                    "The limit is that of Hastie et al. (2022), theorem 1.",
                ),
            ),
            (
                Figure(
                    "Excess risk against theory",
                    "Below the threshold all risk is variance. Above it, variance falls and bias rises: "
                    "the fit sees only n of p directions.",
                    isotropic, _draw_isotropic, (6.4, 4.0),
                ),
            ),
            (_isotropic_check(isotropic),),
        ),
    )  # fmt: skip
