"""Diagnostics: numbers against formulas, verdicts where the truth is known, and every picture drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss, r2_score

from ceteris.causal import (
    DifferenceInMeans,
    EntropyBalancing,
    NearestNeighbours,
    PartiallyLinear,
    diagnostics,
    figures,
)
from ceteris.results import Estimate


def sample(n=400, seed=0, strength=0.7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    e = 1 / (1 + np.exp(-strength * x[:, 0]))
    d = (rng.uniform(size=n) < e).astype(float)
    return d + 1.5 * x[:, 0] + x[:, 1] + rng.normal(size=n), d, x, e


def drawn(section):
    for figure in section.figures:
        canvas = Figure(figsize=figure.size)
        figure.draw(canvas, figure.data)
        assert any(axes.has_data() for axes in canvas.axes)
    return section


def test_overlap_counts_what_is_outside():
    _, d, x, e = sample(strength=3.0)
    section = drawn(diagnostics.overlap(e, d, x, ["age", "size"], eta=0.05))
    table = section.tables[0].frame
    assert table.loc["treated", "above 0.95"] == pytest.approx((e[d == 1] > 0.95).mean())
    assert table.loc["control", "below 0.05"] == pytest.approx((e[d == 0] < 0.05).mean())
    w = 1 / e[d == 1]
    assert table.loc["treated", "effective rows"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    check = section.checks[0]
    assert check.passed is False
    assert check.value == pytest.approx(((e < 0.05) | (e > 0.95)).mean())
    data = section.figures[0].data
    assert data["treated"].sum() + data["control"].sum() == len(d)


def test_the_region_is_named():
    _, _, x, e = sample(2000, strength=3.0)
    sentence = diagnostics.overlap_check(e, x, ["age", "size"], 0.05).sentence
    # e = 0.05 where age = log(0.05/0.95)/3 = -0.98, and a tenth of those beyond is left out.
    low, high = (float(part.split("'age' is ")[1].split(" and")[0]) for part in sentence.split(";")[:2])
    assert low == pytest.approx(-0.98, abs=0.2)
    assert high == pytest.approx(0.98, abs=0.2)


def test_balance_is_standardised_differences():
    _, d, x, e = sample()
    weights = np.where(d == 1, 1 / e, 1 / (1 - e))
    section = drawn(diagnostics.balance(x, d, weights, ["age", "size"]))
    table = section.tables[0].frame
    scale = np.sqrt((x[d == 1].var(axis=0, ddof=1) + x[d == 0].var(axis=0, ddof=1)) / 2)
    np.testing.assert_allclose(table["before"], (x[d == 1].mean(axis=0) - x[d == 0].mean(axis=0)) / scale)
    assert abs(table.loc["age", "after"]) < 0.5 * abs(table.loc["age", "before"])
    before = drawn(diagnostics.balance(x, d))
    assert before.checks[0].passed is False
    assert "of 'x0'; 0.1 is the usual bar" in before.checks[0].sentence
    constant = diagnostics.standardised_differences(np.column_stack([np.ones(4), [0, 0, 1, 1]]), np.array([0, 0, 1, 1]))
    assert constant.tolist() == [0.0, np.inf]


@pytest.mark.parametrize("estimator", [EntropyBalancing("ATT"), NearestNeighbours("ATT")])
def test_balancing_and_matching_pass_their_own_balance_check(estimator):
    y, d, x, _ = sample()
    weights = estimator.fit(y=y, d=d, x=x).nuisances.weights
    assert diagnostics.balance(x, d).checks[0].passed is False
    assert diagnostics.balance(x, d, weights).checks[0].passed


def test_the_fit_of_nuisances_is_that_of_scikit_learn():
    y, d, x, e = sample()
    mean, probability = diagnostics.nuisance_fit(y, x[:, 0], "outcome"), diagnostics.nuisance_fit(d, e, "treatment")
    assert mean["gain"] == pytest.approx(r2_score(y, x[:, 0]))
    assert mean["slope"] == pytest.approx(np.polyfit(x[:, 0], y, 1)[0])
    assert probability["value"] == pytest.approx(log_loss(d, e))
    assert probability["constant"] == pytest.approx(log_loss(d, np.full(400, d.mean())))
    section = drawn(diagnostics.nuisances([mean, probability]))
    assert [check.passed for check in section.checks] == [True, True]
    noise = diagnostics.nuisance_fit(y, np.random.default_rng(1).normal(size=400) * 5, "outcome")
    assert diagnostics.nuisances([noise]).checks[0].passed is False


def test_calibration_groups_have_their_means():
    y, _, x, _ = sample()
    table = diagnostics.calibration_table(y, x[:, 0], groups=4)
    edges = np.quantile(x[:, 0], [0.25, 0.5, 0.75])
    first = x[:, 0] <= edges[0]
    assert table["rows"].sum() == 400
    assert table["predicted"][0] == pytest.approx(x[first, 0].mean())
    assert table["observed"][0] == pytest.approx(y[first].mean())
    canvas = Figure()
    figure = figures.calibration(table, "outcome")
    figure.draw(canvas, figure.data)
    assert canvas.axes[0].has_data()


def test_leaving_out_the_row_of_largest_influence_does_what_is_said():
    y, d, _, _ = sample()
    y[np.flatnonzero(d == 1)[3]] += 120
    estimate = DifferenceInMeans().fit(y=y, d=d)
    section = drawn(diagnostics.single_rows(estimate))
    top = section.tables[0].frame.iloc[0]
    row = int(top["row"])
    assert row == np.flatnonzero(d == 1)[3]
    rest = np.delete(np.arange(400), row)
    # The influence function is the derivative: right to first order in 1/n_1.
    without = DifferenceInMeans().fit(y=y[rest], d=d[rest]).point[0]
    assert top["estimate without"] == pytest.approx(without, abs=0.02 * abs(without - estimate.point[0]))
    assert section.checks[0].passed is False
    y[row] -= 120
    assert diagnostics.single_rows(DifferenceInMeans().fit(y=y, d=d)).checks[0].passed


def test_splits_are_stable_with_linear_learners():
    y, d, x, _ = sample()
    estimate = PartiallyLinear(LinearRegression(), LinearRegression(), repeats=5).fit(y=y, d=d, x=x)
    section = drawn(diagnostics.splits(estimate))
    assert section.checks[0].passed
    assert section.tables[0].frame["estimate"].tolist() == [split.point[0] for split in estimate.splits]


def test_effective_sizes_below_a_fifth_are_said():
    d = np.repeat([1, 0], 50)
    w = np.ones(100)
    w[0] = 1000.0
    check = diagnostics.size_check(w, d)
    assert check.passed is False
    assert check.sentence.startswith("The weighted treated rows are worth 1 of equal weight, of 50 (2%)")


def test_bad_input_is_answered():
    y, d, x, e = sample(50)
    with pytest.raises(ValueError, match=r"eta is 0.6, but must be a number above 0 and below 0.5"):
        diagnostics.overlap(e, d, eta=0.6)
    matched = NearestNeighbours().fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="estimate has no influence function, but single rows must be told apar"):
        diagnostics.single_rows(matched)
    single = Estimate(np.zeros(1), np.ones((5, 1)), ("a",))
    with pytest.raises(ValueError, match="estimate has a single split, but how much folds matter shows in sever"):
        diagnostics.splits(single)
