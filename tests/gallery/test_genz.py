"""Errors against their definitions, and the nets against a peer on the same problems."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from ceteris.data import GENZ, simulate_genz
from ceteris.gallery import genz


def test_errors_are_what_they_are_called():
    problem = simulate_genz("gaussian", 2, 5, fresh=100)
    exact = genz.errors(problem, problem.y_fresh)
    assert exact["average error"] == exact["maximum error"] == exact["relative error"] == 0
    off = np.zeros(100)
    off[3] = 2.0
    shifted = genz.errors(problem, problem.y_fresh + off)
    assert shifted["average error"] == pytest.approx(0.02)
    assert shifted["maximum error"] == pytest.approx(2.0)
    constant = genz.errors(problem, np.full(100, problem.y_fresh.mean()))
    assert constant["relative error"] == pytest.approx(1.0)


def test_the_table_has_a_row_per_case_and_a_column_per_size():
    rows = [("product_peak", d, n, d / n) for n in (10, 100) for d in (2, 5)]
    data = pd.DataFrame(rows, columns=["function", "d", "n", "average error"])
    wide = genz.by_size(data, "average error")
    assert wide.columns.tolist() == ["function", "d", "n = 10", "n = 100"]
    assert wide.to_numpy().tolist() == [["product peak", 2, 0.2, 0.02], ["product peak", 5, 0.5, 0.05]]


def largest_errors(problems):
    """Median of the maximum errors, ours and those of L-BFGS on the same inputs and targets."""
    theirs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for p in problems:
            net = MLPRegressor(
                hidden_layer_sizes=genz.WIDTHS, activation="tanh", solver="lbfgs", max_iter=500, random_state=0
            )
            centre, spread = p.y.mean(), p.y.std()
            found = net.fit(2 * p.x - 1, (p.y - centre) / spread).predict(2 * p.x_fresh - 1)
            theirs.append(found * spread + centre)
    sides = genz.predict_fresh(problems, seed=0), theirs
    return [np.median([np.abs(f - p.y_fresh).max() for f, p in zip(side, problems, strict=True)]) for side in sides]


def test_the_nets_are_no_worse_than_those_of_a_peer():
    ours, theirs = largest_errors([simulate_genz(name, 2, 100, seed=0) for name in GENZ])
    assert ours < theirs


def test_a_sharp_corner_is_learnt_from_a_large_sample():
    # with a fixed ridge and twelve steps it was five times the peer's, now 1 to 1.5 times by the benchmark
    ours, theirs = largest_errors([simulate_genz("corner_peak", 2, 500, seed=seed) for seed in range(5)])
    assert ours < 2.5 * theirs


def test_a_sample_that_is_zero_throughout_gives_zero():
    problem = next(p for s in range(50) if not (p := simulate_genz("discontinuous", 10, 10, fresh=20, seed=s)).y.any())
    assert np.abs(genz.predict_fresh([problem], seed=0)).max() < 1e-3
