"""What the shell says about an effect: the numbers of Python, files, and one sentence for what cannot be answered."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from ceteris.causal import GroupTimeEffects, Interactive, PartiallyLinearIV, Stratified, overall
from ceteris.causal.heterogeneity.for_whom import halves
from ceteris.data import simulate_staggered
from ceteris.report import Run
from shell import call as run


@pytest.fixture(scope="module")
def table():
    """A treatment that schooling and an instrument move, of which everybody gains one; a town shifts the outcome."""
    rng = np.random.default_rng(0)
    n = 400
    school, town = rng.normal(size=n).round(3), rng.integers(0, 40, n)
    z = rng.normal(size=n).round(3)
    d = (rng.random(n) < 1 / (1 + np.exp(-0.5 * school - z))).astype(int)
    wage = d + 2 * school + rng.normal(size=n) + rng.normal(0, 0.3, 40)[town]
    sex = rng.choice(["female", "male"], n)
    town = [f"t{k}" for k in town]
    return pd.DataFrame({"person": np.arange(1000, 1000 + n), "town": town, "school": school, "sex": sex,
                         "pull": z, "training": d, "wage": wage.round(4)})  # fmt: skip


@pytest.fixture
def path(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table.to_csv("wages.csv", index=False)
    return "wages.csv"


def call(capsys, *words):
    """Run `ceteris effect`; return exit code, stdout and stderr."""
    return run(capsys, "effect", *words)


ASKED = ("--y", "wage", "--d", "training")


def test_by_default_it_is_the_cross_fitted_interactive_model_on_all_other_columns(path, table, capsys):
    code, out, err = call(capsys, path, *ASKED, "--cluster", "town", "--ignore", "pull", "--out", "run", "--seed", 3)
    assert (code, err) == (0, "")
    assert "Column 'person' is left out" in out
    assert "Covariates, all other columns: school, sex." in out
    assert f"(1 in {table['training'].sum()} rows, 0 in {400 - table['training'].sum()})" in out
    wanted = Interactive(seed=3).fit(table, y="wage", d="training", x=["school", "sex"], cluster="town")
    found = json.loads((Run.open("run").folder / "estimates.json").read_text())
    assert found["Interactive model"]["estimates"]["ATE"]["estimate"] == pytest.approx(wanted.point[0], rel=1e-12)
    assert found["Interactive model"]["estimates"]["ATE"]["std_err"] == pytest.approx(wanted.se[0], rel=1e-12)
    assert f"{wanted.point[0]:.3f}" in out
    rows = pd.read_csv("run/estimates.csv").set_index("estimate of")
    assert list(rows.index) == ["Interactive model", "Regression on the same covariates", "No adjustment"]
    assert rows.loc["No adjustment", "estimate"] > wanted.point[0] + 0.3  # schooling does both
    titles = [section["title"] for section in Run.open("run").sections]
    assert {"The question", "Interactive model", "Estimators", "Overlap", "Balance", "Sensitivity"} <= set(titles)
    assert "--cluster town" in Run.open("run").facts["command"]
    assert "Report: run/report.html" in out


def test_numbers_take_the_partially_linear_model_and_labels_must_be_said(path, capsys):
    _, out, _ = call(capsys, path, "--y", "wage", "--d", "pull", "--x", "school,sex", "--out", "run")
    assert "Design partially-linear" in out
    code, _, err = call(capsys, path, "--y", "wage", "--d", "sex", "--x", "school")
    assert code == 2
    assert (
        "holds the labels female, male, but must hold numbers; say which label is treated, as by --treated 'male'"
        in err
    )
    _, out, _ = call(capsys, path, "--y", "wage", "--d", "sex", "--treated", "male", "--x", "school", "--out", "run")
    assert "Treatment 'sex' is 1 for 'male' and 0 for 'female'." in out


def test_an_instrument_makes_the_design(path, table, capsys):
    assert call(capsys, path, *ASKED, "--iv", "pull", "--x", "school", "--out", "run", "--level", 0.9)[0] == 0
    wanted = PartiallyLinearIV(seed=0).fit(table, y="wage", d="training", x=["school"], z=["pull"])
    row = pd.read_csv("run/estimates.csv").iloc[0]
    assert row["estimate"] == pytest.approx(wanted.point[0], rel=1e-12)
    assert row["5 %"] == pytest.approx(wanted.conf_int(0.9)[0, 0], rel=1e-12)
    assert "Sensitivity" not in [section["title"] for section in Run.open("run").sections]


def test_an_experiment_adjusts_for_nothing_unless_told(path, table, capsys):
    _, out, _ = call(capsys, path, *ASKED, "--design", "randomised", "--out", "run")
    assert "No covariates." in out
    arms = table.groupby("training")["wage"].mean()
    assert pd.read_csv("run/estimates.csv")["estimate"][0] == pytest.approx(arms[1] - arms[0], rel=1e-12)
    assert call(capsys, path, *ASKED, "--strata", "sex", "--out", "run")[0] == 0
    wanted = Stratified().fit(table, y="wage", d="training", strata="sex").point[0]
    assert pd.read_csv("run/estimates.csv")["estimate"][0] == pytest.approx(wanted, rel=1e-12)


def test_a_panel_is_summed_up_and_its_treatment_may_be_that_of_each_row(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    panel = simulate_staggered(200, seed=1)
    panel["now"] = ((panel["group"] > 0) & (panel["time"] >= panel["group"])).astype(int)
    panel.to_csv("panel.csv", index=False)
    roles = ("--y", "y", "--unit", "unit", "--time", "time")
    wanted = overall(GroupTimeEffects(seed=0).fit(panel, y="y", group="group", unit="unit", time="time"))
    for d in ("now", "group"):
        code, out, _ = call(capsys, "panel.csv", *roles, "--d", d, "--out", "run")
        assert code == 0
        assert pd.read_csv("run/estimates.csv")["estimate"][0] == pytest.approx(wanted.point[0], rel=1e-12)
    assert "no effects before treatment" in out
    panel.loc[panel["time"] == panel["time"].max(), "now"] = 0
    panel.to_csv("panel.csv", index=False)
    assert (
        "is treated by 'now' and later no more, but must stay treated"
        in call(capsys, "panel.csv", *roles, "--d", "now")[2]
    )


def test_rows_with_holes_are_refused_or_left_out_and_counted(path, table, capsys):
    table.assign(school=table["school"].mask(table.index < 30)).to_csv("holes.csv", index=False)
    code, _, err = call(capsys, "holes.csv", *ASKED, "--x", "school")
    assert code == 2
    assert "30 of 400 rows have missing values (30 in 'school'), but must have none; leave those rows out by" in err
    _, out, _ = call(
        capsys, "holes.csv", *ASKED, "--x", "school", "--drop-missing", "--design", "regression", "--out", "run"
    )
    assert "370 rows, 30 with missing values left out." in out
    assert pd.read_csv("run/estimates.csv")["n"].tolist() == [370, 370]


REFUSED = [
    ("--design magic", "design is 'magic', but must be one of interactive, partially-linear,"),
    ("--design did", "design is did, but must come with a column named by --before or --time; name one."),
    ("--iv pull --before school", "before is school, but must be left out with the design iv; leave it out, or choose"),
    ("--design matching --cluster town", "cluster is town, but must be left out with the design matching"),
    ("--iv pull --forest", "forest is asked for, but must be left out with the design iv"),
    ("--estimand ATC", "estimand is 'ATC', but must be one of ATE, ATT, ATU"),
    ("--design regression --estimand ATT", "estimand is ATT, but must be left out with the design regression"),
    ("--d pull --estimand ATT", "estimand is ATT, but must be left out with the design partially-linear"),
    ("--design randomised --estimand ATT", "estimand is ATT, but must be ATE for a difference in means"),
    ("--before school --time sex", "before is school and time is sex, but a row has both outcomes or one period"),
    ("--before school --unit person", "unit is person, but there is no time"),
    ("--time school --unit person --cluster town", "cluster is town, but the rows of a unit go together already"),
    ("--strata sex --x school", "strata is sex, but covariates are named too"),
    ("--folds 1", "folds is 1, but must be a whole number of at least 2; give one, such as 5."),
    ("--design weighting --folds 3", "folds is 3, but must be left out with the design weighting"),
    ("--repeats 0", "repeats is 0, but must be a whole number of at least 1; give one, such as 3."),
    ("--level 95", "level is 95.0, but must be a number above 0 and below 1; give one, such as 0.95."),
    ("--x school,sexx", "x is 'sexx', but must be a column of the data: .*; did you mean 'sex'"),
    ("--y wages", "y is 'wages', but must be a column of the data: .*; did you mean 'wage'"),
    ("--treated yes", "treated is 'yes', but must be a label of 'training': 0, 1; choose one of them."),
    ("--d town --treated t1 --x school", "treated is 't1', but 'town' holds .* labels, and must hold two"),
    ("--x school,wage", "x: the covariate 'wage' is the outcome"),
    ("--design interactive --d pull", "d: the treatment 'pull' holds .*, but must hold 0 and 1 only"),
    ("--y sex --x school", "y \\('sex'\\) holds text"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_what_cannot_be_answered_is_one_sentence_before_a_folder_is_made(path, tmp_path, capsys, words, sentence):
    given = words.split()
    for role, column in (("--y", "wage"), ("--d", "training")):
        given += [] if role in given else [role, column]
    code, out, err = call(capsys, path, *given, "--out", "run")
    assert (code, out) == (2, "")
    assert re.match(f"error: {sentence}", err), err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else_is_left_alone(path, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    code, _, err = call(capsys, path, *ASKED, "--x", "school", "--out", "run")
    assert code == 2
    assert "holds files but is not a run folder; name a new or an empty one" in err
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["thesis.tex"]


def test_halves_keep_clusters_together():
    frame = pd.DataFrame({"town": np.repeat([f"t{k}" for k in range(11)], 3)})
    half = halves(frame, "town", 1)
    assert half.reshape(11, 3).all(1).tolist() == half.reshape(11, 3).any(1).tolist()
    assert 5 <= half.reshape(11, 3)[:, 0].sum() <= 6
    assert half.tolist() != halves(frame, "town", 2).tolist()


@pytest.mark.slow
def test_a_forest_finds_for_whom_it_works(tmp_path, monkeypatch, capsys):
    """The effect is the covariate itself: of slope one in the projection, and a ranking that knows something."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    age, other, noise = rng.normal(size=(3, 800))
    d = rng.integers(0, 2, 800)
    pd.DataFrame({"age": age, "other": other, "d": d, "y": age * d + noise}).to_csv("a.csv", index=False)
    asked = ("a.csv", "--y", "y", "--d", "d", "--out", "run")
    code, out, _ = call(capsys, *asked, "--forest")
    assert code == 0
    rows = pd.read_csv("run/estimates.csv").set_index(["estimate of", "of"])
    slope, error = rows.loc[("Best linear projection", "age"), ["estimate", "std err"]]
    assert abs(slope - 1) < 4 * error
    assert len(pd.read_csv("run/effects.csv")) == 800
    assert re.search(r"pass +the ranking is informed", out)
    assert call(capsys, *asked, "--design", "regression")[0] == 0
    assert not (tmp_path / "run" / "effects.csv").exists(), "what an earlier question left is not of this one"
    pd.read_csv("a.csv").head(150).to_csv("a.csv", index=False)
    assert "forest: there are 150 rows, but must be 200 at least" in call(capsys, *asked, "--forest")[2]
