"""Permutation tests against scipy, counting, and their level; the interval against testing every effect."""

import itertools

import numpy as np
import pytest
from scipy import stats

from ceteris.stats.permutation import assign, difference_in_means, permutation_test, randomisation_interval


def test_the_exact_p_value_is_that_of_scipy():
    rng = np.random.default_rng(0)
    y, d = rng.normal(size=12), np.repeat([1.0, 0.0], [5, 7])
    theirs = stats.permutation_test((y[d == 1], y[d == 0]), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf)
    ours = permutation_test(y, d)
    assert ours.exact
    assert len(ours.draws) == 792
    # Two-sided by absolute value here, by doubling there: compared one-sided too.
    one = stats.permutation_test(
        (y[d == 1], y[d == 0]), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf, alternative="greater"
    )
    assert permutation_test(y, d, alternative="greater").p_value == pytest.approx(one.pvalue, abs=1e-12)
    assert ours.p_value == pytest.approx((np.abs(theirs.null_distribution) >= abs(theirs.statistic) - 1e-12).mean())


def test_sampling_approaches_the_exact_value():
    rng = np.random.default_rng(1)
    y, d = rng.normal(size=14), np.tile([1.0, 0.0], 7)
    exact, sampled = permutation_test(y, d), permutation_test(y, d, exact=False, draws=20_000, seed=3)
    # Binomial standard error of 20,000 draws is at most 0.0036; four of them.
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.0145)
    assert not sampled.exact
    assert sampled.p_value != permutation_test(y, d, exact=False, draws=20_000, seed=4).p_value


def test_strata_and_clusters_restrict_what_could_have_been_drawn():
    d = np.array([1.0, 0, 1, 0, 0])
    found, exact = assign(d, strata=["a", "a", "b", "b", "b"])
    assert exact
    assert {tuple(row) for row in found} == {
        (a, 1 - a, *b) for a in (0.0, 1.0) for b in set(itertools.permutations((1.0, 0.0, 0.0)))
    }
    whole, _ = assign(np.array([1.0, 1, 0, 0, 0]), cluster=[1, 1, 2, 2, 3])
    assert {tuple(row) for row in whole} == {(1, 1, 0, 0, 0), (0, 0, 1, 1, 0), (0, 0, 0, 0, 1)}
    sampled, _ = assign(d, strata=[0, 0, 1, 1, 1], exact=False, draws=50)
    assert (sampled[:, :2].sum(axis=1) == 1).all()
    assert (sampled[:, 2:].sum(axis=1) == 1).all()


def test_the_level_is_right():
    rng = np.random.default_rng(2)
    p = [permutation_test(rng.exponential(size=10), np.repeat([1.0, 0.0], 5)).p_value for _ in range(400)]
    # At most 5 % in theory; a binomial of 400 draws exceeds 33 once in a thousand.
    assert np.sum(np.array(p) <= 0.05) <= 33
    assert np.mean(p) == pytest.approx(0.5, abs=0.06)


def test_the_interval_holds_the_effects_that_are_not_rejected():
    rng = np.random.default_rng(3)
    d = np.repeat([1.0, 0.0], [6, 6])
    y = rng.normal(size=12) + 1.5 * d
    low, high = randomisation_interval(y, d, level=0.9)
    for effect in np.linspace(low - 1, high + 1, 41):
        beside = y - effect * d
        kept = min(permutation_test(beside, d, alternative=side).p_value for side in ("greater", "less")) > 0.05
        if min(abs(effect - low), abs(effect - high)) > 1e-9:
            assert kept == (low < effect < high)


def test_the_interval_of_a_large_sample_is_the_usual_one():
    rng = np.random.default_rng(4)
    d = np.tile([1.0, 0.0], 200)
    y = rng.normal(size=400) + d
    low, high = randomisation_interval(y, d)
    point, half = float(difference_in_means(y, d)), 1.96 * np.sqrt(y[d == 1].var() / 200 + y[d == 0].var() / 200)
    # Quantiles of 9,999 draws: about 3 % of the half-width.
    assert low == pytest.approx(point - half, abs=0.06 * half)
    assert high == pytest.approx(point + half, abs=0.06 * half)


def test_too_few_assignments_give_an_unbounded_interval():
    assert randomisation_interval(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 0])) == (-np.inf, np.inf)


def test_bad_input_is_answered():
    y = np.arange(4.0)
    with pytest.raises(ValueError, match="d must hold zeros and ones, at least one of each, but does not"):
        permutation_test(y, [1, 1, 1, 1])
    with pytest.raises(ValueError, match="alternative is 'up', but must be one of two-sided, greater, less"):
        permutation_test(y, [1, 0, 1, 0], alternative="up")
    with pytest.raises(ValueError, match="cluster: the treatment varies within a"):
        permutation_test(y, [1, 0, 1, 0], cluster=["a", "a", "b", "b"])
    with pytest.raises(ValueError, match="strata: a cluster lies in more than one"):
        permutation_test(y, [1, 1, 0, 0], cluster=["a", "a", "b", "b"], strata=[1, 2, 1, 1])
    with pytest.raises(ValueError, match="exact: 137,846,528,820 assignments are possible"):
        permutation_test(np.arange(40.0), np.tile([1, 0], 20), exact=True)
    with pytest.raises(ValueError, match="level is 2, but must be a number above 0 and below 1"):
        randomisation_interval(y, [1, 0, 1, 0], level=2)
