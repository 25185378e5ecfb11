"""How good predictions are: Table 5 of the source, log loss and the Brier score, with bootstrap errors.

Every measure is a function of row weights w of shape (..., n), so that one definition serves a plain sample,
a weighted one, and a thousand bootstrap resamples at once, whose weights are the times each row was drawn.
scikit-learn's measures take one vector of weights, which would mean a thousand calls; the tests hold each
of these functions to them instead. With tp, fp, fn and tn the weights of the true and false positives and
negatives,

    accuracy     (tp + tn) / (tp + tn + fp + fn)     precision    tp / (tp + fp)
    recall, tpr  tp / (tp + fn)                      fnr          fn / (fn + tp) = 1 - tpr
    specificity, tnr  tn / (tn + fp)                 fpr          fp / (fp + tn) = 1 - tnr
    f1           2 precision recall / (precision + recall) = 2 tp / (2 tp + fp + fn)
    auc          P(score of a positive > score of a negative) + P(equal) / 2
    mae          Σ w |y - ŷ| / Σ w                   mse          Σ w (y - ŷ)² / Σ w,  rmse its root
    r2           1 - Σ w (y - ŷ)² / Σ w (y - ȳ)²     with ȳ the weighted mean of these rows

A measure whose denominator is zero is NaN and `WHY_UNDEFINED` says why. It is never set to 0.

Notes
-----
The text of Table 5 available to us prints MAE without the absolute value, as the mean of y - ŷ, which is the
bias: errors of opposite sign would cancel. The other thirteen formulas are as above. The table is silent on
zero denominators, on ties in the AUC (counted half, the area under the trapezoids) and on more than two
classes (averaged over the classes with equal weight, each against the rest: "macro").

References
----------
Supervised-learning chapter of the course notes (source 004), section 3.3.3, Table 5. Brier, G. W. (1950).
Verification of forecasts expressed in terms of probability. Monthly Weather Review 78. Efron, B. and
Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Measures = dict[str, Any]

NAMES = {
    "r2": "R²",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "auc": "AUC",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "fpr": "FPR",
    "fnr": "FNR",
    "tpr": "TPR",
    "tnr": "TNR",
}
"""Measures whose written name is not their name in a table."""
LOWER_IS_BETTER = frozenset({"fpr", "fnr", "log_loss", "brier", "mae", "mse", "rmse"})
_NEVER = "the class, or one of them, is never predicted"
_NO_ROW = "the class, or one of them, has no row"
_EVERY_ROW = "the class has every row"
WHY_UNDEFINED = {
    "precision": _NEVER,
    "recall": _NO_ROW,
    "tpr": _NO_ROW,
    "fnr": _NO_ROW,
    "f1": "precision or recall is undefined",
    "specificity": _EVERY_ROW,
    "tnr": _EVERY_ROW,
    "fpr": _EVERY_ROW,
    "auc": "the class, or one of them, has no row or every row",
    "r2": "y is constant",
}
_CELLS = 4_000_000  # weights held at once by the bootstrap: 32 MB


def regression_measures(y: npt.ArrayLike, prediction: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> Measures:
    """Mean absolute, mean squared and root mean squared error, and R².

    Parameters
    ----------
    y, prediction : array-like of shape (n,)
        Observed and predicted values.
    weight : array-like of shape (..., n), optional
        Row weights; leading axes give as many answers. Default: all one.

    Returns
    -------
    dict
        ``mae``, ``mse``, ``rmse``, ``r2``: numbers, or arrays of shape (...) for weights with leading axes.

    Examples
    --------
    >>> {k: round(float(v), 3) for k, v in regression_measures([1, 2, 3, 6], [1, 3, 3, 4]).items()}
    {'mae': 0.75, 'mse': 1.25, 'rmse': 1.118, 'r2': 0.643}
    """
    y, prediction = np.asarray(y, float), np.asarray(prediction, float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    e, total = y - prediction, w.sum(-1)
    centred = y - y.mean()  # no cancellation in the next line, however far y is from zero
    spread = w @ centred**2 - ratio((w @ centred) ** 2, total)
    # A resample of one repeated value leaves rounding error where the spread is zero.
    spread = np.where(spread > 1e-12 * total * np.max(centred**2, initial=0.0), spread, 0.0)
    mse = ratio(w @ e**2, total)
    return {
        "mae": ratio(w @ np.abs(e), total),
        "mse": mse,
        "rmse": np.sqrt(mse),
        "r2": 1 - ratio(w @ e**2, spread),
    }


def classification_measures(
    y: npt.ArrayLike,
    prediction: npt.ArrayLike,
    probability: npt.ArrayLike,
    classes: npt.ArrayLike,
    positive: Any = None,
    weight: npt.ArrayLike | None = None,
) -> Measures:
    """Everything in Table 5 for a classifier, with log loss and the Brier score.

    Parameters
    ----------
    y, prediction : array-like of shape (n,)
        Observed and predicted classes.
    probability : array-like of shape (n, K)
        Predicted probabilities, a column per class.
    classes : array-like of shape (K,)
        The class of each column.
    positive : scalar, optional
        With two classes: the one that counts as positive. Without it, and with more than two classes,
        precision, recall, F1, specificity, the four rates and AUC are macro averages: the plain mean over the
        classes of the value of that class against the rest, NaN if it is undefined for one of them.
    weight : array-like of shape (..., n), optional
        Row weights; leading axes give as many answers. Default: all one.

    Returns
    -------
    dict
        ``accuracy``, ``precision``, ``recall``, ``f1``, ``specificity``, ``fpr``, ``fnr``, ``tpr``, ``tnr``,
        ``auc``, ``log_loss``, ``brier``. Log loss takes probabilities no smaller than the machine epsilon,
        so a certain and wrong forecast costs about 36. The Brier score is the mean of (p - 1{y positive})²
        for two classes and of Σ_k (p_k - 1{y = k})² for more.

    Examples
    --------
    >>> p = np.array([0.9, 0.6, 0.4, 0.2])
    >>> m = classification_measures([1, 0, 1, 0], [1, 1, 0, 0], np.c_[1 - p, p], [0, 1], positive=1)
    >>> float(m["precision"]), float(m["auc"])
    (0.5, 0.75)
    """
    classes = np.asarray(classes)
    probability = np.asarray(probability, float)
    true, predicted = _codes("y", y, classes), _codes("prediction", prediction, classes)
    w = np.ones(len(true)) if weight is None else np.asarray(weight, float)
    judged = range(len(classes)) if positive is None else _codes("positive", [positive], classes)
    each = [_one_against_rest(true == k, predicted == k, probability[:, k], w) for k in judged]
    rates = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
    total, rows = w.sum(-1), np.arange(len(true))
    surprise = -np.log(np.clip(probability[rows, true], np.finfo(float).eps, 1.0))
    distance = ((probability - np.eye(len(classes))[true]) ** 2).sum(1) / (2 if len(classes) == 2 else 1)
    return {
        "accuracy": ratio(w @ (true == predicted).astype(float), total),
        **rates,
        "log_loss": ratio(w @ surprise, total),
        "brier": ratio(w @ distance, total),
    }


def _one_against_rest(true: np.ndarray, predicted: np.ndarray, score: np.ndarray, w: np.ndarray) -> Measures:
    """The measures of one class: `true` and `predicted` (n,) say which rows are in it, or are put there."""
    share = lambda rows: w @ rows.astype(float)
    tp, fp, fn, tn = (
        share(true & predicted),
        share(~true & predicted),
        share(true & ~predicted),
        share(~true & ~predicted),
    )
    precision, recall, specificity = ratio(tp, tp + fp), ratio(tp, tp + fn), ratio(tn, tn + fp)
    # Where both are zero the second form of F1 gives its limit, 0; where one is undefined so is F1.
    f1 = np.where(np.isnan(precision + recall), np.nan, ratio(2 * tp, 2 * tp + fp + fn))
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "specificity": specificity,
        "fpr": ratio(fp, fp + tn),
        "fnr": ratio(fn, fn + tp),
        "tpr": recall,
        "tnr": specificity,
        "auc": _auc(true, score, w),
    }


def _auc(true: np.ndarray, score: np.ndarray, w: np.ndarray) -> Any:
    """Area under the ROC curve by ranks: pairs of a positive and a negative in the right order, ties half."""
    order = np.argsort(score, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])  # where each group of equal scores begins
    groups = lambda rows: np.add.reduceat(w[..., order] * rows[order], first, axis=-1)
    positive, negative = groups(true), groups(~true)
    below = np.cumsum(negative, -1) - negative / 2
    return ratio((positive * below).sum(-1), positive.sum(-1) * negative.sum(-1))


def bootstrap(
    measures: Callable[[np.ndarray], Measures],
    n: int,
    rng: np.random.Generator,
    draws: int = 500,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Measures on resamples of n rows drawn with replacement; the predictions stay as they are.

    Parameters
    ----------
    measures : callable
        ``measures(w)`` with weights of shape (b, n) returns arrays of shape (b,).
    n : int
        Number of rows.
    rng : numpy.random.Generator
        Generators of equal seed draw the same rows, which pairs the resamples of two learners.
    draws : int
        Number of resamples; the standard error is itself known to about 1 / sqrt(2 draws).
    weight : array-like of shape (n,), optional
        A row drawn twice counts with twice its weight.
    cluster : array-like of shape (n,), optional
        Groups of rows, which are drawn as wholes.

    Returns
    -------
    DataFrame of shape (draws, measures)
        NaN where a resample leaves a measure undefined.

    Examples
    --------
    >>> y, yhat = np.arange(50.0), np.arange(50.0) + np.tile([-1.0, 1.0, 3.0, -3.0, 0.0], 10)
    >>> draws = bootstrap(lambda w: regression_measures(y, yhat, w), 50, np.random.default_rng(0))
    >>> draws.shape, round(float(draws.mae.std()), 2)
    ((500, 4), 0.17)
    """
    weight = np.ones(n) if weight is None else np.asarray(weight, float)
    unit = None if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
    units = n if unit is None else int(unit.max()) + 1
    batch, parts = max(1, _CELLS // n), []
    for start in range(0, draws, batch):
        b = min(batch, draws - start)
        drawn = rng.integers(units, size=(b, units)) + units * np.arange(b)[:, None]
        times = np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units)
        parts.append(pd.DataFrame(measures((times if unit is None else times[:, unit]) * weight)))
    drawn_alike = units < 2  # one group says nothing about how groups differ
    found = pd.concat(parts, ignore_index=True)
    return found * np.nan if drawn_alike else found


def summarise(values: Measures, draws: pd.DataFrame) -> pd.DataFrame:
    """Values with their bootstrap standard errors and, where one is undefined, the reason.

    Parameters
    ----------
    values : dict
        Measures on the rows themselves.
    draws : DataFrame of shape (draws, measures)
        From `bootstrap`.

    Returns
    -------
    DataFrame
        A row per measure with ``value``, ``se`` (over the resamples in which the measure is defined; NaN if
        they are fewer than half, or if the value is), ``undefined`` (share of the other resamples) and
        ``note``.

    Examples
    --------
    >>> never = classification_measures([1, 0], [0, 0], [[0.8, 0.2], [0.9, 0.1]], [0, 1], positive=1)
    >>> summarise(never, pd.DataFrame([never, never])).loc["precision", "note"]
    'undefined because the class, or one of them, is never predicted'
    """
    names = list(values)
    value = np.array([float(values[name]) for name in names])
    undefined = draws[names].isna().to_numpy().mean(0)
    spread: Any = draws[names].std(ddof=1)
    se = np.where((undefined <= 0.5) & ~np.isnan(value), spread.to_numpy(), np.nan)
    note = [_note(*one) for one in zip(names, value, undefined, strict=True)]
    return pd.DataFrame({"value": value, "se": se, "undefined": undefined, "note": note}, names)


def _note(name: str, value: float, undefined: float) -> str:
    if np.isnan(value):
        return f"undefined because {WHY_UNDEFINED.get(name, 'the weights sum to zero')}"
    return f"undefined in {undefined:.1%} of the resamples" if undefined > 0 else ""


def _codes(argument: str, values: npt.ArrayLike, classes: np.ndarray) -> np.ndarray:
    """The place of each value in `classes`, shape (n,)."""
    codes = pd.Index(classes).get_indexer(pd.Index(np.asarray(values)))
    if (codes < 0).any():
        stranger = np.asarray(values)[np.argmax(codes < 0)]
        known = ", ".join(map(str, classes))
        raise ValueError(f"{argument} holds {stranger!s}, which is not one of the classes {known}: pass them all.")
    return codes


def ratio(top: Any, bottom: Any) -> Any:
    """Return top / bottom, NaN where bottom is not positive."""
    bottom = np.asarray(bottom, float)
    return np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0)[()]
