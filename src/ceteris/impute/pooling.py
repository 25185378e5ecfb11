"""From completed tables to one estimate: Rubin's rules for whatever was fitted to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ceteris.impute.completed import Completed, pooled_estimate
from ceteris.results import About, Check, Estimate


def pool(fit_function: Callable[[pd.DataFrame], Any], imputations: Iterable[pd.DataFrame]) -> Estimate:
    """Fit on every completed table and pool.

    Parameters
    ----------
    fit_function : callable
        ``fit_function(table)`` returns one of what `combine` takes.
    imputations : iterable of DataFrame
        As ``sample(m)`` of an imputer gave them.

    Returns
    -------
    Estimate
        As `combine` gives it.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys.

    Examples
    --------
    >>> tables = [pd.DataFrame({"y": [1.0, 2.0, 3.0, filled]}) for filled in (2.0, 3.0, 4.0)]
    >>> pooled = pool(lambda table: (table[["y"]].mean(), table[["y"]].sem().to_frame() ** 2), tables)
    >>> round(float(pooled.point[0]), 2), pooled.names
    (2.25, ('y',))
    """
    return combine([fit_function(table) for table in imputations])


def combine(estimates: Iterable[Any]) -> Estimate:
    """Pool estimates of the same coefficients on m completed tables.

    Parameters
    ----------
    estimates : iterable
        All of one sort: `ceteris.results.Estimate`; results of statsmodels (``params``, ``cov_params()``,
        ``df_resid``); or pairs (coefficients, covariance) or triples (..., degrees of freedom of the complete data).

    Returns
    -------
    Estimate
        With the total covariance and one number of degrees of freedom per coefficient (Barnard and Rubin). Its
        details, a ``Completed``, hold what is missing per coefficient and R² of linear regressions, and its splits are
        the estimates. A check that fails on any completed table fails. Its ``contrast("a - b")`` is pooled anew, its
        ``test("a = b = 0")`` is a joint test by D1, D2 or D3.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys. Barnard and Rubin (1999), "Small-sample degrees of
    freedom with multiple imputation", Biometrika 86.

    Examples
    --------
    >>> pooled = combine([(pd.Series({"x": slope}), [[0.04]]) for slope in (0.9, 1.0, 1.1)])
    >>> pooled.point.round(3), (pooled.se**2).round(4)  # 0.04 within, and 4/3 of 0.01 between
    (array([1.]), array([0.0533]))
    >>> pooled.dof.round(), pooled.details.missing_information.round(2)
    (array([32.]), array([0.29]))
    >>> print(pooled.test("x = 0").words())
    F(1, 32.0) = 18.75, p < 0.001
    """
    given = list(estimates)
    if not given:
        raise ValueError("estimates is empty, but must hold 2 at least; give one per completed table.")
    parts = [_parts(one) for one in given]
    names = parts[0][2]
    if any(part[2] != names for part in parts):
        raise ValueError(
            "estimates: the completed tables gave different coefficients; keep categories equal across them."
        )
    dofs = [part[3] for part in parts if part[3] is not None]
    first = given[0] if isinstance(given[0], Estimate) else None
    method = first.about.method if first else ""
    said = f"pooled over {len(given)} imputations"
    about = replace(first.about if first else About(), method=", ".join(filter(None, [method, said])))
    splits = tuple(one for one in given if isinstance(one, Estimate))
    points, covariances = np.array([p[0] for p in parts]), np.array([p[1] for p in parts])
    complete, rows = min(dofs) if dofs else None, first.n if first else parts[0][4]
    pooled = pooled_estimate(points, covariances, names, about, complete, splits, rows, _checks(splits))
    fit = [[getattr(one, which, np.nan) for which in ("rsquared", "rsquared_adj")] for one in given]
    shares = np.array(fit, float) if np.isfinite(np.array(fit, float)).all() else None
    return pooled if shares is None else replace(pooled, details=replace(pooled.details, r_squared=shares))


def information_table(pooled: Estimate) -> pd.DataFrame:
    """The estimates with degrees of freedom and what is missing: r (riv), λ and the fraction of missing information.

    Examples
    --------
    >>> pooled = combine([(np.array([b]), np.eye(1)) for b in (0.9, 1.0, 1.1)])
    >>> information_table(pooled).columns[-4:].tolist()
    ['dof', 'increase in variance', 'share of variance', 'missing information']
    """
    if not isinstance(pooled.details, Completed):
        raise TypeError(
            "pooled is an estimate of one table, but must be what combine, pool or pool_regression returned; give that."
        )
    return pooled.frame().join(pooled.details.information())


def _parts(one: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], float | None, int | None]:
    """Point, covariance, names, degrees of freedom and rows of what a fit on one table gave."""
    if isinstance(one, Estimate):
        dof = None if one.degrees is None else float(np.min(one.degrees))
        return one.point, one.covariance, one.names, dof, one.n
    if hasattr(one, "params") and hasattr(one, "cov_params"):
        point = one.params
        known = (getattr(one, name, None) for name in ("df_resid_inference", "df_resid"))
        dof = next((float(found) for found in known if found is not None), None)
        rows = int(one.nobs) if hasattr(one, "nobs") else None
        return np.asarray(point, float), np.asarray(one.cov_params(), float), _names(point), dof, rows
    if isinstance(one, tuple | list) and len(one) in (2, 3):
        point, covariance, *dof = one
        covariance = np.asarray(covariance, float)
        return np.asarray(point, float), covariance, _names(point), float(dof[0]) if dof else None, None
    raise TypeError(
        f"estimates holds {type(one).__name__}, but an Estimate, results of statsmodels, or a pair (coefficients, "
        "covariance) is needed."
    )


def _checks(splits: tuple[Estimate, ...]) -> tuple[Check, ...]:
    """Every check once, from the first completed table on which it fails, or else from the first."""
    found: dict[tuple[int, str], Check] = {}
    for split in splits:
        for place, check in enumerate(split.checks):
            kept = found.setdefault((place, check.name), check)
            if check.verdict == "fail" and kept.verdict != "fail":
                found[place, check.name] = check
    return tuple(found.values())


def _names(point: Any) -> tuple[str, ...]:
    index = getattr(point, "index", None)
    return tuple(map(str, index)) if index is not None else tuple(f"b{i}" for i in range(len(point)))
