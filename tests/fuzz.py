"""Damaged and hostile files: each gives one sentence or the same numbers, and never runs anything.

``fuzz(kind, mutations, seed)`` writes one file of a kind, spoils it again and again, reads it back and counts what came
of it. It is used by the tests with a small budget and by ``benchmarks/trust.py`` with a large one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pickle
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

import ceteris
from ceteris.files import arrays

GOOD = ("a sentence", "the same", "other finite numbers")
OURS = (ValueError, TypeError, OSError, FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
SLOW = 20.0  # CPU seconds: the same on a busy machine
CANARY = "ceteris_canary"
HOSTILE: list[Any] = [
    None, True, False, -1, 0, 1, 3, 2**31, 2**63, 10**400, 0.5, -1e308, float("nan"), float("inf"), "", "x" * 10_000,
    "\ud800", "é\u2028\0\r\n", "__class__", "__init__", "__reduce__", "os.system", CANARY, f"{CANARY}:Model",
    "/etc/passwd", "../../secret.csv", "<script>alert(1)</script>", "javascript:alert(1)", [], {}, [[]], [1, 2], ["a"],
    {"a": 1}, {"array": [1], "dtype": "O"}, {"array": ["a"], "dtype": f"U{10**9}"}, {"array": [], "dtype": "V99999"},
]  # fmt: skip


@dataclass
class Kind:
    """One kind of saved file.

    Parameters
    ----------
    make : callable
        ``make(folder)`` writes the file, and returns its path.
    read : callable
        ``read(path)`` returns what a reader gets: arrays, text, or a dictionary of these.
    sealed : bool
        Whether it has a checksum.
    says : str, optional
        Stands in an answer that says in its own words what is wrong.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    sealed: bool = False
    says: str = "\0"


# ------------------------------------------------------------------------------------------------------- the loop


def fuzz(kind: str, mutations: int, seed: int = 0, examples: list[str] | None = None) -> Counter[str]:
    """Spoil a file of one of `KINDS` so many times and count the outcomes; all but those in `GOOD` are defects.

    ``examples`` collects what happened for each defect.
    """
    with tempfile.TemporaryDirectory() as name, canary(Path(name)) as sang, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name) / "files"
        folder.mkdir()
        found = KINDS[kind]()
        path = found.make(folder)
        original = found.read(path)
        counts: Counter[str] = Counter()
        for i in range(mutations):
            rng = np.random.default_rng([seed, i])
            spare = Path(name) / "spare"
            shutil.copytree(folder, spare)
            how, honest = spoiled(spare / path.relative_to(folder), rng, found.sealed, Path(name))
            outcome, detail = judged(found, spare / path.relative_to(folder), original, honest)
            if sang():
                outcome, detail = "RAN CODE", ""
            counts[outcome] += 1
            if outcome not in GOOD and examples is not None:
                examples.append(f"{kind}, mutation {i}: {how}: {outcome}\n{detail}")
            shutil.rmtree(spare)
        return counts


def judged(kind: Kind, path: Path, original: Any, honest: bool) -> tuple[str, str]:
    """Read a spoiled file and say what came of it; where it is ``honest`` its checksum was left as it was."""
    begun = time.process_time()
    try:
        answer = kind.read(path)
    except OURS as error:
        if type(error) in OURS and raised_by_us(error) and is_sentence(str(error)):
            return ("a sentence", "") if time.process_time() - begun < SLOW else ("SLOW", "")
        return "RAW", traceback.format_exc()
    except Exception:
        return "RAW", traceback.format_exc()
    if time.process_time() - begun > SLOW:
        return "SLOW", ""
    if same(answer, original):
        return "the same", ""
    if isinstance(answer, str) and kind.says in answer:
        return "a sentence", ""
    if kind.sealed and honest:
        return "SILENTLY OTHER", str(answer)[:500]
    return ("other finite numbers", "") if all_finite(answer) else ("NOT FINITE", str(answer)[:500])


def is_sentence(text: str) -> bool:
    return len(text) < 2000 and text.rstrip().endswith((".", "?")) and "\n" not in text.strip()


def raised_by_us(error: BaseException) -> bool:
    return str(Path(ceteris.__file__).parent) in traceback.extract_tb(error.__traceback__)[-1].filename


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


def all_finite(a: Any) -> bool:
    if isinstance(a, dict):
        return all(map(all_finite, a.values()))
    return not (isinstance(a, np.ndarray) and a.dtype.kind in "fc") or bool(np.isfinite(a).all())


@contextlib.contextmanager
def canary(folder: Path):
    """Plant a module that leaves a mark when it is run, on the path and as a file; yields whether it has."""
    mark = folder / "it ran"
    (folder / f"{CANARY}.py").write_text(
        f"from pathlib import Path\nPath({str(mark)!r}).touch()\n"
        "from ceteris.equilibrium.models.growth import Growth as Model\n"
    )

    def sang() -> bool:
        ran = mark.exists()
        mark.unlink(missing_ok=True)
        sys.modules.pop(CANARY, None)
        return ran

    sys.path.insert(0, str(folder))
    try:
        yield sang
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(CANARY, None)


class Payload:
    """Marks that it ran when it is unpickled."""

    def __reduce__(self):
        return __import__, (CANARY,)


# ---------------------------------------------------------------------------------------------------- spoiling


def spoiled(path: Path, rng: np.random.Generator, sealed: bool, outside: Path) -> tuple[str, bool]:
    """Spoil a file in place; returns how, and whether its checksum was left as it was."""
    ways: list[Callable[..., Any]] = [cut, flip, flip, insert, remove, swap, replace_word]
    if sealed and path.suffix != ".history":  # the checksum of that is in the file beside it
        ways += 4 * [edit_facts, edit_arrays]
    elif path.suffix == ".json":
        ways += 8 * [edit_json]
    if rng.random() < 0.01:
        path.write_bytes(pickle.dumps(Payload()))
        return "a pickle", True
    way = ways[rng.integers(len(ways))]
    repair = bool(rng.random() < 0.6)
    if way in (edit_facts, edit_arrays):
        how = edit_sealed(path, rng, way, repair)
        return f"{how}{', its checksum repaired' * repair}", not repair
    if way is edit_json:
        return edit_text_json(path, rng), False
    path.write_bytes(way(path.read_bytes(), rng))
    return way.__name__, True


def cut(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[: rng.integers(len(raw) + 1)]


def flip(raw: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(raw)
    for place in rng.integers(len(raw), size=rng.integers(1, 4)):
        damaged[place] ^= 1 << rng.integers(8)
    return bytes(damaged)


def insert(raw: bytes, rng: np.random.Generator) -> bytes:
    place = rng.integers(len(raw) + 1)
    return raw[:place] + rng.bytes(int(rng.integers(1, 20))) + raw[place:]


def remove(raw: bytes, rng: np.random.Generator) -> bytes:
    a, b = sorted(rng.integers(len(raw) + 1, size=2))
    return raw[:a] + raw[min(b, a + 30) :]


def swap(raw: bytes, rng: np.random.Generator) -> bytes:
    a, b, c = sorted(rng.integers(len(raw) + 1, size=3))
    return raw[:a] + raw[b:c] + raw[a:b] + raw[c:]


def replace_word(raw: bytes, rng: np.random.Generator) -> bytes:
    """Put something hostile in the place of a few bytes."""
    a = rng.integers(len(raw) + 1)
    return raw[:a] + hostile(rng)[:300].encode("utf-8", "surrogatepass") + raw[a + rng.integers(0, 12) :]


def hostile(rng: np.random.Generator) -> str:
    value = HOSTILE[rng.integers(len(HOSTILE))]
    extra = [
        "<g onload='x()'/>",
        '<image href="http://a.b/c"/>',
        "<!DOCTYPE a>",
        "&a;",
        "1e999",
        "nan",
        "\r",
        ",",
        "\0",
    ]
    return value if isinstance(value, str) and value else extra[rng.integers(len(extra))]


def edit_text_json(path: Path, rng: np.random.Generator) -> str:
    value = json.loads(path.read_text(encoding="utf-8"))
    how, text = edit_json(value, rng)
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return how


def edit_json(value: Any, rng: np.random.Generator) -> tuple[str, str]:
    """Change one place of a JSON value; returns how, and the value as text."""
    places = list(_places(value))
    if not places:
        return "nothing", json.dumps(value)
    parent, key = places[rng.integers(len(places))]
    other = HOSTILE[rng.integers(len(HOSTILE))]
    way = int(rng.integers(6))
    if way == 0:
        del parent[key]
        return f"{key!r} dropped", json.dumps(value)
    if way == 1 and isinstance(parent, dict):
        name = str(other)[:100]
        parent[name] = parent.pop(key)
        return f"{key!r} renamed {name[:30]!r}", json.dumps(value)
    if way == 2 and isinstance(parent[key], int | float) and not isinstance(parent[key], bool):
        parent[key] = [parent[key] + 1, -parent[key], parent[key] * 1000, parent[key] + 0.5][rng.integers(4)]
        return f"{key!r} changed to {parent[key]!r}", json.dumps(value)
    if way == 3 and isinstance(parent, dict):
        old = json.dumps(parent)
        twice = f"{json.dumps(key)}: {json.dumps(other)}, "
        return f"{key!r} given twice", json.dumps(value).replace(old, "{" + twice + old[1:], 1)
    if way == 4 and isinstance(parent, list):
        parent.insert(key, other)
        return f"{str(other)[:30]!r} put in at {key!r}", json.dumps(value)
    parent[key] = "deep" if rng.random() < 0.02 else other
    deep = "[" * 100_000 + "]" * 100_000
    return f"{key!r} set to {str(parent[key])[:30]!r}", json.dumps(value).replace('"deep"', deep, 1)


def _places(value: Any):
    """Every place of a JSON value, those near the root as likely as those in a long list."""
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:4] if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def edit_sealed(path: Path, rng: np.random.Generator, way: Callable[..., Any], repair: bool) -> str:
    """Take a file of arrays apart, change one thing, and put it together again."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    table = json.loads(raw[8 : 8 + length])
    notes, numbers = table.pop("__metadata__"), raw[8 + length :]
    how, notes["ceteris"], table, numbers = way(notes["ceteris"], table, numbers, rng)
    if repair:
        notes["checksum"] = arrays.checksum(notes["ceteris"], table, [numbers])
    text = json.dumps({"__metadata__": notes, **table}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    return how


def edit_facts(about: str, table: dict, numbers: bytes, rng: np.random.Generator):
    how, text = edit_json(json.loads(about), rng)
    return how, text, table, numbers


def edit_arrays(about: str, table: dict, numbers: bytes, rng: np.random.Generator):
    """Rename, drop, add, swap, retype or reshape an array, or put numbers that are none into it."""
    names = list(table)
    name, other = names[rng.integers(len(names))], names[rng.integers(len(names))]
    entry = table[name]
    begin, end = entry["data_offsets"]
    way = int(rng.integers(9))
    if way == 0:
        table[str(HOSTILE[rng.integers(len(HOSTILE))])[:50]] = table.pop(name)
        return f"{name} renamed", about, table, numbers
    if way == 1:
        return f"{name} dropped", about, *without(table, numbers, name)
    if way == 2:
        table["model.more"] = {"dtype": "F32", "shape": [2], "data_offsets": [len(numbers), len(numbers) + 8]}
        return "one array more", about, table, numbers + bytes(8)
    if way == 3 and entry["dtype"] in ("F32", "F64"):
        bad = np.array([np.nan, np.inf, -np.inf][rng.integers(3)], arrays.TYPES[entry["dtype"]]).tobytes()
        return (
            f"{name} with {bad!r}",
            about,
            table,
            numbers[:begin] + bad + numbers[begin + len(bad) :] if end > begin else numbers,
        )
    if way == 4:
        entry["shape"] = [entry["shape"][::-1], [1, *entry["shape"]], [-1], [2**60], "3", [end - begin]][
            rng.integers(6)
        ]
        return f"{name} of shape {entry['shape']}", about, table, numbers
    if way == 5:
        entry["dtype"] = ["F64", "I32", "U32", "F16", "BOOL", "U8", "object", None][rng.integers(8)]
        return f"{name} of type {entry['dtype']}", about, table, numbers
    if way == 6:
        table[name], table[other] = table[other], table[name]
        return f"{name} for {other}", about, table, numbers
    if way == 7 and end > begin:
        return f"other numbers in {name}", about, table, numbers[:begin] + flip(numbers[begin:end], rng) + numbers[end:]
    edit_json(table, rng)
    return "its table edited", about, table, numbers


def without(table: dict, numbers: bytes, name: str) -> tuple[dict, bytes]:
    begin, end = table.pop(name)["data_offsets"]
    for entry in table.values():
        if entry["data_offsets"][0] >= end:
            entry["data_offsets"] = [place - (end - begin) for place in entry["data_offsets"]]
    return table, numbers[:begin] + numbers[end:]


# ------------------------------------------------------------------------------------------------------- the kinds


def weights() -> Kind:
    from ceteris.engine import load_weights, save_weights

    tree = {"layers": [np.arange(6.0).reshape(2, 3), np.ones(3, np.float32)], "count": np.array(3)}
    make = lambda folder: save_weights(folder / "w", tree, {"columns": ["a", "b"]}) or folder / "w"
    read = lambda path: dict(enumerate([*(t := load_weights(path, tree))["layers"], t["count"]]))
    return Kind(make, read, sealed=True)


def run(file: str) -> Kind:
    """A checkpoint, or the history beside it."""
    import jax
    import jax.random as jr

    import recipes
    from ceteris.engine import Checkpoint, EarlyStopping, Ensemble, fit

    def begun(**more: Any) -> Any:
        monitors = [EarlyStopping(), *more.pop("monitors", ())]
        return fit(Ensemble(recipes.supervised(), 2), jr.key(0), steps=4, every=1, monitors=monitors, **more)

    def read(path: Path) -> Any:
        done = begun(resume=path.with_name("run"))
        if not done.ok:  # said aloud in its sentence
            return {}
        return {**dict(enumerate(map(np.asarray, jax.tree.leaves(done.model)))), "loss": done.history["loss"]}

    make = lambda folder: begun(monitors=[Checkpoint(folder / "run", seconds=0)]) and folder / file
    return Kind(make, read, sealed=True)


def learner(name: str) -> Kind:
    from ceteris import learners

    rng = np.random.default_rng(0)
    import pandas as pd

    X = pd.DataFrame({"x": rng.normal(size=40), "word": rng.choice(["a", "b"], 40)})
    y = np.where(X["x"] > 0, "yes", "no") if name == "NeuralClassifier" else X["x"]
    options = {"members": 2, "epochs": 2, "widths": (4,), "weight_decay": 0.1, "random_state": 0}

    def make(folder: Path) -> Path:
        getattr(learners, name)(**options).fit(X, y).save(folder / "learner")
        return folder / "learner"

    def read(path: Path) -> Any:
        again = learners.load(path)
        if name == "NeuralClassifier":
            return {"p": again.predict_proba(X), "classes": again.classes_}
        return again.predict_quantiles(X) if name == "NeuralQuantileRegressor" else again.predict(X)

    return Kind(make, read, sealed=True)


def words(suffix: str) -> Kind:
    from ceteris.text import WordVectors, load_vectors

    matrix = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    vectors = WordVectors(("a", "é", "king", "new_york", "zoo"), matrix, np.arange(5) + 1)

    def make(folder: Path) -> Path:
        path = folder / f"vectors.{suffix}"
        vectors.save_text(path) if suffix == "txt" else vectors.save(path)
        return path

    def read(path: Path) -> Any:
        again = load_vectors(path)
        return {"words": again.words, "matrix": again.matrix, "counts": again.counts, "unit": again.unit}

    return Kind(make, read, sealed=suffix != "txt")


class Safe(HTMLParser):
    """Refuses a page in which anything could act or reach out."""

    def handle_starttag(self, tag, attrs):
        links = [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "action", "data")]
        assert tag not in ("script", "iframe", "object", "embed", "foreignobject", "animate", "set", "base", "form"), (
            tag
        )
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        assert all(link.startswith(("#", "data:text/csv", "data:image/png")) for link in links), links


def report(file: str) -> Kind:
    import pandas as pd

    from ceteris.report import Run
    from ceteris.report import report as write
    from ceteris.results import Check, Figure, Section, Table

    frame = pd.DataFrame({"x": [1.0, 2.0], "label": ["a", "b"]})
    draw = lambda figure, data: figure.subplots().plot(data["x"])

    def make(folder: Path) -> Path:
        section = Section(
            "S", "T", (Table("T", frame, "N"),), (Figure("F", "C", frame, draw),), (Check("c", True, "s"),)
        )
        with Run.create(folder / "run", "c", {"a": 1}, 0) as run:
            run.write([section])
        return folder / "run" / file

    def read(path: Path) -> Any:
        page = write(path.parent if path.suffix == ".json" else path.parents[1]).read_text(encoding="utf-8")
        Safe().feed(page)
        assert "SECRET" not in page
        return page.split("<h3>Files")[0]  # sizes of files differ

    return Kind(make, read, says="or was damaged (")


def solution(file: str) -> Kind:
    """A solution that was saved, or a file of the folder in which it was worked out."""
    from ceteris.equilibrium import Polish, load, named, solve

    ask = lambda out: solve(named("growth", delta=1.0), tolerance=1e-5, phases=[Polish(100, 15)], out=out)
    point = {"k": np.array([0.15, 0.2]), "z": np.array([0.0, 0.1])}

    def make(folder: Path) -> Path:
        solved = ask(folder)
        return solved.save(folder) if file == "solution.safetensors" else folder / file

    def read(path: Path) -> Any:
        saved = file == "solution.safetensors"
        again = load(path.parent) if saved else ask(path.parent)
        return again.policy(point)

    return Kind(make, read, sealed=file.endswith("safetensors"))


def shards(file: str) -> Kind:
    """A file of a folder of shards: each is checked against its digest."""
    from ceteris.text.data import load_shards, prepare

    def make(folder: Path) -> Path:
        texts = [" ".join(np.random.default_rng(i).choice(list("abcdefgh"), 40)) for i in range(12)]
        (folder / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
        prepare(folder / "texts.txt", folder / "out", vocabulary=262, unit="line", test_size=0, rules=NO_RULES)
        return folder / "out" / file

    def read(path: Path) -> Any:
        out = path.parents[1] if path.parent.name == "tokenizer" else path.parent
        again = load_shards(out, check=True)
        return {"tokens": again.feed(8, 2)(0, 3)["tokens"], "texts": again.texts()}

    return Kind(make, read)


def program() -> Kind:
    """A compiled program that is kept: it comes back whole, or is compiled anew."""
    from ceteris.programs import Shelf

    whole = bytes(range(256)) * 8

    def make(folder: Path) -> Path:
        Shelf(folder).put("program", whole)
        return folder / "program"

    def read(path: Path) -> Any:
        found = Shelf(path.parent).get(path.name)
        assert found in (None, whole)
        return "whole" if found else "compiled anew"

    return Kind(make, read, says="compiled anew")


NO_RULES = dict.fromkeys(
    (
        "too short",
        "length of words",
        "few function words",
        "one pair of words",
        "repeated phrases",
        "words without letters",
    )
)
KINDS: dict[str, Callable[[], Kind]] = {
    "weights": weights,
    "run checkpoint": functools.partial(run, "run"),
    "history of a run": functools.partial(run, "run.history"),
    **{f"Neural{name}": functools.partial(learner, f"Neural{name}") for name in ("Regressor", "Classifier")},
    "NeuralQuantileRegressor": functools.partial(learner, "NeuralQuantileRegressor"),
    "word vectors": functools.partial(words, "safetensors"),
    "word vectors as text": functools.partial(words, "txt"),
    "run.json": functools.partial(report, "run.json"),
    "sections.json": functools.partial(report, "sections.json"),
    "table": functools.partial(report, "tables/01-t.csv"),
    "solution": functools.partial(solution, "solution.safetensors"),
    "progress of solve": functools.partial(solution, "progress.safetensors"),
    "question of solve": functools.partial(solution, "question.json"),
    "clock of solve": functools.partial(solution, "clock.json"),
    "drawing": functools.partial(report, "figures/02-f-light.svg"),
    "compiled program": program,
    "manifest of shards": functools.partial(shards, "manifest.json"),
    "tokens of a shard": functools.partial(shards, "texts-train-00000.bin"),
    "ends of documents": functools.partial(shards, "texts-train-00000.ends.bin"),
    "tokenizer": functools.partial(shards, "tokenizer/tokenizer.json"),
}  # fmt: skip
