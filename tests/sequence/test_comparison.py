"""Comparisons: what is right about a random walk, and scalers that saw the future."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.preprocessing import StandardScaler

from ceteris.sequence import Forecaster, compare_forecasts
from ceteris.sequence.forecast.foreign import foreign_origins
from ceteris.sequence.forecast.frame import read_panel
from ceteris.sequence.forecast.scores import CRPS_LEVELS, crps


def walk(n=900, seed=0):
    return 5000 + 30 * np.cumsum(np.random.default_rng(seed).normal(size=n))


def test_on_a_random_walk_levels_look_fine_and_there_is_no_skill():
    """The lesson of the bitcoin notebook: R² of levels near one, of changes at most nought."""
    found = compare_forecasts(walk(seed=1), 1, ["ar", "theta", "drift", "smoothing"], origins=600)
    check = next(check for check in found.checks if check.name == "skill")
    assert check.passed is False
    assert "No skill" in check.sentence
    assert found.skill.loc[found.best, "R² of levels"] > 0.99
    assert found.skill.loc[found.best, "R² of changes"] < 0.02
    assert "No skill" in str(found)


def test_an_autoregression_has_skill():
    y, rng = np.zeros(400), np.random.default_rng(0)
    for t in range(1, 400):
        y[t] = 0.5 * y[t - 1] + rng.normal()
    found = compare_forecasts(50 + y, 1, ["ar"], origins=100)
    assert found.best == "ar"
    assert next(check for check in found.checks if check.name == "skill").passed


def test_a_scaler_that_saw_the_test_part_is_refused():
    y = walk(300)[:, None]
    leaky, honest = StandardScaler().fit(y), StandardScaler().fit(y[:200])
    with pytest.raises(
        ValueError, match=r"scaler has seen 300 values, but must have seen at most the 280 up to the first"
    ):
        compare_forecasts(honest.transform(y), 1, ["ar"], origins=20, scaler=leaky)
    with pytest.raises(ValueError, match=r"target: 'y' has mean 0 and standard deviation 1 over all rows, so that its"):
        compare_forecasts(leaky.transform(y), 1, ["ar"], origins=20)
    with pytest.raises(ValueError, match=r"scaler is StandardScaler\(\), which does not say how many rows it has seen"):
        compare_forecasts(y, 1, ["ar"], origins=20, scaler=StandardScaler())
    assert compare_forecasts(honest.transform(y), 1, ["ar"], origins=20, scaler=honest).best in ("ar", "naive")


def test_origins_are_those_of_the_definition_and_scores_follow_from_the_forecasts():
    t = np.arange(100)
    y = pd.Series(
        20 + t + np.random.default_rng(0).normal(size=100), index=pd.date_range("2010-01-01", periods=100, freq="MS")
    )
    found = compare_forecasts(y, 6, ["drift", "combination"], origins=5, step=2)
    frame = found.forecasts
    n, h, k = 100, 6, 5
    cutoffs = [y.index[n - h - 2 * (k - 1 - j) - 1] for j in range(k)]
    assert sorted(frame["cutoff"].unique()) == cutoffs
    assert frame["ds"].max() == y.index[-1]
    scales = {c: np.abs(y[:c].diff(12)).mean() for c in cutoffs}
    by_hand = (np.abs(frame["y"] - frame["drift"]) / frame["cutoff"].map(scales)).mean()
    assert found.table.loc["drift", "mase"] == pytest.approx(by_hand)
    assert list(found.losses.index) == cutoffs
    assert found.best == "drift" or found.table.loc[found.best, "crps"] <= found.table.loc["drift", "crps"]
    naive = frame["naive"].to_numpy().reshape(k, h)
    np.testing.assert_array_equal(naive[:, 0], naive[:, -1])


def test_the_naive_is_said_to_win_where_it_does():
    found = compare_forecasts(walk(200), 1, ["mean"], origins=40)
    assert found.best == "naive"
    assert "no method is better than a naive one" in str(found)
    beats = found.checks[0]
    assert (beats.name, beats.passed) == ("beats naive forecasts", False)


def test_crps_is_a_mean_over_nineteen_levels():
    assert len(CRPS_LEVELS) == 19
    assert crps(0.0, np.ones(19)) == pytest.approx(1.0)


@pytest.mark.slow
def test_nets_compared_with_refits_are_one_program_and_know_nothing_later():
    rng, t = np.random.default_rng(0), np.arange(90)
    y = (50 + 5 * np.sin(2 * np.pi * t / 6) + np.cumsum(rng.normal(size=(3, 90)), axis=1)).T
    tiny = Forecaster(3, season=6, window=8, members=1, width=8, depth=1, epochs=5)
    one = compare_forecasts(y, 3, {"net": tiny}, origins=8, refit=4, season=6)
    other = y.copy()
    other[-3:] += 100.0  # after the last origin
    two = compare_forecasts(other, 3, {"net": tiny}, origins=8, refit=4, season=6)
    np.testing.assert_array_equal(one.forecasts["net"], two.forecasts["net"])


WRONG = {
    "method": ((["prophet"],), {}, r"methods is 'prophet', but must be some of naive"),
    "no forecaster": (({"a": 3},), {}, None),
    "horizon": (({"a": Forecaster(2)},), {}, r"methods: 'a' forecasts 2 steps, but must forecast the horizon, 1; give"),
    "origins": (
        (["ar"],),
        {"origins": 500},
        r"origins is 500, but with 60 times and a horizon of 1 must be at most \d+; take",
    ),
    "step": ((["ar"],), {"step": 0}, r"step is 0, but must be a whole number of at least 1"),
    "refit": ((["ar"],), {"refit": 0}, r"refit is 0, but must be a whole number of at least 1"),
}


@pytest.mark.parametrize(("arguments", "options", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(arguments, options, sentence):
    kind = TypeError if sentence is None else ValueError
    with pytest.raises(
        kind, match=sentence or r"methods: 'a' is a int, but must be a Forecaster; give names in a list"
    ):
        compare_forecasts(walk(60), 1, *arguments, **options)


@pytest.mark.parametrize(("name", "package"), [("AutoETS", "statsforecast"), ("ETS", "statsmodels")])
def test_a_method_of_another_package_asks_for_it(monkeypatch, name, package):
    for module in (package, f"{package}.tsa.api"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"methods: {name} is of {package}, which could not be imported \("):
        compare_forecasts(walk(60), 1, [name], origins=4)


@pytest.mark.parametrize("name", ["ARIMA", "ETS"])
def test_methods_of_statsmodels(name):
    """Changes are e_t - θ e_{t-1}: the best forecast is exponential smoothing with weight 1 - θ, of known variance."""
    theta, sigma, places = 0.5, 1e4, np.array([299, 310])
    e = sigma * np.random.default_rng(0).normal(size=(320, 2))
    y = np.cumsum(e, axis=0) - theta * np.cumsum(np.vstack([0 * e[:1], e[:-1]]), axis=0)
    panel, levels = read_panel(y, season=1), np.array([0.1, 0.5, 0.9])
    point, quantiles, status = foreign_origins(name, panel, 4, places, levels)
    assert status == "ok"
    best = np.stack([y[at] - theta * e[at] for at in places])[..., None]
    assert np.abs(point - best).max() < 0.4 * sigma  # what 300 values leave open of two or three parameters
    half = norm.ppf(0.9) * sigma * np.sqrt(1 + np.arange(4) * (1 - theta) ** 2)
    np.testing.assert_allclose(quantiles[..., 1], point)
    np.testing.assert_allclose(quantiles[..., 2] - point, np.broadcast_to(half, point.shape), rtol=0.2)
    y[311:] = 0
    np.testing.assert_array_equal(foreign_origins(name, read_panel(y, season=1), 4, places, levels)[0], point)


def test_there_is_nothing_to_compare_in_a_constant_series():
    with pytest.raises(ValueError, match="target: 'y' is the same in every season, but must vary in some series"):
        compare_forecasts(np.full(60, 7.0), 3, ["ar"], origins=4)
