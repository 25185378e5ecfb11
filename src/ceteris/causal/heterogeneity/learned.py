"""A function learnt with cross-fitting: its values at the training rows, each from other rows, and at any row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from ceteris.causal import training
from ceteris.causal.crossfit import cross_fit, splits
from ceteris.causal.learners import weights_argument
from ceteris.causal.linear import sigmoid
from ceteris.causal.neural import Logistic, NetClassifier, NetRegressor, Squared, small
from ceteris.stats import centring

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Learned:
    """A function of the covariates.

    Attributes
    ----------
    out_of_fold : array, shape (n,)
        Its values at the training rows, each learnt without the row's fold.
    predict : callable
        Takes (rows, p) to (rows,). A learner of scikit-learn is fitted once more, on all rows; nets are not: the nets
        of all folds are averaged.
    """

    out_of_fold: np.ndarray
    predict: Function


def learn(
    learner: Any,
    x: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    *,
    among: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    kind: str = "mean",
    jobs: int | None = None,
) -> Learned:
    """Learn y from x with cross-fitting.

    Parameters
    ----------
    learner : estimator in the manner of scikit-learn
        ``NetRegressor`` and ``NetClassifier`` train the nets of all folds side by side; a learner with a method
        ``learn_folds`` does all by itself.
    x : array, shape (n, p)
    y : array, shape (n,)
    fold : array of int, shape (n,) or (n, 2)
    among : array of bool, shape (n,), optional
        The rows that may be learnt from; all are predicted.
    weight : array, shape (n,), optional
        Weights of the rows.
    kind : {"mean", "probability"}
    jobs : int, optional
        Folds fitted at once.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.arange(6.0)[:, None]
    >>> learned = learn(LinearRegression(), x, 1 + 2 * x[:, 0], np.array([0, 1, 2, 0, 1, 2]))
    >>> learned.out_of_fold.round(6), learned.predict(np.array([[10.0]])).round(6)
    (array([ 1.,  3.,  5.,  7.,  9., 11.]), array([21.]))
    """
    if hasattr(learner, "learn_folds"):
        return learner.learn_folds(x, y, fold, among=among, weight=weight, jobs=jobs)
    if isinstance(learner, NetRegressor | NetClassifier) and x.shape[1]:
        return _learn_nets(learner, x, y, fold, among, weight)
    if weight is None:
        out_of_fold = cross_fit(learner, x, y, fold, among=among, kind=kind, jobs=jobs)
    else:
        out_of_fold = _cross_fit_weighted(learner, x, y, fold, weight)
    used = slice(None) if among is None else among
    return Learned(out_of_fold, fitted(learner, x[used], y[used], None if weight is None else weight[used]))


def fitted(learner: Any, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Function:
    """Fit a copy of a learner; a classifier's function is the probability of a one."""
    if x.shape[1] == 0:
        mean = np.average(y, weights=weight)
        return lambda at: np.full(len(at), mean)
    model: Any = clone(learner)
    if weight is None:
        model.fit(x, y)
    else:
        model.fit(x, y, **{weights_argument("learner", learner): weight})
    if hasattr(model, "predict_proba"):
        return lambda at: model.predict_proba(at)[:, 1]
    return lambda at: np.asarray(model.predict(at)).reshape(len(at))


def _cross_fit_weighted(learner: Any, x: np.ndarray, y: np.ndarray, fold: np.ndarray, weight: np.ndarray) -> np.ndarray:
    found = np.empty(len(y))
    for train, test in splits(fold):
        found[test] = fitted(learner, x[train], y[train], weight[train])(x[test])
    return found


def _learn_nets(
    learner: NetRegressor | NetClassifier,
    x: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    among: np.ndarray | None,
    weight: np.ndarray | None,
) -> Learned:
    """Train the nets of all folds side by side, on a target of weighted mean zero and variance one."""
    used = np.ones(len(y), dtype=bool) if among is None else among
    w = np.ones(len(y)) if weight is None else weight / weight[used].mean()
    logistic = isinstance(learner, NetClassifier)
    mean, scale = (0.0, 1.0) if logistic else _moments(y[used], w[used])
    pairs = splits(fold)
    rows = [np.flatnonzero(train & used) for train, _ in pairs]
    net = learner.net or small(int(np.mean([len(r) for r in rows])) // 32 * 32)
    columns = training.table({"x": training.standardised(x), "y": (y - mean) / scale, "w": w})
    objective = Logistic() if logistic else Squared()
    dealt = training.deal(rows, net, len(y), learner.seed)
    nets = training.train(objective, columns, dealt, net, (x.shape[1], 1), learner.seed, who="nets").nets
    link = sigmoid if logistic else lambda values: mean + scale * values
    return averaged(nets, x, fold, net.members, lambda outputs: link(outputs[:, 0]))


def averaged(nets: Any, x: np.ndarray, fold: np.ndarray, members: int, read: Function) -> Learned:
    """Return the function ``read(outputs)`` of stacked nets, ``members`` for each fold; anywhere else their mean."""
    at = [np.flatnonzero(test) for _, test in splits(fold)]
    inputs = standardiser(x)
    out_of_fold = np.empty(len(x))
    for rows, outputs in zip(at, training.predict(nets, inputs(x), at, members), strict=True):
        out_of_fold[rows] = read(outputs)

    def predict(new: np.ndarray) -> np.ndarray:
        everywhere = [np.arange(len(new))] * len(at)
        return np.mean([read(outputs) for outputs in training.predict(nets, inputs(new), everywhere, members)], axis=0)

    return Learned(out_of_fold, predict)


def standardiser(x: np.ndarray) -> Function:
    """Return what brings covariates to mean zero and variance one by the moments of ``x``; constant ones to zero."""
    z, mean, spread = centring.standardised(x)
    spread = np.where(z.any(axis=0), spread, np.inf)
    return lambda new: (new - mean) / spread


def _moments(y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    mean = float(np.average(y, weights=weight))
    return mean, float(np.sqrt(np.average((y - mean) ** 2, weights=weight))) or 1.0
