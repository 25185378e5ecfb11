"""The command writes whole files, refuses early, and can be killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ceteris.data.corpora import simulate_corpus
from ceteris.report import Run
from ceteris.text import load_vectors
from ceteris.text.words.command import embed


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    corpus = simulate_corpus(documents=1_500, words=100, seed=0)
    path.write_text("\n".join(" ".join(document) for document in corpus.documents), encoding="utf-8")
    return path


def test_embed_writes_vectors_and_a_report(text, tmp_path, capsys):
    out = tmp_path / "out"
    embed(text, out, dimensions=10, runs=2, seed=3)
    assert len(load_vectors(out / "vectors.safetensors")) == len(load_vectors(out / "vectors.txt"))
    facts = Run.open(out).facts
    assert facts["status"] == "finished"
    assert facts["command"].endswith(
        f"corpus.txt --out {out} --seed 3 --dimensions 10 --window 5 --epochs 5 --least 5 --runs 2"
    )
    assert [section["title"] for section in Run.open(out).sections] == ["Word vectors", "Stability"]
    assert (out / "report.html").exists()
    assert "vectors of 10 numbers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda t, o: embed(t.parent / "no.txt", o), FileNotFoundError, "path: there is no file"),
        (
            lambda t, o: embed(t, o, window=30),
            ValueError,
            "embed: window is 30, but the longest document has 25",
        ),
        (lambda t, o: embed(t, o, runs=1), ValueError, "runs: 1 was given, but a spread needs at least 2"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_folder_is_made(act, error, message, text, tmp_path):
    with pytest.raises(error, match=message):
        act(text, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_killed_run_leaves_complete_files_or_none(text, tmp_path):
    """Killed at an arbitrary moment of training and writing, twice: what bears a final name can be read."""
    script = (
        "from pathlib import Path\nfrom ceteris.text.words.command import embed\n"
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
