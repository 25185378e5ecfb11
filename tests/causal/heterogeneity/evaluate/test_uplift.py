"""Gain, uplift and Qini curves against the worked example, loops, and the identity with doubly robust scores."""

import numpy as np
import pytest

from ceteris.causal.heterogeneity.evaluate.rate import rate
from ceteris.causal.heterogeneity.evaluate.uplift import cumulative_gain, gain_area, gain_curve


def experiment(n=400, seed=0, p=0.5):
    rng = np.random.default_rng(seed)
    u = rng.uniform(size=n)
    d = (rng.uniform(size=n) < p).astype(float)
    return u * d + rng.normal(size=n), d, u


def test_the_worked_example_of_the_source():
    gain = cumulative_gain([0.9, 0.8, 0.7, 0.6, 0.5], [20] * 5, [0.3, 0.4, 0.5, 0.6, 0.7], [20] * 5)
    assert gain[:2].round(12).tolist() == [1.2, 2.0]  # printed; the others by the same formula, by hand
    assert gain[2:].round(12).tolist() == [2.4, 2.4, 2.0]


def test_groups_of_one_formula_give_the_curve_of_single_units():
    y, d, u = experiment(200)
    order = np.argsort(-u).reshape(5, 40)
    sums = [[part(rows) for rows in order] for part in (
        lambda r: (y * d)[r].sum(), lambda r: d[r].sum(), lambda r: (y * (1 - d))[r].sum(), lambda r: (1 - d)[r].sum()
    )]  # fmt: skip
    curve = gain_curve(y, d, u, share=[0.2, 0.4, 0.6, 0.8, 1.0], draws=2)
    np.testing.assert_allclose(curve.value * 200, cumulative_gain(*sums), rtol=1e-12)


@pytest.mark.parametrize("kind", ["gain", "uplift", "qini"])
def test_curves_and_areas_equal_a_loop_over_units(kind):
    y, d, u = experiment(60, seed=3, p=0.3)
    order = np.argsort(-u)
    y, d, u = y[order], d[order], u[order]
    values = []
    for k in range(1, 61):
        treated, control = y[:k][d[:k] == 1], y[:k][d[:k] == 0]
        if len(treated) == 0 or len(control) == 0:
            values.append(np.nan if kind == "uplift" else 0.0)
        elif kind == "uplift":
            values.append(treated.mean() - control.mean())
        elif kind == "gain":
            values.append((treated.mean() - control.mean()) * k / 60)
        else:
            values.append((treated.sum() - control.sum() * len(treated) / len(control)) / 60)
    values = np.array(values)
    share = np.arange(20, 61) / 60
    np.testing.assert_allclose(gain_curve(y, d, u, kind, share, draws=2).value, values[19:], rtol=1e-10)
    chord = values[-1] if kind == "uplift" else values[-1] * np.arange(1, 61) / 60
    area = gain_area(y, d, u, kind, draws=2).point[0]
    assert area == pytest.approx(np.nanmean(values - chord), rel=1e-10)


def test_the_area_of_the_gain_is_qini_by_scores_in_a_balanced_experiment():
    y, d, u = experiment(40_000)
    scores = (d - 0.5) / 0.25 * y  # inverse probability weighting
    assert gain_area(y, d, u, draws=2).point[0] == pytest.approx(rate(scores, u, "QINI").point[0], abs=0.005)
    assert gain_area(y, d, u, draws=2).point[0] == pytest.approx(1 / 12, abs=0.02)  # se 0.006


def test_ties_do_not_depend_on_the_order_of_rows():
    y, d, u = experiment(200)
    u = np.floor(u * 6)
    other = np.random.default_rng(1).permutation(200)
    for kind in ("gain", "uplift", "qini"):
        one, two = gain_area(y, d, u, kind, draws=2), gain_area(y[other], d[other], u[other], kind, draws=2)
        assert one.point[0] == pytest.approx(two.point[0], rel=1e-10)


def test_no_standard_error_where_halves_often_lack_an_arm():
    y, d, u = np.arange(12.0), (np.arange(12) == 3).astype(float), np.arange(12.0)
    for kind in ("gain", "uplift", "qini"):
        assert np.isnan(gain_area(y, d, u, kind, draws=50).se[0])
        assert np.isnan(gain_curve(y, d, u, kind, draws=50).se).all()


def test_half_samples_have_the_spread_of_fresh_samples():
    areas = [gain_area(*experiment(400, seed=s), draws=2).point[0] for s in range(300)]
    claimed = np.mean([gain_area(*experiment(400, seed=s), draws=100).se[0] for s in range(10)])
    assert claimed == pytest.approx(np.std(areas), rel=0.15)  # 300 samples: 4 %; halves have smaller arms


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"d": np.ones(20)}, "d: all 20 units are treated, but effects compare both arms"),
        ({"d": np.zeros(20)}, "d: all 20 units are untreated"),
        ({"d": np.arange(20)}, "d runs from 0 to 19, but must be 0 or 1"),
        ({"priority": np.ones(20)}, "priority: it is 1 for all 20 units, and without variation it ranks nobody"),
        ({"kind": "auuc"}, "kind is 'auuc', but must be one of gain, uplift, qini"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(change, sentence):
    given = {"y": np.arange(20), "d": np.arange(20) % 2, "priority": np.arange(20)} | change
    with pytest.raises(ValueError, match=sentence):
        gain_curve(**given)


def test_a_first_group_without_controls_is_refused():
    with pytest.raises(ValueError, match="the first group has an empty arm"):
        cumulative_gain([1.0, 1.0], [2, 2], [0.0, 1.0], [0, 2])
