"""The race and its table."""

import numpy as np
import pandas as pd
import pytest

from ceteris.gallery import optimisers


def test_the_track_is_standardised():
    x, y = optimisers.problem(seed=0)
    assert np.abs(np.asarray(x)).max() <= 1
    assert float(y.mean()) == pytest.approx(0, abs=1e-6)
    assert float(y.std()) == pytest.approx(1, abs=1e-6)


def test_readings_cover_the_budget_and_a_diverging_rate_comes_last():
    runs = optimisers.race("gradient_descent", optimisers.problem(0), passes=30, repeats=2, seed=0)
    assert sorted(set(runs["passes"])) == [10, 20, 30]
    last = runs[runs["passes"] == 30].set_index("factor")["loss"]
    # Its curvature bound: a step of 1 is beyond 2 / L for this net, a step of 0.3 is not.
    assert last[10.0] > last[3.0]
    assert np.isfinite(last[3.0])


def test_a_rule_that_sets_its_own_rate_is_raced_too():
    runs = optimisers.race("lbfgs", optimisers.problem(0), passes=20, repeats=1, seed=0)
    assert set(runs["factor"]) == {1.0}
    assert runs["loss"].iloc[-1] < 0.5  # predicting the mean gives 1; it took 20 updates to .33


def test_standings_take_the_best_rate_and_show_the_default():
    runs = pd.DataFrame(
        {
            "optimiser": ["adam"] * 4 + ["lbfgs"],
            "factor": [0.3, 1.0, 3.0, 3.0, 1.0],
            "passes": [20, 20, 20, 10, 20],
            "loss": [0.5, 0.4, 0.2, 0.01, 0.1],
        }
    )
    table = optimisers.standings(runs)
    assert table["optimiser"].tolist() == ["lbfgs", "adam"]
    adam = table.iloc[1]
    assert (adam["final loss"], adam["final loss, default rate"], adam["factor"]) == (0.2, 0.4, 3.0)
    assert table["best rate"][0] == "line search"
