"""Every example in the README and the documentation runs alone, every command in them runs, every link leads on."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
SLOW = {
    "README.md",
    "docs/causal.md",
    "docs/forests.md",
    "docs/heterogeneity.md",
    "docs/synthesis.md",
    "docs/text.md",
    "docs/texts.md",
    "docs/impute.md",
    "docs/recipe.md",
    "docs/learners.md",
    "docs/nets.md",
    "docs/testing.md",
    "docs/equilibrium.md",
    "docs/symmetry.md",
    "docs/saving.md",
    "docs/cycles.md",
    "docs/in-context.md",
    "docs/nowcasts.md",
    "docs/volatility.md",
    "docs/tutorials/applied-ml.md",
    "docs/tutorials/macroeconomist.md",
    "docs/tutorials/political-scientist.md",
    "docs/translation.md",
}
TOO_LONG = {"ceteris gallery bias_variance": "its --quick form is run"}

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """Return the line on which each block of a language starts, and its source."""
    return [(text.count("\n", 0, fence.start(2)), fence[2]) for fence in FENCE.finditer(text) if fence[1] == language]


def run(page: str, line: int, source: str) -> None:
    """Run one block in a namespace of its own; tracebacks name the page and its line."""
    exec(compile("\n" * line + source, page, "exec"), {"__name__": "documentation"})


def all_blocks(language: str, slow: bool) -> list:
    """Return (page, line, source) of each block; those of slow pages are left out unless they are asked for."""
    return [
        pytest.param(name(page), line, source, id=f"{name(page)}:{line + 1}")
        for page in PAGES
        if slow or name(page) not in SLOW
        for line, source in blocks(page.read_text(encoding="utf-8"), language)
    ]


@pytest.mark.parametrize(("page", "line", "source"), all_blocks("python", slow=False))
def test_a_block_runs_alone(page, line, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page, line, source)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line", "source"), all_blocks("python", slow=True))
def test_a_block_runs_alone_in_a_fresh_interpreter(page, line, source, tmp_path):
    (tmp_path / "block.py").write_text(source, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", "block.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, f"{page}, from line {line + 1}:\n{done.stderr}"


def undefined(sources: dict[str, str], folder: Path) -> str:
    """Return what ruff says about names that no block has defined itself."""
    for file, source in sources.items():
        (folder / f"{re.sub(r'[^a-z0-9]', '_', file)}.py").write_text(source, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise", "."]
    return subprocess.run(ruff, cwd=folder, capture_output=True, text=True).stdout


def test_every_block_brings_the_names_it_uses(tmp_path):
    sources = {
        f"{page}_{line + 1}": source for page, line, source in (p.values for p in all_blocks("python", slow=True))
    }
    assert undefined(sources, tmp_path) == "All checks passed!\n"


# ------------------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize(("page", "line", "source"), all_blocks("sh", slow=True))
def test_commands_parse(page, line, source):
    for words in (shlex.split(command, comments=True) for command in source.splitlines()):
        if words[:1] == ["ceteris"]:
            parse(words[1:])
        if words[:1] == ["make"]:
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), f"{page}: {words}"


def parse(words: list[str]) -> None:
    """Have typer read a command line without running it; it raises on an unknown command or option."""
    import typer

    from ceteris.cli import app

    group = typer.main.get_command(app)
    command = group.commands[words[0]]
    command.make_context(words[0], words[1:])


def inputs(folder: Path, holes: bool) -> None:
    """Write small files under the names that the documentation uses; a survey that is imputed has holes."""
    from ceteris.data import simulate_corpus

    rng = np.random.default_rng(0)
    n = 120
    survey = pd.DataFrame({"age": rng.integers(20, 60, n), "size": rng.integers(1, 6, n)})
    survey["region"] = rng.integers(1, 4, n)
    survey["educ"] = rng.integers(8, 18, n).astype(float)
    survey["income"] = survey["wage"] = 10.0 + survey["educ"] + rng.normal(size=n).round(3)
    survey.loc[rng.random(n) < 0.2 * holes, "educ"] = np.nan
    whole = survey.drop(columns="educ").assign(exper=survey["age"] - 18, price=survey["wage"] * 2)
    whole["bought"] = whole["d"] = (rng.random(n) < 0.5).astype(int)
    whole["y"] = whole["d"] + 0.1 * whole["age"] + rng.normal(size=n).round(3)
    keys = {"interviewer": rng.integers(1, 9, n), "respondent": np.arange(n)}
    survey.assign(**keys).to_csv(folder / "survey.csv", index=False)
    whole.to_csv(folder / "data.csv", index=False)
    whole.to_csv(folder / "table.csv", index=False)
    whole.to_parquet(folder / "data.parquet")
    months = pd.date_range("2016-01-01", periods=96, freq="MS").astype(str)
    sales = {"shop": np.repeat(["north", "south"], 96), "month": [*months, *months]}
    sales["sales"] = 100 + 20 * np.sin(np.pi * np.tile(np.arange(96), 2) / 6) + rng.normal(size=192).round(3)
    pd.DataFrame(sales).to_csv(folder / "sales.csv", index=False)
    documents = [" ".join(words) for words in simulate_corpus(300, words=40, seed=0).documents]
    (folder / "corpus.txt").write_text("\n".join(documents), encoding="utf-8")
    page = (ROOT / "docs" / "equilibrium.md").read_text(encoding="utf-8")
    model = next(source for _, source in blocks(page, "python") if "class Growth" in source)
    (folder / "my_model.py").write_text(model.split("\nsolution = ")[0].replace("Growth", "MyModel"), encoding="utf-8")


def commands(page: Path) -> list[str]:
    """Return the lines of a page that call the command, in their order."""
    sources = "".join(source for _, source in blocks(page.read_text(encoding="utf-8"), "sh"))
    return [line for line in sources.splitlines() if line.startswith("ceteris ") and line not in TOO_LONG]


@pytest.mark.slow
@pytest.mark.parametrize("page", [pytest.param(page, id=name(page)) for page in PAGES if commands(page)])
def test_commands_run_on_small_inputs(page, tmp_path):
    inputs(tmp_path, holes=any("impute" in line for line in commands(page)))
    for _, source in blocks(page.read_text(encoding="utf-8"), "python"):
        if ".to_csv(" in source:  # the page brings its tables itself
            subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, check=True)
    for line in commands(page):
        words = [sys.executable, "-c", "from ceteris.cli import main; main()", *shlex.split(line, comments=True)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        refused = f"{line}\n```\n\n```text\nerror:" in page.read_text(encoding="utf-8")  # shown as an example
        assert done.returncode == 2 * refused, f"{line}\n{done.stdout}\n{done.stderr}"


def test_links_of_the_root_pages_lead_somewhere():
    for page in PAGES[:2]:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{name(page)} links to {target}"


# -------------------------------------------------------------------------- the checks can find what they look for


def test_a_failing_example_is_found_at_its_line():
    (_, first), (line, second) = blocks("text\n\n```python\nx = 1\n```\n\n```python\n\nx / 0\n```\n", "python")
    with pytest.raises(NameError, match="'x'") as failure:
        run("page.md", line, second)
    assert (str(failure.traceback[-1].path), failure.traceback[-1].lineno + 1) == ("page.md", 9)
    with pytest.raises(ZeroDivisionError):
        run("page.md", line, first + second)


def test_a_block_that_leans_on_another_is_found(tmp_path):
    assert "Undefined name `x`" in undefined({"page.md_9": "x / 0\n"}, tmp_path)


def test_an_unknown_option_is_found():
    import click

    parse(["gallery", "genz", "--quick"])
    with pytest.raises(KeyError, match="galery"):
        parse(["galery"])
    with pytest.raises(Exception, match="quik") as failure:
        parse(["gallery", "genz", "--quik"])
    assert isinstance(failure.value, click.ClickException) or "NoSuchOption" in type(failure.value).__name__
