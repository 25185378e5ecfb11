"""Baselines: the mean or the most frequent label, random observed values, and scikit-learn's iterative imputer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import check
from ceteris.impute.base import MultipleImputer
from ceteris.impute.columns import Column, Holes


class MeanMode(MultipleImputer):
    """Fill holes with the mean of a quantity and the most frequent label: a yardstick, not an imputation.

    Every completed table is the same, so that the spread between them is zero and every interval too short.

    Parameters
    ----------
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.

    Examples
    --------
    >>> import pandas as pd
    >>> MeanMode().fit_transform(pd.DataFrame({"x": [1.5, None, 2.5, 6.5], "y": ["a", "b", None, "a"]}))
         x  y
    0  1.5  a
    1  3.5  b
    2  2.5  a
    3  6.5  a
    """

    def __init__(self, *, types: Mapping | None = None, bounds: Mapping | None = None, random_state: Any = None):
        self.types, self.bounds, self.random_state = types, bounds, random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        pairs = zip(holes.columns, holes.values.T, strict=True)
        self.centres_ = np.array([_centre(column, values[~np.isnan(values)]) for column, values in pairs])

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        return [np.where(holes.missing, self.centres_, holes.values)] * m


class HotDeck(MultipleImputer):
    """Fill the holes of a row with what a donor holds: a random row among the nearest.

    The distance of two rows is the mean, over the columns that both have, of the difference of quantities as a share of
    their range and of whether labels differ; ties are broken at random. A column that the donor lacks is taken from one
    of the nearest that have it.

    Parameters
    ----------
    donors : int
        How many of the nearest rows may give.
    pool : int
        Donors are looked for among so many rows drawn at random, and one more per column that observes it.
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.

    References
    ----------
    Andridge and Little (2010), "A review of hot deck imputation for survey non-response", International Statistical
    Review 78. Gower (1971), "A general coefficient of similarity and some of its properties", Biometrics 27, for the
    distance.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"x": [1.0, 2.0, 9.0, 10.0], "y": ["a", "a", "b", None]})
    >>> HotDeck(donors=1).fit_transform(table)["y"].tolist()
    ['a', 'a', 'b', 'b']
    """

    def __init__(self, *, donors: int = 5, pool: int = 2000, types: Mapping | None = None,
                 bounds: Mapping | None = None, random_state: Any = None):  # fmt: skip
        self.donors, self.pool, self.types, self.bounds, self.random_state = donors, pool, types, bounds, random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)
        rows = np.random.default_rng(seed).permutation(len(holes.values))[: self.pool]
        self.givers_ = holes.values[np.union1d(rows, (~holes.missing).argmax(0))]

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        rng, out = np.random.default_rng(seed), [holes.values.copy() for _ in range(m)]
        for row in np.flatnonzero(holes.missing.any(1)):
            distance = _distances(holes.values[row], self.givers_, holes.columns)
            givers = self.givers_[np.lexsort((rng.random(len(distance)), distance))]
            gone, pick = np.flatnonzero(holes.missing[row]), rng.integers(self.donors, size=m)
            able = givers[~np.isnan(givers[:, gone]).all(1)][: self.donors]
            filled = able[pick % len(able)]
            for j in gone:
                near = givers[~np.isnan(givers[:, j]), j][: self.donors]
                filled[:, j] = np.where(np.isnan(filled[:, j]), near[pick % len(near)], filled[:, j])
            for done, donor in zip(out, filled, strict=True):
                done[row, gone] = donor[gone]
        return out


class Iterative(MultipleImputer):
    """scikit-learn's IterativeImputer: Bayesian linear regressions in turn, with draws from their posterior.

    Labels are columns of zeros and ones, one per level but the first (or each would be read off its sisters, which have
    the same holes), and become the level whose column is highest.

    Parameters
    ----------
    iterations : int
        Rounds through the columns.
    types : mapping of column to kind, optional
        "continuous", "binary", "ordinal", "categorical" or "ignore" instead of what the column looks like.
    bounds : mapping of column to (lowest, highest), optional
        Limits of quantities. A quantity that is never negative is never filled with a negative number.
    random_state : int, RandomState or None
        Decides everything random.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"x": [1.1, 2.1, 3.1, 4.1, None], "y": [2.2, 4.2, 6.2, 8.2, 10.2]})
    >>> round(float(Iterative(random_state=0).fit_transform(table)["x"].iloc[4]))
    5
    """

    def __init__(self, *, iterations: int = 10, types: Mapping | None = None, bounds: Mapping | None = None,
                 random_state: Any = None):  # fmt: skip
        self.iterations, self.types, self.bounds, self.random_state = iterations, types, bounds, random_state

    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        check(self)
        self.wide_ = _wide(holes)

    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        out = []
        for k in range(m):
            rule = IterativeImputer(sample_posterior=True, max_iter=self.iterations, random_state=seed % 2**31 + k)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # draws never converge
                rule.fit(self.wide_)
            out.append(_narrow(np.asarray(rule.transform(_wide(holes))), holes.columns))
        return out


def _centre(column: Column, observed: np.ndarray) -> float:
    if not column.continuous:
        return float(np.bincount(observed.astype(int)).argmax())
    return float(np.round(observed.mean()) if column.whole else observed.mean())


def _distances(row: np.ndarray, givers: np.ndarray, columns: tuple[Column, ...]) -> np.ndarray:
    spread = np.nanmax(givers, 0) - np.nanmin(givers, 0)
    gap = np.abs(givers - row) / np.where(spread > 0, spread, 1)
    nominal = np.array([column.kind in ("binary", "categorical") for column in columns])
    gap[:, nominal] = np.where(np.isnan(gap[:, nominal]), np.nan, gap[:, nominal] > 0)
    both = ~np.isnan(gap)
    return np.where(both.any(1), np.nansum(gap, 1) / np.maximum(both.sum(1), 1), 1.0)


def _wide(holes: Holes) -> np.ndarray:
    parts: list[Any] = []
    for column, values in zip(holes.columns, holes.values.T, strict=True):
        if column.continuous:
            parts.append(values[:, None])
        else:
            marks = (values[:, None] == np.arange(1, len(column.levels))).astype(float)
            parts.append(np.where(np.isnan(values)[:, None], np.nan, marks))
    return np.concatenate(parts, 1)


def _narrow(wide: np.ndarray, columns: tuple[Column, ...]) -> np.ndarray:
    out, at = [], 0
    for column in columns:
        width = 1 if column.continuous else len(column.levels) - 1
        part = wide[:, at : at + width]
        if column.continuous:
            out.append(np.clip(part[:, 0], *column.bounds))
        else:
            out.append(np.column_stack([1 - part.sum(1), part]).argmax(1))
        at += width
    return np.column_stack(out)
