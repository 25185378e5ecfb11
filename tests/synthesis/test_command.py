"""The command writes whole files and refuses early."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ceteris.data.missing import simulate_mixed
from ceteris.report import Run
from ceteris.synthesis.command import synthesize
from ceteris.tables import plain


@pytest.mark.slow
def test_synthesize_writes_rows_and_a_report(tmp_path, capsys):
    table, out = simulate_mixed(200, seed=0), tmp_path / "out"
    synthesize(table, Path("table.csv"), out, rows=70, steps=3)
    made = pd.read_csv(out / "synthetic.csv")
    assert made.shape == (70, 10)
    assert next(section["title"] for section in Run.open(out).sections) == "How the table was read"
    assert Run.open(out).sections[1]["checks"][1]["name"] == "no copies"
    assert "useful for training" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "rows", "message"),
    [
        (simulate_mixed(50), 0, "rows is 0, but must be a whole number of at least 1"),
        (simulate_mixed(50).assign(age=np.nan), None, "X: there are missing or infinite values .50 NaN in 'age'"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_folder_is_made(table, rows, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        synthesize(table, Path("t.csv"), tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_labels_come_back_from_a_synthetic_table_as_they_were(tmp_path):
    table = pd.DataFrame({"=price\r": ["=A", "-", "a\rb", "\ufeff"], "x": [-1.5, 2.0, 1e-300, 3.0]})
    plain(table, "table.csv").write_text(table, tmp_path / "synthetic.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "synthetic.csv"), table)
