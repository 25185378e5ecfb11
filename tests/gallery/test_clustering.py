"""Numbers of clusters on designs where the answer is known, and the parts of deep embedded clustering."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from ceteris.gallery import clustering as cl
from ceteris.gallery import clustering_numbers as cn
from ceteris.nets.activations import identity


def clear(rng, k):
    """Groups at the corners of a simplex, so far apart that every method must see them."""
    return np.repeat(20.0 * np.eye(k), 25, axis=0) + rng.normal(size=(25 * k, k))


@pytest.mark.parametrize("method", cn.METHODS)
def test_each_method_counts_what_is_clear(method):
    rng = np.random.default_rng(0)
    assert cn.METHODS[method](clear(rng, 3), rng) == 3


def test_prediction_strength_is_one_for_one_cluster_and_low_for_too_many():
    rng = np.random.default_rng(0)
    x = clear(rng, 2)
    assert cn.strength(x, 1, rng) == 1
    assert cn.strength(x, 2, rng) == 1
    assert cn.strength(x, 4, rng) < 0.8


def test_designs_hold_the_clusters_they_say():
    rng = np.random.default_rng(0)
    assert cn.cube(rng).shape == (200, 10)
    assert cn.three_round(rng).shape == (100, 2)
    needles = cn.two_long(rng)
    assert needles[100:].mean() - needles[:100].mean() == pytest.approx(10, abs=0.1)
    assert cn.four_in_ten(rng).shape[1] == 10


def test_planted_points_have_the_moments_of_their_mixture():
    x, labels = cl.planted(np.random.default_rng(0))
    first = x[labels == 0]
    fitted = GaussianMixture(1).fit(first)  # 180 points: standard errors of .13 and .3 on the long axis
    assert np.allclose(fitted.means_[0], cl.PLANTED.means[0], atol=0.6)
    assert fitted.covariances_[0][0, 0] == pytest.approx(3, abs=1.5)


def test_agreement_is_one_for_equal_clusterings_under_other_names():
    assert cl.agreement([np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])]) == 1


def test_soft_assignments_are_shares_and_nearest_centres_get_the_most():
    x = jnp.array([[0.0, 0.0], [3.0, 0.0]])
    q = np.asarray(cl.Assigner(identity, jnp.array([[0.0, 0.0], [3.0, 1.0]]))(x))
    assert np.allclose(q.sum(1), 1)
    assert q[0, 0] == pytest.approx(1 / (1 + 1 / 11))  # 1 and 1 / (1 + 3² + 1²)
    assert q.argmax(1).tolist() == [0, 1]


def test_the_loss_is_nothing_where_assignments_are_sharp():
    far = cl.Assigner(identity, jnp.array([[0.0], [1e4]]))
    near = cl.Assigner(identity, jnp.array([[0.0], [1.0]]))
    x = jnp.array([[0.0], [1.0], [0.2]])
    assert float(cl.sharpening(near, x, None)[0]) > 0.01
    assert float(cl.sharpening(far, jnp.array([[0.0], [1e4]]), None)[0]) < 1e-6
