"""The commands write whole files, refuse early, and can be killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ceteris.data.corpora import simulate_corpus
from ceteris.data.missing import simulate_mixed
from ceteris.report import Run
from ceteris.represent import command, load_vectors
from ceteris.tables import plain


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    corpus = simulate_corpus(documents=1_500, words=100, seed=0)
    path.write_text("\n".join(" ".join(document) for document in corpus.documents), encoding="utf-8")
    return path


def test_embed_writes_vectors_and_a_report(text, tmp_path, capsys):
    out = tmp_path / "out"
    command.embed(text, out, dimensions=10, runs=2, seed=3)
    assert len(load_vectors(out / "vectors.safetensors")) == len(load_vectors(out / "vectors.txt"))
    facts = Run.open(out).facts
    assert facts["status"] == "finished"
    assert facts["command"].endswith(
        f"corpus.txt --out {out} --seed 3 --dimensions 10 --window 5 --epochs 5 --least 5 --runs 2"
    )
    assert [section["title"] for section in Run.open(out).sections] == ["Word vectors", "Stability"]
    assert (out / "report.html").exists()
    assert "vectors of 10 numbers" in capsys.readouterr().out


@pytest.mark.slow
def test_synthesize_writes_rows_and_a_report(tmp_path, capsys):
    table, out = simulate_mixed(200, seed=0), tmp_path / "out"
    command.synthesize(table, Path("table.csv"), out, rows=70, steps=3)
    made = pd.read_csv(out / "synthetic.csv")
    assert made.shape == (70, 10)
    assert next(section["title"] for section in Run.open(out).sections) == "How the table was read"
    assert Run.open(out).sections[1]["checks"][1]["name"] == "no copies"
    assert "useful for training" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda t, o: command.embed(t.parent / "no.txt", o), FileNotFoundError, "path: there is no file"),
        (
            lambda t, o: command.embed(t, o, window=30),
            ValueError,
            "embed: window is 30, but the longest document has 25",
        ),
        (lambda t, o: command.embed(t, o, runs=1), ValueError, "runs: 1 was given, but a spread needs at least 2"),
        (
            lambda t, o: command.synthesize(simulate_mixed(50), Path("t.csv"), o, rows=0),
            ValueError,
            "rows is 0, but must be a whole number of at least 1",
        ),
        (
            lambda t, o: command.synthesize(simulate_mixed(50).assign(age=np.nan), Path("t.csv"), o),
            ValueError,
            "X: there are missing or infinite values .50 NaN in 'age'",
        ),
    ],
)
def test_what_cannot_be_done_is_said_before_a_folder_is_made(act, error, message, text, tmp_path):
    with pytest.raises(error, match=message):
        act(text, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_killed_run_leaves_complete_files_or_none(text, tmp_path):
    """Killed at an arbitrary moment of training and writing, twice: what bears a final name can be read."""
    script = (
        "from pathlib import Path\nfrom ceteris.represent.command import embed\n"
        f"embed(Path({str(text)!r}), Path({str(tmp_path / 'out')!r}), epochs=400)"
    )
    for seconds in (0.3, 1.5):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (tmp_path / "out" / "run.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        found = {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")}
        assert "run.json" in found
        for name in found & {"vectors.safetensors", "vectors.txt"}:
            assert len(load_vectors(tmp_path / "out" / name)) == 100


def test_labels_come_back_from_a_synthetic_table_as_they_were(tmp_path):
    table = pd.DataFrame({"=price\r": ["=A", "-", "a\rb", "\ufeff"], "x": [-1.5, 2.0, 1e-300, 3.0]})
    plain(table, "table.csv").write_text(table, tmp_path / "synthetic.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "synthetic.csv"), table)
