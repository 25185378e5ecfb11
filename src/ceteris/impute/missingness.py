"""What is missing: shares, patterns, whether it is completely at random, and what predicts it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ceteris.impute.columns import Column, Holes, as_frame, learn
from ceteris.impute.little import Little, little_test
from ceteris.results import Check, Section, Table
from ceteris.showing import AbstractResult, screenful

MOST_PATTERNS, MOST_PAIRS = 12, 15  # rows of the tables
SOME = 50  # rows by which most columns that are no copies are told
DISTINCT = 0.001  # p-value below which a difference between rows with and without a hole is listed


@dataclass(frozen=True, eq=False, repr=False)
class Missingness(AbstractResult):
    """What is missing in a table.

    Attributes
    ----------
    shares : DataFrame
        Kind, number and share of missing cells by column, the emptiest first.
    patterns : DataFrame
        Which columns are observed together: a row per pattern, the most frequent first.
    predictors : DataFrame
        How rows with a hole in a column differ from the others in another, the largest differences first.
    rows : int
    little : Little or None
        Little's test; None where it cannot be made.
    copies : tuple of (str, str)
        Columns that hold the same as another wherever both are observed, and that other.
    """

    shares: pd.DataFrame
    patterns: pd.DataFrame
    predictors: pd.DataFrame
    rows: int
    little: Little | None
    copies: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """How much is missing, in words."""
        cells, gone = self.rows * len(self.shares), int(np.sum(self.shares["cells"]))
        whole = (self.patterns.drop(columns="rows") == 1).to_numpy().all(1)
        complete = float(np.sum(self.patterns["rows"].to_numpy()[whole])) / self.rows
        return (
            f"{gone / cells:.1%} of {cells:,} cells are missing; {complete:.1%} of {self.rows:,} rows are complete, "
            f"and would be all that an analysis of complete cases uses. There are {len(self.patterns)} patterns."
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """Shares by column, the most frequent patterns, and what goes with a hole."""
        words = (
            "Rows with a hole in the first column against the others: difference of means in standard deviations for "
            "quantities, Cramér's V for labels. Columns that predict holes belong into the imputation."
        )
        goes_with = Table("What goes with a hole", self.predictors.head(MOST_PAIRS), words)
        return (
            Table("Missing cells by column", self.shares),
            Table("Most frequent patterns", self.patterns.head(MOST_PATTERNS), "1: observed, 0: missing."),
            *((goes_with,) if len(self.predictors) else ()),
        )

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether holes are completely at random, whether columns are nearly empty, and columns that are copies."""
        return (_random(self.little), enough_observed(self.shares), *_twice(self.copies))

    def summary(self) -> str:
        """Return one screen: how much is missing, column by column, and the checks that failed."""
        shares = self.shares.assign(missing=self.shares["missing"].map("{:.1%}".format))
        return screenful("Missing data", [self.text], shares, self.checks)

    def glance(self) -> Section:
        """Return what a notebook shows: shares by column, the patterns, checks."""
        return replace(self.sections()[0], tables=self.tables[:1])

    def sections(self) -> tuple[Section, ...]:
        """Return the description as a part of a report."""
        from ceteris.impute.figures import pattern_figure

        text = self.text + ("" if len(self.predictors) else " No column says where the others have holes.")
        return (Section("Missing data", text, self.tables, (pattern_figure(self.patterns),), self.checks),)


def missingness_report(X: Any) -> Missingness:
    """Describe the holes of a table.

    Parameters
    ----------
    X : data frame or array-like

    Returns
    -------
    Missingness
        Tables of shares by column, of the most frequent patterns, and of the columns that differ most between rows with
        and without a hole in another one; a figure of the patterns; checks of whether holes are completely at random
        and whether columns are nearly empty.

    References
    ----------
    Little (1988), "A test of missing completely at random for multivariate data with missing values", JASA 83.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> found = missingness_report(simulate_regression(500))
    >>> found.shares["missing"].tolist()[0] > 0.2, found.checks[0].verdict
    (True, 'fail')
    """
    table = as_frame(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        holes = learn(table)
    try:
        little = little_test(table)
    except ValueError:
        little = None
    return Missingness(
        share_table(holes), pattern_table(holes), predictor_table(holes), len(table), little, copies_in(holes)
    )


def copies_in(holes: Holes) -> tuple[tuple[str, str], ...]:
    """Columns that hold the same as one before them wherever both are observed, and that one.

    Examples
    --------
    >>> copies_in(learn(pd.DataFrame({"a": [1.0, 2.5, None, 4.0], "b": [1.0, 2.5, 7.0, None], "c": [1.0, 0, 0, 1]})))
    (('b', 'a'),)
    """
    values, found, begun = holes.values, [], slice(0, SOME)
    spread = [len(np.unique(column[~np.isnan(column)])) > 1 for column in values.T]
    for j in range(1, values.shape[1]):
        near = np.flatnonzero(_agree(values[begun, :j], values[begun, j]) & spread[:j])
        for i in near[_agree(values[:, near], values[:, j])] if spread[j] else ():
            both = ~np.isnan(values[:, i]) & ~np.isnan(values[:, j])
            if holes.columns[i].levels == holes.columns[j].levels and 2 * both.sum() >= len(values):
                found.append((str(holes.columns[j].name), str(holes.columns[i].name)))
                break
    return tuple(found)


def _agree(values: np.ndarray, column: np.ndarray) -> np.ndarray:
    return ((values == column[:, None]) | np.isnan(values) | np.isnan(column)[:, None]).all(0)


def _twice(copies: tuple[tuple[str, str], ...]) -> tuple[Check, ...]:
    if not copies:
        return ()
    said = ", ".join(f"column {one!r} holds the same as {other!r}" for one, other in copies[:5])
    more = f" and {len(copies) - 5} more" if len(copies) > 5 else ""
    return (
        Check("no column twice", False, f"Wherever both are observed, {said}{more}. Drop one of each."),
    )  # fmt: skip


def share_table(holes: Holes) -> pd.DataFrame:
    """Kind, number and share of missing cells by column, the emptiest first."""
    rows = [
        {"column": str(c.name), "kind": c.kind, "cells": int(gone.sum()), "missing": float(gone.mean())}
        for c, gone in zip(holes.columns, holes.missing.T, strict=True)
    ]
    return pd.DataFrame(rows).sort_values("missing", ascending=False, kind="stable", ignore_index=True)


def pattern_table(holes: Holes) -> pd.DataFrame:
    """Which columns are observed together: a row per pattern, the most frequent first."""
    marks, counts = np.unique(~holes.missing, axis=0, return_counts=True)
    frame = pd.DataFrame(marks.astype(int), columns=pd.Index([str(c.name) for c in holes.columns]))
    frame.insert(0, "rows", counts)
    return frame.sort_values("rows", ascending=False, kind="stable", ignore_index=True)


def predictor_table(holes: Holes) -> pd.DataFrame:
    """How rows with a hole differ from the others, pairs of columns, the largest differences first."""
    rows = []
    for j in np.flatnonzero(holes.missing.any(0) & ~holes.missing.all(0)):
        gone = holes.missing[:, j]
        for k, column in enumerate(holes.columns):
            seen = ~holes.missing[:, k]
            if k != j and min((gone & seen).sum(), (~gone & seen).sum()) > 1:
                size, p = _difference(column, holes.values[seen, k], gone[seen])
                rows.append(
                    {"hole in": str(holes.columns[j].name), "column": str(column.name), "difference": size, "p": p}
                )
    frame: Any = pd.DataFrame(rows, columns=pd.Index(["hole in", "column", "difference", "p"]))
    frame = frame[frame["p"] < DISTINCT]
    return frame.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def _difference(column: Column, values: np.ndarray, gone: np.ndarray) -> tuple[float, float]:
    from scipy import stats

    if column.continuous:
        spread = values.std()
        if spread == 0:
            return 0.0, 1.0
        apart = values[gone].mean() - values[~gone].mean()
        return apart / spread, _welch(values[gone], values[~gone])
    counts = np.array([np.bincount(values[rows].astype(int), minlength=len(column.levels)) for rows in (gone, ~gone)])
    counts = counts[:, counts.sum(0) > 0]
    if counts.shape[1] < 2:
        return 0.0, 1.0
    found: Any = stats.chi2_contingency(counts, correction=False)
    return float(np.sqrt(found.statistic / counts.sum())), float(found.pvalue)


def _welch(a: np.ndarray, b: np.ndarray) -> float:
    """The p-value of Welch's test of equal means; groups without any spread differ, or do not, for certain."""
    from scipy import stats

    # of equal numbers the mean is not exactly one of them, nor the deviation exactly zero
    means, sds = zip(*((x[0], 0.0) if np.ptp(x) == 0 else (x.mean(), x.std(ddof=1)) for x in (a, b)), strict=True)
    if not any(sds):
        return float(means[0] == means[1])
    found: Any = stats.ttest_ind_from_stats(means[0], sds[0], len(a), means[1], sds[1], len(b), equal_var=False)
    return float(found.pvalue)


def _random(little: Little | None) -> Check:
    if little is None:
        return Check("completely at random", None, "Little's test needs at least two numeric columns, some with holes.")
    return little.checks[0]


def enough_observed(shares: pd.DataFrame) -> Check:
    """Whether no column is nearly empty; from `share_table`."""
    empty = shares["column"][shares["missing"] > 0.8].tolist()
    if empty:
        return Check(
            "enough observed", False, f"More than 80 % is missing of: {', '.join(empty)}. Consider to drop these."
        )
    return Check("enough observed", True, "No column lacks more than 80 % of its cells.")
