"""Folds that part all digits, and permuted pixels that are the same for all."""

import jax.random as jr
import numpy as np

from ceteris.gallery import digits_convolution as item


def test_each_digit_is_judged_in_one_fold():
    parts = [item.digits(0, fold) for fold in range(item.FOLDS)]
    assert sum(len(part.y_new) for part in parts) == 1_797
    assert all(len(part.y) == 1_797 - item.JUDGED for part in parts)
    total = sum(part.x_new.astype(float).sum() for part in parts)
    assert np.isclose(total, parts[0].x.astype(float).sum() + parts[0].x_new.astype(float).sum())


def test_pixels_are_permuted_in_one_way():
    plain, mixed = item.digits(0), item.digits(0, permuted=True)
    flat = [part.x.reshape(len(part.x), -1) for part in (plain, mixed)]
    assert (plain.y == mixed.y).all()
    assert not np.array_equal(flat[0], flat[1])
    assert np.array_equal(np.sort(flat[0], axis=1), np.sort(flat[1], axis=1))  # each image has the same values
    assert np.allclose(np.sort(flat[0].mean(0)), np.sort(flat[1].mean(0)))  # and each pixel moved with its column


def test_both_nets_have_about_as_many_weights_and_read_images():
    x = item.digits(0).x[:5]
    assert all(build(key=jr.key(0))(x).shape == (5, item.CLASSES) for build in item.BUILD.values())
    # kernels, then layers, each with its shifts
    assert item.weights_of(item.CONV) == (9 + 1) * 32 + (16 * 32 + 1) * 64 + 65 * 10
    assert item.weights_of(item.PERCEPTRON) == 65 * 256 + 257 * 64 + 65 * 10


def test_a_linear_model_does_not_see_a_permutation():
    plain, mixed = (item.logistic(item.digits(0, permuted=permuted)) for permuted in (False, True))
    assert abs(plain - mixed) < 2 / item.JUDGED  # the solver stops at a tolerance: one digit at most
    assert plain < 0.06  # chance is .9
