"""Explain a fitted estimator: one call, and the evidence as a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from ceteris.arguments import listed, one_of, whole
from ceteris.learners.explaining import figures
from ceteris.learners.explaining.effects import accumulated, partial
from ceteris.learners.explaining.importance import permutation_importance
from ceteris.learners.explaining.response import Explained, explained
from ceteris.results import Check, Section, Table
from ceteris.showing import AbstractResult, screenful

KINDS = {
    "importance": "by how much the loss rises where a column is shuffled",
    "accumulated": "accumulated local effects",
    "partial": "partial dependence and individual curves",
    "shapley": "Shapley values, by the package shap",
}
TOP = 6  # columns whose effects are shown if none are named
CURVES = 50  # individual curves that are kept
APART = 0.5  # of the larger range: effects further apart than this disagree


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(AbstractResult):
    """What `explain` found.

    Attributes
    ----------
    name : str
        What is explained.
    positive : scalar or None
        The class whose probability the effects are of; None in a regression.
    rows : int
        Rows that it was found on.
    constant_loss : float
        Squared error, or log loss, of the best constant prediction.
    importance : DataFrame
        By column, the largest first: ``importance`` (the rise of the mean squared error, or log loss, where the column
        is shuffled), its standard error ``se``, and ``share`` of ``constant_loss``: in a regression, the R² lost.
    accumulated : dict of str to DataFrame
        By column the accumulated local effects: ``value``, ``effect`` (of mean zero over the rows), ``se``, ``rows``.
    partial : dict of str to DataFrame
        By column the partial dependence: ``value`` and ``effect``, a mean prediction.
    curves : dict of str to array of shape (curves, values)
        By column the individual curves of some rows, at the same values.
    shapley : DataFrame of shape (rows, columns) or None
        Shapley values of some rows.
    base : float
        The mean prediction from which the Shapley values start.
    """

    name: str
    positive: Any
    rows: int
    constant_loss: float
    importance: pd.DataFrame
    accumulated: dict[str, pd.DataFrame]
    partial: dict[str, pd.DataFrame]
    curves: dict[str, np.ndarray]
    shapley: pd.DataFrame | None
    base: float

    @property
    def loss(self) -> str:
        """What rises where a column is shuffled."""
        return "mean squared error" if self.positive is None else "log loss"

    @property
    def response(self) -> str:
        """What the effects are of."""
        return "prediction" if self.positive is None else f"probability of {self.positive!s}"

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether partial dependence and accumulated effects say the same; none where one of them was not asked for."""
        both = [name for name in self.accumulated if name in self.partial]
        return (agreement(self, both),) if both else ()

    def summary(self) -> str:
        """Return one screen: the columns that matter most."""
        heading = f"Explanation of {self.name} on {self.rows:,} rows: effects are on the {self.response}."
        facts = []
        if len(self.importance):
            facts = [
                f"Shuffled, a column raises the {self.loss} by its importance; a constant has {self.constant_loss:.4g}."
            ]
        return screenful(heading, facts, self.importance if len(self.importance) else self._spans(), self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return importance, effects and Shapley values as sections of a report."""
        found = (self._importance_section(), self._effects_section(), self._shapley_section())
        return tuple(section for section in found if section is not None)

    def _importance_section(self) -> Section | None:
        if not len(self.importance):
            return None
        text = (
            f"By how much the {self.loss} of {self.name} rises on {self.rows:,} rows where one column is shuffled. A "
            "column that carries the same news as another may show little; what is shown holds for this learner."
        )
        table = Table(
            "Importance", self.importance.reset_index(), f"The share is of {self.constant_loss:.4g}, a constant's."
        )
        return Section("Which columns matter", text, (table,), (figures.importance(self),))

    def _effects_section(self) -> Section | None:
        drawn = [
            draw(self)
            for held, draw in ((self.accumulated, figures.accumulated), (self.partial, figures.partial))
            if held
        ]
        if not drawn:
            return None
        text = (
            f"How the {self.response} of {self.name} moves with one column, as it has learnt it: no effect of a cause."
        )
        return Section(
            "How predictions move",
            text,
            (Table("Span of the effects", self._spans().reset_index()),),
            tuple(drawn),
            self.checks,
        )

    def _shapley_section(self) -> Section | None:
        if self.shapley is None:
            return None
        text = (
            f"The {self.response} of each of {len(self.shapley):,} rows is the mean {self.base:.4g} and the sum of its "
            "values."
        )
        size = self.shapley.abs().mean().sort_values(ascending=False).rename("mean size").rename_axis("column")
        return Section("Shapley values", text, (Table("Mean size", size.reset_index()),), (figures.shapley(self),))

    def _spans(self) -> pd.DataFrame:
        """Lowest and highest effect of each column."""
        kinds = {"accumulated": self.accumulated, "partial": self.partial}
        columns = dict.fromkeys([*self.accumulated, *self.partial])
        rows = {
            name: {
                f"{kind} span": np.ptp(held[name]["effect"].to_numpy(float))
                for kind, held in kinds.items()
                if name in held
            }
            for name in columns
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("column")


def explain(
    estimator: Any,
    X: Any,
    y: npt.ArrayLike,
    *,
    columns: str | Sequence[str] | None = None,
    kinds: str | Sequence[str] = ("importance", "accumulated", "partial"),
    positive: Any = None,
    repeats: int = 10,
    bins: int = 20,
    rows: int = 1000,
    name: str | None = None,
    seed: int = 0,
    sample_weight: npt.ArrayLike | None = None,
) -> Explanation:
    """Explain what a fitted estimator has learnt, on rows that it did not learn from.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or regressor of scikit-learn's contract.
    X, y : data frame or array-like of shape (n, columns), array-like of shape (n,)
        Rows set aside; on those it learnt from it looks better than it is.
    columns : str or sequence of str, optional
        Columns to explain ('x0', 'x1', ... of an array). By default importance is found for all, effects for the six
        most important.
    kinds : str or sequence of {'importance', 'accumulated', 'partial', 'shapley'}
        What to find; 'shapley' needs the package shap (``pip install 'ceteris[explain]'``), and explains at most 100
        rows.
    positive : scalar, optional
        The class whose probability is explained: by default the second of two, or the most frequent of more.
    repeats : int
        Shufflings of each column.
    bins : int
        Bins of the accumulated effects, and values of the partial dependence.
    rows : int
        Where there are more, so many are drawn.
    name : str, optional
        What the estimator is called; by default its class.
    seed : int
        Draws rows and shuffles.
    sample_weight : array-like of shape (n,), optional
        Of the rows, in every mean.

    Returns
    -------
    Explanation

    References
    ----------
    Molnar, C. (2022). Interpretable Machine Learning, 2nd edition.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> y = X[:, 0] + 0.5 * X[:, 1]
    >>> found = explain(LinearRegression().fit(X, y), X, y)
    >>> found.importance["share"].round(1).to_dict()  # 2 b² var(x), as a share of var(y)
    {'x0': 1.6, 'x1': 0.4}
    """
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    for kind in kinds:
        one_of("kinds", kind, KINDS)
    for argument, given, least in (("repeats", repeats, 1), ("bins", bins, 2), ("rows", rows, 2)):
        whole(argument, given, least=least)
    it = explained(estimator, X, y, positive, sample_weight).some(rows, seed)
    named = None if columns is None else [columns] if isinstance(columns, str) else list(columns)
    for column in named or ():
        one_of("columns", column, it.names, kind="columns of X:")
    called = type(estimator).__name__ if name is None else name
    with threadpool_limits(1, "openmp"):  # threads that share a small table cost more than they give
        return _found(it, called, named, kinds, repeats, bins, seed)


def _found(
    it: Explained, name: str, named: list[str] | None, kinds: list[str], repeats: int, bins: int, seed: int
) -> Explanation:
    importance = pd.DataFrame(columns=["importance", "se", "share"]).rename_axis("column")
    if "importance" in kinds:
        importance = permutation_importance(it, named or it.names, repeats, seed)
    shown = named or (list(importance.index) or it.names)[:TOP]
    effects = {column: partial(it, column, bins) for column in shown if "partial" in kinds}
    shapley, base = _shapley(it, seed) if "shapley" in kinds else (None, np.nan)
    kept = np.sort(np.random.default_rng(seed).permutation(len(it))[:CURVES])
    return Explanation(
        name=name,
        positive=it.positive,
        rows=len(it),
        constant_loss=it.of_a_constant(),
        importance=importance,
        accumulated={column: accumulated(it, column, bins) for column in shown if "accumulated" in kinds},
        partial={column: average for column, (average, _) in effects.items()},
        curves={column: curves[kept[kept < len(curves)]] for column, (_, curves) in effects.items()},
        shapley=shapley,
        base=float(base),
    )


def _shapley(it: Explained, seed: int) -> tuple[pd.DataFrame, float]:
    from ceteris.learners.explaining.shapley import shapley  # the package is an extra

    return shapley(it, seed)


def agreement(found: Explanation, columns: list[str]) -> Check:
    """Judge whether partial dependence and accumulated effects are alike; apart they are where columns go together."""
    gaps = {name: _gap(found.accumulated[name], found.partial[name]) for name in columns}
    apart = [name for name, gap in gaps.items() if gap > APART]
    largest = max(gaps.values())
    sentence = (
        f"They differ in {listed(apart)}: there partial dependence predicts for rows that do not occur; rely on the "
        "accumulated effects."
        if apart
        else f"They are never further apart than {largest:.0%} of their range."
    )
    return Check("partial dependence and accumulated effects agree", not apart, sentence, largest, APART)


def _gap(ale: pd.DataFrame, dependence: pd.DataFrame) -> float:
    """The largest distance of both, centred, as a share of the larger range."""
    if pd.api.types.is_numeric_dtype(dependence["value"]) and not pd.api.types.is_bool_dtype(dependence["value"]):
        at, weight = dependence["value"].to_numpy(float), None
        one = np.interp(at, ale["value"].to_numpy(float), ale["effect"].to_numpy(float))
    else:
        one = ale.set_index("value")["effect"].reindex(dependence["value"]).to_numpy(float)
        weight = ale.set_index("value")["rows"].reindex(dependence["value"]).to_numpy(float)
    other = dependence["effect"].to_numpy(float)
    one, other = one - np.average(one, weights=weight), other - np.average(other, weights=weight)
    span = max(np.ptp(one), np.ptp(other))
    return float(np.abs(one - other).max() / span) if span > 0 else 0.0
