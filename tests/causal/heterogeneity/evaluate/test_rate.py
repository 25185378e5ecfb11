"""Rank-weighted effects against grf's own function, derivatives, and coverage where the truth is known."""

import numpy as np
import pytest

from ceteris.causal.heterogeneity.evaluate.ranking import half_samples
from ceteris.causal.heterogeneity.evaluate.rate import rate, toc, weighted_rank

I = np.arange(1, 61)
SCORES = np.sin(3 * I) + I / 40
Q = [0.1, 0.25, 0.5, 0.77, 1]
PRIORITY = {"distinct": np.cos(I) + I / 50, "ties": (I % 7).astype(float)}
WEIGHTS = {"even": None, "uneven": 1.0 + I % 3}

# Computed in R by grf's own function estimate_rate (source at commit 03cbea1) on the arrays above: AUTOC, QINI, then
# the TOC at Q.
GRF = {
    ("distinct", "even"): [0.192152161406426, 0.0526987586822786, 0.628065935097301, 0.281273005622303,
                           0.0839499993809595, 0.0994196120439392, 0],
    ("ties", "even"): [0.00691741758876087, 0.000820395346522515, 0.0457077145346021, -0.00941909075377634,
                       0.00456531095036194, -8.32509416348604e-05, 0],
    ("distinct", "uneven"): [0.151485653713645, 0.0600081766411726, 0.283494836591833, 0.243485598389559,
                             0.0982169958317025, 0.136883148173577, 0],
    ("ties", "uneven"): [0.125642276100428, 0.050967901397156, 0.139025365880416, 0.15709335853444,
                         0.194537447749914, 0.0699390840194838, 0],
}  # fmt: skip
# standard errors by grf's half samples, 4,000 of them: AUTOC, QINI, TOC at the first four of Q
GRF_SE = {
    ("distinct", "even"): [0.1128, 0.0319, 0.3716, 0.1870, 0.1123, 0.0597],
    ("ties", "even"): [0.1058, 0.0322, 0.3249, 0.1822, 0.1053, 0.0544],
    ("distinct", "uneven"): [0.1023, 0.0322, 0.3249, 0.1906, 0.1228, 0.0619],
}


@pytest.mark.parametrize(("order", "how"), list(GRF))
def test_values_equal_those_of_grf(order, how):
    autoc, qini, *curve = GRF[order, how]
    priority, w = PRIORITY[order], WEIGHTS[how]
    assert rate(SCORES, priority, weights=w).point[0] == pytest.approx(autoc, abs=1e-13)  # printed to 15 digits
    assert rate(SCORES, priority, "QINI", weights=w).point[0] == pytest.approx(qini, abs=1e-13)
    np.testing.assert_allclose(toc(SCORES, priority, Q, weights=w, draws=2).value, curve, atol=1e-13)


@pytest.mark.parametrize(("order", "how"), list(GRF_SE))
def test_half_samples_give_the_standard_errors_of_grf(order, how):
    autoc, qini, *curve = GRF_SE[order, how]
    settings = {"weights": WEIGHTS[how], "draws": 2000}
    for target, expected in (("AUTOC", autoc), ("QINI", qini)):
        drawn = rate(SCORES, PRIORITY[order], target, error="half samples", **settings).se[0]
        assert drawn == pytest.approx(expected, rel=0.08)  # 2,000 draws: 1.6 %, four of these
    np.testing.assert_allclose(toc(SCORES, PRIORITY[order], Q, **settings).se[:4], curve, rtol=0.08)
    known = rate(SCORES, PRIORITY[order], weights=WEIGHTS[how]).se[0]
    assert known == pytest.approx(autoc, rel=0.1)  # equal in large samples; these are 60 rows


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_influence_is_the_derivative_by_the_weights(target):
    w = np.ones(60) * WEIGHTS["uneven"] / WEIGHTS["uneven"].mean()
    phi = weighted_rank(SCORES, PRIORITY["distinct"], w, target)[1]
    steps = 1e-6 * np.eye(60)
    at = lambda weights: weighted_rank(SCORES, PRIORITY["distinct"], weights, target)[0]
    slopes = np.array([(at(w + step) - at(w - step)) / 2e-6 for step in steps])
    np.testing.assert_allclose(phi, 60 * w * slopes, atol=1e-6)  # central differences
    assert abs(phi.sum()) < 1e-10


def test_with_ties_the_order_of_rows_does_not_matter():
    other = np.random.default_rng(0).permutation(60)
    for target in ("AUTOC", "QINI"):
        one, two = (rate(SCORES[rows], PRIORITY["ties"][rows], target) for rows in (I - 1, other))
        np.testing.assert_allclose([one.point[0], one.se[0]], [two.point[0], two.se[0]], rtol=1e-12)


def test_intervals_cover_the_truth_also_with_ties_and_compare_two_rankings():
    # Γ = u + noise, priority u: TOC(q) = (1 - q)/2, so AUTOC = 1/4, QINI = 1/12
    covered, coarse = np.zeros((400, 3)), rounded_autoc()
    for r in range(400):
        rng = np.random.default_rng(r)
        u = rng.uniform(size=300)
        scores = u + rng.normal(size=300)
        for j, (target, truth) in enumerate({"AUTOC": 1 / 4, "QINI": 1 / 12}.items()):
            low, high = rate(scores, u, target).conf_int()[0]
            covered[r, j] = low < truth < high
        rounded = np.floor(4 * u)  # of four equal groups: AUTOC = ∫ TOC, piecewise
        both = rate(scores, {"exact": u, "rounded": rounded}).contrast([1, -1])
        low, high = both.conf_int()[0]
        covered[r, 2] = low < 1 / 4 - coarse < high
    assert (covered.mean(0) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)).all(), covered.mean(0)  # 400 samples: ±1.1 %
    assert (covered.mean(0) < 0.99).all(), covered.mean(0)


def rounded_autoc():
    """∫ of the mean of the group means 7/8, 5/8, 3/8, 1/8 over the first q, less 1/2, on a fine grid."""
    q = (np.arange(400_000) + 0.5) / 400_000
    means = np.array([7, 5, 3, 1]) / 8
    return float(np.mean(np.cumsum(means[(4 * q).astype(int)]) / np.arange(1, 400_001)) - 0.5)


def test_clusters_of_copies_change_no_interval():
    rows = np.repeat(np.arange(60), 3)
    one = rate(SCORES, PRIORITY["distinct"])
    three = rate(SCORES[rows], PRIORITY["distinct"][rows], cluster=rows)
    assert three.se[0] == pytest.approx(one.se[0], rel=0.02)  # AUTOC of ties is averaged: O(1/n) apart
    drawn = rate(SCORES[rows], PRIORITY["distinct"][rows], cluster=rows, error="half samples", draws=400)
    assert drawn.se[0] == pytest.approx(one.se[0], rel=0.2)  # 400 draws: 3.5 %, and 60 clusters


def test_the_curve_is_drawn_with_the_numbers_it_shows():
    from matplotlib.figure import Figure

    figure = toc(SCORES, PRIORITY["distinct"], Q).figure("A title")
    assert figure.data["value"].tolist() == toc(SCORES, PRIORITY["distinct"], Q).value.tolist()
    canvas = Figure()
    figure.draw(canvas, figure.data)
    assert canvas.axes[0].has_data()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"priority": np.ones(60)}, "priority: it is 1 for all 60 units, and without variation it ranks nobody"),
        ({"priority": 0.3 + 1e-16 * I}, "priority: it is 0.3 for all 60 units"),
        ({"priority": {"a": I, "b": 0 * I}}, r"priority\['b'\]: it is 0 for all"),
        ({"priority": {}}, "priority is empty, but must hold one array at least"),
        ({"priority": I[:5]}, "priority has 5 rows, but must have those of scores, 60; give as many"),
        (
            {"scores": np.where(I > 58, np.nan, SCORES)},
            r"scores holds 2 missing \(NaN\) and 0 infinite \(inf\)",
        ),
        ({"scores": ["a"] * 60}, "scores holds text, but must hold numbers"),
        ({"scores": SCORES[:, None]}, r"scores has shape \(60, 1\), but must have \(n,\)"),
        ({"target": "AUUC"}, "target is 'AUUC', but must be one of AUTOC, QINI"),
        ({"error": "jackknife"}, "error is 'jackknife', but must be one of influence, half samples"),
        ({"weights": 0 * I}, "weights runs from 0 to 0, but must be a number above 0 everywhere; drop rows"),
        ({"cluster": [1, 2]}, r"cluster has shape \(2,\), but must have \(60,\), one label for each row"),
        ({"cluster": [None] * 60}, "cluster holds 60 missing labels, but must hold none"),
        ({"cluster": I % 2, "error": "half samples"}, "cluster: there are 2 independent units, but halves nee"),
        ({"error": "half samples", "draws": 1}, "draws is 1, but must be a whole number of at least 2"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(change, sentence):
    given = {"scores": SCORES, "priority": PRIORITY["distinct"]} | change
    with pytest.raises((ValueError, TypeError), match=sentence):
        rate(given.pop("scores"), given.pop("priority"), **given)


def test_a_grid_that_does_not_increase_is_refused():
    with pytest.raises(ValueError, match=r"share runs from 0.5 to 2, but must be a number above 0 and at most 1"):
        toc(SCORES, PRIORITY["distinct"], [0.5, 2])


def test_halves_of_a_mean_have_its_standard_error():
    x = np.random.default_rng(0).normal(size=200)
    drawn = half_samples(lambda rows: x[rows].mean(), 200, None, 4000, 1)
    assert drawn.std() == pytest.approx(x.std(ddof=1) / np.sqrt(200), rel=0.05)  # 4,000 draws: 1.1 %
