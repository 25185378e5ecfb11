"""Columns that say how a table is cut and are not learnt from: groups that stay together, and time.

References
----------
Roberts, D. R. et al. (2017). Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic
structure. Ecography 40.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
import pandas as pd

from ceteris.arguments import as_many, one_of
from ceteris.tables.frames import refuse_twins


def take_out(X: Any, groups: Any, time: Any) -> tuple[Any, np.ndarray | None, np.ndarray | None]:
    """Return the table without the columns that only say how it is cut, and what they say.

    Parameters
    ----------
    X : data frame or array-like of shape (n, columns)
    groups, time : str, array-like of shape (n,), or None
        The name of a column of X, which is taken out of it; or an array, beside it.

    Returns
    -------
    X : data frame or array-like
    groups : array of shape (n,) or None
        The number of each row's group.
    time : array of shape (n,) or None
        The number of each row's moment: equal ones have one.

    Examples
    --------
    >>> X = pd.DataFrame({"firm": ["b", "a", "b"], "year": [2002, 2002, 1999], "size": [1.0, 2.0, 3.0]})
    >>> X, _, time = take_out(X, None, "year")
    >>> list(X), time.tolist()
    (['firm', 'size'], [1, 1, 0])
    """
    if groups is not None and time is not None:
        raise ValueError(
            "groups and time are both given, but a table is cut by one of them; give groups to predict for new ones, "
            "or time to predict the future of those there are."
        )
    if groups is None and time is None:
        return X, None, None
    argument, given = ("groups", groups) if time is None else ("time", time)
    X, values = _column(X, argument, given)
    if values.isna().any():
        raise ValueError(
            f"{argument}: {int(values.isna().sum())} of {len(values)} rows have none; drop these rows or say theirs."
        )
    if time is None:
        return X, _labels(values), None
    return X, None, _moments(values)


def labels_of_rows(X: Any, argument: str, given: Any) -> pd.Series:
    """Return the column of X that was named, or the labels given beside it, one per row."""
    return _column(X, argument, given)[1]


def _column(X: Any, argument: str, given: Any) -> tuple[Any, pd.Series]:
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(given, str):
        values = pd.Series(np.asarray(given)) if not hasattr(given, "dtype") else pd.Series(given)
        as_many(argument, values, len(X), of="row of X")
        return X, values.reset_index(drop=True)
    if not isinstance(frame, nw.DataFrame):
        raise TypeError(
            f"{argument} is a name, {given!r}, but X has no names of columns; give a data frame, or {argument} as an "
            "array."
        )
    refuse_twins("X", X)
    one_of(argument, given, frame.columns, kind="a column of X:")
    if len(frame.columns) == 1:
        raise ValueError(f"{argument}: {given!r} is the only column of X, but one must be left to learn from; add one.")
    return frame.drop(given).to_native(), frame[given].to_pandas().reset_index(drop=True)


def _labels(values: pd.Series) -> np.ndarray:
    codes, known = pd.factorize(values, sort=values.dtype != object)
    if values.dtype == object:  # labels of several types have no order of their own
        codes = np.argsort(np.argsort([str(one) for one in known]))[codes]
    if len(known) < 3:
        raise ValueError(
            f"groups holds {len(known)} different labels, but there must be three at least: two to choose by and one "
            "to test on; give a finer grouping."
        )
    return codes


def _moments(values: pd.Series) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values):
        try:
            values = pd.Series(pd.to_datetime(values, format="ISO8601"))
        except (TypeError, ValueError):
            raise ValueError(
                f"time holds {str(values.iloc[0])!r}, but must hold numbers or dates, such as 2024-03-31; convert it."
            ) from None
    return np.unique(values.to_numpy(), return_inverse=True)[1]
