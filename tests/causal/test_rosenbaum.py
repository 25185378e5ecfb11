"""Rosenbaum's bounds against scipy, a published table, and pairs whose treatment really is biased."""

import numpy as np
import pytest
from scipy import stats

from ceteris.causal.rosenbaum import critical_gamma, hidden_bias, pairs, signed_rank_bounds

# Lead in the blood of children, father exposed at work and control: Morton et al. (1982), in Rosenbaum (2002), ch. 3.
EXPOSED = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35, 49, 48, 44, 35, 43,
           39, 34, 13, 73, 25, 27]  # fmt: skip
CONTROL = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19, 7, 18, 19, 12, 11,
           22, 25, 16, 13, 11, 13]  # fmt: skip
LEAD = np.array(EXPOSED) - np.array(CONTROL)


def test_lead_in_the_blood():
    # Rosenbaum (2002), table 4.1: largest p-value 0.0018 at Γ = 2, 0.0388 at 4, 0.0468 at 4.25, 0.0740 at 5.
    found = [signed_rank_bounds(LEAD, gamma)[1] for gamma in (2, 4, 4.25, 5)]
    assert found == pytest.approx([0.0018, 0.0388, 0.0468, 0.0740], abs=2e-4)
    assert 4.25 < critical_gamma(LEAD) < 5


def test_without_bias_it_is_wilcoxons_test():
    v = np.random.default_rng(0).normal(0.3, 1, 40).round(1)
    theirs = stats.wilcoxon(v, alternative="greater", method="approx", zero_method="pratt").pvalue
    assert signed_rank_bounds(v, 1.0) == pytest.approx((theirs, theirs), rel=1e-10)


def test_the_level_is_kept_in_the_worst_case():
    # No effect, but the unit with the larger outcome is treated with odds of Γ = 2.
    rng, rejected = np.random.default_rng(0), {1.0: 0, 2.0: 0}
    for _ in range(1000):
        size = np.abs(rng.normal(size=100))
        v = np.where(rng.uniform(size=100) < 2 / 3, size, -size)
        for gamma in rejected:
            rejected[gamma] += signed_rank_bounds(v, gamma)[1] < 0.05
    # 50 of 1,000 expected, binomial standard deviation 7.
    assert 26 <= rejected[2.0] <= 74
    assert rejected[1.0] > 700


def test_pairs_have_the_least_total_distance():
    import itertools

    rng = np.random.default_rng(0)
    x, d = rng.normal(size=(9, 2)), np.repeat([1, 0], [4, 5])
    treated, control = pairs(x, d, "euclidean")
    total = np.linalg.norm(x[treated] - x[control], axis=1).sum()
    every = itertools.permutations(range(4, 9), 4)
    assert total == pytest.approx(min(np.linalg.norm(x[:4] - x[list(c)], axis=1).sum() for c in every), rel=1e-12)
    assert len(set(control)) == 4


def test_the_section_says_where_the_conclusion_falls():
    section = hidden_bias(LEAD)
    assert section.checks[0].passed
    assert "multiplies the odds of treatment by 4.3" in section.checks[0].sentence
    assert section.tables[0].frame["p, most"].is_monotonic_increasing
    none = hidden_bias(np.random.default_rng(0).normal(size=50) - 1)
    assert none.checks[0].sentence == "The effect is not significant at 0.05 even without hidden bias."


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"gamma is 0.5, but must be a number of at least 1"):
        signed_rank_bounds(LEAD, 0.5)
    with pytest.raises(ValueError, match="differences holds 3 that are not zero, but must hold ten at least"):
        signed_rank_bounds([1, 2, 3, 0, 0])
    with pytest.raises(ValueError, match=r"differences holds 20 missing \(NaN\)"):
        signed_rank_bounds([np.nan] * 20)
    with pytest.raises(ValueError, match="level is 2, but must be a number above 0 and below 1"):
        critical_gamma(LEAD, level=2)
    with pytest.raises(ValueError, match="metric is 'cosine'"):
        pairs(np.zeros((3, 1)), [1, 0, 0], "cosine")
