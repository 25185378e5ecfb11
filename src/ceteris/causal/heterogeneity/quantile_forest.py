"""The quantile forest: quantiles of an outcome given covariates, splits being made where its distribution changes.

The quantile at x is that of the training outcomes under the forest's weights α_i(x).

References
----------
Athey, Tibshirani and Wager (2019), Annals of Statistics 47, section 5; Meinshausen (2006), JMLR 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.causal.covariates import covariates_at
from ceteris.causal.heterogeneity import pictures
from ceteris.causal.heterogeneity.forest.answers import importance_of
from ceteris.causal.heterogeneity.forest.forest import Forest, grow_forest, slices
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import quantile_target
from ceteris.causal.heterogeneity.shown import importance_section, listed, ranked
from ceteris.causal.rows import read_rows
from ceteris.causal.screens import NAME, counted, page
from ceteris.outlets import brief
from ceteris.results import Section, Table
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd

SOME = 300  # rows by which a forest is shown: each asks for the weights of all


@dataclass(frozen=True)
class QuantileForest:
    """Quantile forest.

    Parameters
    ----------
    growth : TreeSettings
    levels : sequence of float
        Quantiles that splits look at; any can be asked for later.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, size=(1000, 2))
    >>> y = np.where(x[:, 0] > 0, 2.0, 1.0) * rng.normal(size=1000)
    >>> fitted = QuantileForest(TreeSettings(trees=100, least=20, bag=1)).fit(y=y, x=x)
    >>> narrow, wide = fitted.predict([[-0.5, 0.0], [0.5, 0.0]], levels=[0.9])[:, 0]
    >>> bool(narrow < 1.9 < wide)  # 1.28 and 2.56
    True
    """

    growth: TreeSettings = field(default_factory=lambda: TreeSettings(bag=1))
    levels: Sequence[float] = (0.1, 0.5, 0.9)

    def fit(self, data: Any = None, *, y: Any, x: Any, cluster: Any = None) -> FittedQuantileForest:
        """Grow the forest; arguments as in ``CausalForest.fit``."""
        refuse_levels(self.levels)
        n = np.size(y) if data is None else len(data)
        none = np.indices((n, 2)).sum(axis=0)  # there is no treatment: any two that vary will do
        rows = read_rows(data, y=y, d=none, x=x, cluster=cluster, missing=True)
        forest = grow_forest(rows.x, quantile_target(rows.y, np.sort(self.levels)), self.growth, rows.clusters)
        return FittedQuantileForest(rows.y, rows.names, forest, tuple(self.levels), rows.outcome)


@dataclass(frozen=True, eq=False, repr=False)
class FittedQuantileForest(AbstractResult):
    """A quantile forest that has been grown.

    Attributes
    ----------
    y : array, shape (n,)
        Outcomes.
    names : tuple of str
        Of the covariates.
    forest : Forest
    levels : tuple of float
        Quantiles that splits looked at.
    outcome : str
        Name of y.
    """

    y: np.ndarray
    names: tuple[str, ...]
    forest: Forest
    levels: tuple[float, ...]
    outcome: str = "y"

    def predict(self, x: Any = None, levels: Sequence[float] | None = None) -> np.ndarray:
        """Quantiles at the rows of x (m, p), or out of bag; shape (m, levels)."""
        levels = self.levels if levels is None else tuple(levels)
        refuse_levels(levels)
        at = None if x is None else covariates_at(x, self.names)
        rows = len(self.y) if at is None else len(at)
        parts = [weighted_quantiles(self.y, self._weights(at, part), levels) for part in slices(rows, len(self.y))]
        return np.concatenate(parts)

    def importance(self) -> pd.Series:
        """Share of the splits by covariate, of the first four levels, weighed by 1/level², sorted."""
        return importance_of(self.forest, self.names)

    def summary(self) -> str:
        """One screen: rows, trees, and how many outcomes lie below their quantiles."""
        below = ", ".join(f"{100 * share:.3g} % below the quantile {level:g}" for level, share in self._below().items())
        facts = {
            "rows": f"{len(self.y):,}",
            "covariates": listed(self.names),
            "trees": self.forest.growth.in_words,
            "outcomes": f"{below}, out of bag",
            "importance": ranked(self.importance()),
        }
        return page(f"Quantile forest: {brief(self.outcome, NAME)} by {counted(len(self.names), 'covariate')}", facts)

    def sections(self) -> tuple[Section, ...]:
        """How many outcomes lie below their quantiles, out of bag; quantiles, sorted; importance of covariates."""
        import pandas as pd

        below = self._below()
        table = Table(
            "Outcomes below their quantiles",
            pd.DataFrame({"level": list(below), "share below": list(below.values())}),
            "Out of bag; the share should be the level.",
        )
        which = self._some()
        found = pd.DataFrame(self._at(which), columns=pd.Index([f"{level:g}" for level in self.levels]))
        figure = pictures.quantiles(found.assign(outcome=self.y[which]), self.levels)
        return Section("Quantiles", "", (table,), (figure,)), importance_section(self.importance())

    def _some(self) -> np.ndarray:
        return np.unique(np.linspace(0, len(self.y) - 1, min(SOME, len(self.y))).astype(int))

    def _at(self, which: np.ndarray) -> np.ndarray:
        return weighted_quantiles(self.y, self._weights(None, which), self.levels)

    def _below(self) -> dict[float, float]:
        which = self._some()
        shares = (self.y[which, None] <= self._at(which)).mean(axis=0)
        return dict(zip(map(float, self.levels), shares.tolist(), strict=True))

    def _weights(self, at: np.ndarray | None, part: Any) -> np.ndarray:
        alpha = self.forest.weights(at, part)
        lost = int(np.isnan(alpha).any(axis=1).sum())
        if lost:
            raise FloatingPointError(
                f"growth: {lost} of {len(alpha)} rows have no quantile, since no tree answers for them; grow more "
                "trees."
            )
        return alpha


def weighted_quantiles(y: np.ndarray, weights: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Smallest y whose cumulative weight reaches each level: outcomes (n,), weights (m, n), result (m, levels).

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([[0.2, 0.5, 0.3]]), [0.5, 0.6, 0.9])
    array([[1., 2., 3.]])
    """
    order = np.argsort(y, kind="stable")
    cumulative = np.cumsum(weights[:, order], axis=1)
    reached = [np.argmax(cumulative >= level - 1e-12, axis=1) for level in levels]
    return np.stack([y[order][place] for place in reached], axis=1)


def refuse_levels(levels: Sequence[float]) -> None:
    """Quantiles are strictly between 0 and 1."""
    if not len(levels) or not all(0 < level < 1 for level in levels):
        raise ValueError(
            f"levels is {list(levels)}, but must hold numbers above 0 and below 1; give some, such as (0.1, 0.5, 0.9)."
        )
