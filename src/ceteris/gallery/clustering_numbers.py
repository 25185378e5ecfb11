"""How many clusters: the gap statistic, prediction strength, the silhouette and the BIC, on planted designs.

The computing part of `ceteris.gallery.clustering`, which has the references.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

from ceteris.scratch.clusters import lloyd, plus_plus, squared_distances

MOST = 6  # clusters tried, from one on
STARTS = 4
STRONG = 0.8  # prediction strength of clusters that are there

Partition = tuple[np.ndarray, np.ndarray, float]


def k_means(x: np.ndarray, k: int, starts: int, rng: np.random.Generator) -> Partition:
    """Return centres, labels and inertia of the best of several runs of k-means."""
    return min((lloyd(x, plus_plus(x, k, rng)) for _ in range(starts)), key=lambda run: run[2])


# ---------------------------------------------------------------------------------------------------- the designs


def cube(rng: np.random.Generator) -> np.ndarray:
    """No clusters: 200 points, uniform in ten dimensions."""
    return rng.uniform(size=(200, 10))


def three_round(rng: np.random.Generator) -> np.ndarray:
    """Standard normals at (0, 0), (0, 5) and (5, -3), 25, 25 and 50 points."""
    return np.repeat([[0.0, 0], [0, 5], [5, -3]], (25, 25, 50), axis=0) + rng.normal(size=(100, 2))


def four_in_ten(rng: np.random.Generator) -> np.ndarray:
    """Standard normals in ten dimensions at four centres drawn with variance 1.9, 25 or 50 points each.

    Designs in which points of two clusters come closer than 1 are drawn again.
    """
    while True:
        labels = np.repeat(np.arange(4), rng.choice([25, 50], size=4))
        x = rng.normal(scale=1.9**0.5, size=(4, 10))[labels] + rng.normal(size=(labels.size, 10))
        distance = squared_distances(x, x)
        if distance[labels[:, None] != labels].min() > 1:
            return x


def two_long(rng: np.random.Generator) -> np.ndarray:
    """Two parallel needles along the diagonal of space, 100 points each, ten apart in every direction."""
    t = np.linspace(-0.5, 0.5, 100)[:, None]
    return np.vstack([t + rng.normal(scale=0.1, size=(100, 3)), t + 10 + rng.normal(scale=0.1, size=(100, 3))])


DESIGNS: dict[str, tuple[int, Callable[[np.random.Generator], np.ndarray]]] = {
    "uniform cube": (1, cube),
    "three round": (3, three_round),
    "four in ten dimensions": (4, four_in_ten),
    "two long": (2, two_long),
}


# ---------------------------------------------------------------------------------------------------- the methods


def by_gap(x: np.ndarray, rng: np.random.Generator, references: int = 20) -> int:
    """Smallest k whose gap is no more than one standard error below that of k + 1.

    The gap is how far the log of the inertia lies below that of uniform points in a box along the principal axes.
    """
    centred = x - x.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    along = centred @ axes.T
    boxes = [rng.uniform(along.min(0), along.max(0), size=along.shape) for _ in range(references)]
    logs = lambda points: np.log([k_means(points, k, STARTS, rng)[2] for k in range(1, MOST + 1)])
    null = np.array([logs(box) for box in boxes])
    gap, error = null.mean(0) - logs(along), null.std(0) * np.sqrt(1 + 1 / references)
    enough = np.flatnonzero(gap[:-1] >= gap[1:] - error[1:])
    return int(enough[0]) + 1 if enough.size else MOST


def strength(x: np.ndarray, k: int, rng: np.random.Generator, splits: int = 5) -> float:
    """How well clusters of one half tell which points of the other half belong together: worst cluster, mean of splits.

    In each cluster of the other half it is the share of pairs that the centres of the first half leave together.
    """
    worst = []
    for _ in range(splits):
        first, second = np.array_split(x[rng.permutation(len(x))], 2)
        centres, _, _ = k_means(first, k, STARTS, rng)
        _, labels, _ = k_means(second, k, STARTS, rng)
        told = squared_distances(second, centres).argmin(1)
        shares = []
        for j in range(k):
            counts = np.bincount(told[labels == j], minlength=k)
            n = counts.sum()
            shares.append(float((counts * (counts - 1)).sum() / (n * (n - 1))) if n > 1 else 0.0)
        worst.append(min(shares))
    return float(np.mean(worst))


def by_strength(x: np.ndarray, rng: np.random.Generator) -> int:
    """Largest k with a prediction strength of at least `STRONG`; one cluster always has strength 1."""
    return max(k for k in range(1, MOST + 1) if k == 1 or strength(x, k, rng) >= STRONG)


def by_silhouette(x: np.ndarray, rng: np.random.Generator) -> int:
    """The k from two on with the largest mean silhouette."""
    return max(range(2, MOST + 1), key=lambda k: silhouette_score(x, k_means(x, k, STARTS, rng)[1]))


def by_bic(x: np.ndarray, rng: np.random.Generator) -> int:
    """The k whose mixture of normals, covariances free, has the smallest BIC."""
    fits = {k: GaussianMixture(k, n_init=2, random_state=int(rng.integers(2**31))).fit(x) for k in range(1, MOST + 1)}
    return min(fits, key=lambda k: fits[k].bic(x))


METHODS = {"gap": by_gap, "prediction strength": by_strength, "silhouette": by_silhouette, "BIC": by_bic}


def numbers_table(designs: tuple[str, ...], samples: int, seed: int) -> pd.DataFrame:
    """How often each method finds each number, by design: a row for each design, method and number found."""
    rows = []
    for name in designs:
        truth, draw = DESIGNS[name]
        for i in range(samples):
            rng = np.random.default_rng([seed, truth, i])
            x = draw(rng)
            rows += [
                {"design": name, "truth": truth, "method": m, "found": find(x, rng)} for m, find in METHODS.items()
            ]
    return pd.DataFrame(rows)
