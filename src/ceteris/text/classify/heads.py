"""A head on vectors that stay as they are: penalised logistic or ridge regression, all choices by cross-validation.

Beside a text's vector stand its words (TF-IDF, reduced to their main directions), on a scale that is chosen too and may
be zero: a vector says what a text is about, a word may give the answer away, and which counts more depends on the
labels. Both are one linear map of the features, which is where fine-tuning starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from ceteris.learners.classifier import softmax
from ceteris.text.classify.targets import TextTarget, TextTask

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)  # C of the logistic regression on vectors of length one
SCALES = (0.0, 0.5, 1.0, 2.0)  # of the words beside the vector
WORDS, DIRECTIONS, FOLDS = 20_000, 256, 5
FEWEST = 20  # texts, below which words are left out
START = 0.1  # share of the chosen penalty's C that layers start to train with
SMALL = 1e-6  # the least probability


@dataclass(frozen=True)
class LinearHead:
    """Outputs of all tasks from features, the text's vector and then its words.

    Attributes
    ----------
    weight : array, shape (features, outputs)
    bias : array, shape (outputs,)
    penalties, scales, temperatures : tuple of float
        What was chosen for each task.
    outside : array, shape (n, outputs)
        Outputs for each text by heads that did not learn from it, in cross-validation.
    """

    weight: np.ndarray
    bias: np.ndarray
    penalties: tuple[float, ...]
    scales: tuple[float, ...]
    temperatures: tuple[float, ...]
    outside: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return outputs, shape (n, outputs)."""
        return features @ self.weight + self.bias


def learn_words(texts: Sequence[str], seed: int) -> Pipeline | None:
    """Return what makes of texts the main directions of their words' TF-IDF; None where there are too few."""
    if len(texts) < FEWEST:
        return None
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), max_features=WORDS)
    try:
        found = words.fit_transform(texts)
    except ValueError:
        return None  # no text has a word
    directions = TruncatedSVD(min(DIRECTIONS, len(texts) - 1, found.shape[1] - 1), random_state=seed)
    if found.shape[1] < 2:
        return None
    directions.fit(found)
    return Pipeline([("words", words), ("directions", directions)])


def fit_head(
    vectors: np.ndarray,
    words: np.ndarray | None,
    y: np.ndarray,
    target: TextTarget,
    w: np.ndarray,
    seed: int,
    folds: np.ndarray | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> LinearHead:
    """Fit the head of each task.

    Parameters
    ----------
    vectors : array, or sparse matrix, shape (n, width)
    words : array, shape (n, directions), or None
    y : array, shape (n, tasks)
        As `TextTarget.coded`.
    target : TextTarget
    w : array, shape (n, tasks)
        Weights.
    seed : int
        Draws the folds.
    folds : int array, shape (n,), optional
        The fold of each row, where rows that belong together must not be parted.
    penalties : sequence of float
        To choose from.
    """
    with threadpool_limits(1):  # threads that share small matrices cost more than they give
        parts = [
            _fit_task(vectors, words, y[:, k], task, w[:, k], seed, folds, penalties)
            for k, task in enumerate(target.tasks)
        ]
    weights, biases, chosen, scales, heats, outside = zip(*parts, strict=True)
    return LinearHead(np.hstack(weights), np.hstack(biases), chosen, scales, heats, np.hstack(outside))


def refit(head: LinearHead, features: tuple, y: np.ndarray, target: TextTarget, w: np.ndarray) -> tuple:
    """Return weight and bias of the same head, learnt from other texts and held back more: where training may start."""
    vectors, words = features
    found = []
    with threadpool_limits(1):
        for k, task in enumerate(target.tasks):
            fit, scale = _ridge if task.labels is None else _logistic(task.outputs), head.scales[k]
            x = vectors if words is None else np.hstack([vectors, scale * words])
            weight, bias = fit(x, y[:, k], w[:, k], head.penalties[k] * START)
            weight[vectors.shape[1] :] *= scale
            found.append((weight, bias))
    weights, biases = zip(*found, strict=True)
    return np.hstack(weights), np.hstack(biases)


def _fit_task(
    vectors: np.ndarray,
    words: np.ndarray | None,
    y: np.ndarray,
    task: TextTask,
    w: np.ndarray,
    seed: int,
    folds: np.ndarray | None,
    penalties: Sequence[float],
) -> tuple:
    """Try every penalty with every scale of the words outside the folds learnt from; keep the best, on all rows."""
    fit, folds = _ridge if task.labels is None else _logistic(task.outputs), dealt(y, seed) if folds is None else folds
    tried = []
    for scale in SCALES if words is not None else (0.0,):
        x = vectors if words is None or scale == 0 else np.hstack([vectors, scale * words])
        for penalty in penalties:
            z = np.empty((len(y), task.outputs))
            for fold in np.unique(folds):
                inside, out = folds != fold, folds == fold
                weight, bias = fit(x[inside], y[inside], w[inside], penalty)
                z[out] = x[out] @ weight + bias
            tried.append((_loss(z, y, w, task.labels is None), penalty, scale, z))
    _, penalty, scale, z = min(tried, key=lambda one: one[0])
    x = vectors if words is None else np.hstack([vectors, scale * words])
    weight, bias = fit(x, y, w, penalty)
    weight[vectors.shape[1] :] *= scale
    heat = 1.0 if task.labels is None else temperature(z, y, w)
    return weight / heat, bias / heat, penalty, scale, heat, z / heat


def dealt(y: np.ndarray, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Return a fold for each row, those of a class (or of like numbers) spread over all.

    Examples
    --------
    >>> np.bincount(dealt(np.repeat([0.0, 1.0], [5, 15]), 0)).tolist()
    [4, 4, 4, 4, 4]
    """
    shuffled = np.random.default_rng(seed).permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    found = np.empty(len(y), int)
    found[order] = np.arange(len(y)) % min(folds, len(y))
    return found


def temperature(z: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Return by what to divide logits z, (n, K), so that the probabilities fit the classes y best (Guo et al. 2017).

    Examples
    --------
    >>> z = np.log([[0.75, 0.25]] * 4)
    >>> round(temperature(3 * z, np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4)), 2)
    3.0
    """
    loss = lambda log_heat: _loss(z / np.exp(log_heat), y, w, numbers=False)
    found: Any = minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    return float(np.exp(found.x))


def _loss(z: np.ndarray, y: np.ndarray, w: np.ndarray, numbers: bool) -> float:
    if numbers:
        return float(np.average((z[:, 0] - y) ** 2, weights=w))
    p = softmax(z)[np.arange(len(y)), y.astype(int)]
    return float(-np.average(np.log(np.maximum(p, SMALL)), weights=w))


def _logistic(outputs: int) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Logits of all classes; one that a fold has no row of gets next to no probability."""

    def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        there = np.unique(y[w > 0]).astype(int)
        weight, bias = np.zeros((x.shape[1], outputs)), np.full(outputs, np.log(SMALL))
        bias[there] = 0.0
        if len(there) == 1:
            return weight, bias
        learnt = LogisticRegression(C=penalty, max_iter=2_000).fit(x, y, sample_weight=w)
        if len(there) == 2:
            weight[:, there] = np.stack([-learnt.coef_[0], learnt.coef_[0]], axis=1) / 2
            bias[there] = np.array([-1, 1]) * learnt.intercept_[0] / 2
        else:
            weight[:, there], bias[there] = learnt.coef_.T, learnt.intercept_
        return weight, bias

    return fit


def _ridge(x: np.ndarray, y: np.ndarray, w: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    learnt = Ridge(alpha=1 / penalty).fit(x, y, sample_weight=w)
    return np.asarray(learnt.coef_)[:, None], np.atleast_1d(np.asarray(learnt.intercept_))
