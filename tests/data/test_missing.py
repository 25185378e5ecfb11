"""The generators with holes: shares, what holes depend on, and the truths that tests rely on."""

import numpy as np
import pandas as pd
import pytest

from ceteris.data.missing import (
    amputate,
    simulate_census,
    simulate_mixed,
    simulate_regression,
    simulate_trends,
)


@pytest.mark.parametrize("mechanism", ["MCAR", "MAR", "MNAR"])
def test_holes_have_the_share_asked_for_and_depend_on_what_they_should(mechanism):
    table = simulate_mixed(20_000, seed=0)
    holes = amputate(table, 0.3, mechanism, keep=["ability"], seed=0)
    assert not holes["ability"].isna().any()
    shares = holes.drop(columns="ability").isna().mean()
    assert shares.between(0.28, 0.32).all()  # six standard errors of a share of 0.3 in 20,000
    gone = holes["age"].isna()
    moved = abs(table["ability"][gone].mean() - table["ability"][~gone].mean())
    own = abs(table["age"][gone].mean() - table["age"][~gone].mean()) / table["age"].std()
    assert (moved > 0.5) == (mechanism == "MAR")
    assert (own > 0.5) == (mechanism == "MNAR")
    seen = holes["income"].notna()
    assert (holes["income"][seen] == table["income"][seen]).all()


def test_holes_depend_on_values_and_not_on_the_order_of_rows():
    table = pd.DataFrame({"x": np.repeat([0, 1], 10_000)})
    gone = amputate(table, 0.3, "MNAR")["x"].isna().to_numpy().reshape(4, 5000).mean(1)
    assert np.abs(gone[[0, 2]] - gone[[1, 3]]).max() < 0.03  # three standard errors of a difference in 5,000
    assert gone[2:].min() > gone[:2].max() + 0.2


def test_the_regression_has_the_coefficients_of_its_formula_and_biased_complete_cases():
    for design, truth in (("linear", [1, 1, 1]), ("nonlinear", [1, 1, 1, 0.5])):
        table = simulate_regression(100_000, design, seed=1)
        assert table["x"].isna().mean() == pytest.approx(0.35, abs=0.01)
        x = table.dropna()
        columns = [np.ones(len(x)), x["x"], x["z"], x["x"] ** 2][: len(truth)]
        beta = np.linalg.lstsq(np.column_stack(columns), x["y"], rcond=None)[0]
        assert abs(beta[0] - 1) > 0.1


def test_tables_have_the_shapes_that_their_names_promise():
    census, trends = simulate_census(4000, seed=2), simulate_trends(5, 12, seed=2)
    assert census.shape == (4000, 15)
    assert sum(isinstance(dtype, pd.CategoricalDtype) for dtype in census.dtypes) == 7
    assert census.groupby("years", observed=True)["education"].nunique().max() == 1  # years determine education
    assert trends.groupby("country")["year"].nunique().eq(12).all()
    pd.testing.assert_frame_equal(simulate_mixed(50, seed=3), simulate_mixed(50, seed=3))
    assert not simulate_mixed(50, seed=3).equals(simulate_mixed(50, seed=4))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"share": 1.0}, "share is 1.0, but must be a number above 0 and below 1"),
        ({"mechanism": "MARR"}, "mechanism is 'MARR', but must be one of MCAR, MAR, MNAR; did you mean 'MAR'"),
        ({"mechanism": "MAR"}, "keep is empty, but holes at random depend on columns without holes"),
        ({"keep": ["height"]}, r"keep names \['height'\], but the columns are"),
    ],
)
def test_what_makes_no_sense_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        amputate(simulate_mixed(10), **options)
