"""Nuisances of a forest: means of outcome, treatment and instrument given the covariates, from other rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.heterogeneity.forest.forest import answered, grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import mean_target
from ceteris.causal.nuisances import as_mapping, fit_of, overlap, refuse_learners
from ceteris.causal.rows import Rows
from ceteris.results import Check, Nuisances
from ceteris.tables.frames import finite

CLIP = 0.01  # propensities are kept this far from zero and one
FEWEST = 50  # trees of a forest for a nuisance; otherwise a quarter of those asked for


def centre(
    rows: Rows, targets: Mapping[str, tuple[np.ndarray, Any]], given: Nuisances | Mapping[str, Any] | None,
    growth: TreeSettings, folds: Any = 5,
) -> tuple[Nuisances, tuple[Check, ...]]:  # fmt: skip
    """Nuisances, and how well they fit.

    Parameters
    ----------
    targets : mapping of str to (array of shape (n,) or (n, k), learner or None)
        What is to be predicted under this name, and by what; None is our own regression forest, out of bag.
    given : mapping of str to array of shape (n,) or (n, k), optional
        Those that are known already.
    growth : TreeSettings
        Of the forest they are for.
    folds : int or array
        For learners.
    """
    given = as_mapping(given, targets)
    for name in given:
        one_of("nuisances", name, targets)
    refuse_learners(**{name: learner for name, (_, learner) in targets.items() if learner is not None})
    found, checks = {}, []
    for number, (name, (values, learner)) in enumerate(targets.items()):
        if name in given:
            found[name] = finite(f"nuisances[{name!r}]", given[name], values.shape)
        elif learner is None:
            found[name] = out_of_bag(rows, values, replace(growth, seed=growth.seed + 7919 * (number + 1)))
        else:
            fold = read_folds(folds, rows.n, 1, growth.seed, rows.clusters)[0]
            found[name] = _learnt(learner, rows.x, values, fold)
        for k, column in enumerate(np.reshape(found[name], (rows.n, -1)).T):
            checks.append(fit_of(f"nuisance {name}", values.reshape(rows.n, -1)[:, k], column))
    return Nuisances(**found), tuple(checks)


def out_of_bag(rows: Rows, values: np.ndarray, growth: TreeSettings) -> np.ndarray:
    """Predict values (n,) or (n, k) by a regression forest, out of bag; without bags, as no variance is asked for."""
    trees = max(FEWEST, growth.trees // 4)
    forest = grow_forest(rows.x, mean_target(values), replace(growth, trees=trees, bag=1), rows.clusters)
    return answered(forest.predict()).point.reshape(values.shape)


def clipped(rows: Rows, e: np.ndarray, who: str = "treatment") -> tuple[np.ndarray, Check]:
    """Propensities within [0.01, 0.99], and whether both treatments occur wherever there are rows."""
    x = np.where(np.isnan(rows.x), np.nanmean(rows.x, axis=0), rows.x)
    return np.clip(e, CLIP, 1 - CLIP), overlap(e, CLIP, x, rows.names, who)


def variance_given(rows: Rows, squares: np.ndarray, growth: TreeSettings) -> np.ndarray:
    """E[squares | X] out of bag, at least a hundredth of its mean, so that one can divide by it."""
    found = out_of_bag(rows, squares, replace(growth, seed=growth.seed + 31_337))
    return np.maximum(found, squares.mean() / 100)


def is_binary(d: np.ndarray) -> bool:
    """Whether a treatment is zero or one."""
    return bool(np.isin(d, (0, 1)).all())


def _learnt(learner: Any, x: np.ndarray, values: np.ndarray, fold: np.ndarray) -> np.ndarray:
    columns = values.reshape(len(values), -1).T
    return np.stack([cross_fit(learner, x, column, fold) for column in columns], axis=1).reshape(values.shape)
