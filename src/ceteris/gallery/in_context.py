"""Learning in context: a transformer that was trained on autoregressions estimates new ones while it reads them.

Two readings of attention as a regression are held against what they say. Linear attention is a step of gradient descent
on least squares, to the letter, and one step does not get far. Softmax attention with keys x_{i-1} and query x_t is a
kernel regression whose weights are largest where x_{i-1} is large, not where it is close to x_t: its forecast tends to
ρ var(x) x_t, not to ρ x_t, and the variance of the innovations does matter. A transformer of two blocks that is trained
on draws comes within a percent of the Bayes predictor all the same.

References
----------
Garg, S., Tsipras, D., Liang, P. and Valiant, G. (2022). What can transformers learn in-context? NeurIPS 35. Von Oswald,
J. et al. (2023). Transformers learn in-context by gradient descent. ICML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.context.in_context import InContextLearner
from ceteris.sequence.context.predictors import kernel_forecasts

if TYPE_CHECKING:
    import matplotlib.figure

DESIGNS = ((0.3, 0.5), (0.6, 1.0), (0.9, 1.0))  # ρ and σ
SERIES, NEAR = 4_000, 0.5  # how many are drawn; standard deviations from zero in which slopes are taken


def attention_slopes(rho: float, sigma: float, series: int, seed: int, length: int = 400) -> dict[str, float]:
    """Return the slope of the forecast of softmax attention in x_t, for two kernels, and what theory says.

    Parameters
    ----------
    rho : float
    sigma : float
    series : int
    seed : int
    length : int
        Values in the context.
    """
    rng = np.random.default_rng(seed)
    x = sigma * rng.normal(size=(series, length + 2))
    x[:, 0] /= np.sqrt(1 - rho**2)
    for t in range(1, length + 2):
        x[:, t] += rho * x[:, t - 1]
    query, sd = x[:, -2], sigma / np.sqrt(1 - rho**2)
    near = np.abs(query) < NEAR * sd
    found = {"ρ": rho, "σ": sigma, "ρ var(x)": rho * sd**2}
    for kernel, name in (("exponential", "exp(x_t x_{i-1})"), ("gaussian", "Gaussian kernel")):
        forecast = kernel_forecasts(x, kernel)
        found[f"slope, {name}"] = float(forecast[near] @ query[near] / (query[near] @ query[near]))
        found[f"excess error, {name}"] = float(((forecast - rho * query) ** 2).mean() / sigma**2)
    return found


def _kernels(seed: int) -> Section:
    table: Any = pd.DataFrame([attention_slopes(*design, SERIES, seed) for design in DESIGNS])
    slope, theory = table["slope, exp(x_t x_{i-1})"], table["ρ var(x)"]
    first: Any = abs(slope / theory - 1)[
        :2
    ].max()  # the third is far from its limit with 400 values: its tails are long
    local: Any = (table["slope, Gaussian kernel"] / table["ρ"]).min()
    return Section(
        "Softmax attention is not a local regression",
        f"{SERIES:,} series of 400 values. Were the forecast of softmax attention ρ x_t, its slope in x_t would be "
        "ρ; it is ρ var(x), which is less than ρ where the variance is below one and more where it is above. A "
        "Gaussian kernel, which keys of equal length would give, has a slope near ρ. At ρ = 0.9 the limit is not "
        "reached: weights hang on the few largest values.",
        (Table("Slopes near zero, and excess errors over ρ x_t in units of σ²", table),),
        (Figure("Slopes", "Slope of the forecast in x_t against ρ.", table, _draw_slopes),),
        (
            Check("softmax attention tends to ρ var(x) x_t", bool(first < 0.05),
                  f"Slopes differ from it by {first:.1%} at most in the first two designs.", float(first), 0.05),
            Check("a Gaussian kernel tends to ρ x_t", bool(local > 0.85),
                  f"Its slope is {local:.0%} of ρ or more.", float(local), 0.85),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Train, judge, look into attention; see `ceteris.gallery.sections`."""
    small: dict[str, Any] = {"width": 16, "heads": 2, "batch_size": 64, "rate": 5e-3}
    context, steps, bar = (12, 800, 1.03) if quick else (32, 3_000, 1.01)
    fit = InContextLearner(context=context, steps=steps, seed=seed, **(small if quick else {})).fit()
    (learnt,) = fit.sections()
    worst, below = float(np.max(fit.within["ratio"])), fit.checks[1]
    one: Any = fit.within["one step of descent"]
    bayes: Any = fit.within["Bayes"]
    checks = (
        Check("nearly as good as can be", worst <= bar,
              f"Its error is {worst:.4f} times that of the Bayes predictor, at most.", worst, bar),
        Check(below.name, below.passed, below.sentence),
        Check("one step of gradient descent is not enough", bool(one.iloc[-1] > 1.2 * bayes.iloc[-1]),
              f"From {context} values, at the best rate, its error is {one.iloc[-1]:.2f}, that of Bayes "
              f"{bayes.iloc[-1]:.2f}: the step does not know how much a series varies."),
    )  # fmt: skip
    text = f"{fit.settings.steps:,} updates on {fit.settings.batch_size} series each, all drawn anew. " + learnt.text
    kernels = _kernels(seed)
    return (Section(learnt.title, text, learnt.tables, learnt.figures, checks), kernels)


def _draw_slopes(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    line = np.linspace(0.2, 1, 81)
    axes.plot(line, line, color="0.5", linewidth=0.8, label="ρ")
    axes.plot(data["ρ"], data["ρ var(x)"], "o", label="ρ var(x)")
    axes.plot(data["ρ"], data["slope, exp(x_t x_{i-1})"], "s", label="softmax attention")
    axes.plot(data["ρ"], data["slope, Gaussian kernel"], "^", label="Gaussian kernel")
    axes.set(xlabel="ρ", ylabel="slope of the forecast in x_t", yscale="log")
    axes.legend()
