"""Every complaint about the data, word for word where it matters, and what is read from good data."""

import pickle

import numpy as np
import pandas as pd
import pytest

from ceteris.causal import read_rows

N = 40
RNG = np.random.default_rng(0)


def table(**changes):
    frame = pd.DataFrame(
        {
            "y": RNG.normal(size=N),
            "d": np.tile([0, 1], N // 2),
            "age": RNG.normal(size=N),
            "region": np.tile(["north", "south", "west", "north"], N // 4),
            "firm": np.repeat([f"f{i}" for i in range(8)], 5),
        }
    )
    return frame.assign(**changes)


def test_names_and_arrays_give_the_same_rows():
    data = table()
    by_name = read_rows(data, y="y", d="d", x=["age", "region"], cluster="firm", binary=True)
    by_array = read_rows(
        y=data["y"], d=data["d"], x=data[["age", "region"]], cluster=data["firm"].to_numpy(), binary=True
    )
    np.testing.assert_array_equal(by_name.x, by_array.x)
    np.testing.assert_array_equal(by_name.clusters[0], np.repeat(np.arange(8), 5))
    assert by_name.names == by_array.names == ("age", "region=south", "region=west")
    assert by_name.n == N


def test_labels_become_zeros_and_ones_without_the_first():
    rows = read_rows(table(), y="y", d="d", x="region")
    np.testing.assert_array_equal(rows.x[:4], [[0, 0], [1, 0], [0, 1], [0, 0]])


def test_the_labels_of_each_column_are_kept_with_the_names():
    names = read_rows(table(), y="y", d="d", x=["age", "region"]).names
    assert names.labels == {"region": ("north", "south", "west")}
    again = pickle.loads(pickle.dumps(names))
    assert (again, again.labels) == (names, names.labels)


def test_levels_of_a_treatment_are_numbered():
    rows = read_rows(table(), y="y", d="region", levels=True)
    assert rows.levels == ("north", "south", "west")
    np.testing.assert_array_equal(rows.d[:4], [0, 1, 2, 0])


def test_other_data_frames_are_read():
    pyarrow = pytest.importorskip("pyarrow")
    data = table()
    rows = read_rows(pyarrow.Table.from_pandas(data), y="y", d="d", x=["age", "region"])
    np.testing.assert_array_equal(rows.x, read_rows(data, y="y", d="d", x=["age", "region"]).x)


def test_several_instruments_are_a_matrix_and_one_is_not():
    data = table(z=RNG.normal(size=N))
    assert read_rows(data, y="y", d="d", z="z").z.shape == (N,)
    assert read_rows(data, y="y", d="d", z=["z", "age"]).z.shape == (N, 2)


def hole(column, rows=2, value=np.nan):
    values = table()[column].astype(object if column == "region" else float).to_numpy(copy=True)
    values[:rows] = value
    return values


@pytest.mark.parametrize(
    ("data", "roles", "sentence"),
    [
        (
            table(),
            {"x": "agee"},
            "x is 'agee', but must be a column of the data: y, d, .*; did you mean 'age'",
        ),
        (
            table(age=hole("age")),
            {},
            r"data: there are missing or infinite values \(2 NaN in x \('age'\)\), .*; impute them",
        ),
        (table(age=hole("age"), y=hole("y", 3)), {}, r"3 NaN in y, 2 NaN in x \('age'\)"),
        (table(region=hole("region", 1, None)), {"x": ["region"]}, r"1 NaN in x \('region'\)"),
        (table(age=hole("age", 1, np.inf)), {}, r"1 inf in x \('age'\)"),
        (table().set_index("firm"), {}, "data: 32 rows repeat a label of the index"),
        (pd.concat([table(), table()[["age"]]], axis=1), {}, "'age' names more than one column, but must name one"),
        (table(y=1.5), {}, "the outcome 'y' is 1.5 in every row"),
        (table(d=1), {}, "the treatment 'd' is 1"),
        (table(d=np.tile([1, 2], N // 2)), {}, "d: the treatment 'd' holds 1, 2, but must hold 0 and 1 only her"),
        (table(d=RNG.normal(size=N)), {}, "but must hold 0 and 1 only here"),
        (table(d=np.arange(N) == 3), {}, "only one treated row in 40"),
        (table(d=np.arange(N) != 3), {}, "only one control row in 40"),
        (table(age=np.tile([2.0, 5.0], N // 2)), {}, "covariate 'age' determines the treatment 'd'"),
        (table(age=np.tile([0.3, 0.7], N // 2) + 0.1 * np.arange(N) / N), {}, "'age' determines the treatment"),
        (table(a=np.arange(N), b=np.arange(N) - np.tile([0, 1], N // 2)), {"x": ["a", "b"]}, "together determine"),
        (
            table(day=pd.Timestamp("2020-01-01")),
            {"x": ["day"]},
            "is of type Datetime.*, but must hold numbers, bool",
        ),
        (table(y="high"), {}, r"y holds text \('high'\), but must hold numbers; code it as numbers"),
        (table(), {"x": ["age", "age"]}, "x: 'age' is named twice, but may be once"),
        (table(), {"cluster": ["firm", "region", "age"]}, "3 sets were given, but two are the most"),
        (table().iloc[:1], {}, "data has 1 rows, but must have two at least"),
        ([[1, 2]], {}, "data is of type list, but must be a data frame"),
        (None, {}, "y is a name, 'y', but there is no data"),
    ],
)
def test_bad_data_are_refused_in_one_sentence(data, roles, sentence):
    roles = {"y": "y", "d": "d", "x": ["age"], **roles}
    with pytest.raises((ValueError, TypeError), match=sentence):
        read_rows(data, binary=True, **roles)


def test_a_column_that_names_the_rows_is_refused():
    data = pd.DataFrame({"y": RNG.normal(size=200), "d": np.tile([0, 1], 100), "name": [f"p{i}" for i in range(200)]})
    with pytest.raises(
        ValueError,
        match="column 'name' holds 200 different labels in 200 rows, so that most rows have one of their own; drop",
    ):
        read_rows(data, y="y", d="d", x=["name"])


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="d has 3 rows, but must have 4 as y has"):
        read_rows(y=np.arange(4.0), d=np.arange(3.0))


def test_a_level_with_one_row_is_refused():
    levels = np.array(["a"] * 10 + ["b"] * 9 + ["c"])
    with pytest.raises(ValueError, match="level 'c' has only one row"):
        read_rows(y=np.arange(20.0), d=levels, levels=True)


def test_a_continuous_treatment_is_no_category():
    with pytest.raises(ValueError, match="20 levels in 20 rows, so it is no category"):
        read_rows(y=np.arange(20.0), d=RNG.normal(size=20), levels=True)


def test_few_treated_rows_do_not_look_determined_by_chance():
    """With two treated rows a covariate that is largest for both says nothing; it must not be refused."""
    d = np.zeros(N)
    d[:2] = 1
    rows = read_rows(y=RNG.normal(size=N), d=d, x=np.r_[9.0, 8.0, RNG.normal(size=N - 2)][:, None], binary=True)
    assert rows.n == N
