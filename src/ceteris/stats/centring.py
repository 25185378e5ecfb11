"""Columns about their means, in units of their standard deviations: what every test of rank has to look at.

A column with a mean of 10⁸ standard deviations is all but a constant to a solver that sees it as it came, and falls out
where its square, 10⁻¹⁶ of the whole, is compared with rounding. About its mean it is a column like any other. A linear
model with a constant is the same model in these coordinates, x = zT, and its coefficients are β = T⁻¹β_z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FAR = 1e4  # standard deviations of a mean, from which on its rounding shows among the digits of the column
RESOLUTION = 8 * np.finfo(float).eps  # standard deviations below this share of the mean are its rounding


def standardised(x: np.ndarray, out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns with mean zero and variance one, shape (n, k), their means and their standard deviations, shape (k,).

    A column that does not vary becomes zero, and its standard deviation is said to be one. ``out`` is where to write.

    Examples
    --------
    >>> z, mean, scale = standardised(np.array([[1e12, 0.1], [1e12 + 2, 0.1]]))
    >>> z.tolist(), scale.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [1.0, 1.0])
    """
    mean = x.mean(axis=0)
    z = np.subtract(x, mean, out=out)
    scale = np.sqrt(np.einsum("ij,ij->j", z, z) / max(len(x), 1))
    if (np.abs(mean) > FAR * scale).any():
        rest = z.mean(axis=0)  # of the rounding of a large mean
        z -= rest
        mean = mean + rest
        scale = np.sqrt(np.einsum("ij,ij->j", z, z) / max(len(x), 1))
    varies = scale > RESOLUTION * np.abs(mean)
    scale = np.where(varies, scale, 1.0)
    z /= scale
    if not varies.all():
        z[:, ~varies] = 0.0
    return z, mean, scale


@dataclass(frozen=True)
class Coordinates:
    """A design x = zT of full rank if x has: z, shape (n, k), T and its inverse, shape (k, k)."""

    z: np.ndarray
    T: np.ndarray
    inverse: np.ndarray


def coordinates(x: np.ndarray) -> Coordinates:
    """Take the means out of a design that has a constant; without one, columns are only scaled.

    Examples
    --------
    >>> x = np.array([[1.0, 1e9], [1.0, 1e9 + 2]])
    >>> found = coordinates(x)
    >>> found.z.tolist(), bool((found.z @ found.T == x).all())
    ([[1.0, -1.0], [1.0, 1.0]], True)
    """
    k = x.shape[1]
    constants = np.flatnonzero((np.ptp(x, axis=0) == 0) & (x[0] != 0)) if len(x) else np.array([], int)
    if not len(constants):
        size = np.abs(x).max(axis=0, initial=0.0)
        size = np.where(size > 0, size, 1.0)
        return Coordinates(x / size, np.diag(size), np.diag(1 / size))
    z, mean, scale = standardised(x)
    c = constants[0]
    z[:, c] = 1.0
    T = np.diag(scale)
    T[c] = mean
    T[np.arange(k), np.arange(k)] = np.where(np.arange(k) == c, x[0, c], scale)
    inverse = np.diag(1 / scale)
    inverse[c] = -mean / scale / x[0, c]
    inverse[c, c] = 1 / x[0, c]
    return Coordinates(z, T, inverse)
