"""Files: a Parquet file row group by row group, and what the command line does."""

import numpy as np
import pandas as pd
import pytest

from ceteris.data.missing import simulate_regression
from ceteris.impute import Imputer, impute_parquet, stream
from ceteris.impute.command import impute_table
from ceteris.impute.imputer import settings_of

pytest.importorskip("pyarrow")
SMALL = {"members": 2, "width": 16, "depth": 1, "batch_size": 64, "seed": 0}


def test_a_file_is_learnt_from_and_completed_in_parts(tmp_path, monkeypatch):
    """With room for a fifth of the rows only: draws are as far from the truth as the conditional distribution is."""
    monkeypatch.setattr(stream, "SAMPLE", 600)
    monkeypatch.setattr(stream, "CHUNK", 700)
    monkeypatch.setattr(stream, "STEPS", 300)
    table = simulate_regression(3000, seed=2)
    table["label"] = pd.Series(np.where(table["z"] > 0, "up", "down")).mask(table["y"] < -1)
    table.to_parquet(tmp_path / "table.parquet", row_group_size=500)
    paths = impute_parquet(tmp_path / "table.parquet", tmp_path / "done", 2, Imputer(**SMALL))
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
    feed = stream.Feed(imputer, source, settings_of(imputer, 400).batch, seed=1)
    later = feed(7, 2)
    all_at_once = feed(0, 12)
    for part, whole in zip(later, all_at_once, strict=True):
        np.testing.assert_array_equal(part, whole[7:9])
    with pytest.raises(ValueError, match="batch_size: 128 given, but no row group of the file has that many rows"):
        stream.Feed(imputer, source, 128, seed=1)


def test_a_killed_run_leaves_whole_files_or_none(tmp_path, monkeypatch):
    simulate_regression(200).to_parquet(tmp_path / "table.parquet")
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
    with pytest.raises(ValueError, match="m: 0 given"):
        impute_parquet(tmp_path / "none.parquet", tmp_path, 0)
    with pytest.raises(ValueError, match="group: a panel is completed in memory"):
        impute_parquet(tmp_path / "none.parquet", tmp_path, imputer=Imputer(group="a", time="b"))
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        impute_table(tmp_path / "none.csv")
    pd.DataFrame({"x": [1.0, 2.0]}).to_csv(tmp_path / "full.csv", index=False)
    with pytest.raises(ValueError, match="there are no missing values, so that there is nothing to impute"):
        impute_table(tmp_path / "full.csv", out=tmp_path / "out")
    with pytest.raises(ValueError, match="-m: 0 was given, but at least one completed table is needed"):
        impute_table(tmp_path / "full.csv", m=0)


@pytest.mark.slow
def test_the_command_writes_tables_and_a_report(tmp_path, capsys):
    table = simulate_regression(150)
    table.to_csv(tmp_path / "survey.csv", index=False)
    paths = impute_table(tmp_path / "survey.csv", m=2, out=tmp_path / "completed")
    done = pd.read_csv(paths[1])
    seen = table["x"].notna()
    np.testing.assert_allclose(done["x"][seen], table["x"][seen], rtol=1e-15)
    assert not done.isna().any(axis=None)
    assert (tmp_path / "completed" / "report.html").exists()
    assert "intervals cover" in capsys.readouterr().out
