"""A walk that wanders without memory, and R² against its closed form."""

import numpy as np
import pandas as pd
import pytest

from ceteris.gallery import bitcoin


def test_the_walk_has_no_memory_and_the_volatility_it_is_said_to_have():
    change = np.diff(np.log(bitcoin.walk(20_000, seed=4)))
    assert change.std() == pytest.approx(bitcoin.VOLATILITY, rel=0.02)  # four standard errors, 1 / √(2n) each
    assert abs(np.corrcoef(change[1:], change[:-1])[0, 1]) < 0.03  # four standard errors of 1 / √n


def test_repeating_the_last_price_has_a_high_r_squared_and_knows_nothing():
    price = np.cumsum(np.random.default_rng(0).normal(size=10_001))
    said = pd.DataFrame({"part": "test", "last": price[:-1], "price": price[1:], "net": price[1:]})
    table = bitcoin.judged(said).set_index("forecast")
    # levels: 1 - var of a change / var of the walk; changes: minus the squared mean over the variance
    change = np.diff(price)
    assert table.loc["last price", "R² of levels"] == pytest.approx(1 - (change**2).mean() / price[1:].var(), rel=1e-9)
    assert table.loc["last price", "R² of changes"] == pytest.approx(-(change.mean() ** 2) / change.var(), abs=1e-9)
    assert table.loc["net", "R² of changes"] == pytest.approx(1)  # it knew the price


def test_the_lecture_standardises_over_the_whole_sample_and_keeps_the_order_of_time():
    said = bitcoin.lecture(bitcoin.walk(600, seed=0), epochs=1, seed=0)
    assert list(said["part"].unique()) == ["training", "validation", "test"]
    assert (np.diff(said["minute"]) == 1).all()
    assert (said["last"].to_numpy()[1:] == said["price"].to_numpy()[:-1]).all()
    assert np.isfinite(said["net"]).all()
    assert abs(float(np.mean(said["price"]))) < 0.2  # nought but for the first lags, the test part included: the leak
