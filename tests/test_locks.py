"""The locks hold what pyproject.toml asks for, each file of it with its hash, and nothing else."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENT = re.compile(r"^([a-z0-9-]+)==(\S+)( ; [^\\\n]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def pinned(text: str) -> dict[tuple[str, str], list[str]]:
    """Return {(name, version): hashes} of what a lock pins; a line that is none of it is refused."""
    rest = REQUIREMENT.sub("", re.sub(r"^#.*$", "", text, flags=re.MULTILINE)).strip()
    assert not rest, f"the lock has lines that pin nothing: {rest[:200]}"
    return {(line[1], line[2]): re.findall(r"[0-9a-f]{64}", line[4]) for line in REQUIREMENT.finditer(text)}


def lock(name: str) -> dict[tuple[str, str], list[str]]:
    return pinned((ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8"))


def asked(*extras: str) -> set[str]:
    """Return the names of what the project, its build and some of its extras ask for, extras of extras included."""
    todo = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
    for extra in extras:
        todo += PROJECT["project"]["optional-dependencies"][extra]
    inner = {found for line in todo for found in re.findall(r"^ceteris\[(\w+)\]", line)}
    if not inner <= set(extras):
        return asked(*extras, *sorted(inner - set(extras)))
    return {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in todo} - {"ceteris"}


@pytest.mark.parametrize(("name", "extras"), [("run", ()), ("test", ("test",))])
def test_what_is_asked_for_is_locked(name, extras):
    assert asked(*extras) - {package for package, _ in lock(name)} == set()


def test_what_the_library_runs_on_is_what_it_is_tested_on():
    run, test = lock("run"), lock("test")
    assert run == {key: test.get(key) for key in run}


def test_a_line_without_a_hash_is_found():
    text = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match=r"pin nothing: numpy==2\.0"):
        pinned("numpy==2.0\n" + text)


def test_the_pythons_of_the_project_are_those_it_is_tested_on():
    classifiers = {line.split()[-1] for line in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)}
    script = (ROOT / "tests" / "pythons.sh").read_text(encoding="utf-8")
    assert set(re.search(r"^VERSIONS=\(([^)]*)\)", script, re.MULTILINE)[1].split()) == classifiers
