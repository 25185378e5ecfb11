"""Files: a Parquet file row group by row group, and what the command line does."""

import numpy as np
import pandas as pd
import pytest

from ceteris import cli
from ceteris.data.missing import simulate_regression
from ceteris.impute import Imputer, command, impute_parquet, stream
from ceteris.impute.command import impute_large, impute_table, is_large
from ceteris.impute.imputer import settings_of
from ceteris.tables import plain

pytest.importorskip("pyarrow")
# with 400 rows of `simulate_regression` one compiled program, that of test_imputer.py
SMALL = {"members": 2, "width": 16, "depth": 1, "batch_size": 32, "random_state": 0}


@pytest.mark.slow
def test_a_file_is_learnt_from_and_completed_in_parts(tmp_path, monkeypatch):
    """With room for a fifth of the rows only: draws are as far from the truth as the conditional distribution is."""
    monkeypatch.setattr(stream, "SAMPLE", 600)
    monkeypatch.setattr(stream, "CHUNK", 700)
    monkeypatch.setattr(stream, "STEPS", 300)
    table = simulate_regression(3000, seed=2)
    table["label"] = pd.Series(np.where(table["z"] > 0, "up", "down")).mask(table["y"] < -1)
    table["rare"] = ["often", *map(str, range(7))] + ["often"] * 2992  # no sample has all of these
    table.to_parquet(tmp_path / "table.parquet", row_group_size=500)
    paths = impute_parquet(tmp_path / "table.parquet", tmp_path / "done", 2, Imputer(**{**SMALL, "batch_size": 64}))
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["1.parquet", "2.parquet"]
    first, second = (pd.read_parquet(path) for path in paths)
    gone = table["x"].isna()
    for name in table:
        seen = table[name].notna()
        assert first[name][seen].tolist() == table[name][seen].tolist()
    assert not first.isna().any(axis=None)
    assert (first["x"] != second["x"])[gone].all()
    assert (first["label"] == np.where(table["z"] > 0, "up", "down")).mean() > 0.95
    mean = (table["z"] / 1.5 + table["y"] - 1 - table["z"]) / (1 / 0.75 + 1)
    residual = (first["x"] - mean)[gone]
    assert abs(residual.mean()) < 0.15  # the standard deviation is 0.65, of a thousand cells: 0.02, and what is learnt
    assert residual.std() == pytest.approx(0.65, rel=0.15)


def test_a_feed_is_a_function_of_the_step(tmp_path):
    table = simulate_regression(400)
    table.to_parquet(tmp_path / "table.parquet", row_group_size=100)
    source = stream.open_parquet(tmp_path / "table.parquet")
    imputer = Imputer(**{**SMALL, "epochs": 1, "batch_size": 32}).fit(table)
    feed = stream.Feed(imputer, source, settings_of(imputer, 400).plan.batch_size, seed=1)
    later = feed(7, 2)
    all_at_once = feed(0, 12)
    for part, whole in zip(later, all_at_once, strict=True):
        np.testing.assert_array_equal(part, whole[7:9])
    with pytest.raises(ValueError, match="batch_size is 128, but no row group of the file has that many rows"):
        stream.Feed(imputer, source, 128, seed=1)


def test_a_killed_run_leaves_whole_files_or_none(tmp_path, monkeypatch):
    simulate_regression(400).to_parquet(tmp_path / "table.parquet")
    calls = []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return drawn(*arguments)

    drawn = stream.drawn
    monkeypatch.setattr(stream, "drawn", dies)
    with pytest.raises(KeyboardInterrupt):
        impute_parquet(tmp_path / "table.parquet", tmp_path / "done", 3, Imputer(**SMALL, epochs=1))
    assert [path.name for path in (tmp_path / "done").iterdir()] == ["1.parquet"]


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="but there is no such file"):
        impute_parquet(tmp_path / "none.parquet", tmp_path)
    with pytest.raises(ValueError, match="m is 0, but must be a whole number of at least 1"):
        impute_parquet(tmp_path / "none.parquet", tmp_path, 0)
    with pytest.raises(ValueError, match="group: a panel is completed in memory"):
        impute_parquet(tmp_path / "none.parquet", tmp_path, imputer=Imputer(group="a", time="b"))
    full = pd.DataFrame({"x": [1.0, 2.0]})
    with pytest.raises(ValueError, match="there are no missing values, so that there is nothing to impute"):
        impute_table(full, tmp_path / "full.csv", out=tmp_path / "out")
    with pytest.raises(ValueError, match="-m is 0, but must be a whole number of at least 1"):
        impute_table(full, tmp_path / "full.csv", m=0)


def test_the_command_reads_as_the_other_commands_do(tmp_path, capsys):
    pd.DataFrame({"x": [1.0, 2.0]}).to_parquet(tmp_path / "full.PQ")
    for name, sentence in (("none.csv", "data: there is no file"), ("full.PQ", "there are no missing values")):
        with pytest.raises(SystemExit):
            cli.main(["impute", str(tmp_path / name)])
        assert sentence in capsys.readouterr().err


def test_a_large_file_gets_no_report_and_that_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "LARGE", 10)
    path = tmp_path / "table.PQ"
    pd.DataFrame({"x": [1.0, None]}).to_parquet(path)
    assert is_large(path)
    with pytest.raises(ValueError, match="group: a panel is completed in memory"):
        impute_large(path, 2, tmp_path, group="a", time="b")
    assert "without a report and without hiding known cells" in capsys.readouterr().out


@pytest.mark.slow
def test_completed_files_have_the_types_and_the_index_of_the_file(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "small": pd.array(rng.integers(0, 127, 60), dtype="Int8"),
            "flag": rng.random(60) < 0.5,
            "label": pd.Categorical(rng.choice(["a", "b", "c"], 60)),
        },
        index=[f"row {i}" for i in range(60)],
    ).astype({"flag": object})
    for place, name in enumerate(table):
        table.loc[table.index[place::5], name] = None
    source = pa.Table.from_pandas(table)
    pq.write_table(
        source.replace_schema_metadata({"pandas": source.schema.metadata[b"pandas"]}), tmp_path / "t.parquet"
    )
    imputer = Imputer(members=1, width=4, depth=1, components=1, epochs=1, random_state=0)
    done = impute_parquet(tmp_path / "t.parquet", tmp_path / "done", 1, imputer)
    assert pq.read_schema(done[0]).equals(pq.read_schema(tmp_path / "t.parquet"))
    back = pd.read_parquet(done[0])
    assert back.index.equals(table.index)
    assert not back.isna().any(axis=None)


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "1.csv").mkdir()  # a folder is in the way
    with pytest.raises(OSError, match=r"1\.csv"):
        plain(pd.DataFrame({"x": [1.0]}), tmp_path / "1.csv").write(pd.DataFrame({"x": [1.0]}), tmp_path / "1.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["1.csv"]


@pytest.mark.slow
def test_the_command_writes_tables_and_a_report(tmp_path, capsys):
    table = simulate_regression(150)
    table.to_csv(tmp_path / "survey.csv", index=False)
    paths = impute_table(table, tmp_path / "survey.csv", m=2, out=tmp_path / "completed")
    done = pd.read_csv(paths[1])
    seen = table["x"].notna()
    np.testing.assert_allclose(done["x"][seen], table["x"][seen], rtol=1e-15)
    assert not done.isna().any(axis=None)
    assert (tmp_path / "completed" / "report.html").exists()
    assert "intervals cover" in capsys.readouterr().out


def test_labels_come_back_from_a_csv_as_they_were(tmp_path):
    labels = ["=A", "-", "+1", "@b", "a\rb", "a\nb", "a\u2028b", "\ufeffa", "a\0b", "'=x", "$x$", 'q"', ""]
    table = pd.DataFrame({"=price\r": labels, "x": np.linspace(-1.5, 1, len(labels))})
    path = tmp_path / "1.csv"
    back = pd.read_csv(plain(table, path).write(table, path), keep_default_na=False)
    pd.testing.assert_frame_equal(back, table)
