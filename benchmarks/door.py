"""The front door: how soon commands answer, what the demonstration takes, whether documentation and contract hold.

And a stranger's path, typed from nothing with no compiled program kept: own model to report, CSV to effect, survey to
pooled regression, corpus to vectors. Lines count what is typed after ``pip install``, the model's file included.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bench

ROOT = Path(__file__).parents[1]
CETERIS = [sys.executable, "-m", "ceteris.cli"]
QUICK = {
    "--help": ["--help"],
    "--version": ["--version"],
    "models": ["models"],
    "gallery": ["gallery"],
    "runs": ["runs"],
    "refusal: no such command": ["solv"],
    "refusal: no such model": ["solve", "groth"],
    "refusal: no such file": ["effect", "none.csv", "--y", "y", "--d", "d"],
}


def timed(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> tuple[float, float, int]:
    """CPU seconds, seconds on the clock and the exit code of a command in a folder."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.monotonic() - start, done.returncode


@contextmanager
def fresh() -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder, and an environment in which no program is kept from before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "work"
        folder.mkdir()
        yield folder, {"CETERIS_CACHE": f"{name}/programs", "NUMBA_CACHE_DIR": f"{name}/numba"}


def commands():
    with fresh() as (folder, _):
        for name, words in QUICK.items():
            cpu = statistics.median(timed([*CETERIS, *words], folder)[0] for _ in range(5))
            yield bench.at_most(f"ceteris {name}, CPU", cpu, "s", 0.5)


def demo():
    with fresh() as (folder, environment):
        cpu, wall, code = timed([*CETERIS, "demo"], folder, environment)
        yield bench.at_most("make demo, nothing compiled, clock", wall if code == 0 else float("inf"), "s", 240)
        yield bench.Row("make demo, nothing compiled, CPU", cpu, "s")
        cpu, wall, _ = timed([*CETERIS, "demo"], folder, environment)
        yield bench.Row("make demo, again, clock", wall, "s")


def outcomes(*selection: str) -> tuple[int, int]:
    """How many of the tests selected passed, and how many there are."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *selection], cwd=ROOT, capture_output=True
        )
        suite = next(ET.parse(report).getroot().iter("testsuite"))
    count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    return count["tests"] - count["failures"] - count["errors"] - count["skipped"], count["tests"]


def shares(name: str, *selection: str) -> Iterator[bench.Row]:
    passed, all_ = outcomes(*selection)
    yield bench.at_least(f"{name}: pass", passed, f"of {all_}", all_)


def documentation():
    yield from shares("blocks of README and docs, each in a fresh interpreter", "tests/test_docs.py", "-k", "fresh")
    yield from shares("commands of README and docs, on small inputs", "tests/test_docs.py", "-k", "command")
    yield from shares("pages with an output or a figure", "tests/test_docs_pages.py", "-k", "output_or_a_figure")


def contract():
    yield from shares(
        "public fitted classes and results: screen, HTML, figures, file", "tests/door", "-k", "each_shows"
    )
    yield from shares("no public class is left out", "tests/door", "-k", "has_a_case")


def noise():
    yield from shares("commands on which no other library is heard", "tests/test_noise.py")


def block(page: str, number: int = 0) -> str:
    """A block of Python of a page of the documentation."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[number]


def stranger():
    with fresh() as (folder, environment):
        source = block("equilibrium.md")
        model = re.search(r"^class (\w+)", source, re.MULTILINE)
        assert model is not None
        (folder / "model.py").write_text(source[: source.index("\n\n\n", model.start())] + "\n")
        lines = len([line for line in (folder / "model.py").read_text().splitlines() if line.strip()])
        yield from path("own model to report", [f"solve model.py:{model[1]}"], folder, environment, lines)
    with fresh() as (folder, environment):
        tables(folder)
        effect = "effect wages.csv --y wage --d training --x age,educ,sex,region --cluster town"
        yield from path("CSV to effect, table and figure", [effect], folder, environment)
        survey = ["impute survey.csv", "pool completed --y wage --x educ,age,training"]
        yield from path("survey to pooled regression", survey, folder, environment)
    with fresh() as (folder, environment):
        from ceteris.data import simulate_corpus

        documents = simulate_corpus(documents=2_000, words=300, seed=0).documents
        (folder / "corpus.txt").write_text("\n".join(map(" ".join, documents)), encoding="utf-8")
        yield from path("corpus to word vectors", ["embed corpus.txt"], folder, environment)


def tables(folder: Path) -> None:
    """Write the two tables of the page on the shell."""
    home = Path.cwd()
    os.chdir(folder)
    try:
        exec(block("shell.md"), {"__name__": "documentation"})
    finally:
        os.chdir(home)


def path(name: str, typed: list[str], folder: Path, environment: dict[str, str], lines: int = 0):
    """Run what is typed; lines typed, CPU seconds, and whether a report came of it."""
    total = 0.0
    for line in typed:
        cpu, _, code = timed([*CETERIS, *line.split()], folder, environment)
        total += cpu if code == 0 else float("inf")
    yield bench.Row(f"stranger: {name}, lines typed", lines + len(typed), "lines")
    yield bench.Row(f"stranger: {name}, CPU", total, "s")
    reports = len(list(folder.rglob("report.html")))
    yield bench.at_least(f"stranger: {name}, reports", reports, "pages", 1)
    shutil.rmtree(folder / "runs", ignore_errors=True)


if __name__ == "__main__":
    found = {"commands": commands, "demo": demo, "stranger": stranger, "contract": contract, "noise": noise}
    bench.main({**found, "documentation": documentation}, __file__)
