"""Mixed frequencies: a quarterly series regressed on monthly lags, with few parameters for many lags.

With x_{q,k} the value k months before the month in which quarter q is forecast,

    y_q = a + b Σ_k w_k(θ) x_{q,k} + e_q,     Σ_k w_k = 1,

for each monthly series, where the weights are

    exponential Almon    w_k ∝ exp(θ_1 k/K + θ_2 (k/K)²),
    beta                 w_k ∝ u_k^{θ_1 - 1} (1 - u_k)^{θ_2 - 1},  u_k inside (0, 1),

and estimated by least squares: for given θ the rest is a regression. "unrestricted" has a coefficient for each lag.
These are mixed data sampling (MIDAS) regressions; they have nothing to do with imputation by denoising, which has the
same short name (`ceteris.impute`).

References
----------
Ghysels, E., Sinko, A. and Valkanov, R. (2007). MIDAS regressions: further results and new directions. Econometric
Reviews 26. Foroni, C., Marcellino, M. and Schumacher, C. (2015). Unrestricted mixed data sampling. Journal of the Royal
Statistical Society A 178.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from ceteris.arguments import one_of, whole
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful
from ceteris.tables.frames import finite

if TYPE_CHECKING:
    import matplotlib.figure

WEIGHTS = ("almon", "beta", "unrestricted")
STARTS = {"almon": [(0.0, 0.0), (-3.0, 0.0), (3.0, -6.0)], "beta": [(1.0, 1.0), (1.0, 5.0), (2.0, 4.0)]}
MONTHS = 3  # of a quarter


def almon_weights(theta: Any, lags: int) -> np.ndarray:
    """Return exponential Almon weights, which sum to one.

    Examples
    --------
    >>> almon_weights((0.0, 0.0), 4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    u = np.arange(lags) / lags
    scores = theta[0] * u + theta[1] * u**2
    w = np.exp(scores - scores.max())
    return w / w.sum()


def beta_weights(theta: Any, lags: int) -> np.ndarray:
    """Return beta weights, which sum to one.

    Examples
    --------
    >>> beta_weights((1.0, 3.0), 3).round(2).tolist()  # falling
    [0.71, 0.26, 0.03]
    """
    u = (np.arange(lags) + 0.5) / lags
    scores = (theta[0] - 1) * np.log(u) + (theta[1] - 1) * np.log1p(-u)
    w = np.exp(scores - scores.max())
    return w / w.sum()


SHAPES = {"almon": almon_weights, "beta": beta_weights}


def monthly_lags(monthly: np.ndarray, quarters: int, lags: int, month: int) -> np.ndarray:
    """Return the last monthly values that are there in a month of each quarter, newest first.

    Parameters
    ----------
    monthly : array, shape (months, series)
        The first three are those of the first quarter.
    quarters : int
    lags : int
    month : int
        Of the quarter: 3 is its last; 0 the last of the quarter before.

    Returns
    -------
    array, shape (quarters, lags, series)
        NaN before the first month.

    Examples
    --------
    >>> monthly_lags(np.arange(6.0)[:, None], 2, 3, month=2)[..., 0].tolist()
    [[1.0, 0.0, nan], [4.0, 3.0, 2.0]]
    """
    last = MONTHS * np.arange(quarters) + month - 1
    at = last[:, None] - np.arange(lags)
    found = monthly[np.clip(at, 0, len(monthly) - 1)]
    return np.where((at < 0)[..., None], np.nan, found)


@dataclass(frozen=True)
class MixedFrequencyRegression:
    """A regression of a quarterly series on lags of monthly ones (MIDAS).

    Parameters
    ----------
    weights : {"almon", "beta", "unrestricted"}
        How the coefficients of the lags of a series depend on few parameters.
    lags : int
        Months of each series.
    month : int
        In which month of a quarter it is forecast, so what is known: 3 is its last, 0 the last before it.
    own : int
        Quarterly lags of the series itself.

    Examples
    --------
    >>> from ceteris.sequence import FactorModel, MixedFrequencyRegression
    >>> monthly, quarterly = FactorModel((0.9,)).simulate(200, seed=0)
    >>> fitted = MixedFrequencyRegression(lags=9).fit(monthly, quarterly)
    >>> fitted.weights["x1"].round(2).tolist()[:4]
    [0.26, 0.4, 0.26, 0.07]
    """

    weights: Literal["almon", "beta", "unrestricted"] = "almon"
    lags: int = 12
    month: int = MONTHS
    own: int = 1

    def __post_init__(self) -> None:
        one_of("MixedFrequencyRegression: weights", self.weights, WEIGHTS)
        whole("MixedFrequencyRegression: lags", self.lags, least=2, such_as=12)
        whole("MixedFrequencyRegression: month", self.month, least=0, most=MONTHS)
        whole("MixedFrequencyRegression: own", self.own, least=0)

    def fit(self, monthly: Any, quarterly: Any) -> MixedFrequencyFit:
        """Estimate the coefficients by least squares.

        Parameters
        ----------
        monthly : DataFrame or array, shape (months, series)
            The first three rows are the months of the first quarter; nothing missing.
        quarterly : Series or array, shape (quarters,)
        """
        x, y, names = _both(monthly, quarterly)
        lagged = monthly_lags(x, len(y), self.lags, self.month)
        rest = np.stack([np.ones(len(y)), *(_back(y, k) for k in range(1, self.own + 1))], axis=1)
        there: Any = np.isfinite(lagged).all((1, 2)) & np.isfinite(rest).all(1)
        unknowns = rest.shape[1] + x.shape[1] * (self.lags if self.weights == "unrestricted" else 3)
        whole("quarterly: quarters with all lags", int(there.sum()), least=unknowns + 5)
        theta, coefficients, residuals = _estimated(self.weights, lagged[there], rest[there], y[there])
        index = quarterly.index if isinstance(quarterly, pd.Series) else pd.RangeIndex(len(y))
        fitted = pd.DataFrame({"observed": y[there], "fitted": y[there] - residuals}, index=index[there])
        return MixedFrequencyFit(self, names, theta, coefficients, fitted)


@dataclass(frozen=True, eq=False, repr=False)
class MixedFrequencyFit(AbstractResult):
    """A fitted regression of a quarterly series on monthly ones.

    Attributes
    ----------
    settings : MixedFrequencyRegression
    names : tuple of str
        Of the monthly series.
    theta : array, shape (series, 2)
        Parameters of the weights; empty where they are unrestricted.
    coefficients : array
        Constant, own lags, then one per monthly series (one per lag, where they are unrestricted).
    fitted : DataFrame
        Observed and fitted values of the quarters that were used.
    """

    settings: MixedFrequencyRegression
    names: tuple[str, ...]
    theta: np.ndarray
    coefficients: np.ndarray
    fitted: pd.DataFrame

    @property
    def weights(self) -> pd.DataFrame:
        """Share of each lag in the effect of a series, newest first; they sum to one."""
        K, own = self.settings.lags, self.settings.own
        if self.settings.weights == "unrestricted":
            by_lag = self.coefficients[1 + own :].reshape(len(self.names), K)
            shares = by_lag / by_lag.sum(1, keepdims=True)
        else:
            shares = np.stack([SHAPES[self.settings.weights](theta, K) for theta in self.theta])
        return pd.DataFrame(shares.T, columns=pd.Index(self.names), index=pd.RangeIndex(K, name="lag"))

    @property
    def effects(self) -> pd.Series:
        """Sum of the coefficients of all lags of each series."""
        own = self.coefficients[1 + self.settings.own :]
        sums = own.reshape(len(self.names), -1).sum(1)
        return pd.Series(sums, index=pd.Index(self.names, name="series"), name="effect")

    @property
    def r2(self) -> float:
        """Share of the variance that is explained, in sample."""
        y, e = self.fitted["observed"].to_numpy(), (self.fitted["observed"] - self.fitted["fitted"]).to_numpy()
        return float(1 - (e**2).mean() / y.var())

    def predict(self, monthly: Any, quarterly: Any) -> np.ndarray:
        """Return forecasts of quarters, the one after the last known among them; NaN where lags are missing.

        Parameters
        ----------
        monthly : DataFrame or array, shape (months, series)
        quarterly : Series or array, shape (quarters,)
            Those known.
        """
        x, y, _ = _both(monthly, quarterly)
        longer = np.append(y, np.nan)
        lagged = monthly_lags(x, len(longer), self.settings.lags, self.settings.month)
        lagged[MONTHS * np.arange(len(longer)) + self.settings.month > len(x)] = np.nan
        rest = np.stack([np.ones(len(longer)), *(_back(longer, k) for k in range(1, self.settings.own + 1))], axis=1)
        return np.concatenate([rest, _regressors(self.settings.weights, self.theta, lagged)], 1) @ self.coefficients

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it explains anything."""
        return (Check("better than a constant", self.r2 > 0.05, f"In-sample R² is {self.r2:.3f}.", self.r2, 0.05),)

    def summary(self) -> str:
        """Return one screen: effects and the first weights."""
        facts = [f"{len(self.fitted)} quarters, {self.settings.lags} months of each series, "
                 f"{self.settings.weights} weights. In-sample R² is {self.r2:.3f}."]  # fmt: skip
        table = self.effects.to_frame().join(self.weights.T.add_prefix("weight ")).reset_index()
        return screenful("Regression on monthly lags, fitted", facts, table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return effects, weights and fit as a part of a report."""
        weights = self.weights.reset_index()
        frame = self.fitted.rename_axis("when").reset_index()
        figures = (
            Figure("Weights", "Share of each lag in the effect of a series; lag 0 is the newest month.", weights,
                   _draw_weights),
            Figure("Fit", "Observed and fitted quarters.", frame, _draw_fit, (8.0, 3.6)),
        )  # fmt: skip
        table = Table("Effects", self.effects.reset_index())
        return (Section("Regression on monthly lags", self.summary().split("\n")[1], (table,), figures, self.checks),)


def _both(monthly: Any, quarterly: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return monthly and quarterly values and the names of the former."""
    x, y = finite("monthly", monthly, (None, None)), finite("quarterly", quarterly, (None,))
    if len(x) < MONTHS * (len(y) - 1):
        raise ValueError(
            f"monthly has {len(x)} months, but must have {MONTHS} for each of the {len(y)} quarters (those of the last "
            "may be missing); give as many."
        )
    names = [str(name) for name in getattr(monthly, "columns", [f"x{k + 1}" for k in range(x.shape[1])])]
    return x, y, tuple(names)


def _back(y: np.ndarray, k: int) -> np.ndarray:
    return np.concatenate([np.full(k, np.nan), y[:-k]])


def _regressors(weights: str, theta: np.ndarray, lagged: np.ndarray) -> np.ndarray:
    if weights == "unrestricted":
        return lagged.transpose(0, 2, 1).reshape(len(lagged), -1)
    shares = [SHAPES[weights](each, lagged.shape[1]) for each in theta]
    return np.stack([lagged[..., k] @ share for k, share in enumerate(shares)], axis=1)


def _estimated(weights: str, lagged: np.ndarray, rest: np.ndarray, y: np.ndarray) -> tuple[Any, Any, Any]:
    """Return the parameters of the weights, the coefficients and the residuals."""
    series = lagged.shape[2]

    def solved(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        X = np.concatenate([rest, _regressors(weights, theta.reshape(-1, 2), lagged)], axis=1)
        b = np.linalg.lstsq(X, y, rcond=None)[0]
        return b, y - X @ b

    if weights == "unrestricted":
        return np.zeros((0, 2)), *solved(np.zeros(0))
    low, high = ((-60.0, 60.0), (0.05, 60.0))[weights == "beta"]
    fits = [least_squares(lambda t: solved(t)[1], np.tile(start, series), bounds=(low, high), x_scale=1.0)
            for start in STARTS[weights]]  # fmt: skip
    best = min(fits, key=lambda fit: fit.cost).x
    return best.reshape(-1, 2), *solved(best)


def _draw_weights(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name in data.columns.drop("lag"):
        axes.plot(data["lag"], data[name], "o-", label=str(name))
    axes.set(xlabel="lag in months", ylabel="weight")
    axes.legend()


def _draw_fit(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name in ("observed", "fitted"):
        axes.plot(data["when"], data[name], label=name)
    axes.legend()
