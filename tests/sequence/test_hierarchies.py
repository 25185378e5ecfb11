"""Forecasts that add up: against another package and the algebra of projections."""

import json

import numpy as np
import pandas as pd
import pytest

from ceteris.sequence import Forecaster, add_up, hierarchy, reconcile, reconcile_forecaster
from ceteris.sequence.forecast.hierarchies import METHODS, Hierarchy, projection
from truth import forecasting

TWO_LEVELS = Hierarchy(("total", "n", "s", "a", "b", "c", "d"), np.array(forecasting.SUMS, float))


@pytest.mark.parametrize("method", METHODS)
def test_reconciled_forecasts_are_those_of_hierarchicalforecast(method):
    base, errors = forecasting.hierarchy_errors()
    truth = json.loads(forecasting.FILE.read_text())[method]
    np.testing.assert_allclose(reconcile(base, TWO_LEVELS, method, errors), truth, rtol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_what_adds_up_stays_and_everything_adds_up(method):
    _, errors = forecasting.hierarchy_errors()
    P = projection(TWO_LEVELS, method, errors)
    np.testing.assert_allclose(P @ P, P, atol=1e-10)
    np.testing.assert_allclose(P @ TWO_LEVELS.sums, TWO_LEVELS.sums, atol=1e-10)


def table():
    rng, t = np.random.default_rng(0), pd.date_range("2015-01-01", periods=60, freq="MS")
    parts = [
        pd.DataFrame({"ds": t, "state": s, "town": f"{s}{k}", "y": 20 + np.cumsum(rng.normal(size=60))})
        for s in ("x", "z") for k in range(2)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_a_forecaster_of_a_hierarchy_adds_up_in_means_and_on_every_path():
    long, structure = add_up(table(), ["state", "town"])
    assert structure.names == ("total", "x", "z", "x/x0", "x/x1", "z/z0", "z/z1")
    forecaster = Forecaster(horizon=4, net=None).fit(long)
    wide = reconcile_forecaster(forecaster, structure).pivot(index="ds", columns="unique_id", values="forecast")
    np.testing.assert_allclose(wide["total"], wide[list(structure.bottom)].sum(axis=1), rtol=1e-10)
    drawn = reconcile_forecaster(forecaster, structure, draws=20)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 3:].sum(1), rtol=1e-10)
    with pytest.raises(ValueError, match=r"structure: a series is 'w', but must be one that was fitted: total"):
        reconcile_forecaster(forecaster, hierarchy(["w"]))


def test_what_is_wrong_is_said():
    two = hierarchy(["a", "b"])
    with pytest.raises(ValueError, match=r"method is 'mnt', but must be one of .*; did you mean 'mint'"):
        reconcile(np.zeros((3, 1)), two, "mnt")
    with pytest.raises(ValueError, match=r"errors is None, but must hold past errors for 'mint'; give them"):
        reconcile(np.zeros((3, 1)), two)
    with pytest.raises(ValueError, match=r"base holds 2, but must hold 3, one for each series of the hierarchy"):
        reconcile(np.zeros((2, 1)), two, "ols")
    with pytest.raises(ValueError, match=r"errors hold 2 whole observations, but must hold at least 3"):
        reconcile(np.zeros((3, 1)), two, "mint", np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"sums: 'total' is 'q', but must be of the bottom: a"):
        hierarchy(["a"], {"total": ["q"]})
    with pytest.raises(ValueError, match=r"by is 'region', but must be a column of the data"):
        add_up(table(), ["region"])
    with pytest.raises(ValueError, match=r"by is empty, but must name one or more columns"):
        add_up(table(), [])
