"""Nets as nuisance learners: the nets of all folds train side by side as one compiled program.

Each net is a linear map plus a small perceptron that starts at zero, and stops by rows of its training fold that are
set aside. Inputs and target are brought to mean zero and variance one by moments of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.causal import training
from ceteris.causal.crossfit import splits
from ceteris.causal.linear import sigmoid


def small(n: int) -> training.Net:
    """Return the net that learns from n rows if none is given: 32 units, and about 700 updates.

    On 10,000 rows of the partially linear and the interactive design larger nets, and twice the updates, predict no
    better.

    Examples
    --------
    >>> small(1600).epochs, small(8000).epochs
    (60, 26)
    """
    return training.Net(widths=(32,), rate=0.01, members=1, epochs=int(np.clip(60 * (1600 / n) ** 0.5, 20, 100)))


class Squared(training.RowObjective):
    """Squared error."""

    def losses(self, net, batch):
        return (net(batch["x"])[:, 0] - batch["y"]) ** 2


class Logistic(training.RowObjective):
    """Minus the log likelihood of zeros and ones."""

    def losses(self, net, batch):
        index = net(batch["x"])[:, 0]
        return jnp.logaddexp(0.0, index) - batch["y"] * index


@dataclass(frozen=True)
class _Problem:
    """Standardised columns, and how to come back from them."""

    x: np.ndarray
    y: np.ndarray
    mean: float
    scale: float


def _outputs(problem: _Problem, learn: list[np.ndarray], at: list[np.ndarray], objective: Any, net: Any, seed: int):
    """Train nets on each set of rows; return their outputs at others."""
    columns = training.table({"x": problem.x, "y": problem.y})
    rows = training.deal(learn, net, len(problem.y), seed)
    trained = training.train(objective, columns, rows, net, (problem.x.shape[1], 1), seed, who="nuisance nets")
    found = training.predict(trained.nets, problem.x, at, net.members)
    return [problem.mean + problem.scale * values[:, 0] for values in found]


def _problem(x: np.ndarray, y: np.ndarray, used: np.ndarray, scaled: bool) -> _Problem:
    mean, scale = (float(y[used].mean()), float(y[used].std()) or 1.0) if scaled else (0.0, 1.0)
    return _Problem(training.standardised(x), (y - mean) / scale, mean, scale)


class _Nets(BaseEstimator):
    """What both learners share."""

    net: Any
    seed: int

    def _cross_fit(self, x, y, fold, among, objective, scaled):
        used = np.ones(len(y), dtype=bool) if among is None else among
        pairs = splits(fold)
        learn = [np.flatnonzero(train & used) for train, _ in pairs]
        at = [np.flatnonzero(test) for _, test in pairs]
        problem = _problem(x, y, used, scaled)
        net = self.net or small(int(np.mean([len(rows) for rows in learn])) // 32 * 32)
        found = np.empty(len(y))
        for rows, values in zip(at, _outputs(problem, learn, at, objective, net, self.seed), strict=True):
            found[rows] = values
        return found

    def _fit(self, x, y, objective, scaled):
        problem = _problem(x, y, np.ones(len(y), dtype=bool), scaled)
        net = self.net or small(len(y))
        columns = training.table({"x": problem.x, "y": problem.y})
        rows = training.deal([np.arange(len(y))], net, len(y), self.seed)
        trained = training.train(objective, columns, rows, net, (x.shape[1], 1), self.seed, who=type(self).__name__)
        spread = x.std(0)
        self.nets_, self.problem_ = trained.nets, replace(problem, x=problem.x[:0], y=problem.y[:0])
        self.members_ = net.members
        self.moments_ = x.mean(0), np.where(spread > 0, spread, np.inf)

    def _predict(self, x):
        check_is_fitted(self)
        x = (validate_data(self, x, dtype=np.float64, reset=False) - self.moments_[0]) / self.moments_[1]
        (found,) = training.predict(self.nets_, x, [np.arange(len(x))], self.members_)
        return self.problem_.mean + self.problem_.scale * found[:, 0]


class NetRegressor(RegressorMixin, _Nets):
    """Nets for E[y | x].

    Parameters
    ----------
    net : ceteris.causal.training.Net, optional
        How nets are built and trained; by default small ones that are quick.
    seed : int

    Examples
    --------
    >>> from ceteris.causal import PartiallyLinear
    >>> from ceteris.data import simulate_partially_linear
    >>> data = simulate_partially_linear(2000, p=3)
    >>> nets = NetRegressor()
    >>> estimate = PartiallyLinear(nets, nets).fit(data, y="y", d="d", x=["x0", "x1", "x2"])
    >>> bool(abs(estimate.point[0] - 0.5) < 3 * estimate.se[0])
    True
    """

    def __init__(self, net: Any = None, seed: int = 0) -> None:
        self.net = net
        self.seed = seed

    def cross_fit(self, x: np.ndarray, y: np.ndarray, fold: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """Predict out of fold, all folds at once, shape (n,); arguments as in ``causal.cross_fit``."""
        return self._cross_fit(x, y, fold, among, Squared(), scaled=True)

    def fit(self, X: Any, y: Any) -> NetRegressor:
        """Train."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._fit(X, y, Squared(), scaled=True)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of y given X, shape (n,)."""
        return self._predict(X)


class NetClassifier(ClassifierMixin, _Nets):
    """Nets for P(y = 1 | x), y being 0 or 1; parameters as of ``NetRegressor``."""

    def __init__(self, net: Any = None, seed: int = 0) -> None:
        self.net = net
        self.seed = seed

    def cross_fit(self, x: np.ndarray, y: np.ndarray, fold: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """Predict probabilities out of fold, all folds at once, shape (n,)."""
        return sigmoid(self._cross_fit(x, y, fold, among, Logistic(), scaled=False))

    def fit(self, X: Any, y: Any) -> NetClassifier:
        """Train."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"y: {len(self.classes_)} classes given; two are allowed.")
        self._fit(X, labels.astype(float), Logistic(), scaled=False)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the two classes, shape (n, 2)."""
        p = sigmoid(self._predict(X))
        return np.stack([1 - p, p], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class, shape (n,)."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]
