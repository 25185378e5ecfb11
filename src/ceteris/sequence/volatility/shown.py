"""What fitted models of volatility say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from ceteris.results import Figure, Section, Table
from ceteris.showing import screenful

if TYPE_CHECKING:
    import matplotlib.figure

WEEK = 5


def summary(fit: Any) -> str:
    """Return one screen about a fitted model."""
    half = np.log(0.5) / np.log(fit.persistence) if 0 < fit.persistence < 1 else np.inf
    sd, now = np.sqrt(fit.long_run_variance), np.sqrt(fit.forecast(1)["variance"].iloc[0])
    facts = [
        f"Log likelihood {fit.log_likelihood:,.2f}, BIC {fit.bic:,.2f}, on {len(fit.returns):,} returns.",
        f"{fit.persistence:.4f} of a shock is left after a period; half of it after {half:.1f}. The standard deviation "
        f"is {sd:.4g} in the long run, {now:.4g} in the next period.",
    ]
    return screenful(fit.name, facts, fit.parameters.reset_index(), fit.checks)


def sections(fit: Any) -> tuple[Section, ...]:
    """Return parameters, variances, errors and the news impact curve."""
    found, risk = fit.filter(fit.returns), fit.value_at_risk(fit.returns)
    course = pd.DataFrame({"when": fit.returns.index, "return": fit.returns.to_numpy(),
                           "standard deviation": np.sqrt(found["variance"].to_numpy()),
                           "value at risk": risk["value at risk"].to_numpy()})  # fmt: skip
    z = (fit.returns - found["mean"]) / np.sqrt(found["variance"])
    ahead = fit.forecast(4 * WEEK).reset_index()
    facts = " ".join(fit.summary().split("\n")[1:4])
    return (
        Section(
            fit.name, facts,
            (Table("Parameters", fit.parameters.reset_index(), "Standard errors are robust to wrong errors (Bollerslev "
                   "and Wooldridge); classic ones are not."), Table("Variance ahead", ahead)),
            (
                Figure("Standard deviation", "Of each return, given those before it.", course, _draw_course,
                       (8.0, 4.5)),
                Figure("News impact", "Standard deviation after a surprise, from the long-run variance.", _news(fit),
                       _draw_news),
                Figure("Errors", "Quantiles of standardised errors against those of the distribution.",
                       _quantiles(z.to_numpy(), fit.nu), _draw_quantiles),
            ),
            fit.checks,
        ),
    )  # fmt: skip


def net_summary(fit: Any) -> str:
    """Return one screen about a fitted net of volatility."""
    facts = [check.sentence for check in fit.checks]
    facts += [f"Below: {fit.base.name}, what it started from, on all {len(fit.base.returns):,} returns."]
    heading = f"VolatilityNet, {fit.settings.members} nets of width {fit.settings.width}, fitted"
    return screenful(heading, facts, fit.base.parameters.reset_index())


def net_sections(fit: Any) -> tuple[Section, ...]:
    """Return course of the training, variances beside those of the base, and the base."""
    r = fit.base.returns
    both = pd.DataFrame({"when": r.index, "net": np.sqrt(fit.filter(r)["variance"].to_numpy()),
                         "base": np.sqrt(fit.base.filter(r)["variance"].to_numpy())})  # fmt: skip
    figures = (
        Figure("Training", "Minus the log density of returns set aside, by update; a line per net.", fit.course,
               _draw_training),
        Figure("Standard deviation, net and base", "Of each return, given those before it.", both, _draw_both,
               (8.0, 4.5)),
    )  # fmt: skip
    section = Section("VolatilityNet", fit.checks[0].sentence, (), figures, fit.checks)
    return (section, *sections(fit.base))


def _draw_training(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for _, own in data.groupby("member"):
        axes.plot(own["step"], own["heldout"])
    axes.set(xlabel="update", ylabel="minus the log density, per return")


def _draw_both(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(data["when"], data["net"], linewidth=0.7)
    above.set(ylabel="net", ylim=(0, None))
    below.plot(data["when"], data["net"] / data["base"], linewidth=0.7)
    below.set_ylabel("net / base")


def _news(fit: Any) -> pd.DataFrame:
    e = np.linspace(-4, 4, 161) * np.sqrt(fit.long_run_variance)
    return pd.DataFrame({"surprise": e, "standard deviation": np.sqrt(fit.news_impact(e))})


def _quantiles(z: np.ndarray, nu: float) -> pd.DataFrame:
    z = np.sort(z)
    p = (np.arange(len(z)) + 0.5) / len(z)
    expected = norm.ppf(p) if np.isinf(nu) else t.ppf(p, nu) * np.sqrt((nu - 2) / nu)
    keep = np.unique(np.r_[:50, np.linspace(0, len(z) - 1, 300).astype(int), len(z) - 50 : len(z)])
    return pd.DataFrame({"expected": expected[keep], "observed": z[keep]})


def _draw_course(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(data["when"], data["return"], linewidth=0.5)
    above.plot(data["when"], -data["value at risk"], linewidth=0.9, label="minus value at risk, 0.05")
    above.set_ylabel("return")
    above.legend(loc="upper left")
    below.plot(data["when"], data["standard deviation"], linewidth=0.9)
    below.set(ylabel="standard deviation", ylim=(0, None))


def _draw_news(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["surprise"], data["standard deviation"])
    axes.set(xlabel="surprise", ylabel="next standard deviation", ylim=(0, None))


def _draw_quantiles(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    ends = [data["expected"].min(), data["expected"].max()]
    axes.plot(ends, ends, color="0.5", linewidth=0.8)
    axes.plot(data["expected"], data["observed"], ".")
    axes.set(xlabel="expected", ylabel="observed")
