"""Fingerprints: equal for the same question in any process, different for any other, and said in words."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.equilibrium import Polish
from ceteris.equilibrium.library import LIBRARY, named
from ceteris.equilibrium.model import Model
from ceteris.fingerprint import class_parts, described, differences

ROOT = Path(__file__).parents[1]

SOURCE = """
import jax.numpy as jnp
SCALE = 2.0
def helper(x):
    return SCALE * jnp.log(x)
class Base:
    def kept(self, x): return x
class Mine(Base):
    rate = 0.5
    def value(self, x):
        "What it is worth."
        return helper(x) + self.rate
    @property
    def twice(self): return 2 * self.rate
    @staticmethod
    def inner(x): return [y + 1 for y in x]
"""


def parts(source, name="mine"):
    space = {"__name__": name}
    exec(compile(source, "mine.py", "exec"), space)
    return class_parts(space["Mine"])


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("helper(x) + self", "helper(x) - self", "Mine.value"),
        ("SCALE = 2.0", "SCALE = 3.0", "Mine.value"),
        ("jnp.log", "jnp.exp", "Mine.value"),
        ("rate = 0.5", "rate = 0.6", "Mine.rate"),
        ("return x", "return -x", "Base.kept"),
        ("2 * self.rate", "3 * self.rate", "Mine.twice"),
        ("y + 1", "y + 2", "Mine.inner"),
    ],
)
def test_any_change_of_what_a_class_does_is_seen_and_named(old, new, named):
    said = differences(parts(SOURCE), parts(SOURCE.replace(old, new)))
    assert len(said) == 1
    assert named in said[0]


def test_comments_docstrings_and_blank_lines_do_not_count():
    dressed = SOURCE.replace('"What it is worth."', '"Another text."').replace("SCALE =", "# why\n\n\nSCALE =")
    assert differences(parts(SOURCE), parts(dressed)) == []


VALUES = [
    1, 1.0, True, None, "a", b"a", "a" * 100, "a" * 99 + "b", (1, 2), [1, 2], {"a": 1}, {"a": 2}, {1, 2},
    np.float64(2.5), np.zeros(3), np.zeros((3, 1)), np.zeros(3, np.float32), jnp.ones(3), np.array(["x"], object),
    jax.random.key(0),
    jax.random.key(1), Polish(), Polish(steps=3), functools.partial(max, 1), functools.partial(max, 2), jnp.tanh,
    jnp.sin, max, Polish, np, lambda x: x, lambda x: -x, lambda: "a", lambda: "b",
]  # fmt: skip


def test_texts_are_equal_where_values_are_and_differ_elsewhere():
    texts = [described(value) for value in VALUES]
    assert len(set(texts)) == len(VALUES)
    assert texts == [described(value) for value in VALUES]
    assert described(np.zeros(3)) == described(np.zeros(3).copy())


def test_a_value_within_itself_and_a_function_that_calls_itself_end():
    loop = []
    loop.append(loop)
    assert "the same list" in described(loop)
    assert "#" in described(_countdown)


def _countdown(n):
    return _countdown(n - 1) if n else 0


def test_another_process_finds_the_same(tmp_path):
    code = (
        "from ceteris.fingerprint import class_parts\nfrom ceteris.equilibrium.library import LIBRARY, named\n"
        "from ceteris.equilibrium.model import Model\n"
        "print([class_parts(type(named(name)), Model) for name in LIBRARY])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT / "src")}
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str([class_parts(type(named(name)), Model) for name in LIBRARY])


def test_differences_are_told_in_words():
    before, now = {"a": "1", "b": "f #12", "d": "0"}, {"a": "2", "b": "f #13", "c": "0"}
    assert differences(before, now) == [
        "a = 1, where 2 is asked for", "another b", "c, which is asked for but was not there",
        "d, which is not asked for",
    ]  # fmt: skip


def test_what_a_file_that_was_edited_says_stays_one_line():
    (said, other) = differences({"a": "é\u2028\r\n" + 10_000 * "x", "b\n": "0"}, {"a": "1"})
    assert said.splitlines() == [said]
    assert len(said) < 300
    assert other == "b, which is not asked for"
