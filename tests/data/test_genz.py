"""Genz's functions against their integrals, against values by hand, and the normalisation."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import erf

from ceteris.data import GENZ, genz, genz_parameters, simulate_genz

C, W = 1.7, 0.3
ONE_DIMENSION = {  # integrals over [0, 1], by elementary calculus
    "oscillatory": (math.sin(2 * math.pi * W + C) - math.sin(2 * math.pi * W)) / C,
    "product_peak": C * (math.atan(C * (1 - W)) + math.atan(C * W)),
    "corner_peak": 1 / (1 + C),
    "gaussian": math.sqrt(math.pi) / (2 * C) * (erf(C * (1 - W)) + erf(C * W)),
    "continuous": (2 - math.exp(-C * W) - math.exp(-C * (1 - W))) / C,
    "discontinuous": (math.exp(C * W) - 1) / C,
}


def gauss(pieces: list[float], order: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre rule on [0, 1], composed over pieces so that kinks and jumps are at their ends."""
    z, v = np.polynomial.legendre.leggauss(order)
    ends = list(itertools.pairwise(pieces))
    nodes = np.concatenate([a + (b - a) * (z + 1) / 2 for a, b in ends])
    return nodes, np.concatenate([(b - a) / 2 * v for a, b in ends])


@pytest.mark.parametrize("name", GENZ)
def test_the_integral_in_one_dimension_is_the_known_one(name):
    x, v = gauss([0, W, 1])
    # 30 nodes a piece integrate these smooth pieces to rounding.
    assert v @ genz(name, x[:, None], [C], [W]) == pytest.approx(ONE_DIMENSION[name], rel=1e-12)


def _square_integral(name, c, w):
    (x, u), (y, v) = gauss([0, w[0], 1]), gauss([0, w[1], 1])
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    return u @ genz(name, points, c, w) @ v


@pytest.mark.parametrize("name", ["product_peak", "gaussian", "continuous", "discontinuous"])
def test_the_integral_of_a_product_is_the_product_of_integrals(name):
    c, w = [0.8, 2.5], [0.6, 0.4]
    parts = []
    for c_i, w_i in zip(c, w, strict=True):
        x, v = gauss([0, w_i, 1])
        parts.append(v @ genz(name, x[:, None], [c_i], [w_i]))
    assert _square_integral(name, c, w) == pytest.approx(parts[0] * parts[1], rel=1e-12)


def test_the_integrals_on_the_square_that_do_not_factor_are_the_known_ones():
    a, b = c = [0.8, 1.05]
    corner = (1 - 1 / (1 + a) - 1 / (1 + b) + 1 / (1 + a + b)) / (2 * a * b)
    assert _square_integral("corner_peak", c, [0.5, 0.5]) == pytest.approx(corner, rel=1e-12)
    phase = 2 * math.pi * 0.3
    wave = (math.cos(phase + a) + math.cos(phase + b) - math.cos(phase) - math.cos(phase + a + b)) / (a * b)
    assert _square_integral("oscillatory", c, [0.3, 0.7]) == pytest.approx(wave, rel=1e-12)


def test_values_by_hand_in_three_dimensions():
    x, c, w = [0.5, 0.25, 1.0], [1.0, 2.0, 0.5], [0.5, 0.5, 0.0]
    by_hand = {
        "oscillatory": math.cos(math.pi + 1.5),
        "product_peak": 1 / 1.0 * 1 / (0.25 + 0.0625) * 1 / (4 + 1),
        "corner_peak": 2.5**-4,
        "gaussian": math.exp(-(4 * 0.0625 + 0.25)),
        "continuous": math.exp(-(2 * 0.25 + 0.5)),
        "discontinuous": math.exp(1.5),  # the third coordinate does not jump, and x_1 = w_1 is inside
    }
    assert {name: float(genz(name, x, c, w)) for name in GENZ} == pytest.approx(by_hand, rel=1e-14)
    assert genz("discontinuous", [0.51, 0.25, 1.0], c, w) == 0
    assert genz("discontinuous", [0.5, 0.51, 1.0], c, w) == 0


def test_a_coordinate_without_weight_does_no_harm():
    assert genz("product_peak", [0.5, 0.5], [0.0, 1.0], [0.5, 0.5]) == 0


@pytest.mark.parametrize(("name", "b"), list(zip(GENZ, (1.5, 7, 1.85, 7.03, 20.4, 4.3), strict=True)))
def test_parameters_are_normalised_as_printed(name, b):
    c, w = genz_parameters(name, 7, np.random.default_rng(3))
    assert c.sum() == pytest.approx(b)
    assert w.sum() == pytest.approx(1)
    assert c.min() >= 0
    assert w.min() >= 0


def test_one_seed_gives_nested_samples_and_one_function():
    small, large, other = (simulate_genz("gaussian", 3, n, fresh=50, seed=s) for n, s in ((5, 0), (9, 0), (9, 1)))
    assert np.array_equal(small.x, large.x[:5])
    assert np.array_equal(small.y, large.y[:5])
    assert np.array_equal(small.x_fresh, large.x_fresh)
    assert np.array_equal(small.c, large.c)
    assert not np.array_equal(other.c, large.c)
    assert large.x_fresh.shape == (50, 3)
    assert 0 <= large.x.min() <= large.x.max() <= 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: genz("gausian", [0.5], [1], [1]), "name is 'gausian'.*did you mean 'gaussian'?"),
        (
            lambda: genz("gaussian", [0.5, 0.5], [1.0], [1.0]),
            "last axis must be the same number of dimensions",
        ),
        (lambda: genz("gaussian", 0.5, [1.0], [1.0]), "last axis must be the same number of dimensions"),
        (
            lambda: genz_parameters("gaussian", 0, np.random.default_rng(0)),
            "d is 0, but must be a whole number",
        ),
        (lambda: simulate_genz("gaussian", 2, 0), "n is 0, but must be a whole number of at least 1"),
        (lambda: simulate_genz("gaussian", 2, 5, seed=-1), "seed is -1, but must be a whole number"),
    ],
)
def test_a_wrong_input_is_answered_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
