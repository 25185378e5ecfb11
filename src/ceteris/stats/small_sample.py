"""Small samples: standard errors by leaving rows out, and Student's t with as many degrees of freedom as rows count.

An estimate θ̂ = -Σ ψ_b / Σ ψ_a of a linear score has the influence function φ_i = -n ψ_i / Σ ψ_a. Two things are wrong
with V = Σ φ_i² / n² and the normal distribution where a few rows count for much.

*Leverage.* A row that pulls the estimate towards itself has a small ψ_i. With the nuisances held, the estimate without
row i is θ̂ - φ_i / (n (1 - h_i)), exactly, where h_i = ψ_a,i / Σ ψ_a is the leverage. The variance is therefore that of
the jackknife, V = Σ (φ_i / (1 - h_i))² / n², which for least squares is HC3.

*Noise of the variance.* The outcome enters a score with a weight, w_i = ∂ψ_b,i / ∂y_i: the residual of the treatment or
instrument, 1/e, odds. If the noise of the outcome has the same normal distribution in all rows, V is a sum of χ² with
weights w_i², whose mean and variance are those of a multiple of a χ² with

    (Σ w_i²)² / Σ w_i⁴

degrees of freedom: the effective number of rows, n if all weigh the same. That is the leading term of the degrees of
freedom of Bell and McCaffrey. The outcomes themselves do not enter, so that an outlier cannot widen or narrow the
intervals twice.

References
----------
MacKinnon and White (1985), Journal of Econometrics 29; Bell and McCaffrey (2002), Survey Methodology 28; Imbens and
Kolesár (2016), Review of Economics and Statistics 98.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAID = (
    "Jackknife: each row left out in turn, the nuisances held; Student's t with the effective number of rows as "
    "degrees of freedom."
)
ALONE = 1e-10  # |1 - h| below which a row identifies the estimate alone


@dataclass(frozen=True, eq=False)
class SmallSample:
    """What the correction for small samples needs; combinations of estimates combine both.

    Parameters
    ----------
    deviations : array, shape (n, k)
        n times what the estimates would fall by without the row.
    weights : array, shape (n, k)
        By how much n times the estimates move with the outcome of the row; zero where that is not known, which asks
        for the normal distribution.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> mean = SmallSample(jackknife((x - x.mean())[:, None], np.full((3, 1), 1 / 3)), np.ones((3, 1)))
    >>> mean.dof, mean.combined(np.array([[2.0]])).dof
    (array([3.]), array([3.]))
    """

    deviations: np.ndarray
    weights: np.ndarray

    @property
    def dof(self) -> np.ndarray:
        """Degrees of freedom, shape (k,)."""
        return effective_rows(self.weights)

    def combined(self, W: np.ndarray) -> SmallSample:
        """Of the combinations W, shape (m, k), of the estimates."""
        return SmallSample(self.deviations @ W.T, self.weights @ W.T)


def jackknife(influence: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """φ / (1 - h): n times what the estimate would fall by without the row, shape (n, k).

    A row without which nothing is identified (h = 1) makes the standard error infinite.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 6.0])
    >>> jackknife(x - x.mean(), np.full(3, 1 / 3)) / 3  # the mean is 3; without 1 it is 4, without 6 it is 1.5
    array([-1. , -0.5,  1.5])
    """
    rest = 1 - leverage
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(rest) > ALONE, influence / rest, np.inf)


def effective_rows(weights: np.ndarray) -> np.ndarray:
    """(Σ w²)² / Σ w⁴ of each column, shape (k,); infinite where all weights are zero.

    Examples
    --------
    >>> effective_rows(np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 2.0, 0.0]]))
    array([ 3.,  2., inf])
    """
    size = np.abs(weights).max(axis=0)
    scaled = (weights / np.where(size > 0, size, 1.0)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 0, scaled.sum(axis=0) ** 2 / (scaled**2).sum(axis=0), np.inf)


def side_by_side(parts: Sequence[SmallSample | None], influences: Sequence[np.ndarray]) -> SmallSample | None:
    """Of several estimates as one; those without a correction keep their influence functions and the normal."""
    if all(part is None for part in parts):
        return None
    pairs = list(zip(parts, influences, strict=True))
    return SmallSample(
        np.concatenate([phi if part is None else part.deviations for part, phi in pairs], axis=1),
        np.concatenate([np.zeros_like(phi) if part is None else part.weights for part, phi in pairs], axis=1),
    )


def averaged(parts: Sequence[SmallSample | None]) -> SmallSample | None:
    """Of the mean of several estimates of the same, as of repeated splits."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    return SmallSample(np.mean([p.deviations for p in known], axis=0), np.mean([p.weights for p in known], axis=0))
