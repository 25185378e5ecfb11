import numpy as np
import pandas as pd
import pytest

from ceteris.tables.coding import read
from ceteris.tables.inputs import FAR, compressed, filled_up, knots_of, learn_inputs


def learnt(frame, steps=8, weights=None):
    frame = read(frame, missing=True)
    return learn_inputs(frame, np.ones(frame.rows) if weights is None else weights, steps)[0]


def matrix(inputs, frame, unseen="error"):
    return inputs(read(frame, missing=True), unseen)


def test_numbers_come_first_and_the_rest_is_filled_up():
    frame = pd.DataFrame({"town": ["a", "b", "a", "b"], "x": [1.0, 2.0, 3.0, 4.0], "z": [0.0, 0.0, 1.0, 5.0]})
    inputs = learnt(frame)
    x = matrix(inputs, frame)
    assert x.shape == (4, inputs.width) == (4, filled_up(2) + filled_up(2))
    np.testing.assert_allclose(x[:, 0], (frame.x - 2.5) / frame.x.std(ddof=0), rtol=1e-6)
    np.testing.assert_allclose(x[:, 4:6], [[1, -1], [-1, 1], [1, -1], [-1, 1]])
    assert (x[:, [2, 3, 6, 7]] == 0).all()


def test_holes_are_the_mean_and_marked():
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0, 5.0, np.nan, 3.0], "town": ["a", None, "b", "b", "a", "a"]})
    x = matrix(learnt(frame), frame)
    assert np.isfinite(x).all()
    assert (x[[1, 4], 0] == 0).all()
    marks = x[:, 4:8]  # of x missing, of a, of b, of town missing
    assert (np.diff(np.sort(marks[[1, 4], 0])) == 0).all()
    assert marks[1, 0] > marks[0, 0]
    assert marks[1, 3] > marks[0, 3]
    assert (marks[1, 1:3] < 0).all()


def test_a_hole_where_there_was_none_is_refused_or_ignored():
    inputs = learnt(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    with pytest.raises(
        ValueError, match=r"X: column 'x' has 1 missing values, but had none in the table learnt from; i"
    ):
        matrix(inputs, pd.DataFrame({"x": [np.nan]}))
    assert (matrix(inputs, pd.DataFrame({"x": [np.nan]}), "ignore") == 0).all()


def test_rare_labels_count_as_one_and_so_do_those_never_seen():
    common = [f"town {i % 20:02d}" for i in range(400)]
    frame = pd.DataFrame({"town": [*common, *[f"village {i}" for i in range(40)]]})
    inputs = learnt(frame)
    (column,) = inputs.columns
    assert len(column.labels) == 20
    assert column.others
    x = matrix(inputs, frame)
    assert len(np.unique(x[400:], axis=0)) == 1
    assert (matrix(inputs, pd.DataFrame({"town": ["elsewhere"]})) == x[400]).all()


def test_a_hundred_thousand_labels_make_few_columns():
    rng = np.random.default_rng(0)
    labels = np.concatenate([[f"id {i}" for i in range(100_000)] * 2, rng.choice(["a", "b"], 100_000)])
    inputs = learnt(pd.DataFrame({"label": labels}))
    assert inputs.width <= 80


def test_few_rows_that_are_far_do_not_set_the_scale():
    x = np.append(np.random.default_rng(0).normal(size=999), 1e9)
    z = matrix(learnt(pd.DataFrame({"x": x})), pd.DataFrame({"x": x}))[:, 0]
    assert 0.8 < z[:999].std() < 1.2
    assert z[999] < 40


def test_numbers_are_as_they_were_up_to_far_and_keep_their_order():
    z = np.linspace(-20, 20, 401)
    found = compressed(z)
    near = np.abs(z) <= FAR
    np.testing.assert_array_equal(found[near], z[near])
    assert (np.diff(found) > 0).all()
    slope = np.diff(found) / np.diff(z)
    assert slope.max() <= 1 + 1e-9  # and there is no kink upwards


def test_knots_are_quantiles_or_the_values_themselves():
    z = np.random.default_rng(0).normal(size=1_000)
    np.testing.assert_allclose(knots_of(z, 4), np.quantile(z, [0, 0.25, 0.5, 0.75, 1]))
    assert knots_of(np.repeat([1.0, 2.0, 5.0], 9), 8).tolist() == [1.0, 2.0, 5.0]
    assert len(knots_of(np.array([0.0, 1.0]), 8)) == len(knots_of(np.full(3, np.nan), 8)) == 1


def test_wide_tables_have_no_knots_and_the_matrix_stays_small():
    inputs = learnt(pd.DataFrame(np.random.default_rng(0).normal(size=(20, 1_000))).add_prefix("x"))
    assert inputs.low.size == 0
    assert inputs.width == 1_024


def test_a_constant_column_counts_for_nothing():
    frame = pd.DataFrame({"x": [1.0, 1.0], "y": [1.0, 2.0]})
    inputs, constant = learn_inputs(read(frame), np.ones(2), 4)
    assert constant == ("x",)
    assert (matrix(inputs, pd.DataFrame({"x": [7.0], "y": [1.5]})) == 0).all()
