"""What all imputers share: fit on a table with holes, then complete it, or another one, any number of times."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ceteris.arguments import whole
from ceteris.fitted import AbstractFitted
from ceteris.impute.columns import Holes, as_frame, complete, learn, read
from ceteris.impute.missingness import enough_observed, share_table
from ceteris.impute.shown import SHOWN, described, drawing, holes_of, training
from ceteris.results import Check, Section


class MultipleImputer(TransformerMixin, AbstractFitted):
    """A table with holes in, completed tables out. An imputer adds its parameters, how it learns, and how it draws.

    Observed cells, the index, the types and the order of columns and rows stay as they are; results do not depend on
    the order of the columns.
    """

    types: Mapping[Any, str] | None
    bounds: Mapping[Any, tuple[float, float]] | None
    random_state: Any

    def fit(self, X: Any, y: Any = None):
        """Learn.

        Parameters
        ----------
        X : data frame or array-like of shape (n, columns)
            Numbers, booleans and labels, with holes; see `ceteris.impute.columns.learn`.
        y : ignored

        Returns
        -------
        self
        """
        self.table_ = as_frame(X).copy()  # what the caller does to X later is not learnt from
        self.holes_ = learn(self.table_, self._types(self.table_), self.bounds)
        self.n_features_in_ = self.table_.shape[1]
        self.feature_names_in_ = self.table_.columns.to_numpy(object)
        self.seed_ = int(generator(self.random_state).integers(2**31))
        self._learn(self.table_, self.holes_, self.seed_)
        return self

    def transform(self, X: Any) -> Any:
        """Complete a table once; a data frame for a data frame, an array for an array.

        Parameters
        ----------
        X : as in `fit`
            The same columns; the rows may be others.
        """
        check_is_fitted(self)
        done = self.sample(1, X)[0]
        return done if isinstance(X, pd.DataFrame) or hasattr(X, "columns") else done.to_numpy()

    def sample(self, m: int = 10, X: Any = None) -> list[pd.DataFrame]:
        """Complete a table m times.

        Parameters
        ----------
        m : int
            Number of completed tables.
        X : as in `fit`, optional
            The table learnt from if not given.

        Returns
        -------
        list of m DataFrames
        """
        check_is_fitted(self)
        whole("m", m)
        table = self.table_ if X is None else as_frame(X)
        holes = self.holes_ if X is None else read(table, self.holes_.columns)
        return [complete(table, holes, values) for values in self._draw(table, holes, m, self.seed_)]

    def summary(self) -> str:
        """Return one screen: the table learnt from, how training ended, the columns with most holes."""
        check_is_fitted(self)
        return described(self)

    def glance(self) -> Section:
        """Return what a notebook shows: the holes of the table learnt from."""
        check_is_fitted(self)
        return holes_of(self)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether enough is observed; how good the draws are only over-imputation can say."""
        check_is_fitted(self)
        who = f"overimpute({type(self).__name__}(...), table)"
        good = f"The table does not say; {who} hides known cells and compares."
        return enough_observed(share_table(self.holes_)), Check("draws are good", None, good)

    def sections(self) -> tuple[Section, ...]:
        """Return the holes, the training, and what is drawn for them against what was observed.

        Up to 2,000 rows with holes are completed three times for the last part, which takes as long as this takes.
        """
        check_is_fitted(self)
        parts = (holes_of(self), training(self), drawing(self.holes_, self._drawn()))
        return tuple(part for part in parts if part is not None)

    def _drawn(self) -> list[np.ndarray]:
        """Completed values of rows with holes, three times; of a panel, where rows belong together, of all rows."""
        rows = np.flatnonzero(self.holes_.missing.any(1))
        rows = np.sort(np.random.default_rng(self.seed_).permutation(rows)[:SHOWN])
        if not len(rows):
            return []
        table, holes = self.table_, self.holes_
        if getattr(self, "group", None) is None:
            table, holes = table.iloc[rows], Holes(holes.columns, holes.values[rows])
        return [np.where(holes.missing, done, np.nan) for done in self._draw(table, holes, 3, self.seed_)]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, which stay."""
        return self.feature_names_in_

    def _types(self, table: pd.DataFrame) -> Mapping[Any, str] | None:
        """The kinds of columns that are given; an imputer with roles for columns adds to them."""
        return self.types

    @abc.abstractmethod
    def _learn(self, table: pd.DataFrame, holes: Holes, seed: int) -> None:
        """Learn from the table."""

    @abc.abstractmethod
    def _draw(self, table: pd.DataFrame, holes: Holes, m: int, seed: int) -> list[np.ndarray]:
        """Return m completed arrays of values, (rows, columns); only those in holes count."""


def generator(random_state: Any) -> np.random.Generator:
    """Return the generator that an int, None or a generator of scikit-learn's contract stands for."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(np.iinfo(np.int32).max)
    return np.random.default_rng(random_state)
