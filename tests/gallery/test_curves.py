"""Curves against formulas written out here, and minimisers against the sample."""

import numpy as np
import pytest
from scipy.special import erf, expit

from ceteris.gallery import curves
from ceteris.nets import Pinball, absolute, squared


def test_derivatives_are_those_of_calculus():
    table = curves.activation_curves(201)
    z = table["z"].unique().astype(float)
    s, sp = expit(z), np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)
    density, mass = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), (1 + erf(z / np.sqrt(2))) / 2
    by_hand = {
        "sigmoid": s * (1 - s),
        "tanh": 1 - np.tanh(z) ** 2,
        "elu": np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
        "swish": s + z * s * (1 - s),
        "gelu": mass + z * density,
        "mish": np.tanh(sp) + z * s / np.cosh(sp) ** 2,
        "softplus": s,
    }
    for name, expected in by_hand.items():
        measured = table.loc[table["activation"] == name, "derivative"]
        assert np.allclose(measured, expected, atol=1e-5), name  # single precision
    assert set(by_hand) | {"relu", "leaky_relu"} == set(curves.NINE)


def test_losses_of_a_probability_are_the_textbook_ones():
    table = curves.probability_curves(99)
    one = table[(table["class"] == 1) & (table["loss"] == "cross-entropy")]
    zero = table[(table["class"] == 0) & (table["loss"] == "squared error")]
    assert np.allclose(one["value"], -np.log(one["p"]), rtol=1e-4)
    assert np.allclose(zero["value"], zero["p"] ** 2, rtol=1e-4)


@pytest.mark.parametrize(
    ("loss", "quantity"),
    [(squared, np.mean), (absolute, np.median), (Pinball(0.25), lambda x: np.quantile(x, 0.25))],
)
def test_the_minimiser_is_what_the_loss_estimates(loss, quantity):
    sample = np.random.default_rng(0).exponential(size=999)
    step = np.ptp(np.quantile(sample, [0.001, 0.999])) / 1_000
    assert curves.minimiser(loss, sample) == pytest.approx(quantity(sample), abs=step)


def test_checks_would_notice_a_wrong_curve():
    summary = curves._summary(curves.activation_curves(2_001))
    assert curves._range_check(summary).passed
    summary.loc[summary["activation"] == "gelu", "lowest"] = -0.2
    assert not curves._range_check(summary).passed
