"""Several learners as one: weighted by how they predict out of fold.

References
----------
Wolpert (1992), Neural Networks 5; Breiman (1996), Machine Learning 24 (weights that are not negative); Ahrens, Hansen,
Schaffer and Wiemann (2024), arXiv:2401.01645 (weights from the predictions that cross-fitting makes anyway).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize, nnls
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.causal.crossfit import make_folds
from ceteris.causal.heterogeneity.functions import Bounded, Mixture
from ceteris.causal.heterogeneity.learned import Learned, learn


class _Stacked(BaseEstimator):
    """What both kinds share."""

    learners: Sequence[Any]
    folds: int
    seed: int

    def learn_folds(
        self,
        x: np.ndarray,
        y: np.ndarray,
        fold: np.ndarray,
        *,
        among: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        jobs: int | None = None,
    ) -> Learned:
        """Learn y from x with the folds given; see `ceteris.causal.heterogeneity.learned.learn`."""
        if not self.learners:
            raise ValueError("learners is empty, but must hold one at least; give one.")
        kind = "probability" if isinstance(self, ClassifierMixin) else "mean"
        parts = [learn(one, x, y, fold, among=among, weight=weight, kind=kind, jobs=jobs) for one in self.learners]
        found = combined(parts, y, np.ones(len(y)) if weight is None else weight, among)
        if kind == "mean":
            return found
        return Learned(np.clip(found.out_of_fold, 0, 1), Bounded(found.predict))

    def cross_fit(self, x: np.ndarray, y: np.ndarray, fold: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """Predict out of fold, shape (n,)."""
        return self.learn_folds(x, y, fold, among=among).out_of_fold

    def _fit(self, x: np.ndarray, y: np.ndarray) -> None:
        strata = y if isinstance(self, ClassifierMixin) else None
        self.learned_ = self.learn_folds(x, y, make_folds(len(y), self.folds, seed=self.seed, stratify=strata)[0])

    def _predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        x: Any = validate_data(self, X, dtype=np.float64, reset=False)
        return self.learned_.predict(x)


class StackedRegressor(RegressorMixin, _Stacked):
    """Weighted sum of regressors; the weights are not negative and fit best out of fold.

    Parameters
    ----------
    learners : sequence of estimators in the manner of scikit-learn
    folds : int
        Folds of ``fit``; where a cross-fitted nuisance is asked for, its folds are used instead, and no further ones.
    seed : int
        Decides these folds.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> stacked = StackedRegressor([LinearRegression(), DecisionTreeRegressor(max_depth=2)])
    >>> stacked.fit(x, np.exp(x[:, 0])).score(x, np.exp(x[:, 0])) > 0.95
    True
    """

    def __init__(self, learners: Sequence[Any], folds: int = 5, seed: int = 0) -> None:
        self.learners = learners
        self.folds = folds
        self.seed = seed

    def fit(self, X: Any, y: Any) -> StackedRegressor:
        """Learn the function."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._fit(X, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of y given X, shape (n,)."""
        return self._predict(X)


class StackedClassifier(ClassifierMixin, _Stacked):
    """Weighted sum of the probabilities of classifiers of zeros and ones; parameters as of ``StackedRegressor``."""

    def __init__(self, learners: Sequence[Any], folds: int = 5, seed: int = 0) -> None:
        self.learners = learners
        self.folds = folds
        self.seed = seed

    def fit(self, X: Any, y: Any) -> StackedClassifier:
        """Learn the probabilities."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"y has {len(self.classes_)} classes, but must have two; recode it.")
        self._fit(X, labels.astype(float))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the two classes, shape (n, 2)."""
        p = self._predict(X)
        return np.stack([1 - p, p], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class, shape (n,)."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]


def combined(parts: Sequence[Learned], y: np.ndarray, weight: np.ndarray, among: np.ndarray | None = None) -> Learned:
    """Return a constant plus the sum of functions, their weights not negative, that fits y best out of fold."""
    used = np.ones(len(y), dtype=bool) if among is None else among
    weight = np.where(used, weight, 0.0)
    centres, columns = _centred(parts, weight)
    middle = float(np.average(y, weights=weight))
    root = np.sqrt(weight)
    shares, _ = nnls(columns * root[:, None], (y - middle) * root)
    return _sum(parts, centres, shares, middle)


def leaning(
    parts: Mapping[str, Learned], y: np.ndarray, weight: np.ndarray, caution: float
) -> tuple[Learned, dict[str, float]]:
    """Mix functions out of fold, leaning on the first: others have a share only as far as they are surely better.

    Minimises Σ w (y - f)² / 2 over f = c + Σ_k a_k (f_k - f̄_k), a in the simplex, plus ``caution`` standard deviations
    of the noise in the slope of each a_k away from the first function. With a caution of one, a function that gains
    less than one standard error over the first gets nothing.

    Parameters
    ----------
    parts : mapping of str to Learned
    y, weight : array, shape (n,)
    caution : float

    Returns
    -------
    Learned, and the shares by name
    """
    centres, columns = _centred(list(parts.values()), weight)
    middle = float(np.average(y, weights=weight))
    root = np.sqrt(weight)
    target = (y - middle - columns[:, 0]) * root
    away = (columns[:, 1:] - columns[:, :1]) * root[:, None]
    gram = away.T @ away
    slope = away.T @ target - caution * target.std() * np.sqrt(np.diag(gram))
    others = _capped(gram, slope)
    shares = np.array([1 - others.sum(), *others])
    return _sum(list(parts.values()), centres, shares, middle), dict(zip(parts, shares.tolist(), strict=True))


def _capped(gram: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Minimise a'Ga/2 - s'a over a of at least zero whose sum is at most one."""
    size = np.trace(gram)
    if len(slope) == 0 or size <= 0:
        return np.zeros(len(slope))
    found = minimize(
        lambda a: (a @ gram @ a / 2 - slope @ a) / size,
        np.zeros(len(slope)),
        jac=lambda a: (gram @ a - slope) / size,
        bounds=[(0, 1)] * len(slope),
        constraints={"type": "ineq", "fun": lambda a: 1 - a.sum(), "jac": lambda a: -np.ones(len(a))},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )
    if not found.success:
        raise FloatingPointError(f"final stage: its shares were not found ({found.message}); give a learner as final.")
    others = np.clip(found.x, 0, 1)
    return others / max(others.sum(), 1.0)


def _centred(parts: Sequence[Learned], weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    columns = np.stack([part.out_of_fold for part in parts], axis=1)
    centres = np.average(columns, axis=0, weights=weight)
    return centres, columns - centres


def _sum(parts: Sequence[Learned], centres: np.ndarray, shares: np.ndarray, middle: float) -> Learned:
    kept = [(p, float(c), float(s)) for p, c, s in zip(parts, centres, shares, strict=True) if s > 0]
    mixture = Mixture(tuple(p.predict for p, _, _ in kept), tuple(c for _, c, _ in kept), tuple(s for *_, s in kept),
                      middle)  # fmt: skip
    return Learned(mixture.of([p.out_of_fold for p, _, _ in kept], len(parts[0].out_of_fold)), mixture)
