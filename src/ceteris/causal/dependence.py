"""Covariates that say what others say: combinations of each other, or the outcome, treatment or instrument again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ceteris.stats.centring import standardised

WIDE = 200  # with more covariates than this, combinations of them are not looked for
FEW = 10  # of so few rows a covariate may be another variable by chance
SUSPECT = 1e-12  # ratio of eigenvalues of the correlations, from which on columns are looked at one by one
OWN = 1e-10  # share of a column's standard deviation that the columns before it must leave


def collinear(x: np.ndarray, names: Sequence[str]) -> dict[int, str]:
    """Columns of x (n, p) that a constant and those before them determine, and in words how.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 2.0]])
    >>> collinear(x, ["a", "b", "c"])
    {2: "'c' is a combination of 'a' and 'b'"}
    """
    n, p = x.shape
    if not p or p > WIDE or p >= n or not np.isfinite(x).all():
        return {}
    z = standardised(x)[0]
    values = np.linalg.eigvalsh(z.T @ z)
    if values[0] > SUSPECT * values[-1]:
        return {}
    return _one_by_one(z, names)


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
        found[j] = _told(names[j], [names[k] for k, slope in zip(kept, slopes, strict=True) if abs(slope) > 1e-7])
    return found


def _told(name: str, others: Sequence[str]) -> str:
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


def copies(x: np.ndarray, values: np.ndarray) -> list[int]:
    """Columns of x (n, p) that are values (n,) again, but for origin and unit.

    Examples
    --------
    >>> y = np.arange(12.0) ** 2
    >>> copies(np.column_stack([np.arange(12.0), 3 - 0.01 * y]), y)
    [1]
    """
    if len(values) < FEW or not x.shape[1]:
        return []
    z, v = standardised(x)[0], standardised(values[:, None])[0][:, 0]
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero(np.abs(z.T @ v) / len(v) > 1 - 1e-9)
    return [int(j) for j in near if np.abs(z[:, j] - np.sign(z[:, j] @ v) * v).max() < 1e-7 * np.abs(v).max()]
