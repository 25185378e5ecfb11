"""A regression on every completed table, pooled: from a list of tables, or from a folder of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ceteris.estimates.hypotheses import combination, refuse_redundant
from ceteris.impute.completed import enough
from ceteris.impute.likelihoods import Fits
from ceteris.impute.methods import completed_files, refuse_model, refuse_pool, refuse_tests
from ceteris.impute.pooling import combine
from ceteris.results import About, Check, Estimate, JointTest
from ceteris.stats.glm import glm
from ceteris.stats.least_squares import covariance_of, ols
from ceteris.stats.logit import logit, separated, with_constant
from ceteris.tables import Options, parts_of, read_table
from ceteris.tables.coding import codes_of, indicators, labels_of
from ceteris.tables.frames import RoleColumn, Roles, numbers, refuse_holes

WORDS = {
    "ols": ("Least squares", "Coefficients of the linear regression of {y} on {x}."),
    "logit": ("Logit", "Coefficients of the logit of {y} on {x}, in log odds."),
    "poisson": ("Poisson", "Coefficients of the Poisson regression of {y} on {x}: changes of the log of its mean."),
    "mean": ("Mean", "The mean of {y}."),
}
MOST_LABELS = 1000  # of a column of text
ERRORS = {
    "robust": "Standard errors hold where variances differ between rows: HC1, of a logit and of Poisson HC0.",
    "classic": "Standard errors are those of equal variances, of a logit and of Poisson those of the likelihood.",
}


def pool_regression(
    tables: Any, *, y: str, x: Sequence[str] | str | None = None, cluster: Any = None, model: str = "ols",
    covariance: str = "robust", tests: Sequence[str] | str = (), method: str = "D1",
) -> Estimate:  # fmt: skip
    """Regress on every completed table and pool by Rubin's rules.

    The degrees of freedom of the complete data are n - k, for a logit and Poisson too, as mice has them. Text is coded
    by a column of zeros and ones for each label but the first.

    Parameters
    ----------
    tables : sequence of DataFrame, or path of a folder
        As ``sample(m)`` of an imputer gave them, or where ``ceteris impute`` wrote them.
    y : str
        Column of the outcome; 0 or 1 for a logit, not negative for Poisson.
    x : str or sequence of str, optional
        Columns it is regressed on; none for a mean.
    cluster : str or sequence of str, optional
        One or two columns of clusters.
    model : {"ols", "logit", "poisson", "mean"}
    covariance : {"robust", "classic"}
        Standard errors: robust are HC1, those of a logit and of Poisson HC0, with clusters CR1; classic are those of
        errors of equal variance, or of the likelihood.
    tests : str or sequence of str
        Joint hypotheses, such as "age = educ = 0" or "town = 0" for all labels of a column, which a report then shows;
        ``test`` of what is returned does others.
    method : {"D1", "D2", "D3"}
        Of these tests: of Wald, from the statistics of the tables, of likelihood (not with clusters).

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
    >>> pooled.test("x = z = 0", method="D3").dof[0]
    2.0
    """
    x = (x,) if isinstance(x, str) else tuple(x or ())
    cluster = (cluster,) if isinstance(cluster, str) else tuple(cluster or ())
    tests = (tests,) if isinstance(tests, str) else tuple(tests)
    refuse_model(model, ", ".join(x))
    refuse_tests(covariance, method, bool(tests), bool(cluster))
    if isinstance(tables, str | Path):
        tables = read_completed(tables, needed=(y, *x, *cluster))
    given = list(tables)
    if len(given) < 2:
        raise ValueError(f"tables holds {len(given)}, but must hold 2 completed tables at least; give more.")
    labels: dict[str, tuple[str, ...]] = {}
    rest = (y, x, cluster, model, labels, covariance)
    fits = [regress(given[0], "table 1", *rest)]
    for test in tests:
        refuse_redundant(combination(test, fits[0].estimate.names, "tests"), "tests")
    fits += [regress(table, f"table {i}", *rest) for i, table in enumerate(given[1:], 2)]
    pooled = combine(fit.estimate for fit in fits)
    details = replace(pooled.details, **_known(fits, pooled, model, bool(cluster)))
    pooled = replace(pooled, details=details, checks=(*pooled.checks, enough(pooled)))
    found = tuple(pooled.test(test, method) for test in tests)
    return replace(pooled, details=replace(details, tests=found), checks=_with(pooled.checks, found))


@dataclass(frozen=True)
class OneFit:
    """A regression on one table: the estimate, and what it was fitted to."""

    estimate: Estimate
    design: np.ndarray
    target: np.ndarray


def _known(fits: Sequence[OneFit], pooled: Estimate, model: str, clustered: bool) -> dict[str, Any]:
    """Likelihoods where rows are independent, and R² of least squares."""
    found: dict[str, Any] = {}
    if not clustered and len({fit.design.shape for fit in fits}) == 1:
        designs, targets = np.array([fit.design for fit in fits]), np.array([fit.target for fit in fits])
        family = "ols" if model == "mean" else model
        found["fits"] = Fits(family, designs, targets, pooled.details.points)
    if model == "ols":
        found["r_squared"] = np.array([r_squared(fit) for fit in fits])
    return found


def r_squared(fit: OneFit) -> tuple[float, float]:
    """R² and adjusted R² of least squares."""
    n, k = fit.design.shape
    spread = np.square(fit.target - fit.target.mean()).sum()
    share = np.square(fit.target - fit.design @ fit.estimate.point).sum() / spread if spread > 0 else 1.0
    return float(1 - share), float(1 - share * (n - 1) / (n - k))


def _with(checks: tuple[Check, ...], tests: Sequence[JointTest]) -> tuple[Check, ...]:
    """The checks of an estimate and those of tests of it, each once as it asks most, before the last."""
    own = {
        check.name: check for check in sorted((c for t in tests for c in t.checks), key=lambda check: check.bar or 0)
    }
    return (*checks[:-1], *own.values(), checks[-1])


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
    table: pd.DataFrame, where: str, y: str, x: Sequence[str], cluster: Sequence[str], model: str,
    labels: dict[str, tuple[str, ...]], covariance: str = "robust",
) -> OneFit:  # fmt: skip
    """Regress on one table.

    Parameters
    ----------
    table : DataFrame
    where : str
        The table, for messages.
    y : str
    x, cluster : sequence of str
    model : str
    labels : dict of column to labels
        Of text; what is not there yet is added, so that all tables are coded alike.
    covariance : {"robust", "classic"}
    """
    if y in x:
        raise ValueError(f"x names {y!r}, but must not name the outcome; leave it out.")
    columns = Roles(table)
    outcome, parts = columns.column("y", y), columns.matrix("x", list(x))
    groups = columns.clusters(list(cluster) or None)
    refuse_holes(where, ((column.label, column.values) for column in (outcome, *parts, *groups)))
    target = numbers([outcome])[:, 0]
    for column in parts:
        if column.values.dtype != object and np.ptp(target) > 0 and np.array_equal(column.values, target):
            raise ValueError(f"x: {column.name!r} is a copy of the outcome {y!r}, but must not be one; leave it out.")
    design, names = design_of(parts, labels, len(target))
    refuse_dependent(design, names)
    clusters = tuple(column.values for column in groups)
    words, estimand = WORDS[model]
    about = About(words, estimand.format(y=y, x=", ".join(x)), standard_errors=ERRORS[covariance])
    dof = None if clusters else len(target) - len(names)
    if model in ("logit", "poisson"):
        refuse_outcome(model, target, y)
        point, influence, spread = by_likelihood(design, target, model, y, where)
        given = spread if covariance == "classic" else None
        return OneFit(Estimate(point, influence, names, about, clusters, given, dof), design, target)
    fit = ols(design, target)
    names = (f"mean of {y}",) if model == "mean" else names
    given = covariance_of(fit, "classic") if covariance == "classic" else None
    estimate = Estimate(
        fit.beta, fit.influence("HC1"), names, about, clusters, given, dof, by_cluster=fit.by_cluster,
        by_deletion=fit.by_deletion,
    )  # fmt: skip
    return OneFit(estimate, design, target)


def refuse_outcome(model: str, target: np.ndarray, y: str) -> None:
    """Raise if an outcome is not one of a logit, or of a Poisson regression."""
    shown = ", ".join(f"{value:g}" for value in np.unique(target)[:5])
    if model == "logit" and (not np.isin(target, (0.0, 1.0)).all() or np.ptp(target) == 0):
        raise ValueError(
            f"y: {y!r} holds {shown}, but must hold 0 and 1 for a logit; recode it, or take the model ols."
        )
    if model == "poisson" and (target.min() < 0 or target.max() <= 0):
        raise ValueError(
            f"y: {y!r} holds {shown}, but must hold counts of at least 0, not all of them 0, for a Poisson regression; "
            "take the model ols."
        )


def by_likelihood(
    design: np.ndarray, target: np.ndarray, model: str, y: str, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (k,), the influence of each row (n, k) and the inverse of the information (k, k), or why not."""
    if model == "logit":
        if separated(design, target):
            raise ValueError(
                f"x: in {where} a combination of the columns tells every {y!r} that is 1 from those that are 0, but "
                "must leave some in doubt, or the logit has no maximum; drop or coarsen the column that decides."
            )
        fit = logit(design, target)
        return fit.beta, fit.influence, fit.covariance
    try:
        found = glm(design, target, "poisson")
    except RuntimeError:
        raise ValueError(
            f"x: in {where} a combination of the columns tells rows where {y!r} is always 0, but must leave some in "
            "doubt, or a Poisson regression has no maximum; drop or coarsen the column that decides."
        ) from None
    return found.beta, found.influence, found.covariance


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
        if len(known) > MOST_LABELS:
            raise ValueError(
                f"x: {column.name!r} holds {len(known):,} labels, but must hold {MOST_LABELS:,} at most, as each "
                "takes a column; merge labels, or leave it out."
            )
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
