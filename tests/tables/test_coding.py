"""Tables: against scikit-learn's encoders, and every complaint."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ceteris.tables.coding import encode, moments, read


def mixed(n=20):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 60, n),
            "wage": rng.lognormal(size=n),
            "union": rng.random(n) < 0.5,
            "region": rng.choice(["north", "south", "west"], n),
            "grade": pd.Categorical(rng.choice(["a", "b"], n)),
        }
    )


def test_encoding_equals_scikit_learns():
    X = mixed()
    encoding, constant = encode(read(X), np.ones(len(X)))
    numbers = X[["age", "wage", "union"]].astype(float).to_numpy()
    labels = OneHotEncoder(sparse_output=False).fit_transform(X[["region", "grade"]])
    expected = StandardScaler().fit_transform(np.hstack([numbers, labels]))
    # float32 keeps 7 digits of numbers of order one
    np.testing.assert_allclose(encoding(read(X)), expected, atol=1e-6)
    assert encoding(read(X)).dtype == np.float32
    assert constant == ()


def test_weighted_moments_equal_repetition():
    rng = np.random.default_rng(1)
    x, times = rng.normal(size=(30, 3)), rng.integers(1, 4, 30)
    repeated = np.repeat(x, times, axis=0)
    mean, scale = moments(x, times.astype(float))
    np.testing.assert_allclose(mean, repeated.mean(0), rtol=1e-12)  # double precision, sums of a few dozen
    np.testing.assert_allclose(scale, repeated.std(0), rtol=1e-12)


def test_large_offsets_keep_their_digits():
    x = 1e9 + np.arange(10.0)[:, None]
    encoding, _ = encode(read(x), np.ones(10))
    z = np.arange(10.0) - 4.5
    np.testing.assert_allclose(encoding(read(x))[:, 0], z / z.std(), rtol=1e-6)  # float32 at the end only


def test_huge_numbers_do_not_overflow():
    mean, scale = moments(np.array([[-1e308], [1e308]]), np.ones(2))
    assert mean[0] == 0
    assert scale[0] == 1e308


def test_array_frame_and_pyarrow_like_list_agree():
    X = mixed()[["age", "wage"]]
    frame, array, lists = read(X), read(X.to_numpy()), read(X.to_numpy().tolist())
    for a, b, c in zip(frame.columns, array.columns, lists.columns, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_nullable_and_object_columns_are_numbers():
    X = pd.DataFrame({"a": pd.array([1, 2, 3], dtype="Int64"), "b": np.array([1, 2.5, 3], object)})
    frame = read(X)
    assert [column.dtype for column in frame.columns] == [float, float]


def test_constant_column_counts_for_nothing():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "same": [7.0, 7.0, 7.0], "word": ["x", "x", "x"]})
    encoding, constant = encode(read(X), np.ones(3))
    assert constant == ("same", "word")
    later = encoding(read(X.assign(same=1e6)))
    np.testing.assert_array_equal(later[:, 1:], 0)


def test_unseen_label_is_named_or_ignored():
    encoding, _ = encode(read(mixed()), np.ones(20))
    later = read(mixed().assign(region="east"))
    with pytest.raises(
        ValueError, match=r"column 'region' holds 'east', but must hold .* learnt from, 'north', 'south', 'west'"
    ):
        encoding(later)
    unscaled = encoding(later, "ignore") * encoding.scale + encoding.mean
    np.testing.assert_allclose(unscaled[:, 3:6], 0, atol=1e-6)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (pd.DataFrame({"a": []}), ValueError, r"0 sample\(s\)"),
        (pd.DataFrame(index=range(3)), ValueError, r"0 feature\(s\)"),
        (np.empty((0, 3)), ValueError, r"0 sample\(s\)"),
        ([1.0, 2.0], ValueError, "Expected 2D array"),
        (
            pd.DataFrame({"a": [1, np.nan, np.nan], "b": [1, 2, np.inf], "c": ["x", None, "y"]}),
            ValueError,
            r"\(2 NaN in 'a', 1 inf in 'b', 1 NaN in 'c'\).*impute",
        ),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), ValueError, "1 NaN in 'a'"),
        (np.array([[1.0, np.inf]]), ValueError, "1 inf in 'x1'"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), ValueError, "'a' names more than one column"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=[1, "1"]), ValueError, "'1' names more than one column"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", " a"]), ValueError, "'a' names more than one column"),
        (pd.DataFrame({"when": pd.to_datetime(["2020-01-01"])}), TypeError, "column 'when' is of type Datetime"),
        (pd.DataFrame({"a": [{}, 1]}), TypeError, "column 'a' holds dict.* must be a string or .* number"),
        (pd.DataFrame({"a": ["x", 1]}), TypeError, "int mixed with str"),
        (np.array([[1 + 2j]]), ValueError, "Complex data not supported"),
    ],
)
def test_complaints(X, error, message):
    with pytest.raises(error, match=message):
        read(X)


def test_an_identifier_is_no_category():
    X = pd.DataFrame({"name": [f"person {i}" for i in range(100)]})
    with pytest.raises(ValueError, match="column 'name' holds 100 different labels in 100 rows"):
        encode(read(X), np.ones(100))
