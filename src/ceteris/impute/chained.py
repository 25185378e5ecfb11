"""Chained equations with predictive mean matching: what R's mice does by default.

Column after column is regressed on all others, completed as they stand, and its holes are drawn anew. A quantity: a
Bayesian linear regression; the hole takes the value of a random one of the rows whose fitted value β̂'x is nearest to
β*'x, with β* drawn from the posterior. Labels: a multinomial logit on rows drawn with replacement, and a label drawn
from its probabilities.

References
----------
Van Buuren and Groothuis-Oudshoorn (2011), "mice: multivariate imputation by chained equations in R", JSS 45.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import check
from ceteris.impute.base import MultipleImputer
from ceteris.impute.columns import Column, Holes

RIDGE = 1e-5  # relative, of the normal equations


class Chained(MultipleImputer):
    """Multiple imputation by chained equations.

    Parameters
    ----------
    iterations : int
        Rounds through the columns; every completed table has a chain of its own.
    donors : int
        Rows of which one gives its value.
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> table = simulate_regression(200)
    >>> done = Chained(random_state=0).fit_transform(table)
    >>> bool(done["x"].isin(table["x"].dropna()).all())  # every value was observed somewhere
    True
    """

    def __init__(self, *, iterations: int = 5, donors: int = 5, types: Mapping | None = None,
                 bounds: Mapping | None = None, random_state: Any = None):  # fmt: skip
        self.iterations, self.donors, self.types, self.bounds = iterations, donors, types, bounds
        self.random_state = random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        learnt = len(self.holes_.values)
        own = holes is self.holes_
        values = holes.values if own else np.concatenate([self.holes_.values, holes.values])
        rngs = np.random.default_rng(seed).spawn(m)
        done = [chain(values, self.holes_.columns, learnt, self.iterations, self.donors, rng) for rng in rngs]
        return done if own else [one[learnt:] for one in done]


def chain(
    values: np.ndarray, columns: tuple[Column, ...], learnt: int, iterations: int, donors: int, rng: np.random.Generator
) -> np.ndarray:
    """Complete a table once.

    Parameters
    ----------
    values : array, shape (rows, columns)
        NaN in holes.
    columns : tuple of Column
    learnt : int
        The first so many rows are learnt from; the others are only filled.
    iterations, donors : int
    rng : Generator
    """
    missing, done = np.isnan(values), values.copy()
    for j in range(len(columns)):
        observed = values[:learnt, j][~missing[:learnt, j]]
        done[missing[:, j], j] = rng.choice(observed, missing[:, j].sum())
    parts = [_design(done[:, j], column) for j, column in enumerate(columns)]
    for _ in range(iterations):
        for j in np.flatnonzero(missing.any(0)):
            x = np.concatenate([np.ones((len(done), 1)), *(part for k, part in enumerate(parts) if k != j)], 1)
            train, hole = np.flatnonzero(~missing[:learnt, j]), np.flatnonzero(missing[:, j])
            if columns[j].continuous:
                done[hole, j] = match(x[train], done[train, j], x[hole], donors, rng)
            else:
                done[hole, j] = label(x[train, 1:], done[train, j].astype(int), x[hole, 1:], rng)
            parts[j] = _design(done[:, j], columns[j])
    return done


def match(x: np.ndarray, y: np.ndarray, new: np.ndarray, donors: int, rng: np.random.Generator) -> np.ndarray:
    """Predictive mean matching: values of y for the rows ``new``.

    Examples
    --------
    >>> x = np.column_stack([np.ones(50), np.arange(50.0)])
    >>> match(x, 2 * x[:, 1], np.array([[1.0, 20.0]]), 1, np.random.default_rng(0))
    array([40.])
    """
    n, k = x.shape
    scale = np.maximum(np.abs(x).max(0), 1e-12)
    x, new = x / scale, new / scale
    gram = x.T @ x
    inverse = np.linalg.pinv(gram + RIDGE * np.diag(gram.diagonal()), hermitian=True)
    beta = inverse @ (x.T @ y)
    residual = y - x @ beta
    sigma = np.sqrt(residual @ residual / rng.chisquare(max(n - k, 1)))
    values, vectors = np.linalg.eigh(inverse)
    drawn = beta + sigma * vectors @ (np.sqrt(np.maximum(values, 0)) * rng.standard_normal(k))
    return y[nearest(x @ beta, new @ drawn, min(donors, n), rng)]


def nearest(known: np.ndarray, wanted: np.ndarray, donors: int, rng: np.random.Generator) -> np.ndarray:
    """For each wanted number a random one of the ``donors`` nearest known ones, ties broken at random: their places."""
    order = np.argsort(known, kind="stable")
    at = np.searchsorted(known[order], wanted)
    window = np.clip(at[:, None] + np.arange(-donors, donors), 0, len(known) - 1)
    gap = np.abs(known[order][window] - wanted[:, None])
    gap[:, 1:][window[:, 1:] == window[:, :-1]] = np.inf  # the ends of the line appear once
    pick = np.argsort(gap, axis=1, kind="stable")[np.arange(len(wanted)), rng.integers(0, donors, len(wanted))]
    value, tiny = known[order][window[np.arange(len(wanted)), pick]], 1e-9 * (np.ptp(known) or 1.0)
    low, high = np.searchsorted(known[order], [value - tiny, value + tiny])
    return order[rng.integers(low, high)]


def label(x: np.ndarray, y: np.ndarray, new: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw labels for the rows ``new`` from a multinomial logit on a bootstrap sample."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    rows = rng.integers(0, len(y), len(y))
    seen = np.unique(y[rows])
    if len(seen) == 1:
        return np.full(len(new), seen[0])
    mean, spread = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a tenth digit of a coefficient does not matter here
        rule = LogisticRegression(C=100.0, max_iter=100, tol=1e-3).fit((x[rows] - mean) / spread, y[rows])
    total = np.cumsum(rule.predict_proba((new - mean) / spread), 1)
    return rule.classes_[(rng.random((len(new), 1)) > total).sum(1).clip(max=len(seen) - 1)]


def _design(values: np.ndarray, column: Column) -> np.ndarray:
    if column.continuous:
        return values[:, None]
    return (values[:, None] == np.arange(1, len(column.levels))).astype(float)
