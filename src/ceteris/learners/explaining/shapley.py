"""Shapley values: each prediction less the mean prediction, divided among the columns. By the package ``shap``.

A linear f gives b_j (x_j - mean of x_j), the mean over the background rows.

References
----------
Lundberg, S. M. and Lee, S.-I. (2017). A unified approach to interpreting model predictions. NeurIPS 30. Štrumbelj, E.
and Kononenko, I. (2014). Explaining prediction models and individual predictions with feature contributions.
Knowledge and Information Systems 41.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from ceteris.learners.explaining.response import Explained

ORDERS = 4  # of the columns, each also backwards, which is exact for interactions of two
MOST = 100  # rows that are explained, and rows of the background


def shapley(it: Explained, seed: int) -> tuple[pd.DataFrame, float]:
    """Return the Shapley values of some rows, and the mean prediction over the background.

    Parameters
    ----------
    it : Explained
        At most 100 rows of it are explained, against at most 100 others.
    seed : int

    Returns
    -------
    values : DataFrame of shape (rows, columns)
        The index is the number of the row.
    base : float
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of matplotlib is nothing to our callers
            import shap as package
    except ImportError:
        raise ImportError("Shapley values need the package shap; install it: pip install 'ceteris[explain]'.") from None

    shap: Any = package
    rng = np.random.default_rng(seed)
    codes, known = _codes(it)
    background = codes[rng.choice(len(codes), min(MOST, len(codes)), replace=False)]
    shown = np.sort(rng.choice(len(codes), min(MOST, len(codes)), replace=False))
    masker = shap.maskers.Independent(background, max_samples=MOST)
    explainer: Any = shap.explainers.Permutation(lambda z: it.response(_table(it, z, known)), masker, seed=seed)
    evaluations = ORDERS * (2 * codes.shape[1] + 1)
    found = explainer(codes[shown], max_evals=evaluations, silent=True)
    values = pd.DataFrame(found.values, pd.Index(shown, name="row"), it.names)
    return values, float(np.mean(found.base_values))


def _codes(it: Explained) -> tuple[np.ndarray, list[Any]]:
    """The table as numbers, labels as the place among those known."""
    columns, known = [], []
    for name in it.names:
        column = it.column(name)
        if it.is_number(name):
            columns.append(column.to_numpy(float))
            known.append(None)
        else:
            codes, labels = pd.factorize(column, use_na_sentinel=False)
            columns.append(codes.astype(float))
            known.append(np.asarray(labels))
    return np.stack(columns, axis=1), known


def _table(it: Explained, z: np.ndarray, known: list[Any]) -> Any:
    """The table that numbers stand for."""
    columns = [z[:, j] if labels is None else labels[z[:, j].astype(int)] for j, labels in enumerate(known)]
    if isinstance(it.X, pd.DataFrame):
        frame = pd.DataFrame(dict(enumerate(columns)))
        frame.columns = it.X.columns
        return frame.astype(dict(it.X.dtypes))
    if it.X.dtype != object:
        return np.stack(columns, axis=1).astype(it.X.dtype)
    table = np.empty(z.shape, object)
    for j, column in enumerate(columns):
        table[:, j] = column
    return table
