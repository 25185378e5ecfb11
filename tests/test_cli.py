"""The command line: quick to answer, one sentence for an error, and the evidence on disk."""

import json
import re

import pytest

from ceteris import cli
from ceteris.files import free_folder
from ceteris.report import Run
from ceteris.results import Check, Section
from processes import python, start
from shell import call


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "runs" / "first", "ceteris fit [data].csv", {}, seed=0) as run:
        run.write([Section("Fit", checks=(Check("fit", True, "It fits."), Check("rows", None, "Few.")))])
    return run


AT_ONCE = {
    "help": ["--help"],
    "version": ["--version"],
    "runs": ["runs"],
    "no such command": ["bogus"],
    "no such file to fit": ["fit", "no.csv", "--target", "y"],
    "no such file to impute": ["impute", "no.csv"],
    "no such method": ["impute", "no.csv", "--method", "nests"],
    "no such folder to pool": ["pool", "none", "--y", "y", "--x", "x"],
    "options that contradict each other": ["effect", "no.csv", "--y", "y", "--d", "d", "--design", "iv"],
    "no such corpus": ["embed", "no.txt"],
    "no such texts": ["prepare", "none"],
    "nothing to pretrain on": ["pretrain", "none"],
    "no such table": ["synthesize", "no.csv"],
    "no such series": ["forecast", "no.csv", "--time", "t", "--target", "y"],
    "no such run": ["report", "none"],
}


HEAVY = ("jax", "sklearn", "scipy", "matplotlib", "numba", "pandas")  # half a second of importing, each but one


@pytest.mark.parametrize("words", AT_ONCE.values(), ids=AT_ONCE)
def test_what_only_lists_or_refuses_answers_at_once(words, run, monkeypatch):
    """Nothing heavy is imported; the half second itself is measured in benchmarks/door.py, where nobody else works."""
    monkeypatch.chdir(run.folder.parents[1])
    told = f"atexit.register(lambda: print('HEAVY', *set({HEAVY}) & set(sys.modules), file=sys.stderr))"
    process = start(f"import atexit, sys; {told}; from ceteris.cli import main; main({words!r})")
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 2)
    assert "Traceback" not in err, err
    assert err.splitlines()[-1] == "HEAVY"


def test_help_lists_the_commands_and_what_they_do_in_a_line_each(capsys):
    _, out, _ = call(capsys, "--help")
    names = ("demo", "fit", "effect", "impute", "pool", "solve", "gallery", "report", "runs", "doctor")
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ") and line.split()}
    assert set(names) <= set(lines)
    assert all(not lines[name].endswith("...") for name in ("fit", "effect", "impute", "pool", "runs"))


def test_the_version_is_said(capsys):
    from ceteris.version import __version__

    assert call(capsys, "--version")[:2] == (0, f"ceteris {__version__}\n")


def test_help_imports_nothing_heavy():
    code = "import sys\nfrom ceteris.cli import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    loaded = set(python(code)[0].split())
    assert "typer" in loaded
    assert not loaded & {"jax", "numpy", "sklearn", "pandas", "matplotlib", "equinox", "optax", "scipy", "rich"}


def test_report_names_the_page_it_wrote(capsys, run):
    code, out, _ = call(capsys, "report", run.folder)
    assert (code, out) == (0, f"Report: {run.folder / 'report.html'}\n")
    assert (run.folder / "report.html").stat().st_size > 1000


def test_runs_lists_them_and_survives_a_broken_one(capsys, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    (run.folder.parent / "broken").mkdir()
    (run.folder.parent / "broken" / "run.json").write_text("{")
    code, out, _ = call(capsys, "runs", run.folder.parent)
    assert code == 0
    assert re.search(r"first +\S+ \S+ +finished +1/2 passed +ceteris fit \[data\]\.csv", out)
    assert re.search(r"broken +unreadable: ", out)
    (run.folder / "sections.json").write_text("[")
    assert re.search(r"finished +unreadable", call(capsys, "runs", run.folder.parent)[1])


def test_runs_fit_on_a_screen_the_newest_first(capsys, run, monkeypatch):
    for number in range(25):
        facts = {
            **run.facts,
            "started": f"2026-01-{number + 1:02}T10:00:00+00:00",
            "command": "ceteris fit " + "x" * 99,
        }
        folder = run.folder.parent / f"night-{number}"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({**facts, "status": "failed: ValueError: " + "why " * 30}))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(run.folder.parents[1])
    _, out, _ = call(capsys, "runs")
    lines = out.splitlines()
    assert len(lines) == 22  # headings, twenty runs, and how many more
    assert max(map(len, lines)) <= 100
    assert lines[1].startswith("runs/first")  # begun now
    assert lines[2].startswith("runs/night-24")
    assert lines[-1] == "… and 6 more; `ceteris runs --all` lists them all."
    assert len(call(capsys, "runs", "--all")[1].splitlines()) == 27


def test_runs_shows_one_line_for_each_whatever_its_facts_hold(capsys, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "4000")
    nasty = "a\rb\n\u2028\x1b[2J\x1b]0;x\x07[bold]\ud800 " + "x" * 140_000
    for name, facts in {
        "texts": {"status": nasty, "command": nasty},
        "numbers": {"status": 3, "started": 2026, "command": [1, {}]},
        "nothing": {"hardware": None},
    }.items():
        (run.folder.parent / name).mkdir()
        (run.folder.parent / name / "run.json").write_text(json.dumps({**run.facts, **facts}))
    (run.folder.parent / "numbers" / "sections.json").write_text("[1]")
    code, out, _ = call(capsys, "runs", run.folder.parent)
    assert code == 0
    assert len(out.splitlines()) == 5  # a heading and four runs
    assert not set(out) & set("\r\u2028\x1b\x07\ud800")
    assert "a<U+000D>b↵<U+2028><U+001B>[2J<U+001B>]0;x<U+0007>[bold]<U+D800> x" in out
    assert out.count("x") < 3_000


def test_an_error_steers_no_terminal(capsys, tmp_path):
    code, _, err = call(capsys, "fit", tmp_path / "no\x1b[2J\u2028.csv", "--target", "y")
    assert code == 2
    assert "no<U+001B>[2J .csv" in err
    assert len(err.splitlines()) == 1


def test_runs_in_an_empty_folder_says_how_to_make_one(capsys, tmp_path):
    assert call(capsys, "runs", tmp_path)[:2] == (0, f"No runs in {tmp_path}; `ceteris demo` makes one.\n")


def table(tmp_path, text, name="data.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, (), r"data: there is no file .*data\.csv; give the path of a CSV or Parquet file\."),
        ("", (), r"data: .* cannot be read as a table \(No columns to parse from file\); check the file\."),
        ("x,y\n", (), r"data: .* has 0 rows and 2 columns; give a table with rows\."),
        ('x,y\n1,"2\n', (), r"data: .* cannot be read as a table \(.*EOF.*\); check the file\."),
        (
            "x,yield\n1,2\n",
            ("--target", "yeild"),
            r"target is 'yeild', but must be a column of the data: x, yield; did you mean 'yield'\?",
        ),
        ("x,z\n1,2\n", (), r"target is 'y', but must be a column of the data: x, z; choose one of them\."),
        ("x,y\n1,\n2,3\n3,\n", (), r"target: column 'y' has 2 missing values in 3 rows; remove those rows or fill"),
        ("x,y\n1,inf\n2,3.5\n3,\n", (), r"target: column 'y' has 1 missing and 1 infinite values in 3 rows; remove"),
        ("y\n1\n2\n", (), r"data: 'y' is the only column; give at least one other to predict it from\."),
        (
            "x,y\n1,2\n",
            ("--task", "regresion"),
            r"task is 'regresion', but must be one of .*; did you mean 'regression'\?",
        ),
        (
            "x,y\n1,2\n",
            ("--test-size", "1.5"),
            r"test_size is 1\.5, but must be a number above 0 and below 1; give one, such as 0\.2",
        ),
    ],
)
def test_bad_data_is_one_sentence_before_any_folder_is_made(capsys, tmp_path, text, options, message):
    path = tmp_path / "data.csv" if text is None else table(tmp_path, text)
    options = options if "--target" in options else ("--target", "y", *options)
    code, out, err = call(capsys, "fit", path, *options, "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert re.fullmatch(f"error: {message}.*\n", err), err
    assert not (tmp_path / "run").exists()


def test_a_file_of_another_kind_is_refused(capsys, tmp_path):
    path = table(tmp_path, "x", "data.xlsx")
    _, _, err = call(capsys, "fit", path, "--target", "y")
    assert err == f"error: data: {path} ends in '.xlsx'; give a .csv or .parquet file.\n"


def test_an_unwritable_folder_is_refused_before_any_work(capsys, tmp_path):
    path = table(tmp_path, "x,y\n1,2\n2,3\n")
    code, _, err = call(capsys, "fit", path, "--target", "y", "--out", path / "run")
    assert code == 2
    assert re.fullmatch(r"error: folder: .* because a file is in its place; name another folder\.\n", err)


def test_debug_shows_where_an_error_came_from(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run folder"):
        cli.main(["report", str(tmp_path), "--debug"])


def test_gallery_lists_its_names_and_corrects_a_wrong_one(capsys, tmp_path):
    code, out, _ = call(capsys, "gallery")
    assert code == 0
    assert "double_descent" in out.split()
    code, _, err = call(capsys, "gallery", "duoble_descent", "--out", tmp_path / "run")
    assert code == 2
    assert "error: name is 'duoble_descent', but must be one of " in err
    assert not (tmp_path / "run").exists()


def test_an_unknown_command_is_a_usage_error(capsys):
    code, _, err = call(capsys, "bogus")
    assert code == 2
    assert "bogus" in err


def test_a_run_without_a_name_takes_the_first_free_one(tmp_path):
    assert free_folder(tmp_path / "data") == tmp_path / "data"
    for name in ("data", "data-2"):
        (tmp_path / name).mkdir()
    assert free_folder(tmp_path / "data") == tmp_path / "data-3"


# --------------------------------------------------------------------------------------------- equilibrium models

MINE = '''
import jax
import jax.numpy as jnp
from ceteris.equilibrium import Model


class Cake(Model):
    """Growth without risk: a share alpha beta is saved."""

    beta: float = 0.9
    alpha: float = 0.3

    def shocks(self):
        return {}

    def outputs(self):
        return {"share": ()}

    def actions(self, raw, s):
        k1 = jax.nn.sigmoid(raw.share) * s.k**self.alpha
        return {"k1": k1, "c": s.k**self.alpha - k1}

    def move(self, s, a, shock):
        return {"k": a.k1}

    def residuals(self, s, a, E):
        return {"euler": 1 - E(lambda s1, a1: self.beta * self.alpha * s1.k ** (self.alpha - 1) * a.c / a1.c)}

    def start(self, key):
        return {"k": 0.1 + 0.2 * jax.random.uniform(key)}

    def steady_state(self):
        return {"k": (self.alpha * self.beta) ** (1 / (1 - self.alpha))}


class Broken(Cake):
    def move(self, s, a, shock):
        return {"kk": a.k1}
'''


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


def test_check_explains_a_users_own_model(capsys, mine):
    code, out, _ = call(capsys, "check", f"{mine}:Cake")
    assert code == 0
    assert "The model can be solved." in out
    code, out, _ = call(capsys, "check", f"{mine}:Broken")
    assert code == 1
    assert "Broken.move returned the states kk, but the states are k" in out


def test_solve_writes_a_report_and_a_solution_that_can_be_read(capsys, mine, tmp_path):
    from ceteris.equilibrium import load
    from ceteris.equilibrium.library import find_model

    out = tmp_path / "run"
    code, printed, err = call(capsys, "solve", f"{mine}:Cake", "--set", "beta=0.8", "--out", out, "--tolerance", "1e-5")
    assert code == 0, printed
    assert "Solved to tolerance" in printed
    stages = ("Checking the equations of Cake", "Judging the policy on", "Errors on 10,000 fresh states", "Writing the")
    assert all(re.search(rf"^{stage}.* \.\.\. [0-9.]+ s$", printed, re.M) for stage in stages), printed
    told = r"\d polish: \d+ of \d+ steps, error \S+ \(wanted 1e-05\)"
    assert all(re.match(told, line) for line in err.splitlines()), "nothing else is written to stderr"
    assert (out / "report.html").exists()
    with pytest.raises(
        ValueError, match=r"Cake \(mine\), which is not .* no code is run by loading; pass load\(folder,"
    ):
        load(out)
    solution = load(out, find_model(f"{mine}:Cake")(beta=0.8))
    assert solution.met
    a = solution.policy({"k": 0.2})
    assert float(a["k1"] / 0.2**0.3) == pytest.approx(0.3 * 0.8, rel=1e-4)  # αβ
    code, printed, _ = call(capsys, "solve", f"{mine}:Cake", "--set", "beta=0.8", "--out", out, "--tolerance", "1e-5")
    assert "Going on with" in printed  # finished phases are not run again
    assert code == 0


@pytest.mark.slow
def test_another_question_in_the_folder_of_a_solution_is_refused_or_asked_afresh(capsys, mine, tmp_path):
    from ceteris.equilibrium import load
    from ceteris.equilibrium.library import find_model

    out = tmp_path / "run"
    again = ("solve", f"{mine}:Cake", "--set", "beta=0.8", "--out", out, "--tolerance", "1e-5")
    assert call(capsys, *again)[0] == 0
    page = (out / "report.html").read_text()
    halved = MINE.replace("1 - E(lambda s1, a1: self.beta", "1 - E(lambda s1, a1: 0.5 * self.beta")
    mine.write_text(halved.replace("(self.alpha * self.beta) **", "(0.5 * self.alpha * self.beta) **"))
    code, _, err = call(capsys, *again)
    assert code == 2
    assert "holds the work on another question: another Cake.residuals; another Cake.steady_state" in err
    assert (out / "report.html").read_text() == page, "what the earlier run found is left as it was"
    code, printed, _ = call(capsys, *again, "--fresh")
    assert "Going on with" not in printed
    assert code == 0
    a = load(out, find_model(f"{mine}:Cake")(beta=0.8)).policy({"k": 0.2})
    assert float(a["k1"] / 0.2**0.3) == pytest.approx(0.5 * 0.3 * 0.8, rel=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["solve", "groth"], "did you mean 'growth'"),
        (["solve", "growth", "--set", "beta=1.2"], "beta is 1.2, but must be above 0 and below 1"),
        (["solve", "growth", "--precision", "half"], "precision is 'half', but must be one of double, single"),
        (["check", "nothing.py:Model"], "there is no file nothing.py"),
    ],
)
def test_solve_refuses_what_it_cannot_do(capsys, words, message):
    code, _, err = call(capsys, *words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["models"], "growth-labour"),
        (["solve", "groth"], "did you mean 'growth'"),
        (["check", "groth"], "did you mean 'growth'"),
        (["solve", "growth", "--set", "bta=0.9"], "Growth has no parameter 'bta'; did you mean 'beta'? Its parameters"),
        (["solve", "growth", "--set", "beta=high"], "beta=high was given, but beta is a float"),
        (["solve", "mine.py:Cake", "--set", "bta=0.9"], "Cake has no parameter 'bta'; did you mean 'beta'? Its"),
        (["check", "nothing.py:Model"], "there is no file nothing.py"),
    ],
)
def test_what_only_lists_or_refuses_needs_no_jax_and_half_a_second(mine, words, message):
    words = [str(mine.parent / word) if "mine" in word else word for word in words]
    code = f"import sys, time\nfrom ceteris.cli import main\ntry: main({words})\nexcept SystemExit: pass\n"
    out, err = python(code + "print(time.process_time(), *sys.modules)")
    assert message in out + err
    seconds, *loaded = out.splitlines()[-1].split()
    assert not {"jax", "numpy", "pandas", "equinox"} & set(loaded)
    assert float(seconds) < 0.5


def test_models_lists_the_library(capsys):
    from ceteris.equilibrium.library import LIBRARY

    code, out, _ = call(capsys, "models")
    assert code == 0
    assert all(name in out for name in LIBRARY)
