"""Bias, variance and noise of polynomial least squares, by simulation and exactly.

For y = f(x) + e with Var(e) = s² and a fit f_hat from training outcomes drawn again and again at fixed
inputs,

    E (y - f_hat(x))²  =  (E f_hat(x) - f(x))²  +  Var f_hat(x)  +  s²
    squared error          bias²                   variance         noise

at every x, with y a fresh outcome. The bias enters squared. Lecture notes sometimes print the averaged
decomposition as E[bias + variance] + noise; the squares belong there too, or units do not even agree.

A polynomial of fixed degree is a linear smoother, f_hat = H y, so bias² = (H f - f)² and variance = s²
diag(H H') are also known exactly: the truth that the simulation is held against.

References
----------
Geman, S., Bienenstock, E. and Doursat, R. (1992). Neural networks and the bias/variance dilemma. Neural
Computation 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ceteris.gallery._plots import lines, panels
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

ROWS, NOISE = 30, 0.4
DEGREES = tuple(range(13))
SHOWN = (1, 5, 12)


class Design(NamedTuple):
    """Inputs and true means of a regression, for training (n) and for judging (m)."""

    x: np.ndarray
    f: np.ndarray
    x_fresh: np.ndarray
    f_fresh: np.ndarray


class Decomposition(NamedTuple):
    """Averages over the m fresh inputs."""

    bias2: float
    variance: float


def truth(x: np.ndarray) -> np.ndarray:
    """Return the function to be learnt, f(x) = x + 2 exp(-8 (x - 0.2)²) on [-1, 1]."""
    return x + 2 * np.exp(-8 * (x - 0.2) ** 2)


def draw_design(rng: np.random.Generator) -> Design:
    """Draw training inputs once; fresh inputs are a grid a little inside their range."""
    x, x_fresh = np.sort(rng.uniform(-1, 1, size=ROWS)), np.linspace(-0.9, 0.9, 101)
    return Design(x, truth(x), x_fresh, truth(x_fresh))


def smoother(design: Design, degree: int) -> np.ndarray:
    """Return H, shape (m, n): predictions of a polynomial fit at fresh inputs are H y."""
    basis, fresh = (np.polynomial.legendre.legvander(x, degree) for x in (design.x, design.x_fresh))
    return fresh @ np.linalg.pinv(basis)


def decompose_exactly(H: np.ndarray, design: Design, noise: float) -> Decomposition:
    """Bias² and variance of the linear smoother H, from its matrix.

    Parameters
    ----------
    H : array, shape (m, n)
        Predictions at fresh inputs are H y.
    design : Design
        Inputs and means.
    noise : float
        Standard deviation of the outcomes around their means.

    Examples
    --------
    The mean of four outcomes has a quarter of their variance:

    >>> flat = Design(np.zeros(4), np.ones(4), np.zeros(1), np.ones(1))
    >>> decompose_exactly(np.full((1, 4), 0.25), flat, noise=2.0)
    Decomposition(bias2=0.0, variance=1.0)
    """
    bias = H @ design.f - design.f_fresh
    return Decomposition(float(np.mean(bias**2)), float(noise**2 * np.mean(np.sum(H**2, axis=1))))


def decompose_by_simulation(predictions: np.ndarray, f_fresh: np.ndarray) -> Decomposition:
    """Bias² and variance from predictions of shape (repeats, m), both without small-sample bias.

    The square of a mean over R repeats contains a share 1/R of the variance, which is taken out.
    """
    variance = predictions.var(axis=0, ddof=1)
    bias2 = (predictions.mean(axis=0) - f_fresh) ** 2 - variance / len(predictions)
    return Decomposition(float(bias2.mean()), float(variance.mean()))


def study(design: Design, repeats: int, rng: np.random.Generator) -> pd.DataFrame:
    """Decompose the error of every degree, and measure the error on training sets not used for that.

    The first half of the training sets gives bias² and variance, the second half the squared error against
    fresh outcomes, so that the two sides of the identity are independent.
    """
    y = design.f + NOISE * rng.normal(size=(2 * repeats, ROWS))
    y_fresh = design.f_fresh + NOISE * rng.normal(size=(repeats, design.f_fresh.size))
    rows = []
    for degree in DEGREES:
        H = smoother(design, degree)
        predictions = y @ H.T
        first, second = predictions[:repeats], predictions[repeats:]
        simulated, exact = decompose_by_simulation(first, design.f_fresh), decompose_exactly(H, design, NOISE)
        losses = np.mean((y_fresh - second) ** 2, axis=1)
        errors = [x.std(ddof=1) / np.sqrt(repeats) for x in (np.mean((first - design.f_fresh) ** 2, axis=1), losses)]
        rows.append(
            {
                "degree": degree,
                "bias²": simulated.bias2,
                "variance": simulated.variance,
                "noise": NOISE**2,
                "sum": sum(simulated) + NOISE**2,
                "measured error": losses.mean(),
                "standard error of the sum": errors[0],
                "standard error of the gap": np.hypot(*errors),
                "exact bias²": exact.bias2,
                "exact variance": exact.variance,
            }
        )
    return pd.DataFrame(rows)


def example_fits(design: Design, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """A few fitted curves for each of the degrees shown, in long form."""
    y = design.f + NOISE * rng.normal(size=(count, ROWS))
    parts = [
        pd.DataFrame({"degree": degree, "fit": i, "x": design.x_fresh, "prediction": fit, "truth": design.f_fresh})
        for degree in SHOWN
        for i, fit in enumerate(y @ smoother(design, degree).T)
    ]
    return pd.concat(parts, ignore_index=True)


def _draw_study(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    bottom = np.zeros(len(data))
    for part in ("noise", "bias²", "variance"):
        axes.bar(data["degree"], data[part].clip(lower=0), bottom=bottom, label=part, alpha=0.8)
        bottom = bottom + data[part].clip(lower=0).to_numpy()
    axes.plot(data["degree"], data["measured error"], "o", color="C3", label="measured error")
    axes.set(xlabel="degree of the polynomial", ylabel="mean squared error")
    axes.set_xticks(data["degree"])
    axes.legend()


def _draw_fits(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    grid = panels(figure, 1, len(SHOWN), sharey=True)
    for axes, (degree, part) in zip(grid, data.groupby("degree"), strict=True):
        for _, fit in part.groupby("fit"):
            lines(axes, fit, "x", "prediction", color="C0", linestyle="-", alpha=0.35, linewidth=0.8)
        average = part.groupby("x", as_index=False)[["prediction", "truth"]].mean()
        lines(axes, average, "x", "prediction", color="C0", linewidth=2, label="average fit")
        lines(axes, average, "x", "truth", color="C1", linewidth=2, linestyle="--", label="truth")
        axes.set(title=f"degree {degree}", xlabel="x")
    grid[0].legend()


def _checks(data: pd.DataFrame) -> tuple[Check, ...]:
    column = {str(name): values.to_numpy() for name, values in data.items()}
    z = np.abs((column["measured error"] - column["sum"]) / column["standard error of the gap"]).max()
    exact = column["exact bias²"] + column["exact variance"]
    off = np.abs((column["sum"] - column["noise"] - exact) / column["standard error of the sum"]).max()
    best = int(column["degree"][column["sum"].argmin()])
    return (
        # 13 correlated comparisons at 4 standard errors: a false alarm in less than one run in 1,000.
        Check(
            "the three parts add up", bool(z < 4),
            "bias² + variance + noise and the error measured on other training sets differ by at most "
            f"{z:.1f} standard errors; 4 are allowed.", float(z), 4.0,
        ),
        Check(
            "simulation against linear algebra", bool(off < 4),
            f"Simulated and exact bias² + variance differ by at most {off:.1f} standard errors; 4 are "
            "allowed.", float(off), 4.0,
        ),
        Check(
            "the best degree is in between", DEGREES[0] < best < DEGREES[-1],
            f"The error is smallest at degree {best}, with {DEGREES[0]} and {DEGREES[-1]} the extremes "
            "tried.",
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Decompose the error of polynomial fits of degree 0 to 12; see `ceteris.gallery.sections`."""
    rng = np.random.default_rng([seed, 1])
    design = draw_design(rng)
    table = study(design, repeats=2_000 if quick else 20_000, rng=rng)
    fits = example_fits(design, 25, rng)
    return (
        Section(
            "Bias, variance and noise",
            f"Polynomials of rising degree are fitted to {ROWS} rows of a smooth curve plus noise of "
            f"standard deviation {NOISE}, on thousands of training sets with the same inputs. A stiff fit "
            "is wrong on average (bias), a flexible one follows the noise of its own sample (variance); "
            "the noise of the fresh outcome is there for both.\n\n"
            "The three parts must add up to the squared error measured on training sets that were not "
            "used for the decomposition. It is the squared bias that enters.",
            (Table("Decomposition by degree", table, "Averages over 101 fresh inputs."),),
            (
                Figure(
                    "The error in three parts",
                    "Bias² falls with the degree, variance rises with it; the measured error is their sum "
                    "plus noise.",
                    table, _draw_study,
                ),
                Figure(
                    "Twenty-five fits each",
                    "Too stiff, about right, too flexible: thin lines are fits to single samples.",
                    fits, _draw_fits, (8.4, 3.2),
                ),
            ),
            _checks(table),
        ),
    )  # fmt: skip
