"""What every part refuses of a column, and arrays of finite numbers."""

import datetime

import numpy as np
import pandas as pd
import pytest

from ceteris.arguments import INSIDE
from ceteris.causal import read_rows
from ceteris.impute.columns import learn
from ceteris.tables.coding import codes_of, indicators, read
from ceteris.tables.frames import finite, refuse_twins

DAYS = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[ns]")


def impute(column):
    learn(pd.DataFrame({"x": column, "z": [1.0, None, 3.0]}))


READERS = {
    "learners": lambda column: read(pd.DataFrame({"x": column})),
    "causal": lambda column: read_rows(y=[1.0, 2.0, 4.0], d=[0.5, 1.0, 0.0], x=pd.DataFrame({"x": column})),
    "impute": impute,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (
            pd.Series(DAYS),
            r"column 'x' is of type [Dd]atetime.*, but must hold numbers, booleans or labels; turn it into",
        ),
        (pd.Series([datetime.date(2020, 1, day) for day in (1, 2, 3)], dtype=object), "column 'x' holds date, but its"),
        (pd.Series(["a", 1, "b"], dtype=object), "column 'x' holds int mixed with str, but its every argument must be"),
        (pd.Series([True, 0.5, 1.0], dtype=object), "column 'x' holds bool mixed with float, but its every argument"),
    ],
)
def test_what_is_neither_numbers_nor_labels_is_refused_everywhere(reader, column, sentence):
    with pytest.raises(TypeError, match=sentence):
        reader(column)


def test_dates_of_numpy_are_no_numbers():
    with pytest.raises(TypeError, match=r"X: column 'x0' is of type datetime64\[ns\], but must hold numbers"):
        read(DAYS[:, None])
    with pytest.raises(TypeError, match=r"x: column 'x0' is of type datetime64\[ns\], but must hold numbers"):
        read_rows(y=[1.0, 2.0, 4.0], d=[0.5, 1.0, 0.0], x=DAYS)


def test_booleans_as_text_are_said():
    with pytest.raises(TypeError, match=r"d holds text \('no', 'yes'\), but must hold numbers; code it as numbers"):
        read_rows(y=[1.0, 2.0, 4.0], d=["no", "yes", "no"])


def test_names_that_differ_by_spaces_are_twins():
    with pytest.raises(ValueError, match="data: 'a' names more than one column, but must name one; rename the others"):
        refuse_twins("data", pd.DataFrame([[1, 2]], columns=["a", " a"]))


def test_codes_lead_back_to_labels():
    known, column = ("a", "b", "c"), ["c", None, "a", "z"]
    with pytest.raises(ValueError, match=r"X: column 'town' holds 'z', but must hold what it held .* 'a', 'b', 'c'"):
        codes_of("X", "town", column, known)
    codes = codes_of("X", "town", column, known, unseen="ignore")
    assert [known[code] if code >= 0 else None for code in codes] == ["c", None, "a", None]
    np.testing.assert_array_equal(indicators(codes, 3), [[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("given", "shape", "error", "sentence"),
    [
        (["a"], (), TypeError, "q holds text, but must hold numbers; code it as numbers"),
        ([1.0], (2,), ValueError, r"q has shape \(1,\), but must have \(2,\); reshape it"),
        ([1.0], (2, None), ValueError, r"q has shape \(1,\), but must have \(2, k\); reshape it"),
        ([np.nan, np.inf], (None,), ValueError, r"q holds 1 missing \(NaN\) and 1 infinite \(inf\) values, but must"),
        (
            [0.5, 1.0],
            (None,),
            ValueError,
            "q runs from 0.5 to 1, but must be a number above 0 and below 1 everywhere; clip",
        ),
    ],
)
def test_arrays_that_are_not_finite_numbers_are_refused(given, shape, error, sentence):
    with pytest.raises(error, match=sentence):
        finite("q", given, shape, INSIDE, "clip them")
