"""The correction for small samples in the estimators: weights against derivatives, the argument, coverage."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ceteris.causal import (
    AveragePotentialOutcomes,
    DifferenceInDifferences,
    GroupTimeEffects,
    Interactive,
    InteractiveIV,
    PartiallyLinear,
    PartiallyLinearIV,
    make_folds,
    monte_carlo,
)
from ceteris.causal.estimators.group_time import overall
from ceteris.data import simulate_staggered

N = 160
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
Z = (RNG.random(N) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
D = np.where(RNG.random(N) < 0.7, Z, 1 - Z)
T = RNG.integers(0, 2, N).astype(float)
Y = D + X[:, 0] + RNG.standard_t(3, N)
OLS, LOGIT = LinearRegression(), LogisticRegression()
FOLDS = make_folds(N, 4, stratify=4 * Z + 2 * D + T)


class Zero(LinearRegression):
    """Predicts zero, so that ψ_b is the weight times the outcome."""

    def predict(self, X):
        return np.zeros(len(X))


CASES = {
    "partially linear": (lambda g: PartiallyLinear(g, LOGIT), {"d": D}),
    "partially linear, IV-type": (lambda g: PartiallyLinear(g, LOGIT, g, score="IV-type"), {"d": D}),
    "partially linear IV": (lambda g: PartiallyLinearIV(g, LOGIT, LOGIT), {"d": D, "z": Z}),
    "interactive": (lambda g: Interactive(g, LOGIT), {"d": D}),
    "interactive, ATT": (lambda g: Interactive(g, LOGIT, "ATT", normalise=True), {"d": D}),
    "interactive IV": (lambda g: InteractiveIV(g, LOGIT, LOGIT), {"d": D, "z": Z}),
    "potential outcomes": (lambda g: AveragePotentialOutcomes(g, LOGIT), {"d": D}),
    "panel": (lambda g: DifferenceInDifferences(g, LOGIT), {"d": D}),
    "cross-sections": (lambda g: DifferenceInDifferences(g, LOGIT), {"d": D, "time": T}),
}


def fitted(name, g=OLS, y=Y, **settings):
    make, roles = CASES[name]
    estimator = make(g)
    object.__setattr__(estimator, "folds", FOLDS)
    for key, value in settings.items():
        object.__setattr__(estimator, key, value)
    return estimator.fit(y=y, x=X, **roles)


@pytest.mark.parametrize("name", CASES)
def test_weights_are_the_derivatives_of_the_estimate_by_the_outcomes(name):
    # With outcomes predicted as zero the estimate is linear in them: n times a difference quotient is exact.
    base = fitted(name, Zero())
    for i in (0, 7, 50):
        moved = fitted(name, Zero(), Y + np.eye(N)[i])
        np.testing.assert_allclose(np.abs(base.weights[i]), np.abs(N * (moved.point - base.point)), atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_the_argument_turns_the_correction_off(name):
    better, plain = fitted(name), fitted(name, small_sample=False)
    np.testing.assert_array_equal(better.point, plain.point)
    np.testing.assert_allclose(plain.se, np.sqrt((plain.influence**2).sum(0)) / N, rtol=1e-12)
    assert (np.ptp(better.conf_int(), axis=1) > np.ptp(plain.conf_int(), axis=1)).all()
    assert plain.degrees is None
    assert "jackknife" not in str(plain)


def test_repeated_splits_take_the_median_of_corrected_intervals():
    estimator = PartiallyLinear(OLS, OLS, repeats=3)
    found = estimator.fit(y=Y, d=X[:, 1] + RNG.standard_t(3, N), x=X)
    upper = np.median([split.point + 1.96 * split.se for split in found.splits])
    assert found.se[0] == pytest.approx((upper - found.point[0]) / 1.96)
    assert min(s.degrees[0] for s in found.splits) * 0.9 < found.degrees[0] < N
    assert found.about.standard_errors.startswith("Jackknife")


def test_group_time_effects_and_their_averages_carry_it():
    data = simulate_staggered(150, seed=1)
    roles = {"y": "y", "group": "group", "unit": "unit", "time": "time", "x": ["x0", "x1"]}
    found = [GroupTimeEffects(OLS, LOGIT, small_sample=on).fit(data, **roles) for on in (True, False)]
    for better, plain in (found, [overall(one) for one in found]):
        np.testing.assert_array_equal(better.point, plain.point)
        assert (better.se > plain.se).all()
        assert ((better.degrees > 5) & (better.degrees <= 150)).all()
        assert plain.degrees is None


class Heavy:
    """The spread of the outcome grows with the treatment's residual, which has heavy tails: rows have leverage."""

    truth = 0.5

    def draw(self, rng, n, copies=1):
        x = rng.normal(size=(copies, n, 2))
        v = rng.standard_t(4, (copies, n))
        d = 0.5 * x[..., 0] + v
        return {"y": 0.5 * d + x[..., 0] + (1 + np.abs(v)) * rng.normal(size=(copies, n)), "d": d, "x": x}


def test_intervals_cover_where_rows_have_leverage():
    found = [
        monte_carlo(Heavy(), PartiallyLinear(OLS, OLS, small_sample=on), 4000, n=300).coverage for on in (True, False)
    ]
    # 4,000 samples leave an error of .0035.
    assert found[0] >= 0.94
    assert found[1] < 0.93
