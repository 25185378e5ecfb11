"""Benign overfitting: when a fit that passes through every noisy point predicts well all the same.

Minimum-norm least squares of n rows on more features than rows, y = x'b + e with Var(e) = s², where x is normal with
the eigenvalues l_1 >= l_2 >= ... of its covariance. All noise is fitted; whether that hurts depends on the tail of the
eigenvalues through two effective ranks,

    r_k = (sum over i > k of l_i) / l_{k+1},        R_k = (sum over i > k of l_i)² / (sum over i > k of l_i²).

With k* the first k for which r_k >= n, the variance is s² (k*/n + n / R_k*) up to constant factors, from above and from
below: k* directions are estimated as usual, and the noise that is left is spread over R_k* directions, where it hardly
shows. Four tails, and what becomes of the excess risk as n grows:

    l_i = 1 / (i ln²((i+1)e/2))                   benign, but only like 1 / ln n,
    ten of 1, then n^1.5 of 1/n                   benign, like n^-1/2,
    l_i = i^-2                                    tempered: to s² (alpha - 1), alpha = 2,
    l_i = exp(-i/20)                              catastrophic: s² (n/20 - 1).

Three routes to the risk stand beside the simulation: the exact expectation over the noise for the design at hand, the
deterministic equivalent for the average design, and the order given by the effective ranks.

References
----------
Bartlett, P. L., Long, P. M., Lugosi, G. and Tsigler, A. (2020). Benign overfitting in linear regression. PNAS 117
(ranks and tails). Tsigler, A. and Bartlett, P. L. (2023). Benign overfitting in ridge
regression. JMLR 24 (the bias). Mallinar, N., Simon, J., Abedsoltan, A., Pandit, P., Belkin, M. and Nakkiran, P. (2022).
Benign, tempered, or catastrophic: a taxonomy of overfitting. NeurIPS 35 (the two other kinds). Hastie, T., Montanari,
A., Rosset, S. and Tibshirani, R. J. (2022). Surprises in high-dimensional ridgeless least squares interpolation.
Annals of Statistics 50 (the equivalent).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import brentq
from threadpoolctl import threadpool_limits

from ceteris.gallery._plots import panels, ticks_at
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

S2 = 1.0  # variance of the noise
SIGNAL = 5  # the first so many coefficients are equal, their squares add up to one
NOISES = 50  # draws of the noise for each design
SPIKES, ALPHA, DECAY = 10, 2.0, 20.0
KINDS = {"inverse, logs": "benign", "flat tail": "benign", "power": "tempered", "exponential": "catastrophic"}


class Spectrum(NamedTuple):
    """Eigenvalues in falling order, and how often each occurs."""

    values: np.ndarray
    counts: np.ndarray


class Tail(NamedTuple):
    """What is not drawn one by one: sum and sum of squares of the eigenvalues."""

    total: float
    squares: float


def spectrum(name: str, n: int) -> Spectrum:
    """Return the eigenvalues of one of `KINDS` for samples of n rows.

    Endless tails are held as 20,000 eigenvalues, then as groups of a geometric grid up to the 10^40th.
    """
    if name == "flat tail":
        p = round(n**1.5)
        return Spectrum(np.r_[np.ones(SPIKES), 1 / n], np.r_[np.ones(SPIKES), p])
    if name == "exponential":
        i = np.arange(1, n + 40 * DECAY)
        return Spectrum(np.exp(-i / DECAY), np.ones_like(i))
    edges = np.geomspace(20_000.5, 1e40, 4_001)
    i = np.r_[np.arange(1, 20_001), np.sqrt(edges[1:] * edges[:-1])]
    counts = np.r_[np.ones(20_000), np.diff(edges)]
    values = i**-ALPHA if name == "power" else 1 / (i * np.log((i + 1) * np.e / 2) ** 2)
    return Spectrum(values, counts)


def ranks(given: Spectrum, n: int) -> tuple[float, float]:
    """Return k* and R_k* of Bartlett et al. with b = 1; both infinite where no k has r_k >= n.

    Examples
    --------
    >>> ranks(Spectrum(np.array([1.0, 0.01]), np.array([3.0, 2_000.0])), n=100)
    (3.0, 2000.0)
    """
    mass = np.cumsum((given.values * given.counts)[::-1])[::-1]
    squares = np.cumsum((given.values**2 * given.counts)[::-1])[::-1]
    enough = np.flatnonzero(mass >= n * given.values)
    if not enough.size:
        return np.inf, np.inf
    k = enough[0]
    return float(given.counts[:k].sum()), float(mass[k] ** 2 / squares[k])


def equivalent(given: Spectrum, n: int) -> tuple[float, float]:
    """Return bias and variance of the average design as n and the effective ranks grow.

    With c the solution of sum l_i / (l_i + c) = n and L_i = l_i / (l_i + c), squared errors are inflated by
    E = n / (n - sum L_i²): the bias is E sum (1 - L_i)² l_i b_i², the variance (E - 1) s².
    """
    values, counts = given
    gap = lambda c: float(np.sum(counts * values / (values + np.exp(c)))) - n
    bottom = np.log(values.min()) - 5
    root: Any = brentq(gap, bottom, np.log(np.sum(values * counts) / n) + 1, xtol=1e-10)
    c = np.exp(root)
    L = values / (values + c)
    inflation = n / (n - float(np.sum(counts * L**2)))
    bias = float(np.sum((1 - L[:SIGNAL]) ** 2 * values[:SIGNAL])) / SIGNAL
    return inflation * bias, (inflation - 1) * S2


def split(given: Spectrum, most: int) -> tuple[np.ndarray, Tail]:
    """Return the eigenvalues that are drawn one by one, at most so many, and what the others add up to."""
    if given.counts.sum() <= most:
        return np.repeat(given.values, given.counts.astype(int)), Tail(0.0, 0.0)
    values, counts = given.values[most:], given.counts[most:]
    return given.values[:most], Tail(float(values @ counts), float(values**2 @ counts))


def one_design(n: int, values: np.ndarray, tail: Tail, rng: np.random.Generator) -> dict[str, float]:
    """Excess risk of the shortest interpolating fit on one design: by simulated noise, and its exact expectation.

    Features of the tail enter by their mean: their part of X X' is ``tail.total`` times the identity up to a relative
    error of order (n / R)^1/2.

    Returns
    -------
    dict
        ``simulated`` with its ``standard error``, and ``bias`` and ``variance`` for this design.
    """
    X = rng.normal(size=(n, values.size)) * np.sqrt(values)
    factor = cho_factor(X @ X.T + tail.total * np.eye(n))
    signal = np.zeros(values.size)
    signal[:SIGNAL] = SIGNAL**-0.5
    weights = cho_solve(factor, X @ signal)
    bias = float(values @ (X.T @ weights - signal) ** 2 + tail.squares * weights @ weights)
    each, rest = cho_solve(factor, X), cho_solve(factor, np.eye(n))
    variance = S2 * float(values @ np.sum(each**2, axis=0) + tail.squares * np.sum(rest**2))
    noisy = cho_solve(factor, (X @ signal)[:, None] + np.sqrt(S2) * rng.normal(size=(n, NOISES)))
    risks = values @ (X.T @ noisy - signal[:, None]) ** 2 + tail.squares * np.sum(noisy**2, axis=0)
    return {
        "simulated": float(risks.mean()), "noise error": float(risks.std(ddof=1)) / NOISES**0.5,
        "bias": bias, "variance": variance,
    }  # fmt: skip


def risk_table(sizes: tuple[int, ...], designs: int, most: int, seed: int) -> pd.DataFrame:
    """Excess risk of every spectrum and sample size: simulated, exact for the designs drawn, and by both theories."""
    rows = []
    for name, kind in KINDS.items():
        for n in sizes:
            given = spectrum(name, n)
            values, tail = split(given, most)
            rng = np.random.default_rng([seed, n, len(name)])
            drawn: Any = pd.DataFrame([one_design(n, values, tail, rng) for _ in range(designs)])
            exact, (bias, variance), (k, R) = drawn["bias"] + drawn["variance"], equivalent(given, n), ranks(given, n)
            rows.append(
                {
                    "eigenvalues": name, "kind": kind, "n": n, "k*": k, "R_k*": R,
                    "simulated": drawn["simulated"].mean(),
                    "standard error": drawn["simulated"].std(ddof=1) / np.sqrt(designs),
                    "exact, these designs": exact.mean(),
                    "gap in standard errors": float(
                        (drawn["simulated"] - exact).sum() / np.sqrt((drawn["noise error"] ** 2).sum())
                    ),
                    "equivalent": bias + variance, "variance": drawn["variance"].mean(),
                    "s²(k*/n + n/R)": S2 * (k / n + n / R),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def theory_table(largest: int = 1_000_000) -> pd.DataFrame:
    """Excess risk by the deterministic equivalent, for samples far larger than can be drawn."""
    rows = []
    for name in KINDS:
        for n in np.geomspace(50, 5_000 if name == "exponential" else largest, 40).round().astype(int):
            bias, variance = equivalent(spectrum(name, int(n)), int(n))
            rows.append({"eigenvalues": name, "n": int(n), "bias": bias, "variance": variance, "risk": bias + variance})
    return pd.DataFrame(rows)


def _draw_risk(figure: matplotlib.figure.Figure, data: Any) -> None:
    left, right = panels(figure, 1, 2)
    for colour, (name, part) in enumerate(data.groupby("eigenvalues", sort=False)):
        line, drawn = part[part["simulated"].isna()], part[part["simulated"].notna()]
        label = f"{name}: {KINDS[str(name)]}"
        left.plot(line["n"], line["risk"], color=f"C{colour}", label=label)
        left.errorbar(
            drawn["n"], drawn["simulated"], yerr=2 * drawn["standard error"], fmt="o", color=f"C{colour}", markersize=4
        )
        ratio = drawn["variance"] / drawn["s²(k*/n + n/R)"]
        if (ratio > 0).all():
            right.plot(drawn["n"], ratio, "o-", color=f"C{colour}", label=str(name), markersize=4)
    left.axhline(S2, color="0.5", linewidth=0.8, linestyle=":")
    left.set(xscale="log", yscale="log", ylim=(1e-3, 1e4), xlabel="rows, n", ylabel="excess risk")
    left.set_xticks([1e2, 1e4, 1e6])
    left.minorticks_off()
    left.legend(fontsize="small", loc="upper left")
    right.set(xscale="log", yscale="log", ylim=(0.2, 5), xlabel="rows, n", ylabel="variance over s²(k*/n + n/R)")
    ticks_at(right, sorted(data.loc[data["simulated"].notna(), "n"].unique()))
    right.set_yticks((0.25, 0.5, 1, 2, 4), ("0.25", "0.5", "1", "2", "4"))
    right.axhline(1, color="0.5", linewidth=0.8, linestyle=":")
    right.legend(fontsize="small")


def slope(part: pd.DataFrame, column: str = "simulated") -> float:
    """Power of n with which a column changes, by least squares on logarithms."""
    return float(np.polyfit(np.log(part["n"].to_numpy(float)), np.log(part[column].to_numpy(float)), 1)[0])


def _checks(table: Any, theory: Any) -> tuple[Check, ...]:
    z = float(table["gap in standard errors"].abs().max())
    off = (table["simulated"] / table["equivalent"] - 1).abs()
    finite = table[np.isfinite(table["s²(k*/n + n/R)"])]
    ratio = finite["variance"] / finite["s²(k*/n + n/R)"]
    by = {str(name): part for name, part in table.groupby("eigenvalues", sort=False)}
    last = {name: float(part["simulated"].iloc[-1]) for name, part in by.items()}
    far = {str(name): part.iloc[-5:] for name, part in theory.groupby("eigenvalues", sort=False)}
    flat, n = slope(far["flat tail"], "risk"), int(table["n"].max())
    falls = {name: bool(np.all(np.diff(part["simulated"]) < 0)) for name, part in by.items()}
    grown = last["exponential"] / (S2 * (n / DECAY - 1))
    return (
        Check(
            "the formula for a given design", z < 4,
            "Risks over draws of the noise and their exact expectation for the same designs differ by at most "
            f"{z:.1f} standard errors; 4 are allowed.", z, 4.0,
        ),
        Check(
            "the deterministic equivalent", bool(off.max() < 0.1),
            f"Simulated risk is within {off.max():.1%} of the equivalent for every tail and size "
            f"({off.median():.1%} in the median); 10 % are allowed.", float(off.max()), 0.1,
        ),
        Check(
            "variance by effective ranks", bool(ratio.min() > 1 / 3 and ratio.max() < 3),
            f"The variance is {ratio.min():.2f} to {ratio.max():.2f} times s²(k*/n + n/R_k*); a constant is what is "
            "left open, and 1/3 to 3 are allowed.", float(ratio.max()), 3.0,
        ),
        Check(
            "benign: the flat tail", falls["flat tail"] and -0.55 < flat < -0.5,
            f"With a flat tail the excess risk falls, to {last['flat tail']:.2f} at n = {n}, and by the equivalent "
            f"like n to the power {flat:.2f} near a million rows; theory says -1/2 in the end.", flat, -0.5,
        ),
        Check(
            "benign: the slow tail", falls["inverse, logs"] and slope(far["inverse, logs"], "risk") > -0.15,
            f"With eigenvalues 1/(i ln²) it falls, but like 1/ln n: {by['inverse, logs']['simulated'].iloc[0]:.2f} at "
            f"n = {table['n'].min()}, {last['inverse, logs']:.2f} at n = {n}, and by the equivalent "
            f"{far['inverse, logs']['risk'].iloc[-1]:.2f} at a million.", last["inverse, logs"],
        ),
        Check(
            "tempered: the power tail", abs(last["power"] / (S2 * (ALPHA - 1)) - 1) < 0.1,
            f"With eigenvalues i^-2 it is {last['power']:.2f} at n = {n}; theory says s²(alpha - 1) = "
            f"{S2 * (ALPHA - 1):g} for any n.", last["power"], S2 * (ALPHA - 1),
        ),
        Check(
            "catastrophic: the exponential tail", abs(grown - 1) < 0.1 and slope(by["exponential"]) > 0.5,
            f"With eigenvalues exp(-i/{DECAY:g}) it grows to {last['exponential']:.1f} at n = {n}, {grown:.2f} times "
            f"s²(n/{DECAY:g} - 1).", grown, 1.0,
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Minimum-norm interpolation under four tails; see `ceteris.gallery.sections`."""
    sizes, designs, most = ((50, 100, 200), 20, 4_000) if quick else ((50, 100, 200, 400), 30, 20_000)
    with threadpool_limits(1):  # small factorisations: a second thread would only wait for the first
        table, theory = risk_table(sizes, designs, most, seed), theory_table()
    return (
        Section(
            "Benign, tempered, catastrophic",
            "Every fit passes through all its rows, noise of variance 1 included: the training error is 0. The "
            "coefficients have length 1 and lie in the first five directions. What differs is only how fast the "
            "eigenvalues of the covariance fall.\n\n"
            "The noise must go somewhere. With a long flat tail it goes into many directions of small variance, where "
            "a fresh row hardly sees it; with a short one into directions that matter. Between the two, the risk stays "
            "at a multiple of the noise for any number of rows.",
            (
                Table(
                    f"Excess risk, {designs} designs each", table.drop(columns=["kind", "gap in standard errors"]),
                    "k* and R_k* are those of Bartlett et al. (2020) with b = 1; infinite where no k has r_k >= n, as "
                    "their theorem then says that the risk does not vanish.",
                ),
            ),
            (
                Figure(
                    "Excess risk against rows, and variance against its order",
                    "Left: points simulated (± 2 standard errors), lines the deterministic equivalent; dotted, the "
                    "variance of the noise. Right: the order of the variance by effective ranks is right up to a "
                    "factor.",
                    pd.concat([theory, table], ignore_index=True), _draw_risk, (8.4, 4.0),
                ),
            ),
            _checks(table, theory),
        ),
    )  # fmt: skip
