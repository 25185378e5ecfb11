"""Forecasts of a hierarchy that add up: bottom-up, least squares, and the least trace of the errors (MinT).

Base forecasts of all series are projected on those that add up, in a metric that says how much each series is to be
trusted: ``S (S' W⁻¹ S)⁻¹ S' W⁻¹`` with the summing matrix S and W the identity (OLS), the variances of past errors
(WLS), or their covariance, shrunk towards these variances (MinT).

References
----------
Wickramasuriya, S., Athanasopoulos, G. and Hyndman, R. (2019). Optimal forecast reconciliation for hierarchical and
grouped time series through trace minimization. JASA 114. Schäfer, J. and Strimmer, K. (2005). A shrinkage approach to
large-scale covariance matrix estimation. Statistical Applications in Genetics and Molecular Biology 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import as_many, one_of

METHODS = ("bottom-up", "ols", "wls", "mint")
TOTAL = "total"


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Which series are sums of which.

    Attributes
    ----------
    names : tuple
        All series, those at the bottom last.
    sums : array, shape (series, bottom)
        Ones where a series holds one of the bottom.
    """

    names: tuple[Any, ...]
    sums: np.ndarray

    @property
    def bottom(self) -> tuple[Any, ...]:
        """The series at the bottom."""
        return self.names[-self.sums.shape[1] :]


def hierarchy(bottom: Sequence[Any], sums: Mapping[Any, Sequence[Any]] | None = None) -> Hierarchy:
    """Return a hierarchy from its bottom and from what is added up.

    Parameters
    ----------
    bottom : sequence
        Names of the series at the bottom.
    sums : mapping of name to sequence of names, optional
        What each further series is the sum of; by default "total" is that of all.

    Examples
    --------
    >>> hierarchy(["a", "b", "c"], {"total": ["a", "b", "c"], "first two": ["a", "b"]}).sums.astype(int).tolist()
    [[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    bottom = tuple(bottom)
    sums = {TOTAL: bottom} if sums is None else sums
    rows = []
    for name, parts in sums.items():
        for part in parts:
            one_of(f"sums: {name!r}", part, bottom, kind="of the bottom:")
        rows.append([float(one in parts) for one in bottom])
    above = np.array(rows).reshape(len(rows), len(bottom))
    return Hierarchy((*sums, *bottom), np.concatenate([above, np.eye(len(bottom))]))


def add_up(
    data: Any, by: Sequence[str], time: str = "ds", target: str = "y", id: str = "unique_id"
) -> tuple[pd.DataFrame, Hierarchy]:
    """Return a long table with all sums of a table, and their hierarchy.

    Parameters
    ----------
    data : data frame
        A row for each time and combination of the columns ``by``, the coarsest first.
    by : sequence of str
        Such as ["state", "region"]: regions are added up to states, and these to the total.
    time, target : str
        Columns of the time and of what is added up.
    id : str
        What the column of the names is called in the result; a region is called "state/region".

    Examples
    --------
    >>> data = pd.DataFrame({"ds": [1, 1, 1], "state": ["a", "a", "b"], "town": ["x", "y", "z"], "y": [1.0, 2.0, 4.0]})
    >>> table, found = add_up(data, ["state", "town"])
    >>> dict(zip(table["unique_id"], table["y"]))
    {'total': 7.0, 'a': 3.0, 'b': 4.0, 'a/x': 1.0, 'a/y': 2.0, 'b/z': 4.0}
    """
    import narwhals.stable.v1 as nw

    frame = nw.from_native(data, eager_only=True)
    table: Any = pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    for role, name in (*(("by", one) for one in by), ("time", time), ("target", target)):
        one_of(role, name, table.columns, kind="a column of the data:")
    if not by:
        raise ValueError("by is empty, but must name one or more columns; name those that are added up over.")
    levels = [table.groupby(time, sort=True)[target].sum(min_count=1).reset_index().assign(**{id: TOTAL})]
    for depth in range(1, len(by) + 1):
        own = table.groupby([*by[:depth], time], sort=True, observed=True)[target].sum(min_count=1).reset_index()
        levels.append(own.assign(**{id: own[list(by[:depth])].astype(str).agg("/".join, axis=1)}))
    bottom = list(dict.fromkeys(levels[-1][id]))
    sums = {TOTAL: bottom}
    for own in levels[1:-1]:
        sums |= {name: [one for one in bottom if one.startswith(f"{name}/")] for name in dict.fromkeys(own[id])}
    return pd.concat([own[[id, time, target]] for own in levels], ignore_index=True), hierarchy(bottom, sums)


def reconcile(base: Any, structure: Hierarchy, method: str = "mint", errors: Any = None) -> np.ndarray:
    """Return forecasts that add up.

    Parameters
    ----------
    base : array, shape (..., series, horizon)
        Forecasts, or paths, of all series in the order of ``structure.names``.
    structure : Hierarchy
    method : {"mint", "wls", "ols", "bottom-up"}
    errors : array, shape (series, observations), optional
        Past errors one step ahead, for "wls" and "mint".

    Returns
    -------
    array, shape (..., series, horizon)

    Examples
    --------
    >>> two = hierarchy(["a", "b"])
    >>> reconcile(np.array([[10.0], [4.0], [3.0]]), two, "ols").ravel().round(3).tolist()
    [9.0, 5.0, 4.0]
    """
    one_of("method", method, METHODS)
    base = np.asarray(base, float)
    as_many("base", np.moveaxis(base, -2, 0), len(structure.names), of="series of the hierarchy")
    return np.einsum("ij,...jh->...ih", projection(structure, method, errors), base)


def projection(structure: Hierarchy, method: str = "mint", errors: Any = None) -> np.ndarray:
    """Return the matrix that makes forecasts add up, (series, series)."""
    S, n = structure.sums, len(structure.names)
    if method == "bottom-up":
        bottom = np.concatenate([np.zeros((S.shape[1], n - S.shape[1])), np.eye(S.shape[1])], axis=1)
        return S @ bottom
    if method == "ols":
        W = np.eye(n)
    else:
        if errors is None:
            raise ValueError(
                f"errors is None, but must hold past errors for {method!r}; give them, or take method='ols'."
            )
        errors = np.asarray(errors, float)
        as_many("errors", errors, n, of="series of the hierarchy")
        W = np.diag(np.nanmean(errors**2, axis=1)) if method == "wls" else shrunk(errors)
    inverse = np.linalg.solve(W, S)
    return S @ np.linalg.solve(S.T @ inverse, inverse.T)


def shrunk(errors: np.ndarray) -> np.ndarray:
    """Return a covariance of errors (series, observations), its correlations shrunk by the share that is noise."""
    e = errors[:, np.isfinite(errors).all(0)]
    n = e.shape[1]
    if n < 3:
        raise ValueError(f"errors hold {n} whole observations, but must hold at least 3; take method='ols'.")
    centred = e - e.mean(1, keepdims=True)
    covariance = centred @ centred.T / (n - 1)
    deviation = np.sqrt(np.diag(covariance))
    z = centred / np.where(deviation > 0, deviation, 1)[:, None]
    products = z @ z.T / n
    noise = n / (n - 1) ** 3 * ((z**2) @ (z**2).T - n * products**2)
    correlation = covariance / np.outer(deviation, deviation)
    off = ~np.eye(len(e), dtype=bool)
    share = float(np.clip(noise[off].sum() / max((correlation[off] ** 2).sum(), 1e-300), 0, 1))
    return np.where(off, (1 - share) * covariance, covariance)


def reconcile_forecaster(
    forecaster: Any, structure: Hierarchy, method: str = "mint", draws: int = 0, seed: int = 0
) -> Any:
    """Return a forecaster's forecasts of a hierarchy that add up, as a long table; or paths, where draws are asked for.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted to all series of the hierarchy, such as the table of `add_up`.
    structure : Hierarchy
    method : {"mint", "wls", "ols", "bottom-up"}
    draws : int
        Paths, each of which adds up, (draws, series, horizon), in place of the table.
    seed : int
    """
    panel, origins = forecaster.panel_, forecaster.origins_
    for name in structure.names:
        one_of("structure: a series", name, panel.names, kind="one that was fitted:")
    order = [panel.names.index(name) for name in structure.names]
    errors = origins.errors[order, :, 0]
    if draws:
        return reconcile(forecaster.sample(draws, seed=seed)[:, order], structure, method, errors)
    rows = np.arange(len(panel.names))
    point = reconcile(origins.point[rows, panel.last][order], structure, method, errors)
    label, stamp, _ = panel.roles
    stamps = np.concatenate([np.asarray(panel.after(int(panel.last[i]), point.shape[1])) for i in order])
    names = np.repeat(np.array(structure.names, dtype=object), point.shape[1])
    return pd.DataFrame({label: names, stamp: stamps, "forecast": point.ravel()})
