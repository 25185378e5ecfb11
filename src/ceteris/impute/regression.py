"""A regression on every completed table, pooled: from a list of tables, or from a folder of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ceteris.impute.methods import completed_files, refuse_model, refuse_pool
from ceteris.impute.pooling import combine
from ceteris.results import About, Check, Estimate
from ceteris.stats.least_squares import ols
from ceteris.stats.logit import logit, separated, with_constant
from ceteris.tables import Options, parts_of, read_table
from ceteris.tables.coding import codes_of, indicators, labels_of
from ceteris.tables.frames import RoleColumn, Roles, numbers, refuse_holes

WORDS = {
    "ols": ("Least squares", "Coefficients of the linear regression of {y} on {x}."),
    "logit": ("Logit", "Coefficients of the logit of {y} on {x}, in log odds."),
    "mean": ("Mean", "The mean of {y}."),
}


def pool_regression(
    tables: Any, *, y: str, x: Sequence[str] | str | None = None, cluster: Any = None, model: str = "ols"
) -> Estimate:
    """Regress on every completed table and pool by Rubin's rules.

    Standard errors are robust, HC1, or CR1 with clusters; those of a logit HC0. Text is coded by a column of zeros and
    ones for each label but the first.

    Parameters
    ----------
    tables : sequence of DataFrame, or path of a folder
        As ``sample(m)`` of an imputer gave them, or where ``ceteris impute`` wrote them.
    y : str
        Column of the outcome; 0 or 1 for a logit.
    x : str or sequence of str, optional
        Columns it is regressed on; none for a mean.
    cluster : str or sequence of str, optional
        One or two columns of clusters.
    model : {"ols", "logit", "mean"}

    Returns
    -------
    Estimate
        As `combine` gives it. Its last check says whether there are as many tables as per cent of the information are
        missing at most.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys. White, Royston and Wood (2011), "Multiple imputation
    using chained equations: issues and guidance for practice", Statistics in Medicine 30, for the number of tables.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> from ceteris.impute import HotDeck
    >>> tables = HotDeck(random_state=0).fit(simulate_regression(300)).sample(5)
    >>> pooled = pool_regression(tables, y="y", x=["x", "z"])
    >>> pooled.names, pooled.details.imputations
    (('constant', 'x', 'z'), 5)
    """
    x = (x,) if isinstance(x, str) else tuple(x or ())
    cluster = (cluster,) if isinstance(cluster, str) else tuple(cluster or ())
    refuse_model(model, ", ".join(x))
    if isinstance(tables, str | Path):
        tables = read_completed(tables, needed=(y, *x, *cluster))
    given = list(tables)
    if len(given) < 2:
        raise ValueError(f"tables holds {len(given)}, but must hold 2 completed tables at least; give more.")
    labels: dict[str, tuple[str, ...]] = {}
    pooled = combine(regress(table, y, x, cluster, model, labels, f"table {i}") for i, table in enumerate(given, 1))
    return replace(pooled, checks=(*pooled.checks, enough(pooled)))


def read_completed(
    folder: str | Path, needed: Iterable[str] = (), options: Options | None = None
) -> list[pd.DataFrame]:
    """Read the completed tables of a folder, in their order.

    Parameters
    ----------
    folder : path
        Holds 1.csv, 2.csv, ... or such of Parquet.
    needed : iterable of str
        Columns that are read whatever they look like; with some, the others are not read. A word may name several
        with commas between.
    options : Options, optional
        How the tables are read.
    """
    folder = Path(folder)
    refuse_pool(folder, None, "mean", 0.95)
    first, *others = completed_files(folder)
    wanted = replace(options or Options(), needed=parts_of(needed))
    table = read_table(first, options=wanted)
    if wanted.needed:
        rest = [name for name in table.order if name not in wanted.needed and name not in wanted.types]
        wanted = replace(wanted, ignore=rest)
    return [table.frame, *(read_table(path, options=wanted).frame for path in others)]


def regress(
    table: pd.DataFrame, y: str, x: Sequence[str], cluster: Sequence[str], model: str,
    labels: dict[str, tuple[str, ...]], where: str,
) -> Estimate:  # fmt: skip
    """Regress on one table.

    Parameters
    ----------
    table : DataFrame
    y : str
    x, cluster : sequence of str
    model : str
    labels : dict of column to labels
        Of text; what is not there yet is added, so that all tables are coded alike.
    where : str
        The table, for messages.
    """
    if y in x:
        raise ValueError(f"x names {y!r}, but must not name the outcome; leave it out.")
    columns = Roles(table)
    outcome, parts = columns.column("y", y), columns.matrix("x", list(x))
    groups = columns.clusters(list(cluster) or None)
    refuse_holes(where, ((column.label, column.values) for column in (outcome, *parts, *groups)))
    target = numbers([outcome])[:, 0]
    design, names = design_of(parts, labels, len(target))
    refuse_dependent(design, names)
    clusters = tuple(column.values for column in groups)
    words, estimand = WORDS[model]
    about = About(words, estimand.format(y=y, x=", ".join(x)))
    if model == "logit":
        influence = logit_influence(design, target, y, where)
        return Estimate(influence[0], influence[1], names, about, clusters)
    fit = ols(design, target)
    names = (f"mean of {y}",) if model == "mean" else names
    return Estimate(
        fit.beta, fit.influence("HC1"), names, about, clusters, dof=None if clusters else len(target) - len(names),
        by_cluster=fit.by_cluster, by_deletion=fit.by_deletion,
    )  # fmt: skip


def logit_influence(design: np.ndarray, target: np.ndarray, y: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k,) of a logit and the influence of each row on them (n, k), or why there is none."""
    if not np.isin(target, (0.0, 1.0)).all() or np.ptp(target) == 0:
        shown = ", ".join(f"{value:g}" for value in np.unique(target)[:5])
        raise ValueError(
            f"y: {y!r} holds {shown}, but must hold 0 and 1 for a logit; recode it, or take the model ols."
        )
    if separated(design, target):
        raise ValueError(
            f"x: in {where} a combination of the columns tells every {y!r} that is 1 from those that are 0, but must "
            "leave some in doubt, or the logit has no maximum; drop or coarsen the column that decides."
        )
    fit = logit(design, target)
    return fit.beta, fit.influence


def design_of(
    parts: Sequence[RoleColumn], labels: dict[str, tuple[str, ...]], n: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The matrix of a constant and the columns (n, k), and their names; text becomes indicators."""
    blocks, names = [np.empty((n, 0))], ["constant"]
    for column in parts:
        if column.values.dtype != object:
            blocks.append(column.values[:, None])
            names.append(column.name)
            continue
        texts = [str(value) for value in column.values]
        known = labels.setdefault(column.name, labels_of("x", column.name, texts))
        blocks.append(indicators(codes_of("x", column.name, texts, known), len(known))[:, 1:])
        names += [f"{column.name}={label}" for label in known[1:]]
    return with_constant(np.concatenate(blocks, axis=1)), tuple(names)


def refuse_dependent(design: np.ndarray, names: Sequence[str]) -> None:
    """Raise if a column is a combination of those before it, by its name."""
    if len(design) <= design.shape[1]:
        raise ValueError(
            f"x: there are {design.shape[1]} coefficients and {len(design)} rows, but must be more rows than these; "
            "leave columns out."
        )
    centred = design - np.where(np.arange(design.shape[1]) == 0, 0.0, design.mean(0))
    size = np.linalg.norm(centred, axis=0)
    corner = np.abs(np.diagonal(np.linalg.qr(centred / np.where(size > 0, size, 1.0)).R))
    bad = np.flatnonzero((corner <= 1e-10) | (size == 0))
    if len(bad):
        raise ValueError(
            f"x: {names[bad[0]]!r} is a combination of the columns before it, but must vary on its own; leave it out."
        )


def enough(pooled: Estimate) -> Check:
    """Whether there are as many tables as per cent of the information on a coefficient are missing.

    Examples
    --------
    >>> pooled = combine([(pd.Series({"x": slope}), [[0.04]]) for slope in (0.9, 1.0, 1.1)])
    >>> print(enough(pooled).sentence)
    Up to 30 % of the information on 'x' is missing, and 3 tables are few for that; draw 30.
    """
    shares, m = pooled.details.missing_information, pooled.details.imputations
    most = int(shares.argmax())
    wanted = int(np.ceil(100 * shares[most] - 1e-9))
    good = m >= wanted
    found = f"Up to {wanted} % of the information on {pooled.names[most]!r} is missing, and {m} tables are "
    advice = "enough for that." if good else f"few for that; draw {wanted}."
    return Check("enough tables", good, found + advice, float(m), float(wanted))
