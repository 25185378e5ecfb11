"""Effects that are linear in functions of covariates, with intervals and uniform bands that are valid for them.

``LinearEffects``: τ(x) = β'(1, x), by the R-loss (partialling out) or by a regression of doubly robust scores.
``SeriesEffects``: the average effect at given values of one or two covariates, E[τ(X) | X_S = s], as splines.

What is covered is the best approximation of the given form, and τ(x) itself as far as it has that form; series are
undersmoothed no further than by the number of knots.

References
----------
Robinson (1988), Econometrica 56; Chernozhukov et al. (2018), Econometrics Journal 21; Semenova and Chernozhukov (2021),
Econometrics Journal 24 (series of scores, uniform bands).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.dummy import DummyRegressor

from ceteris.arguments import one_of, whole
from ceteris.causal.additive import bends
from ceteris.causal.covariates import Names, covariates_at
from ceteris.causal.dependence import collinear
from ceteris.causal.heterogeneity.dr_learner import DRLearner
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.model import EffectModel, Scored, complete
from ceteris.causal.heterogeneity.r_learner import RLearner
from ceteris.causal.learners import default_classifier, default_regressor, given
from ceteris.causal.rows import Rows
from ceteris.results import About, Check, Estimate, Figure, Nuisances
from ceteris.stats.centring import coordinates
from ceteris.stats.deletion import without_leverage

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas as pd

SCORES = ("R", "DR")
Basis = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class LinearModel(Scored):
    """τ(x) = β'φ(x) with the influence functions of β.

    Attributes
    ----------
    coefficients : Estimate
        β.
    basis : callable
        φ: covariates (rows, p) to (rows, k).
    along : tuple of str
        The covariates that φ uses.
    rows, nuisances, checks
        As of ``EffectModel``.
    """

    coefficients: Estimate
    basis: Basis
    along: tuple[str, ...]
    rows: Rows
    nuisances: Nuisances
    checks: tuple[Check, ...] = ()

    @property
    def _used(self) -> np.ndarray:
        return columns(self.rows.x, self.rows.names, self.along)

    def _read(self, x: Any) -> np.ndarray:
        if hasattr(x, "columns"):
            return complete(covariates_at(x, self.along))
        return columns(complete(covariates_at(x, self.rows.names)), self.rows.names, self.along)

    def effect(self, x: Any = None, level: float = 0.95) -> Effects:
        """Effects at the rows of x, at the training rows by default; a matrix has all columns, a frame those used."""
        values = self.at(self._used if x is None else self._read(x))
        values.conf_int(level)
        return Effects(values.point, values.se, (self.rows.treatment,), self.coefficients.about, level=level)

    def at(self, values: Any) -> Estimate:
        """Effects at values of ``along``, shape (rows, covariates), as one estimate with joint covariance."""
        phi = self.basis(np.asarray(values, dtype=float).reshape(-1, len(self.along)))
        return self.coefficients.contrast(phi, [f"row {i}" for i in range(len(phi))])

    def band(self, values: Any, level: float = 0.95, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
        """Pointwise intervals, and a band that holds the whole curve with probability ``level`` (multiplier bootstrap).

        Parameters
        ----------
        values : array, shape (rows,) or (rows, covariates)
            Of ``along``.

        Returns
        -------
        DataFrame
            The values, estimate, std err, low, high, band low, band high.
        """
        import pandas as pd

        grid = np.asarray(values, dtype=float).reshape(-1, len(self.along))
        estimate = self.at(grid)
        pointwise, uniform = estimate.conf_int(level), estimate.bands(level, draws, seed)
        found = [*grid.T, estimate.point, estimate.se, *pointwise.T, *uniform.T]
        titles = [*self.along, "estimate", "std err", "low", "high", "band low", "band high"]
        return pd.DataFrame(dict(zip(titles, found, strict=True)))

    def figure(self, level: float = 0.95, points: int = 50) -> Figure:
        """The curve along one covariate, from its 2.5 % to its 97.5 % quantile, with interval and band."""
        if len(self.along) != 1:
            raise ValueError(f"figure: the effects depend on {len(self.along)} covariates; call band(values) instead.")
        low, high = np.quantile(self._used[:, 0], [0.025, 0.975])
        return Figure(
            f"Effect along {self.along[0]}",
            f"Estimate, pointwise intervals (dark) and a band that holds the whole curve (light), {level:.0%} each.",
            self.band(np.linspace(low, high, points), level),
            _draw_band,
        )

    @property
    def _title(self) -> str:
        return self.coefficients.about.method

    def _learnt(self) -> np.ndarray:
        return self.basis(self._used) @ self.coefficients.point


class _AbstractLinear(ABC):
    """Effects linear in terms that each estimator, a dataclass of these settings, chooses."""

    outcome: Any
    treatment: Any
    score: str
    along: Sequence[str] | None
    clip: float
    folds: Any
    seed: int
    jobs: int | None

    @abstractmethod
    def _terms(self, rows: Rows, along: tuple[str, ...]) -> tuple[Basis, tuple[str, ...], str]:
        """Return the terms as a function of the covariates ``along``, their names, and what this is called."""

    def fit(
        self,
        data: Any = None,
        *,
        y: Any,
        d: Any,
        x: Any,
        cluster: Any = None,
        nuisances: Nuisances | Mapping[str, Any] | None = None,
    ) -> LinearModel:
        """Learn the effects; arguments as of ``RLearner.fit`` or ``DRLearner.fit``."""
        one_of("score", self.score, SCORES)
        settings = {name: getattr(self, name) for name in ("clip", "folds", "seed", "jobs")}
        outcome, treatment = given(self.outcome, default_regressor()), given(self.treatment, default_classifier())
        # a constant effect as the final stage: only the nuisances are wanted
        learner = (RLearner if self.score == "R" else DRLearner)(outcome, treatment, DummyRegressor(), **settings)
        model = learner.fit(data, y=y, d=d, x=x, cluster=cluster, nuisances=nuisances)
        along = chosen(self.along, model.rows.names)
        return least_squares(model, self.score, along, *self._terms(model.rows, along))


@dataclass(frozen=True)
class LinearEffects(_AbstractLinear):
    """Effects linear in covariates, τ(x) = β'(1, x), with valid inference for the best linear approximation.

    Parameters
    ----------
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of the nuisances of ``RLearner`` (score "R") or ``DRLearner`` (score "DR"); by default additive smooth
        regression.
    score : {"R", "DR"}
        Least squares of Y - m on (D - e)(1, x), which weighs rows by e(1 - e); or of doubly robust scores on (1, x).
    along : sequence of str, optional
        The covariates that effects depend on; all by default.
    clip, folds, seed, jobs
        As in ``RLearner``.

    Examples
    --------
    >>> from ceteris.data import simulate_nie_wager
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> data = simulate_nie_wager("B", 800)
    >>> x = ["x0", "x1", "x2", "x3", "x4", "x5"]
    >>> model = LinearEffects(LinearRegression(), LogisticRegression(), along=["x0"]).fit(data, y="y", d="d", x=x)
    >>> low, high = model.coefficients.conf_int()[1]
    >>> bool(low < 1 < high)  # the effect rises with x0 one for one
    True
    """

    outcome: Any = None
    treatment: Any = None
    score: str = "R"
    along: Sequence[str] | None = None
    clip: float = 0.01
    folds: Any = 5
    seed: int = 0
    jobs: int | None = None

    def _terms(self, rows: Rows, along: tuple[str, ...]) -> tuple[Basis, tuple[str, ...], str]:
        return _with_one, ("constant", *along), "Linear effects"


@dataclass(frozen=True)
class SeriesEffects(_AbstractLinear):
    """The average effect at values of one or two covariates, as natural cubic splines in each (and their products).

    Parameters
    ----------
    along : sequence of one or two str
        Names of covariates.
    knots : int
        Of each spline, at quantiles; 2 make it a straight line.
    outcome, treatment, score, clip, folds, seed, jobs
        As in ``LinearEffects``; here the default score is "DR", for which the curve is E[τ(X) | X_S = s].

    Examples
    --------
    >>> from ceteris.data import simulate_nie_wager
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> data = simulate_nie_wager("B", 800, seed=2)
    >>> series = SeriesEffects(["x1"], outcome=LinearRegression(), treatment=LogisticRegression())
    >>> band = series.fit(data, y="y", d="d", x=["x0", "x1", "x2"]).band([-1.0, 0.0, 1.0])
    >>> truth = np.log1p(np.exp([-1.0, 0.0, 1.0]))
    >>> bool(((band["band low"] < truth) & (truth < band["band high"])).all())
    True
    """

    along: Sequence[str]
    knots: int = 4
    outcome: Any = None
    treatment: Any = None
    score: str = "DR"
    clip: float = 0.01
    folds: Any = 5
    seed: int = 0
    jobs: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.along, str) or len(self.along) not in (1, 2):
            raise ValueError(
                f"along is {self.along!r}, but must be a list of one or two names of covariates; give one."
            )
        whole("knots", self.knots, least=2)

    def _terms(self, rows: Rows, along: tuple[str, ...]) -> tuple[Basis, tuple[str, ...], str]:
        used = columns(rows.x, rows.names, along)
        basis = Splines(tuple(places(column, self.knots, name) for column, name in zip(used.T, along, strict=True)))
        return basis, tuple(f"basis {k}" for k in range(basis(used[:1]).shape[1])), "Series effects"


@dataclass(frozen=True)
class Splines:
    """Natural cubic splines in each of the columns, and for two columns the products of their terms."""

    knots: tuple[np.ndarray, ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        parts = [_spline(column, knots) for column, knots in zip(x.T, self.knots, strict=True)]
        if len(parts) == 1:
            return parts[0]
        return (parts[0][:, :, None] * parts[1][:, None, :]).reshape(len(x), -1)


def places(column: np.ndarray, knots: int, name: str) -> np.ndarray:
    """Return knots at quantiles; a covariate of few values gets fewer."""
    if np.ptp(column) == 0:
        raise ValueError(f"along: {name!r} is {column[0]:g} in every row; choose a covariate that varies.")
    found = np.unique(np.quantile(column, np.linspace(0.05, 0.95, knots)))
    return found if len(found) >= 2 else np.array([column.min(), column.max()])


def least_squares(
    model: EffectModel, score: str, along: tuple[str, ...], basis: Basis, names: tuple[str, ...], method: str
) -> LinearModel:
    """Least squares of the score on the basis, with influence functions (HC1, or CR1 with clusters)."""
    rows, m, e = model.rows, model.nuisances.m, model.nuisances.e
    chosen_x = columns(rows.x, rows.names, along)
    about = coordinates(basis(chosen_x))
    if score == "R":
        design, target = (rows.d - e)[:, None] * about.z, rows.y - m
    else:
        design, target = about.z, model.scores
    n, k = design.shape
    if n <= k or np.linalg.matrix_rank(design) < k:
        told = "; ".join(collinear(chosen_x, along).values()) or "some of which the others determine"
        raise ValueError(f"along makes {k} terms of {n} rows: {told}; give fewer covariates or knots.")
    gram = design.T @ design / n
    beta = np.linalg.solve(gram, design.T @ target / n)
    plain = np.linalg.solve(gram, (design * (target - design @ beta)[:, None]).T).T
    leverage = np.einsum("ij,ji->i", design, np.linalg.solve(n * gram, design.T))
    plain, beta = plain @ about.inverse.T, about.inverse @ beta
    influence, by_cluster = (plain * np.sqrt(rows_seen / (n - k)) for rows_seen in (n, n - 1))  # HC1, CR1
    about = About(
        f"{method}, {'R-loss' if score == 'R' else 'doubly robust scores'}",
        "Coefficients of the best approximation of τ(x) by these terms"
        + (", rows weighted by e(1 - e)." if score == "R" else "."),
        interval="An interval covers the best approximation of τ(x) by these terms, and τ(x) as far as it has this "
        "form.",
    )
    coefficients = Estimate(
        beta, influence, names, about, rows.clusters, checks=model.checks, by_cluster=by_cluster,
        by_deletion=without_leverage(plain, leverage[:, None]),
    )  # fmt: skip
    return LinearModel(coefficients, basis, along, rows, model.nuisances, model.checks)


def chosen(along: Sequence[str] | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Check names of covariates."""
    if isinstance(along, str):
        raise ValueError(f"along is {along!r}, but must be a list of names; give [{along!r}].")
    for name in along or ():
        one_of("along", name, names)
    return names if along is None else Names(along, names.labels if isinstance(names, Names) else None)


def columns(x: np.ndarray, names: tuple[str, ...], along: tuple[str, ...]) -> np.ndarray:
    """Return the columns of x that have the names ``along``."""
    return x[:, [names.index(name) for name in along]]


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def _spline(column: np.ndarray, knots: np.ndarray) -> np.ndarray:
    centre, scale = knots.mean(), knots[-1] - knots[0]
    u, k = (column - centre) / scale, (knots - centre) / scale
    return np.column_stack([np.ones(len(u)), u, bends(u, k)]) if len(k) > 2 else _with_one(u[:, None])


def _draw_band(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    along = data.columns[0]
    axes.fill_between(data[along], data["band low"], data["band high"], color="C0", alpha=0.15, lw=0, label="band")
    axes.fill_between(data[along], data["low"], data["high"], color="C0", alpha=0.3, lw=0, label="pointwise")
    axes.plot(data[along], data["estimate"], color="C0", label="estimate")
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set_xlabel(along)
    axes.set_ylabel("effect")
    axes.legend(frameon=False)
