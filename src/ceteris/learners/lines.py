"""The linear answer, in milliseconds: what a net must beat on the rows it set aside, else it is what is given."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from ceteris.learners.families import weighted_quantiles
from ceteris.nets import Pinball, categorical_cross_entropy, identity, quantiles, squared
from ceteris.training import MemberRows

PENALTIES = 10.0 ** np.arange(-2, 5)  # of the ridge, times the number of rows over a hundred
INVERSE = (0.01, 0.1, 1.0)  # of the penalty of logistic regression
MANY = 20_000  # rows from which on one penalty of logistic regression is tried
EASY = 50  # rows for each input from which on it is so too: it then hardly matters
PATH: dict[str, Any] = {"n_alphas": 30}
WIDE = 0.5  # columns per row from which on most slopes may be zero


class Lines(NamedTuple):
    """Linear answers of members and their losses on the rows set aside.

    Attributes
    ----------
    slopes : array, shape (members, inputs, outputs)
    constant : array, shape (members, outputs)
    losses : array, shape (members,)
    """

    slopes: np.ndarray
    constant: np.ndarray
    losses: np.ndarray


def linear_answers(task: Any, data: Any, given: Any, rows: MemberRows) -> Lines | None:
    """Return for each member the linear answer that does best on its held-out rows.

    For squared errors it is a ridge regression or, on wide tables, a lasso; for classes a logistic regression; for
    quantiles such a line too, moved up or down for each level. There is none for other losses.

    Parameters
    ----------
    task, data, given
        As for `ceteris.learners.network.learn`.
    rows : MemberRows
        As `ceteris.training.split` gives them.
    """
    classes, levels = task.loss == categorical_cross_entropy, getattr(task.loss, "levels", None)
    moved = isinstance(task.loss, Pinball) and task.head is quantiles
    if not moved and (task.head is not identity or not (classes or task.loss is squared)):
        return None
    found = []
    for i, own in enumerate(rows.train):
        if classes and len(np.unique(data.y[own])) < task.outputs:
            return None
        if given is None:
            held = rows.heldout[i][rows.heldout[i] < len(data.x)]  # type: ignore[index]
            judge = data.x[held], data.y[held], data.w[held]
        else:
            judge = given.x, given.y, given.w
        answers = (logistic if classes else straight)(data.x[own], data.y[own], data.w[own])
        if moved:
            losses = [_loss_of_moved(judge, np.array(levels), *answer) for answer in answers]
        else:
            losses = [_loss(classes, judge, *answer) for answer in answers]
        best = int(np.argmin(losses))
        answer = _moved(judge, np.array(levels), *answers[best]) if moved else answers[best]
        found.append((*answer, losses[best]))
    slopes, constant, losses = map(np.stack, zip(*found, strict=True))
    return Lines(slopes, constant, losses)


def _loss(classes: bool, judge: Any, slopes: np.ndarray, constant: np.ndarray) -> float:
    x, y, w = judge
    answer = x @ slopes + constant
    if not classes:
        each = ((answer - y.reshape(len(y), -1)) ** 2).mean(1)
    else:
        answer = answer - answer.max(1, keepdims=True)
        each = np.log(np.exp(answer).sum(1)) - answer[np.arange(len(y)), y]
    return float((w * each).sum() / w.sum())


def _loss_of_moved(judge: Any, levels: np.ndarray, slopes: np.ndarray, constant: np.ndarray) -> float:
    """Pinball loss of a line moved to each level, as far as one half of the rows says, on the other half."""
    x, y, w = judge
    left, total = y.ravel() - (x @ slopes + constant)[:, 0], 0.0
    for here, there in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        gap = left[there, None] - weighted_quantiles(left[here], w[here], levels)
        total += float((w[there, None] * np.maximum(levels * gap, (levels - 1) * gap)).mean(1).sum())
    return total / float(w.sum())


def _moved(judge: Any, levels: np.ndarray, slopes: np.ndarray, constant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes and constants from which `ceteris.nets.quantiles` makes the line, moved to each level."""
    x, y, w = judge
    moves = weighted_quantiles(y.ravel() - (x @ slopes + constant)[:, 0], w, levels)
    apart = np.log(np.expm1(np.maximum(np.diff(moves), 1e-4)))  # of which it takes the softplus
    flat = np.zeros((len(slopes), len(apart)))
    return np.hstack([slopes, flat]), np.append(constant[0] + moves[0], apart)


def straight(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return ridge regressions for several penalties and, if columns are many, lassos: slopes and constant of each.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> slopes, constant = straight(x, 3 * x + 1, np.ones(3))[0]
    >>> round(float(slopes[0, 0]), 2), round(float(constant[0]), 2)
    (3.0, 1.0)
    """
    x, y, w = x.astype(float), y.reshape(len(y), -1).astype(float), w / w.sum()
    centre, middle = w @ x, w @ y
    u, v = np.sqrt(w)[:, None] * (x - centre), np.sqrt(w)[:, None] * (y - middle)
    if x.shape[1] <= len(x):
        values, axes = np.linalg.eigh(u.T @ u)
        turned = axes.T @ (u.T @ v)
    else:
        values, left = np.linalg.eigh(u @ u.T)
        axes = u.T @ left
        turned = left.T @ v
    scale = np.maximum(values, 0)[:, None]
    found = [axes @ (turned / (scale + penalty / 100 / len(x) + 1e-9)) for penalty in PENALTIES]
    if x.shape[1] > WIDE * len(x) and y.shape[1] == 1:
        from sklearn.linear_model import lasso_path

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a path that is not exact is judged like any other
            path = lasso_path(u * np.sqrt(len(x)), v[:, 0] * np.sqrt(len(x)), eps=1e-2, **PATH)[1]
        found += [slopes[:, None] for slopes in path.T]
    return [(slopes, middle - centre @ slopes) for slopes in found]


def logistic(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return logistic regressions for several penalties: slopes and constant of each, one column per class."""
    from sklearn.linear_model import LogisticRegression

    found = []
    for inverse in INVERSE if len(x) <= min(MANY, EASY * x.shape[1]) else INVERSE[-1:]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an answer that is not exact is judged like any other
            model = LogisticRegression(C=inverse, max_iter=100).fit(x, y, sample_weight=w)
        slopes, constant = model.coef_.T, model.intercept_
        if slopes.shape[1] == 1:
            slopes, constant = slopes * [-0.5, 0.5], constant[0] * np.array([-0.5, 0.5])
        found.append((slopes, constant))
    return found
