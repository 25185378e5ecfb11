"""Groups without labels: k-means, and the mixture of normals of which it is the hard limit.

k-means alternates two steps that can only lower the sum of squared distances to the centres: each point goes to its
nearest centre, each centre to the mean of its points (Lloyd). It stops at a local minimum, so that starts matter;
k-means++ draws each start in proportion to the squared distance to those already drawn. A mixture of normals shares
each point among the components by their posterior probabilities, and moves means, covariances and shares to the
weighted moments (expectation-maximisation): each round raises the likelihood. Lower all covariances to zero, and it is
k-means [000, section 1.2.2].

References
----------
Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Transactions on Information Theory 28. Arthur, D. and
Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA. Dempster, A. P., Laird, N. M. and Rubin,
D. B. (1977). Maximum likelihood from incomplete data via the EM algorithm. JRSS B 39.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class NormalMixture(NamedTuple):
    """Shares (k,), means (k, d) and covariances (k, d, d) of a mixture of normals."""

    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def squared_distances(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances of points (n, d) from centres (k, d), shape (n, k)."""
    return np.sum((x[:, None] - centres) ** 2, axis=2)


def plus_plus(x: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Draw k of the points as first centres, far from each other (k-means++)."""
    centres = x[rng.integers(len(x))][None]
    while len(centres) < k:
        distance = squared_distances(x, centres).min(1)
        centres = np.vstack([centres, x[rng.choice(len(x), p=distance / distance.sum())]])
    return centres


def lloyd(x: np.ndarray, centres: np.ndarray, rounds: int = 300) -> tuple[np.ndarray, np.ndarray, float]:
    """Run k-means from given centres until no point changes its cluster.

    Returns
    -------
    centres : array, shape (k, d)
        A centre that lost all its points stays where it was.
    labels : array of int, shape (n,)
        The nearest centre of each point.
    inertia : float
        Sum of squared distances to it.

    Examples
    --------
    >>> centres, labels, inertia = lloyd(np.array([[0.0], [1.0], [9.0]]), np.array([[0.0], [1.0]]))
    >>> centres.ravel().tolist(), labels.tolist(), inertia
    ([0.5, 9.0], [0, 0, 1], 0.5)
    """
    labels = squared_distances(x, centres).argmin(1)
    for _ in range(rounds):
        centres = np.array([x[labels == j].mean(0) if np.any(labels == j) else c for j, c in enumerate(centres)])
        old, labels = labels, squared_distances(x, centres).argmin(1)
        if np.array_equal(old, labels):
            break
    return centres, labels, float(squared_distances(x, centres).min(1).sum())


def log_densities(x: np.ndarray, mixture: NormalMixture) -> np.ndarray:
    """Log of share times density of each point under each component, shape (n, k)."""
    columns = []
    for share, mean, covariance in zip(*mixture, strict=True):
        root = np.linalg.cholesky(covariance)
        z = np.linalg.solve(root, (x - mean).T)
        columns.append(np.log(share) - 0.5 * np.sum(z**2, 0) - np.log(np.diag(root)).sum())
    return np.stack(columns, 1) - 0.5 * x.shape[1] * np.log(2 * np.pi)


def posterior(x: np.ndarray, mixture: NormalMixture) -> tuple[np.ndarray, float]:
    """Probability of each component given each point, shape (n, k), and the mean log-likelihood."""
    logs = log_densities(x, mixture)
    top = logs.max(1, keepdims=True)
    total = top + np.log(np.exp(logs - top).sum(1, keepdims=True))
    return np.exp(logs - total), float(total.mean())


def moments(x: np.ndarray, weights: np.ndarray, least: float = 1e-6) -> NormalMixture:
    """The mixture with the weighted moments of the points, weights (n, k); ``least`` is added to the variances."""
    count = weights.sum(0)
    means = weights.T @ x / count[:, None]
    centred = x[:, None] - means
    covariances = np.einsum("nk,nki,nkj->kij", weights, centred, centred) / count[:, None, None]
    return NormalMixture(count / len(x), means, covariances + least * np.eye(x.shape[1]))


def expectation_maximisation(x: np.ndarray, labels: np.ndarray, rounds: int = 500, tolerance: float = 1e-7) -> tuple:
    """Fit a mixture of normals from a first clustering, such as that of `lloyd`.

    Returns
    -------
    mixture : NormalMixture
    likelihoods : array
        Mean log-likelihood in each round, which never falls (but for what is added to the variances).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(size=(500, 1)), 6 + rng.normal(size=(500, 1))])
    >>> mixture, likelihoods = expectation_maximisation(x, (x[:, 0] > 3).astype(int))
    >>> mixture.means.ravel().round(1).tolist(), bool(np.all(np.diff(likelihoods) > -1e-9))
    ([-0.0, 5.9], True)
    """
    mixture, likelihoods = moments(x, np.eye(labels.max() + 1)[labels]), []
    for _ in range(rounds):
        weights, likelihood = posterior(x, mixture)
        likelihoods.append(likelihood)
        if len(likelihoods) > 1 and likelihoods[-1] - likelihoods[-2] < tolerance:
            break
        mixture = moments(x, weights)
    return mixture, np.array(likelihoods)
