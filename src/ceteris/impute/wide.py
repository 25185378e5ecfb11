"""A table as one matrix for nets that reconstruct their input: quantities standardised, labels as zeros and ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ceteris.impute.columns import Column, Holes, refuse_many_levels


class Spans(NamedTuple):
    """Where things are in a row of outputs: the number of quantities, and the number of levels of each label."""

    quantities: int
    levels: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Wide:
    """How a table becomes a matrix: quantities first, (x - mean)/scale, then the indicators of the labels."""

    columns: tuple[Column, ...]
    mean: np.ndarray
    scale: np.ndarray

    @property
    def order(self) -> list[int]:
        """The columns, quantities first."""
        return sorted(range(len(self.columns)), key=lambda j: not self.columns[j].continuous)

    @property
    def spans(self) -> Spans:
        """Where things are."""
        levels = tuple(len(self.columns[j].levels) for j in self.order if not self.columns[j].continuous)
        return Spans(len(self.columns) - len(levels), levels)

    def forward(self, holes: Holes) -> tuple[np.ndarray, np.ndarray]:
        """The matrix, zeros in holes, and by column (quantities first) what is seen."""
        parts = []
        for j in self.order:
            values = holes.values[:, j]
            if self.columns[j].continuous:
                parts.append(((values - self.mean[j]) / self.scale[j])[:, None])
            else:
                parts.append((values[:, None] == np.arange(len(self.columns[j].levels))).astype(float))
        seen = ~holes.missing[:, self.order]
        return np.nan_to_num(np.concatenate(parts, 1)).astype(np.float32), seen

    def back(self, outputs: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Values and codes, (rows, columns), from quantities and probabilities; labels drawn, or the most likely."""
        out, at = np.empty((len(outputs), len(self.columns))), 0
        for j in self.order:
            column = self.columns[j]
            if column.continuous:
                values = outputs[:, at] * self.scale[j] + self.mean[j]
                out[:, j] = np.clip(values, *column.bounds)
                at += 1
            else:
                shares = outputs[:, at : at + len(column.levels)]
                out[:, j] = shares.argmax(1) if rng is None else _draw(shares, rng)
                at += len(column.levels)
        return out


def learn_wide(holes: Holes, unit: bool = False) -> Wide:
    """Means and standard deviations of what is observed; for the unit interval, the lowest value and the range.

    Examples
    --------
    >>> holes = Holes((Column("a", "binary", (0, 1)), Column("x", "continuous")), np.array([[0.0, 1.0], [1.0, 3.0]]))
    >>> learn_wide(holes).forward(holes)[0].tolist()
    [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """
    refuse_many_levels(holes.columns)
    values = holes.values
    mean, scale = np.nanmean(values, 0), np.nanstd(values, 0)
    if unit:
        mean = np.nanmin(values, 0)
        scale = np.nanmax(values, 0) - mean
    return Wide(holes.columns, mean, np.where(scale > 0, scale, 1.0))


def spread(seen: np.ndarray, spans: Spans) -> np.ndarray:
    """Spread marks by column of the table over the columns of the matrix."""
    return np.repeat(seen, [1] * spans.quantities + list(spans.levels), axis=1)


def _draw(shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    total = np.cumsum(shares, 1)
    return (rng.random((len(shares), 1)) * total[:, -1:] > total).sum(1).clip(max=shares.shape[1] - 1)
