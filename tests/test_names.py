"""One name for one thing: classes over the whole house, arguments of all that is public; read with ``ast``.

The glossary in CONTRIBUTING says what each argument is called. Here is what it may not be called, and where it may.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "src" / "ceteris"

# what an argument is not called -> what it is called
SYNONYMS = {
    "verbose": "progress",
    "show_progress": "progress",
    "clusters": "cluster",
    "alpha": "level",
    "confidence": "level",
    "significance": "level",
    "size": "batch_size",
    "batch": "batch_size",
    "n_epochs": "epochs",
    "passes": "epochs",
    "n_steps": "steps",
    "max_iter": "steps",
    "iterations": "steps",
    "hidden": "widths",
    "layers": "widths",
    "hidden_sizes": "widths",
    "lr": "rate",
    "learning_rate": "rate",
    "tol": "tolerance",
    "atol": "tolerance",
    "eps": "tolerance",
    "n_jobs": "jobs",
    "threads": "jobs",
    "workers": "jobs",
    "cv": "folds",
    "splits": "folds",
    "n_folds": "folds",
    "n_splits": "folds",
    "n_repeats": "repeats",
    "repetitions": "repeats",
    "n_draws": "draws",
    "samples": "draws",
    "permutations": "draws",
    "simulations": "draws",
    "ensemble": "members",
    "n_members": "members",
    "n_estimators": "members",
    "early_stopping": "patience",
    "held_out": "test_size",
    "random_seed": "seed",
    "rng_key": "key",
}
# where such a word means something else: part of the house and callable, or the beginning of it
EXCEPTIONS = {
    "clusters": {
        "results.Estimate": "a field that holds all sets",
        "causal.Rows": "a field that holds all sets",
    },
    "alpha": {
        "causal.heterogeneity.TreeSettings": "grf's parameter: the least share of rows in a child",
        "impute.Adversarial": "GAIN's parameter: the weight of the observed cells",
        "nets.elu": "the paper's parameter",
        "sequence.simulate_garch": "the paper's parameter",
        "nets.leaky_relu": "the paper's parameter",
    },
    "size": {
        "nets": "inputs of a normalising layer, beside in_size and out_size of others",
        "results.Figure": "inches",
        "equilibrium.Solution.impulse_response": "how large a shock is",
    },
    "batch": {
        "recipe": "the batch itself, which an objective is given",
        "training": "the batch itself, which an objective is given",
    },
    "iterations": {
        "impute.Chained": "sweeps over the columns, no steps down a slope",
        "impute.Iterative": "sweeps over the columns, no steps down a slope",
    },
    "hidden": {
        "scratch": "the function of a layer in the teaching module",
        "text.models.Outputs": "the last vectors, which everybody calls hidden states",
    },
    "layers": {"scratch": "the layers themselves"},
    "cv": {"learners.compare": "a number or a splitter, scikit-learn's word"},
    "splits": {"results.Estimate": "a field: the estimates by repeat of the folds"},
    "samples": {
        "causal.DeDL.fit_many": "data sets to estimate from",
        "causal.StructuredNet.fit_many": "data sets to estimate from",
    },
    "ensemble": {"text.word_sections": "a `VectorEnsemble`"},
}
ROLES = ("data", "y", "d", "x", "z", "cluster")
ROWS = ("X", "y", "sample_weight")
KEYS = (
    "engine",
    "recipe",
    "nets",
    "training",
    "testing",
    "equilibrium",
    "text.models",
)  # where random numbers come from a key of JAX


# ------------------------------------------------------------------------------------------------- reading the house


@cache
def trees(house: Path) -> dict[str, ast.Module]:
    """Return every module below ``house`` by its dotted name without the first word; the package's own is ''."""
    found = {}
    for path in sorted(house.rglob("*.py")):
        words = path.relative_to(house).with_suffix("").parts
        name = ".".join(words[:-1] if words[-1] == "__init__" else words)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def listed(tree: ast.Module) -> list[str]:
    """Return the names in ``__all__``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return ast.literal_eval(node.value)
    return []


def found(house: Path, module: str, name: str) -> tuple[str, ast.AST | None] | None:
    """Return the module that defines a name seen from a module, and the definition; none if it is no code."""
    for node in ast.walk(trees(house)[module]):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ceteris"):
            home = node.module.removeprefix("ceteris").lstrip(".")
            for alias in node.names:
                inner = f"{home}.{alias.name}".lstrip(".")
                if (alias.asname or alias.name) == name:
                    return (inner, None) if inner in trees(house) else found(house, home, alias.name)
    return None


def ancestors(house: Path, module: str, kind: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield a class and those of the house that it derives from."""
    yield module, kind
    for base in kind.bases:
        parent = found(house, module, base.id) if isinstance(base, ast.Name) else None
        if parent and isinstance(parent[1], ast.ClassDef):
            yield from ancestors(house, *parent)


def arguments(function: ast.FunctionDef) -> list[str]:
    every = function.args
    return [a.arg for a in (*every.posonlyargs, *every.args, *every.kwonlyargs) if a.arg not in ("self", "cls")]


def of_class(house: Path, module: str, kind: ast.ClassDef) -> dict[str, list[str]]:
    """Return the arguments of a class ('' is its constructor) and of its public methods, inherited ones too."""
    methods, fields = {}, []
    for _, one in ancestors(house, module, kind):
        for node in one.body:
            if isinstance(node, ast.FunctionDef) and (node.name in ("__init__", "__call__") or node.name[0] != "_"):
                methods.setdefault("" if node.name == "__init__" else node.name, arguments(node))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_":
                fields.append(node.target.id)
    return {"": fields} | methods


@cache
def public(house: Path) -> dict[str, list[str]]:
    """Return the arguments of every public callable by where it is imported from: 'causal.Interactive.fit'.

    What the package itself offers is offered by its parts too, and left out.
    """
    every = {}
    for module, tree in ((name, tree) for name, tree in trees(house).items() if name):
        homes = [(module, name, found(house, module, name)) for name in listed(tree)]
        for home, name, place in homes:
            if place is None:
                continue
            path = f"{home}.{name}".lstrip(".")
            if place[1] is None:  # a module that is public as such
                definitions = [
                    (place[0], node)
                    for node in trees(house)[place[0]].body
                    if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_"
                ]
            else:
                definitions = [place]
            for where, node in definitions:
                own = path if place[1] is not None else f"{path}.{node.name}"
                if isinstance(node, ast.FunctionDef):
                    every[own] = arguments(node)
                else:
                    every |= {f"{own}.{k}".rstrip("."): v for k, v in of_class(house, where, node).items()}
    return every


def is_estimator(house: Path, name: str) -> bool:
    """Tell whether a public class derives from scikit-learn's ``BaseEstimator``."""
    module, _, last = name.rpartition(".")
    place = found(house, module, last) if module in trees(house) else None
    if not place or not isinstance(place[1], ast.ClassDef):
        return False
    return any("BaseEstimator" in ast.unparse(base) for _, one in ancestors(house, *place) for base in one.bases)


# ---------------------------------------------------------------------------------------------------------- the rules


def doubled(house: Path) -> list[str]:
    """Return a sentence for each name that several classes of the house have."""
    homes = defaultdict(list)
    for module, tree in trees(house).items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module)
    return [f"{name} is a class of {', '.join(places)}" for name, places in homes.items() if len(places) > 1]


def excepted(word: str, name: str) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in EXCEPTIONS.get(word, {}))


def misnamed(house: Path) -> list[str]:
    """Return a sentence for each argument that has another name in the glossary."""
    return [
        f"{name}: {argument} is called {SYNONYMS[argument]}"
        for name, every in public(house).items()
        for argument in every
        if argument in SYNONYMS and not excepted(argument, name)
    ]


def misseeded(house: Path) -> list[str]:
    """Return a sentence for each source of random numbers that is not the one of its part of the house."""
    wrong = []
    for name, every in public(house).items():
        part, estimator = name.split(".")[0], is_estimator(house, name)
        if "random_state" in every and not (estimator or is_estimator(house, name.rpartition(".")[0])):
            wrong.append(f"{name}: random_state is for estimators of scikit-learn's contract; call it seed")
        if "seed" in every and estimator:
            wrong.append(f"{name}: seed of an estimator of scikit-learn's contract is called random_state")
        if "seed" in every and part in ("engine", "recipe", "nets"):
            wrong.append(f"{name}: seed is called key here, and is one")
        if "key" in every and not name.startswith(KEYS):
            wrong.append(f"{name}: key is called seed here, and is an int")
    return wrong


def disordered(house: Path) -> list[str]:
    """Return a sentence for each callable that takes the same roles in another order."""
    wrong = []
    for name, every in public(house).items():
        for first, order in (("data", ROLES), ("X", ROWS)):
            given = [argument for argument in every if argument in order]
            if first in given and "y" in given and given != sorted(given, key=order.index):
                wrong.append(f"{name}: {', '.join(given)} come in the order {', '.join(order)}")
    return wrong


def test_no_two_classes_have_one_name():
    assert not doubled(HOUSE), "\n".join(doubled(HOUSE))


@pytest.mark.parametrize("rule", [misnamed, misseeded, disordered])
def test_arguments_are_called_as_the_glossary_says(rule):
    assert not rule(HOUSE), "\n".join(rule(HOUSE))


def test_every_exception_is_one():
    """An exception that is no longer needed goes."""
    names = public(HOUSE)
    for word, places in EXCEPTIONS.items():
        for place in places:
            met = [name for name, every in names.items() if word in every and excepted(word, name)]
            assert any(name == place or name.startswith(f"{place}.") for name in met), f"{place} has no {word}"


def test_the_glossary_lists_what_arguments_are_called():
    text = (HOUSE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert all(f"`{word}`" in text for word in SYNONYMS.values())


# ------------------------------------------------------------------------------- the checker can find what it looks for


@pytest.mark.parametrize(
    ("source", "rule", "words"),
    [
        ("def f(verbose=False): ...", misnamed, "f: verbose is called progress"),
        ("class f:\n    def fit(self, data, *, clusters=None): ...", misnamed, "f.fit: clusters is called cluster"),
        ("class f:\n    tol: float = 1e-3", misnamed, "f: tol is called tolerance"),
        ("class A:\n    n_jobs: int = 1\nclass f(A):\n    ...", misnamed, "f: n_jobs is called jobs"),
        ("class f(BaseEstimator):\n    def __init__(self, seed): ...", misseeded, "f: seed of an estimator of scikit"),
        ("def f(random_state=0): ...", misseeded, "f: random_state is for estimators of scikit-learn's contract"),
        ("def f(key): ...", misseeded, "f: key is called seed here, and is an int"),
        ("def f(data, *, y, z, x): ...", disordered, "f: data, y, z, x come in the order data, y, d, x, z, cluster"),
        ("class f:\n    def fit(self, y, X): ...", disordered, "f.fit: y, X come in the order X, y, sample_weight"),
    ],
)
def test_a_wrong_name_is_found(tmp_path, source, rule, words):
    (sentence,) = rule(made_up_house(tmp_path, source))
    assert sentence.startswith(f"causal.{words}")


@pytest.mark.parametrize(
    "source",
    [
        "def f(data, *, y, d, x=None, cluster=None, level=0.95): ...",
        "class f(BaseEstimator):\n    def __init__(self, random_state): ...\n    def sample(self, random_state): ...",
        "def f(X, y, sample_weight=None, seed=0): ...",
        "def f(x):\n    def inner(verbose): ...",
        "def f(x): ...\ndef g(verbose): ...",
    ],
)
def test_right_names_pass(tmp_path, source):
    house = made_up_house(tmp_path, source)
    assert not doubled(house) + misnamed(house) + misseeded(house) + disordered(house)


def test_a_doubled_class_is_found_private_or_not(tmp_path):
    house = made_up_house(tmp_path, "class _Rows: ...")
    (house / "causal" / "b.py").write_text("class _Rows: ...")
    trees.cache_clear()
    assert doubled(house) == ["_Rows is a class of causal.a, causal.b"]


def made_up_house(tmp_path: Path, source: str) -> Path:
    house = tmp_path / "ceteris"
    (house / "causal").mkdir(parents=True)
    (house / "__init__.py").write_text("")
    (house / "causal" / "__init__.py").write_text('from ceteris.causal.a import f\n\n__all__ = ["f"]\n')
    (house / "causal" / "a.py").write_text(source)
    return house
