"""Value at risk and expected shortfall, and whether they were right: Kupiec's and Christoffersen's tests.

At the level p, the value at risk is minus the p-quantile of a return, and the expected shortfall minus the mean of the
returns below it. If forecasts are right, hits (returns below minus the value at risk) come with probability p,
independently of each other. With n hits of T and π = n / T, Kupiec's statistic and Christoffersen's for independence,

    LR_uc = 2 log [π^n (1 - π)^(T - n) / (p^n (1 - p)^(T - n))],
    LR_ind = 2 log [π_01^n_01 (1 - π_01)^n_00 π_11^n_11 (1 - π_11)^n_10 / (π^n (1 - π)^(T - n))],

have chi-squared distributions with one degree of freedom (the second is of the T - 1 pairs of neighbours), and their
sum, which tests both, with two.

References
----------
Kupiec, P. (1995). Techniques for verifying the accuracy of risk measurement models. Journal of Derivatives 3.
Christoffersen, P. (1998). Evaluating interval forecasts. International Economic Review 39. McNeil, A. and Frey, R.
(2000). Estimation of tail-related risk measures for heteroscedastic financial time series. Journal of Empirical Finance
7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import chi2, norm, t

from ceteris.arguments import probability
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful
from ceteris.tables.frames import finite

if TYPE_CHECKING:
    import matplotlib.figure

DOUBT = 0.05  # p-value below which a test is said to fail
SHARE, APART, BEYOND = "share of hits (Kupiec)", "independence (Christoffersen)", "mean beyond (McNeil and Frey)"
CLAIMS = {  # what is said where a test does not fail, and where it does
    SHARE: ("Nothing speaks against the share of hits", "Hits are more or less frequent than promised"),
    APART: ("Nothing speaks against hits being independent", "Hits cluster"),
    BEYOND: ("Nothing speaks against the expected shortfall", "Losses beyond the value at risk exceed those promised"),
}


def tail_of(level: float, nu: float = np.inf) -> tuple[float, float]:
    """Return the quantile of an error of variance one, and its mean below it.

    Parameters
    ----------
    level : float
        Such as 0.05.
    nu : float
        Degrees of freedom of Student errors; infinite for normal ones.

    Examples
    --------
    >>> [round(number, 3) for number in tail_of(0.05)]
    [-1.645, -2.063]
    """
    probability("level", level, such_as=0.05)
    if np.isinf(nu):
        z = float(norm.ppf(level))
        return z, -float(norm.pdf(z)) / level
    q, unit = float(t.ppf(level, nu)), np.sqrt((nu - 2) / nu)
    return q * unit, -float(t.pdf(q, nu)) / level * (nu + q**2) / (nu - 1) * unit


@dataclass(frozen=True, eq=False, repr=False)
class RiskBacktest(AbstractResult):
    """How forecasts of the value at risk did.

    Attributes
    ----------
    level : float
        Probability of a hit that was promised.
    forecasts : DataFrame
        Columns: return, value at risk, hit, and expected shortfall where it was given.
    tests : DataFrame
        Per test: statistic, degrees of freedom, p-value.
    """

    level: float
    forecasts: pd.DataFrame
    tests: pd.DataFrame

    @property
    def hits(self) -> int:
        """How many returns fell below minus the value at risk."""
        return int(np.asarray(self.forecasts["hit"]).sum())

    @property
    def checks(self) -> tuple[Check, ...]:
        """The tests, judged at five per cent."""
        found: dict[str, Any] = self.tests["p-value"].to_dict()
        return tuple(
            Check(name, None if np.isnan(p) else bool(p >= DOUBT),
                  f"{CLAIMS[name][bool(p < DOUBT)]}, p = {p:.3f}.", float(p), DOUBT)
            for name, p in found.items() if name in CLAIMS
        )  # fmt: skip

    def summary(self) -> str:
        """Return one screen: hits against what was promised, and the tests."""
        n = len(self.forecasts)
        facts = [f"{self.hits} of {n:,} returns are below minus the value at risk, {self.hits / n:.2%}; promised were "
                 f"{self.level:.2%}, or {self.level * n:.1f}."]  # fmt: skip
        table = self.tests.rename_axis("test").reset_index()
        return screenful(f"Value at risk at {self.level:g}, judged", facts, table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return tests and hits as a part of a report."""
        frame = self.forecasts.rename_axis("when").reset_index()
        figure = Figure("Value at risk", "Returns, minus the value at risk, and hits.", frame, _draw_hits, (8.0, 4.0))
        tests = Table("Tests", self.tests.rename_axis("test").reset_index())
        return (Section("Value at risk", self.summary().split("\n")[1], (tests,), (figure,), self.checks),)


def backtest(returns: Any, value_at_risk: Any, level: float = 0.05, expected_shortfall: Any = None) -> RiskBacktest:
    """Judge forecasts of the value at risk by what came.

    Parameters
    ----------
    returns : Series or array, shape (n,)
    value_at_risk : Series or array, shape (n,)
        Of each return, made before it; a loss, so usually above zero.
    level : float
        Probability of a hit that they promise, such as 0.05.
    expected_shortfall : Series or array, shape (n,), optional
        Mean loss beyond the value at risk.

    Examples
    --------
    >>> returns = np.random.default_rng(1).normal(size=1_000)
    >>> print(backtest(returns, np.full(1_000, 1.645)))
    Value at risk at 0.05, judged
    51 of 1,000 returns are below minus the value at risk, 5.10%; promised were 5.00%, or 50.0.
                             test  statistic  df  p-value
           share of hits (Kupiec)    0.02092   1    0.885
    independence (Christoffersen)     0.7259   1   0.3942
                             both     0.7468   2   0.6884
    """
    probability("level", level, such_as=0.05)
    r, var = finite("returns", returns, (None,)), finite("value_at_risk", value_at_risk, (None,))
    if len(r) != len(var):
        raise ValueError(f"value_at_risk holds {len(var)}, but must hold {len(r)}, one for each return; give as many.")
    index = returns.index if isinstance(returns, pd.Series) else pd.RangeIndex(len(r))
    hit = r < -var
    frame = pd.DataFrame({"return": r, "value at risk": var, "hit": hit}, index=index)
    share, apart = kupiec(hit, level), independence(hit)
    rows = {
        "share of hits (Kupiec)": (share, 1),
        "independence (Christoffersen)": (apart, 1),
        "both": (share + apart, 2),
    }
    tests = {name: (lr, df, float(chi2.sf(lr, df))) for name, (lr, df) in rows.items()}
    if expected_shortfall is not None:
        es = finite("expected_shortfall", expected_shortfall, (len(r),))
        frame["expected shortfall"] = es
        tests[BEYOND] = _beyond(r[hit], es[hit])
    columns = pd.Index(["statistic", "df", "p-value"])
    return RiskBacktest(level, frame, pd.DataFrame.from_dict(tests, orient="index", columns=columns))


def kupiec(hit: np.ndarray, level: float) -> float:
    """Return Kupiec's likelihood ratio of the share of hits."""
    n, T = int(hit.sum()), len(hit)
    of = lambda p: xlogy(n, p) + xlogy(T - n, 1 - p)
    return float(2 * (of(n / T) - of(level)))


def independence(hit: np.ndarray) -> float:
    """Return Christoffersen's likelihood ratio of independence from the hit before."""
    before, now = hit[:-1], hit[1:]
    counts = np.array([[np.sum((before == i) & (now == j)) for j in (0, 1)] for i in (0, 1)], float)
    of = lambda row: sum(xlogy(row[j], row[j] / max(row.sum(), 1)) for j in (0, 1))
    return float(max(2 * (of(counts[0]) + of(counts[1]) - of(counts.sum(0))), 0.0))


def _beyond(returns: np.ndarray, es: np.ndarray) -> tuple[float, int, float]:
    """Test whether returns at hits are lower, on average, than promised: one-sided, relative to what was promised."""
    if len(returns) < 5:
        return float("nan"), max(len(returns) - 1, 0), float("nan")
    excess = -returns / es - 1
    statistic = float(excess.mean() / (excess.std(ddof=1) / np.sqrt(len(excess))))
    return statistic, len(excess) - 1, float(t.sf(statistic, len(excess) - 1))


def _draw_hits(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["when"], data["return"], linewidth=0.6, label="return")
    axes.plot(data["when"], -data["value at risk"], linewidth=1.0, label="minus value at risk")
    there = data[data["hit"]]
    axes.plot(there["when"], there["return"], "o", markersize=3, label="hit")
    axes.set(ylabel="return")
    axes.legend(ncols=3, loc="upper center")
