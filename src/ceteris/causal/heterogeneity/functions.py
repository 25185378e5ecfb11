"""Functions of covariates, (rows, p) to (rows,), as values: what is learnt is put together from them, and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.crossfit import Function
from ceteris.stats import centring
from ceteris.training import mean_outputs


@dataclass(frozen=True)
class Flat:
    """One value everywhere."""

    value: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), self.value)


@dataclass(frozen=True, eq=False)
class MeanFunction:
    """The mean of several functions."""

    functions: tuple[Function, ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.mean([function(x) for function in self.functions], axis=0)


@dataclass(frozen=True, eq=False)
class Gap:
    """One function less another."""

    above: Function
    below: Function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.above(x) - self.below(x)


@dataclass(frozen=True, eq=False)
class Mixture:
    """middle + Σ_k share_k (f_k - centre_k)."""

    functions: tuple[Function, ...]
    centres: tuple[float, ...]
    shares: tuple[float, ...]
    middle: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.of([function(x) for function in self.functions], len(x))

    def of(self, values: Any, rows: int) -> np.ndarray:
        """Mix values of the functions, shape (rows,) each."""
        parts = zip(values, self.centres, self.shares, strict=True)
        return np.zeros(rows) + (self.middle + sum(share * (value - centre) for value, centre, share in parts))


@dataclass(frozen=True, eq=False)
class Bounded:
    """A function kept within [0, 1]."""

    function: Function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.clip(self.function(x), 0, 1)


@dataclass(frozen=True, eq=False)
class Standardiser:
    """(x - mean) / spread, column by column; a column that is constant becomes zero."""

    mean: np.ndarray
    spread: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self.mean) / self.spread


def standardiser(x: np.ndarray) -> Standardiser:
    """Return what brings covariates to mean zero and variance one by the moments of ``x``; constant ones to zero."""
    z, mean, spread = centring.standardised(x)
    return Standardiser(mean, np.where(z.any(axis=0), spread, np.inf))


@dataclass(frozen=True, eq=False)
class NetsOfFolds:
    """A function ``read(outputs)`` of stacked nets, ``folds`` times equally many; the mean over the folds.

    Attributes
    ----------
    nets : module, stacked
    folds : int
    inputs : Standardiser
    read : callable
        Takes outputs (rows, k) to (rows,).
    """

    nets: Any
    folds: int
    inputs: Standardiser
    read: Function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        everywhere = [self.inputs(x)] * self.folds
        return np.mean([self.read(outputs) for outputs in mean_outputs(self.nets, everywhere)], axis=0)
