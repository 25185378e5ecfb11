"""Models of volatility side by side, estimated on the first part of the returns and judged on the rest.

Two measures compare forecasts of the variance, both lower where they are better: minus the log density of what came
(nll), which asks for the right distribution, and QLIKE, the mean of log σ²_t + e²_t / σ²_t, which asks for the variance
only and ranks forecasts rightly though variances are never seen (Patton 2011). Parameters stay as they are after the
first part; what is known of the past grows day by day.

References
----------
Patton, A. (2011). Volatility forecast comparison using imperfect volatility proxies. Journal of Econometrics 160.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ceteris.arguments import a_whole_number, probability, require, whole
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.volatility.models import Volatility, as_series
from ceteris.sequence.volatility.net import FEWEST, VolatilityNet
from ceteris.sequence.volatility.value_at_risk import RiskBacktest, backtest, tail_of
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    import matplotlib.figure

SMOOTH = 0.94  # weight of the past in the moving average of RiskMetrics
NET = VolatilityNet()
MODELS = {
    "GARCH, normal": Volatility("garch", "normal"),
    "GARCH, Student": Volatility("garch"),
    "GJR, Student": Volatility("gjr"),
    "EGARCH, Student": Volatility("egarch"),
}


@dataclass(frozen=True, eq=False, repr=False)
class VolatilityComparison(AbstractResult):
    """Models of volatility, judged on returns that none has learnt from.

    Attributes
    ----------
    table : DataFrame
        One row per model, the best first: nll, QLIKE, share of hits of the value at risk with the p-values of Kupiec
        (share) and Christoffersen (independence), and how much lower the nll is than that of the best simple model,
        with its standard error.
    variances : DataFrame
        One column per model.
    returns : Series
        What they were judged by.
    level : float
        Of the value at risk.
    learnt : int
        Returns that they were estimated on.
    status : str
        What the net says of itself; empty without one.
    """

    table: pd.DataFrame
    variances: pd.DataFrame
    returns: pd.Series
    level: float
    learnt: int
    status: str

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether any model is better than a moving average of squares."""
        nll: dict[str, Any] = self.table.set_index("model")["nll"].to_dict()
        best = min(nll, key=nll.__getitem__)
        simple = min(nll["constant"], nll["moving average"])
        said = f"The best is {best} with {nll[best]:.4f}; constant or moving variances have {simple:.4f} at best."
        return (Check("better than a moving average", bool(nll[best] < simple), said, nll[best], simple),)

    def summary(self) -> str:
        """Return one screen: what was judged how, and the models in order."""
        facts = [
            f"Estimated on {self.learnt:,} returns, judged on the {len(self.returns):,} after them. Lower nll and "
            f"QLIKE are better; hits are returns beyond the value at risk at {self.level:g}.",
            *([self.status] if self.status else []),
        ]
        return screenful("Models of volatility, compared", facts, self.table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the table and the variances of the best as a part of a report."""
        best = self.table["model"].head(2).tolist()
        roots: Any = self.variances[best] ** 0.5
        frame = roots.assign(size=self.returns.abs()).rename_axis("when").reset_index()
        figure = Figure("Standard deviations", "Of the two best, and the size of returns.", frame, _draw, (8.0, 4.0))
        text = " ".join(self.summary().split("\n")[1:3])
        return (Section("Models of volatility", text, (Table("Scores", self.table),), (figure,), self.checks),)


def compare_volatility(
    returns: Any, test_size: float = 0.25, *, level: float = 0.05, net: VolatilityNet | None = NET
) -> VolatilityComparison:
    """Estimate simple models, GARCH, GJR, EGARCH and a net on the first returns; judge them on the last.

    Parameters
    ----------
    returns : Series or array, shape (n,)
        In any unit, such as per cent, in order of time.
    test_size : float
        Share of the returns, the last ones, to judge by.
    level : float
        Of the value at risk.
    net : VolatilityNet, optional
        None leaves it out.

    Examples
    --------
    >>> from ceteris.sequence import compare_volatility, simulate_garch
    >>> returns, _ = simulate_garch(2_000, gamma=0.05, nu=6, seed=0)
    >>> compare_volatility(returns, net=None).table["model"].tolist()[-1]
    'constant'
    """
    r: Any = as_series(returns)
    require("returns: how many", len(r), a_whole_number(FEWEST), "give a longer series")
    probability("test_size", test_size, such_as=0.25)
    n = len(r) - whole("test_size: returns to judge by", round(test_size * len(r)), least=20)
    found = _simple(r, n)
    tails = dict.fromkeys(found, np.inf)
    models: dict[str, Any] = {name: settings.fit(r[:n]) for name, settings in MODELS.items()}
    status = ""
    if net is not None:
        fitted = net.fit(r[:n])
        models[f"net on {net.model.upper()}"], status = fitted, fitted.status
    for name, model in models.items():
        found[name], tails[name] = model.filter(r)[n:], model.nu
    rows = [{"model": name, **_scores(frame, r[n:], level, tails[name])} for name, frame in found.items()]
    table = pd.DataFrame(rows).sort_values("nll", ignore_index=True)
    floor = min(("constant", "moving average"), key=lambda name: found[name]["nll"].mean())
    lower = {name: (found[floor]["nll"] - frame["nll"]).to_numpy() for name, frame in found.items()}
    table["lower by"] = [lower[name].mean() for name in table["model"]]
    table["s.e."] = [lower[name].std(ddof=1) / np.sqrt(len(r) - n) for name in table["model"]]
    variances = pd.DataFrame({name: frame["variance"] for name, frame in found.items()})
    return VolatilityComparison(table, variances, r[n:], level, n, status)


def _simple(r: Any, n: int) -> dict[str, pd.DataFrame]:
    """Return a constant variance and a moving average of squares, with normal errors around the first mean."""
    mean, first = float(r[:n].mean()), float(r[:n].var(ddof=0))
    square = ((r - mean) ** 2).to_numpy()
    moving = np.empty(len(r))
    moving[0] = first
    for t in range(1, len(r)):
        moving[t] = SMOOTH * moving[t - 1] + (1 - SMOOTH) * square[t - 1]
    found = {}
    for name, h in (("constant", np.full(len(r), first)), ("moving average", moving)):
        frame = pd.DataFrame({"mean": mean, "variance": h, "nll": 0.5 * (np.log(2 * np.pi * h) + square / h)}, r.index)
        found[name] = frame[n:]
    return found


def _scores(frame: Any, r: Any, level: float, nu: float) -> dict[str, float]:
    quantile, _ = tail_of(level, nu)
    judged: RiskBacktest = backtest(r, -(frame["mean"] + quantile * np.sqrt(frame["variance"])), level)
    p: Any = judged.tests["p-value"]
    qlike = np.log(frame["variance"]) + (r - frame["mean"]) ** 2 / frame["variance"]
    return {"nll": float(frame["nll"].mean()), "QLIKE": float(qlike.mean()), "hits": judged.hits / len(r),
            "Kupiec": float(p.iloc[0]), "Christoffersen": float(p.iloc[1])}  # fmt: skip


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["when"], data["size"], ".", markersize=1.5, color="0.6", label="size of the return")
    for name in data.columns.drop(["when", "size"]):
        axes.plot(data["when"], data[name], linewidth=1.0, label=str(name))
    axes.set(ylim=(0, None))
    axes.legend()
