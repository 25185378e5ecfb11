"""Targets and weights: every complaint."""

import numpy as np
import pytest

from ceteris.learners import target


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([1.0, 2.0], "y: it has 2 entries but X has 3 rows"),
        ([1.0, np.nan, np.inf], r"1 missing \(NaN\) and 1 infinite \(inf\)"),
        (["a", "b", "c"], "not numbers.*NeuralClassifier"),
        (np.ones((3, 2, 2)), "shape is"),
    ],
)
def test_numbers_complain(y, message):
    with pytest.raises(ValueError, match=message):
        target.numbers(y, 3, several=True)


def test_quantiles_take_one_output():
    with pytest.raises(ValueError, match=r"\(3, 2\), but it must be \(rows,\)"):
        target.numbers(np.ones((3, 2)), 3, several=False)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "the target y is None"),
        (["a", "b"], "2 entries but X has 3 rows"),
        ([0.5, 1.5, 2.7], "continuous"),
        (np.array(["a", None, "b"], object), "1 of 3 labels are missing"),
        (np.ones((3, 2)), "should be a 1d array"),
    ],
)
def test_classes_complain(y, message):
    with pytest.raises(ValueError, match=message):
        target.classes(y, 3)


def test_one_class():
    with pytest.raises(ValueError, match="one class, 'a'"):
        target.refuse_one_class(np.array(["a"]))


@pytest.mark.parametrize(
    ("w", "message"),
    [
        ([1.0, -1.0, -2.0], "2 of 3 weights are negative"),
        ([0.0, 0.0, 0.0], "all weights are zero"),
        ([1.0, np.nan, 1.0], r"sample_weight holds 1 missing \(NaN\) and 0 infinite \(inf\) values, but must hold fi"),
        ([1.0, 1.0], "2 entries but X has 3 rows"),
        ([[1.0], [1.0], [1.0]], "must be 1D"),
    ],
)
def test_weights_complain(w, message):
    with pytest.raises(ValueError, match=message):
        target.weights(w, 3)


def test_class_weights():
    y = np.array(["a", "a", "a", "b"])
    np.testing.assert_allclose(target.class_weights("balanced", y), [2 / 3, 2 / 3, 2 / 3, 2])
    with pytest.raises(ValueError, match="'c' is not a class of y; the classes are 'a', 'b'"):
        target.class_weights({"c": 1.0}, y)
    with pytest.raises(ValueError, match="'balance', but must be None, 'balanced' or a dict"):
        target.class_weights("balance", y)
