"""Volatility: GARCH(1,1), GJR and EGARCH fitted to returns, what they say of risk, and how they are shown.

The models and their likelihood are in `ceteris.sequence.volatility.garch`. Whatever filters variances out of returns,
these models or a net (`ceteris.sequence.volatility.net`), answers the same questions: variances of other or later
returns, minus the log density of each, value at risk and expected shortfall.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ceteris.arguments import a_whole_number, one_of, require, whole
from ceteris.results import Check, Section
from ceteris.sequence.volatility import shown
from ceteris.sequence.volatility.garch import (
    ALPHA,
    BETA,
    CENTRE,
    ERRORS,
    GAMMA,
    KINDS,
    MU,
    NAMES,
    NORMAL,
    NU,
    OMEGA,
    Maximum,
    early_variance,
    filtered,
    maximise,
    surprises,
)  # fmt: skip
from ceteris.sequence.volatility.value_at_risk import RiskBacktest, backtest, tail_of
from ceteris.showing import AbstractResult
from ceteris.tables.frames import finite

FEWEST = 100  # returns to learn from
LAGS = 10  # of squared errors, that are tested for what is left in them


class AbstractVolatility(AbstractResult):
    """Variances filtered out of returns, one step ahead, with the distribution of what comes."""

    @abc.abstractmethod
    def filter(self, returns: Any) -> pd.DataFrame:
        """Return mean, variance and minus the log density (nll) of each return, given those before it.

        Parameters
        ----------
        returns : Series or array, shape (n,)
            Those learnt from and later ones, or any others; parameters stay as they are.
        """

    @property
    @abc.abstractmethod
    def nu(self) -> float:
        """Degrees of freedom of the errors; infinite where they are normal."""

    def value_at_risk(self, returns: Any, level: float = 0.05) -> pd.DataFrame:
        """Return value at risk and expected shortfall of each return, as losses, given those before it.

        Parameters
        ----------
        returns : Series or array, shape (n,)
        level : float
            Probability of a return below minus the value at risk.
        """
        quantile, beyond = tail_of(level, self.nu)
        found = self.filter(returns)
        sd = np.sqrt(found["variance"])
        loss = {"value at risk": -(found["mean"] + quantile * sd), "expected shortfall": -(found["mean"] + beyond * sd)}
        return pd.DataFrame(loss)

    def backtest(self, returns: Any, level: float = 0.05, after: int = 0) -> RiskBacktest:
        """Judge the value at risk by what came.

        Parameters
        ----------
        returns : Series or array, shape (n,)
        level : float
        after : int
            How many of the first returns are not judged, such as those learnt from.
        """
        whole("after", after, least=0, most=len(returns) - 1)
        risk = self.value_at_risk(returns, level)
        r = as_series(returns)
        return backtest(r[after:], risk["value at risk"][after:], level, risk["expected shortfall"][after:])


@dataclass(frozen=True)
class Volatility:
    """A model of the variance of returns, estimated by maximum likelihood.

    Parameters
    ----------
    model : {"garch", "gjr", "egarch"}
        Of orders (1, 1); in the last two, falls and rises count differently.
    errors : {"student", "normal"}
        Distribution of a return given those before it.
    mean : {"constant", "zero"}
        What returns are around.

    Examples
    --------
    >>> from ceteris.sequence import Volatility, simulate_garch
    >>> returns, _ = simulate_garch(3_000, omega=0.05, alpha=0.1, beta=0.85, seed=0)
    >>> fitted = Volatility("garch", "normal").fit(returns)
    >>> fitted.parameters.loc[["alpha", "beta"], "estimate"].round(2).tolist()
    [0.11, 0.85]
    """

    model: Literal["garch", "gjr", "egarch"] = "garch"
    errors: Literal["student", "normal"] = "student"
    mean: Literal["constant", "zero"] = "constant"

    def __post_init__(self) -> None:
        one_of("Volatility: model", self.model, KINDS)
        one_of("Volatility: errors", self.errors, ERRORS)
        one_of("Volatility: mean", self.mean, ("constant", "zero"))

    def fit(self, returns: Any) -> VolatilityFit:
        """Estimate the parameters.

        Parameters
        ----------
        returns : Series or array, shape (n,)
            In any unit, such as per cent, in order of time.
        """
        r = as_series(returns)
        require("returns: how many", len(r), a_whole_number(FEWEST), "give a longer series")
        if float(np.std(r.to_numpy())) < 1e-12 * max(1.0, abs(float(r.to_numpy().mean()))):
            raise ValueError(f"returns is {float(r.iloc[0]):g} throughout, but must vary; give changes of a price.")
        found = maximise(self.model, self.errors, self.mean == "constant", r.to_numpy())
        return VolatilityFit(self, r, found, early_variance(r.to_numpy()))


@dataclass(frozen=True, eq=False, repr=False)
class VolatilityFit(AbstractVolatility):
    """A fitted model of volatility.

    Attributes
    ----------
    settings : Volatility
    returns : Series
        What was learnt from.
    maximum : Maximum
        The estimates; see `ceteris.sequence.volatility.garch.Maximum`.
    before : float
        What stands for the variance before the first return.
    """

    settings: Volatility
    returns: pd.Series
    maximum: Maximum
    before: float

    @property
    def name(self) -> str:
        """Model and errors in words."""
        words = {"garch": "GARCH(1,1)", "gjr": "GJR(1,1)", "egarch": "EGARCH(1,1)"}[self.settings.model]
        return f"{words}, {'Student' if self.settings.errors == 'student' else 'normal'} errors"

    @property
    def nu(self) -> float:
        """Degrees of freedom of the errors; infinite where they are normal."""
        return float(self.maximum.parameters[NU])

    @property
    def parameters(self) -> pd.DataFrame:
        """Estimates with standard errors: robust to wrong errors, and classic; none for what is on its bound."""
        free = self.maximum.free
        frame = pd.DataFrame(
            {
                "estimate": self.maximum.parameters[list(free)],
                "standard error": np.sqrt(np.diag(self.maximum.covariance)),
                "classic": np.sqrt(np.diag(self.maximum.classic)),
            },
            index=pd.Index([NAMES[k] for k in free], name="parameter"),
        )
        frame.loc[[NAMES[k] for k in self.maximum.bounded], ["standard error", "classic"]] = np.nan
        return frame

    @property
    def log_likelihood(self) -> float:
        """Of the returns learnt from."""
        return self.maximum.log_likelihood

    @property
    def bic(self) -> float:
        """Bayesian information criterion: lower is better."""
        return len(self.maximum.free) * float(np.log(len(self.returns))) - 2 * self.log_likelihood

    @property
    def persistence(self) -> float:
        """Share of a shock to the variance (of its logarithm, in EGARCH) that is left after a period."""
        p = self.maximum.parameters
        return float(p[BETA] if self.settings.model == "egarch" else p[ALPHA] + p[GAMMA] / 2 + p[BETA])

    @property
    def long_run_variance(self) -> float:
        """Variance far ahead; of EGARCH that at the mean of its logarithm."""
        omega = float(self.maximum.parameters[OMEGA])
        level = omega / (1 - self.persistence)
        return float(np.exp(level)) if self.settings.model == "egarch" else level

    def filter(self, returns: Any) -> pd.DataFrame:
        """Return mean, variance and minus the log density (nll) of each return, given those before it."""
        r, p = as_series(returns), self.maximum.parameters
        egarch, student = self.settings.model == "egarch", self.settings.errors == "student"
        h = filtered(egarch, p, r.to_numpy(), self.before)
        nll = surprises(egarch, student, p, r.to_numpy(), self.before)
        return pd.DataFrame({"mean": np.full(len(r), p[MU]), "variance": h, "nll": nll}, index=r.index)

    def forecast(self, horizon: int = 10, returns: Any = None, draws: int = 10_000, seed: int = 0) -> pd.DataFrame:
        """Return the variance expected one to so many periods ahead.

        Parameters
        ----------
        horizon : int
        returns : Series or array, optional
            After which it is asked; by default those learnt from.
        draws : int
            Paths; EGARCH has no formula beyond one period.
        seed : int

        Returns
        -------
        DataFrame
            One row per period ahead: variance, and that of the sum of returns up to it.
        """
        whole("horizon", horizon, such_as=10)
        r = self.returns if returns is None else as_series(returns)
        last = self.filter(r).iloc[-1]
        p, e = self.maximum.parameters, float(r.iloc[-1] - last["mean"])
        if self.settings.model == "egarch":
            variance = _simulated(p, float(np.log(last["variance"])), e, horizon, draws, seed)
        else:
            first = p[OMEGA] + (p[ALPHA] + p[GAMMA] * (e < 0)) * e**2 + p[BETA] * last["variance"]
            fading = self.persistence ** np.arange(horizon)
            spread = fading.cumsum() - fading if self.persistence >= 1 else (1 - fading) / (1 - self.persistence)
            variance = fading * first + p[OMEGA] * spread
        ahead = pd.RangeIndex(1, horizon + 1, name="ahead")
        return pd.DataFrame({"variance": variance, "of the sum": np.cumsum(variance)}, index=ahead)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the maximum was found, shocks fade, and nothing is left in the squares of the errors."""
        p = self.left_over()
        edge = [NAMES[k] for k in self.maximum.bounded if k != NU]
        normal = NU in self.maximum.bounded
        said = f"{', '.join(edge)} is 0, at its edge, and has no standard error; the others are given that."
        if not edge:
            said = "None is."
            if normal:
                said = f"nu is {NORMAL:g}, its largest value: the errors are normal; fit with errors='normal'."
        return (
            Check("the likelihood is at its maximum", self.maximum.converged,
                  "The search ended." if self.maximum.converged else "The search did not end; give more returns, or "
                  "a simpler model."),
            Check("shocks fade", self.persistence < 0.9999,
                  f"{self.persistence:.4f} of a shock is left after a period.", self.persistence, 0.9999),
            Check("no parameter is on its bound", None if normal and not edge else not edge, said),
            Check("nothing is left in the squares", p >= 0.01,
                  f"Ljung and Box's test of {LAGS} lags of squared errors: p = {p:.3f}.", p, 0.01),
        )  # fmt: skip

    def left_over(self) -> float:
        """Return the p-value of Ljung and Box's test that squared standardised errors are uncorrelated."""
        found = self.filter(self.returns)
        square = ((self.returns - found["mean"]) ** 2 / found["variance"]).to_numpy()
        centred, n = square - square.mean(), len(square)
        rho = np.array([centred[k:] @ centred[:-k] for k in range(1, LAGS + 1)]) / (centred @ centred)
        return float(chi2.sf(n * (n + 2) * (rho**2 / (n - np.arange(1, LAGS + 1))).sum(), LAGS))

    def news_impact(self, e: np.ndarray) -> np.ndarray:
        """Return the next variance after a surprise e, from the long-run variance.

        Parameters
        ----------
        e : array
            Surprises, in the unit of returns.
        """
        p, h = self.maximum.parameters, self.long_run_variance
        if self.settings.model == "egarch":
            z = e / np.sqrt(h)
            return np.exp(p[OMEGA] + p[ALPHA] * (abs(z) - CENTRE) + p[GAMMA] * z + p[BETA] * np.log(h))
        return p[OMEGA] + (p[ALPHA] + p[GAMMA] * (e < 0)) * e**2 + p[BETA] * h

    def summary(self) -> str:
        """Return one screen: the model, its parameters with standard errors, how long shocks last."""
        return shown.summary(self)

    def sections(self) -> tuple[Section, ...]:
        """Return parameters, variances, errors and the news impact curve as a part of a report."""
        return shown.sections(self)


def _simulated(p: np.ndarray, log_h: float, e: float, horizon: int, draws: int, seed: int) -> np.ndarray:
    """Return the mean variance of simulated EGARCH paths."""
    rng, nu = np.random.default_rng(seed), p[NU]
    z, level, found = np.full(draws, e / np.exp(log_h / 2)), np.full(draws, log_h), []
    for _ in range(horizon):
        level = p[OMEGA] + p[ALPHA] * (abs(z) - CENTRE) + p[GAMMA] * z + p[BETA] * level
        found.append(np.exp(level).mean())
        z = rng.normal(size=draws) if np.isinf(nu) else rng.standard_t(nu, draws) * np.sqrt((nu - 2) / nu)
    return np.array(found)


def as_series(returns: Any) -> pd.Series:
    """Return returns as a series of finite numbers; a column of Polars and arrays are counted from 0."""
    if isinstance(returns, pd.Series) and returns.index.has_duplicates:
        raise ValueError("returns has two values for one time stamp, but must have one for each; drop or average them.")
    if isinstance(returns, pd.Series) and not returns.index.is_monotonic_increasing:
        raise ValueError("returns has time stamps out of order, but must be in order of time; sort it by its index.")
    values = finite("returns", returns, (None,))
    return pd.Series(values, index=returns.index if isinstance(returns, pd.Series) else None, name="returns")
