"""The regression forest as a learner in the manner of scikit-learn: a nuisance for any estimator, with standard errors.

References
----------
Athey, Tibshirani and Wager (2019), Annals of Statistics 47, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.causal.heterogeneity import pictures
from ceteris.causal.heterogeneity.forest.answers import importance_of, refuse_unsure
from ceteris.causal.heterogeneity.forest.forest import answered, grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.local_linear import local_linear
from ceteris.causal.heterogeneity.forest.targets import mean_target
from ceteris.causal.heterogeneity.shown import importance_section, listed, ranked
from ceteris.causal.nuisances import fit_of
from ceteris.causal.screens import counted, page
from ceteris.fitted import AbstractFitted
from ceteris.results import Check, Section

if TYPE_CHECKING:
    import pandas as pd


class ForestRegressor(RegressorMixin, AbstractFitted):
    """Honest regression forest; covariates may be missing.

    Parameters
    ----------
    growth : TreeSettings, optional
        By default 500 trees; with ``bag=1`` a tree can see more than half of the rows, without standard errors.

    Attributes
    ----------
    forest_ : Forest

    Examples
    --------
    >>> x = np.linspace(0, 1, 500)[:, None]
    >>> y = (x[:, 0] > 0.5) + np.random.default_rng(0).normal(size=500) / 10
    >>> ForestRegressor(TreeSettings(trees=100)).fit(x, y).predict([[0.2], [0.8]]).round() + 0.0
    array([0., 1.])
    """

    def __init__(self, growth: TreeSettings | None = None) -> None:
        self.growth = growth

    def fit(self, X: Any, y: Any) -> ForestRegressor:
        """Grow the forest on X (n, p) and y (n,)."""
        checked = {"dtype": float, "ensure_all_finite": "allow-nan", "y_numeric": True, "ensure_min_samples": 2}
        X, y = validate_data(self, X, y, **checked)
        self.forest_ = grow_forest(X, mean_target(y), self.growth or TreeSettings(trees=500))
        self.X_, self.y_ = X, np.asarray(y, dtype=float)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Means at the rows of X (m, p), shape (m,)."""
        at = self._read(X)
        return answered(self.forest_.predict(at)).point[:, 0]

    def predict_with_error(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Means and their standard errors, which leave out the bias from averaging over neighbours; shapes (m,)."""
        at = self._read(X)
        found = answered(self.forest_.predict(at, variance=True))
        assert found.variance is not None
        se = np.sqrt(found.variance)
        refuse_unsure(se)
        return found.point[:, 0], se[:, 0]

    def out_of_bag(self) -> np.ndarray:
        """Means at the training rows, by the trees that have not seen them; shape (n,)."""
        check_is_fitted(self)
        return answered(self.forest_.predict()).point[:, 0]

    def predict_local_linear(self, X: Any, penalty: float = 0.1) -> np.ndarray:
        """Means from regressions weighted by the forest, which follow slopes; shape (m,)."""
        check_is_fitted(self)
        return local_linear(self.forest_, self.X_, self.y_, None, self._read(X), penalty)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return tuple(getattr(self, "feature_names_in_", [f"x{j}" for j in range(self.X_.shape[1])]))

    def importance(self) -> pd.Series:
        """Share of the splits by covariate, of the first four levels, weighed by 1/level², sorted."""
        check_is_fitted(self)
        return importance_of(self.forest_, self.feature_names)

    def summary(self) -> str:
        """One screen: rows, trees, fit out of bag, importance of the covariates."""
        check_is_fitted(self)
        facts = {
            "rows": f"{len(self.y_):,}",
            "covariates": listed(self.feature_names),
            "trees": self.forest_.growth.in_words,
            "importance": ranked(self.importance()),
        }
        return page(f"Regression forest on {counted(self.X_.shape[1], 'covariate')}", facts, (self._fit_check(),))

    def sections(self) -> tuple[Section, ...]:
        """Fit out of bag, and importance of the covariates."""
        figure = pictures.fitted(self.y_, self.out_of_bag())
        section = Section("Fit", "Predictions of the training rows, out of bag.", (), (figure,), (self._fit_check(),))
        return section, importance_section(self.importance())

    def _fit_check(self) -> Check:
        return fit_of("outcome", self.y_, self.out_of_bag())

    def _read(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        read: Any = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        return read

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
