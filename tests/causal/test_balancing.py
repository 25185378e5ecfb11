"""Balancing weights: exact balance, identities between methods, the tilted population, and coverage."""

import numpy as np
import pytest
from scipy.optimize import minimize

from ceteris.causal import BalancingWeights, CovariateBalancing, EntropyBalancing, InverseProbabilityWeighting
from ceteris.causal.estimators.balancing import TILTS, entropy_weights, score_weights

TILT_NAMES = list(TILTS)


def sample(n=500, seed=0, strength=0.7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    d = (rng.uniform(size=n) < 1 / (1 + np.exp(-strength * x[:, 0]))).astype(float)
    return d * (1 + x[:, 0]) + 1.5 * x[:, 0] + x[:, 1] + rng.normal(size=n), d, x


def gaps(estimate, d, x):
    w = estimate.nuisances.weights
    return np.average(x, axis=0, weights=w * d) - np.average(x, axis=0, weights=w * (1 - d))


@pytest.mark.parametrize("tilt", TILT_NAMES)
def test_the_target_is_weighted_by_people_and_not_by_volume(tilt):
    # Cells with different numbers of people: τ_h = Σ f h τ / Σ f h, with a score that a saturated logit fits exactly.
    rng = np.random.default_rng(0)
    cell = rng.choice(4, size=800, p=[0.1, 0.2, 0.3, 0.4])
    d = (rng.uniform(size=800) < np.array([0.2, 0.4, 0.6, 0.7])[cell]).astype(float)
    y = cell + d * np.array([0.0, 1.0, 4.0, 9.0])[cell] + 0.1 * rng.normal(size=800)
    estimate = BalancingWeights(tilt).fit(y=y, d=d, x=(cell[:, None] == np.arange(1, 4)).astype(float))
    e = np.array([d[cell == c].mean() for c in range(4)])
    tau = np.array([y[(cell == c) & (d == 1)].mean() - y[(cell == c) & (d == 0)].mean() for c in range(4)])
    f, h = np.bincount(cell) / 800, TILTS[tilt].h(e)
    assert estimate.point[0] == pytest.approx((f * h) @ tau / (f @ h), rel=1e-9)
    assert abs(estimate.point[0] - h @ tau / h.sum()) > 10 * 0.1 / np.sqrt(800)  # printed without f


@pytest.mark.parametrize("tilt", TILT_NAMES)
def test_slopes_are_derivatives(tilt):
    eta, d = np.linspace(-2, 2, 9) + 0.01, np.tile([0.0, 1.0], 5)[:9]
    at = lambda eta: score_weights(1 / (1 + np.exp(-eta)), d, tilt)
    numerical = (at(eta + 1e-6)[0] - at(eta - 1e-6)[0]) / 2e-6
    # Central differences of step 1e-6 are good to about 1e-9.
    np.testing.assert_allclose(at(eta)[1], numerical, atol=1e-7)


def test_overlap_weights_of_a_logit_balance_exactly():
    y, d, x = sample()
    np.testing.assert_allclose(gaps(BalancingWeights("overlap").fit(y=y, d=d, x=x), d, x), 0, atol=1e-10)
    assert np.abs(gaps(BalancingWeights("ATE").fit(y=y, d=d, x=x), d, x)).max() > 1e-4


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATU"])
def test_tilting_contains_inverse_probability_weighting(estimand):
    y, d, x = sample()
    one, other = BalancingWeights(estimand).fit(y=y, d=d, x=x), InverseProbabilityWeighting(estimand).fit(y=y, d=d, x=x)
    assert one.point[0] == pytest.approx(other.point[0], rel=1e-12)
    assert one.se[0] == pytest.approx(other.se[0], rel=1e-12)


def test_overlap_weights_have_the_least_variance_under_equal_noise():
    rng = np.random.default_rng(0)
    e = rng.uniform(0.05, 0.95, 5000)
    variance = {}
    for tilt in TILT_NAMES:
        h = TILTS[tilt].h(e)
        variance[tilt] = np.mean(h**2 / (e * (1 - e))) / h.mean() ** 2
    assert min(variance, key=variance.get) == "overlap"
    assert variance["ATE"] == max(variance["ATE"], variance["matching"], variance["entropy"])


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATU"])
@pytest.mark.parametrize("moments", [1, 2])
def test_entropy_weights_match_the_moments_of_the_target(estimand, moments):
    y, d, x = sample()
    estimate = EntropyBalancing(estimand, moments).fit(y=y, d=d, x=x)
    w = estimate.nuisances.weights
    own = {"ATE": np.ones(500), "ATT": d, "ATU": 1 - d}[estimand]
    wide = np.column_stack([x, x**2]) if moments == 2 else x
    for arm in (d, 1 - d):
        np.testing.assert_allclose(np.average(wide, axis=0, weights=w * arm), own @ wide / own.sum(), atol=1e-8)
        assert (w * arm).sum() == pytest.approx(arm.sum())
    assert w.min() >= 0


def test_entropy_weights_are_those_of_least_divergence():
    # The primal problem, with 12 rows, by a general solver.
    rng = np.random.default_rng(0)
    x, mine = rng.normal(size=(24, 2)), np.repeat([1.0, 0.0], 12)
    target = 0.3 * x[mine == 0].mean(axis=0)
    own = np.zeros(24)
    own[12:] = 1
    x[12:] += target - x[12:].mean(axis=0)
    ours = entropy_weights(x, mine, own)[:12] / 12
    constraints = [
        {"type": "eq", "fun": lambda p: p.sum() - 1},
        {"type": "eq", "fun": lambda p: p @ x[:12] - target},
    ]
    theirs = minimize(
        lambda p: p @ np.log(12 * p), np.full(12, 1 / 12), bounds=[(1e-9, 1)] * 12, constraints=constraints, tol=1e-14
    ).x
    np.testing.assert_allclose(ours, theirs, atol=1e-5)  # what the general solver attains


@pytest.mark.parametrize("estimand", ["ATT", "ATU"])
def test_covariate_balancing_for_one_arm_is_entropy_balancing(estimand):
    y, d, x = sample()
    one, other = EntropyBalancing(estimand).fit(y=y, d=d, x=x), CovariateBalancing(estimand).fit(y=y, d=d, x=x)
    assert one.point[0] == pytest.approx(other.point[0], rel=1e-7)
    assert one.se[0] == pytest.approx(other.se[0], rel=1e-6)


def test_covariate_balancing_balances_both_arms():
    y, d, x = sample()
    estimate = CovariateBalancing().fit(y=y, d=d, x=x)
    np.testing.assert_allclose(gaps(estimate, d, x), 0, atol=1e-7)
    e = estimate.nuisances.e
    assert (d / e).sum() == pytest.approx(((1 - d) / (1 - e)).sum(), rel=1e-8)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (EntropyBalancing("ATE"), "ATE"),
        (EntropyBalancing("ATT"), "ATT"),
        (CovariateBalancing(), "ATE"),
        *((BalancingWeights(tilt), tilt) for tilt in ("overlap", "matching", "entropy")),
    ],
    ids=["entropy ATE", "entropy ATT", "covariate ATE", "overlap", "matching", "entropy"],
)
def test_intervals_cover(estimator, target):
    big = np.random.default_rng(9).normal(size=400_000)
    h = TILTS[target].h(1 / (1 + np.exp(-0.7 * big)))
    truth = (h * (1 + big)).sum() / h.sum()
    hits = 0
    for seed in range(400):
        y, d, x = sample(500, seed)
        low, high = estimator.fit(y=y, d=d, x=x).conf_int()[0]
        hits += low < truth < high
    # 380 of 400 expected, binomial standard deviation 4.4.
    assert 364 <= hits <= 394


def test_entropy_balancing_is_right_if_the_outcome_is_linear_whatever_the_score():
    points = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(400, 2))
        d = (rng.uniform(size=400) < np.where(x[:, 0] ** 2 > 1, 0.75, 0.35)).astype(float)  # no logit
        points.append(EntropyBalancing("ATT").fit(y=d + x @ [1.0, 2.0] + rng.normal(size=400), d=d, x=x).point[0])
    assert np.mean(points) == pytest.approx(1.0, abs=4 * np.std(points) / np.sqrt(200))


def test_dummies_and_their_squares_do_not_clash():
    y, d, x = sample()
    wide = np.column_stack([x, (x[:, 1] > 0).astype(float), np.full(500, 3.0), x[:, 0]])
    with pytest.warns(UserWarning, match="'x3' is the same in every row; 'x4' is 'x0' again.* the same without them"):
        estimate = EntropyBalancing("ATT", moments=2).fit(y=y, d=d, x=wide)
    w = estimate.nuisances.weights * (1 - d)
    np.testing.assert_allclose(np.average(wide, axis=0, weights=w), wide[d == 1].mean(axis=0), atol=1e-8)


def test_bad_input_is_answered():
    y, d, x = sample(60)
    with pytest.raises(ValueError, match=r"tilt is 'overlaps', but must be one of .*did you mean 'overlap'"):
        BalancingWeights("overlaps").fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="moments is 3, but must be one of 1, 2"):
        EntropyBalancing(moments=3).fit(y=y, d=d, x=x)
    with pytest.raises(ValueError, match="x is empty, but must name a covariate at least"):
        EntropyBalancing().fit(y=y, d=d, x=None)
    far = x.copy()
    far[d == 1, 0] = 8 + np.abs(far[d == 1, 0])
    far[np.flatnonzero(d == 0)[0], 0] = 8.5  # one control only comes near
    with pytest.raises(ValueError, match="x: no weights on the control rows have the target's means"):
        EntropyBalancing().fit(y=y, d=d, x=far)
    with pytest.raises(ValueError, match="x: no logit balances the covariates for the ATT"):
        CovariateBalancing("ATT").fit(y=y, d=d, x=far)
