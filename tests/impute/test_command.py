"""What the shell does with holes: roles reach the imputer, identifiers stay, what is pooled is what statsmodels has."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from ceteris.impute import HotDeck, pool_regression, read_completed
from ceteris.impute.command import LARGE, impute_large
from ceteris.impute.regression import refuse_dependent
from ceteris.report import Run
from shell import call


@pytest.fixture(scope="module")
def survey():
    """Wages that depend on schooling and region; a tenth of three columns is missing, and of the identifiers too."""
    rng = np.random.default_rng(0)
    n = 300
    school, region = rng.integers(8, 20, n), rng.choice(["north", "south", "west"], n)
    wage = (5 + school + 2.0 * (region == "south") + rng.normal(size=n)).round(3)
    table = pd.DataFrame({"person": [f"p{i:04}" for i in range(n)], "town": rng.integers(0, 25, n), "school": school,
                          "region": region, "grade": rng.integers(1, 6, n), "share": rng.random(n).round(3),
                          "employed": (wage + rng.normal(size=n) > 18).astype(int), "wage": wage})  # fmt: skip
    for name in ("school", "region", "share", "grade", "person"):
        table[name] = table[name].astype(object).mask(rng.random(n) < 0.1)
    return table


@pytest.fixture
def path(survey, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    survey.to_csv("survey.csv", index=False)
    return "survey.csv"


def test_roles_reach_the_imputer_and_identifiers_stay_as_they_were(path, survey, capsys):
    roles = ("--types", "grade=ordinal", "--types", "school=continuous", "--types", "town=category", "--id", "person")
    rest = ("--bounds", "share=0:1", "--ignore", "employed", "--method", "hot-deck", "-m", 3, "--out", "done")
    code, out, err = call(capsys, "impute", path, *roles, *rest)
    assert (code, err) == (0, "")
    done = pd.read_csv("done/2.csv")
    assert list(done) == list(survey)
    assert done["person"].fillna("").tolist() == survey["person"].fillna("").tolist()  # holes too
    assert done["employed"].tolist() == survey["employed"].tolist()
    assert not done.drop(columns="person").isna().any(axis=None)
    assert done["share"].between(0, 1).all()
    kinds = {"grade": "ordinal", "school": "continuous", "town": "categorical"}
    wanted = HotDeck(types=kinds, bounds={"share": (0, 1)}, random_state=0)
    frame = survey.drop(columns=["person", "employed"]).astype({"town": str})
    numbers = {name: float for name in ("school", "share", "grade")}
    same = wanted.fit(frame.astype(numbers)).sample(3)[1]
    for name in frame:
        assert whole(done[name]) == whole(same[name])
    told = ("Fitting hot-deck: what one of", "Fitted in ", "Checking: a tenth of the observed cells is hidden",
            "Drawing 3 completed tables.", "In them as they were: person, employed.", "ceteris pool done")  # fmt: skip
    for said in told:
        assert said in out
    command = Run.open("done").facts["command"]
    assert "--method hot-deck --types grade=ordinal --bounds share=0:1 --types school=number" in command


def whole(column):
    """Cells as text, whole numbers as such."""
    return column.astype(str).str.removesuffix(".0").tolist()


def test_tables_of_an_earlier_run_do_not_stay(path, capsys, tmp_path):
    for m in (4, 2):
        assert call(capsys, "impute", path, "-m", m, "--method", "mean", "--no-check", "--out", "done")[0] == 0
    assert sorted(file.name for file in (tmp_path / "done").glob("*.csv")) == ["1.csv", "2.csv"]


REFUSED = [
    ("--method nests", "method is 'nests', but must be one of nets, chained, .*; did you mean 'nets'?"),
    ("--method chained --group town --time grade", "method is chained, but must be nets for a panel"),
    ("--group town", "time is not given, but must be where group is; a panel needs both, give both or neither."),
    ("--types grade=orderly", "types: the kind of 'grade' is 'orderly', but must be one of number, category,"),
    ("--types grade", "types: 'grade' was given; write COLUMN=KIND"),
    ("--bounds share=0-1", "bounds is 'share=0-1', but must be COLUMN=LOW:HIGH with two numbers, the lower one first"),
    ("--bounds share=1:0", "bounds is 'share=1:0', but must be COLUMN=LOW:HIGH with two numbers, the lower one first"),
    ("--bounds share=0:1 --bounds share=0:2", "bounds names column 'share' twice, but must name each once"),
    ("--bounds shear=0:1", "bounds is 'shear', but must be a column of the table: .*; did you mean 'share'"),
    ("--bounds share=0:0.1", "bounds: \\(0, 0.1\\) was given for column 'share', but its values run from"),
    ("--bounds region=0:1", "bounds: column 'region' is categorical, but only a continuous column has bounds"),
    ("--types region=binary", "types: column 'region' is to be binary, but it takes 3 values."),
    ("-m 0", "-m is 0, but must be a whole number of at least 1"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_what_cannot_be_filled_is_one_sentence_before_a_folder_is_made(path, tmp_path, capsys, words, sentence):
    code, out, err = call(capsys, "impute", path, *words.split(), "--out", "done")
    assert (code, out) == (2, "")
    assert re.match(f"error: {sentence}", err), err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "done").exists()


def test_a_large_file_is_completed_by_nets(tmp_path):
    with pytest.raises(ValueError, match=f"must be nets for a file of more than {LARGE / 2**20:.0f} MB"):
        impute_large(tmp_path / "no.parquet", 2, tmp_path, method="chained")


# --------------------------------------------------------------------------------------------------------------- pool


@pytest.fixture(scope="module")
def completed(survey):
    columns = ["school", "region", "share", "grade", "employed", "town", "wage"]
    numbers = {name: float for name in ("school", "share", "grade")}
    return HotDeck(random_state=1).fit(survey[columns].astype(numbers)).sample(6)


@pytest.fixture
def folder(completed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "done").mkdir()
    for i, table in enumerate(completed, 1):
        table.to_csv(tmp_path / "done" / f"{i}.csv", index=False)
    return "done"


def by_hand(fits):
    """Rubin's rules for one coefficient after the other: estimates and standard errors."""
    points = np.array([np.asarray(fit.params) for fit in fits])
    within = np.mean([np.diag(np.asarray(fit.cov_params())) for fit in fits], axis=0)
    return points.mean(0), np.sqrt(within + (1 + 1 / len(fits)) * points.var(0, ddof=1))


def design(table):
    sm = pytest.importorskip("statsmodels.api")
    south, west = ((table["region"] == name).astype(float) for name in ("south", "west"))
    return sm.add_constant(pd.DataFrame({"school": table["school"], "south": south, "west": west}))


@pytest.mark.parametrize("cluster", [None, "town"])
def test_least_squares_are_those_of_statsmodels_pooled(completed, cluster):
    sm = pytest.importorskip("statsmodels.api")
    robust = {"cov_type": "HC1"} if cluster is None else {"cov_type": "cluster"}
    fits = []
    for table in completed:
        groups = {} if cluster is None else {"cov_kwds": {"groups": table[cluster]}}
        fits.append(sm.OLS(table["wage"], design(table)).fit(**robust, **groups))
    point, error = by_hand(fits)
    pooled = pool_regression(completed, y="wage", x=["school", "region"], cluster=cluster)
    assert pooled.names == ("constant", "school", "region=south", "region=west")
    np.testing.assert_allclose(pooled.point, point, rtol=1e-9)
    np.testing.assert_allclose(pooled.se, error, rtol=1e-9)
    assert (np.asarray(pooled.dof) < (300 - 4 if cluster is None else 24)).all()


def test_a_logit_is_that_of_statsmodels_pooled(completed):
    sm = pytest.importorskip("statsmodels.api")
    fits = [sm.Logit(table["employed"], design(table)).fit(cov_type="HC0", disp=0) for table in completed]
    point, error = by_hand(fits)
    pooled = pool_regression(completed, y="employed", x=("school", "region"), model="logit")
    np.testing.assert_allclose(pooled.point, point, rtol=1e-6)
    np.testing.assert_allclose(pooled.se, error, rtol=1e-6)


def test_a_mean_of_complete_data_is_the_mean(completed):
    same = pool_regression([completed[0]] * 3, y="wage", model="mean")
    assert same.names == ("mean of wage",)
    assert same.point[0] == pytest.approx(completed[0]["wage"].mean(), rel=1e-12)
    assert same.se[0] == pytest.approx(completed[0]["wage"].sem(), rel=1e-12)
    assert same.checks[-1].passed  # nothing is missing: three tables are enough


def test_more_tables_are_asked_for_where_much_is_missing(completed):
    pooled = pool_regression(completed[:2], y="wage", x="share")
    check = pooled.checks[-1]
    worst = pooled.details.missing_information.max()
    assert (check.name, check.passed, check.bar) == ("enough tables", 100 * worst <= 2, np.ceil(100 * worst))


def test_the_command_prints_and_writes_what_python_gives(folder, completed, capsys):
    code, out, err = call(capsys, "pool", folder, "--y", "wage", "--x", "school,region", "--level", 0.9, "--out", "run")
    assert (code, err) == (0, "")
    wanted = pool_regression(completed, y="wage", x=["school", "region"])
    np.testing.assert_allclose(pool_regression(folder, y="wage", x=["school", "region"]).point, wanted.point, rtol=1e-9)
    rows = pd.read_csv("run/estimates.csv").set_index("name")
    np.testing.assert_allclose(rows["estimate"], wanted.point, rtol=1e-9)
    np.testing.assert_allclose(rows["95 %"], wanted.conf_int(0.9)[:, 1], rtol=1e-9)
    np.testing.assert_allclose(rows["missing information"], wanted.details.missing_information, rtol=1e-6)
    assert f"{wanted.point[1]:.3f}" in out
    assert "6 completed tables of 300 rows." in out
    assert json.loads((Run.open("run").folder / "estimates.json").read_text())["n"] == 300
    assert [section["title"] for section in Run.open("run").sections][1] == "Between the tables"


@pytest.mark.slow
def test_a_survey_is_filled_by_nets_and_pooled(path, capsys):
    code, out, err = call(capsys, "impute", path, "-m", 5, "--no-check", "--out", "done")
    assert code == 0, err
    assert "Imputer: " in err  # progress
    code, out, _ = call(capsys, "pool", "done", "--y", "wage", "--x", "school")
    slope, error = re.search(r"school +(\S+) +(\S+)", out).groups()
    assert abs(float(slope) - 1) < 4 * float(error)


def test_joint_tests_reach_the_screen_the_files_and_the_command(folder, completed, capsys):
    asked = ("--test", "region = 0", "--test", "school = 1", "--method", "D3", "--covariance", "classic")
    code, out, err = call(capsys, "pool", folder, "--y", "wage", "--x", "school,region", *asked, "--out", "run")
    assert (code, err) == (0, "")
    pooled = pool_regression(completed, y="wage", x=["school", "region"], covariance="classic")
    wanted = pooled.test("region = 0", "D3")
    assert f"D3  region = 0: {wanted.words()}" in out
    assert f"n = 300; R² {pooled.details.pooled_r_squared().estimate:.3f}, adjusted" in out
    written = json.loads((Run.open("run").folder / "estimates.json").read_text())["tests"]
    assert written[0]["p_value"] == pytest.approx(wanted.p_value, rel=1e-8)
    assert [one["hypothesis"] for one in written] == ["region = 0", "school = 1"]
    assert "--test 'region = 0' --test 'school = 1'" in Run.open("run").facts["command"]
    assert "--covariance classic --method D3" in Run.open("run").facts["command"]
    rows = pd.read_csv("run/estimates.csv")
    assert [*rows][-4:] == ["dof", "increase in variance", "share of variance", "missing information"]


def test_a_run_that_has_not_ended_is_said(folder, tmp_path, capsys):
    (tmp_path / "done" / "run.json").write_text(json.dumps({"config": {"m": "20"}}))
    assert (
        "done holds 6 tables of 20: its run has not ended."
        in call(capsys, "pool", folder, "--y", "wage", "--model", "mean")[1]
    )


NOT_POOLED = [
    ("nowhere --y wage --x school", "folder: nowhere is not a folder; give the one that `ceteris impute` wrote"),
    (". --y wage --x school", "folder: . holds 0 completed tables \\(1.csv, 2.csv, ...\\), but must hold 2 at least"),
    ("done --y wage", "x is empty, but must name a column at least; name some, or take the model mean."),
    ("done --y wage --x school --model mean", "x is school, but must be left out of a mean"),
    ("done --y wage --x school --model probit", "model is 'probit', but must be one of ols, logit, poisson, mean"),
    ("done --y wage --x school --covariance HC3", "covariance is 'HC3', but must be one of robust, classic"),
    ("done --y wage --x school --test school=0 --method D4", "method is 'D4', but must be one of D1, D2, D3"),
    ("done --y wage --x school --test skool=0", "tests is 'skool=0', but 'skool' in it is no estimate; did you mean"),
    (
        "done --y wage --x school --test school=0 --method D3 --cluster town",
        "method is 'D3', but must be D1 or D2 with",
    ),
    ("done --y wage --x school --level 5", "level is 5.0, but must be a number above 0 and below 1"),
    ("done --y wage --x skool", "x is 'skool', but must be a column of the data: .*; did you mean 'school'"),
    ("done --y wage --x school,wage", "x names 'wage', but must not name the outcome; leave it out."),
    ("done --y wage --x school --cluster village", "cluster is 'village', but must be a column of the data"),
    ("done --y wage --x school --model logit", "y: 'wage' holds .*, but must hold 0 and 1 for a logit"),
    ("done --y region --x school", "y \\('region'\\) holds text \\('north', 'south'\\), but must hold numbers"),
    (
        "done --y wage --x school --out done",
        "out is done, but must be another folder than that of the tables; name one.",
    ),
]


@pytest.mark.parametrize(("words", "sentence"), NOT_POOLED)
def test_what_cannot_be_pooled_is_one_sentence(folder, capsys, words, sentence):
    code, out, err = call(capsys, "pool", *words.split())
    assert (code, out) == (2, "")
    assert re.match(f"error: {sentence}", err), err
    assert len(err.splitlines()) == 1


def test_tables_that_do_not_belong_together_are_refused(folder, completed, tmp_path, capsys):
    second = completed[1]
    holed = second.assign(school=second["school"].mask(second.index == 0))
    with pytest.raises(ValueError, match=r"table 2: there are missing or infinite values \(1 NaN in x \('school'\)\)"):
        pool_regression([completed[0], holed], y="wage", x="school")
    with pytest.raises(ValueError, match="tables holds 1, but must hold 2 completed tables at least; give more"):
        pool_regression(completed[:1], y="wage", x="school")
    copied = [table.assign(copy=1.0 - table["employed"]) for table in completed]
    with pytest.raises(ValueError, match="x: in table 1 a combination of the columns tells every 'employed' that is 1"):
        pool_regression(copied, y="employed", x="copy", model="logit")
    (tmp_path / "done" / "7.parquet").write_text("")
    with pytest.raises(ValueError, match=r"holds completed tables of several kinds \(\.csv, \.parquet\)"):
        read_completed(folder)


def test_a_column_that_others_determine_is_named():
    x = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="x: 'c' is a combination of the columns before it, but must vary on its own"):
        refuse_dependent(np.column_stack([np.ones(20), x, x @ [1, 2]]), ("constant", "a", "b", "c"))
    with pytest.raises(ValueError, match="x: 'a' is a combination of the columns before it"):
        refuse_dependent(np.ones((20, 2)), ("constant", "a"))
    with pytest.raises(ValueError, match="x: there are 3 coefficients and 3 rows, but must be more rows than these"):
        refuse_dependent(np.eye(3), ("constant", "a", "b"))
