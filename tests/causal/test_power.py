"""Power against statsmodels, published sample sizes, and simulated experiments."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from ceteris.causal import Experiment
from ceteris.causal.power import best_share, proportions


@pytest.mark.parametrize(
    ("effect", "n", "share"), [(0.2, 100, 0.5), (0.5, 128, 0.5), (0.8, 60, 0.25), (0.3, 1000, 0.1)]
)
@pytest.mark.parametrize("alternative", ["two-sided", "one-sided"])
def test_it_is_that_of_the_t_test(effect, n, share, alternative):
    theirs = TTestIndPower().power(
        effect,
        n * share,
        0.05,
        ratio=(1 - share) / share,
        alternative={"one-sided": "larger"}.get(alternative, alternative),
    )
    ours = Experiment(share=share, alternative=alternative).power(effect, n)
    assert ours == pytest.approx(theirs, rel=1e-8)


def test_cohens_table():
    # Cohen (1988), table 2.4.1, two-sided 5 %, power 0.8: 393, 64 and 26 in each group for d = 0.2, 0.5 and 0.8.
    assert [Experiment().sample_size(d) for d in (0.2, 0.5, 0.8)] == pytest.approx([2 * 393, 2 * 64, 2 * 26], abs=1)


def test_the_three_questions_agree():
    design = Experiment(sd=2.0, sd_treated=3.0, share=0.4, r2=0.3)
    n = design.sample_size(0.7, 0.9)
    assert design.power(0.7, n) >= 0.9 > design.power(0.7, n - 1)
    assert design.detectable(n, 0.9) == pytest.approx(0.7, rel=0.01)
    assert design.power(design.detectable(200), 200) == pytest.approx(0.8, abs=1e-9)
    assert design.power(1e-12, 200) == pytest.approx(0.05, abs=1e-6)
    curve = design.curve([0.1, 0.5], [100, 200])
    assert curve["power"].tolist() == [design.power(e, n) for e in (0.1, 0.5) for n in (100, 200)]


@pytest.mark.parametrize(("m", "icc"), [(1, 0.0), (10, 0.2)])
def test_experiments_reject_as_often_as_it_says(m, icc):
    effect, n, draws = 0.5, 200, 4000
    rng = np.random.default_rng(0)
    groups = n // m
    d = np.arange(groups) % 2
    means = effect * d + rng.normal(size=(draws, groups)) * np.sqrt(icc + (1 - icc) / m)
    p = stats.ttest_ind(means[:, d == 1], means[:, d == 0], axis=1).pvalue
    # Binomial standard error of 4,000 draws: at most 0.008.
    assert Experiment(cluster_size=m, icc=icc).power(effect, n) == pytest.approx((p < 0.05).mean(), abs=0.024)


def test_the_design_effect_and_covariates_scale_the_sample():
    plain = Experiment().sample_size(0.2)
    assert Experiment(r2=0.5).sample_size(0.2) == pytest.approx(plain / 2, rel=0.01)
    clustered = Experiment(cluster_size=20, icc=0.05).sample_size(0.2)
    assert clustered == pytest.approx(plain * (1 + 19 * 0.05), rel=0.05)
    assert clustered % 20 == 0


def test_shares_of_zeros_and_ones():
    # The normal approximation with unpooled variances: n per arm = (1.96 + 0.8416)² (p q + p q) / difference².
    n = (1.959964 + 0.841621) ** 2 * (0.1 * 0.9 + 0.15 * 0.85) / 0.05**2
    assert proportions(0.1, 0.15).sample_size(0.05) == pytest.approx(2 * n, abs=6)


def test_the_best_share_has_the_least_variance():
    shares = np.linspace(0.01, 0.99, 9801)
    best = shares[np.argmin([Experiment(sd=1, sd_treated=3, share=s).standard_error(100) for s in shares])]
    assert best_share(1, 3) == pytest.approx(best, abs=2e-4)
    cost = lambda s: (9 / s + 1 / (1 - s)) * (4 * s + 1 - s)
    assert best_share(1, 3, 1, 4) == pytest.approx(shares[np.argmin(cost(shares))], abs=2e-4)


def test_bad_input_is_answered():
    for settings, words in (
        ({"share": 1.0}, "share is 1.0, but must be a number above 0 and below 1"),
        ({"level": 0}, "level is 0, but must be a number above 0 and below 1"),
        ({"r2": 1.0}, "r2 is 1.0, but must be a number of at least 0 and below 1"),
        ({"icc": -0.1}, "icc is -0.1, but must be a number of at least 0 and below 1"),
        ({"sd": 0}, "sd is 0, but must be a number above 0"),
        ({"cluster_size": 0}, "cluster_size is 0, but must be a whole number of at least 1"),
        ({"alternative": "up"}, "alternative is 'up', but must be one of two-sided, one-sided"),
    ):
        with pytest.raises(ValueError, match=words):
            Experiment(**settings)
    with pytest.raises(ValueError, match="effect is 0, but no sample finds an effect of zero"):
        Experiment().sample_size(0)
    with pytest.raises(ValueError, match=r"effect is 1e-09, but that needs over 1e\+09 units"):
        Experiment().sample_size(1e-9)
    with pytest.raises(ValueError, match=r"power is 0.01, but must be a number above 0.05 and below 1"):
        Experiment().sample_size(0.1, power=0.01)
    with pytest.raises(ValueError, match="n is 20, which makes 2 units to assign, but must make three"):
        Experiment(cluster_size=10).power(0.5, 20)
    with pytest.raises(ValueError, match="control is 1, but must be a number above 0 and below 1"):
        proportions(1, 0.5)
