"""What a column is taken for, and every complaint about a table."""

import numpy as np
import pandas as pd
import pytest

from ceteris.impute import MIDAS, Imputer, MeanMode
from ceteris.impute.columns import as_frame, complete, learn
from impute.imputers import every_type


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"x": [1.5, 2.5, np.nan, 4.5], **columns})


def test_kinds_are_inferred_and_can_be_given():
    found = {column.name: column.kind for column in learn(every_type()).columns}
    assert found == {
        "float": "continuous", "single": "continuous", "nullable integer": "continuous", "counts": "continuous",
        "nullable float": "continuous", "nullable boolean": "binary", "object booleans": "binary",
        "text": "categorical",
        "object text": "binary", "labels": "categorical", "ordered": "ordinal", "complete": "continuous",
    }  # fmt: skip
    given = learn(every_type(), {"counts": "ordinal", "text": "ignore", "ordered": "categorical"}).columns
    assert {c.name: c.kind for c in given if c.name in ("counts", "text", "ordered")} == {
        "counts": "ordinal", "ordered": "categorical",
    }  # fmt: skip


def test_a_few_whole_numbers_are_an_ordinal_scale():
    found = learn(pd.DataFrame({"likert": [1, 2, 3, 4, 5, np.nan] * 3, "x": np.arange(18.0)})).columns[0]
    assert (found.kind, found.levels) == ("ordinal", (1.0, 2.0, 3.0, 4.0, 5.0))


def test_bounds_are_kept():
    done = MeanMode(bounds={"x": (0, 2.6)}).fit_transform(
        pd.DataFrame({"x": [2.5, 2.6, 2.4, np.nan], "y": [1.0, 2.0, 3.0, 4.0]})
    )
    assert done["x"].max() <= 2.6


def test_draws_are_kept_within_what_a_type_can_hold():
    small = pd.DataFrame({"x": pd.array([1, 100, None], dtype="Int8"), "y": [1.5, 2.5, 3.5]})
    holes = learn(small, {"x": "continuous"})
    done = complete(small, holes, np.full((3, 2), 140.0))
    assert done["x"].tolist() == [1, 100, 127]


def test_other_data_frames_are_read():
    polars = pytest.importorskip("polars")
    assert as_frame(polars.DataFrame({"x": [1.0, None]}))["x"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("X", "options", "sentence"),
    [
        (table(gone=[None] * 4), {}, "X: column 'gone' has no observed value"),
        (table(gone=[np.nan] * 4), {}, "X: column 'gone' has no observed value"),
        (table(big=[1.0, np.inf, 2.0, 3.0]), {}, "X: column 'big' holds infinite values"),
        (table(big=np.array([1.0, np.inf, None, 3.0], object)), {}, "X: column 'big' holds infinite values"),
        (table(mess=["a", 1, None, "b"]), {}, "X: column 'mess' holds int mixed with str"),
        (table(parts=[[1, 2]] * 4), {}, "X: column 'parts' holds a list in a cell, but each must hold one"),
        (table(when=pd.date_range("2020", periods=4)), {}, "X: column 'when' is of type datetime64"),
        (table(many=pd.Categorical(list("aabb"), list("abcde"))), {}, "X: column 'many' has 5 categories for 4 rows"),
        (table().iloc[:1], {}, r"X has 1 row\(s\) and 1 column\(s\), but must have 2 rows at least"),
        (table().T, {}, r"X has 1 row\(s\) and 4 column\(s\), but must have 2 rows at least"),
        (
            pd.DataFrame([[1.0, 2.0], [2.0, 3.0]], columns=["x", "x"]),
            {},
            r"X: 'x' names more than one column",
        ),
        (np.ones(3), {}, r"X has shape \(3,\), but must have \(rows, columns\)"),
        (table(), {"types": {"z": "binary"}}, r"types is 'z', but must be a column of the table: x"),
        (table(), {"types": {"x": "real"}}, "types: the kind of 'x' is 'real', but must be one of continuous"),
        (table(), {"types": {"x": "binary"}}, "types: column 'x' is to be binary, but it takes 3 values"),
        (table(t=list("aabb")), {"types": {"t": "continuous"}}, "types: column 't' is to be continuous, but it holds"),
        (table(), {"types": {"x": "ignore"}}, "X: there is no column to work on"),
        (
            table(),
            {"bounds": {"x": (2, 3)}},
            r"bounds: \(2, 3\) was given for column 'x', but its values run from 1.5 to 4.5",
        ),
        (table(t=list("aabb")), {"bounds": {"t": (0, 1)}}, "bounds: column 't' is binary, but only a continuous"),
    ],
)
def test_what_cannot_be_imputed_is_refused_in_a_sentence(X, options, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        MeanMode(**options).fit(X)


def test_names_are_refused_where_they_have_holes_and_left_out_where_not():
    names = [f"person {i}" for i in range(100)]
    holes = pd.DataFrame({"x": [1.0, np.nan, 3.0, 4.5] * 25, "y": np.arange(100.0), "id": names})
    with pytest.warns(UserWarning, match="column 'id' has a label of its own in nearly every row"):
        done = MeanMode().fit_transform(holes)
    assert done["id"].tolist() == names
    with pytest.raises(
        ValueError, match="column 'id' has a label of its own in nearly every row, as a name has, and holes"
    ):
        MeanMode().fit(holes.assign(id=[None, *names[1:]]))
    assert MeanMode(types={"id": "ignore"}).fit_transform(holes.assign(id=[None, *names[1:]]))["id"].isna().sum() == 1


def test_what_is_too_large_for_a_net_is_refused_at_once():
    n = 2100
    towns = pd.DataFrame({"x": np.where(np.arange(n) < 9, np.nan, 1.0 * np.arange(n)), "town": np.arange(n) // 2})
    towns["town"] = towns["town"].astype(str)
    for rule in (Imputer(), MIDAS()):
        with pytest.raises(ValueError, match="column 'town' takes 1,050 labels, but must take 1,000 at most for a net"):
            rule.fit(towns)
    wide = pd.DataFrame(np.zeros((3, 10_000)))
    with pytest.raises(ValueError, match="X has 10,000 columns, but must have 1,000 at most for Imputer; leave"):
        Imputer().fit(wide)


def test_what_is_suspicious_is_said():
    x = np.array([1.5, np.nan, 2.5, 4.0])
    with pytest.warns(UserWarning, match="column 'b' is a copy of 'a', holes included"):
        learn(pd.DataFrame({"a": x, "b": x, "c": np.arange(4.0)}))
    with pytest.warns(UserWarning, match="there are no missing values"):
        MeanMode().fit(pd.DataFrame({"x": [1.5, 2.5, 3.0]}))
    with pytest.warns(UserWarning, match=r"1 row\(s\) have no observed value"):
        MeanMode().fit(pd.DataFrame({"x": [1.5, 2.5, np.nan], "y": ["a", "b", None]}))
    seen = pd.Categorical(["a", "b", None, "a", "b"], ["a", "b", "c"])
    with pytest.warns(UserWarning, match="1 categories of column 'y' are never observed"):
        MeanMode().fit(pd.DataFrame({"x": [1.5, 2.5, 1.0, 2.0, 3.0], "y": seen}))


def test_tables_that_differ_from_the_one_learnt_from_are_refused():
    fitted = MeanMode().fit(table(t=["a", None, "b", "a"]))
    with pytest.raises(ValueError, match=r"X: the columns \['t'\] are lacking"):
        fitted.transform(table())
    with pytest.raises(ValueError, match=r"X: column 't' holds 'z', but must hold what it held .*, 'a', 'b'"):
        fitted.transform(table(t=["a", None, "z", "a"]))
    with pytest.raises(ValueError, match="m is 0, but must be a whole number of at least 1"):
        fitted.sample(0)
