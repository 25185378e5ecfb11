"""What every estimator of τ(x) returns: effects with standard errors, and averages of doubly robust scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import as_many, one_of, probability
from ceteris.causal.rows import Rows
from ceteris.outlets import prose, screen
from ceteris.results import About, Check, Estimate
from ceteris.stats.deletion import without_leverage

if TYPE_CHECKING:
    import pandas as pd

AVERAGES = {
    "ATE": "everybody",
    "ATT": "the treated",
    "ATU": "the untreated",
    "ATO": "everybody, weighted by the variance of the treatment given the covariates",
}
QUANTILES = {
    "least": 0.0,
    "a tenth of the rows below": 0.1,
    "a quarter below": 0.25,
    "half below": 0.5,
    "three quarters below": 0.75,
    "nine tenths below": 0.9,
    "most": 1.0,
}


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects at given covariates.

    Parameters
    ----------
    point : array, shape (n,) or (n, k)
        One row for each row of the covariates, one column for each of several contrasts.
    se : array of the same shape, or None
        Standard errors where there are any.
    names : tuple of str
        One for each contrast.
    about : About
        The method, and what an interval covers and what it does not, or why there is none.
    checks : tuple of Check
    level : float
        Of intervals that are asked for without one.

    Examples
    --------
    >>> effects = Effects(np.array([1.0, 2.0]), np.array([0.1, 0.2]))
    >>> effects.conf_int().round(2)
    array([[0.8 , 1.2 ],
           [1.61, 2.39]])
    """

    point: np.ndarray
    se: np.ndarray | None = None
    names: tuple[str, ...] = ("effect",)
    about: About = field(default_factory=About)
    checks: tuple[Check, ...] = ()
    level: float = 0.95

    def __post_init__(self) -> None:
        columns = 1 if self.point.ndim == 1 else self.point.shape[1]
        as_many("names", self.names, columns, of="column of effects")
        if self.se is not None and self.se.shape != self.point.shape:
            raise ValueError(
                f"se has shape {self.se.shape}, but must have {self.point.shape}; give one for each effect."
            )

    def __len__(self) -> int:
        return len(self.point)

    def conf_int(self, level: float | None = None) -> np.ndarray:
        """Pointwise confidence intervals, shape (n, 2) or (n, k, 2); ``about.interval`` says what they cover."""
        from scipy import stats

        level = self._level(level)
        if self.se is None:
            why = self.about.interval or "The estimator gives no standard errors."
            raise ValueError(f"conf_int: these effects have no standard errors. {why}")
        half = stats.norm.ppf(0.5 + level / 2) * self.se
        return np.stack([self.point - half, self.point + half], axis=-1)

    def _level(self, level: float | None) -> float:
        """Return the level asked for, here or where the effects were."""
        asked = self.level if level is None else level
        probability("level", asked)
        return asked

    def frame(self, level: float | None = None) -> pd.DataFrame:
        """One row for each row of the covariates: estimate and, where there are standard errors, the interval."""
        import pandas as pd

        level = self._level(level)
        tail = 100 * (1 - level) / 2
        columns: dict[str, np.ndarray] = {}
        points = self.point.reshape(len(self), -1)
        for k, name in enumerate(self.names):
            before = "" if len(self.names) == 1 else f"{name}: "
            columns[f"{before}estimate"] = points[:, k]
            if self.se is not None:
                low, high = self.conf_int(level).reshape(len(self), -1, 2)[:, k].T
                columns[f"{before}std err"] = self.se.reshape(len(self), -1)[:, k]
                columns[f"{before}{tail:g} %"], columns[f"{before}{100 - tail:g} %"] = low, high
        return pd.DataFrame(columns)

    def spread(self, level: float | None = None) -> pd.DataFrame:
        """How the effects spread over the rows: a line for each measure, a column for each contrast.

        Quantiles are of the estimates alone; the intervals of single rows are in `frame`.

        Examples
        --------
        >>> print(Effects(np.array([1.0, 2.0, 6.0]), np.array([1.0, 0.5, 2.0])).spread().round(2))
                                            effect
        mean                                  3.00
        standard deviation                    2.65
        least                                 1.00
        a tenth of the rows below             1.20
        a quarter below                       1.50
        half below                            2.00
        three quarters below                  4.00
        nine tenths below                     5.20
        most                                  6.00
        median standard error                 1.00
        share with the 95 % interval above 0  0.67
        share with the 95 % interval below 0  0.00
        """
        import pandas as pd

        level = self._level(level)
        points = pd.DataFrame(self.point.reshape(len(self), -1), columns=pd.Index(self.names))
        lines: dict[str, Any] = {"mean": points.mean(), "standard deviation": points.std()}
        lines |= {name: points.quantile(share) for name, share in QUANTILES.items()}
        if self.se is not None:
            low, high = np.moveaxis(self.conf_int(level).reshape(*points.shape, 2), -1, 0)
            lines["median standard error"] = np.nanmedian(self.se.reshape(points.shape), axis=0)
            lines[f"share with the {100 * level:g} % interval above 0"] = np.mean(low > 0, axis=0)
            lines[f"share with the {100 * level:g} % interval below 0"] = np.mean(high < 0, axis=0)
        return pd.DataFrame(lines, index=points.columns).T

    def summary(self, level: float | None = None, digits: int = 3) -> str:
        """How the effects spread over the rows, what the intervals are, and what failed."""
        above = f"{prose(self.about.method)}\n" if self.about.method else ""
        below = f"\n{prose(self.about.interval)}" if self.about.interval else ""
        failed = "".join(f"\n! {prose(check.sentence)}" for check in self.checks if check.passed is False)
        return f"{above}{screen(self.spread(level).round(digits))}\nn = {len(self)} rows{below}{failed}"

    def __str__(self) -> str:
        return self.summary()


def doubly_robust(y: np.ndarray, d: np.ndarray, m: np.ndarray, e: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Score τ + (d - e)/(e(1 - e)) (y - m - (d - e)τ) of each row, shape (n,), whose mean is the average effect.

    It is the score of augmented inverse probability weighting with E[Y | D = 1, X] = m + (1 - e)τ and
    E[Y | D = 0, X] = m - eτ, where m = E[Y | X] and e = P(D = 1 | X).

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), "Estimation of regression coefficients when some regressors are not always
    observed", JASA 89. Kennedy (2023), "Towards optimal doubly robust estimation of heterogeneous causal effects",
    Electronic Journal of Statistics 17, for the score as an outcome to be regressed on covariates.

    Examples
    --------
    >>> y, d, half = np.array([1.0, 3.0]), np.array([0.0, 1.0]), np.full(2, 0.5)
    >>> float(doubly_robust(y, d, np.zeros(2), half, np.zeros(2)).mean())  # the difference in means
    2.0
    """
    v = d - e
    return tau + v / (e * (1 - e)) * (y - m - v * tau)


def average_effect(
    rows: Rows,
    m: np.ndarray,
    e: np.ndarray,
    tau: np.ndarray,
    subgroup: Any = None,
    estimand: str = "ATE",
    method: str = "",
) -> Estimate:
    """Average effect of a binary treatment, or "ATO" of any, over a subgroup, doubly robust.

    Parameters
    ----------
    rows : Rows
    m, e, tau : array, shape (n,)
        E[Y | X], E[D | X] and τ(X), from other rows than the one they are used for.
    subgroup : array of bool, shape (n,), optional
        The rows averaged over; all by default.
    estimand : {"ATE", "ATT", "ATU", "ATO"}
        Averages over everybody, the treated, the untreated, or everybody weighted by Var(D | X), which is e(1 - e) for
        a binary treatment.
    method : str
        For the title of the table.

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), JASA 89; Li, Morgan and Zaslavsky (2018), JASA 113 (overlap weights).

    Examples
    --------
    >>> rows = Rows(np.array([1.0, 3.0, 2.0, 6.0]), np.array([0.0, 1.0, 0.0, 1.0]), np.empty((4, 0)))
    >>> wrong, half = np.zeros(4), np.full(4, 0.5)
    >>> average_effect(rows, wrong, half, wrong).point  # e is right, which suffices: the difference in means
    array([3.])
    >>> average_effect(rows, wrong, half, wrong, subgroup=np.array([True, True, False, False])).point
    array([2.])
    """
    one_of("estimand", estimand, AVERAGES)
    inside = read_subgroup(subgroup, rows.n).astype(float)
    y, d, v = rows.y, rows.d, rows.d - e
    residual = y - m - v * tau
    parts = {
        "ATE": lambda: (np.ones(rows.n), v / (e * (1 - e))),
        "ATT": lambda: (d, d - (1 - d) * e / (1 - e)),
        "ATU": lambda: (1 - d, d * (1 - e) / e - (1 - d)),
        "ATO": lambda: (v**2, v),
    }
    share, weight = parts[estimand]()
    share, weight = inside * share, inside * weight
    if share.sum() <= 0:
        raise ValueError(f"subgroup: it holds no row that {estimand} averages over; choose another.")
    point = float((share * tau + weight * residual).sum() / share.sum())
    influence = (share * (tau - point) + weight * residual) / share.mean()
    within = "" if subgroup is None else f", within a subgroup of {int(inside.sum())} rows"
    said = f"Average effect of {rows.treatment} on {rows.outcome} over {AVERAGES[estimand]}{within}."
    by_deletion = without_leverage(influence, share / share.sum())[:, None]
    return Estimate(
        np.array([point]), influence[:, None], (estimand,), About(method, said), rows.clusters, by_deletion=by_deletion
    )  # fmt: skip


def read_subgroup(subgroup: Any, n: int) -> np.ndarray:
    """Return a mask of rows, shape (n,); None is everybody."""
    if subgroup is None:
        return np.ones(n, dtype=bool)
    inside = np.asarray(subgroup)
    if inside.shape != (n,) or inside.dtype != bool:
        raise ValueError(
            f"subgroup is {inside.dtype} of shape {inside.shape}, but must be a boolean array of shape ({n},); give "
            "as data['age'] > 40."
        )
    if not inside.any():
        raise ValueError("subgroup: no row is in it; choose another.")
    return inside
