"""Tables of series: what is read, and what is said of those that cannot be."""

import numpy as np
import pandas as pd
import pytest

from ceteris.sequence.forecast.frame import read_panel


def long(n=12, freq="MS", names=("a", "b")):
    times = pd.date_range("2020-01-31" if freq == "ME" else "2020-01-01", periods=n, freq=freq)
    parts = [
        pd.DataFrame({"unique_id": name, "ds": times, "y": np.arange(n) + 10.0 * k}) for k, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("freq", "season"),
    [("MS", 12), ("ME", 12), ("QS", 4), ("QE", 4), ("W-SUN", 52), ("D", 7), ("B", 5), ("h", 24), ("YS", 1)],
)
def test_the_frequency_and_the_season_are_found(freq, season):
    panel = read_panel(long(freq=freq))
    times = pd.date_range(panel.times[0], periods=14, freq=freq)
    assert panel.season == season
    assert list(panel.after(11, 2)) == list(times[12:])


def test_all_kinds_of_tables_are_the_same_series():
    table = long()
    wide = table.pivot(index="ds", columns="unique_id", values="y")
    renamed = table.rename(columns={"unique_id": "station", "ds": "month", "y": "level"})
    for panel in (read_panel(table), read_panel(wide), read_panel(renamed, "station", "month", "level")):
        np.testing.assert_array_equal(panel.y, [np.arange(12.0), np.arange(12) + 10.0])
        assert (panel.names, panel.freq[:2]) == (("a", "b"), "MS")
    assert read_panel(wide["a"]).shape == read_panel(np.arange(12.0)).shape == (1, 12)
    assert read_panel(wide.to_numpy()).shape == (2, 12)
    periods = wide["a"].set_axis(pd.PeriodIndex(wide.index, freq="M"))
    assert list(read_panel(periods).times) == list(wide.index)


def test_series_may_begin_and_end_apart_and_have_holes():
    table = long(20)
    table = table[~((table["unique_id"] == "a") & (table["ds"] >= "2021-01-01"))]
    table = table[~((table["unique_id"] == "b") & (table["ds"] < "2020-03-01"))]
    table.loc[table.index[3], "y"] = np.nan
    panel = read_panel(table)
    assert panel.first.tolist() == [0, 2]
    assert panel.last.tolist() == [11, 19]
    assert np.isnan(panel.y[0, 3])


def test_numbered_times_need_not_begin_at_nought():
    table = pd.DataFrame({"ds": [1990, 1992, 1994, 1996, 1998], "y": [1.0, 2, 3, 4, 6]})
    assert read_panel(table).after(4, 2).tolist() == [2000, 2002]


def changed(**columns):
    return long().assign(**columns)


def twice():
    table = long()
    return pd.concat([table, table.iloc[[13]]], ignore_index=True)


UTC, EAST = (pd.date_range("2020-01-01", periods=12, freq="D", tz=zone) for zone in ("UTC", "US/Eastern"))
WRONG = {
    "twice": (twice, r"ds: series 'b' has 2020-02-01 twice, but must have each time once; drop"),
    "out of order": (lambda: long().iloc[::-1], r"ds: series 'b' is not in the order of time, but must be; sort"),
    "gap": (lambda: long().drop(index=[15, 16]), r"ds: series 'b' has no row for 2020-04-01 and 1 other"),
    "irregular": (
        lambda: pd.DataFrame({"ds": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-03-09", "2021-12-24"]), "y": 1}),
        r"ds: the series has steps of .* \(at .*\), but must have a regular frequency; resample",
    ),
    "no time": (lambda: changed(ds="soon"), r"ds: series 'a' holds 'soon', which is no time, but must hold times"),
    "infinite": (lambda: changed(y=np.inf), r"y: series 'a' holds an infinite value, but must be finite; correct"),
    "text": (lambda: changed(y="much"), r"y: series 'a' holds 'much', but must hold numbers; convert"),
    "few": (lambda: long(3), r"y: series 'a' holds 3 values, but must hold at least 4; leave"),
    "no name": (lambda: changed(unique_id=None), r"unique_id: 24 rows have no name of a series; fill"),
    "zones": (
        lambda: pd.DataFrame({"unique_id": ["a"] * 12 + ["b"] * 12, "ds": [*UTC, *EAST], "y": 1.0}),
        r"ds: series '.' (mixes time zones, but must|is in the time zone .*); convert all of them to one",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_panel(make())


def test_covariates_are_read_by_role():
    table = long().assign(size=np.repeat([1.0, 2.0], 12), price=np.arange(24.0))
    panel = read_panel(table, static=["size"], known=["price"])
    assert panel.static.tolist() == [[1.0], [2.0]]
    assert panel.known.shape == (2, 12, 1)
    with pytest.raises(
        ValueError, match=r"static: 'price' changes within series 'a', but must be constant there; name"
    ):
        read_panel(table, static=["price"])
    with pytest.raises(
        ValueError, match=r"known is 'prize', but must be a further column of the data: size, price; did"
    ):
        read_panel(table, known=["prize"])
    with pytest.raises(ValueError, match=r"price: series 'a' has missing values, but a covariate must have none; fill"):
        read_panel(table.assign(price=np.nan), past=["price"])


def test_frequency_and_season_are_checked():
    with pytest.raises(ValueError, match=r"freq is 'fortnight', but must be a frequency of pandas; give one"):
        read_panel(long(), freq="fortnight")
    with pytest.raises(ValueError, match=r"ds: series 'a' has the time 2020-02-01, which is not one of the frequency"):
        read_panel(long(), freq="QS")
    with pytest.raises(ValueError, match=r"season is 0, but must be a whole number of at least 1"):
        read_panel(long(), season=0)
