"""The command: a table in, forecasts and a report out."""

import numpy as np
import pandas as pd
import pytest

from shell import call


@pytest.fixture
def table(tmp_path):
    rng, months = np.random.default_rng(0), pd.date_range("2018-01-01", periods=60, freq="MS").strftime("%Y-%m-%d")
    parts = [
        pd.DataFrame({"shop": s, "month": months, "sales": (50 + np.cumsum(rng.normal(size=60))).round(2)})
        for s in "ab"
    ]
    path = tmp_path / "sales.csv"
    pd.concat(parts).to_csv(path, index=False)
    return path


def test_forecasts_and_a_report_are_written(table, tmp_path, capsys):
    out = tmp_path / "run"
    words = ("forecast", table, "--id", "shop", "--time", "month", "--target", "sales", "--horizon", 3, "--net", "none")
    code, said, err = call(capsys, *words, "--origins", 0, "--out", out)
    assert (code, err) == (0, "")
    found = pd.read_csv(out / "forecasts.csv")
    assert list(found) == ["shop", "month", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert found["month"].tolist() == 2 * ["2023-01-01", "2023-02-01", "2023-03-01"]
    assert (out / "report.html").exists()
    assert "mean of simple methods" in said


def test_what_is_wrong_is_one_line(table, tmp_path, capsys):
    words = ("forecast", table, "--id", "shop", "--time", "month", "--out", tmp_path / "run")
    code, _, err = call(capsys, *words, "--target", "sale")
    assert code == 2
    assert "sale" in err
    assert len(err.splitlines()) == 1
    code, _, err = call(capsys, *words, "--target", "sales", "--horizon", 60)
    assert "error: horizon is 60, but must be below the 60 times of series 'a'; forecast fewer steps" in err
    code, _, err = call(capsys, *words, "--target", "sales", "--known", "price")
    assert "error: future is None, but must be a table with the future of the known columns; give --future." in err
    assert not (tmp_path / "run").exists()
