"""Covariates as small whole numbers: 0 for missing, 1 to at most 255 for the quantile bin of a value.

A column of at most 255 values gets a bin for each of them, so that nothing is lost. Otherwise the bins hold equal
shares of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 255


@dataclass(frozen=True, eq=False)
class Bins:
    """Upper edges of all bins but the last, one array for each of p columns.

    Examples
    --------
    >>> bins = fit_bins(np.array([[1.0], [3.0], [np.nan], [7.0]]))
    >>> bins.codes(np.array([[0.0], [3.0], [6.0], [np.nan]])).ravel().tolist()
    [1, 2, 3, 0]
    """

    edges: tuple[np.ndarray, ...]

    def codes(self, x: np.ndarray) -> np.ndarray:
        """Bins of the rows of x (n, p), as uint8 (n, p)."""
        codes = np.empty(x.shape, dtype=np.uint8)
        for j, edges in enumerate(self.edges):
            column = x[:, j]
            codes[:, j] = np.where(np.isnan(column), 0, 1 + np.searchsorted(edges, column, side="left"))
        return codes


def fit_bins(x: np.ndarray) -> Bins:
    """Bins of equal shares of the rows of x (n, p), missing values left out."""
    return Bins(tuple(_edges(column[~np.isnan(column)]) for column in x.T))


def _edges(values: np.ndarray) -> np.ndarray:
    values = np.sort(values)
    distinct = values[np.concatenate([[True], values[1:] > values[:-1]])] if len(values) else values
    if len(distinct) <= MOST:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.unique(np.quantile(values, np.arange(1, MOST) / MOST))
