"""How far raters agree beyond chance: the kappas of Cohen and of Fleiss, and Krippendorff's alpha.

All three compare disagreement that is observed with what would be expected if ratings were handed out at random:

    1 - D_o / D_e

They differ in what chance is. Cohen's keeps how often each of two raters gives each label; Fleiss' and Krippendorff's
keep how often a label is given at all, and Krippendorff's counts pairs without putting a rating beside itself, which
matters in small samples, and admits missing ratings. With D by a distance δ² between values, alpha knows that "four of
five" is nearer to "five of five" than "one of five" is:

    nominal   δ² = 1 unless the values are equal        interval   δ² = (c - k)²
    ordinal   δ² = (n_c / 2 + Σ of n between + n_k / 2)²   ratio   δ² = ((c - k) / (c + k))²

An interval comes from resampling the units: ``pairs(krippendorff_alpha, ratings)``, with `ceteris.stats.pairs`.
Krippendorff's own bootstrap draws pairs of ratings as if they were independent, which is narrower than it should be.

References
----------
Cohen (1960), Educational and Psychological Measurement 20; Cohen (1968), Psychological Bulletin 70; Fleiss (1971),
Psychological Bulletin 76; Krippendorff (2011), Computing Krippendorff's alpha-reliability, and (2018), Content
Analysis, chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ceteris.arguments import one_of

SCALES = ("nominal", "ordinal", "interval", "ratio")
WEIGHTS = (None, "linear", "quadratic")


def cohen_kappa(a: Sequence | np.ndarray, b: Sequence | np.ndarray, weights: str | None = None) -> float:
    """Return Cohen's kappa of two raters.

    Parameters
    ----------
    a, b : arrays, shape (n,)
        What each says of the n units; none may be missing.
    weights : {None, "linear", "quadratic"}
        How much a disagreement counts: alike, or by how many labels lie between, which then must be numbers.

    Returns
    -------
    float
        NaN where both give one and the same label throughout.

    Examples
    --------
    >>> round(cohen_kappa(["a", "a", "b", "b"], ["a", "a", "b", "a"]), 3)
    0.5
    """
    one_of("weights", weights, WEIGHTS)
    if len(a) != len(b):
        raise ValueError(f"b holds {len(b)}, but must hold {len(a)}, one for each rating in a; give as many.")
    codes, values = coded(np.column_stack([np.asarray(a, object), np.asarray(b, object)]), weights is not None)
    if (codes < 0).any():
        raise ValueError("a and b hold missing ratings, but Cohen's kappa needs all; drop them, or take alpha.")
    k = len(values)
    both = np.zeros((k, k))
    np.add.at(both, (codes[:, 0], codes[:, 1]), 1 / len(codes))
    expected = np.outer(both.sum(1), both.sum(0))
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    distance = {None: 1.0 * (apart > 0), "linear": 1.0 * apart, "quadratic": 1.0 * apart**2}[weights]
    return _beyond_chance((distance * both).sum(), (distance * expected).sum())


def fleiss_kappa(ratings: Sequence | np.ndarray) -> float:
    """Return Fleiss' kappa, of units that were rated equally often, by any raters.

    Parameters
    ----------
    ratings : array, shape (units, raters)
        A row per unit; ratings may be missing (None or NaN), but equally many in every row.

    Examples
    --------
    >>> round(fleiss_kappa([["a", "a", "a"], ["b", "b", "a"], ["b", "b", "b"]]), 3)
    0.55
    """
    counts, _ = counted(ratings)
    m = counts.sum(1)
    if len(set(m)) > 1 or m[0] < 2:
        raise ValueError(
            f"ratings: units have {', '.join(f'{x:g}' for x in sorted(set(m)))} ratings, but must have equally many, "
            "at least 2; drop some, or take krippendorff_alpha."
        )
    n = m[0]
    agreed = ((counts**2).sum(1) - n) / (n * (n - 1))
    shares = counts.sum(0) / counts.sum()
    return _beyond_chance(1 - agreed.mean(), 1 - (shares**2).sum())


def krippendorff_alpha(ratings: Sequence | np.ndarray, scale: str = "nominal") -> float:
    """Return Krippendorff's alpha, with any number of raters and missing ratings.

    Parameters
    ----------
    ratings : array, shape (units, raters)
        A row per unit; None or NaN where a rater did not rate it. Units with fewer than two ratings count for nothing.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What the distance between two values is; but for "nominal" they must be numbers.

    Returns
    -------
    float
        NaN where all ratings are one value, so that nothing can be said.

    Examples
    --------
    The worked example of Krippendorff (2011): twelve units, four observers.

    >>> _ = np.nan
    >>> ratings = np.array([[1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    ...                     [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _]]).T
    >>> [round(krippendorff_alpha(ratings, scale), 3) for scale in SCALES]
    [0.743, 0.815, 0.849, 0.797]
    """
    one_of("scale", scale, SCALES)
    counts, values = counted(ratings, scale != "nominal")
    if scale == "ratio" and (values < 0).any():
        raise ValueError("ratings: some are negative, but on a ratio scale must be at least 0; take 'interval'.")
    m = counts.sum(1)
    counts, m = counts[m > 1], m[m > 1]
    if not len(m):
        raise ValueError("ratings: no unit has two, but agreement is between two at least; have some rated twice.")
    together = (counts / (m - 1)[:, None]).T @ counts  # pairs within a unit, a rating beside itself included
    together -= np.diag((counts / (m - 1)[:, None]).sum(0))
    n = counts.sum(0)
    by_chance = (np.outer(n, n) - np.diag(n)) / (n.sum() - 1)
    distance = squared_distances(values, n, scale)
    return _beyond_chance((distance * together).sum(), (distance * by_chance).sum())


def observed_agreement(ratings: Sequence | np.ndarray) -> float:
    """Return the share of pairs of ratings of one unit that are equal, which chance alone can make large.

    Examples
    --------
    >>> observed_agreement([["a", "a"], ["b", "a"], ["a", None]])
    0.5
    """
    counts, _ = counted(ratings)
    m = counts.sum(1)
    ways = m * (m - 1)
    alike = (counts * (counts - 1)).sum(1)
    return float((alike[m > 1] / ways[m > 1]).mean()) if (m > 1).any() else float("nan")


def squared_distances(values: np.ndarray, n: np.ndarray, scale: str) -> np.ndarray:
    """Return δ² between all values, shape (k, k); n says how often each was given."""
    if scale == "nominal":
        return 1.0 - np.eye(len(n))
    if scale == "ordinal":
        rank = np.cumsum(n) - n / 2  # the sum from c to k less half of both ends is a difference of middle ranks
        return np.subtract.outer(rank, rank) ** 2
    apart = np.subtract.outer(values, values) ** 2
    if scale == "interval":
        return apart
    size = np.add.outer(values, values) ** 2
    return np.divide(apart, size, out=np.zeros_like(apart), where=size > 0)


def counted(ratings: Any, numbers: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each unit was given each value, shape (units, k), and the k values in their order."""
    codes, values = coded(ratings, numbers)
    counts = np.zeros((len(codes), len(values)))
    units, raters = np.nonzero(codes >= 0)
    np.add.at(counts, (units, codes[units, raters]), 1)
    return counts, values


def coded(ratings: Any, numbers: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return ratings (units, raters) by the place of each value among all, -1 where there is none, and the values."""
    given = np.asarray(ratings) if getattr(ratings, "dtype", None) is not None else np.asarray(ratings, object)
    if given.ndim != 2 or 0 in given.shape:
        raise ValueError(
            f"ratings has shape {given.shape}, but must be a table with a row per unit and a column per rater; give "
            "one."
        )
    if given.dtype.kind not in "biuf":
        given = given.astype(object)
        there = np.array([[value is not None and value == value for value in row] for row in given])
        plain = [isinstance(value, int | float | np.number) for value in given[there]]
        if all(plain):
            return coded(np.where(there, given, np.nan).astype(float))
        if numbers:
            raise ValueError(
                "ratings: some are text, but must be numbers on this scale; number the categories in their order."
            )
        names = {name: i for i, name in enumerate(sorted({str(value) for value in given[there]}))}
        codes = [[names[str(v)] if ok else -1 for v, ok in zip(*row, strict=True)]
                 for row in zip(given, there, strict=True)]  # fmt: skip
        return np.array(codes), np.array(list(names), object)
    given = given.astype(float)
    there = ~np.isnan(given)
    values, places = np.unique(given[there], return_inverse=True)
    codes = np.full(given.shape, -1)
    codes[there] = places
    return codes, values


def _beyond_chance(observed: float, expected: float) -> float:
    return float(1 - observed / expected) if expected > 0 else float("nan")
