"""From a data frame and the roles of its columns, or from arrays, to rows: every complaint comes before any work.

The roles are the outcome y, the treatment d, the covariates x, the instrument z and the clusters that rows come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ceteris.causal.covariates import Names, texts_of
from ceteris.causal.dependence import FEW, WIDE, Spread, warn_collinear
from ceteris.tables.coding import codes_of, indicators, labels_of
from ceteris.tables.frames import RoleColumn, Roles, numbers, refuse_holes

EXACT = 1e-10  # share of the treatment's variance left by the covariates below which they determine it


@dataclass(frozen=True, eq=False)
class Rows:
    """What an estimator works on: arrays without missing values (but in ``x``, where asked for), one entry per row.

    Attributes
    ----------
    y : array, shape (n,)
        Outcome.
    d : array, shape (n,), or (n, m) for several treatments
        Treatment; where levels were asked for, the number of the level in ``levels``.
    x : array, shape (n, p)
        Covariates, float64; labels have become one column of zeros and ones per label but the first.
    names : tuple of str
        One for each column of ``x``; as read from data, `Names`, which know the labels.
    clusters : tuple of arrays, shape (n,)
        None, one or two sets of clusters, as numbers from 0.
    z : array, shape (n,) or (n, k), or None
        Instruments.
    extra : mapping of str to array
        Whatever else was asked for.
    levels : tuple
        Labels of the treatment, where levels were asked for.
    outcome, treatment : str
        Names of y and d, for tables.
    strata : array, shape (n,), or None
        Groups within which rows are compared, as numbers from 0.
    collinear : tuple of int
        Columns of ``x`` that a constant and the columns before them determine; regressions leave them out.
    """

    y: np.ndarray
    d: np.ndarray
    x: np.ndarray
    names: tuple[str, ...] = ()
    clusters: tuple[np.ndarray, ...] = ()
    z: np.ndarray | None = None
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    levels: tuple[Any, ...] = ()
    outcome: str = "y"
    treatment: str = "d"
    strata: np.ndarray | None = None
    collinear: tuple[int, ...] = ()

    @property
    def independent(self) -> np.ndarray:
        """Covariates without those that the others determine, shape (n, q)."""
        return np.delete(self.x, self.collinear, axis=1)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    def refuse_several_treatments(self, do: str) -> None:
        """Raise if there is more than one treatment."""
        if self.d.ndim == 2:
            raise ValueError(f"d names {self.d.shape[1]} treatments, but must name one; {do}.")

    def refuse_two_sets(self, why: str) -> None:
        """Raise if there are two sets of clusters."""
        if len(self.clusters) > 1:
            raise ValueError(f"cluster names two sets, but must name one, since {why}; give one.")


def read_rows(
    data: Any = None,
    *,
    y: Any,
    d: Any,
    x: Any = None,
    z: Any = None,
    cluster: Any = None,
    binary: bool = False,
    levels: bool = False,
    missing: bool = False,
    extra: Mapping[str, Any] | None = None,
    strata: Any = None,
) -> Rows:
    """Take a table, or arrays, apart by the roles of the columns.

    Parameters
    ----------
    data : data frame, optional
        Any that narwhals knows (pandas, Polars, PyArrow, ...). Without it the roles are given as arrays.
    y, d : str, or array of shape (n,)
        Outcome and treatment. A list of names, or a matrix, is several treatments.
    x, z : str, list of str, or array of shape (n, k), optional
        Covariates and instruments.
    cluster : str, list of at most two str, array of shape (n,), or list of two arrays, optional
        What the rows are clustered by.
    binary : bool
        The treatment must be 0 or 1 (or false or true), with two rows of each at least.
    levels : bool
        The treatment is a category, of two rows a level at least.
    missing : bool
        Covariates may be missing (NaN); a missing label is a label of its own.
    extra : mapping of str to (str or array), optional
        Further columns of numbers, by the name they get.
    strata : str or array of shape (n,), optional
        Labels of any kind.

    Returns
    -------
    Rows

    Examples
    --------
    >>> rows = read_rows(y=[1.0, 2.0, 4.0, 3.0], d=[0, 1, 1, 0], x=[[1.0], [1.0], [2.0], [2.0]], binary=True)
    >>> rows.n, rows.names, rows.d
    (4, ('x0',), array([0., 1., 1., 0.]))
    """
    table = Roles(data)
    outcome = table.column("y", y)
    treatment = table.matrix("d", d, keep_labels=levels)
    blocks = {"x": table.matrix("x", x), "z": table.matrix("z", z)}
    clusters = table.clusters(cluster)
    groups = [] if strata is None else table.matrix("strata", strata, keep_labels=True)
    extras = {name: table.column(name, given) for name, given in (extra or {}).items()}
    others = [outcome, *treatment, *blocks["z"], *clusters, *groups, *extras.values()]
    _refuse_lengths([*others, *blocks["x"]], has_data=data is not None)
    refuse_holes("data", ((column.label, column.values) for column in (others if missing else [*others, *blocks["x"]])))
    _refuse_empty(blocks["x"])

    d_values, labels = _read_levels(treatment[0]) if levels else (numbers(treatment), ())
    rows = Rows(
        y=numbers([outcome])[:, 0],
        d=d_values[:, 0] if len(treatment) == 1 and d_values.ndim == 2 else d_values,
        **_covariates(blocks["x"], len(outcome.values)),
        clusters=tuple(_read_levels(column)[0].astype(int) for column in clusters),
        z=_squeezed(numbers(blocks["z"])) if blocks["z"] else None,
        extra={name: numbers([column])[:, 0] for name, column in extras.items()},
        levels=labels,
        outcome=outcome.name,
        treatment=treatment[0].name if len(treatment) == 1 else "d",
        strata=_read_levels(groups[0])[0].astype(int) if groups else None,
    )
    _refuse_constants(rows, treatment)
    _refuse_one_cluster(rows, clusters)
    if binary:
        _refuse_other_than_binary(rows.d, treatment[0])
    if labels:
        _refuse_rare_levels(rows)
    spread = Spread(rows.x)
    _refuse_same(rows, {"y": [outcome], "d": treatment, "z": blocks["z"]}, blocks["x"], spread)
    _refuse_determined(rows, blocks["x"], treatment, spread)
    found = spread.collinear(rows.names)
    warn_collinear(found)
    return replace(rows, collinear=tuple(found))


def read_covariates(x: Any, missing: bool = False) -> tuple[np.ndarray, tuple[str, ...]]:
    """Covariates (n, p) and their names from a table or a matrix; labels become columns of zeros and ones.

    Examples
    --------
    >>> read_covariates([[1.0, 2.0], [3.0, np.nan]], missing=True)[1]
    ('x0', 'x1')
    """
    columns = Roles(None).matrix("x", x)
    if not columns:
        raise ValueError("x is empty, but must have one column at least; give one.")
    if not missing:
        refuse_holes("x", ((column.label, column.values) for column in columns))
    _refuse_empty(columns)
    found = _covariates(columns, len(columns[0].values))
    return found["x"], found["names"]


def _squeezed(matrix: np.ndarray) -> np.ndarray:
    return matrix[:, 0] if matrix.shape[1] == 1 else matrix


def _covariates(columns: Sequence[RoleColumn], n: int) -> dict[str, Any]:
    parts, names, known = [], [], {}
    for column in columns:
        if column.values.dtype != object:
            parts.append(column.values[:, None])
            names.append(column.name)
            continue
        texts = texts_of(column.values)
        known[column.name] = labels = labels_of("x", column.name, texts)
        parts.append(indicators(codes_of("x", column.name, texts, labels), len(labels))[:, 1:])
        names += [f"{column.name}={label}" for label in labels[1:]]
    return {"x": np.concatenate(parts, axis=1) if parts else np.empty((n, 0)), "names": Names(names, known)}


def _read_levels(column: RoleColumn) -> tuple[np.ndarray, tuple[Any, ...]]:
    labels, codes = np.unique(
        column.values if column.values.dtype != object else column.values.astype(str), return_inverse=True
    )
    return codes.astype(float), tuple(labels.tolist())


# ---------------------------------------------------------------------------------------- complaints


def refuse_no_covariates(x: np.ndarray, do: str) -> None:
    """Raise if there are no covariates."""
    if not x.shape[1]:
        raise ValueError(f"x is empty, but must name a covariate at least; {do}.")


def _refuse_lengths(columns: Sequence[RoleColumn], has_data: bool) -> None:
    n = len(columns[0].values)
    for column in columns:
        if len(column.values) != n:
            raise ValueError(f"{column.label} has {len(column.values)} rows, but must have {n} as y has; give as many.")
    if n < 2:
        raise ValueError(f"{'data' if has_data else 'y'} has {n} rows, but must have two at least; give more.")


def _refuse_empty(columns: Sequence[RoleColumn]) -> None:
    for column in columns:
        if column.values.dtype.kind != "f":
            continue
        if np.isinf(column.values).any():
            raise ValueError(
                f"x: {column.name!r} holds infinite values, but must hold finite ones or NaN; correct them."
            )
        if np.isnan(column.values).all():
            raise ValueError(f"x: {column.name!r} is missing in every row; drop it.")


def _refuse_constants(rows: Rows, treatment: Sequence[RoleColumn]) -> None:
    if np.ptp(rows.y) == 0:
        raise ValueError(f"y: the outcome {rows.outcome!r} is {rows.y[0]:g} in every row; choose one that varies.")
    for column, values in zip(treatment, rows.d.reshape(rows.n, -1).T, strict=False):
        if np.ptp(values) == 0:
            said = column.values[0] if column.values.dtype == object else f"{column.values[0]:g}"
            raise ValueError(
                f"d: the treatment {column.name!r} is {said} in every row, so no effect can be seen; keep "
                "rows with other values of it."
            )


def _refuse_one_cluster(rows: Rows, clusters: Sequence[RoleColumn]) -> None:
    for column, codes in zip(clusters, rows.clusters, strict=True):
        if codes.max() == 0:
            raise ValueError(
                f"cluster: {column.name!r} puts all {rows.n} rows into one cluster, so that no variance can be seen; "
                "give labels of two at least, or leave it out."
            )


def _refuse_other_than_binary(d: np.ndarray, column: RoleColumn) -> None:
    values = np.unique(d)
    if len(values) != 2 or not np.array_equal(values, [0, 1]):
        shown = ", ".join(f"{v:g}" for v in values[:5]) + (", ..." if len(values) > 5 else "")
        raise ValueError(
            f"d: the treatment {column.name!r} holds {shown}, but must hold 0 and 1 only here; recode it, or choose "
            "an estimator for other treatments."
        )
    treated = int(d.sum())
    for count, who in ((treated, "treated"), (len(d) - treated, "control")):
        if count < 2:
            raise ValueError(f"d: only one {who} row in {len(d)}, but a variance needs two at least; add some.")


def _refuse_rare_levels(rows: Rows) -> None:
    counts = np.bincount(rows.d.astype(int))
    rare = [f"{level!r}" for level, count in zip(rows.levels, counts, strict=True) if count < 2]
    if len(rare) > rows.n / 4:
        raise ValueError(
            f"d: the treatment {rows.treatment!r} has {len(rows.levels)} levels in {rows.n} rows, so it is no "
            "category; bin it, or choose an estimator for continuous treatments."
        )
    if rare:
        raise ValueError(f"d: level {', '.join(rare)} has only one row, but must have two at least; merge or drop it.")


def _refuse_same(
    rows: Rows, roles: Mapping[str, Sequence[RoleColumn]], covariates: Sequence[RoleColumn], spread: Spread
) -> None:
    """No variable has two roles, by its name or as a copy under another."""
    words = {"y": "outcome", "d": "treatment", "z": "instrument"}
    outcome = roles["y"][0]
    for role in ("d", "z"):
        if outcome.known in {column.known for column in roles[role]} - {None}:
            raise ValueError(f"{role}: the outcome {outcome.name!r} is given as the {words[role]} too; name another.")
    values = {"y": rows.y, "z": np.empty((rows.n, 0)) if rows.z is None else rows.z}
    for role, columns in roles.items():
        names = {column.known for column in columns} - {None}
        guilty = [column.name for column in covariates if column.known in names]
        for own in values[role].reshape(rows.n, -1).T if role in values and not guilty else ():
            guilty += [rows.names[j] for j in spread.copies(own)]
        if guilty and (role != "d" or len(columns) > 1):  # a single treatment has its own sentence
            raise ValueError(
                f"x: the covariate {guilty[0]!r} is the {words[role]} {columns[0].name!r}, so that nothing is left to "
                "explain; drop it from x."
            )


def _refuse_determined(
    rows: Rows, columns: Sequence[RoleColumn], treatment: Sequence[RoleColumn], spread: Spread
) -> None:
    if rows.d.ndim == 2 or len(rows.levels) > 2:
        return
    name = treatment[0].name
    guilty = _separating(rows) if set(np.unique(rows.d[:1000])) <= {0.0, 1.0} else []
    guilty = guilty or [column.name for column in columns if column.name == name]
    if guilty:
        raise ValueError(
            f"x: the covariate {guilty[0]!r} determines the treatment {name!r}, so there is nobody to compare with; "
            "drop it from x, or keep the rows where both treatments occur."
        )
    if 0 < spread.z.shape[1] <= min(WIDE, rows.n // 2) and spread.unexplained(rows.d) < EXACT:
        raise ValueError(
            f"x: the covariates together determine the treatment {name!r} exactly, so there is nobody to compare with; "
            "drop the covariate that encodes it."
        )


def _separating(rows: Rows) -> list[str]:
    """Covariates of which no value occurs both with and without treatment, being all larger or all smaller with it."""
    treated, control = rows.x[rows.d == 1], rows.x[rows.d == 0]
    if min(len(treated), len(control)) < FEW:
        return []
    apart = (treated.min(0) > control.max(0)) | (treated.max(0) < control.min(0))
    return [name for name, guilty in zip(rows.names, apart, strict=True) if guilty]
