"""Mixed columns as a net sees them: labels one-hot, numbers by the mode they belong to and their place in it.

A number x of a column with modes N(m_k, s_k²) becomes the mode k it was drawn to belong to (one-hot) and (x - m_k) /
s_k: a column with several peaks, a long tail or a spike is then as easy as a normal one. The number of modes is chosen
by Schwarz's criterion. (The paper lets a variational mixture choose it, which gives many modes that overlap even to a
normal column, and divides by 4 s_k, which makes numbers small beside labels; both cost a good part of the dependence
between columns.)

References
----------
Xu, L., Skoularidou, M., Cuesta-Infante, A. and Veeramachaneni, K. (2019). Modeling tabular data using conditional GAN.
NeurIPS 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture

from ceteris.synthesis.wasserstein import Spans
from ceteris.tables import coding
from ceteris.tables.frames import refuse_own_labels
from ceteris.tables.magnitude import refuse_extremes

FEW = 20  # a numeric column with up to so many different values is treated as labels
MODES, LIGHTEST = 6, 0.005  # most modes of a column, and the least share of its rows that makes one
SAMPLE = 3_000  # rows that modes are found on
FAR = 5.0  # standard deviations from the middle of a mode at which numbers are cut off


@dataclass(frozen=True)
class Labels:
    """A column of few different values."""

    name: Any
    values: np.ndarray
    dtype: Any

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.values)

    @property
    def spans(self) -> tuple[tuple[str, int], ...]:
        """Kinds and widths of its stretches."""
        return (("labels", self.width),)

    def encode(self, column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return indicators, shape (rows, width)."""
        codes = coding.codes_of("table", self.name, column, self.values)
        return coding.indicators(codes, self.width).astype(np.float32)

    def decode(self, x: np.ndarray) -> pd.Series:
        """Return the values that rows of the matrix stand for."""
        found = pd.Series(self.values[x.argmax(1)], name=self.name)
        if isinstance(self.dtype, pd.CategoricalDtype):  # its labels were read as text
            found = found.map({str(label): label for label in self.dtype.categories})
        return found.astype(self.dtype)


@dataclass(frozen=True)
class Numbers:
    """A column of many different numbers, with its modes: means, standard deviations and shares, each (modes,)."""

    name: Any
    mean: np.ndarray
    sd: np.ndarray
    share: np.ndarray
    low: float
    high: float
    whole: bool
    dtype: Any

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return 1 + len(self.mean)

    @property
    def spans(self) -> tuple[tuple[str, int], ...]:
        """Kinds and widths of its stretches."""
        return ("number", 1), ("mode", len(self.mean))

    def encode(self, column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the place within a mode and the mode drawn, shape (rows, width)."""
        z = (column[:, None] - self.mean) / self.sd
        log = np.log(self.share / self.sd) - 0.5 * z**2
        mode = (log + rng.gumbel(size=log.shape)).argmax(1)  # a draw from the posterior of the modes
        place = np.clip(z[np.arange(len(z)), mode], -FAR, FAR)
        return np.concatenate([place[:, None], np.eye(len(self.mean))[mode]], axis=1, dtype=np.float32)

    def decode(self, x: np.ndarray) -> pd.Series:
        """Return numbers within the range that was seen, whole ones where all were."""
        mode = x[:, 1:].argmax(1)
        value = np.clip(self.mean[mode] + self.sd[mode] * x[:, 0].astype(float), self.low, self.high)
        return pd.Series(np.round(value) if self.whole else value, name=self.name).astype(self.dtype)


def find_columns(frame: pd.DataFrame, seed: int) -> tuple[Labels | Numbers, ...]:
    """Learn how each column is to be taken.

    Examples
    --------
    >>> frame = pd.DataFrame({"kind": ["a", "b"] * 50, "size": np.linspace(0, 1, 100)})
    >>> [type(column).__name__ for column in find_columns(frame, seed=0)]
    ['Labels', 'Numbers']
    """
    taken = coding.read(frame)  # complains about holes, twins and types
    return tuple(
        _find(name, column, frame[name].dtype, seed) for name, column in zip(frame, taken.columns, strict=True)
    )


def _find(name: Any, column: np.ndarray, dtype: Any, seed: int) -> Labels | Numbers:
    values = np.unique(column)
    if column.dtype == object or len(values) <= FEW:
        refuse_own_labels("table", name, column)
        return Labels(name, values, dtype)
    refuse_extremes("table", name, column)
    whole = bool(np.all(column == np.round(column)))
    rng = np.random.default_rng(seed)
    sample = rng.choice(column, min(SAMPLE, len(column)), replace=False)
    mean, sd, share = _modes(sample, seed)
    return Numbers(name, mean, sd, share, column.min(), column.max(), whole, dtype)


def _modes(x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, standard deviations and shares of the modes of a sample, each (modes,)."""
    centre, scale = x.mean(), x.std()
    z = (x[:, None] - centre) / scale
    fits = [GaussianMixture(k, random_state=seed, reg_covar=1e-4).fit(z) for k in range(1, MODES + 1)]
    best: Any = min(fits, key=lambda mixture: mixture.bic(z))
    kept = best.weights_ > LIGHTEST
    sd = scale * np.sqrt(best.covariances_[kept, 0, 0])
    return centre + scale * best.means_[kept, 0], sd, best.weights_[kept] / best.weights_[kept].sum()


def spans_of(columns: tuple[Labels | Numbers, ...]) -> Spans:
    """Return kind, start and stop of every stretch of the matrix."""
    spans, at = [], 0
    for kind, width in (span for column in columns for span in column.spans):
        spans.append((kind, at, at + width))
        at += width
    return tuple(spans)


def encode(columns: tuple[Labels | Numbers, ...], frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Return the matrix of a table, float32 (rows, columns of the matrix)."""
    rng = np.random.default_rng(seed)
    taken = coding.read(frame).columns
    return np.concatenate([column.encode(values, rng) for column, values in zip(columns, taken, strict=True)], axis=1)


def decode(columns: tuple[Labels | Numbers, ...], x: np.ndarray) -> pd.DataFrame:
    """Return the table that a matrix stands for."""
    ends = np.cumsum([column.width for column in columns])[:-1]
    parts = [column.decode(part) for column, part in zip(columns, np.split(x, ends, axis=1), strict=True)]
    return pd.concat(parts, axis=1)
