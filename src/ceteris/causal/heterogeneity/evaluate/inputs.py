"""Arrays that metrics and policies work on; complaints come before any work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ceteris.arguments import POSITIVE
from ceteris.causal.covariates import covariates_at
from ceteris.tables.frames import finite, same_labels

ROUNDING = 1e-12  # values that differ by less than this share of the largest differ by rounding only


def vectors(fewest: int = 2, /, **given: Any) -> tuple[np.ndarray, ...]:
    """Return what is given as arrays of floats, all of one shape (n,), n at least ``fewest``, without missing values.

    Examples
    --------
    >>> vectors(scores=[1, 2], priority=[0.5, 0.1])
    (array([1., 2.]), array([0.5, 0.1]))
    """
    same_labels(**given)
    arrays = {role: finite(role, values, (None,)) for role, values in given.items()}
    same_length(fewest, **arrays)
    return tuple(arrays.values())


def same_length(fewest: int = 2, /, **arrays: np.ndarray) -> None:
    """Refuse arrays of different numbers of rows, or of too few."""
    first, n = next((role, len(array)) for role, array in arrays.items())
    for role, array in arrays.items():
        if len(array) != n:
            raise ValueError(f"{role} has {len(array)} rows, but must have those of {first}, {n}; give as many.")
    if n < fewest:
        raise ValueError(f"{first} has {n} rows, but must have {fewest} at least; give more.")


def labels(role: str, given: Any, n: int) -> np.ndarray:
    """Return labels of any kind as an array (n,), none missing."""
    import pandas as pd

    array = np.asarray(given)
    if array.shape != (n,):
        raise ValueError(f"{role} has shape {array.shape}, but must have ({n},), one label for each row; reshape it.")
    if pd.isna(array).any():
        raise ValueError(f"{role} holds {int(pd.isna(array).sum())} missing labels, but must hold none; name them.")
    return array


def clusters_of(given: Any, n: int) -> tuple[np.ndarray, ...]:
    """Return clusters as an estimate keeps them: none or one set."""
    return () if given is None else (labels("cluster", given, n),)


def weights_of(given: Any, n: int) -> np.ndarray:
    """Return weights of mean one, shape (n,); ones where none are given."""
    if given is None:
        return np.ones(n)
    weights = finite("weights", given, (n,), POSITIVE, "drop rows of weight zero")
    return weights / weights.mean()


def named(role: str, given: Any, alone: str) -> dict[str, np.ndarray]:
    """Return one array, or a mapping or data frame of several, by name; a single array is called ``alone``."""
    if isinstance(given, Mapping) or hasattr(given, "columns"):
        names = getattr(given, "columns", given)
        found = {str(name): vectors(**{f"{role}[{str(name)!r}]": given[name]})[0] for name in names}
        if not found:
            raise ValueError(f"{role} is empty, but must hold one array at least; give an array, or arrays by name.")
        return found
    return {alone: vectors(**{role: given})[0]}


def constant(values: np.ndarray, share: float = ROUNDING) -> bool:
    """Whether values differ by rounding at most, a share of the largest.

    Examples
    --------
    >>> constant(np.array([0.3, 0.1 + 0.2])), constant(np.array([0.3, 0.30001]))
    (True, False)
    """
    return bool(np.ptp(values) <= share * np.abs(values).max())


def refuse_constant(role: str, values: np.ndarray, what: str) -> None:
    """Refuse a ranking by a constant, which ranks nobody."""
    if constant(values):
        raise ValueError(
            f"{role}: it is {values[0]:g} for all {len(values)} units, and without variation {what}; report the "
            "average effect, or give an estimate that varies."
        )


def refuse_treatment(d: np.ndarray) -> None:
    """Refuse a treatment that is not binary, or of which an arm is empty."""
    values = np.unique(d)
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"d runs from {values[0]:g} to {values[-1]:g}, but must be 0 or 1; recode it.")
    if len(values) == 1:
        who = "treated" if values[0] == 1 else "untreated"
        raise ValueError(f"d: all {len(d)} units are {who}, but effects compare both arms; add rows of the other one.")


def same_covariates(x: Any, names: tuple[str, ...]) -> np.ndarray:
    """Return covariates of other rows as a matrix (m, p), by name; none missing."""
    return finite("x", covariates_at(x, names))
