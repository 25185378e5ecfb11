"""Over-imputation: hide observed cells, impute them, and see how far off the draws are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ceteris.arguments import probability
from ceteris.impute import metrics
from ceteris.impute.base import MultipleImputer
from ceteris.impute.columns import Holes, as_frame, learn, read
from ceteris.impute.figures import over_imputation
from ceteris.results import Check, Section, Table
from ceteris.showing import AbstractResult, screenful

LEVEL, LOWEST, HIGHEST = 0.9, 0.85, 0.95  # of the intervals, and between what their coverage should lie


@dataclass(frozen=True, eq=False, repr=False)
class OverImputation(AbstractResult):
    """What over-imputation found.

    Attributes
    ----------
    scores : DataFrame
        A row per column and number of epochs: cells hidden; for quantities nrmse (of the mean of the draws), crps,
        coverage of 90 % intervals and the nrmse of the observed mean; for labels accuracy, brier, and the accuracy of
        the most frequent label; gain, the advantage over that mean or label in standard errors.
    cells : DataFrame
        A row per hidden cell of a quantity, at the last number of epochs: column, truth, mean, low, high.

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> from ceteris.impute import MeanMode
    >>> over = overimpute(MeanMode(), simulate_regression(300))  # every draw is the same mean: no interval covers
    >>> over.means()["coverage"].tolist(), [(check.name, check.verdict) for check in over.checks]
    ([0.0], [('intervals cover', 'fail'), ('better than the mean', 'pass')])
    """

    scores: Any
    cells: pd.DataFrame

    def means(self) -> Any:
        """Means over columns, a row per number of epochs."""
        return self.scores.drop(columns=["column", "cells"]).groupby("epochs", dropna=False, sort=False).mean()

    def summary(self) -> str:
        """Return one screen: the scores by column, or by number of epochs where several were tried, failed checks."""
        several = self.scores["epochs"].nunique() > 1
        table = self.means().reset_index() if several else self.scores.drop(columns="epochs")
        facts = ["Means over columns by number of epochs."] if several else []
        cells = int(self.scores.groupby("epochs", dropna=False)["cells"].sum().iloc[0])
        return screenful(
            f"Over-imputation: {cells:,} observed cells were hidden and imputed.", facts, table, self.checks
        )

    def sections(self) -> tuple[Section, ...]:
        """Return the result as a part of a report."""
        return (
            Section(
                "Over-imputation",
                TEXT,
                (Table("By column", self.scores if self._epochs else self.scores.drop(columns="epochs"), NOTE),),
                over_imputation(self.cells, self.means()),
                self.checks,
            ),
        )

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether intervals cover, and whether columns are guessed better than by their mean or mode."""
        last = self.scores[self.scores["epochs"] == self.scores["epochs"].iloc[-1]] if self._epochs else self.scores
        return tuple(check for check in (_covered(last), _better(last)) if check is not None)

    @property
    def _epochs(self) -> bool:
        return bool(self.scores["epochs"].notna().any())


TEXT = (
    "Observed cells were hidden at random, imputed like the others, and compared with what they hold. This tells how "
    "well cells can be guessed that are missing completely at random, not whether the real holes are like that."
)
NOTE = (
    "nrmse and crps in standard deviations of the column; coverage is that of 90 % intervals; brier runs from 0 to 2."
)


def overimpute(
    imputer: MultipleImputer,
    X: Any,
    share: float = 0.1,
    m: int = 20,
    epochs: Sequence[int] | None = None,
    seed: int = 0,
) -> OverImputation:
    """Hide a share of the observed cells, fit a copy of the imputer, and score its draws of them.

    Parameters
    ----------
    imputer : MultipleImputer
        Copied, so that neither it nor the table changes.
    X : data frame or array-like
    share : float
        Of the observed cells of every column, in (0, 1).
    m : int
        Draws per cell; 19 or more for the coverage of 90 % intervals.
    epochs : sequence of int, optional
        Fit once for each number of epochs, to choose by.
    seed : int
        Chooses the cells.

    References
    ----------
    Honaker, King and Blackwell (2011), "Amelia II: a program for missing data", JSS 45. Gneiting and Raftery (2007),
    "Strictly proper scoring rules, prediction, and estimation", JASA 102, for crps and brier. (Blackwell, Honaker and
    King (2017), "A unified approach to measurement error and missing data: overview and applications", Sociological
    Methods & Research 46, call over-imputation a correction of cells measured with error, which is not done here.)

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> from ceteris.impute import HotDeck
    >>> over = overimpute(HotDeck(random_state=0), simulate_regression(300))
    >>> over.scores["column"].tolist(), bool((over.scores["nrmse"] < 1).all())
    (['x', 'y', 'z'], True)
    """
    probability("share", share)
    if epochs is not None and "epochs" not in imputer.get_params():
        raise ValueError(f"epochs is {list(epochs)}, but {type(imputer).__name__} is not trained in epochs.")
    table = as_frame(X)
    types = imputer._types(table) or {}
    truth = learn(table, types, imputer.bounds)
    hidden = hide_cells(truth, share, np.random.default_rng(seed))
    masked = table.copy()
    for j, column in enumerate(truth.columns):
        masked[column.name] = _masked(table[column.name], hidden[:, j])
    scores, cells = [], pd.DataFrame()
    for count in epochs or [None]:
        copy: Any = clone(imputer)
        copy = copy if count is None else copy.set_params(epochs=count)
        # with fewer cells a column could look like another kind
        copy.set_params(types={**types, **{column.name: column.kind for column in truth.columns}})
        draws = np.array([read(done, truth.columns).values for done in copy.fit(masked).sample(m)])
        scores.append(score(truth, hidden, draws).assign(epochs=count))
        cells = intervals(truth, hidden, draws)
    table_of_scores: Any = pd.concat(scores, ignore_index=True)
    return OverImputation(table_of_scores[["epochs", *table_of_scores.columns.drop("epochs")]], cells)


def hide_cells(holes: Holes, share: float, rng: np.random.Generator) -> np.ndarray:
    """Mark the cells to hide, (rows, columns); something of every row and level of a label stays observed."""
    hidden = ~holes.missing & (rng.random(holes.values.shape) < share)
    bare = (hidden | holes.missing).all(1)
    hidden[bare] = False
    for j, column in enumerate(holes.columns):
        for level in range(len(column.levels)):
            rows = np.flatnonzero(holes.values[:, j] == level)
            if len(rows) and hidden[rows, j].all():
                hidden[rows[0], j] = False
        if hidden[:, j].sum() == (~holes.missing[:, j]).sum():
            hidden[:, j] = False
    return hidden


def score(truth: Holes, hidden: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    """Score draws (m, rows, columns) of the hidden cells, a row per column.

    Examples
    --------
    >>> from ceteris.impute.columns import Column
    >>> truth = Holes((Column("x", "continuous"),), np.array([[0.0], [2.0]]))
    >>> score(truth, np.array([[True], [False]]), np.zeros((2, 2, 1)))["nrmse"].tolist()
    [0.0]
    """
    rows = []
    for j, column in enumerate(truth.columns):
        cells = hidden[:, j]
        if not cells.any():
            continue
        true, drawn, others = truth.values[cells, j], draws[:, cells, j], truth.values[~cells & ~truth.missing[:, j], j]
        row = {"column": str(column.name), "cells": int(cells.sum())}
        rows.append(
            row
            | (
                _of_quantity(drawn, true, others)
                if column.continuous
                else _of_labels(drawn, true, others, len(column.levels))
            )
        )
    return pd.DataFrame(rows)


def intervals(truth: Holes, hidden: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    """Truth, mean and 90 % interval of every hidden cell of a quantity."""
    parts = []
    for j, column in enumerate(truth.columns):
        cells = hidden[:, j]
        if column.continuous and cells.any():
            low, high = metrics.interval(draws[:, cells, j], LEVEL)
            values = {"truth": truth.values[cells, j], "mean": draws[:, cells, j].mean(0), "low": low, "high": high}
            parts.append(pd.DataFrame({"column": str(column.name), **values}))
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=pd.Index(["column", "truth", "mean", "low", "high"]))
    )


def _of_quantity(drawn: np.ndarray, true: np.ndarray, others: np.ndarray) -> dict[str, float]:
    scale = float(np.concatenate([true, others]).std()) or 1.0
    return {
        "nrmse": metrics.nrmse(drawn, true, scale),
        "crps": metrics.crps(drawn, true, scale),
        "coverage": metrics.coverage(drawn, true, LEVEL),
        "nrmse of mean": float(np.sqrt(np.mean((true - others.mean()) ** 2)) / scale),
        "gain": _gain((true - others.mean()) ** 2 - (true - drawn.mean(0)) ** 2),
    }


def _of_labels(drawn: np.ndarray, true: np.ndarray, others: np.ndarray, levels: int) -> dict[str, float]:
    shares = metrics.shares(drawn, levels)
    mode = np.bincount(others.astype(int)).argmax()
    return {
        "accuracy": metrics.accuracy(shares, true),
        "brier": metrics.brier(shares, true),
        "accuracy of mode": float(np.mean(true == mode)),
        "gain": _gain((shares.argmax(1) == true).astype(float) - (true == mode)),
    }


def _gain(difference: np.ndarray) -> float:
    """The mean of paired differences over its standard error; zero where all are equal."""
    error = difference.std() / np.sqrt(len(difference))
    return float(difference.mean() / error) if error > 0 else 0.0


def _masked(series: Any, cells: np.ndarray) -> Any:
    if series.dtype == bool:
        series = series.astype("boolean")
    elif series.dtype.kind in "iu" and not pd.api.types.is_extension_array_dtype(series.dtype):
        series = series.astype(float)
    return series.mask(cells)


def _covered(scores: Any) -> Check | None:
    if "coverage" not in scores or scores["coverage"].isna().all():
        return None
    value = float(np.average(scores["coverage"].fillna(0), weights=scores["cells"] * scores["coverage"].notna()))
    good = LOWEST <= value <= HIGHEST
    advice = (
        "" if good else " Intervals are too " + ("short; do not trust standard errors." if value < LOWEST else "long.")
    )
    return Check(
        "intervals cover", good, f"90 % intervals hold {value:.0%} of the hidden quantities.{advice}", value, LOWEST
    )


def _better(scores: Any) -> Check:
    worse = scores["column"][scores["gain"] < -2].tolist()
    sentence = (
        f"The mean or the most frequent label guesses better for: {', '.join(worse)}."
        if worse
        else "No column's cells are guessed better by its mean or most frequent label, by two standard errors."
    )
    return Check("better than the mean", not worse, sentence)
