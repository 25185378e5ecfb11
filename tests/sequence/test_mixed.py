"""Weights and coefficients that were simulated, the Kalman filter against conditioning, nowcasts that do not peek."""

import numpy as np
import pandas as pd
import pytest

from ceteris.sequence import FactorModel, MixedFrequencyRegression, Nowcaster
from ceteris.sequence.nowcasts.mixed import almon_weights, beta_weights, monthly_lags
from ceteris.sequence.nowcasts.nowcast import features, ridge

DELAYS, OWN = (1, 0, 1, 2, 0), 2
MODEL = FactorModel()
MONTHLY, QUARTERLY = MODEL.simulate(500, seed=0)


def simulated(shape, theta, quarters=400, lags=9, noise=0.05):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3 * quarters, 2))
    lagged = monthly_lags(x, quarters, lags, 3)
    effects = [2.0, -1.0]
    y = 0.5 + sum(effects[k] * lagged[..., k] @ shape(theta[k], lags) for k in range(2))
    return x, np.nan_to_num(y) + noise * rng.normal(size=quarters)


@pytest.mark.parametrize(("kind", "shape", "theta"), [
    ("almon", almon_weights, [(2.0, -6.0), (-4.0, 0.0)]),
    ("beta", beta_weights, [(1.5, 4.0), (1.0, 6.0)]),
])  # fmt: skip
def test_simulated_weights_and_effects_are_found(kind, shape, theta):
    x, y = simulated(shape, theta)
    fit = MixedFrequencyRegression(kind, lags=9, own=0).fit(x, y)
    # Noise of 0.05 on 400 quarters: coefficients are known to about 0.003, weights to a little more.
    assert fit.effects.to_numpy() == pytest.approx([2.0, -1.0], abs=0.02)
    assert fit.coefficients[0] == pytest.approx(0.5, abs=0.01)
    for k in range(2):
        assert fit.weights.iloc[:, k].to_numpy() == pytest.approx(shape(theta[k], 9), abs=0.01)


def test_unrestricted_weights_are_a_regression():
    fit = MixedFrequencyRegression("unrestricted", lags=4, own=1).fit(MONTHLY, QUARTERLY)
    y = QUARTERLY.to_numpy()
    lagged = monthly_lags(MONTHLY.to_numpy(), 500, 4, 3)[1:]
    X = np.column_stack([np.ones(499), y[:-1], lagged.transpose(0, 2, 1).reshape(499, -1)])
    assert np.allclose(fit.coefficients, np.linalg.lstsq(X, y[1:], rcond=None)[0])
    assert np.allclose(fit.predict(MONTHLY, QUARTERLY)[1:-1], X @ fit.coefficients)


def test_a_regression_forecasts_the_quarter_that_is_not_over():
    fit = MixedFrequencyRegression(lags=6, month=1).fit(MONTHLY, QUARTERLY)
    known = fit.predict(MONTHLY[:-2], QUARTERLY[:-1])  # the first month of the last quarter is there
    assert len(known) == 500
    assert known[-1] == pytest.approx(fit.predict(MONTHLY, QUARTERLY)[-2])
    assert np.isnan(fit.predict(MONTHLY[:-3], QUARTERLY[:-1])[-1])


@pytest.mark.parametrize("month", [1, 2, 3])
def test_the_filter_is_the_conditional_expectation(month):
    monthly, quarterly = MODEL.simulate(6, seed=3)
    q, phi = 5, MODEL.persistence
    f = phi ** np.abs(np.subtract.outer(np.arange(18), np.arange(18)))  # covariance of the factor
    loadings = np.asarray(MODEL.loadings)
    rows, seen, own = [], [], []
    for t in range(18):
        for i, delay in enumerate(DELAYS):
            if t + delay <= 3 * q + month - 1:
                rows.append(loadings[i] * np.eye(18)[t])
                own.append(1 - loadings[i] ** 2)
                seen.append(monthly.iloc[t, i])
    for quarter in range(q):
        if 3 * quarter + 2 + OWN <= 3 * q + month - 1:
            rows.append(np.repeat(np.eye(6)[quarter], 3) / 3)
            own.append(MODEL.noise**2)
            seen.append(quarterly[quarter])
    H, target = np.array(rows), np.repeat(np.eye(6)[q], 3) / 3
    expected = target @ f @ H.T @ np.linalg.solve(H @ f @ H.T + np.diag(own), np.array(seen))
    assert MODEL.nowcasts(monthly, quarterly, month, DELAYS, OWN)[q] == pytest.approx(expected, abs=1e-10)


def test_nowcasts_come_near_to_the_filter_that_knows_everything():
    monthly, quarterly = MODEL.simulate(900, seed=4)
    fit = Nowcaster(DELAYS, OWN, members=2, epochs=20).fit(monthly[:1_200], quarterly[:400])
    y = quarterly.to_numpy()[400:]
    for month in (1, 2, 3):
        ours, best = (
            np.sqrt(((found[400:] - y) ** 2).mean())
            for found in (
                fit.nowcasts(monthly, quarterly, month),
                MODEL.nowcasts(monthly, quarterly, month, DELAYS, OWN),
            )
        )
        assert ours < 1.1 * best
        assert ours < 0.9 * y.std()


def test_no_figure_is_read_before_it_is_out():
    settings = Nowcaster(DELAYS, OWN)
    x, y = MONTHLY.to_numpy(), QUARTERLY.to_numpy()
    for month in (1, 2, 3):
        before = features(x, y, np.array([100]), month, settings)
        later, own = x.copy(), y.copy()
        for i, delay in enumerate(DELAYS):
            later[300 + month - delay :, i] = 99.0
        own[100:] = 99.0
        if month - 1 < -1 + OWN:
            own[99] = 99.0
        assert np.array_equal(before, features(later, own, np.array([100]), month, settings), equal_nan=True)
        later[300 + month - 1 - DELAYS[3], 3] = 99.0  # the newest that is out
        assert not np.array_equal(before, features(later, own, np.array([100]), month, settings), equal_nan=True)


def test_the_last_quarter_is_nowcast_as_past_ones_are():
    fit = Nowcaster(DELAYS, OWN, members=2, epochs=2).fit(MONTHLY, QUARTERLY)
    ragged = MONTHLY[:-1].copy()  # the second month of the last quarter
    for i, delay in enumerate(DELAYS):
        ragged.iloc[len(ragged) - delay :, i] = np.nan
    assert fit.nowcast(ragged, QUARTERLY[:-1]) == pytest.approx(fit.nowcasts(MONTHLY, QUARTERLY, 2)[-1], abs=1e-5)


def test_nets_are_kept_where_regressions_cannot_see_it():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_500, 2))
    y = np.abs(x[:, 0]).reshape(-1, 3).sum(1) + 0.1 * rng.normal(size=500)
    fit = Nowcaster((0, 0), members=2, epochs=60, rate=1e-2).fit(x[:1_200], y[:400])
    assert fit.status.startswith("The nets are kept")
    error = y[400:] - fit.nowcasts(x, y, 3)[400:]
    assert error.std() < 0.7 * y.std()
    linear = Nowcaster((0,) * 5, members=2, epochs=20).fit(MONTHLY[:600], QUARTERLY[:200])
    assert linear.status.startswith("The nets are not kept")


def test_a_ridge_leaves_rows_out_as_refitting_does():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    y = X @ [1.0, 2.0, 0.0] + rng.normal(size=30)
    found = ridge(X, y)
    penalty = np.linalg.norm((X - X.mean(0)).T @ (y - found.constant - X @ found.slopes)) / np.linalg.norm(found.slopes)
    left = []
    for i in range(30):
        rest = np.delete(np.arange(30), i)
        # Without the row, but around the means of all rows but it: the constant is not penalised.
        Z, z = X[rest] - X[rest].mean(0), y[rest] - y[rest].mean()
        slopes = np.linalg.solve(Z.T @ Z + penalty * np.eye(3), Z.T @ z)
        left.append(y[rest].mean() + (X[i] - X[rest].mean(0)) @ slopes)
    assert np.allclose(found.left_out, left, atol=1e-8)


Q = pd.Series(np.arange(50.0))
M = np.random.default_rng(0).normal(size=(150, 1))


@pytest.mark.parametrize(("make", "words"), [
    (lambda: MixedFrequencyRegression("gamma"), "MixedFrequencyRegression: weights is 'gamma', but must be one of"),
    (lambda: MixedFrequencyRegression(month=4), "MixedFrequencyRegression: month is 4, but must be a whole"),
    (lambda: MixedFrequencyRegression(lags=1), "MixedFrequencyRegression: lags is 1, but must be a whole number"),
    (lambda: MixedFrequencyRegression().fit(M[:100], Q), "monthly has 100 months, but must have 3 for each of the 50"),
    (lambda: MixedFrequencyRegression().fit(M * np.nan, Q), "monthly holds 150 missing"),
    (lambda: MixedFrequencyRegression().fit(M[:24], Q[:8]), "quarterly: quarters with all lags is 5, but must be"),
    (lambda: Nowcaster((4,)), "Nowcaster: delays is 4, but must be a whole number of at least 0 and at most 3"),
    (lambda: Nowcaster((1, 2)).fit(M, Q), "delays holds 2, but must hold 1, one for each monthly series"),
    (lambda: Nowcaster((1,)).fit(M[:90], Q[:30]), "quarterly: quarters is 30, but must be a whole number"),
    (lambda: Nowcaster((1,)).fit(M / 0.0, Q), "monthly holds infinite values"),
    (lambda: Nowcaster((1,)).fit(M[:, 0], Q), r"monthly has shape \(150,\)"),
    (lambda: FactorModel(persistence=1.0), "FactorModel: persistence is 1.0, but must be a number above -1"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_answered(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_nowcast_needs_a_month_of_the_quarter():
    fit = Nowcaster((0,), members=1, epochs=1).fit(M, Q)
    with pytest.raises(
        ValueError, match="monthly has 150 months, but must have one to three more than the 50 quarters"
    ):
        fit.nowcast(M, Q)
