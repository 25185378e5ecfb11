"""Every example in the README and the documentation runs, every command in them parses, every link leads on."""

import re
import shlex
from pathlib import Path

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
    "docs/impute.md",
    "docs/recipe.md",
    "docs/learners.md",
    "docs/nets.md",
    "docs/testing.md",
    "docs/equilibrium.md",
    "docs/symmetry.md",
}

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """Return the line on which each block of a language starts, and its source."""
    return [(text.count("\n", 0, fence.start(2)), fence[2]) for fence in FENCE.finditer(text) if fence[1] == language]


def run(page: str, text: str) -> None:
    """Run the Python of one page from top to bottom in one namespace; tracebacks name the page and its line."""
    namespace = {"__name__": "documentation"}
    for line, source in blocks(text, "python"):
        exec(compile("\n" * line + source, page, "exec"), namespace)


def with_examples(language: str) -> list:
    slow = lambda page: [pytest.mark.slow] if name(page) in SLOW else []
    pages = [page for page in PAGES if blocks(page.read_text(encoding="utf-8"), language)]
    return [pytest.param(page, id=name(page), marks=slow(page)) for page in pages]


@pytest.mark.parametrize("page", with_examples("python"))
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(name(page), page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", with_examples("sh"))
def test_commands_parse(page):
    for _, source in blocks(page.read_text(encoding="utf-8"), "sh"):
        for line in source.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["ceteris"]:
                parse(words[1:])
            if words[:1] == ["make"]:
                assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), line


def parse(words: list[str]) -> None:
    """Have typer read a command line without running it; it raises on an unknown command or option."""
    import typer

    from ceteris.cli import app

    group = typer.main.get_command(app)
    command = group.commands[words[0]]
    command.make_context(words[0], words[1:])


def test_links_of_the_root_pages_lead_somewhere():
    for page in PAGES[:2]:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{name(page)} links to {target}"


# -------------------------------------------------------------------------- the checks can find what they look for


def test_a_failing_example_is_found_at_its_line():
    with pytest.raises(ZeroDivisionError) as failure:
        run("page.md", "text\n\n```python\nx = 1\n```\n\n```python\n\nx / 0\n```\n")
    assert (str(failure.traceback[-1].path), failure.traceback[-1].lineno + 1) == ("page.md", 9)


def test_an_unknown_option_is_found():
    import click

    parse(["gallery", "genz", "--quick"])
    with pytest.raises(KeyError, match="galery"):
        parse(["galery"])
    with pytest.raises(Exception, match="quik") as failure:
        parse(["gallery", "genz", "--quik"])
    assert isinstance(failure.value, click.ClickException) or "NoSuchOption" in type(failure.value).__name__
