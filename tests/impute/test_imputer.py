"""The default imputer against closed forms: a normal, a bimodal conditional, deterministic labels, a panel."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ceteris.data.missing import amputate, simulate_mixed, simulate_regression, simulate_trends
from ceteris.impute import Imputer, MeanMode, overimpute, sample_each
from ceteris.testing import count_compilations

# tests of the design `simulate_regression` share this net and 400 rows: one compiled program, of a dozen seconds
SMALL = {"members": 2, "width": 16, "depth": 1, "random_state": 0}


@pytest.mark.parametrize(
    ("rows", "settings", "loss"),
    [
        pytest.param(
            2000, {"members": 2, "width": 32, "depth": 1, "epochs": 40, "random_state": 0}, 1.0, marks=pytest.mark.slow
        ),
        (400, {**SMALL, "epochs": 30}, np.sqrt(5)),  # sampling errors are larger by the root of the ratio of rows
    ],
    ids=["2000 rows", "400 rows"],
)
def test_draws_have_the_conditional_distribution_of_a_normal(rows, settings, loss):
    """x | y, z is normal with known mean and variance, though only rows with low y were seen (MAR)."""
    table = simulate_regression(rows, seed=3)
    gone = table["x"].isna().to_numpy()
    fitted = Imputer(**settings).fit(table)
    drawn = np.array([done["x"][gone] for done in fitted.sample(20)])
    # prior x | z ~ N(z/2, 3/4), likelihood y - 1 - z ~ N(x, 1)
    z, y = table["z"][gone].to_numpy(), table["y"][gone].to_numpy()
    variance = 1 / (1 / 0.75 + 1)
    mean = variance * (z / 2 / 0.75 + y - 1 - z)
    gap = drawn.mean(0) - mean
    # the standard error of a fitted mean where y is high is 0.03 with 2,000 rows
    assert abs(gap.mean()) < 0.06 * loss
    noise, fit = 0.15, 0.2  # of a mean of 20 draws, and of the fitted mean
    assert np.sqrt((gap**2).mean()) < np.hypot(noise, fit * loss)
    assert drawn.std(0).mean() == pytest.approx(np.sqrt(variance), rel=0.1 * loss)


@pytest.mark.slow
def test_a_conditional_with_two_humps_is_drawn_with_two_humps():
    """y = x² + noise: given y, x is near the two roots, and hardly ever near zero, where a regression would put it."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 2000)
    table = pd.DataFrame({"y": x**2 + 0.1 * rng.normal(size=2000), "x": np.where(rng.random(2000) < 0.3, np.nan, x)})
    gone = table["x"].isna() & (table["y"] > 1)
    drawn = Imputer(members=1, width=32, epochs=60, random_state=0).fit(table).sample(1)[0]["x"][gone]
    near = np.abs(np.abs(drawn) - np.sqrt(table["y"][gone])) < 0.3
    assert near.mean() > 0.8  # the noise alone puts 99 % there
    assert 0.4 < (drawn > 0).mean() < 0.6  # two standard errors of a half in 300


@pytest.mark.slow
def test_a_label_that_others_determine_is_found():
    rng = np.random.default_rng(0)
    band = rng.integers(0, 4, 1500)
    table = pd.DataFrame(
        {"years": band * 3 + rng.integers(0, 3, 1500), "school": pd.Categorical(np.array(list("abcd"))[band])}
    )
    holes = amputate(table, 0.2, keep=["years"])
    done = Imputer(members=1, width=32, epochs=60, random_state=0).fit_transform(holes)
    gone = holes["school"].isna()
    assert (done["school"] == table["school"])[gone].mean() > 0.95


@pytest.mark.slow
def test_a_label_among_many_is_read_off_the_column_that_determines_it():
    """Weight decay keeps the net itself from odds so large: 88 % of the draws were right without the table of odds."""
    rng = np.random.default_rng(1)
    years = rng.binomial(12, 0.5, 1000)
    others = {f"noise{k}": pd.Categorical(rng.integers(0, 5, 1000).astype(str)) for k in range(3)}
    school = pd.Categorical.from_codes(np.digitize(years, [4, 5, 6, 7, 8, 9]), list("abcdefg"))
    table = pd.DataFrame({"years": years, "school": school, **others})
    holes = amputate(table, 0.3, keep=["noise0"], seed=1)
    done = Imputer(members=1, width=32, depth=1, components=1, epochs=40, random_state=0).fit_transform(holes)
    told = (holes["school"].isna() & holes["years"].notna()).to_numpy()
    assert (done["school"] == table["school"])[told].mean() > 0.97


@pytest.mark.slow
def test_intervals_cover_on_the_mixed_table_and_errors_are_below_the_mean():
    holes = amputate(simulate_mixed(1500, seed=4), 0.3, "MAR", keep=["age", "urban"], seed=4)
    over = overimpute(Imputer(random_state=0), holes)
    assert all(check.passed for check in over.checks), over.checks


@pytest.mark.slow
def test_trends_within_units_are_continued():
    """Against the mean of all, and against draws that know of no units: a run of holes in a smooth trend."""
    table = simulate_trends(20, 25, seed=0)
    holes = table.copy()
    gone = np.zeros(len(table), bool)
    for unit in range(20):
        gone[unit * 25 + 8 + unit % 5 : unit * 25 + 13 + unit % 5] = True
    holes.loc[gone, "life"] = np.nan
    done = Imputer(members=2, width=32, epochs=60, group="country", time="year", random_state=0).fit(holes).sample(10)
    assert (done[0][["country", "year"]] == table[["country", "year"]]).all(axis=None)
    mean = np.mean([one["life"][gone] for one in done], axis=0)
    error = np.sqrt(np.mean((mean - table["life"][gone]) ** 2)) / table["life"].std()
    assert error < 0.1  # the noise is 0.04, a straight line between the ends of the hole is off by 0.03 to 0.05


def test_new_rows_of_a_panel_are_told_the_time_as_in_training():
    """One row per unit, so that only time says anything of y: late rows alone are late, not in the middle."""
    rng = np.random.default_rng(0)
    year = np.tile(np.arange(10.0), 30)
    table = pd.DataFrame({"unit": np.arange(300), "year": year, "y": year + 0.1 * rng.normal(size=300)})
    table["noise"] = rng.normal(size=300)
    table.loc[rng.random(300) < 0.3, "y"] = np.nan
    fitted = Imputer(members=1, width=16, depth=1, epochs=40, group="unit", time="year", random_state=0).fit(table)
    late = table[year == 9].assign(y=np.nan)
    assert fitted.transform(late)["y"].mean() > 7.5  # 9 if learnt perfectly; the mean of the table is 4.5


@pytest.mark.slow
def test_tables_side_by_side_have_nets_of_their_own():
    tables = [simulate_regression(150, seed=s) for s in range(2)]
    done = sample_each(Imputer(members=2, width=8, depth=1, epochs=2, random_state=0), tables, m=3)
    assert [len(each) for each in done] == [3, 3]
    for table, each in zip(tables, done, strict=True):
        seen = table["x"].notna()
        assert all(one["x"][seen].equals(table["x"][seen]) and not one.isna().any(axis=None) for one in each)


def test_tables_side_by_side_must_be_alike():
    with pytest.raises(ValueError, match="tables: they differ in rows, columns or labels"):
        sample_each(Imputer(), [simulate_regression(150), simulate_regression(100)])


@pytest.mark.slow
@pytest.mark.parametrize("design", ["linear", "nonlinear"])
def test_intervals_after_rubins_rules_cover_where_complete_cases_do_not(design):
    """Forty tables: the full study, of two hundred, is benchmarks/impute.py."""
    from ceteris.impute import pool

    truth = {"linear": [1, 1, 1], "nonlinear": [1, 1, 1, 0.5]}[design]

    def analysis(table):
        x = np.column_stack([np.ones(len(table)), table["x"], table["z"], table["x"] ** 2][: len(truth)])
        beta = np.linalg.lstsq(x, table["y"], rcond=None)[0]
        residual = table["y"].to_numpy() - x @ beta
        dof = len(x) - x.shape[1]
        return beta, residual @ residual / dof * np.linalg.inv(x.T @ x), dof

    tables = [simulate_regression(500, design, seed) for seed in range(40)]
    imputer = Imputer(members=10, width=32, depth=1, components=3, epochs=60, batch_size=64, random_state=0)
    hits, plain = [], []
    for table, done in zip(tables, sample_each(imputer, tables), strict=True):
        low, high = pool(analysis, done).conf_int().T
        hits.append((low <= truth) & (truth <= high))
        beta, covariance, _ = analysis(table.dropna())
        plain.append(np.abs(beta - truth) <= 1.96 * np.sqrt(np.diag(covariance)))
    assert np.mean(hits, 0).min() > 0.85  # 0.95 less three standard errors of a share in 40
    assert np.mean(plain, 0).min() < 0.5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"members": 0}, "Imputer: members is 0, but must be a whole number of at least 1"),
        ({"rate": -1.0}, "Imputer: rate is -1.0, but must be a number above 0"),
        ({"epochs": 1.5}, "Imputer: epochs is 1.5, but must be None or a whole number"),
        ({"group": "z"}, "group: a panel needs both group and time"),
        ({"group": "u", "time": "z"}, "group is 'u', but must be a column of the table"),
        ({"group": "x", "time": "z"}, "group: column 'x' has missing values"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Imputer(**options).fit(simulate_regression(50))


def test_the_mean_is_beaten_where_there_is_something_to_learn():
    table = simulate_regression(400)
    ours, mean = (overimpute(rule, table, m=4).means()["crps"].iloc[0] for rule in (
        Imputer(**SMALL, epochs=30), MeanMode()))  # fmt: skip
    assert ours < 0.7 * mean


def test_only_holes_change_and_a_seed_repeats():
    table = simulate_regression(400)
    before, seen = table.copy(deep=True), table["x"].notna()
    first, again = (Imputer(**SMALL, epochs=2).fit(table).sample(2) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, other)
        pd.testing.assert_frame_equal(one[seen], table[seen])
        assert not one.isna().any(axis=None)
    assert (first[0]["x"] != first[1]["x"])[~seen].any()
    pd.testing.assert_frame_equal(table, before)


def test_a_second_fit_of_the_same_shapes_compiles_nothing():
    imputer = Imputer(**SMALL, epochs=2)
    imputer.fit(simulate_regression(400, seed=0)).sample(2)
    with count_compilations() as compiled:
        clone(imputer).fit(simulate_regression(400, seed=1)).sample(2)
    assert compiled == []
