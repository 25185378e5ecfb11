"""Additive smooth regression with weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ceteris.causal.additive import fit_basis, penalised


class SmoothRegressor(RegressorMixin, BaseEstimator):
    """Additive smooth regression as ``AdditiveRegressor``, whose rows may have weights.

    With penalties chosen by generalised cross-validation it ranges from a constant over a straight line to a curve in
    each covariate, so that as the final stage of a learner of effects it shrinks towards an effect that is constant.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, w = rng.normal(size=(500, 2)), rng.random(500)
    >>> y = np.sin(2 * x[:, 0]) + 0.1 * rng.normal(size=500) / np.sqrt(w)
    >>> SmoothRegressor().fit(x, y, sample_weight=w).score(x, y, w) > 0.85
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SmoothRegressor:
        """Learn the function."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        weight = weight / weight.mean()
        self.basis_ = fit_basis(X, None)
        columns, bent = self.basis_(X)
        self.centre_, self.intercept_ = np.average(columns, axis=0, weights=weight), np.average(y, weights=weight)
        rooted = (columns - self.centre_) * np.sqrt(weight)[:, None]
        target = (y - self.intercept_) * np.sqrt(weight)
        gram, moment, total = rooted.T @ rooted, rooted.T @ target, float(target @ target)
        self.coef_, _ = penalised(gram, moment, total, len(y), bent, scale_known=False)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of y given X, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.intercept_ + (self.basis_(X)[0] - self.centre_) @ self.coef_
