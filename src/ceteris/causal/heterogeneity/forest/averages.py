"""What is made of a forest's scores: averages for treatments of any kind, and the best linear projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.heterogeneity.effects import read_subgroup
from ceteris.causal.rows import Rows
from ceteris.results import About, Estimate
from ceteris.stats.least_squares import ols
from ceteris.tables.frames import finite


def mean_of_scores(
    rows: Rows,
    scores: np.ndarray,
    names: Sequence[str],
    subgroup: Any,
    method: str,
    estimand: str,
) -> Estimate:
    """Mean of doubly robust scores (n,) or (n, k) over a subgroup.

    Examples
    --------
    >>> rows = Rows(np.zeros(4), np.zeros(4), np.zeros((4, 1)))
    >>> mean_of_scores(rows, np.arange(4.0), ["ATE"], np.array([False, True, False, True]), "", "").point
    array([2.])
    """
    counted = read_subgroup(subgroup, rows.n).astype(float)
    wide = scores.reshape(rows.n, -1)
    point = counted @ wide / counted.sum()
    influence = counted[:, None] * (wide - point) / counted.mean()
    return Estimate(point, influence, tuple(names), About(method, estimand), rows.clusters)


def projection(rows: Rows, scores: np.ndarray, on: Any = None) -> Estimate:
    """Regression of scores on covariates: the best linear approximation of τ(x); HC3, or CR1 with clusters.

    Parameters
    ----------
    on : name of a covariate, list of them, or array of shape (n, k), optional
        What to project on; all covariates by default.
    """
    on = [on] if isinstance(on, str) else on
    if on is None or (isinstance(on, list | tuple) and all(isinstance(name, str) for name in on)):
        names = tuple(rows.names if on is None else on)
        for name in names:
            one_of("on", name, rows.names)
        a = rows.x[:, [rows.names.index(name) for name in names]]
    else:
        a = np.asarray(on, dtype=float).reshape(len(on), -1)
        names = tuple(str(name) for name in getattr(on, "columns", [f"a{j}" for j in range(a.shape[1])]))
    finite("on", a, (rows.n, None))
    fit = ols(np.column_stack([np.ones(rows.n), a]), scores)
    about = About(
        "Best linear projection of the effect",
        "Coefficients of the linear function of the covariates that is closest to τ(x).",
    )
    return Estimate(
        fit.beta, fit.influence("HC3"), ("constant", *names), about, rows.clusters, by_cluster=fit.by_cluster,
        by_deletion=fit.by_deletion,
    )  # fmt: skip
