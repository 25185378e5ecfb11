"""The decomposition against formulas for least squares and against its defining identity."""

import numpy as np
import pytest

from ceteris.gallery import bias_variance as bv


def test_at_the_training_inputs_the_variance_is_noise_times_parameters_over_rows():
    x = np.linspace(-1, 1, 12)
    design = bv.Design(x, bv.truth(x), x, bv.truth(x))
    for degree in (0, 3, 7):
        exact = bv.decompose_exactly(bv.smoother(design, degree), design, noise=0.5)
        assert exact.variance == pytest.approx(0.25 * (degree + 1) / 12, rel=1e-10)


def test_a_polynomial_truth_has_no_bias_from_its_degree_on():
    x = np.linspace(-1, 1, 20)
    design = bv.Design(x, x**3, x, x**3)
    bias2 = [bv.decompose_exactly(bv.smoother(design, degree), design, 1.0).bias2 for degree in (1, 3, 5)]
    assert bias2[0] > 0.01
    assert max(bias2[1:]) < 1e-20


def test_the_estimates_by_simulation_have_no_small_sample_bias():
    # Three repeats only, averaged over many trials: bias² 0.25 and variance 4 come out right on average.
    rng = np.random.default_rng(0)
    draws = 0.5 + 2 * rng.normal(size=(3, 200_000))
    bias2, variance = bv.decompose_by_simulation(draws, np.zeros(200_000))
    assert variance == pytest.approx(4, rel=0.02)
    assert bias2 == pytest.approx(0.25, abs=0.03)


def test_an_unsquared_bias_would_not_add_up():
    design = bv.draw_design(np.random.default_rng(0))
    table = bv.study(design, repeats=400, rng=np.random.default_rng(1))
    wrong = np.sqrt(table["exact bias²"]) + table["exact variance"] + table["noise"]
    z = (table["measured error"] - wrong).abs() / table["standard error of the gap"]
    assert z.max() > 20
