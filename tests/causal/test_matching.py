"""Matching against brute force over all pairs, hand-made answers, and the coverage of its intervals."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ceteris.causal import ExactMatching, NearestNeighbours, PropensityMatching
from ceteris.causal.nearest import across, nearest, whiten


def sample(n=150, seed=0, p=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    d = (rng.uniform(size=n) < 1 / (1 + np.exp(-0.7 * x[:, 0]))).astype(float)
    return d * (1 + x[:, 0]) + 1.5 * x[:, 0] + x[:, 1] + (1 + 0.3 * d) * rng.normal(size=n), d, x


def by_hand(y, d, distance, M, estimand, J=1):
    """Point and variance of Abadie and Imbens (2006) by loops, without ties or bias correction."""
    n = len(y)
    K, other, noise = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        asked = {"ATE": True, "ATT": d[i] == 1, "ATU": d[i] == 0}[estimand]
        far = np.where(d != d[i], distance[i], np.inf)
        near = np.argsort(far)[:M]
        other[i] = y[near].mean()
        K[near] += asked
        own = np.where(d == d[i], distance[i], np.inf)
        own[i] = np.inf
        noise[i] = J / (J + 1) * (y[i] - y[np.argsort(own)[:J]].mean()) ** 2
    effect = np.where(d == 1, y - other, other - y)
    asked = {"ATE": np.ones(n), "ATT": d, "ATU": 1 - d}[estimand]
    point = asked @ effect / asked.sum()
    # of rows of the other arm alone where one arm is asked about; the others are nobody's match
    extra = (K / M) ** 2 + (2 * M - 1) / M * K / M if estimand == "ATE" else K * (K - 1) / M**2
    return point, (asked * (effect - point) ** 2 + extra * noise).sum() / asked.sum() ** 2


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATU"])
@pytest.mark.parametrize("M", [1, 3])
@pytest.mark.parametrize("metric", ["mahalanobis", "euclidean", "scaled"])
def test_point_and_variance_are_those_of_the_paper(estimand, M, metric):
    y, d, x = sample()
    if metric == "euclidean":
        distance = cdist(x, x)
    elif metric == "scaled":
        distance = cdist(x, x, "seuclidean", V=x.var(axis=0, ddof=1))
    else:
        distance = cdist(x, x, "mahalanobis", VI=np.linalg.inv(np.cov(x.T)))
    point, variance = by_hand(y, d, distance, M, estimand, J=2)
    settings = {"neighbours": M, "metric": metric, "bias_correction": False, "variance_neighbours": 2}
    estimate = NearestNeighbours(estimand, **settings).fit(y=y, d=d, x=x)
    assert estimate.point[0] == pytest.approx(point, rel=1e-10)
    assert estimate.se[0] ** 2 == pytest.approx(variance, rel=1e-10)
    used = estimate.nuisances.weights
    assert used.sum() == pytest.approx(2 * {"ATE": len(d), "ATT": d.sum(), "ATU": (1 - d).sum()}[estimand])


def test_ties_share_the_weight_and_the_tolerance_says_what_a_tie_is():
    y, d = [10.0, 1.0, 2.0, 6.0, 0.0], [1, 0, 0, 0, 1]
    x = [[0.0], [1.0], [-1.0], [1.00001], [1.0]]
    exact = NearestNeighbours("ATT", metric="euclidean", bias_correction=False).fit(y=y, d=d, x=x)
    assert exact.point[0] == pytest.approx(((10 - 1.5) + (0 - 1)) / 2)
    loose = NearestNeighbours("ATT", metric="euclidean", bias_correction=False, tie_tolerance=1e-3).fit(y=y, d=d, x=x)
    assert loose.point[0] == pytest.approx(((10 - 3) + (0 - 3.5)) / 2)


def test_where_scores_are_dense_the_tolerance_changes_the_answer():
    y, d, x = sample(3000)
    exact, loose = (PropensityMatching(tie_tolerance=tolerance).fit(y=y, d=d, x=x) for tolerance in (0.0, 1e-2))
    assert abs(exact.point[0] - loose.point[0]) > 0.1 * exact.se[0]
    assert np.bincount(exact.details.pairs[:, 0]).max() == 1
    assert np.bincount(loose.details.pairs[:, 0]).mean() > 5
    assert loose.se[0] < 0.95 * exact.se[0]  # more neighbours, less variance


def test_the_bias_correction_is_exact_for_linear_outcomes():
    _, d, x = sample(p=4)
    y = 2 * d + x @ [1.0, -1.0, 2.0, 0.5]
    for estimand in ("ATE", "ATT", "ATU"):
        assert NearestNeighbours(estimand).fit(y=y, d=d, x=x).point[0] == pytest.approx(2, abs=1e-10)
    assert abs(NearestNeighbours("ATT", bias_correction=False).fit(y=y, d=d, x=x).point[0] - 2) > 0.1


def test_matching_on_one_binary_covariate_is_stratification():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 200).astype(float)
    d = (rng.uniform(size=200) < 0.3 + 0.4 * x).astype(float)
    y = rng.normal(size=200) + d * x
    effect = [y[(d == 1) & (x == v)].mean() - y[(d == 0) & (x == v)].mean() for v in (0, 1)]
    estimate = NearestNeighbours("ATT", bias_correction=False).fit(y=y, d=d, x=x[:, None])
    share = d @ x / d.sum()
    assert estimate.point[0] == pytest.approx((1 - share) * effect[0] + share * effect[1], rel=1e-10)
    exact = ExactMatching("ATT").fit(y=y, d=d, x=x[:, None])
    assert exact.point[0] == pytest.approx(estimate.point[0], rel=1e-10)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_intervals_cover(estimand):
    big = np.random.default_rng(9).normal(size=400_000)
    e = 1 / (1 + np.exp(-0.7 * big))
    truth = 1.0 if estimand == "ATE" else 1 + (e * big).sum() / e.sum()
    hits = 0
    for seed in range(150):
        y, d, x = sample(300, seed)
        low, high = NearestNeighbours(estimand).fit(y=y, d=d, x=x).conf_int()[0]
        hits += low < truth < high
    # 142.5 of 150 expected, binomial standard deviation 2.7.
    assert 132 <= hits <= 150


def test_the_estimated_score_is_accounted_for():
    # Abadie and Imbens (2016): ignoring that the score is estimated makes the intervals of the ATE far too wide.
    points, errors = [], []
    for seed in range(100):
        y, d, x = sample(600, seed)
        estimate = PropensityMatching().fit(y=y, d=d, x=x)
        points.append(estimate.point[0])
        errors.append(estimate.se[0])
    # The standard deviation of 100 draws has an error of 7 %.
    assert np.mean(errors) == pytest.approx(np.std(points), rel=0.25)
    raw = []
    for seed in range(20):  # the same scores, said to be known
        y, d, x = sample(600, seed)
        score = PropensityMatching().fit(y=y, d=d, x=x).nuisances.e
        raw.append(PropensityMatching().fit(y=y, d=d, score=score))
    assert np.mean([estimate.se[0] for estimate in raw]) > 1.1 * np.mean(errors[:20])
    assert raw[0].point[0] == points[0]


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_the_effect_on_the_untreated_is_that_on_the_treated_turned_round(estimand):
    y, d, x = sample(400)
    other = {"ATE": "ATE", "ATT": "ATU"}[estimand]
    one = PropensityMatching(estimand).fit(y=y, d=d, x=x)
    turned = PropensityMatching(other).fit(y=-y, d=1 - d, x=x)
    assert turned.point[0] == pytest.approx(one.point[0], rel=1e-8)
    assert turned.se[0] == pytest.approx(one.se[0], rel=1e-6)


def test_the_caliper_drops_and_says_so():
    y, d, x = sample(300)
    x[0, 0], d[0] = 6.0, 1.0  # a treated row with nobody like it
    free = PropensityMatching("ATT").fit(y=y, d=d, x=x)
    with pytest.warns(RuntimeWarning, match="have no match within the caliper and were dropped"):
        tight = PropensityMatching("ATT", caliper=0.002).fit(y=y, d=d, x=x)
    assert free.details.kept.all()
    assert not tight.details.kept[0]
    assert [check.name for check in tight.checks if check.passed is False] == ["matched rows"]
    assert np.isnan(tight.details.outcomes[:, 0]).sum() > 100
    assert "of those with a match within the caliper" in tight.about.estimand
    odds = np.log(tight.nuisances.e / (1 - tight.nuisances.e))
    i, j = tight.details.pairs.T
    assert (d[i] != d[j]).all()
    assert tight.details.kept[i].all()
    assert np.abs(odds[i] - odds[j]).max() <= 0.002 * odds.std(ddof=1) * (1 + 1e-9)


def test_coarsening_makes_cells_of_quantiles():
    y, d, x = sample(500)
    estimate = ExactMatching("ATE", bins=4).fit(y=y, d=d, x=x)
    place = [np.searchsorted(np.quantile(column, [0.25, 0.5, 0.75]), column) for column in x.T]
    cell = place[0] * 4 + place[1]
    effect = np.array([y[(cell == c) & (d == 1)].mean() - y[(cell == c) & (d == 0)].mean() for c in range(16)])
    assert estimate.point[0] == pytest.approx(np.bincount(cell) @ effect / 500, rel=1e-10)
    assert abs(estimate.point[0] - 1) < 4 * estimate.se[0]


def test_whitening_is_blind_to_units_and_to_repeated_columns():
    _, d, x = sample()
    wide = np.column_stack([x * [1000.0, 0.001], x[:, 0] - x[:, 1], np.ones(len(d))])
    np.testing.assert_allclose(
        cdist(*[whiten(wide, "mahalanobis")] * 2), cdist(*[whiten(x, "mahalanobis")] * 2), rtol=1e-6
    )


def test_nobody_is_matched_to_themselves():
    z = np.zeros((4, 1))
    assert nearest(z, np.arange(4), np.arange(4), 1, 0.0).diagonal().max() == 0
    assert across(z, np.array([1, 1, 0, 0]), 1, 0.0).toarray()[0].tolist() == [0, 0, 0.5, 0.5]


def test_bad_input_is_answered():
    y, d, x = sample(20)
    with pytest.raises(ValueError, match="metric is 'cosine', but must be one of mahalanobis, scaled, euclidean"):
        NearestNeighbours(metric="cosine").fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="x is empty, but must name a covariate at least"):
        NearestNeighbours().fit(y=y, d=d, x=None)
    with pytest.raises(ValueError, match=r"neighbours: 15 asked for \(1 for the variance\), but the smaller arm has"):
        NearestNeighbours(neighbours=15).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="tie_tolerance is -1, but must be a number of at least 0"):
        NearestNeighbours(tie_tolerance=-1).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="caliper is 0, but must be a number above 0"):
        PropensityMatching(caliper=0).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="caliper: nobody has a match within it"):
        PropensityMatching("ATT", caliper=1e-12).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="x: no two rows of different treatment have the same covariates"):
        ExactMatching().fit(y=y, d=d, x=x)
