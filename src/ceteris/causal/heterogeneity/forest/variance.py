"""From the spread between little bags to a variance that is not negative.

Each bag of ℓ trees shares a half of the data. With between = mean over bags of (mean of the bag)² and total = mean over
trees of the squares, the Monte Carlo noise in a mean of ℓ trees is (total - between) / (ℓ - 1), and the sampling
variance is between - noise. That difference can be negative by chance; its expectation is reported given that the truth
is positive, under a flat prior for the latter.

References
----------
Sexton and Laake (2009), Computational Statistics & Data Analysis 53; Athey, Tibshirani and Wager (2019), section 4.1.
"""

from __future__ import annotations

import numpy as np


def debiased(between: np.ndarray, total: np.ndarray, bags: np.ndarray, size: int) -> np.ndarray:
    """Sampling variance from mean squares (n, r) over `bags` (n,) bags of `size` trees; NaN with fewer than two bags.

    With v = between - noise, s its standard error and z = v / s, the mean of a normal variable (v, s²) given that it is
    positive is v + s φ(z) / Φ(z).

    Examples
    --------
    >>> debiased(np.array([[4.0]]), np.array([[5.0]]), np.array([10_000]), 2).round(6)  # 4 - 1, hardly any prior
    array([[3.]])
    """
    from scipy.stats import norm

    noise = (total - between) / (size - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.maximum(between, noise) * np.sqrt(2.0 / bags[:, None])
        z = (between - noise) / error
        ratio = np.exp(norm.logpdf(z) - norm.logcdf(z))
        variance = between - noise + error * ratio
    variance = np.where(error == 0, 0.0, variance)  # all trees agree
    return np.where(bags[:, None] >= 2, variance, np.nan)
