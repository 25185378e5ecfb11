"""The compiled engine against slow routes in plain Python."""

import numpy as np
import pytest

from ceteris.causal.heterogeneity.forest import draws, grow


def node(rng, m, p, r, s, missing):
    codes = rng.integers(1, 9 if missing else 200, size=(m, p)).astype(np.uint8)
    if missing:
        codes[rng.random((m, p)) < 0.2] = 0
    values = np.ones((m, 1 + r + 3 * s))
    rho = rng.normal(size=(m, r)) + (codes[:, :1] > np.median(codes[:, 0]))
    values[:, 1 : 1 + r] = rho - rho.mean(0)
    balance = rng.normal(size=(m, s))
    grow.fill_balance(balance, np.arange(m), r, values)
    return codes, values, balance


def slow_gain(left, rho, balance, least, alpha):
    """The criterion from its definition, or None where a child is too small or too uniform."""
    m, sides = len(left), (left, ~left)
    if not left.any() or left.all():
        return None
    if balance.shape[1] == 0 and min(left.sum(), (~left).sum()) < np.ceil(alpha * m):
        return None
    for z in balance.T:
        for side in sides:
            below = z[side] < z.mean()
            spread = np.sum((z[side] - z[side].mean()) ** 2)
            if min(below.sum(), (~below).sum()) < least or spread < alpha * np.sum((z - z.mean()) ** 2):
                return None
    return sum(np.sum(rho[side].sum(0) ** 2) / side.sum() for side in sides) - np.sum(rho.sum(0) ** 2) / m


def slow_split(codes, rho, balance, least, alpha):
    best = 0.0
    for column in codes.T:
        occurring = np.unique(column)
        for cut in range(int(occurring.max()) + 1):
            for missing_left in (False, True):
                gain = slow_gain(np.where(column == 0, missing_left, column <= cut), rho, balance, least, alpha)
                best = best if gain is None else max(best, gain)
    return best


@pytest.mark.parametrize(("r", "s"), [(1, 0), (1, 1), (3, 0), (2, 2)])
@pytest.mark.parametrize("missing", [False, True])
def test_best_split_is_that_of_trying_all(r, s, missing):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        codes, values, balance = node(rng, 60, 4, r, s, missing)
        rho = values[:, 1 : 1 + r]
        bins = np.empty((256, values.shape[1]))
        found = grow.best_split(codes, np.arange(60), values, np.arange(4), r, s, 4.0, 0.05, bins)
        feature, cut, missing_left, gain = found
        expected = slow_split(codes, rho, balance, 4, 0.05)
        left = np.where(codes[:, feature] == 0, missing_left, codes[:, feature] <= cut)
        # Sums in another order: 60 terms of order one differ by some 1e-14.
        assert gain == pytest.approx(expected, rel=1e-10)
        assert slow_gain(left, rho, balance, 4, 0.05) == pytest.approx(expected, rel=1e-10)


def test_no_split_where_none_is_allowed():
    rng = np.random.default_rng(0)
    codes, values, _ = node(rng, 20, 3, 1, 0, False)
    bins = np.empty((256, 2))
    same = np.ones_like(codes)
    assert grow.best_split(same, np.arange(20), values, np.arange(3), 1, 0, 1.0, 0.0, bins)[0] == -1
    flat = np.column_stack([np.ones(20), np.zeros(20)])
    assert grow.best_split(codes, np.arange(20), flat, np.arange(3), 1, 0, 1.0, 0.0, bins)[0] == -1


def test_states_are_disjoint_of_the_sizes_asked_for_and_share_a_half_within_a_bag():
    drawn = [draws.draw_states(3, tree, 2, 1001, 0.4, 0.25) for tree in range(400)]
    for first, second in zip(drawn[::2], drawn[1::2], strict=True):
        for states in (first, second):
            assert np.sum(states == draws.SPLIT) == round(0.75 * 400)
            assert np.sum(states > 0) == 400
        assert np.sum((first > 0) | (second > 0)) <= 500  # one half
    # Each unit is drawn with probability 0.4: over 200 bags, between which draws are independent, the largest of 1001
    # deviations of the mean is below 4.5 standard errors but once in 150 times.
    share = np.mean([states > 0 for states in drawn], axis=0)
    assert np.abs(share - 0.4).max() < 4.5 * np.sqrt(0.24 / 200)
    # Two trees of different bags overlap as independent draws do.
    overlap = np.mean([np.mean((a > 0) & (b > 0)) for a, b in zip(drawn[:-2], drawn[2:], strict=True)])
    assert overlap == pytest.approx(0.16, abs=0.005)


def test_pseudo_outcomes_are_the_influence_of_a_row_on_the_estimate():
    # Dropping weight from row i moves θ by -ρ_i / m per unit: compare with the derivative by differences.
    rng = np.random.default_rng(1)
    m, d = 40, 3
    A = rng.normal(size=(m, d, d)) + 3 * np.eye(d)
    b = rng.normal(size=(m, d))
    values = np.ones((m, 3))
    moments = np.concatenate([A.reshape(m, -1), b], axis=1)
    assert grow._relabel_linear(moments, np.arange(m), d, 2, values)

    def theta(weights):
        return np.linalg.solve(np.tensordot(weights, A, 1), weights @ b)[:2]

    for i in range(5):
        step = np.zeros(m)
        step[i] = 1e-5
        slope = (theta(np.ones(m) + step) - theta(np.ones(m) - step)) / 2e-5
        assert values[i, 1:] / m == pytest.approx(slope, abs=1e-8)  # differences err by step² = 1e-10, and rounding


def test_a_node_without_variation_has_no_estimate():
    d = np.zeros(10)
    moments = np.column_stack([d * d, d, d, np.ones(10), d, np.arange(10.0)])
    assert not grow._relabel_linear(moments, np.arange(10), 2, 1, np.ones((10, 2)))
