"""Factorial experiments and structural models: the truth they claim, against plain simulation and regression."""

import numpy as np
import pytest

from ceteris.data.factorial import (
    STRUCTURAL_SLOPE,
    all_combinations,
    factorial_mean,
    factorial_truth,
    observed_combinations,
    simulate_factorial,
    simulate_structural,
    structural_parameters,
)

T = ["t1", "t2", "t3", "t4"]


@pytest.mark.parametrize("link", ["sigmoid", "linear", "interacting"])
def test_truth_is_the_average_over_fresh_covariates(link):
    truth = factorial_truth(4, link)
    x = np.random.default_rng(3).uniform(-1, 1, (100_000, 5))
    for t, mean in zip(truth.combinations, truth.mean, strict=True):
        outcome = factorial_mean(x, t, link)
        # four standard errors of the simulated mean; the truth's own error is a tenth of that
        assert abs(outcome.mean() - mean) < 4 * outcome.std() / np.sqrt(len(x))
    assert truth.effect[0] == 0


def test_means_of_arms_are_those_of_the_truth():
    data = simulate_factorial(60_000, 4, seed=5)
    truth = factorial_truth(4)
    assert sorted(map(tuple, data[T].drop_duplicates().to_numpy())) == sorted(map(tuple, observed_combinations(4)))
    for t, mean in zip(truth.combinations, truth.mean, strict=True):
        arm = data.loc[(data[T] == t).all(axis=1), "y"]
        if len(arm):
            assert abs(arm.mean() - mean) < 4 * arm.std() / np.sqrt(len(arm))


def test_sigmoid_and_interacting_designs_are_not_linear():
    # a linear model in the factors is saturated by control and single factors; what it says of the rest is wrong
    for link in ("sigmoid", "interacting"):
        truth = factorial_truth(4, link)
        single = [int(np.flatnonzero((truth.combinations == row).all(1))[0]) for row in np.eye(4)]
        added = truth.combinations @ truth.effect[single]
        assert np.abs(added - truth.effect).max() > 0.2
    linear = factorial_truth(4, "linear")
    single = [int(np.flatnonzero((linear.combinations == row).all(1))[0]) for row in np.eye(4)]
    np.testing.assert_allclose(linear.combinations @ linear.effect[single], linear.effect, atol=1e-12)


def test_structural_slope_is_one_and_the_treatment_is_confounded():
    x = np.random.default_rng(0).uniform(-1, 1, (100_000, 5))
    slope = structural_parameters(x)[1]
    assert abs(slope.mean() - STRUCTURAL_SLOPE) < 4 * slope.std() / np.sqrt(len(x))
    data = simulate_structural(20_000, "linear", seed=1)
    raw = np.polyfit(data["t"], data["y"], 1)[0]
    assert abs(raw - STRUCTURAL_SLOPE) > 0.2  # regression without covariates is far off


def test_logit_outcomes_follow_their_probability():
    import statsmodels.api as sm

    data = simulate_structural(40_000, "logit", seed=2)
    a, b = structural_parameters(data.filter(like="x").to_numpy())
    index = a + b * data["t"]
    fit = sm.Logit(data["y"], sm.add_constant(index)).fit(disp=0)
    # constant 0 and slope 1, within four standard errors
    assert np.all(np.abs(fit.params - [0, 1]) < 4 * fit.bse)


def test_seeds():
    same = [simulate_factorial(50, 3, seed=7) for _ in range(2)]
    assert same[0].equals(same[1])
    assert not simulate_factorial(50, 3, seed=8).equals(same[0])


def test_wrong_input():
    with pytest.raises(
        ValueError, match=r"observed has shape \(2, 2\); it must be a table of zeros and ones with 3 col"
    ):
        simulate_factorial(10, 3, observed=[[0, 0], [1, 1]])
    with pytest.raises(ValueError, match=r"link is .sigmod.*did you mean .sigmoid."):
        simulate_factorial(10, 3, link="sigmod")
    with pytest.raises(ValueError, match="covariates is 2, but must be a whole number of at least 3"):
        simulate_structural(10, covariates=2)
    assert all_combinations(3).shape == (8, 3)
