"""The import rule and the budgets of the house, read from the source with ``ast`` (nothing is imported)."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "src" / "ceteris"

# What each part may import besides itself; "" is the package's own __init__, which holds the version and lazy names.
# A part that is not listed is a domain: it may use everything below the domains, but no other domain.
ALLOWED = {
    "": {"engine", "lazy", "version", "recipe", "learners", "equilibrium", "estimates", "saved"},
    "version": set(),
    "files": {"version"},  # a leaf: what everybody writes and reads with
    "lazy": set(),  # names imported when first used: for the __init__ of any package
    "fingerprint": set(),  # another leaf
    "stopping": set(),  # a third
    "keys": set(),  # and a fourth: random keys
    "arguments": set(),  # a fifth: what an argument may be, and the sentence that says so
    "programs": {"files", "outlets"},  # compiled ones, kept between processes
    "engine": {"files", "keys", "programs", "stopping"},
    "recipe": {"arguments", "engine", "keys", "stats"},
    "nets": {"arguments", "keys"},
    "stats": {"arguments", "keys"},
    "data": {"arguments", "keys"},
    "outlets": set(),  # where text leaves; whoever writes text may use it, but the engine
    "results": {"arguments", "stats", "outlets", "evidence", "estimates", "showing"},
    "showing": {"arguments", "evidence", "files", "outlets", "report"},  # what every result does
    "fitted": {"outlets", "showing"},  # what every estimator does in scikit-learn's manner
    "saved": {"files", "equilibrium", "text"},  # a bridge: whatever was saved
    "drawing": {"outlets"},  # pictures: whoever has a figure may ask for one
    "estimates": {"arguments", "evidence", "files", "outlets", "results", "showing", "stats"},  # of results
    "evidence": {"arguments", "drawing", "files", "outlets"},  # of results, from where others import it
    "scratch": {"arguments"},
    "tables": {"arguments", "lazy", "results", "outlets", "files"},
    "training": {"arguments", "engine", "recipe", "nets"},
    "learners": {"arguments", "lazy", "files", "keys", "engine", "recipe", "training", "nets", "results", "data"}
    | {"stats", "outlets", "tables", "fitted", "showing"},
    "report": {"drawing", "evidence", "files", "lazy", "outlets", "stopping"},
    "testing": {
        "engine",
        "evidence",
        "lazy",
        "recipe",
        "saved",
        "showing",
        "equilibrium",
    },  # a suite for each thing a user may write
}
DOMAIN = {
    "lazy",
    "files",
    "fingerprint",
    "keys",
    "programs",
    "engine",
    "recipe",
    "training",
    "nets",
    "learners",
    "stats",
    "data",
    "results",
    "report",
}
DOMAIN |= {"arguments", "drawing", "estimates", "evidence", "fitted", "outlets", "showing", "tables"}
# The command and the demonstration may import every part, the gallery every part but these and report.
DOORS = {"cli", "demo", "gallery"}

RECIPE_BUDGET, FILE_BUDGET = 2_370, 450  # lines, docstrings included; blank ones do not count for the first


def part(module: str) -> str:
    """Return which part of the house a dotted name belongs to: 'ceteris.engine.fit' -> 'engine'."""
    return [*module.split("."), ""][1]


def modules(house: Path) -> dict[str, Path]:
    """Return every module below ``house`` by its dotted name."""
    found = {}
    for path in sorted(house.rglob("*.py")):
        words = path.relative_to(house.parent).with_suffix("").parts
        found[".".join(words[:-1] if words[-1] == "__init__" else words)] = path
    return found


def imports(source: str, known: set[str], package: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of every module of the house that a source imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            home = ".".join([*package.split(".")[: len(package.split(".")) + 1 - node.level], node.module or ""])
            home = (home if node.level else node.module or "").strip(".")
            names = [f"{home}.{alias.name}" if f"{home}.{alias.name}" in known else home for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "ceteris")


def allowed(importer: str, imported: str, parts: set[str]) -> bool:
    if importer == imported or importer == "cli":
        return True
    if importer == "demo":
        return imported not in DOORS
    if importer == "gallery":
        return imported not in DOORS | {"report"}
    return imported in ALLOWED.get(importer, DOMAIN) and imported in parts


def violations(house: Path) -> list[str]:
    """Return one sentence per import that the rule forbids."""
    found = modules(house)
    parts = {part(name) for name in found}
    wrong = []
    for name, path in found.items():
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        for line, imported in imports(path.read_text(encoding="utf-8"), set(found), package):
            if not allowed(part(name), part(imported), parts):
                wrong.append(f"{path.relative_to(house)}:{line}: {part(name) or 'ceteris'} must not import {imported}")
    return wrong


def circle(house: Path) -> list[str]:
    """Return the modules of one circle of imports, wherever in a file they are made; none if there is none."""
    found = modules(house)
    package = lambda name, path: name if path.stem == "__init__" else name.rpartition(".")[0]
    graph = {
        name: {other for _, other in imports(path.read_text(encoding="utf-8"), set(found), package(name, path))}
        for name, path in found.items()
    }
    try:
        TopologicalSorter({name: (others & set(found)) - {name} for name, others in graph.items()}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_every_import_follows_the_rule():
    assert not violations(HOUSE), "\n".join(violations(HOUSE))


def test_no_imports_go_in_a_circle():
    assert not circle(HOUSE), " -> ".join(circle(HOUSE))


def test_engine_and_recipe_stay_within_their_budget():
    files = [path for part in ("engine", "recipe") for path in (HOUSE / part).rglob("*.py")]
    total = sum(bool(line.strip()) for path in files for line in path.read_text(encoding="utf-8").splitlines())
    assert 0 < total <= RECIPE_BUDGET, f"engine and recipe have {total} lines together; the budget is {RECIPE_BUDGET}"


def test_no_file_is_too_long():
    long = {str(path.relative_to(HOUSE)): lines(path) for path in HOUSE.rglob("*.py") if lines(path) > FILE_BUDGET}
    assert not long, f"over {FILE_BUDGET} lines: {long}"


# ------------------------------------------------------------------------------- the checker can find what it looks for


@pytest.mark.parametrize(
    ("file", "source", "at_fault"),
    [
        ("engine/fit.py", "from ceteris.recipe import Descend", "ceteris.recipe"),
        ("engine/fit.py", "import ceteris.nets.mlp as m", "ceteris.nets.mlp"),
        ("engine/fit.py", "def f():\n    from ceteris import learners", "ceteris.learners"),
        ("engine/fit.py", "from ..recipe import Descend", "ceteris.recipe"),
        ("engine/fit.py", "from .. import recipe", "ceteris.recipe"),
        ("nets/mlp.py", "from ceteris.results import Check", "ceteris.results"),
        ("report/html.py", "from ceteris.learners import compare", "ceteris.learners"),
        ("gallery/genz.py", "from ceteris.report import Run", "ceteris.report"),
        ("learners/base.py", "from ceteris import cli", "ceteris.cli"),
        ("causal/score.py", "from ceteris.impute import fill", "ceteris.impute"),
    ],
)
def test_a_violation_is_found(tmp_path, file, source, at_fault):
    house = made_up_house(tmp_path)
    (house / file).write_text(source)
    assert [sentence.rpartition(" ")[2] for sentence in violations(house)] == [at_fault]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("engine/fit.py", "from . import status\nfrom ceteris.engine.run import Status"),
        ("recipe/descend.py", "from ceteris.engine import State\nfrom .play import Play\nimport numpy"),
        ("causal/score.py", "from ceteris.learners import compare"),
        ("cli.py", "from ceteris.causal.score import f\nfrom ceteris.report import Run"),
    ],
)
def test_what_the_rule_allows_passes(tmp_path, file, source):
    house = made_up_house(tmp_path)
    (house / file).write_text(source)
    assert not violations(house)


def test_a_circle_is_found_even_where_an_import_waits_for_a_call(tmp_path):
    house = made_up_house(tmp_path)
    (house / "causal" / "a.py").write_text("from ceteris.causal.b import f")
    (house / "causal" / "b.py").write_text("def f():\n    from ceteris.causal import a")
    assert set(circle(house)) == {"ceteris.causal.a", "ceteris.causal.b"}


def made_up_house(tmp_path: Path) -> Path:
    house = tmp_path / "ceteris"
    parts = ("engine", "recipe", "nets", "learners", "report", "gallery", "causal", "impute", "")
    for name in parts:
        (house / name).mkdir(parents=True, exist_ok=True)
        (house / name / "__init__.py").write_text("")
    for name in ("cli", "results"):
        (house / f"{name}.py").write_text("")
    return house
