"""Covariates that say what others say: combinations of each other, or the outcome, treatment or instrument again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ceteris.stats.centring import standardised

WIDE = 200  # with more covariates than this, combinations of them are not looked for
FEW = 10  # of so few rows a covariate may be another variable by chance
SUSPECT = 1e-12  # ratio of eigenvalues of the correlations, from which on columns are looked at one by one
OWN = 1e-10  # share of a column's standard deviation that the columns before it must leave


class Spread:
    """Covariates x (n, p) about their means, ``z``, and their correlations; those with missing values are left out."""

    def __init__(self, x: np.ndarray) -> None:
        whole = np.isfinite(x.sum(axis=0))
        self.columns = np.flatnonzero(whole)
        self.z = standardised(x if whole.all() else x[:, whole])[0]

    @cached_property
    def gram(self) -> np.ndarray:
        """z'z, shape (q, q)."""
        return self.z.T @ self.z

    def collinear(self, names: Sequence[str]) -> dict[int, str]:
        """Columns that a constant and those before them determine, and in words how."""
        n, p = self.z.shape
        if not p or p > WIDE or p >= n:
            return {}
        values = np.linalg.eigvalsh(self.gram)
        if values[0] > SUSPECT * values[-1]:
            return {}
        found = _one_by_one(self.z, [names[j] for j in self.columns.tolist()])
        return {int(self.columns[j]): told for j, told in found.items()}

    def copies(self, values: np.ndarray) -> list[int]:
        """Columns that are values (n,) again, but for origin and unit."""
        if len(values) < FEW or not self.z.shape[1]:
            return []
        v = standardised(values[:, None])[0][:, 0]
        moment = self.z.T @ v
        near = np.flatnonzero(np.abs(moment) > (1 - 1e-9) * len(v))
        rest = (np.abs(self.z[:, j] - np.sign(moment[j]) * v).max() for j in near)
        return [int(self.columns[j]) for j, gap in zip(near, rest, strict=True) if gap < 1e-7 * np.abs(v).max()]

    def unexplained(self, d: np.ndarray) -> float:
        """1 - R² of the regression of d (n,) on the covariates."""
        v = d - d.mean()
        moment = self.z.T @ v
        slope = np.linalg.lstsq(self.gram, moment, rcond=1e-12)[0]
        return float(1 - 2 * slope @ moment / (v @ v) + slope @ self.gram @ slope / (v @ v))


def collinear(x: np.ndarray, names: Sequence[str]) -> dict[int, str]:
    """Columns of x (n, p) that a constant and those before them determine, and in words how.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 2.0]])
    >>> collinear(x, ["a", "b", "c"])
    {2: "'c' is a combination of 'a' and 'b'"}
    """
    return Spread(x).collinear(names)


def _one_by_one(z: np.ndarray, names: Sequence[str]) -> dict[int, str]:
    kept: list[int] = []
    basis = np.empty((len(z), 0))
    found = {}
    for j, column in enumerate(z.T):
        left = column - basis @ (basis.T @ column)
        left = left - basis @ (basis.T @ left)  # once more, for what rounding left
        size = float(np.linalg.norm(left))
        if size > OWN * np.sqrt(len(z)):
            kept.append(j)
            basis = np.column_stack([basis, left / size])
            continue
        slopes = np.linalg.lstsq(z[:, kept], column, rcond=None)[0] if kept else np.empty(0)
        found[j] = _in_words(names[j], [names[k] for k, slope in zip(kept, slopes, strict=True) if abs(slope) > 1e-7])
    return found


def _in_words(name: str, others: Sequence[str]) -> str:
    if not others:
        return f"{name!r} is the same in every row"
    if len(others) == 1:
        return f"{name!r} is {others[0]!r} again, but for its units"
    last = f"{len(others) - 4} others" if len(others) > 5 else repr(others[-1])
    return f"{name!r} is a combination of {', '.join(map(repr, others[: 4 if len(others) > 5 else -1]))} and {last}"


def warn_collinear(found: dict[int, str]) -> None:
    """Say which covariates carry nothing of their own."""
    if found:
        told = "; ".join(found.values())
        it = "it" if len(found) == 1 else "them"
        advice = f"Regressions leave {it} out, and the effect is the same without {it}; drop {it}."
        warnings.warn(f"x: {told}. {advice}", UserWarning, stacklevel=4)
