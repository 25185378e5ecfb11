"""Little's test of whether holes are completely at random.

With patterns j of holes, n_j rows each, ȳ_j their means of what they observe, and μ, Σ the maximum-likelihood moments
of a multivariate normal with holes (EM),

    d² = Σ_j n_j (ȳ_j - μ_j)' Σ_j⁻¹ (ȳ_j - μ_j) ~ χ² with Σ_j p_j - p degrees of freedom

if the holes are completely at random. It sees differences in means only, and takes the normal for granted.

References
----------
Little (1988), "A test of missing completely at random for multivariate data with missing values", JASA 83.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ceteris.impute.columns import as_frame, learn
from ceteris.results import Check, Section, Table
from ceteris.showing import AbstractResult, screenful

STEPS, TOLERANCE = 1000, 1e-8  # of EM
LEVEL = 0.05  # p-value below which holes are not taken for completely at random


@dataclass(frozen=True, eq=False, repr=False)
class Little(AbstractResult):
    """What Little's test found.

    Attributes
    ----------
    statistic : float
        d².
    dof : int
        Degrees of freedom.
    p_value : float
        Small where holes are not completely at random.
    patterns : int
        Number of patterns of holes.
    columns : tuple
        The columns that the test uses.
    """

    statistic: float
    dof: int
    p_value: float
    patterns: int
    columns: tuple[Any, ...]

    def summary(self) -> str:
        """Return the test in a few lines."""
        used = f"{self.patterns:,} patterns of holes in {', '.join(map(str, self.columns))}."
        return screenful("Little's test of whether holes are completely at random", [self._words(), used])

    def sections(self) -> tuple[Section, ...]:
        """Return the test as a part of a report."""
        facts = {"d²": self.statistic, "degrees of freedom": self.dof, "p": self.p_value, "patterns": self.patterns}
        frame = pd.DataFrame({"quantity": list(facts), "value": list(facts.values())})
        return (Section("Little's test", self._words(), (Table("Little's test", frame),), (), self.checks),)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether holes may be completely at random."""
        random = self.p_value >= LEVEL
        more = " Nothing speaks against it." if random else " Complete cases differ from the others; impute."
        return (Check("completely at random", random, f"Little's test: {self._words()}{more}", self.p_value, LEVEL),)

    def _words(self) -> str:
        return f"d² = {self.statistic:.1f} with {self.dof} degrees of freedom, p = {self.p_value:.3g}."


def little_test(X: Any) -> Little:
    """Test whether holes are completely at random, on the quantities and the columns of two or of ordered labels.

    Ordered labels count as 0, 1, 2, ...

    Parameters
    ----------
    X : data frame or array-like

    Examples
    --------
    >>> from ceteris.data.missing import simulate_regression
    >>> little_test(simulate_regression(500)).p_value < 0.01  # holes where y is high
    True
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        holes = learn(as_frame(X))
    used = [
        j
        for j, column in enumerate(holes.columns)
        if column.kind != "categorical" and np.nanstd(holes.values[:, j]) > 0
    ]
    values = holes.values[:, used]
    values = values[~np.isnan(values).all(1)]
    if not np.isnan(values).any():
        raise ValueError(
            "X: the test needs at least two columns of numbers, two labels or ordered ones, some with holes, but "
            f"{len(used)} given with {np.isnan(holes.values[:, used]).sum()} holes; add columns, or do without."
        )
    values = (values - np.nanmean(values, 0)) / np.nanstd(values, 0)
    statistic, dof, patterns = statistic_of(values)
    from scipy import stats

    return Little(
        statistic, dof, float(stats.chi2.sf(statistic, dof)), patterns, tuple(holes.columns[j].name for j in used)
    )


def statistic_of(values: np.ndarray) -> tuple[float, int, int]:
    """Little's d², its degrees of freedom, and the number of patterns."""
    groups = patterns_of(values)
    mean, covariance = normal_moments(values, groups)
    covariance = covariance * len(values) / (len(values) - 1)
    total, dof = 0.0, -values.shape[1]
    for seen, rows in groups:
        gap = values[np.ix_(rows, seen)].mean(0) - mean[seen]
        total += len(rows) * gap @ np.linalg.pinv(covariance[np.ix_(seen, seen)], hermitian=True) @ gap
        dof += len(seen)
    return float(total), dof, len(groups)


def patterns_of(values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of what is seen (columns) and the rows in which just that is."""
    marks, which = np.unique(~np.isnan(values), axis=0, return_inverse=True)
    which = which.ravel()
    return [(np.flatnonzero(mark), np.flatnonzero(which == k)) for k, mark in enumerate(marks) if mark.any()]


def normal_moments(values: np.ndarray, groups: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a normal by maximum likelihood, from rows with holes (EM)."""
    n, p = values.shape
    mean, covariance = np.nanmean(values, 0), np.diag(np.nanvar(values, 0))
    for _ in range(STEPS):
        filled, extra = np.where(np.isnan(values), 0.0, values), np.zeros((p, p))
        for seen, rows in groups:
            hidden = np.setdiff1d(np.arange(p), seen)
            if not len(hidden):
                continue
            slope = covariance[np.ix_(hidden, seen)] @ np.linalg.pinv(covariance[np.ix_(seen, seen)], hermitian=True)
            filled[np.ix_(rows, hidden)] = mean[hidden] + (values[np.ix_(rows, seen)] - mean[seen]) @ slope.T
            rest = covariance[np.ix_(hidden, hidden)] - slope @ covariance[np.ix_(seen, hidden)]
            extra[np.ix_(hidden, hidden)] += len(rows) * rest
        new = filled.mean(0)
        gap = filled - new
        updated = (gap.T @ gap + extra) / n
        change = max(np.abs(new - mean).max(), np.abs(updated - covariance).max())
        mean, covariance = new, updated
        if change < TOLERANCE:
            return mean, covariance
    import warnings

    warnings.warn(
        f"little_test: EM has not settled after {STEPS} steps; drop columns that others determine.",
        RuntimeWarning,
        stacklevel=4,
    )
    return mean, covariance
