"""k-means and the mixture of normals against scikit-learn's, from the same starts."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from ceteris.scratch.clusters import expectation_maximisation, lloyd, log_densities, moments, plus_plus, posterior


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(80, 2)), [3, 1] + rng.normal(size=(60, 2)) @ [[2, 0.5], [0, 0.4]]])


def test_the_local_minimum_is_that_of_scikit_learn_from_the_same_start(x):
    start = plus_plus(x, 4, np.random.default_rng(1))
    centres, labels, inertia = lloyd(x, start)
    reference = KMeans(4, init=start, n_init=1, tol=0, algorithm="lloyd").fit(x)
    assert np.allclose(centres, reference.cluster_centers_)
    assert np.array_equal(labels, reference.labels_)
    assert inertia == pytest.approx(reference.inertia_, rel=1e-12)


def test_first_centres_are_drawn_by_squared_distance():
    # The second centre is the far point, 10 away, with odds of 100 to 1 against its neighbour of the first.
    x = np.array([[0.0], [1.0], [10.0]])
    second = [plus_plus(x, 2, np.random.default_rng(seed)) for seed in range(400)]
    from_zero = [pair[1, 0] for pair in second if pair[0, 0] == 0]
    assert np.mean(np.array(from_zero) == 10) == pytest.approx(100 / 101, abs=0.05)  # 5 standard errors


def test_a_centre_without_points_stays():
    centres, labels, _ = lloyd(np.array([[0.0], [1.0]]), np.array([[0.5], [100.0]]))
    assert centres.ravel().tolist() == [0.5, 100.0]
    assert labels.tolist() == [0, 0]


def test_densities_are_those_of_scipy(x):
    mixture = moments(x, np.eye(2)[(x[:, 0] > 2).astype(int)])
    for j, column in enumerate(log_densities(x, mixture).T):
        law = multivariate_normal(mixture.means[j], mixture.covariances[j])
        assert np.allclose(column, np.log(mixture.shares[j]) + law.logpdf(x))


def test_each_round_is_one_of_scikit_learn_and_raises_the_likelihood(x):
    labels = lloyd(x, plus_plus(x, 2, np.random.default_rng(0)))[1]
    mixture, likelihoods = expectation_maximisation(x, labels, rounds=2_000, tolerance=1e-12)
    first = moments(x, np.eye(2)[labels])
    reference = GaussianMixture(
        2, tol=1e-12, max_iter=2_000, weights_init=first.shares, means_init=first.means,
        precisions_init=np.linalg.inv(first.covariances),
    ).fit(x)  # fmt: skip
    assert np.diff(likelihoods).min() > -1e-9
    assert len(likelihoods) > 5
    assert np.allclose(mixture.means, reference.means_, atol=1e-4)
    assert np.allclose(mixture.covariances, reference.covariances_, atol=1e-3)
    assert posterior(x, mixture)[1] == pytest.approx(reference.score(x), abs=1e-8)


def test_with_covariances_near_zero_the_mixture_is_k_means(x):
    centres, labels, _ = lloyd(x, plus_plus(x, 3, np.random.default_rng(0)))
    hard = moments(x, np.eye(3)[labels])._replace(
        shares=np.full(3, 1 / 3), means=centres, covariances=np.array([1e-4 * np.eye(2)] * 3)
    )
    assert np.array_equal(posterior(x, hard)[0].argmax(1), labels)
