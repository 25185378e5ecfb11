"""Heads on frozen vectors against scikit-learn's own answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from ceteris.learners.classifier import softmax
from ceteris.text.classify.heads import PENALTIES, dealt, fit_head, learn_words, refit, temperature
from ceteris.text.classify.targets import read_classes, read_numbers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 6))
X /= np.linalg.norm(X, axis=1, keepdims=True)
ONES = np.ones((80, 1))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_is_a_logistic_regression_whose_heat_is_taken_out(classes):
    labels = np.argmax(X[:, :classes] + 0.3 * RNG.normal(size=(80, classes)), axis=1)
    target, columns = read_classes(labels, 80)
    head = fit_head(X, None, target.coded(columns), target, ONES, 0)
    own = LogisticRegression(C=head.penalties[0], max_iter=2_000).fit(X, labels)
    p = softmax(head(X) * head.temperatures[0])
    assert np.abs(p - own.predict_proba(X)).max() < 1e-8  # the same numbers by the same solver
    assert head.penalties[0] in PENALTIES


def test_outputs_from_outside_come_from_heads_that_have_not_seen_the_text():
    labels = RNG.integers(0, 2, 80)  # nothing to learn: in sample a head does better than a coin, outside not
    target, columns = read_classes(labels, 80)
    head = fit_head(X, None, target.coded(columns), target, ONES, 0)
    folds = dealt(labels.astype(float), 0)
    inside = folds != 2
    own = LogisticRegression(C=head.penalties[0], max_iter=2_000).fit(X[inside], labels[inside])
    p = softmax(head.outside[~inside] * head.temperatures[0])
    assert np.abs(p - own.predict_proba(X[~inside])).max() < 1e-8


def test_numbers_get_a_ridge_regression():
    y = X @ np.arange(6.0) + 0.1 * RNG.normal(size=80)
    target, columns = read_numbers(y, 80)
    head = fit_head(X, None, target.coded(columns), target, ONES, 0)
    own = Ridge(alpha=1 / head.penalties[0]).fit(X, (y - y.mean()) / y.std())
    assert np.abs(head(X)[:, 0] - own.predict(X)).max() < 1e-10


def test_words_stand_beside_the_vector_as_far_as_they_help():
    noise, answer = X, np.repeat([[1.0], [-1.0]], 40, axis=0)
    labels = np.repeat([0, 1], 40)
    target, columns = read_classes(labels, 80)
    head = fit_head(noise, answer, target.coded(columns), target, ONES, 0)
    assert head.scales[0] > 0
    assert (np.argmax(head(np.hstack([noise, answer])), axis=1) == labels).all()
    helpless = fit_head(answer, noise, target.coded(columns), target, ONES, 0)
    assert helpless.scales[0] <= head.scales[0]


def test_layers_start_from_a_head_that_is_less_sure():
    labels = (X[:, 0] > 0).astype(int)
    target, columns = read_classes(labels, 80)
    head = fit_head(X, None, target.coded(columns), target, ONES, 0)
    weight, _ = refit(head, (X, None), target.coded(columns), target, ONES)
    assert np.abs(weight).max() < np.abs(head.weight).max()


def test_temperature_undoes_a_known_one():
    p = softmax(RNG.normal(size=(4_000, 3)))
    y = (RNG.random(4_000)[:, None] > p.cumsum(1)).sum(1)
    # the standard error of the logarithm at n = 4000 is about .02, whatever the heat
    assert temperature(4 * np.log(p), y, np.ones(4_000)) == pytest.approx(4, rel=0.1)


def test_words_of_few_texts_or_of_none_are_left_out():
    assert learn_words(["a b"] * 5, 0) is None
    assert learn_words(["?!"] * 30, 0) is None


def test_a_class_of_one_text_is_learnt_too():
    labels = np.array([0] * 40 + [1] * 39 + [2])
    target, columns = read_classes(labels, 80)
    head = fit_head(X, None, target.coded(columns), target, ONES, 0)
    assert np.isfinite(head.outside).all()
    assert head.weight.shape == (6, 3)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (["a"] * 3, "y: all rows that count are of one class, 'a', but a classifier needs at least 2 classes"),
        (["a", "b"], "y: it has 2 entries but X has 3 rows"),
        ([[0, 1], [1, 0]], "y holds 2, but must hold 3, one for each text"),
        ([[0, 2], [1, 0], [1, 1]], "y holds 2, but a matrix must hold 0 and 1"),
        ([[0, 1], [0, 0], [0, 1]], "y: 0: all rows that count are of one class"),
        ([["a"], [None], ["b"]], "labels are missing"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(y, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_classes(np.array(y, object) if isinstance(y[0], list) and None in [v for r in y for v in r] else y, 3)


def test_constant_numbers_are_refused():
    with pytest.raises(ValueError, match="y: y is 2 for all texts, but must vary"):
        read_numbers([2.0, 2.0, 2.0], 3)
