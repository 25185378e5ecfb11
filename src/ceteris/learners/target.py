"""Targets and weights: checked before training starts, brought to the scale of the loss, and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from ceteris.tables.coding import moments
from ceteris.tables.frames import finite


@dataclass(frozen=True)
class Units:
    """The standardisation of a target, shape (outputs,) each."""

    mean: np.ndarray
    scale: np.ndarray

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        sound = np.isfinite([self.mean, self.scale]).all() and (self.scale > 0).all()
        if not sound or self.mean.shape != self.scale.shape or self.mean.ndim != 1 or not len(self.mean):
            raise ValueError("a mean and a positive scale are needed for each output")


def numbers(y: Any, rows: int, several: bool) -> np.ndarray:
    """Return a target of numbers, float64 of shape (rows, outputs).

    Parameters
    ----------
    y : array-like of shape (rows,) or (rows, outputs)
    rows : int
        Rows of X.
    several : bool
        Whether there may be more than one output.

    Examples
    --------
    >>> numbers([1, 2, 4], 3, several=False).ravel().tolist()
    [1.0, 2.0, 4.0]
    """
    _refuse_none(y)
    y = np.asarray(y)
    if np.iscomplexobj(y):
        raise ValueError("y: Complex data not supported; give its real part, or both parts as two outputs.")
    try:
        y = y.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            "y: it holds values that are not numbers, but a regression needs numbers; convert it, or use "
            "NeuralClassifier for classes."
        ) from None
    _refuse_length("y", y, rows)
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1 and not several):
        allowed = "(rows,) or (rows, outputs)" if several else "(rows,)"
        raise ValueError(f"y: its shape is {y.shape}, but it must be {allowed}; give one column per fit.")
    if y.ndim == 2 and not several:
        _warn_of_column()
    finite("y", y)
    return y.reshape(rows, -1)


def refuse_outside(y: np.ndarray, loss: str) -> None:
    """Raise on values that cannot come from the distribution that a loss is named after.

    Examples
    --------
    >>> refuse_outside(np.array([[1.0], [-2.0]]), "poisson")
    Traceback (most recent call last):
    ValueError: y holds 1 negative value, but must be at least 0 with loss='poisson'; take another loss.
    """
    refused = {
        "poisson": (y < 0, "negative", "be at least 0"),
        "tweedie": (y < 0, "negative", "be at least 0"),
        "gamma": (y <= 0, "zero or negative", "be above 0"),
        "negative binomial": ((y < 0) | (y != np.round(y)), "negative or broken", "be counts 0, 1, 2, ..."),
    }
    if loss not in refused:
        return
    wrong, what, must = refused[loss]
    count = int(wrong.sum())
    if count:
        raise ValueError(
            f"y holds {count} {what} value{'s' * (count > 1)}, but must {must} with loss={loss!r}; take another loss."
        )


def classes(y: Any, rows: int) -> np.ndarray:
    """Return the labels of a classification, shape (rows,).

    Examples
    --------
    >>> classes(["no", "yes"], 2).tolist()
    ['no', 'yes']
    """
    _refuse_none(y)
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        _warn_of_column()
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"y should be a 1d array of labels, but its shape is {y.shape}; give one label per row.")
    _refuse_length("y", y, rows)
    if y.dtype.kind == "f":
        finite("y", y)
    if y.dtype == object:
        missing = sum(label is None or label != label for label in y)
        if missing:
            raise ValueError(f"y: {missing} of {rows} labels are missing (NaN); drop these rows or label them.")
    check_classification_targets(y)
    return y


def refuse_one_class(labels: np.ndarray) -> None:
    """Raise unless there are two classes or more."""
    if len(labels) < 2:
        only = labels.tolist()[0]
        raise ValueError(
            f"y: all rows that count are of one class, {only!r}, but a classifier needs at least 2 classes; check "
            "how the rows were chosen."
        )


def weights(sample_weight: Any, rows: int) -> np.ndarray:
    """Return the weights of the rows, float64 of shape (rows,); ones if there are none.

    Examples
    --------
    >>> weights(None, 3).tolist()
    [1.0, 1.0, 1.0]
    """
    if sample_weight is None:
        return np.ones(rows)
    w = np.asarray(sample_weight, np.float64)
    w = np.full(rows, w) if w.ndim == 0 else w
    if w.ndim != 1:
        raise ValueError(f"sample_weight: its shape is {w.shape}, but it must be 1D, one weight per row.")
    _refuse_length("sample_weight", w, rows)
    finite("sample_weight", w)
    negative = int((w < 0).sum())
    if negative:
        raise ValueError(
            f"sample_weight: {negative} of {rows} weights are negative, but none may be; set them to zero to "
            "leave rows out."
        )
    if not w.any():
        raise ValueError(
            "sample_weight: all weights are zero, so that no row counts; give some rows a positive weight."
        )
    return w


def class_weights(class_weight: Any, y: np.ndarray) -> np.ndarray:
    """Return the weight that each row gets from its class, shape (rows,)."""
    if class_weight is None:
        return np.ones(len(y))
    if isinstance(class_weight, dict):
        unknown = [label for label in class_weight if label not in set(y.tolist())]
        if unknown:
            raise ValueError(
                f"class_weight: {unknown[0]!r} is not a class of y; the classes are "
                f"{', '.join(map(repr, np.unique(y).tolist()))}."
            )
    elif class_weight != "balanced":
        raise ValueError(
            f"class_weight: it is {class_weight!r}, but must be None, 'balanced' or a dict from class to weight."
        )
    return weights(compute_sample_weight(class_weight, y), len(y))


def units(y: np.ndarray, weights: np.ndarray) -> Units:
    """Return the standardisation of a target; the scale of a constant one is 1."""
    mean, scale = moments(y, weights)
    return Units(mean, np.where(np.isinf(scale), 1.0, scale))


def share_units(y: np.ndarray, weights: np.ndarray, loss: str) -> Units:
    """Return the mean of a target that is not negative as its unit, so that the logarithm of a mean starts at zero."""
    if not y.any():
        raise ValueError(
            f"y holds zeros only in the rows that count, but must hold a positive value with loss={loss!r}; check how "
            "the rows were chosen."
        )
    return Units(np.zeros(y.shape[1]), np.average(y, axis=0, weights=weights))


def _refuse_none(y: Any) -> None:
    if y is None:
        raise ValueError("y: this learner requires y to be passed, but the target y is None; pass the target.")


def _refuse_length(name: str, a: np.ndarray, rows: int) -> None:
    found = len(a) if np.ndim(a) else 0
    if found != rows:
        raise ValueError(
            f"{name}: it has {found} entries but X has {rows} rows (inconsistent numbers of samples); give one per row."
        )


def _warn_of_column() -> None:
    warnings.warn(
        "A column-vector y was passed when a 1d array was expected; pass y.ravel().",
        DataConversionWarning,
        stacklevel=4,
    )
