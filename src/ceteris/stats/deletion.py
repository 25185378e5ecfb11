"""What an estimate would be without one row, or one cluster, and how much of the variance that one has.

With δ_i = n (θ̂ - θ̂₋ᵢ), the estimate without unit i is θ̂ - δ_i / n, exactly or to first order, and the standard error
that the others give is s_i = sqrt(Σ_{j≠i} (δ_j - δ̄₋ᵢ)²) / n. A unit decides if without it the estimate leaves the 95 %
interval of the others, |θ̂ - θ̂₋ᵢ| > 1.96 s_i: there are then not many observations of one thing, but one observation
and the rest. Its share of the variance, δ_i² / Σ_j δ_j², is then at least 0.79 or so. Of m normal δ the largest is
beyond 1.96 with probability m P(|t_{m-2}| > 1.96 √(m-2)) at most, which is below 0.01 from ten on and vanishes quickly.

Where a row pulls the fit to itself its influence function is small just because it decides; so δ_i is the influence
divided by one minus the leverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ceteris.stats.covariance import cluster_totals

DECISIVE = 1.96  # standard errors of the other units
FEWEST = 10  # units


class Deletion(NamedTuple):
    """The unit that decides most, over all entries of an estimate.

    ``entry`` and ``unit`` are their numbers, ``share`` is that of the variance, ``change`` what the estimate loses when
    the unit is left out, ``distance`` the same in standard errors of the others, ``units`` how many count.
    """

    entry: int
    unit: int
    share: float
    change: float
    distance: float
    units: int


def without_leverage(influence: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """δ (n, k) from the influence of each row on a root and its share of the slope, (n, k) or (n, 1).

    A row whose share is one is all that the estimate rests on: δ is infinite, unless the row does not matter to it.

    Examples
    --------
    >>> without_leverage(np.array([[1.0], [0.0]]), np.array([[0.5], [1.0]])).ravel()
    array([ 2., inf])
    """
    rest = 1 - leverage
    alone = np.abs(rest) < 1e-12
    return np.where(alone, np.inf, influence / np.where(alone, 1.0, rest))


def most_decisive(deletion: np.ndarray, clusters: Sequence[np.ndarray] = ()) -> Deletion:
    """Find the unit, a row or a cluster of the first set, that decides most, from δ (n, k).

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 14.0])
    >>> found = most_decisive((x - x.mean())[:, None] * 4 / 3)  # of the mean
    >>> found.unit, float(x.mean() - found.change), round(found.share, 2), round(found.distance, 2)
    (3, 2.0, 0.74, 6.36)
    """
    each = cluster_totals(deletion, clusters[0]) if clusters else deletion
    size = np.abs(each).max(axis=0, initial=0.0)
    scaled = each / np.where((size > 0) & np.isfinite(size), size, 1.0)
    unit = np.abs(scaled).argmax(axis=0)
    at = unit, np.arange(scaled.shape[1])
    top, total = scaled[at], np.where(np.isfinite(scaled), scaled, 0.0).sum(axis=0)
    rest = np.where(np.isfinite(top), scaled, 0.0)
    rest[at] = (total - np.where(np.isfinite(top), top, 0.0)) / max(len(scaled) - 1, 1)  # the mean of the others
    spread = ((rest - rest[at]) ** 2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.nan_to_num(np.abs(top) / np.sqrt(spread), nan=0.0, posinf=np.inf)
        share = np.where(np.isinf(top), 1.0, top**2 / np.maximum((scaled**2).sum(axis=0), 1e-300))
    j = int(distance.argmax())
    counted = int((np.abs(scaled[:, j]) > 0).sum())
    change = float(each[unit[j], j] / len(deletion))
    return Deletion(j, int(unit[j]), float(share[j]), change, float(distance[j]), counted)
