"""Genz's six test functions on the unit cube.

Each family stresses an approximator in one way: oscillation, a peak inside or in a corner, a smooth bump,
a kink, a jump. The parameters c (difficulty) and w (location) are drawn uniformly from the unit cube and then
normalised, sum c = b and sum w = 1, with b = 1.5, d, 1.85, 7.03, 20.4 and 4.3 in the order of `GENZ`.

Because sum w = 1, locations move towards the origin as d grows (w_i is about 1/d), and the discontinuous
function is non-zero on a share w_1 w_2 of the cube only: about a quarter at d = 2, one per cent at d = 10.
Small samples there are often all zeros, which is a property of the exercise and not of the learner.

References
----------
Genz, A. (1987). A package for testing multiple integration subroutines. In Numerical Integration, 337-340.
Barthelmann, V., Novak, E. and Ritter, K. (2000). High dimensional polynomial interpolation on sparse grids.
Advances in Computational Mathematics 12, 273-288 (the normalisation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ceteris.arguments import one_of, whole

Parameters = tuple[np.ndarray, np.ndarray]


def _oscillatory(x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.cos(2 * np.pi * w[..., 0] + (c * x).sum(-1))


def _product_peak(x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    # 1 / (c^-2 + z^2) written without the division by c, which may be as good as zero.
    return (c**2 / (1 + c**2 * (x - w) ** 2)).prod(-1)


def _corner_peak(x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (1 + (c * x).sum(-1)) ** -(x.shape[-1] + 1.0)


def _gaussian(x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.exp(-(c**2 * (x - w) ** 2).sum(-1))


def _continuous(x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.exp(-(c * np.abs(x - w)).sum(-1))


def _discontinuous(x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    # Only the first two coordinates jump; in one dimension there is only the first.
    outside = (x[..., :2] > w[..., :2]).any(-1)
    return np.where(outside, 0.0, np.exp((c * x).sum(-1)))


_FAMILIES: dict[str, tuple[Callable[..., np.ndarray], Callable[[int], float]]] = {
    "oscillatory": (_oscillatory, lambda d: 1.5),
    "product_peak": (_product_peak, lambda d: float(d)),
    "corner_peak": (_corner_peak, lambda d: 1.85),
    "gaussian": (_gaussian, lambda d: 7.03),
    "continuous": (_continuous, lambda d: 20.4),
    "discontinuous": (_discontinuous, lambda d: 4.3),
}

GENZ: tuple[str, ...] = tuple(_FAMILIES)
"""Names of the six functions, in the order f_1, ..., f_6 of the literature."""


def genz(name: str, x: np.ndarray, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Evaluate one of Genz's six functions.

    Parameters
    ----------
    name : str
        One of `GENZ`.
    x : array, shape (..., d)
        Points of the unit cube.
    c, w : array, shape (d,)
        Difficulty and location; see `genz_parameters`.

    Returns
    -------
    array, shape (...)
        The function at every point.

    Examples
    --------
    At x = w the Gaussian bump is at its top:

    >>> float(genz("gaussian", x=[0.5, 0.5], c=[3.0, 4.0], w=[0.5, 0.5]))
    1.0
    """
    one_of("name", name, GENZ)
    x, c, w = (np.asarray(a, dtype=float) for a in (x, c, w))
    if x.ndim == 0 or c.shape[-1:] != x.shape[-1:] or w.shape[-1:] != x.shape[-1:]:
        raise ValueError(
            f"x, c and w have shapes {x.shape}, {c.shape} and {w.shape}, but their last axis must be the "
            "same number of dimensions d; pass x of shape (..., d) with c and w of shape (d,)."
        )
    return _FAMILIES[name][0](x, c, w)


def genz_parameters(name: str, d: int, rng: np.random.Generator) -> Parameters:
    """Draw normalised parameters c and w of one of Genz's functions.

    Parameters
    ----------
    name : str
        One of `GENZ`; it decides the sum of c.
    d : int
        Number of dimensions.
    rng : numpy.random.Generator
        Source of the uniform draws.

    Returns
    -------
    c, w : array, shape (d,)
        Non-negative, with sum c = b(name, d) and sum w = 1.

    Examples
    --------
    >>> c, w = genz_parameters("oscillatory", 5, np.random.default_rng(0))
    >>> round(float(c.sum()), 12), round(float(w.sum()), 12)
    (1.5, 1.0)
    """
    one_of("name", name, GENZ)
    d = whole("d", d, least=1)
    c, w = rng.uniform(size=(2, d))
    return _FAMILIES[name][1](d) * c / c.sum(), w / w.sum()


@dataclass(frozen=True)
class GenzProblem:
    """A function to learn: its parameters, a sample to learn from and fresh points to be judged on.

    Parameters
    ----------
    name : str
        One of `GENZ`.
    c : array, shape (d,)
        Difficulty along each axis; see `genz_parameters`.
    w : array, shape (d,)
        Location along each axis.
    x : array, shape (n, d)
        Points of the sample.
    y : array, shape (n,)
        The function there, free of noise.
    x_fresh : array, shape (m, d)
        Other points, for measuring the error.
    y_fresh : array, shape (m,)
        The function at these.
    """

    name: str
    c: np.ndarray
    w: np.ndarray
    x: np.ndarray
    y: np.ndarray
    x_fresh: np.ndarray
    y_fresh: np.ndarray


def simulate_genz(name: str, d: int, n: int, *, fresh: int = 1_000, seed: int = 0) -> GenzProblem:
    """Draw a Genz function, n points to learn it from and fresh points to measure the error on.

    The three draws have streams of their own: with one seed, samples of different size are nested and share
    the function and the fresh points, so that an error curve against n shows the effect of n alone.

    Parameters
    ----------
    name : str
        One of `GENZ`.
    d, n, fresh : int
        Dimensions, sample points, fresh points. All points are uniform on the unit cube.
    seed : int
        Seed of the draws; it is used together with the function and the dimension.

    Examples
    --------
    >>> small, large = (simulate_genz("continuous", d=2, n=n) for n in (10, 500))
    >>> bool((small.x == large.x[:10]).all())
    True
    """
    one_of("name", name, GENZ)
    d, n, fresh = whole("d", d, least=1), whole("n", n, least=1), whole("fresh", fresh, least=1)
    seeds = np.random.SeedSequence([whole("seed", seed, least=0), GENZ.index(name), d]).spawn(3)
    parameters, sample, judge = (np.random.default_rng(s) for s in seeds)
    c, w = genz_parameters(name, d, parameters)
    x, x_fresh = sample.uniform(size=(n, d)), judge.uniform(size=(fresh, d))
    return GenzProblem(name, c, w, x, genz(name, x, c, w), x_fresh, genz(name, x_fresh, c, w))
