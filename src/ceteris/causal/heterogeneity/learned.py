"""A function learnt with cross-fitting: its values at the training rows, each from other rows, and at any row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from ceteris.causal.crossfit import Function, Prediction, cross_fit, fit_folds, out_of_fold, splits
from ceteris.causal.heterogeneity.functions import Flat, MeanFunction, NetsOfFolds, standardiser
from ceteris.causal.learners import weights_argument
from ceteris.training import mean_outputs


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
        A learner with a method ``fit_folds``, such as `ceteris.NeuralRegressor`, trains the nets of all folds side by
        side; one with a method ``learn_folds`` does all by itself.
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
    if hasattr(learner, "fit_folds") and x.shape[1]:
        pairs = splits(fold)
        functions = fit_folds(learner, x, y, pairs, among, weight)
        return Learned(out_of_fold(functions, x, pairs), MeanFunction(tuple(functions)))
    if weight is None:
        values = cross_fit(learner, x, y, fold, among=among, kind=kind, jobs=jobs)
    else:
        pairs = splits(fold)
        values = out_of_fold([fitted(learner, x[train], y[train], weight[train]) for train, _ in pairs], x, pairs)
    used = slice(None) if among is None else among
    return Learned(values, fitted(learner, x[used], y[used], None if weight is None else weight[used]))


def fitted(learner: Any, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Function:
    """Fit a copy of a learner; a classifier's function is the probability of a one."""
    if x.shape[1] == 0:
        return Flat(float(np.average(y, weights=weight)))
    model: Any = clone(learner)
    if weight is None:
        model.fit(x, y)
    else:
        model.fit(x, y, **{weights_argument("learner", learner): weight})
    return Prediction(model)


def averaged(nets: Any, x: np.ndarray, fold: np.ndarray, read: Function) -> Learned:
    """Return the function ``read(outputs)`` of stacked nets, equally many for each fold; elsewhere their mean."""
    pairs, inputs = splits(fold), standardiser(x)
    values = np.empty(len(x))
    tests = [np.flatnonzero(test) for _, test in pairs]
    for rows, outputs in zip(tests, mean_outputs(nets, [inputs(x[rows]) for rows in tests]), strict=True):
        values[rows] = read(outputs)

    return Learned(values, NetsOfFolds(nets, len(pairs), inputs, read))
