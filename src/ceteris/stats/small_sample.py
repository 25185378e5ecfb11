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

import numpy as np

STANDARD_ERRORS = (
    "Jackknife: each row left out in turn, the nuisances held; Student's t with the effective number of rows as "
    "degrees of freedom."
)


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


def degrees_of(clusters: Sequence[np.ndarray], weights: np.ndarray | None) -> float | np.ndarray | None:
    """Degrees of freedom: the smaller number of clusters less one, those of the correction, or None for the normal."""
    if clusters:
        return float(min(len(np.unique(groups)) for groups in clusters) - 1)
    return None if weights is None else effective_rows(weights)


def degrees_in_words(degrees: float | np.ndarray | None, jackknifed: bool) -> str:
    """What is printed behind the number of rows."""
    if degrees is None or np.isinf(degrees).all():
        return ""
    low, high = (f"{np.floor(end):g}" for end in (np.min(degrees), np.max(degrees)))
    errors = "jackknife standard errors, " if jackknifed else ""
    return f"; {errors}t with {low if low == high else f'{low} to {high}'} degrees of freedom"
