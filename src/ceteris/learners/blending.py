"""A blend of learners: their predictions averaged with the weights that predict best out of fold.

With z_j the predictions of learner j on rows that it did not learn from, the weights solve

    min Σ_i w_i (y_i - Σ_j a_j z_ij)²   or   min -Σ_i w_i log Σ_j a_j p_ij(y_i)   with a ≥ 0, Σ_j a_j = 1.

Since the weights sum to one, the first is the shortest vector E a in the convex hull of the errors E = y - z, which
non-negative least squares finds exactly (Wolfe): a is proportional to the v ≥ 0 that minimises |E v|² + (1 - Σ_j v_j)².
The score of a blend on a fold is that of weights learnt on the other folds (in time: on the folds before it; equal
weights on the first), so that it has not seen the rows it is judged by.

References
----------
Breiman, L. (1996). Stacked regressions. Machine Learning 24. Wolfe, P. (1976). Finding the nearest point in a polytope.
Mathematical Programming 11. van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical
Applications in Genetics and Molecular Biology 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.metaestimators import available_if

from ceteris.learners.splits import Folds, TableRows
from ceteris.learners.trials import Contest, Predictions, Trial, measure, probabilities

BLEND = "blend"
NEGLIGIBLE = 1e-4  # a weight below which a learner is left out


def squared_weights(errors: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weights (K,) that minimise the squared error of a blend.

    Parameters
    ----------
    errors : array of shape (n, K)
        Of each learner, out of fold.
    weight : array of shape (n,)
        Of the rows.

    Examples
    --------
    >>> squared_weights(np.array([[1.0, 2.0], [-1.0, 2.0]]), np.ones(2)).round(2).tolist()
    [0.8, 0.2]
    """
    from scipy.optimize import nnls

    R: Any = np.linalg.qr(errors * np.sqrt(weight / weight.sum())[:, None], mode="r")
    size = np.sqrt((R**2).sum(0).min()) or 1.0
    ones = np.ones((1, R.shape[1]))
    v = nnls(np.r_[R / size, ones], np.r_[np.zeros(len(R)), 1.0])[0]
    return _normalised(v)


def log_loss_weights(p: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weights (K,) that minimise the log loss of a blend.

    Parameters
    ----------
    p : array of shape (n, K)
        The probability of what was observed, by each learner, out of fold.
    weight : array of shape (n,)
        Of the rows.

    Examples
    --------
    >>> log_loss_weights(np.array([[0.9, 0.5], [0.8, 0.4]]), np.ones(2)).tolist()
    [1.0, 0.0]
    """
    from scipy.optimize import minimize

    p, share = np.clip(p, np.finfo(float).eps, 1.0), weight / weight.sum()
    K = p.shape[1]

    def loss(a: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(p @ a, 1e-300)
        return -float(share @ np.log(mixed)), -(p / mixed[:, None]).T @ share

    equal = {"type": "eq", "fun": lambda a: a.sum() - 1.0, "jac": lambda a: np.ones(K)}
    start, options = np.full(K, 1 / K), {"ftol": 1e-12, "maxiter": 500}
    found = minimize(
        loss, start, jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * K, constraints=[equal], options=options
    )
    return _normalised(found.x if np.isfinite(found.x).all() else start)


def _normalised(a: np.ndarray) -> np.ndarray:
    a = np.where(a > NEGLIGIBLE * a.sum(), a, 0.0)
    return a / a.sum()


class Blend(BaseEstimator):
    """Learners that predict together: the weighted mean of their predictions, or of their probabilities.

    Parameters
    ----------
    learners : dict of str to estimator
        Unfitted.
    weights : dict of str to float
        Of each learner; they sum to one.
    task : {'regression', 'classification'}

    Attributes
    ----------
    fitted_ : dict of str to estimator
        Those of positive weight.
    classes_ : array of shape (K,) or None
        None in a regression.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> low, high = DummyRegressor(strategy="constant", constant=0.0), DummyRegressor(strategy="constant", constant=1.0)
    >>> blend = Blend({"low": low, "high": high}, {"low": 0.25, "high": 0.75}, "regression").fit([[0.0]], [0.5])
    >>> blend.predict([[0.0]]).tolist()
    [0.75]
    """

    def __init__(self, learners: dict[str, Any], weights: dict[str, float], task: str = "regression") -> None:
        self.learners = learners
        self.weights = weights
        self.task = task

    def fit(self, X: Any, y: Any) -> Blend:
        """Fit the learners; the weights stay as they are."""
        self.classes_ = np.unique(y) if self.task == "classification" else None
        fresh: Any = {name: clone(self.learners[name]) for name, a in self.weights.items() if a > 0}
        self.fitted_ = {name: one.fit(X, y) for name, one in fresh.items()}
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions (n,), or the likeliest classes."""
        if self.classes_ is not None:
            return self.classes_[self.predict_proba(X).argmax(1)]
        each = [self.weights[name] * np.asarray(one.predict(X), float) for name, one in self.fitted_.items()]
        return np.sum(each, axis=0)

    @available_if(lambda self: self.task == "classification")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes (n, K)."""
        each = [self.weights[name] * probabilities(one, self.classes_, X) for name, one in self.fitted_.items()]
        return np.sum(each, axis=0)

    def __sklearn_tags__(self) -> Any:
        """Say what kind of estimator it is."""
        tags = super().__sklearn_tags__()
        classifies = self.task == "classification"
        tags.estimator_type = "classifier" if classifies else "regressor"
        tags.classifier_tags = ClassifierTags() if classifies else None
        tags.regressor_tags = None if classifies else RegressorTags()
        return tags


def make_blend(trials: dict[str, Trial], contest: Contest, train: TableRows, folds: Folds, ordered: bool) -> Trial:
    """Return the trial of the blend: judged on each fold with weights from others, and of all learners refitted.

    Parameters
    ----------
    trials : dict of str to Trial
        Of the learners, after the folds and refitted.
    contest, train, folds
        As all of them had.
    ordered : bool
        Folds are in the order of time, and learn from those before.
    """
    taking = {name: trial for name, trial in trials.items() if trial.held and not trial.failed}
    parts = [_Part(train.take(b), [trial.held[k] for trial in taking.values()]) for k, (_, b) in enumerate(folds)]
    scores = []
    for k, part in enumerate(parts):
        others = parts[:k] if ordered else parts[:k] + parts[k + 1 :]
        mixed = part.mixed(_weights(others, len(taking), contest), contest)
        scores.append(measure(contest, part.rows.y, mixed, part.rows.weight))
    weights = dict(zip(taking, _weights(parts, len(taking), contest).tolist(), strict=True))
    used = sorted((name for name in weights if weights[name] > 0), key=lambda name: -weights[name])
    fitted = Blend({name: taking[name].model for name in taking}, weights, contest.task)
    fitted.classes_, fitted.fitted_ = contest.classes, {name: taking[name].fitted for name in used}
    note = " + ".join(f"{weights[name]:.2f} {name}" for name in used)
    seconds = sum(taking[name].seconds for name in used)
    return Trial(fitted, pd.DataFrame(scores).astype(float), fitted=fitted, seconds=seconds, notes=[f"{note}."])


class _Part:
    """A fold: the rows it judges, and what each learner predicts for them."""

    def __init__(self, rows: TableRows, predicted: list[Predictions]) -> None:
        self.rows, self.predicted = rows, predicted

    @property
    def weight(self) -> np.ndarray:
        return np.ones(len(self.rows)) if self.rows.weight is None else self.rows.weight

    def errors(self) -> np.ndarray:
        return np.stack([self.rows.y - one.value for one in self.predicted], axis=1)

    def likelihoods(self, classes: np.ndarray) -> np.ndarray:
        place = np.searchsorted(classes, self.rows.y)[:, None]
        each: list[Any] = [one.probability for one in self.predicted]
        return np.concatenate([np.take_along_axis(p, place, axis=1) for p in each], axis=1)

    def mixed(self, weights: np.ndarray, contest: Contest) -> Predictions:
        """What a blend of these weights predicts."""
        if contest.classes is None:
            return Predictions(np.stack([one.value for one in self.predicted], axis=1) @ weights, None)
        each: list[Any] = [one.probability for one in self.predicted]
        p = np.tensordot(weights, np.stack(each), 1)
        return Predictions(contest.classes[p.argmax(1)], p)


def _weights(parts: list[_Part], count: int, contest: Contest) -> np.ndarray:
    """The weights that are best on some folds, (count,); equal ones where there is no fold to learn from."""
    if not parts:
        return np.full(count, 1 / count)
    weight = np.concatenate([part.weight for part in parts])
    if contest.classes is None:
        return squared_weights(np.concatenate([part.errors() for part in parts]), weight)
    return log_loss_weights(np.concatenate([part.likelihoods(contest.classes) for part in parts]), weight)
