"""The quantile forest: quantiles of an outcome given covariates, splits being made where its distribution changes.

The quantile at x is that of the training outcomes under the forest's weights α_i(x).

References
----------
Athey, Tibshirani and Wager (2019), Annals of Statistics 47, section 5; Meinshausen (2006), JMLR 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ceteris.causal.covariates import covariates_at
from ceteris.causal.heterogeneity.forest.forest import Forest, grow_forest, slices
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import quantile_target
from ceteris.causal.rows import read_rows


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
        return FittedQuantileForest(rows.y, rows.names, forest, tuple(self.levels))


@dataclass(frozen=True, eq=False)
class FittedQuantileForest:
    """A quantile forest that has been grown: outcomes (n,), names of the covariates, the forest, its levels."""

    y: np.ndarray
    names: tuple[str, ...]
    forest: Forest
    levels: tuple[float, ...]

    def predict(self, x: Any = None, levels: Sequence[float] | None = None) -> np.ndarray:
        """Quantiles at the rows of x (m, p), or out of bag; shape (m, levels)."""
        levels = self.levels if levels is None else tuple(levels)
        refuse_levels(levels)
        at = None if x is None else covariates_at(x, self.names)
        rows = len(self.y) if at is None else len(at)
        parts = [weighted_quantiles(self.y, self._weights(at, part), levels) for part in slices(rows, len(self.y))]
        return np.concatenate(parts)

    def _weights(self, at: np.ndarray | None, part: slice) -> np.ndarray:
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
