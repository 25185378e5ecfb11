"""How predictions move with one column: partial dependence, individual curves, accumulated local effects.

Partial dependence averages predictions over all rows with the column set to z, whatever else is in them; its curves,
one per row, are the individual conditional expectations. scikit-learn computes both. Where columns are correlated
it asks for predictions at rows that do not occur. Accumulated local effects take in each bin (z_{k-1}, z_k] only the
rows that are there,

    Δ_k = mean over the bin of f(z_k, x_-j) - f(z_{k-1}, x_-j),     ALE(z_k) = Δ_1 + ... + Δ_k - c,

c such that the mean over rows is zero. Both are the component f_j of an additive f, up to a constant. Levels of a
column of labels are put in an order first, in which neighbours are alike in the other columns.

References
----------
Friedman, J. (2001). Greedy function approximation. Annals of Statistics 29. Goldstein, A. et al. (2015). Peeking inside
the black box. JCGS 24. Apley, D. W. and Zhu, J. (2020). Visualizing the effects of predictor variables in black box
supervised learning models. JRSS B 82.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.inspection import partial_dependence

from ceteris.learners.explaining.response import Explained


def partial(it: Explained, name: str, grid: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the partial dependence on a column, and the individual curves.

    Parameters
    ----------
    it : Explained
    name : str
        The column.
    grid : int
        Values of a column of numbers, between its 5% and 95% quantiles.

    Returns
    -------
    average : DataFrame
        ``value`` and ``effect``.
    curves : array of shape (n, values)
    """
    it = it.with_value(name)
    j, number = it.names.index(name), it.is_number(name)
    levels = it.column(name).nunique()
    labels = None if number else [j]
    found: Any = partial_dependence(
        it.estimator, it.X, [j], categorical_features=labels, sample_weight=it.weight, method="brute", kind="both",
        grid_resolution=grid if number else max(levels, grid), percentiles=(0.05, 0.95),
        response_method="predict_proba" if is_classifier(it.estimator) else "auto",
    )  # fmt: skip
    average, curves = found["average"], found["individual"]
    if it.positive is not None:
        known = list(it.estimator.classes_)
        k = known.index(it.positive)
        if len(known) == 2 and k == 0:  # scikit-learn gives the second of two
            average, curves = 1 - average, 1 - curves
        average, curves = average[k if len(known) > 2 else 0], curves[k if len(known) > 2 else 0]
    else:
        average, curves = average[0], curves[0]
    return pd.DataFrame({"value": found["grid_values"][0], "effect": average}), curves


def accumulated(it: Explained, name: str, bins: int) -> pd.DataFrame:
    """Return the accumulated local effects of a column.

    Parameters
    ----------
    it : Explained
    name : str
        The column.
    bins : int
        Bins of about equal numbers of rows, for a column of numbers.

    Returns
    -------
    DataFrame
        ``value``: the edges of the bins, or the levels in their order; ``effect``; its standard error ``se``, from the
        spread of local differences within the bins; ``rows``: in the bin that ends here, or of the level.
    """
    it = it.with_value(name)
    values = it.column(name)
    if it.is_number(name):
        return _of_numbers(it, name, values.to_numpy(float), bins)
    return _of_labels(it, name, values)


def _of_numbers(it: Explained, name: str, x: np.ndarray, bins: int) -> pd.DataFrame:
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    if len(edges) < 2:
        return pd.DataFrame({"value": edges, "effect": 0.0, "se": 0.0, "rows": len(x)})
    k = np.clip(np.searchsorted(edges, x) - 1, 0, len(edges) - 2)  # (low, high], the lowest value in the first
    local = it.response(it.with_column(name, edges[k + 1])) - it.response(it.with_column(name, edges[k]))
    share = np.bincount(k, it.weight, minlength=len(edges) - 1)
    # Over a bin the effect is the mean of its ends, as the curve is straight in it.
    at_rows = np.r_[share, 0.0] / 2 + np.r_[0.0, share] / 2
    effect, se = _accumulate(local, k, it.weight, len(edges) - 1, at_rows)
    rows = np.r_[0, np.bincount(k, minlength=len(edges) - 1)]
    return pd.DataFrame({"value": edges, "effect": effect, "se": se, "rows": rows})


def _of_labels(it: Explained, name: str, values: pd.Series) -> pd.DataFrame:
    levels = sorted(values.dropna().unique().tolist(), key=str)
    codes = pd.Categorical(values, levels).codes.astype(int)
    order = _order(it, name, codes, len(levels))
    levels, codes = [levels[one] for one in order], np.argsort(order)[codes]
    share, rows = np.bincount(codes, it.weight, len(levels)), np.bincount(codes, minlength=len(levels))
    if len(levels) < 2:
        return pd.DataFrame({"value": levels, "effect": 0.0, "se": 0.0, "rows": rows})
    up, down = codes < len(levels) - 1, codes > 0
    here = it.response(it.X)
    at = lambda shift: it.response(
        it.with_column(name, [levels[min(max(c + shift, 0), len(levels) - 1)] for c in codes])
    )
    local = np.r_[(at(1) - here)[up], (here - at(-1))[down]]
    k = np.r_[codes[up], codes[down] - 1]
    effect, se = _accumulate(local, k, np.r_[it.weight[up], it.weight[down]], len(levels) - 1, share)
    return pd.DataFrame({"value": levels, "effect": effect, "se": se, "rows": rows})


def _accumulate(
    local: np.ndarray, k: np.ndarray, weight: np.ndarray, steps: int, at_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The sums of the mean differences, centred on the rows, and their standard errors: linear in these means."""
    total = np.bincount(k, weight, steps)
    known = np.where(total > 0, total, 1.0)
    mean = np.bincount(k, weight * local, steps) / known
    # A single row in a bin leaves its spread unknown; it gets none, as an empty bin does.
    variance = np.bincount(k, (weight * (local - mean[k])) ** 2, steps) / known**2
    sums = np.tril(np.ones((steps + 1, steps)), -1)
    centred = sums - at_rows @ sums / at_rows.sum()
    return centred @ mean, np.sqrt(centred**2 @ variance)


def _order(it: Explained, name: str, codes: np.ndarray, count: int) -> np.ndarray:
    """The levels in an order in which neighbours are alike in the other columns: the first axis of their distances.

    A distance is the largest gap between distribution functions for a column of numbers, half the sum of the gaps
    between shares for one of labels, summed over the columns.
    """
    if count < 3:
        return np.arange(count)
    distance = np.zeros((count, count))
    for other in it.names:
        if other == name:
            continue
        column = it.column(other)
        number = it.is_number(other)
        values = (
            np.unique(column.to_numpy(), return_inverse=True)[1]
            if number
            else pd.factorize(column, use_na_sentinel=False)[0]
        )
        shares = np.zeros((count, values.max() + 1))
        np.add.at(shares, (codes, values), 1.0)
        shares /= shares.sum(1, keepdims=True)
        gaps = lambda a: np.abs(a[:, None] - a[None])
        distance += gaps(shares.cumsum(1)).max(2) if number else gaps(shares).sum(2) / 2
    centre = np.eye(count) - 1 / count
    axis = np.linalg.eigh(-centre @ distance**2 @ centre / 2)[1][:, -1]
    return np.argsort(axis * (1.0 if axis[np.abs(axis).argmax()] > 0 else -1.0), kind="stable")
