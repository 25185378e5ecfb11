"""Cross-fitting: folds, and predictions for each row by a learner that has not seen the row's fold.

A fold is an array that numbers the fold of each row, shape (n,). For rows in two sets of clusters it has two columns:
a row is predicted by what was learnt from the rows that differ from it in both, as rows that share either cluster are
dependent.

References
----------
Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey and Robins (2018), "Double/debiased machine learning for
treatment and structural parameters", Econometrics Journal 21. Chiang, Kato, Ma and Sasaki (2022), "Multiway cluster
robust double/debiased machine learning", JBES 40.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import as_many, one_of, whole
from ceteris.causal import linear

Function = Callable[[np.ndarray], np.ndarray]
Pairs = Sequence[tuple[np.ndarray, np.ndarray]]  # for each fold, which rows are learnt from and which are predicted


def make_folds(
    n: int,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    cluster: Sequence[np.ndarray] = (),
    stratify: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Deal rows, or whole clusters of rows, into folds at random.

    Parameters
    ----------
    n : int
        Number of rows.
    folds : int
        Folds in each set of clusters.
    repeats : int
        Independent splits.
    seed : int
    cluster : sequence of arrays, shape (n,)
        None, one or two sets of clusters; a cluster is never divided.
    stratify : array, shape (n,), optional
        The folds get equal shares of each value (rows), or it is made sure that no value is missing from the rows that
        any fold learns from (clusters).

    Returns
    -------
    list of arrays of int, shape (n,) or, with two sets of clusters, (n, 2); one for each repeat

    Examples
    --------
    >>> make_folds(6, folds=3, stratify=np.array([0, 0, 0, 1, 1, 1]))[0][:3].tolist()  # each fold has one of each
    [1, 2, 0]
    >>> make_folds(6, folds=3, cluster=[np.array([0, 0, 1, 1, 2, 2])])[0].tolist()
    [1, 1, 2, 2, 0, 0]
    """
    whole("folds", folds, least=2)
    whole("repeats", repeats)
    if folds > n:
        raise ValueError(f"folds is {folds}, but must be at most {n}, the number of rows; give fewer.")
    drawn = []
    for r in range(repeats):
        rng = np.random.default_rng((seed, r))
        if cluster:
            columns = [_divide_clusters(groups, folds, rng) for groups in cluster]
            fold = columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
        else:
            fold = _divide(n, folds, rng) if stratify is None else _divide_strata(stratify, folds, rng)
        _refuse_unlearnable(fold, stratify)
        drawn.append(fold)
    return drawn


def read_folds(
    folds: Any,
    n: int,
    repeats: int = 1,
    seed: int = 0,
    cluster: Sequence[np.ndarray] = (),
    stratify: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Return the folds: a number of them is drawn, an array or a list of arrays (one a repeat) is checked."""
    if np.ndim(folds) == 0:
        return make_folds(n, int(folds), repeats, seed, cluster, stratify)
    given = folds if isinstance(folds, list | tuple) and np.ndim(folds[0]) > 0 else [folds]
    checked = []
    for one in given:
        fold = np.asarray(one)
        as_many("folds", fold, n, of="row")
        if fold.ndim == 2 and len(cluster) != 2:
            raise ValueError(
                "folds has two columns, but must have one unless there are two sets of clusters; give one."
            )
        columns = [np.unique(c, return_inverse=True)[1] for c in fold.reshape(n, -1).T]
        if any(c.max() == 0 for c in columns):
            raise ValueError("folds: all rows are in one fold, but there must be two at least; give more.")
        as_many("folds", columns, max(len(cluster), 1), of="set of clusters")
        for column, groups in zip(columns, cluster, strict=False):
            _refuse_divided(column, groups)
        fold = columns[0] if fold.ndim == 1 else np.stack(columns, axis=1)
        _refuse_unlearnable(fold, stratify)
        checked.append(fold)
    return checked


def splits(fold: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each fold, which rows are learnt from and which are predicted: masks of shape (n,).

    Examples
    --------
    >>> [(train.tolist(), test.tolist()) for train, test in splits(np.array([0, 1, 1]))][0]
    ([False, True, True], [True, False, False])
    """
    if fold.ndim == 1:
        return [(fold != k, fold == k) for k in range(int(fold.max()) + 1)]
    first, second = fold.T
    cells = [(k, l) for k in range(int(first.max()) + 1) for l in range(int(second.max()) + 1)]
    pairs = [((first != k) & (second != l), (first == k) & (second == l)) for k, l in cells]
    return [(train, test) for train, test in pairs if test.any()]


def cross_fit(
    learner: Any,
    x: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    *,
    among: np.ndarray | None = None,
    kind: str = "mean",
    jobs: int | None = None,
) -> np.ndarray:
    """Predict y from x out of fold.

    Parameters
    ----------
    learner : estimator in the manner of scikit-learn
        Cloned for each fold. Ordinary least squares, ridge and logistic regression of scikit-learn are solved from
        Gram matrices, all folds at once and exactly: a logistic regression does not stop at its ``tol``. Of
        `ceteris.NeuralRegressor` and other learners with a method ``fit_folds`` the nets of all folds train side by
        side; a learner with a method ``cross_fit(x, y, fold, among)`` does all by itself.
    x : array, shape (n, p)
    y : array, shape (n,)
    fold : array of int, shape (n,) or (n, 2)
        As from ``make_folds``.
    among : array of bool, shape (n,), optional
        The rows that may be learnt from, such as an arm; all rows are predicted.
    kind : {"mean", "probability"}
        What is predicted: E[y | x], or P(y = 1 | x) by a classifier. A classifier that is asked for the mean of a y of
        zeros and ones gives the probability, which is the same.
    jobs : int, optional
        Folds fitted at once through joblib; None leaves it to ``joblib.parallel_config``.

    Returns
    -------
    array, shape (n,)

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.arange(6.0)[:, None]
    >>> cross_fit(LinearRegression(), x, 1 + 2 * x[:, 0], np.array([0, 1, 2, 0, 1, 2])).round(8)
    array([ 1.,  3.,  5.,  7.,  9., 11.])
    """
    one_of("kind", kind, ("mean", "probability"))
    if kind == "probability" or _classifies(learner):
        _refuse_classes(learner, y, fold, among)
    predicted = _all_at_once(learner, x, y, fold, among)
    if predicted is None:
        predicted = _cross_fit_any(learner, x, y, fold, among, jobs)
    if not np.isfinite(predicted).all():
        raise FloatingPointError(
            f"learner: {type(learner).__name__} predicts {int((~np.isfinite(predicted)).sum())} values that are no "
            "finite numbers; scale the covariates, or choose another learner."
        )
    return predicted


# ---------------------------------------------------------------------------------------- dividing rows


def _divide(n: int, folds: int, rng: np.random.Generator) -> np.ndarray:
    fold = np.empty(n, dtype=int)
    fold[rng.permutation(n)] = np.arange(n) % folds
    return fold


def _divide_strata(stratify: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    labels, strata = np.unique(stratify, return_inverse=True)
    counts = np.bincount(strata)
    if counts.min() < folds:
        raise ValueError(
            f"folds is {folds}, but only {counts.min()} rows have {labels[counts.argmin()]:g} of what the folds "
            f"are balanced by; give at most {max(counts.min(), 2)} folds, or more rows."
        )
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(strata), dtype=int)
    fold[order] = rng.permutation(folds)[np.arange(len(strata)) % folds]
    return fold


def _divide_clusters(groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    members, place = np.unique(groups, return_inverse=True)
    if folds > len(members):
        raise ValueError(f"folds is {folds}, but must be at most {len(members)}, the number of clusters; give fewer.")
    return _divide(len(members), folds, rng)[place]


def _refuse_unlearnable(fold: np.ndarray, stratify: np.ndarray | None) -> None:
    for k, (train, test) in enumerate(splits(fold)):
        if not train.any() or not test.any():
            raise ValueError(f"folds: fold {k} leaves no rows to learn from; give fewer folds, or larger clusters.")
    if stratify is None:
        return
    everything = np.unique(stratify)
    for k, (train, _) in enumerate(splits(fold)):
        absent = np.setdiff1d(everything, stratify[train])
        if len(absent):
            raise ValueError(
                f"folds: fold {k} has all rows with {absent[0]:g} of what the folds are balanced by (the treatment, as "
                "a rule), so nothing is left to learn from; give fewer folds, or other ones."
            )


def _refuse_divided(fold: np.ndarray, groups: np.ndarray) -> None:
    pairs = np.unique(np.stack([np.unique(groups, return_inverse=True)[1], fold]), axis=1)
    if len(np.unique(pairs[0])) < pairs.shape[1]:
        raise ValueError("folds: a cluster is divided between folds; keep each cluster within one fold.")


# ---------------------------------------------------------------------------------------- learning


def _classifies(learner: Any) -> bool:
    return hasattr(learner, "predict_proba")


def _refuse_classes(learner: Any, y: np.ndarray, fold: np.ndarray, among: np.ndarray | None) -> None:
    if not _classifies(learner):
        raise TypeError(
            f"learner: {type(learner).__name__} predicts no probabilities; give a classifier with predict_proba."
        )
    if not np.isin(y if among is None else y[among], (0, 1)).all():
        raise ValueError(
            f"learner is the classifier {type(learner).__name__}, but the variable is not 0 or 1; give a regressor."
        )
    for k, (train, _) in enumerate(splits(fold)):
        seen = y[train if among is None else train & among]
        if len(seen) == 0 or seen.min() == seen.max():
            raise ValueError(
                f"folds: outside fold {k} only one class is left to learn from; give fewer folds, or more rows."
            )


def _all_at_once(
    learner: Any, x: np.ndarray, y: np.ndarray, fold: np.ndarray, among: np.ndarray | None
) -> np.ndarray | None:
    if x.shape[1] == 0:
        return _constant(y, fold, among)
    if hasattr(learner, "cross_fit"):
        return learner.cross_fit(x, y, fold, among)
    if hasattr(learner, "fit_folds"):
        pairs = splits(fold)
        return out_of_fold(fit_folds(learner, x, y, pairs, among), x, pairs)
    return linear.cross_fit(learner, x, y, fold, among)


def fit_folds(
    learner: Any, x: np.ndarray, y: np.ndarray, pairs: Pairs, among: Any = None, weight: Any = None
) -> list[Function]:
    """Return what a learner with a method ``fit_folds`` predicts having learnt outside each fold (see ``splits``)."""
    learning = [np.flatnonzero(train if among is None else train & among) for train, _ in pairs]
    return [Prediction(fitted) for fitted in learner.fit_folds(x, y, learning, weight)]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a fitted learner predicts, as a function; of a classifier the probability of a one."""

    fitted: Any

    def __call__(self, at: np.ndarray) -> np.ndarray:
        if _classifies(self.fitted):
            return self.fitted.predict_proba(at)[:, 1]
        return np.asarray(self.fitted.predict(at)).reshape(len(at))


def out_of_fold(functions: Sequence[Function], x: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Evaluate each function at the rows of its own fold."""
    found = np.empty(len(x))
    for function, (_, test) in zip(functions, pairs, strict=True):
        found[test] = function(x[test])
    return found


def _constant(y: np.ndarray, fold: np.ndarray, among: np.ndarray | None) -> np.ndarray:
    """Without covariates the best prediction is the mean of the other folds."""
    predicted = np.empty(len(y))
    for train, test in splits(fold):
        predicted[test] = y[train if among is None else train & among].mean()
    return predicted


def _cross_fit_any(
    learner: Any,
    x: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    among: np.ndarray | None,
    jobs: int | None,
) -> np.ndarray:
    from joblib import Parallel, delayed

    pairs = splits(fold)
    work = (
        delayed(_fit_predict)(learner, x[seen], y[seen], x[test])
        for seen, test in ((train if among is None else train & among, test) for train, test in pairs)
    )
    predicted = np.empty(len(y))
    for (_, test), values in zip(pairs, Parallel(n_jobs=jobs)(work), strict=True):
        predicted[test] = values
    return predicted


def _fit_predict(learner: Any, x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    from sklearn.base import clone

    fitted: Any = clone(learner)
    fitted.fit(x, y)
    return Prediction(fitted)(at)
