"""The gallery's item on symmetry: what goes into its tables is what it is said to be."""

import equinox as eqx
import jax
import numpy as np
import pytest

from ceteris.equilibrium.models.industry import Industry
from ceteris.gallery import symmetry_experiments, symmetry_regression, symmetry_tables
from ceteris.nets import DeepSet


def test_sets_are_drawn_and_filled_up_as_described():
    x, y = symmetry_regression.sample(5, 4000, np.random.default_rng(0))
    np.testing.assert_allclose(y**1.5, (x**1.5).mean(1), rtol=1e-12)
    assert x.mean() == pytest.approx(1.5, abs=0.03)  # a standard error of 0.005
    assert (x - x.mean(1, keepdims=True)).std() == pytest.approx(0.2 * np.sqrt(4 / 5), rel=0.02)
    numbers, weight, on, target = symmetry_regression.data([(2, 1), (5, 3)], 10, [0, 0])
    assert numbers.shape == weight.shape == (2, 10, 5)
    assert weight[0, 0].tolist() == [1, 1, 0, 0, 0]
    assert on[0, 0].tolist() == [1, 0, 0]
    assert target.shape == (2, 10)


def test_a_mean_that_is_predicted_exactly_has_no_error():
    cases = [(3, 1)]
    train = symmetry_regression.data(cases, 10, [0])
    # targets that are the mean itself: with an affine ρ of φ nearly linear this is learnt to three digits
    train = (*train[:3], (train[0] * train[1]).sum(-1) / 3)
    fresh = symmetry_regression.data(cases, 50, [1])
    fresh = (*fresh[:3], (fresh[0] * fresh[1]).sum(-1) / 3)
    build = eqx.Partial(DeepSet, 1, 1, latent=1, inner=(8,), widths=(8,))
    (error,) = symmetry_regression.fitted(build, symmetry_regression.by_set, train, fresh, 0)
    assert error < 5e-3


def test_the_weights_of_the_published_networks_are_those_counted_in_the_tables():
    for row in (*symmetry_tables.LINEAR, *symmetry_tables.NONLINEAR):
        built = eqx.Partial(symmetry_tables.pure, tuple(row.net.items()), None, 1)
        net = eqx.filter_eval_shape(lambda built=built: built(key=jax.random.key(0)))
        count = sum(leaf.size for leaf in jax.tree.leaves(net)) / 1000
        assert count == pytest.approx(row.weights, abs=0.6)  # published counts leave out some of the biases


def test_slopes_are_told_apart():
    roots = Industry().roots()
    slopes = np.array([-0.05, 0.22, 0.1, -0.05])
    found = symmetry_experiments.ended(slopes, roots, np.array([1e-9, 1e-9, 1e-9, 1.0]))
    assert found == ["stable", "explosive", "neither", "neither"]
