"""A fitted estimator and rows to explain it on: what it answers, what it costs, one column at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import as_many, one_of
from ceteris.learners.target import numbers, weights
from ceteris.learners.trials import probabilities


@dataclass(frozen=True)
class Explained:
    """An estimator, rows, and for classes the one whose probability is explained.

    Attributes
    ----------
    X : DataFrame or array of shape (n, columns)
        A frame has floats for whole numbers.
    y : array of shape (n,)
    weight : array of shape (n,)
        Of the rows; their sum is one.
    positive : scalar or None
    """

    estimator: Any
    X: Any
    y: np.ndarray
    weight: np.ndarray
    positive: Any

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def names(self) -> list[str]:
        """What the columns are called."""
        if isinstance(self.X, pd.DataFrame):
            return [str(name) for name in self.X.columns]
        return [f"x{j}" for j in range(self.X.shape[1])]

    def column(self, name: str) -> pd.Series:
        """Return the values of a column."""
        j = self.names.index(name)
        return self.X.iloc[:, j] if isinstance(self.X, pd.DataFrame) else pd.Series(self.X[:, j]).infer_objects()

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers; booleans are labels here."""
        kind = self.column(name).dtype
        return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)

    def with_column(self, name: str, values: Any) -> Any:
        """Return X with other values in a column."""
        j = self.names.index(name)
        X = self.X.copy()
        if isinstance(X, pd.DataFrame):
            X.isetitem(j, pd.Series(np.asarray(values), X.index).astype(X.dtypes.iloc[j]))
        else:
            X[:, j] = values
        return X

    def response(self, X: Any) -> np.ndarray:
        """Return predictions, or probabilities of the class explained (n,)."""
        if self.positive is None:
            return np.asarray(self.estimator.predict(X), float).reshape(len(X))
        known = list(self.estimator.classes_)
        return np.asarray(self.estimator.predict_proba(X), float)[:, known.index(self.positive)]

    def losses(self, X: Any) -> np.ndarray:
        """Return the squared error of each row, or its log loss (n,)."""
        if self.positive is None:
            return (self.y - self.response(X)) ** 2
        classes = np.union1d(np.asarray(self.estimator.classes_), self.y)
        p = probabilities(self.estimator, classes, X)[np.arange(len(X)), np.searchsorted(classes, self.y)]
        return -np.log(np.clip(p, np.finfo(float).eps, 1.0))

    def of_a_constant(self) -> float:
        """Return the loss of the best constant prediction: the variance of y, or its entropy."""
        if self.positive is None:
            return float(self.weight @ (self.y - self.weight @ self.y) ** 2)
        share = np.bincount(np.unique(self.y, return_inverse=True)[1], self.weight)
        share = share[share > 0]
        return float(-share @ np.log(share))

    def some(self, rows: int, seed: int) -> Explained:
        """Return at most so many rows, drawn where there are more."""
        if len(self) <= rows:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), rows, replace=False)))

    def with_value(self, name: str) -> Explained:
        """Return the rows that have a value in a column."""
        there = self.column(name).notna().to_numpy()
        return self if there.all() else self.take(np.flatnonzero(there))

    def take(self, index: np.ndarray) -> Explained:
        """Return the rows at these positions."""
        X = self.X.iloc[index] if isinstance(self.X, pd.DataFrame) else self.X[index]
        weight = self.weight[index] if self.weight[index].any() else np.ones(len(index))
        return replace(self, X=X, y=self.y[index], weight=weight / weight.sum())


def can_be_explained(estimator: Any) -> bool:
    """Whether an estimator says that it is a regressor, or a classifier with probabilities."""
    return is_regressor(estimator) or (is_classifier(estimator) and hasattr(estimator, "predict_proba"))


def explained(estimator: Any, X: Any, y: Any, positive: Any, sample_weight: Any) -> Explained:
    """Return what is to be explained, checked."""
    check_is_fitted(estimator)
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise TypeError(
            f"estimator is a {type(estimator).__name__}, but must be a regressor or classifier of scikit-learn's "
            "contract; derive it from RegressorMixin or ClassifierMixin."
        )
    native = nw.from_native(X, eager_only=True, pass_through=True)
    X = native.to_pandas().reset_index(drop=True) if isinstance(native, nw.DataFrame) else np.asarray(X)
    if X.ndim != 2 or len(X) < 2:
        raise ValueError(f"X has the shape {X.shape}, but must have two rows at least and columns; give a table.")
    weight = weights(sample_weight, len(X))
    if isinstance(X, pd.DataFrame):
        whole = [name for name, kind in X.dtypes.items() if kind.kind in "iu"]
        X = X.astype(dict.fromkeys(whole, float))
    elif X.dtype.kind in "iu":
        X = X.astype(float)
    if not is_classifier(estimator):
        return Explained(estimator, X, numbers(y, len(X), several=False)[:, 0], weight / weight.sum(), None)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"estimator is a {type(estimator).__name__} without predict_proba, but must have it; fit it inside "
            "CalibratedClassifierCV."
        )
    y = np.asarray(y)
    as_many("y", y, len(X), of="row of X")
    known = list(estimator.classes_)
    strangers = [label for label in np.unique(y).tolist() if label not in known]
    if strangers:
        raise ValueError(
            f"y holds {strangers[0]!r}, but must hold what the estimator knows, {', '.join(map(str, known))}; leave "
            "out other rows."
        )
    return Explained(estimator, X, y, weight / weight.sum(), _class(y, known, positive))


def _class(y: np.ndarray, known: list[Any], positive: Any) -> Any:
    """The class whose probability is explained: the second of two, or else the most frequent."""
    if positive is not None:
        return one_of("positive", positive, known, kind="one of the classes")
    return known[1] if len(known) == 2 else max(known, key=lambda label: (y == label).sum())
