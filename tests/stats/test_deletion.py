"""Estimates without a row, against fits without it; and how often an ordinary row is said to decide."""

import numpy as np
import pytest

from ceteris.stats.deletion import DECISIVE, FEWEST, most_decisive, without_leverage
from ceteris.stats.least_squares import ols

RNG = np.random.default_rng(0)
N = 60
X = np.column_stack([np.ones(N), RNG.normal(size=(N, 3))])
Y = X @ [1.0, 2.0, -1.0, 0.5] + RNG.normal(size=N)


@pytest.mark.parametrize("weighted", [False, True])
def test_least_squares_without_each_row_is_exact(weighted):
    w = RNG.uniform(0.5, 2, N) if weighted else None
    fit = ols(X, Y, w)
    for i in (0, 7, 59):
        kept = np.delete(np.arange(N), i)
        without = ols(X[kept], Y[kept], None if w is None else w[kept])
        np.testing.assert_allclose(fit.beta - fit.by_deletion[i] / N, without.beta, rtol=1e-9)


def test_a_row_that_the_fit_goes_through_decides():
    x, y = X.copy(), Y.copy()
    x[7, 1], y[7] = 1e5, 7.9e5
    fit = ols(x, y)
    assert np.abs(fit.influence("HC0")[7, 1]) < 0.05 * np.abs(fit.influence("HC0")[:, 1]).max()  # not seen
    found = most_decisive(fit.by_deletion[:, [1]])
    assert found.unit == 7
    assert found.distance > 1000
    kept = np.delete(np.arange(N), 7)
    assert fit.beta[1] - found.change == pytest.approx(ols(x[kept], y[kept]).beta[1], rel=1e-4)


def test_a_dummy_of_its_own_row_takes_nothing_from_the_others():
    own = np.eye(N)[:, [5]]
    fit = ols(np.column_stack([X, own]), Y)
    np.testing.assert_array_equal(fit.by_deletion[5, :4], 0.0)
    assert np.isinf(fit.by_deletion[5, 4])
    assert most_decisive(fit.by_deletion[:, [4]]).distance == np.inf


def test_a_ratio_of_sums_without_each_row_is_exact():
    a, b = RNG.uniform(0.1, 3, N), RNG.normal(size=N)
    point = b.sum() / a.sum()
    deletion = without_leverage((b - point * a)[:, None] / a.mean(), a[:, None] / a.sum())
    for i in range(5):
        expected = (b.sum() - b[i]) / (a.sum() - a[i])
        assert point - deletion[i, 0] / N == pytest.approx(expected, rel=1e-12)


def test_clusters_are_added_up_and_the_worst_entry_is_found():
    groups = np.arange(N) // 5
    deletion = RNG.normal(size=(N, 3))
    deletion[groups == 4, 1] += 20
    found = most_decisive(deletion, [groups])
    assert (found.entry, found.unit, found.units) == (1, 4, 12)
    assert found.change == pytest.approx(deletion[groups == 4, 1].sum() / N)
    assert most_decisive(deletion).distance < DECISIVE


def test_the_distance_is_in_standard_errors_of_the_others():
    x = RNG.normal(size=40)
    x[3] = 12.0
    found = most_decisive((x - x.mean())[:, None] * 40 / 39)
    rest = np.delete(x, 3)
    se = rest.std() / np.sqrt(39)
    assert found.unit == 3
    # δ is scaled by n / (n - 1), and the others' standard error is that of 39 rows in place of 40
    assert found.distance == pytest.approx((x.mean() - rest.mean()) / se, rel=0.03)


@pytest.mark.parametrize("m", [FEWEST, 20, 50])
def test_normal_units_seldom_decide(m):
    far = [most_decisive(RNG.normal(size=(m, 1))).distance > DECISIVE for _ in range(2000)]
    assert np.mean(far) <= 0.01 + 3 * np.sqrt(0.01 / 2000)  # three binomial standard deviations above the bound
