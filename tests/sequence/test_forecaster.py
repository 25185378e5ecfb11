"""The forecaster: nothing leaks, nets help where there is something to learn, and what is wrong is said at once."""

import numpy as np
import pandas as pd
import pytest

from ceteris import load
from ceteris.sequence import Forecaster
from ceteris.sequence.forecast.forecaster import window_of
from ceteris.sequence.forecast.frame import read_panel
from ceteris.sequence.forecast.rolling import run_origins
from ceteris.testing import count_compilations

TINY = {"members": 1, "width": 8, "depth": 1, "epochs": 6}


def panel(n=90, count=4, seed=0):
    rng, t = np.random.default_rng(seed), np.arange(n)
    y = 50 + 5 * np.sin(2 * np.pi * t / 6) + np.cumsum(rng.normal(size=(count, n)), axis=1)
    times = pd.date_range("2015-01-01", periods=n, freq="MS")
    parts = [pd.DataFrame({"unique_id": f"s{i}", "ds": times, "y": y[i]}) for i in range(count)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def fitted():
    return Forecaster(horizon=3, season=6, window=8, **TINY).fit(panel())


@pytest.mark.parametrize("kind", ["mlp"])
def test_what_comes_after_a_cutoff_changes_no_forecast_from_before_it(kind):
    """Bit for bit: nets of a cutoff learn from the same rows in the same order, whatever the later ones hold."""
    settings = Forecaster(horizon=3, net=kind, season=6, window=8, **TINY)
    one, table = panel(), panel()
    late = table["ds"] >= "2021-01-01"  # place 72
    table.loc[late, "y"] = 1e3 * np.random.default_rng(5).normal(size=late.sum())
    found = [run_origins("", settings, read_panel(t, season=6), 8, (55, 65))[0] for t in (one, table)]
    for at in (60, 66, 71):
        assert np.isfinite(found[0].net[:, at]).all()
        for intervals in ("rolling", "split", "adaptive", "head"):
            levels = np.array([0.1, 0.9])
            first, second = (f.quantiles(at, levels, intervals) for f in found)
            np.testing.assert_array_equal(first, second)


def test_several_cutoffs_as_one_program_are_the_same_as_each_alone():
    settings = Forecaster(horizon=3, season=6, window=8, **TINY)
    data = read_panel(panel(), season=6)
    both = run_origins("", settings, data, 8, (60, 75))[0].net
    assert np.isnan(both[:, 59]).all()
    assert np.isfinite(both[:, 80]).all()
    alone = run_origins("", settings, data, 8, (75,))[0].net
    # the nets of the second cutoff start from other weights when they are alone; forecasts are of the same kind
    assert np.corrcoef(both[:, 80, :, 6].ravel(), alone[:, 80, :, 6].ravel())[0, 1] > 0.99


def test_forecasts_are_a_long_table_with_intervals(fitted):
    frame = fitted.predict(level=(0.8, 0.95))
    assert list(frame) == ["unique_id", "ds", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert len(frame) == 12
    assert (frame["lo-95"] < frame["lo-80"]).all()
    assert frame["forecast"].between(frame["lo-80"], frame["hi-80"]).all()
    assert frame["ds"].iloc[0] == pd.Timestamp("2022-07-01")
    short = fitted.predict(2, level=0.5)
    assert list(short.columns[2:]) == ["forecast", "lo-50", "hi-50"]
    np.testing.assert_array_equal(short["forecast"], frame["forecast"][frame.index % 3 < 2])


def test_paths_have_the_distribution_of_the_intervals(fitted):
    drawn = fitted.sample(4000, seed=1)
    frame = fitted.predict(level=0.8)
    low, high = (np.quantile(drawn, q, axis=0).ravel() for q in (0.1, 0.9))
    width = (frame["hi-80"] - frame["lo-80"]).to_numpy()
    np.testing.assert_allclose(low, frame["lo-80"], atol=0.03 * width.max())
    np.testing.assert_allclose(high, frame["hi-80"], atol=0.03 * width.max())
    # errors of neighbouring steps go together, as those of a random walk do
    assert np.corrcoef(drawn[:, 0, 1], drawn[:, 0, 2])[0, 1] > 0.3


def test_it_comes_back_from_a_file_with_its_intervals(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "forecaster"))
    pd.testing.assert_frame_equal(again.predict(), fitted.predict())
    np.testing.assert_array_equal(again.sample(5), fitted.sample(5))


def test_the_same_seed_gives_the_same_forecasts():
    options = {"horizon": 3, "season": 6, "window": 8, **TINY}
    one, two, other = (Forecaster(random_state=s, **options).fit(panel()).nets_.linear.weight for s in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_known_covariate_is_used_and_its_future_is_asked_for():
    """The target is the covariate of the same month plus noise, which no past value tells."""
    rng, table = np.random.default_rng(0), panel(120, 3)
    table["price"] = rng.normal(size=len(table))
    table["y"] = 10 + 3 * table["price"] + 0.3 * rng.normal(size=len(table))
    future = pd.concat([
        pd.DataFrame({"unique_id": f"s{i}", "ds": pd.to_datetime(["2025-01-01", "2025-02-01"]), "price": [2.0, -2.0]})
        for i in range(3)
    ])  # fmt: skip
    options = TINY | {"epochs": 150, "rate": 0.02}
    forecaster = Forecaster(horizon=2, net="linear", season=1, window=6, **options).fit(table, known=["price"])
    found = forecaster.predict(known=future)["forecast"].to_numpy().reshape(3, 2)
    assert (found[:, 0] > 13).all()
    assert (found[:, 1] < 7).all()
    with pytest.raises(
        ValueError, match=r"known is None, but must be a table with the next 2 values of price; give one"
    ):
        forecaster.predict()
    with pytest.raises(
        ValueError, match=r"known: series 's2' has no 'price' for 2025-02-01.*, but must have the next 2"
    ):
        forecaster.predict(known=future.iloc[:-1])
    with pytest.raises(ValueError, match=r"known is 'price', but must be a table whose columns are"):
        forecaster.predict(known=future.drop(columns="price"))
    assert "predict(known=...)" in forecaster.sections()[0].text


def test_series_of_unequal_length_with_holes_are_forecast_from_their_own_end():
    table = panel()
    table = table[~((table["unique_id"] == "s1") & (table["ds"] >= "2021-07-01"))]
    table = table[~((table["unique_id"] == "s2") & (table["ds"] < "2018-01-01"))].reset_index(drop=True)
    table.loc[5, "y"] = np.nan
    frame = Forecaster(horizon=3, season=6, window=8, **TINY).fit(table).predict()
    first = frame.groupby("unique_id", sort=False)["ds"].first()
    assert list(first.index) == ["s0", "s1", "s2", "s3"]
    assert first["s1"] == pd.Timestamp("2021-07-01")
    assert np.isfinite(frame["forecast"]).all()


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "head", [pytest.param("normal", marks=SLOW), pytest.param("student", marks=SLOW), "negative binomial"]
)
def test_distribution_heads_give_ordered_quantiles(head):
    table = panel()
    table["y"] = np.round(table["y"].clip(lower=0))
    options = {"horizon": 3, "season": 6, "window": 8, "intervals": "head", "fallback": False, **TINY}
    frame = Forecaster(head=head, **options).fit(table).predict()
    assert (frame["lo-95"] <= frame["lo-80"]).all()
    assert (frame["lo-80"] < frame["hi-80"]).all()
    if head == "negative binomial":
        np.testing.assert_allclose(frame["lo-95"], np.round(frame["lo-95"]), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linear", "nhits", "lstm", "gru", "tcn", "transformer"])
def test_every_net_forecasts_and_comes_back(kind, tmp_path):
    forecaster = Forecaster(horizon=3, net=kind, season=6, window=8, **TINY).fit(panel())
    assert kind in forecaster.status_
    pd.testing.assert_frame_equal(load(forecaster.save(tmp_path / "f")).predict(), forecaster.predict())


@pytest.mark.slow
def test_a_net_over_many_series_comes_near_the_true_autoregression():
    """500 series of one AR(2): the root mean squared error is at most 2 % above that of the true coefficients."""
    rng, y = np.random.default_rng(0), np.zeros((500, 80))
    for t in range(2, 80):
        y[:, t] = 0.9 * y[:, t - 1] - 0.5 * y[:, t - 2] + rng.normal(size=500)
    f = Forecaster(horizon=1, net="linear", season=1, window=4, fallback=False).fit(y[:, :-1].T)
    ours = f.predict()["forecast"].to_numpy()
    oracle = 0.9 * y[:, -2] - 0.5 * y[:, -3]
    error = lambda a: np.sqrt(np.mean((a - y[:, -1]) ** 2))
    assert error(ours) < 1.02 * error(oracle)


WRONG = {
    "horizon": ({"horizon": 0}, r"Forecaster: horizon is 0, but must be a whole number of at least 1"),
    "net": ({"net": "ltsm"}, r"Forecaster: net is 'ltsm', but must be one of .*; did you mean 'lstm'"),
    "head": ({"head": "gamma"}, r"Forecaster: head is 'gamma', but must be one of quantile"),
    "intervals": ({"intervals": "bayes"}, r"Forecaster: intervals is 'bayes', but must be one of rolling"),
    "simple": ({"simple": ("prophet",)}, r"Forecaster: simple is \('prophet',\), but must be a tuple of one or more"),
    "window": (
        {"window": 200},
        r"window is 200, but with the horizon must be at most the 90 times of series 's0'; give",
    ),
    "too far": ({"horizon": 90}, r"horizon is 90, but must be below the 90 times of series 's0'; forecast fewer"),
    "no head": (
        {"net": None, "intervals": "head"},
        r"Forecaster: intervals is 'head', but must be another without a net",
    ),
    "no net": ({"net": None, "fallback": False}, r"Forecaster: fallback is False, but must be True without a net"),
}


@pytest.mark.parametrize(("options", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_said_before_any_work(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Forecaster(**{"horizon": 3, **options}).fit(panel())


def test_a_constant_series_and_a_longer_horizon_are_refused(fitted):
    table = panel()
    table.loc[table["unique_id"] == "s3", "y"] = 7.0
    with pytest.raises(ValueError, match=r"target: series 's3' is 7 throughout, but must vary; leave that series out"):
        Forecaster(horizon=3).fit(table)
    with pytest.raises(ValueError, match=r"horizon is 4, but must be at most 3, that of the fit; fit again"):
        fitted.predict(4)
    with pytest.raises(ValueError, match=r"known is a table, but must be None"):
        fitted.predict(known=table)
    with pytest.raises(ValueError, match=r"level is 80, but must be a number above 0 and below 1"):
        fitted.predict(level=80)


def test_where_a_net_does_not_help_simple_methods_forecast():
    """White noise around a level: nothing beats the mean, and so many weights cost."""
    y = 50 + np.random.default_rng(0).normal(size=(60, 1))
    f = Forecaster(horizon=2, season=1, window=12, **(TINY | {"epochs": 60, "width": 64})).fit(y)
    rows = np.arange(1)
    assert f.origins_.earned[rows, f.panel_.last][0] < 0.6
    assert "simple methods" in f.status_
    assert window_of(Forecaster(horizon=2), read_panel(y)) >= 2


def test_a_series_of_nearly_the_same_length_compiles_nothing_new():
    y = 50 + np.cumsum(np.random.default_rng(0).normal(size=(101, 2)), axis=0)
    options = {"horizon": 4, "season": 4, **TINY}
    Forecaster(**options).fit(y[:100])
    with count_compilations() as compiled:
        Forecaster(**options, random_state=1).fit(y)
    assert compiled == []
