"""Agreement of raters against published examples, scikit-learn and statsmodels."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_statsmodels

from ceteris.stats import pairs
from ceteris.stats.agreement import (
    SCALES,
    cohen_kappa,
    counted,
    fleiss_kappa,
    krippendorff_alpha,
    observed_agreement,
    squared_distances,
)

_ = np.nan
KRIPPENDORFF = np.array(  # Krippendorff (2011), part C: observers in rows, as he prints them
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
).T


def test_alpha_of_the_worked_example():
    found = {scale: round(krippendorff_alpha(KRIPPENDORFF, scale), 3) for scale in SCALES}
    assert found == {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}


def test_alpha_of_labels_is_that_of_their_numbers():
    names = np.where(
        np.isnan(KRIPPENDORFF), None, np.array(["?", "a", "b", "c", "d", "e"])[np.nan_to_num(KRIPPENDORFF).astype(int)]
    )
    assert krippendorff_alpha(names) == pytest.approx(krippendorff_alpha(KRIPPENDORFF), abs=1e-15)


def test_alpha_is_its_definition_pair_by_pair():
    """A slow route: all pairs of ratings within units, and all pairs at large."""
    rng = np.random.default_rng(1)
    ratings = np.where(rng.random((9, 4)) < 0.8, rng.integers(1, 5, size=(9, 4)), np.nan)
    kept = [row[~np.isnan(row)] for row in ratings if (~np.isnan(row)).sum() > 1]
    flat = np.concatenate(kept)
    distance = lambda c, k: ((c - k) / (c + k)) ** 2
    n = len(flat)
    observed = sum(
        distance(row[i], row[j]) / (len(row) - 1) for row in kept for i in range(len(row)) for j in range(len(row))
    )
    chance = sum(distance(flat[i], flat[j]) for i in range(n) for j in range(n) if i != j)
    assert krippendorff_alpha(ratings, "ratio") == pytest.approx(1 - (n - 1) * observed / chance, abs=1e-12)


def test_ordinal_distance_is_the_sum_of_what_lies_between():
    n = np.array([3.0, 1.0, 4.0, 2.0])
    slow = [[(n[min(c, k) : max(c, k) + 1].sum() - (n[c] + n[k]) / 2) ** 2 for k in range(4)] for c in range(4)]
    np.testing.assert_allclose(squared_distances(np.arange(4.0), n, "ordinal"), slow, atol=1e-12)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_cohen_is_that_of_scikit_learn(weights):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, size=60)
    b = np.where(rng.random(60) < 0.6, a, rng.integers(0, 4, size=60))
    assert cohen_kappa(a, b, weights) == pytest.approx(cohen_kappa_score(a, b, weights=weights), abs=1e-12)


def test_fleiss_is_that_of_statsmodels_and_of_a_published_table():
    rng = np.random.default_rng(0)
    ratings = rng.integers(0, 3, size=(30, 5))
    ratings[:, 1] = ratings[:, 0]
    assert fleiss_kappa(ratings) == pytest.approx(fleiss_of_statsmodels(counted(ratings)[0]), abs=1e-12)
    # Ten subjects, fourteen raters, five categories: the worked example of the article on Fleiss' kappa, 0.210.
    table = [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0],
             [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]  # fmt: skip
    assert fleiss_kappa([np.repeat(np.arange(5), row) for row in table]) == pytest.approx(0.210, abs=5e-4)


def test_observed_agreement_counts_pairs():
    assert observed_agreement([["a", "a", "b"], ["a", None, "a"], ["a", None, None]]) == pytest.approx((1 / 3 + 1) / 2)


def test_intervals_of_alpha_cover_the_truth():
    """Two raters who are right with probability .9: alpha's limit is known; 200 samples of 100 units, level 0.9."""
    rng = np.random.default_rng(0)
    agree = 0.9**2 + 0.1**2  # of two labels, equally frequent
    truth, hits = 1 - (1 - agree) / 0.5, 0
    for sample in range(200):
        real = rng.integers(0, 2, size=(100, 1))
        ratings = np.where(rng.random((100, 2)) < 0.9, real, 1 - real)
        low, high = np.quantile(pairs(krippendorff_alpha, ratings, draws=99, seed=sample), [0.05, 0.95])
        hits += low <= truth <= high
    assert 0.9 - 4 * np.sqrt(0.9 * 0.1 / 200) < hits / 200 < 0.98  # four standard errors below; above it would be wide


def test_one_value_throughout_says_nothing():
    assert np.isnan(krippendorff_alpha([[1, 1], [1, 1]]))
    assert np.isnan(cohen_kappa([1, 1], [1, 1]))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: krippendorff_alpha([["a", "b"]], "interval"), "some are text, but must be numbers on this scale"),
        (lambda: krippendorff_alpha([[1, -1]], "ratio"), "some are negative, but on a ratio scale must be at least 0"),
        (lambda: krippendorff_alpha([[1, None], [None, 2]]), "no unit has two, but agreement is between two at least"),
        (lambda: krippendorff_alpha([1, 2]), r"ratings has shape \(2,\), but must be a table with a row per unit"),
        (lambda: krippendorff_alpha([[1, 2]], "nomial"), "scale is 'nomial', but must be one of .* 'nominal'"),
        (lambda: fleiss_kappa([[1, 1, 2], [1, None, 2]]), "units have 2, 3 ratings, but must have equally many"),
        (lambda: cohen_kappa([1, 2], [1]), "b holds 1, but must hold 2, one for each rating in a"),
        (lambda: cohen_kappa([1, None], [1, 2]), "a and b hold missing ratings, but Cohen's kappa needs all"),
        (lambda: cohen_kappa([1, 2], [1, 2], "square"), "weights is 'square', but must be one of"),
    ],
)
def test_what_cannot_be_compared_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()
