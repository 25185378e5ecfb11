"""No line of another library reaches the user of a command: each command is run on a small input of its own."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from processes import ROOT
from text.tiny import with_tokenizer

NOISE = re.compile(
    r"\w*Warning\b|Traceback|site-packages|\.py:\d+|^[IWEF]\d{4} |^\d{4}-\d\d-\d\d .*: [IWEF] |\bXLA\b|\bxla\b|"
    r"tensorflow|TF_|CUDA|cuda|absl|font cache|[Nn]umba\b|catastrophic|Very slow|overflow|divide by zero|"
    r"invalid value|lbfgs|max_iter"
)
ALLOWED = re.compile(r"^[\w\[\]-]+ {3,}")  # what `ceteris doctor` lists: a name, and what there is of it

COMMANDS = {
    "fit": "fit wages.csv --target wage --out runs/fit",
    "effect": "effect wages.csv --y wage --d training --out runs/effect",
    "effect of numbers": "effect wages.csv --y wage --d age --design partially-linear --out runs/numbers",
    "impute": "impute holes.csv -m 2 --no-check --out completed",
    "impute by chains": "impute holes.csv -m 2 --method chained --no-check --out chained",
    "pool": "pool chained --y wage --x age --out runs/pool",
    "synthesize": "synthesize wages.csv --steps 20 --out runs/synthetic",
    "embed": "embed corpus.txt --dimensions 4 --epochs 1 --out runs/vectors",
    "generate": "generate tiny word1 --length 8",
    "models": "models",
    "check": "check growth",
    "solve": "solve growth --tolerance 1e-3 --out runs/solve",
    "gallery": "gallery genz --quick --out runs/gallery",
    "report": "report runs/effect",
    "runs": "runs",
    "doctor": "doctor",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with small inputs; rows so few that splits and fits are at their limits."""
    folder = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    n = 150
    age, sex = rng.integers(20, 60, n), rng.choice(["female", "male"], n)
    training = (rng.random(n) < 0.4).astype(int)
    wage = (10 + 0.1 * age + training + rng.normal(size=n)).round(2)
    table = pd.DataFrame({"age": age, "sex": sex, "same": 1, "training": training, "wage": wage})
    table.to_csv(folder / "wages.csv", index=False)
    table.assign(wage=table["wage"].mask(rng.random(n) < 0.1)).to_csv(folder / "holes.csv", index=False)
    words = np.array([f"word{k}" for k in range(20)])
    lines = [" ".join(rng.choice(words, 12)) for _ in range(200)]
    (folder / "corpus.txt").write_text("\n".join(lines), encoding="utf-8")
    with_tokenizer().save(folder / "tiny")
    return folder


def noise(text):
    """Lines that another library has written."""
    return [line for line in text.splitlines() if NOISE.search(line) and not ALLOWED.match(line)]


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_command_passes_on_what_another_library_says(words, home, monkeypatch):
    """With fonts that matplotlib has not looked through, as on the first day."""
    monkeypatch.setenv("MPLCONFIGDIR", str(home / "fonts"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    command = [sys.executable, "-m", "ceteris.cli", *words.split()]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=900)
    assert noise(done.stdout + done.stderr) == []
    assert done.returncode in (0, 1), done.stderr  # 1: done, but a check failed
    assert "error:" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "/x/site-packages/sklearn/linear_model/_logistic.py:465: ConvergenceWarning: lbfgs failed to converge",
        "  warnings.warn(FutureWarning('soon'))",
        "RuntimeWarning: invalid value encountered in divide",
        "E0000 00:00:1764380000.1 412 slow_operation_alarm.cc:73] Very slow compile?",
        "2026-11-29 02:00:00.1: E external/xla/xla/service/slow_operation_alarm.cc:73]",
        "Matplotlib is building the font cache; this may take a moment.",
        "An NVIDIA GPU may be present on this machine, but a CUDA-enabled jaxlib is not installed.",
    ],
)
def test_noise_is_told(line):
    assert noise(line) == [line]


def test_what_we_say_is_no_noise():
    said = "warning: x: 'a' is a combination of others.\nImputer: 5 of 103 steps, loss 1.4\nReport: runs/a/report.html"
    assert noise(said) == []


def test_warnings_of_ours_are_lines_and_those_of_others_are_not_shown(capsys):
    import warnings

    from ceteris import cli

    with warnings.catch_warnings():
        cli.quiet()
        warnings.simplefilter("always")
        warnings.warn_explicit("Overlap is\nweak.", UserWarning, str(ROOT / "src" / "ceteris" / "causal" / "x.py"), 3)
        warnings.warn_explicit("divide by zero", RuntimeWarning, str(ROOT / "src" / "ceteris" / "causal" / "x.py"), 4)
        warnings.warn_explicit("Soon.", FutureWarning, "/lib/site-packages/sklearn/base.py", 5)
    assert capsys.readouterr().err == "warning: Overlap is weak.\n"
