"""Measures of labels and of probabilities, as functions of row weights; F1 is defined wherever its class occurs.

With tp, fp and fn the weights of true and false positives and of false negatives,

    F1 = 2 tp / (2 tp + fp + fn)      macro: the mean over classes      micro: of the sums over classes
    ECE = Σ_b |Σ_{i in b} w_i (right_i - p_i)| / Σ w,  over bins b of the probability p given to the label

F1 of a class that is there but never predicted is 0; a class that neither occurs nor is predicted is left out, as a
resample may lack a rare one. (`ceteris.learners.metrics` calls the first undefined, which is right for a table of one
class; an average over many classes of texts would hardly ever be defined.) For one label per text micro F1 is accuracy.

References
----------
Guo et al. (2017) on calibration; Naeini, Cooper and Hauskrecht (2015); Brier (1950); 004, sections 3.3.3 and 10.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ceteris.learners.metrics import ratio

BINS = 10


def f_scores(true: np.ndarray, predicted: np.ndarray, w: np.ndarray) -> dict[str, Any]:
    """Return macro and micro F1.

    Parameters
    ----------
    true, predicted : bool arrays, shape (n, K)
        Which labels a text has, and is given.
    w : array, shape (..., n)
        Row weights.

    Examples
    --------
    >>> y, found = np.eye(2, dtype=bool)[[0, 0, 1]], np.eye(2, dtype=bool)[[0, 1, 1]]
    >>> {name: round(float(value), 3) for name, value in f_scores(y, found, np.ones(3)).items()}
    {'F1 macro': 0.667, 'F1 micro': 0.667}
    """
    tp = w @ (true & predicted).astype(float)
    either = w @ (true.astype(float) + predicted.astype(float))  # 2 tp + fp + fn
    each = ratio(2 * tp, either)
    known = np.isfinite(each)
    macro = ratio(np.where(known, each, 0).sum(-1), known.sum(-1))
    return {"F1 macro": macro, "F1 micro": ratio(2 * tp.sum(-1), either.sum(-1))}


def calibration_error(right: np.ndarray, given: np.ndarray, w: np.ndarray, bins: int = BINS) -> Any:
    """Return the expected calibration error, from 0 to 1; it is never below 0, also where all is right but for chance.

    Parameters
    ----------
    right : array, shape (n,)
        Whether each label is right.
    given : array, shape (n,)
        The probability that was given to it.
    w : array, shape (..., n)
        Row weights.
    bins : int
        Of equal width.

    Examples
    --------
    >>> float(calibration_error(np.array([1, 1, 0, 0]), np.full(4, 0.75), np.ones(4)))
    0.25
    """
    inside = np.eye(bins)[binned(given, bins)]
    off = w @ (inside * (right.astype(float) - given)[:, None])
    return ratio(np.abs(off).sum(-1), w.sum(-1))


def reliability(right: np.ndarray, given: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Return, for each bin that is met, the mean probability, the share that is right, and the number of labels."""
    frame = pd.DataFrame({"probability": given, "right": right.astype(float), "bin": binned(given, bins)})
    found = frame.groupby("bin").agg(
        probability=("probability", "mean"), right=("right", "mean"), labels=("right", "size")
    )
    return found.reset_index(drop=True)


def calibrated_by_chance(given: np.ndarray, draws: int, rng: np.random.Generator, bins: int = BINS) -> np.ndarray:
    """Return the calibration errors, shape (draws,), of labels that are right with just the probability given."""
    inside = np.eye(bins)[binned(given, bins)]
    right = rng.random((draws, len(given))) < given
    return np.abs((right - given) @ inside).sum(-1) / len(given)


def binned(given: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each probability; 1 belongs to the last."""
    return np.minimum((np.asarray(given) * bins).astype(int), bins - 1)


def by_class(true: np.ndarray, predicted: np.ndarray, names: list[Any]) -> pd.DataFrame:
    """Return how many texts have each label, and its precision, recall and F1."""
    tp, own, found = (true & predicted).sum(0), true.sum(0), predicted.sum(0)
    columns = {"precision": ratio(tp, found), "recall": ratio(tp, own), "F1": ratio(2 * tp, own + found)}
    return pd.DataFrame({"label": [str(name) for name in names], "texts": own, **columns})
