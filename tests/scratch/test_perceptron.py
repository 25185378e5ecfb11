"""The perceptron against scikit-learn's, Novikoff's bound, and the geometry of XOR."""

import numpy as np
import pytest
from sklearn.linear_model import Perceptron as Reference

from ceteris.scratch.perceptron import learn, meeting_point, mistake_bound

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
OR, XOR = np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])


def separable(seed, n=60, m=3, gap=0.3):
    """Points on either side of a random plane, none closer to it than ``gap``."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=m + 1)
    u /= np.linalg.norm(u)
    X = rng.normal(size=(20 * n, m))
    score = u[0] + X @ u[1:]
    X, score = X[np.abs(score) > gap][:n], score[np.abs(score) > gap][:n]
    first = np.argsort(score < 0, kind="stable")[:1]  # a row of class 1 goes first
    order = np.r_[first, np.delete(np.arange(n), first)]
    return X[order], (score[order] > 0).astype(int), u


def test_both_perceptrons_separate_or():
    ours = learn(SQUARE, OR)
    assert ours.converged
    assert ours.certificate is None
    reference = Reference(tol=None, max_iter=50, shuffle=False).fit(SQUARE, OR)
    np.testing.assert_array_equal(ours.predict(SQUARE), reference.predict(SQUARE))
    np.testing.assert_array_equal(ours.predict(SQUARE), OR)


@pytest.mark.parametrize("seed", range(5))
def test_weights_equal_scikit_learns(seed):
    # the two rules differ only on w'x = 0 in class 0, which cannot happen once a first row of class 1 was corrected;
    # the same corrections in the same order: equal to rounding of a few hundred sums
    X, t, _ = separable(seed)
    ours = learn(X, t)
    reference = Reference(tol=None, max_iter=200, shuffle=False).fit(X, t)
    assert ours.converged
    np.testing.assert_allclose(ours.weights, np.r_[reference.intercept_, reference.coef_[0]], rtol=1e-11)


@pytest.mark.parametrize("seed", range(10))
def test_novikoff_bounds_the_mistakes(seed):
    X, t, u = separable(seed)
    bound = mistake_bound(X, t, u)
    x, s = np.column_stack([np.ones(len(X)), X]), 2 * t - 1
    R, gamma = np.linalg.norm(x, axis=1).max(), np.min(s * (x @ u))
    assert gamma >= 0.3
    np.testing.assert_allclose(bound, (R / gamma) ** 2, rtol=1e-12)
    assert 1 <= learn(X, t).mistakes <= bound


def test_bound_is_infinite_without_separation():
    assert mistake_bound(SQUARE, XOR, [1, 1, 1]) == np.inf


def test_xor_is_proved_impossible_by_its_centre():
    # each diagonal of the square is the hull of one class, and they cross in the middle and nowhere else
    result = learn(SQUARE, XOR)
    assert result.status == "cycling"
    assert not result.converged
    np.testing.assert_allclose(meeting_point(SQUARE, XOR, result.certificate), [0.5, 0.5], atol=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_every_boolean_labelling_is_decided_as_linear_programming_decides_it(seed):
    from scipy.optimize import linprog

    cube = np.array(np.meshgrid(*[[0, 1]] * 3)).reshape(3, -1).T
    t = np.random.default_rng(seed).integers(0, 2, 8)
    result = learn(cube, t)
    x, s = np.column_stack([np.ones(8), cube]), 2 * t - 1
    separator = linprog(np.zeros(4), A_ub=-s[:, None] * x, b_ub=-np.ones(8), bounds=(None, None))
    assert result.status == ("converged" if separator.status == 0 else "cycling")
    if result.status == "cycling":
        assert meeting_point(cube, t, result.certificate) is not None


def test_a_false_certificate_proves_nothing():
    assert meeting_point(SQUARE, OR, [1, 1 / 3, 1 / 3, 1 / 3]) is None  # the averages differ
    line = [[0.0], [1.0], [2.0]]  # 2 = -1 * 0 + 2 * 1, which is an average of 0 and 1 in name only
    assert meeting_point(line, [0, 0, 1], [-1.0, 2.0, 1.0]) is None
    assert meeting_point(SQUARE, XOR, np.zeros(4)) is None  # weights that sum to zero


def test_running_out_of_epochs_is_not_called_impossible():
    X, t, _ = separable(0)
    result = learn(X, t, epochs=1)
    assert result.status == "undecided"
    assert result.certificate is None


@pytest.mark.parametrize(
    ("X", "t", "sentence"),
    [
        ([[0.0], [1.0]], [0, 2], "t holds \\[2\\]; a neuron fires or not, so use 0 and 1 only"),
        ([[0.0], [1.0]], [0], "t has shape \\(1,\\); give one target for each of the 2 rows"),
        ([[0.0], [np.nan]], [0, 1], "X holds 1 missing or infinite values"),
        ([0.0, 1.0], [0, 1], "X has shape \\(2,\\); give a table"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(X, t, sentence):
    with pytest.raises(ValueError, match=sentence):
        learn(X, t)


def test_a_certificate_of_another_table_is_refused():
    with pytest.raises(ValueError, match=r"certificate has shape \(3,\); give one weight for each of the 4 rows"):
        meeting_point(SQUARE, XOR, [0.5, 0.5, 1.0])


def test_no_epochs_and_wrong_columns_are_refused():
    with pytest.raises(ValueError, match="epochs is 0, but must be a number above 0"):
        learn(SQUARE, OR, epochs=0)
    with pytest.raises(ValueError, match="X has 3 columns; 2 are needed"):
        learn(SQUARE, OR).predict(np.ones((1, 3)))
