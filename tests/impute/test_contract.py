"""What every imputer must keep: observed cells to the bit, index, types, categories, the order of columns."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from ceteris.impute import overimpute
from impute.imputers import QUICK, every_type

SLOW = {"Imputer"}  # its programs for a column of every type take 18 seconds to compile; see test_imputer.py for others
EACH = [pytest.param(rule, id=name, marks=pytest.mark.slow if name in SLOW else ()) for name, rule in QUICK.items()]
EVERY = pytest.mark.parametrize("imputer", EACH)


@EVERY
def test_only_holes_change_and_all_are_filled(imputer):
    table = every_type()
    before = table.copy(deep=True)
    for done in clone(imputer).fit(table).sample(2):
        assert done.index.equals(table.index)
        assert done.index.name == "person"
        assert list(done.columns) == list(table.columns)
        assert (done.dtypes == table.dtypes).all()
        assert not done.isna().any().any()
        for name in table:
            seen = table[name].notna().to_numpy()
            assert done[name][seen].equals(table[name][seen]), name  # to the bit
        assert set(done["ordered"].cat.categories) == {"low", "mid", "high"}
        assert (done["counts"] == done["counts"].round()).all()  # holes in whole numbers are whole
        assert (done["nullable float"] >= 0).all()  # never negative, where nothing observed was
    pd.testing.assert_frame_equal(table, before)


@EVERY
def test_the_order_of_columns_does_not_matter(imputer):
    table = every_type()
    one, other = (
        clone(imputer).fit(table).transform(table),
        clone(imputer).fit(table[table.columns[::-1]]).transform(table),
    )
    pd.testing.assert_frame_equal(one, other)


@EVERY
def test_a_seed_repeats_and_none_does_not_crash(imputer):
    table = every_type()
    first, again = (clone(imputer).fit(table).sample(2) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert not clone(imputer).set_params(random_state=None).fit_transform(table).isna().any().any()


@EVERY
def test_tables_and_seeds_differ(imputer):
    if type(imputer).__name__ == "MeanMode":
        pytest.skip("its completed tables are all the same, as its documentation says")
    table = every_type()
    first, second = clone(imputer).fit(table).sample(2)
    other = clone(imputer).set_params(random_state=2).fit(table).sample(1)[0]
    holes = table["float"].isna()
    assert (first["float"] != second["float"])[holes].any()
    assert (first["float"] != other["float"])[holes].any()


@EVERY
def test_new_rows_are_completed_as_learnt(imputer):
    table, new = every_type(), every_type(10, seed=5)
    done = clone(imputer).fit(table).transform(new)
    assert not done.isna().any().any()
    assert done.index.equals(new.index)
    complete = table.assign(**clone(imputer).fit_transform(table))
    pd.testing.assert_frame_equal(clone(imputer).fit(table).transform(complete), complete)


def test_what_is_done_to_a_table_after_the_fit_does_not_matter():
    table = every_type()
    fitted = clone(QUICK["MeanMode"]).fit(table)
    before = fitted.sample(1)[0]
    table.loc[:, "complete"] = -1
    pd.testing.assert_frame_equal(fitted.sample(1)[0], before)


@pytest.mark.parametrize("name", ["Iterative", pytest.param("Imputer", marks=pytest.mark.slow)])
def test_arrays_in_a_pipeline(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x.sum(1)
    x[rng.random(x.shape) < 0.2] = np.nan
    rule = make_pipeline(clone(QUICK[name]), LinearRegression()).fit(x, y)
    assert rule.score(x, y) > 0.3
    done = rule[0].transform(x)
    assert isinstance(done, np.ndarray)
    np.testing.assert_array_equal(done[~np.isnan(x)], x[~np.isnan(x)])
    assert rule[0].get_feature_names_out().tolist() == ["x0", "x1", "x2"]


@pytest.mark.parametrize("name", ["MIDAS", pytest.param("Imputer", marks=pytest.mark.slow)])
def test_over_imputation_leaves_table_and_imputer_alone(name):
    table = every_type()
    imputer = clone(QUICK[name]).fit(table)
    before, done = table.copy(deep=True), imputer.transform(table)
    overimpute(imputer, table, m=2)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(imputer.transform(table), done)
