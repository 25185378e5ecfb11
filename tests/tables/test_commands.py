"""The three commands that read a table: one reader, the same refusals, and what was read in the report."""

import json

import numpy as np
import pandas as pd
import pytest

from ceteris import cli
from ceteris.impute import Imputer, impute_parquet, stream
from ceteris.impute.command import impute_large
from ceteris.tables import Options, survey_parquet
from shell import call

COMMANDS = ("fit", "impute", "synthesize")


def words(command, path, out):
    return [command, path, *(["--target", "y"] if command == "fit" else []), "--out", out]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("y,a,a\n1,2,2\n3,4,4\n", (), "has more than one column 'a'; give every column its own name"),
        ("y,a\n1,2,3\n4,5,6\n", (), "has 2 names in its first row, but every row has 3 fields"),
        ("y,a\n1,2\n4,5,6\n", (), "has 3 field(s) in line 3, but 2 names in its first row"),
        ("y;a\n1,000;2\n2,000;3\n", (), "say which mark is the decimal one by decimal (--decimal)"),
        ("y,a\n1,2\n2,3\n", ("--types", "a:number"), "types: 'a:number' was given; write COLUMN=KIND"),
        ("y,a\n1,2\n2,3\n", ("--types", "a=date", "--types", "a=id"), "column 'a' is given as date and as id"),
        ("y,a\n1,2\n2,3\n", ("--ignore", "b"), "ignore is 'b', but must be a column of the data: y, a"),
        ("y,a,b\n1e300,2,\n2e300,4,1\n3e300,5,1\n", ("--ignore", "b"), None),
    ],
)
def test_a_table_that_is_not_clear_is_one_sentence_and_no_folder(capsys, tmp_path, command, text, options, message):
    (tmp_path / "t.csv").write_text(text)
    code, out, err = call(capsys, *words(command, tmp_path / "t.csv", tmp_path / "run"), *options)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message is None or message in err
    assert out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("scale", [1e300, -1e160, 1e-200])
def test_numbers_whose_powers_cannot_be_held_are_refused_before_any_work(capsys, tmp_path, command, scale):
    for name in ("y", "x"):
        table = pd.DataFrame({"x": np.arange(1.0, 31), "y": np.arange(1.0, 31) ** 2})
        table[name] *= scale
        table["z"] = np.where(table.index % 3, np.nan, 1.0 + table.index % 4) if command == "impute" else 1.0
        table.to_csv(tmp_path / "t.csv", index=False)
        code, _, err = call(capsys, *words(command, tmp_path / "t.csv", tmp_path / "run"))
        assert code == 2
        assert "powers overflow" in err or "powers of such a difference vanish" in err
        assert not (tmp_path / "run").exists()


def test_dates_are_no_periods_and_that_is_said_before_any_work(capsys, tmp_path):
    lines = [f"{'ab'[i % 2]},{1 + i % 28}.1.2020,{i * 0.5 if i % 4 else ''}" for i in range(40)]
    (tmp_path / "t.csv").write_text("firm,day,x\n" + "\n".join(lines))
    panel = ("--group", "firm", "--time", "day")
    code, out, err = call(capsys, "impute", tmp_path / "t.csv", "--out", tmp_path / "run", *panel)
    assert (code, out) == (2, "")
    assert "time: column 'day' holds" in err
    assert not (tmp_path / "run").exists()


def test_a_target_with_a_sign_for_a_missing_value_is_no_class(capsys, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2.5\n2,-\n3,4.5\n")
    code, _, err = call(capsys, *words("fit", tmp_path / "t.csv", tmp_path / "run"))
    assert (code, err) == (
        2,
        "error: target: column 'y' has 1 missing values in 3 rows; remove those rows or fill them in.\n",
    )


def test_errors_of_ours_are_sentences_whatever_their_kind():
    assert {RuntimeError, FloatingPointError} <= set(cli.USER_ERRORS)


@pytest.mark.slow
def test_a_survey_is_completed_with_its_identifiers_as_it_was_written(capsys, tmp_path):
    rng = np.random.default_rng(0)
    lines = ["Nr;Tag;Einkommen;Größe;Ort"]
    comma = lambda number: f"{number:.2f}".replace(".", ",")
    for i in range(40):
        income = "-" if i % 5 == 0 else f"{rng.integers(10, 99)}.{i:03d},50"
        lines.append(f"{i + 7};{1 + i % 28:02d}.03.2021;{income};{comma(1.5 + i / 100)};{'ab'[i % 2]}")
    path = tmp_path / "survey.csv"
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    code, printed, err = call(
        capsys, "impute", path, "-m", "1", "--no-check", "--out", tmp_path / "out", "--types", "Ort=category"
    )
    assert code == 0, err
    said = [
        "Recognised: fields are separated by semicolons; decimals are marked by commas; the encoding is Windows-1252 "
        "(it is not UTF-8).",
        "Column 'Nr' is left out: it holds whole numbers that are all different, under the name of an identifier.",
        "Column 'Tag' is left out: it holds dates or times, such as '01.03.2021'.",
    ]
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    section = json.loads((tmp_path / "out" / "sections.json").read_text())[0]
    page = (tmp_path / "out" / "report.html").read_text()
    assert section["title"] == "How the table was read"
    assert "How the table was read" in page
    for sentence in said:
        assert sentence in printed
        assert sentence in facts["config"]["reading"]
        assert sentence in section["text"]
    assert facts["command"].endswith("--no-check --types Ort=category")
    done = (tmp_path / "out" / "1.csv").read_bytes().decode("cp1252").splitlines()
    assert done[0] == lines[0]
    assert [line.split(";")[:2] for line in done[1:]] == [line.split(";")[:2] for line in lines[1:]]
    assert "-" not in {line.split(";")[2] for line in done}


@pytest.mark.slow
def test_a_large_file_leaves_out_the_same_columns_and_keeps_them(capsys, tmp_path, monkeypatch):
    """Completed part by part; identifiers, dates and text are in the completed files as they were."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(stream, "CHUNK", 50)
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "person_id": rng.permutation(120), "day": pd.date_range("2020-01-01", periods=120),
        "note": [f"n{i}" for i in range(120)],
        "a": rng.normal(size=120), "b": rng.normal(size=120), "unit": rng.integers(0, 5, 120),
    })  # fmt: skip
    table.loc[::4, "a"] = np.nan
    table.loc[::7, "note"] = None
    table.to_parquet(tmp_path / "t.parquet", row_group_size=40)
    left, sentences = survey_parquet(tmp_path / "t.parquet", Options(ignore=["unit"]))
    assert set(left) == {"person_id", "day", "note", "unit"}
    imputer = Imputer(
        members=1, width=8, depth=1, batch_size=16, epochs=1, random_state=0, types=dict.fromkeys(left, "ignore")
    )
    done = pd.read_parquet(impute_parquet(tmp_path / "t.parquet", tmp_path / "out", 1, imputer)[0])
    assert all(done[name].equals(table[name]) for name in left)
    assert done["a"].notna().all()
    with pytest.raises(ValueError, match="group: a panel is completed in memory"):
        impute_large(tmp_path / "t.parquet", 1, tmp_path, group="unit", time="a", options=Options(ignore=["b"]))
    out = capsys.readouterr().out
    assert sentences[0] in out
    assert "Column 'b' is left out: it holds what is not to be used, as asked for by ignore." in out
