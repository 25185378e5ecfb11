"""How a column enters a net: quantities near a normal shape, or cut into bins where values pile up; labels as codes.

A quantity goes through the power transformation that makes it most nearly normal, unless its skewness is small, and is
standardised. A column in which a value makes up 5 % of the rows and more, or which takes few values, is cut into bins,
the frequent values alone in theirs; a value is then drawn from the observed ones in its bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from ceteris.impute.columns import Column
from ceteris.nets.conditionals import Levels

FREQUENT, FEW_VALUES = 0.05, 25  # share of one value, and number of values, from which on a column is cut
SKEWED = 0.5  # skewness from which on a column is transformed
BINS, FEWEST = 16, 10  # of the infrequent values together; observations in each
TOLD = 0.5  # share of a label's entropy that a single column must explain to be taken as evidence on its own
BEYOND = 1.0  # standard deviations beyond the observed range, after transformation, that a draw may take


@dataclass(frozen=True, eq=False)
class Quantity:
    """A transformation to a nearly standard normal shape, and back.

    z = (power(x) - mean) / scale, where power is Box and Cox's, (u^λ - 1)/λ with u = x/unit, of a positive column and
    Yeo and Johnson's of u = (x - centre)/unit otherwise; λ = 1 leaves the shape as it is.
    """

    column: Column
    positive: bool
    power: float
    centre: float
    unit: float
    mean: float
    scale: float
    reach: tuple[float, float]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Turn values into standardised ones; NaN stays."""
        u = (x - self.centre) / self.unit
        return (_power(u, self.power, self.positive) - self.mean) / self.scale

    def back(self, z: np.ndarray) -> np.ndarray:
        """Turn standardised values into ones that the column can take."""
        v = np.clip(z, *self.reach) * self.scale + self.mean
        x = _unpower(v, self.power, self.positive) * self.unit + self.centre
        x = np.clip(x, *self.column.bounds)
        return np.round(x) if self.column.whole else x


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes: of the levels of a column of labels, or of the bins of a quantity.

    ``edges`` (the largest value in each bin) and ``donors`` (the sorted observed values) belong to bins only.
    """

    column: Column
    count: int
    ordered: bool
    edges: np.ndarray | None = None
    donors: np.ndarray | None = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Turn values, or codes of levels, into codes; NaN stays."""
        if self.edges is None:
            return x
        codes = np.minimum(np.searchsorted(self.edges, x), self.count - 1).astype(float)
        return np.where(np.isnan(x), np.nan, codes)

    def back(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Turn codes into codes of levels, or into a random observed value of the bin."""
        if self.edges is None or self.donors is None:
            return codes
        stop = np.searchsorted(self.donors, self.edges, side="right")
        start = np.concatenate([[0], stop[:-1]])
        codes = codes.astype(int)
        return self.donors[rng.integers(start[codes], stop[codes])]


Scale = Quantity | Codes


def scale_of(column: Column, values: np.ndarray) -> Scale:
    """Learn the scale of a column from its values, NaN where there is a hole.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> skewed = scale_of(Column("income", "continuous", bounds=(0, np.inf)), np.exp(rng.standard_normal(1000)))
    >>> isinstance(skewed, Quantity), abs(round(skewed.power, 1))
    (True, 0.0)
    >>> spiky = scale_of(Column("gain", "continuous"), np.maximum(rng.standard_normal(1000), 0))
    >>> isinstance(spiky, Codes), spiky.back(np.array([0.0]), rng)
    (True, array([0.]))
    """
    seen = np.sort(values[~np.isnan(values)])
    if not column.continuous:
        return Codes(column, len(column.levels), column.kind != "categorical" or len(column.levels) == 2)
    _, counts = np.unique(seen, return_counts=True)
    if counts.max() >= FREQUENT * len(seen) or len(counts) <= FEW_VALUES:
        edges = _bins(seen)
        return Codes(column, len(edges), True, edges, seen)
    return _quantity(column, seen)


def _bins(seen: np.ndarray) -> np.ndarray:
    """The largest value of each bin: frequent values have one of their own, the others share up to `BINS`."""
    values, counts = np.unique(seen, return_counts=True)
    frequent = counts >= max(FEWEST, 0.02 * len(seen))
    least = max(FEWEST, counts[~frequent].sum() / BINS)
    edges: list[float] = []
    load = 0
    for k, (value, count) in enumerate(zip(values, counts, strict=True)):
        load += count
        last, alone_next = k + 1 == len(values), k + 1 < len(values) and frequent[k + 1]
        if last or frequent[k] or alone_next or load >= least:
            edges.append(value)
            load = 0
    return np.array(edges)


def _quantity(column: Column, seen: np.ndarray) -> Quantity:
    from scipy import stats

    positive = bool(seen[0] > 0)
    skewed = abs(_skewness(seen)) > SKEWED
    spread = np.subtract(*np.percentile(seen, [75, 25])) or seen.std()
    centre, unit = (0.0, float(np.median(seen))) if positive else (float(np.median(seen)), float(spread))
    power = 1.0
    if skewed:
        u = (seen - centre) / unit
        fitted: Any = stats.boxcox(u) if positive else stats.yeojohnson(u)
        power = float(np.clip(fitted[1], -2, 3))
    v = _power((seen - centre) / unit, power, positive)
    z = (v - v.mean()) / v.std()
    reach = (float(z[0]) - BEYOND, float(z[-1]) + BEYOND)
    return Quantity(column, positive, power, centre, unit, float(v.mean()), float(v.std()), reach)


def _skewness(x: np.ndarray) -> float:
    """The third standardised moment; 0 where values differ by no more than their rounding."""
    far = x - x.mean()
    spread = np.sqrt(np.mean(far**2))
    return float(np.mean((far / spread) ** 3)) if spread > 1e-14 * np.abs(x).max() else 0.0


def _power(u: np.ndarray, power: float, positive: bool) -> np.ndarray:
    if power == 1:
        return u - 1 if positive else u
    if positive:
        return np.log(u) if abs(power) < 1e-8 else np.expm1(power * np.log(u)) / power
    up = _power(np.maximum(u, 0) + 1, power, True)
    return np.where(u >= 0, up, -_power(1 - np.minimum(u, 0), 2 - power, True))


def _unpower(v: np.ndarray, power: float, positive: bool) -> np.ndarray:
    if power == 1:
        return v + 1 if positive else v
    if positive:
        if abs(power) < 1e-8:
            return np.exp(v)
        return np.exp(np.log(np.maximum(1 + power * v, 1e-6)) / power)  # the transformation is bounded on one side
    up = _unpower(np.maximum(v, 0), power, True) - 1
    return np.where(v >= 0, up, 1 - _unpower(-np.minimum(v, 0), 2 - power, True))


def matrices(scales: tuple[Scale, ...], values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort a table into what a net takes, columns as `arrangement` puts them; holes are zeros in z and codes.

    Returns
    -------
    z : float32 array, shape (rows, quantities)
    codes : int32 array, shape (rows, columns of labels)
    seen : bool array, shape (rows, columns)
    """
    together = np.column_stack([scales[j].forward(values[:, j]) for j in arrangement(scales)])
    q = sum(isinstance(scale, Quantity) for scale in scales)
    filled = np.nan_to_num(together)
    return filled[:, :q].astype(np.float32), filled[:, q:].astype(np.int32), ~np.isnan(together)


def levels_of(scales: tuple[Scale, ...], values: np.ndarray) -> Levels:
    """What a net must know of the labels; their largest number is rounded up to a multiple of eight."""
    labels = [scale for scale in (scales[j] for j in arrangement(scales)) if isinstance(scale, Codes)]
    z, codes, seen = matrices(scales, values)
    q, K = len(scales) - len(labels), -(-max([scale.count for scale in labels], default=1) // 8) * 8
    allowed, share = np.full((len(labels), K), -np.inf, np.float32), np.zeros((len(labels), K), np.float32)
    for j, scale in enumerate(labels):
        allowed[j, : scale.count] = 0
        share[j] = np.bincount(codes[seen[:, q + j], j], minlength=K) / seen[:, q + j].sum()
    ordered = sum(scale.ordered for scale in labels)
    k = np.arange(K)
    mean = share[:ordered] @ k
    spread = np.sqrt(np.maximum(share[:ordered] @ k**2 - mean**2, 1e-6))
    score = ((k - mean[:, None]) / spread[:, None]).astype(np.float32)
    dims = [(j, level) for j, scale in enumerate(labels) if not scale.ordered for level in range(scale.count)]
    column, level = tuple(j for j, _ in dims), tuple(level for _, level in dims)
    edges = np.array([np.quantile(z[seen[:, j], j], np.arange(1, K) / K) for j in range(q)], np.float32).reshape(
        q, K - 1
    )
    source, odds = _evidence(np.column_stack([(z[:, :, None] > edges).sum(2), codes]), seen, share)
    cuts_and_odds = jnp.asarray(edges), jnp.asarray(source), jnp.asarray(odds)
    return Levels(jnp.asarray(allowed), jnp.asarray(share), jnp.asarray(score), *cuts_and_odds, column, level)


def _evidence(places: np.ndarray, seen: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The column that tells most about each label, (labels,), and log P(level | its place) / P(level), (labels, K, K).

    One further row with the usual shares is added to those seen. Zero where no column explains `TOLD` of the entropy.
    """
    (labels, K), columns = share.shape, places.shape[1]
    usual = np.log(np.maximum(share, 1e-6))
    source, odds = np.zeros(labels, np.int32), np.zeros((labels, K, K), np.float32)
    for j in range(labels):
        own, best = columns - labels + j, TOLD
        for s in np.delete(np.arange(columns), own):
            both = seen[:, s] & seen[:, own]
            counts = np.bincount(places[both, s] * K + places[both, own], minlength=K * K).reshape(K, K)
            ratio = np.log(np.maximum((counts + share[j]) / (counts.sum(1, keepdims=True) + 1), 1e-6)) - usual[j]
            told = (counts * ratio).sum() / max(-(counts * usual[j]).sum(), 1e-6)
            if told > best:
                source[j], odds[j], best = s, ratio, told
    return source, odds


def arrangement(scales: tuple[Scale, ...]) -> list[int]:
    """The columns in the order of a net: quantities, ordered labels, unordered labels; two labels count as ordered."""

    def place(j: int) -> int:
        scale = scales[j]
        return 0 if isinstance(scale, Quantity) else 1 if scale.ordered else 2

    return sorted(range(len(scales)), key=place)


def values_of(scales: tuple[Scale, ...], z: np.ndarray, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The inverse of `matrices`: values and codes of levels in the order of the table, shape (rows, columns)."""
    out = np.empty((len(z), len(scales)))
    for k, j in enumerate(arrangement(scales)):
        scale = scales[j]
        if isinstance(scale, Quantity):
            out[:, j] = scale.back(z[:, k].astype(float))
        else:
            out[:, j] = scale.back(codes[:, k - z.shape[1]], rng)
    return out
