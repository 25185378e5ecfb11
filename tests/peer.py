"""DoubleML on our folds: what the tests of parity share (the bar: point and standard error to 1e-8)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

TIGHT: dict[str, Any] = {"tol": 1e-12, "max_iter": 1000, "solver": "newton-cholesky"}  # else the peer stops early


def doubleml() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("doubleml")


def samples(folds: list[np.ndarray]) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Our folds in the form of the peer."""
    return [[(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(fold.max() + 1)] for fold in folds]


def cluster_samples(folds: list[np.ndarray], clusters: list[np.ndarray]) -> tuple[list[Any], list[Any]]:
    """Rows and clusters of each fold, in the form of the peer."""
    rows, groups = [], []
    for fold in folds:
        columns = list(fold.reshape(len(fold), -1).T)
        cells = np.stack(np.meshgrid(*[np.arange(c.max() + 1) for c in columns])).reshape(len(columns), -1).T
        here_rows, here_groups = [], []
        for cell in cells:
            inside = [column == k for column, k in zip(columns, cell, strict=True)]
            train = np.all([~one for one in inside], axis=0)
            test = np.all(inside, axis=0)
            here_rows.append((np.flatnonzero(train), np.flatnonzero(test)))
            here_groups.append(
                (
                    [np.unique(c[~one]) for c, one in zip(clusters, inside, strict=True)],
                    [np.unique(c[one]) for c, one in zip(clusters, inside, strict=True)],
                )
            )
        rows.append(here_rows)
        groups.append(here_groups)
    return rows, groups


def fitted(model: Any, folds: list[np.ndarray], clusters: list[np.ndarray] | None = None) -> tuple[float, float]:
    """Point and standard error of the peer on these folds; with clusters times CR1's factor, which the peer leaves out.

    The median rule is then taken of the corrected standard errors of its splits.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if clusters:
            model.set_sample_splitting(*cluster_samples(folds, clusters))
        else:
            model.set_sample_splitting(samples(folds))
        model.fit()
    if not clusters:
        return float(model.coef[0]), float(model.se[0])
    G = min(len(np.unique(c)) for c in clusters)
    points, errors = model.all_coef[0], model.all_se[0] * np.sqrt(G / (G - 1))
    return float(model.coef[0]), float((np.median(points + 1.96 * errors) - np.median(points)) / 1.96)
