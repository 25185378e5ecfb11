"""The designs are what their docstrings say: moments, and the truth by regressions that know the model."""

import numpy as np
import pytest

from ceteris.data import (
    DifferenceInDifferencesDesign,
    InteractiveDesign,
    InteractiveIVDesign,
    KangSchaferDesign,
    PartiallyLinearDesign,
    PartiallyLinearIVDesign,
    WeakOverlapDesign,
    simulate_difference_in_differences,
    simulate_interactive,
    simulate_interactive_iv,
    simulate_kang_schafer,
    simulate_partially_linear,
    simulate_partially_linear_iv,
    simulate_staggered,
    simulate_weak_overlap,
)

N = 200_000  # standard errors of means of unit variance: 0.0022


def draw(design):
    return {role: values[0] for role, values in design.draw(np.random.default_rng(0), N).items()}


def logistic(u):
    return 1 / (1 + np.exp(-u))


def regress(y, *columns):
    design = np.column_stack([np.ones(len(y)), *columns])
    return np.linalg.lstsq(design, y, rcond=None)[0]


def test_partially_linear():
    data = draw(PartiallyLinearDesign(theta=0.7))
    x, d = data["x"], data["d"]
    cov = np.cov(x[:, :3].T)
    np.testing.assert_allclose(cov, [[1, 0.7, 0.49], [0.7, 1, 0.7], [0.49, 0.7, 1]], atol=0.015)
    slopes = regress(data["y"], d, logistic(x[:, 0]), x[:, 2])
    np.testing.assert_allclose(slopes, [0, 0.7, 1, 0.25], atol=0.05)  # the constant and Λ(x₀) are nearly collinear
    np.testing.assert_allclose(slopes[1], 0.7, atol=0.009)  # four standard errors
    np.testing.assert_allclose(regress(d, x[:, 0], logistic(x[:, 2]))[1:], [1, 0.25], atol=0.06)


def test_interactive():
    design = InteractiveDesign(theta=0.5, p=5)
    data = draw(design)
    x, d, y = data["x"], data["d"], data["y"]
    index = x @ (1 / np.arange(1, 6) ** 2)
    slope = regress(y[d == 1], index[d == 1])[1]
    np.testing.assert_allclose(slope**2 * index.var() / (slope**2 * index.var() + 1), 0.5, atol=0.01)  # r2_y
    np.testing.assert_allclose(regress(y, d, index * d)[1], 0.5, atol=0.015)
    e = logistic(np.sqrt(np.pi**2 / 3 / index.var()) * index)  # r2_d = 1/2: index and logistic noise vary equally
    np.testing.assert_allclose(np.cov(d, e)[0, 1], e.var(), rtol=0.03)


def test_instruments():
    data = draw(PartiallyLinearIVDesign(theta=0.5, p=4))
    x, z, d, y = data["x"], data["z"], data["d"], data["y"]
    controls = [x[:, 0], logistic(x[:, 0]), logistic(x[:, 1]), logistic(x[:, 2]), x[:, 2]]
    reduced, first = regress(y, z, *controls)[1], regress(d, z, *controls)[1]
    np.testing.assert_allclose([reduced / first, first], [0.5, 1.0], atol=0.015)
    assert regress(y, d, *controls)[1] > 0.7  # ½ + 0.6 / 2: least squares is biased
    data = draw(InteractiveIVDesign(theta=1.0, p=3))
    x, z, d, y = data["x"], data["z"], data["d"], data["y"]
    controls = [x[:, 0], x[:, 1], x[:, 2]]
    reduced, first = regress(y, z, *controls)[1], regress(d, z, *controls)[1]
    np.testing.assert_allclose(reduced / first, 1.0, atol=0.05)


def test_kang_and_schafer():
    data = draw(KangSchaferDesign())
    np.testing.assert_allclose(data["y"].mean(), 210, atol=0.35)  # four times 36.3 / √N
    np.testing.assert_allclose(data["d"].mean(), 0.5, atol=0.005)
    np.testing.assert_allclose(data["x"].mean(0), 0, atol=0.02)
    np.testing.assert_allclose(data["x"].std(0), 1, atol=0.02)
    z = draw(KangSchaferDesign(transformed=False))
    np.testing.assert_allclose(regress(z["y"], z["d"], z["x"]), [210, 0, 27.4, 13.7, 13.7, 13.7], atol=0.03)


def test_weak_overlap():
    data = draw(WeakOverlapDesign())
    np.testing.assert_allclose(regress(data["y"], data["d"], data["x"])[:4], [0, 1, 1, 0.5], atol=0.03)
    e = logistic(3 * data["x"][:, 0])
    assert np.mean((e < 0.01) | (e > 0.99)) > 0.1


@pytest.mark.parametrize("theta", [0.0, 2.0])
def test_difference_in_differences(theta):
    data = draw(DifferenceInDifferencesDesign(theta))
    slopes = regress(data["y"] - data["before"], data["d"], data["x"])
    np.testing.assert_allclose(slopes[:3], [210, theta, 27.4], atol=0.04)
    data = draw(DifferenceInDifferencesDesign(theta, panel=False, after=0.3))
    np.testing.assert_allclose(data["time"].mean(), 0.3, atol=0.005)
    f = data["x"] @ [27.4, 13.7, 13.7, 13.7]
    d, t = data["d"], data["time"]
    slopes = regress(data["y"], d * t, d, t, f, f * d, f * t)
    np.testing.assert_allclose(slopes[[1, 3, 4]], [theta, 210, 1], atol=0.06)


def test_staggered():
    data = simulate_staggered(20_000, seed=1)
    wide = data.pivot(index="unit", columns="time", values="y")
    units = data.drop_duplicates("unit").set_index("unit")
    chosen = units["group"].isin([0, 3])
    change = (wide[4] - wide[2])[chosen]
    slopes = regress(change, units["group"][chosen] == 3, units["x0"][chosen])
    np.testing.assert_allclose(slopes, [2, 2, 1], atol=0.09)  # trend, effect in the second period, trend in x0


FRAMES = {
    simulate_partially_linear: ["y", "d", "x0"],
    simulate_interactive: ["y", "d", "x0"],
    simulate_partially_linear_iv: ["y", "d", "x0", "z"],
    simulate_interactive_iv: ["y", "d", "x0", "z"],
    simulate_kang_schafer: ["y", "d", "x0"],
    simulate_weak_overlap: ["y", "d", "x0"],
    simulate_difference_in_differences: ["y", "d", "x0", "before"],
    simulate_staggered: ["unit", "time", "group", "x0", "y"],
}


@pytest.mark.parametrize("simulate", FRAMES)
def test_frames_have_their_columns_and_seeds(simulate):
    one, same, other = (simulate(50, seed=seed) for seed in (1, 1, 2))
    assert set(FRAMES[simulate]) <= set(one.columns)
    assert one.equals(same)
    assert not one.equals(other)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: simulate_partially_linear(1), "n is 1, but must be a whole number of at least 2"),
        (lambda: simulate_partially_linear(p=2), "p is 2, but must be a whole number of at least 3"),
        (lambda: simulate_interactive(seed=-1), "seed is -1"),
        (lambda: simulate_staggered(5), "units is 5"),
        (lambda: simulate_staggered(periods=1), "periods is 1"),
    ],
)
def test_wrong_sizes_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_copies_are_different_samples():
    draws = PartiallyLinearDesign(p=3).draw(np.random.default_rng(0), 30, copies=2)
    assert draws["x"].shape == (2, 30, 3)
    assert (draws["y"][0] != draws["y"][1]).all()
